"""A guest asks, watches, stops, asks again, reloads, and never loses a word."""

from __future__ import annotations

import re
from collections.abc import Callable

import pytest
from playwright.sync_api import Page, expect

from tests.browser.chat import answer, answers, ask, choose, expect_status, said, tokens
from tests.browser.conftest import Watch
from tests.browser.site import WITNESSES
from tests.witness import expected_text

Visit = Callable[..., Page]


def expected(label: str) -> list[str]:
    return expected_text(WITNESSES[label]).split()


@pytest.mark.parametrize("size", ["desktop", "phone"])
def test_a_guest_asks_and_reads_the_answer(visit: Visit, size: str) -> None:
    page = visit(size=size)
    ask(page, "Count, please", "Quick")
    expect(page.locator(".question__bubble")).to_have_text("Count, please")
    expect_status(answer(page), "complete")
    assert tokens(answer(page)) == expected("Quick")
    expect(page).to_have_url(re.compile(r"/chat/[0-9a-f-]{36}$"))
    expect(page.get_by_label("Your message")).to_have_value("")
    expect(answer(page).locator(".answer__meta")).to_contain_text("tokens")


@pytest.mark.once
def test_the_text_grows_word_by_word_and_only_at_its_end(visit: Visit) -> None:
    page = visit()
    ask(page, "Count slowly", "Steady")
    whole, seen, steps = " ".join(expected("Steady")), "", 0
    while answer(page).get_attribute("data-status") != "complete":
        now = " ".join(tokens(answer(page)))
        assert whole.startswith(now) and now.startswith(seen)
        steps += now != seen
        seen = now
    assert steps > 5
    assert tokens(answer(page)) == expected("Steady")


def test_stop_keeps_what_was_written(visit: Visit) -> None:
    page = visit()
    ask(page, "Never stop", "Endless")
    expect(answer(page).locator(".prose")).to_contain_text("t0020")
    page.get_by_role("button", name="Stop", exact=True).click()
    expect_status(answer(page), "stopped", 3_000)
    page.wait_for_timeout(500)
    kept = tokens(answer(page))
    assert kept == [f"t{number:04}" for number in range(1, len(kept) + 1)] and len(kept) >= 20
    page.reload()
    assert tokens(answer(page)) == kept
    expect(page.get_by_role("button", name="Send", exact=True)).to_be_disabled()


@pytest.mark.once
def test_escape_stops_every_lane(visit: Visit) -> None:
    page = visit()
    ask(page, "Go on", "Endless", "Steady")
    expect(answers(page)).to_have_count(2)
    for lane in answers(page).all():
        expect(lane.locator(".prose")).to_contain_text("t0005")
    page.keyboard.press("Escape")
    for lane in answers(page).all():
        expect_status(lane, "stopped", 3_000)


@pytest.mark.once
def test_a_question_may_be_asked_again_of_another_model(visit: Visit) -> None:
    page = visit()
    ask(page, "Break, please", "Broken")
    expect_status(answer(page), "failed")
    assert tokens(answer(page))[:5] == ["t0001", "t0002", "t0003", "t0004", "t0005"]
    expect(answer(page).locator("[data-problem]")).not_to_be_empty()
    answer(page).get_by_role("button", name="Other model").click()
    page.get_by_placeholder("Search models").fill("Quick")
    page.locator(".picker__row:not([hidden]) label").first.click()
    expect_status(answer(page), "complete")
    assert tokens(answer(page)) == expected("Quick")
    expect(answer(page).locator(".switch")).to_contain_text("2/2")
    answer(page).get_by_label("Previous version").click()
    expect_status(answer(page), "failed")


@pytest.mark.once
def test_the_next_question_continues_the_chat_with_another_model(visit: Visit) -> None:
    page = visit()
    ask(page, "One", "Quick")
    expect_status(answer(page), "complete")
    ask(page, "Two", "Pensive")
    expect(answers(page)).to_have_count(2)
    expect_status(answer(page), "complete")
    page.reload()
    expect(page.locator(".question__bubble")).to_have_text(["One", "Two"])
    expect(page.locator(".picker__current")).to_have_text("Pensive")


def test_a_reload_in_mid_answer_loses_nothing_and_doubles_nothing(visit: Visit) -> None:
    page = visit()
    ask(page, "Count slowly", "Steady")
    whole = " ".join(expected("Steady"))
    for token in ("t0030", "t0090", "t0150"):
        expect(answer(page).locator(".prose")).to_contain_text(token)
        page.reload()
        now = " ".join(tokens(answer(page)))
        assert whole.startswith(now) and token in now
    expect_status(answer(page), "complete")
    assert tokens(answer(page)) == expected("Steady")


def test_an_answer_survives_a_lost_connection(visit: Visit, watch: Watch) -> None:
    watch.expect("net::ERR_INTERNET_DISCONNECTED")
    page = visit()
    ask(page, "Count slowly", "Steady")
    expect(answer(page).locator(".prose")).to_contain_text("t0040")
    page.context.set_offline(True)
    expect(page.locator("connection-status")).to_contain_text("Nothing is lost")
    page.wait_for_timeout(500)
    page.context.set_offline(False)
    expect(page.locator("connection-status")).to_be_hidden()
    expect_status(answer(page), "complete")
    assert tokens(answer(page)) == expected("Steady")


def test_leaving_the_chat_does_not_end_the_answer(visit: Visit) -> None:
    page = visit()
    ask(page, "Count slowly", "Steady")
    expect(answer(page).locator(".prose")).to_contain_text("t0010")
    page.get_by_role("link", name="New chat").first.click()
    row = page.locator(".chat-row")
    expect(row).to_have_attribute("data-running", "")
    expect(row.locator(".running")).to_be_visible()
    expect(row).not_to_have_attribute("data-running", "", timeout=15_000)
    row.click()
    expect_status(answer(page), "complete")
    assert tokens(answer(page)) == expected("Steady")


def test_a_second_tab_sees_the_same_answer(visit: Visit) -> None:
    page = visit()
    ask(page, "One", "Quick")
    expect_status(answer(page), "complete")
    other = page.context.new_page()
    other.goto(page.url)
    ask(page, "Count slowly", "Steady")
    expect(answers(other)).to_have_count(2)
    for tab in (page, other):
        expect_status(answer(tab), "complete")
        assert tokens(answer(tab)) == expected("Steady")


@pytest.mark.once
def test_reasoning_is_apart_and_folded(visit: Visit) -> None:
    page = visit()
    ask(page, "Think", "Pensive")
    expect_status(answer(page), "complete")
    assert tokens(answer(page)) == expected("Pensive")
    thinking = answer(page).locator(".thinking")
    expect(thinking.locator("summary")).to_contain_text("Thought for")
    expect(thinking.locator(".thinking__text")).to_be_hidden()
    thinking.locator("summary").click()
    expect(thinking.locator(".thinking__text")).to_be_visible()


@pytest.mark.once
def test_a_message_that_could_not_be_sent_is_kept_and_goes_out_again(visit: Visit, watch: Watch) -> None:
    watch.expect("net::ERR_FAILED", "/guest")
    page = visit()
    page.route("**/guest", lambda route: route.abort())
    ask(page, "Do not lose me", "Quick")
    expect(page.locator(".question__trouble")).to_be_visible()
    page.reload()
    expect(page.locator(".question__bubble")).to_have_text("Do not lose me")
    page.unroute("**/guest")
    page.get_by_role("button", name="Send again").click()
    expect_status(answer(page), "complete")
    page.reload()
    expect(page.locator(".question__bubble")).to_have_text(["Do not lose me"])


@pytest.mark.once
def test_a_message_written_offline_goes_out_when_the_network_is_back(visit: Visit, watch: Watch) -> None:
    watch.expect("net::ERR_INTERNET_DISCONNECTED")
    page = visit()
    ask(page, "One", "Quick")
    expect_status(answer(page), "complete")
    page.context.set_offline(True)
    ask(page, "Two")
    expect(page.locator(".question").last).to_contain_text("goes out when the connection is back")
    page.context.set_offline(False)
    expect_status(answer(page), "complete")
    assert tokens(answer(page)) == expected("Quick")
    expect(page.locator(".question")).to_have_count(2)


@pytest.mark.once
def test_what_is_too_long_is_said_and_kept(visit: Visit) -> None:
    page = visit()
    ask(page, "ü" * 140_000, "Quick")
    expect(page.locator(".question__trouble")).to_contain_text("too long")
    page.locator(".question__trouble").get_by_role("button", name="Edit").click()
    assert len(page.get_by_label("Your message").input_value()) == 140_000


@pytest.mark.once
def test_a_refused_message_may_be_edited(visit: Visit, watch: Watch) -> None:
    watch.expect("429")
    page = visit()
    body = '{"error": {"message": "Too many at once.", "code": "rate_limited:guest", "details": {"retry_after_s": 9}}}'
    page.route("**/guest", lambda route: route.fulfill(status=429, content_type="application/json", body=body))
    ask(page, "Let me in", "Quick")
    expect(page.locator(".question__trouble")).to_contain_text("Too many at once. Try again in 9 s.")
    page.locator(".question__trouble").get_by_role("button", name="Edit").click()
    expect(page.get_by_label("Your message")).to_have_value("Let me in")
    expect(page.locator(".question")).to_have_count(0)


@pytest.mark.once
def test_a_draft_belongs_to_its_chat(visit: Visit) -> None:
    page = visit()
    ask(page, "One", "Quick")
    expect_status(answer(page), "complete")
    page.get_by_label("Your message").fill("half a thought")
    page.get_by_role("link", name="New chat").first.click()
    expect(page.get_by_label("Your message")).to_have_value("")
    page.go_back()
    expect(page.get_by_label("Your message")).to_have_value("half a thought")


@pytest.mark.once
def test_keys(visit: Visit) -> None:
    page = visit()
    choose(page, "Quick")
    page.keyboard.press("Escape")
    page.locator("chat-scroll").press("/")
    field = page.get_by_label("Your message")
    expect(field).to_be_focused()
    page.keyboard.type("one")
    page.keyboard.press("Shift+Enter")
    page.keyboard.type("two")
    field.dispatch_event("keydown", {"key": "Enter", "isComposing": True})
    expect(field).to_have_value("one\ntwo")
    page.keyboard.press("Enter")
    expect(page.locator(".question__bubble")).to_have_text("one\ntwo")
    expect_status(answer(page), "complete")
    page.locator("chat-scroll").press("?")
    expect(page.get_by_role("dialog", name="Keyboard shortcuts")).to_be_visible()
    page.keyboard.press("Escape")
    page.keyboard.press("Control+Shift+O")
    expect(page).to_have_url(re.compile(r"/$"))


@pytest.mark.once
def test_answers_and_code_are_copied(visit: Visit) -> None:
    page = visit(permissions=["clipboard-read", "clipboard-write"])
    ask(page, "Show me markdown", "Author")
    expect_status(answer(page), "complete")
    answer(page).get_by_role("button", name="Copy answer").click()
    copied = page.evaluate("navigator.clipboard.readText()")
    assert copied.strip() == expected_text(WITNESSES["Author"]).strip()
    answer(page).get_by_role("button", name="Copy code").first.click()
    code = answer(page).locator(".code code").first.text_content() or ""
    assert page.evaluate("navigator.clipboard.readText()") == code.removesuffix("\n")


@pytest.mark.once
def test_hostile_text_loads_nothing_and_runs_nothing(visit: Visit) -> None:
    page = visit()
    ask(page, "Attack", "Villain")
    expect_status(answer(page), "complete")
    body = answer(page).locator(".answer__body")
    assert (
        body.locator(
            "script, iframe, img, object, embed, form, style, svg:not(.icon), [style], [onerror], [onclick]"
        ).count()
        == 0
    )
    for link in body.locator("a[href]").all():
        assert re.match(r"(https?:|mailto:)", link.get_attribute("href") or "")
    assert page.evaluate("window.hacked") is None


@pytest.mark.once
def test_the_reader_is_left_alone_above_the_end(visit: Visit) -> None:
    page = visit()
    ask(page, "Never stop", "Endless")
    scroller = page.locator("chat-scroll")
    for _ in range(200):
        if scroller.evaluate("element => element.scrollTop") > 200:
            break
        page.wait_for_timeout(100)
    scroller.hover()
    page.mouse.wheel(0, -60)
    page.wait_for_timeout(200)
    top = scroller.evaluate("element => element.scrollTop")
    page.wait_for_timeout(1_000)
    assert scroller.evaluate("element => element.scrollTop") == top
    page.get_by_role("button", name="New text").click()
    page.wait_for_timeout(800)
    away = "element => element.scrollHeight - element.scrollTop - element.clientHeight"
    assert scroller.evaluate(away) < 40
    page.keyboard.press("Escape")


def test_a_comparison_shows_each_model_in_its_own_lane(visit: Visit) -> None:
    page = visit()
    ask(page, "Both of you", "Quick", "Steady")
    expect(answers(page)).to_have_count(2)
    for lane in answers(page).all():
        expect_status(lane, "complete")
    spoken = {lane.locator(".answer__model").inner_text(): said(lane).split() for lane in answers(page).all()}
    assert spoken == {"Quick": expected("Quick"), "Steady": expected("Steady")}
    page.reload()
    expect(answers(page)).to_have_count(2)
