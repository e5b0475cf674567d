"""What holds for pages as such: budgets, access, themes, logging in, and life without JavaScript."""

from __future__ import annotations

import re
from collections.abc import Callable

import pytest
from playwright.sync_api import Page, expect

from tests.browser.chat import answer, answers, ask, box, choose, expect_status, tokens
from tests.browser.conftest import Watch
from tests.browser.site import Site
from tests.browser.test_asking import expected

pytestmark = pytest.mark.once

Visit = Callable[..., Page]
LARGEST = 90 * 1024  # bytes of compressed scripts and styles before the first click
REQUESTS = 12


def test_the_first_page_is_small(visit: Visit, server: Site) -> None:
    page = visit("about:blank")
    sizes: dict[str, int] = {}
    page.on("requestfinished", lambda request: sizes.update({request.url: request.sizes()["responseBodySize"]}))
    page.goto("/", wait_until="networkidle")
    assert len(sizes) <= REQUESTS, sizes
    scripts = sum(size for url, size in sizes.items() if re.search(r"\.(js|css)$", url))
    assert 0 < scripts <= LARGEST, sizes


def test_a_member_logs_in_and_out(visit: Visit, server: Site) -> None:
    page = visit("/accounts/login/")
    page.get_by_label("Email").fill(server.member["email"])
    page.get_by_label("Password").fill(server.member["password"])
    page.get_by_role("button", name="Log in").click()
    expect(page).to_have_url(f"{server.url}/")
    expect(page.locator(".person__name")).not_to_have_text("Guest")
    expect(page.locator(".chat-row").first).to_be_visible()
    page.locator(".chat-row").first.click()
    expect(answers(page).first).to_be_visible()
    page.get_by_role("button", name="Log out").click()
    expect(page.locator(".chat-row")).to_have_count(0)


def test_a_login_that_ends_elsewhere_is_said_and_the_text_kept(visit: Visit, server: Site) -> None:
    page = visit("/accounts/login/")
    page.get_by_label("Email").fill(server.member["email"])
    page.get_by_label("Password").fill(server.member["password"])
    page.get_by_role("button", name="Log in").click()
    page.get_by_label("Your message").fill("half a thought")
    other = page.context.new_page()
    other.goto("/")
    other.get_by_role("button", name="Log out").click()
    expect(page.locator("connection-status")).to_contain_text("Your login has ended")
    expect(page.get_by_label("Your message")).to_have_value("half a thought")
    page.locator("connection-status").get_by_role("link", name="Log in").click()
    expect(page).to_have_url(re.compile("/accounts/login/"))


def test_a_guest_who_signs_up_keeps_the_chat(visit: Visit) -> None:
    page = visit()
    ask(page, "Remember me", "Quick")
    expect_status(answer(page), "complete")
    chat = page.url
    page.goto("/accounts/signup/")
    page.get_by_label("Email").fill("new@example.org")
    page.get_by_label("Password").fill("a long enough phrase")
    page.get_by_role("button", name="Make an account").click()
    expect(page.locator(".person__name")).to_have_text("new@example.org")
    page.goto(chat)
    expect(page.locator(".question__bubble")).to_have_text("Remember me")


def test_a_theme_is_remembered_and_painted_by_the_server(visit: Visit) -> None:
    page = visit(color_scheme="light")
    for theme in ("light", "dark"):
        page.get_by_role("button", name=re.compile("^Theme")).click()
        expect(page.locator("html")).to_have_attribute("data-theme", theme)
    html = page.request.get("/").text()
    assert 'data-theme="dark"' in html
    page.reload()
    assert page.evaluate("getComputedStyle(document.body).colorScheme") == "dark"


def test_the_list_of_chats_folds_and_stays_folded(visit: Visit) -> None:
    page = visit()
    page.get_by_label("Show or hide the list of chats").click()
    assert page.locator(".sidebar").bounding_box()["width"] == 52  # type: ignore[index]  # it is on the page
    page.reload()
    assert page.locator(".sidebar").bounding_box()["width"] == 52  # type: ignore[index]
    expect(page.get_by_role("link", name="New chat")).to_be_visible()


def test_the_list_of_chats_is_a_sheet_on_a_phone(visit: Visit) -> None:
    page = visit(size="phone")
    expect(page.locator(".sidebar")).to_be_hidden()
    page.get_by_label("List of chats", exact=True).click()
    expect(page.locator(".sidebar")).to_be_visible()
    page.keyboard.press("Escape")
    expect(page.locator(".sidebar")).to_be_hidden()
    expect(page.get_by_label("List of chats", exact=True)).to_be_focused()


def test_nothing_is_wider_than_a_phone(visit: Visit) -> None:
    page = visit(size="phone")
    ask(page, "Show me markdown", "Author")
    expect_status(answer(page), "complete")
    assert page.evaluate("document.documentElement.scrollWidth") == 390
    assert page.locator("chat-scroll").evaluate("element => element.scrollWidth <= element.clientWidth")
    assert page.get_by_label("Your message").evaluate("field => parseFloat(getComputedStyle(field).fontSize)") >= 16


def test_models_are_found_and_unavailable_ones_say_why(visit: Visit) -> None:
    page = visit()
    page.locator(".picker > summary").click()
    page.get_by_placeholder("Search models").fill("anthropic")
    rows = page.locator(".picker__row:visible")
    expect(rows.first).to_contain_text("Add a key")
    expect(rows.first.locator("input")).to_be_disabled()
    page.get_by_placeholder("Search models").fill("no such thing")
    expect(page.get_by_text("No model is called that.")).to_be_visible()
    page.keyboard.press("Escape")
    expect(page.locator(".picker__panel")).to_be_hidden()
    expect(page.locator(".picker > summary")).to_be_focused()
    choose(page, "Quick")
    page.reload()
    expect(page.locator(".picker__current")).to_have_text("Quick")


def test_asking_and_reading_work_without_javascript(visit: Visit) -> None:
    page = visit(java_script_enabled=False)
    page.locator(".picker > summary").click()
    page.locator("input[name=models]:checked").uncheck()
    box(page, "Quick").check()
    page.get_by_label("Your message").fill("Plain, please")
    page.get_by_role("button", name="Send").click()
    expect(page).to_have_url(re.compile(r"/chat/[0-9a-f-]{36}$"))
    expect(page.locator(".question__bubble")).to_have_text("Plain, please")
    expect_status(answer(page), "complete")
    assert tokens(answer(page)) == expected("Quick")
    assert page.locator("noscript meta").count() == 0


def test_an_error_page_names_the_request(visit: Visit, watch: Watch) -> None:
    watch.expect("404")
    page = visit("/nowhere")
    expect(page.get_by_role("heading", name="Nothing here")).to_be_visible()
    expect(page.locator(".error__id")).to_contain_text(re.compile("[0-9a-f-]{36}"))


def test_a_model_that_is_in_no_list_is_shown_where_it_is_chosen(visit: Visit, server: Site) -> None:
    page = visit("about:blank")
    page.context.add_cookies([{"name": "models", "value": "demo%2Ffail%403,no%2Fsuch", "url": server.url}])
    page.goto("/")
    expect(page.locator(".picker__current")).to_contain_text("fail")
    ask(page, "Fail, please")
    expect_status(answer(page), "failed")
