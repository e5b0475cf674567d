"""What a person does on a chat page, in their words."""

from __future__ import annotations

from collections.abc import Sequence

from playwright.sync_api import Locator, Page, expect

from tests.browser.site import Site


def choose(page: Page, *models: str) -> None:
    """Choose one model by its name, or several for a comparison."""
    page.locator(".picker > summary").click()
    if len(models) == 1:
        page.get_by_placeholder("Search models").fill(models[0])
        page.locator(".picker__row:not([hidden]) label").first.click()
        return
    for model in models:
        box(page, model).check()
    ticked = page.locator("model-picker input[type=checkbox]:checked")
    for other in ticked.evaluate_all("boxes => boxes.map(box => box.dataset.label)"):
        if other not in models:
            box(page, other).uncheck()
    page.keyboard.press("Escape")


def box(page: Page, model: str) -> Locator:
    """What ticks a model in the list."""
    return page.locator(f'model-picker input[type=checkbox][data-label="{model}"]')


def ask(page: Page, text: str, *models: str) -> None:
    if models:
        choose(page, *models)
    page.get_by_label("Your message").fill(text)
    page.get_by_role("button", name="Send", exact=True).click()


def answers(page: Page) -> Locator:
    return page.locator("chat-turns chat-answer")


def lane(page: Page, label: str) -> Locator:
    """The lane of a model in the last comparison, by the beginning of its name."""
    return page.locator(f'.turn:last-child chat-answer[aria-label^="{label}"]')


def answer(page: Page) -> Locator:
    """The last answer."""
    return answers(page).last


def said(answer: Locator) -> str:
    """The text of an answer, with single spaces, without its reasoning."""
    return " ".join(answer.locator(".answer__body > .prose").all_inner_texts()).strip()


def tokens(answer: Locator) -> Sequence[str]:
    return said(answer).split()


def expect_status(answer: Locator, status: str, timeout: float = 20_000) -> None:
    expect(answer).to_have_attribute("data-status", status, timeout=timeout)


def log_in(page: Page, site: Site) -> None:
    """As the demo member, who has chats already."""
    page.goto("/accounts/login/")
    page.get_by_label("Email").fill(site.member["email"])
    page.get_by_label("Password").fill(site.member["password"])
    page.get_by_role("button", name="Log in").click()
    expect(page).to_have_url(f"{site.url}/")
