"""Documents from the chat to their page, as a person meets them."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from playwright.sync_api import Page, expect

from tests.browser.chat import answer, ask, expect_status

Visit = Callable[..., Page]

ESSAY = "Write a short essay about the history of the letter"


def choose(page: Page, model: str) -> None:
    """Whoever comes again with this model as their habit."""
    url = page.url.split("/chat")[0]
    page.context.add_cookies([{"name": "models", "value": model.replace("/", "%2F").replace("@", "%40"), "url": url}])
    page.reload()


@pytest.mark.parametrize("size", ["desktop", "phone"])
def test_an_essay_is_written_reloaded_in_the_middle_changed_and_restored(visit: Visit, size: str) -> None:
    page = visit(size=size)
    choose(page, "demo/fast@100")
    ask(page, ESSAY)
    card = answer(page).locator(".document")
    expect(card.locator(".document__preview")).to_contain_text("prepared by a demo model")
    expect(card.locator(".document__state")).to_have_text("Writing")
    page.reload()
    expect_status(answer(page), "complete")
    expect(card).to_have_count(1)
    expect(card).to_have_attribute("data-status", "complete")
    ask(page, 'Replace "A beginning" with "How it began"')
    expect_status(answer(page), "complete")
    expect(card.locator(".document__state")).to_have_text("Version 2")
    card.click()
    expect(page.get_by_role("heading", name="How it began")).to_be_visible()
    expect(page.get_by_role("heading", name="An end")).to_be_visible()
    page.get_by_role("link", name="What version 2 changed").click()
    expect(page.locator("ins")).to_contain_text("How it began")
    page.goto(page.url.split("?")[0] + "?version=1")
    page.get_by_role("button", name="Restore this version").click()
    expect(page.get_by_role("heading", name="A beginning")).to_be_visible()
    expect(page.get_by_text("Version 3", exact=True).first).to_be_visible()


def test_a_stopped_document_says_that_it_is_incomplete(visit: Visit) -> None:
    page = visit()
    choose(page, "demo/slow")
    ask(page, ESSAY)
    expect(answer(page).locator(".document__preview")).to_contain_text("Short essay", timeout=20_000)
    page.keyboard.press("Escape")
    expect_status(answer(page), "stopped")
    expect(answer(page).locator(".document__state")).to_have_text("Incomplete")
    answer(page).locator(".document").click()
    expect(page.locator(".paper__partial")).to_have_text("Incomplete")
