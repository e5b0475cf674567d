"""What was said can be said otherwise; what was said before stays in reach."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from playwright.sync_api import Page, expect

from tests.browser.chat import answer, answers, ask, expect_status, tokens
from tests.browser.conftest import Watch
from tests.browser.test_asking import expected

Visit = Callable[..., Page]


def bubbles(page: Page) -> list[str]:
    return page.locator(".question__bubble").all_text_contents()


@pytest.mark.once
def test_arrow_up_edits_the_last_message(visit: Visit) -> None:
    page = visit()
    ask(page, "One", "Quick")
    expect_status(answer(page), "complete")
    ask(page, "Two")
    expect(answers(page)).to_have_count(2)
    expect_status(answer(page), "complete")
    field = page.get_by_label("Your message")
    field.press("ArrowUp")
    expect(field).to_have_value("Two")
    field.fill("Three")
    field.press("Enter")
    expect_status(answer(page), "complete")
    assert bubbles(page) == ["One", "Three"]
    expect(page.locator(".question").last.locator(".switch")).to_contain_text("2/2")
    expect(field).to_have_value("")
    page.reload()
    assert bubbles(page) == ["One", "Three"]
    page.locator(".question").last.hover()
    page.locator(".question").last.get_by_label("Previous version").click()
    expect(page.locator(".question__bubble").last).to_have_text("Two")
    ask(page, "After two", "Quick")
    expect(page.locator(".question__bubble")).to_have_text(["One", "Two", "After two"])
    expect_status(answer(page), "complete")
    page.goto(page.url.partition("?")[0])
    assert bubbles(page) == ["One", "Two", "After two"], "the branch that goes on is the chosen one"


def test_the_first_message_can_be_edited_too(visit: Visit) -> None:
    page = visit()
    ask(page, "Frist", "Quick")
    expect_status(answer(page), "complete")
    page.locator(".question").hover()
    page.get_by_role("button", name="Edit message").click()
    page.get_by_label("Your message").fill("First")
    page.get_by_role("button", name="Send", exact=True).click()
    expect_status(answer(page), "complete")
    assert bubbles(page) == ["First"]
    assert tokens(answer(page)) == expected("Quick")
    page.reload()
    assert bubbles(page) == ["First"]
    page.locator(".question").hover()
    page.get_by_label("Previous version").click()
    expect(page.locator(".question__bubble")).to_have_text("Frist")


@pytest.mark.once
def test_escape_gives_the_draft_back_and_stops_nothing(visit: Visit) -> None:
    page = visit()
    ask(page, "Never stop", "Endless")
    expect(answer(page).locator(".prose")).to_contain_text("t0005")
    page.get_by_label("Your message").fill("half a thought")
    page.locator(".question").hover()
    page.get_by_role("button", name="Edit message").click()
    expect(page.get_by_label("Your message")).to_have_value("Never stop")
    page.keyboard.press("Escape")
    expect(page.get_by_label("Your message")).to_have_value("half a thought")
    expect(answer(page)).to_have_attribute("data-status", "streaming")
    page.keyboard.press("Escape")
    expect_status(answer(page), "stopped")


@pytest.mark.once
def test_an_edit_that_is_refused_takes_nothing_away(visit: Visit, watch: Watch) -> None:
    page = visit()
    ask(page, "One", "Quick")
    expect_status(answer(page), "complete")
    page.get_by_label("Your message").press("ArrowUp")
    page.get_by_label("Your message").fill("ü" * 140_000)
    page.get_by_role("button", name="Send", exact=True).click()
    expect(page.locator(".question__trouble").last).to_contain_text("too long")
    assert bubbles(page)[0] == "One"
    expect(answers(page).first.locator(".prose")).to_have_text(" ".join(expected("Quick")))


@pytest.mark.once
def test_another_tab_keeps_to_its_branch(visit: Visit) -> None:
    page = visit()
    ask(page, "One", "Quick")
    expect_status(answer(page), "complete")
    other = page.context.new_page()
    other.goto(page.url)
    page.get_by_label("Your message").press("ArrowUp")
    page.get_by_label("Your message").fill("Other one")
    page.get_by_role("button", name="Send", exact=True).click()
    expect_status(answer(page), "complete")
    expect(page.locator(".question__bubble")).to_have_text("Other one")
    other.wait_for_timeout(400)
    assert bubbles(other) == ["One"]


def test_what_was_stopped_goes_on_where_it_ended(visit: Visit) -> None:
    page = visit()
    ask(page, "Count slowly", "Steady")
    expect(answer(page).locator(".prose")).to_contain_text("t0020")
    page.keyboard.press("Escape")
    expect_status(answer(page), "stopped")
    kept = tokens(answer(page))
    answer(page).get_by_role("button", name="Continue").click()
    expect_status(answer(page), "complete")
    assert tokens(answer(page))[: len(kept)] == kept and len(tokens(answer(page))) > len(kept)
    expect(answers(page)).to_have_count(1)
