"""Judging answers: votes, blind comparisons, differences, one answer out of several, exports, the ranking."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from pathlib import Path

import pytest
from axe_playwright_python.sync_playwright import Axe  # type: ignore[import-untyped]  # it has no annotations
from playwright.sync_api import Locator, Page, Response, WebSocket, expect

from tests.browser.chat import answers, ask, expect_status
from tests.browser.site import SIZES, WITNESSES
from tests.browser.test_states import COLOURS, WIDER

Visit = Callable[..., Page]
FAST, DEMO = "Demo, fast – not an AI", "Demo – not an AI"


def compare(page: Page, *models: str, text: str = "Which is it?", blind: bool = False) -> Locator:
    """Ask several models and wait for what can be done with their answers. Returns the part under them."""
    begin(page, *models, text=text, blind=blind)
    for number in range(len(models)):
        expect(answers(page).nth(number)).to_have_attribute(
            "data-status", re.compile("complete|failed"), timeout=20_000
        )
    verdict = page.locator("turn-verdict").last
    expect(verdict.locator(".verdict__row")).to_be_visible()
    return verdict


def begin(page: Page, *models: str, text: str = "Which is it?", blind: bool = False) -> None:
    page.locator(".picker > summary").click()
    for model in models:
        page.locator(f'model-picker input[type=checkbox][data-label="{model}"]').check()
    chosen = page.locator("model-picker input[type=checkbox]:checked")
    for other in set(chosen.evaluate_all("boxes => boxes.map(box => box.dataset.label)")) - set(models):
        page.locator(f'model-picker input[type=checkbox][data-label="{other}"]').uncheck()
    page.keyboard.press("Escape")
    if blind:
        page.locator(".blind__label").click()
    ask(page, text)


def choice(verdict: Locator, name: str) -> Locator:
    return verdict.get_by_role("group", name="Which is better?").get_by_role("button", name=name, exact=True)


@pytest.mark.parametrize("size", ["desktop", "phone"])
def test_a_reader_votes_changes_it_and_takes_it_back(visit: Visit, size: str) -> None:
    page = visit(size=size)
    verdict = compare(page, "Quick", "Author")
    choice(verdict, "Quick").click()
    expect(choice(verdict, "Quick")).to_have_attribute("aria-pressed", "true")
    expect(choice(verdict, "Quick")).to_be_focused()
    expect(verdict).to_contain_text("It counts in the ranking.")
    choice(verdict, "Tie").click()
    expect(choice(verdict, "Tie")).to_have_attribute("aria-pressed", "true")
    expect(choice(verdict, "Quick")).to_have_attribute("aria-pressed", "false")
    page.reload()
    expect(choice(verdict, "Tie")).to_have_attribute("aria-pressed", "true")
    verdict.get_by_role("button", name="Take the vote back").click()
    expect(choice(verdict, "Tie")).to_have_attribute("aria-pressed", "false")


def test_an_answer_is_good_or_bad(visit: Visit) -> None:
    page = visit()
    ask(page, "Count, please", "Quick")
    expect_status(answers(page).last, "complete")
    good, bad = (page.get_by_role("button", name=name) for name in ("Good answer", "Bad answer"))
    good.click()
    expect(good).to_have_attribute("aria-pressed", "true")
    bad.click()
    expect(good).to_have_attribute("aria-pressed", "false")
    page.reload()
    expect(bad).to_have_attribute("aria-pressed", "true")
    bad.click()
    expect(bad).to_have_attribute("aria-pressed", "false")


def test_nothing_tells_whose_answer_is_whose_until_the_vote(visit: Visit) -> None:
    page = visit()
    told: list[str] = []
    page.on("websocket", lambda socket: hear(socket, told))
    page.on("response", lambda response: read(response, told))
    verdict = compare(page, "Quick", "Pensive", blind=True)
    expect(page.locator("chat-turns").get_by_role("article", name="Answer B")).to_be_visible()
    here = page.locator("chat-turns").evaluate("turns => turns.outerHTML")
    store = page.evaluate("JSON.stringify([{...localStorage}, {...sessionStorage}])")
    planted = [name for label in ("Quick", "Pensive") for name in (label, WITNESSES[label])]
    for text in [here, store, *told]:
        for secret in [*planted, "openai", 'reasoning"', "Thought", "tokens ·", "$0"]:
            assert secret not in text.replace('"reasoning":null', ""), f"{secret} in {text[:400]}"
    # The address reads the same after a reload, which is the server's page and not the script's.
    page.reload()
    here = page.locator("chat-turns").evaluate("turns => turns.outerHTML")
    assert not [secret for secret in planted if secret in here]
    choice(verdict, "Answer B").click()
    expect(verdict).to_contain_text("Voted blind. It counts in the ranking.")
    names = page.locator("chat-turns chat-answer").evaluate_all("all => all.map(one => one.getAttribute('aria-label'))")
    assert sorted(names) == ["Pensive", "Quick"]
    expect(page.locator("chat-turns .answer__figures").first).to_contain_text("tokens")
    expect(choice(verdict, names[1])).to_have_attribute("aria-pressed", "true")


def hear(socket: WebSocket, told: list[str]) -> None:
    """Every frame that the server sends."""
    socket.on("framereceived", lambda text: told.append(str(text)))


def read(response: Response, told: list[str]) -> None:
    """Every part of a page that a script fetches."""
    if re.search(r"/messages/|/sidebar", response.url) and response.request.method == "GET":
        told.append(response.text())


@pytest.mark.once
def test_the_names_can_be_shown_without_a_vote_and_then_it_counts_no_more(visit: Visit) -> None:
    page = visit()
    verdict = compare(page, "Quick", "Author", blind=True)
    verdict.get_by_role("button", name="Show the names").click()
    expect(page.locator("chat-turns").get_by_role("article", name="Quick")).to_be_visible()
    choice(verdict, "Quick").click()
    expect(verdict).to_contain_text("Kept, but it does not count")


def test_blind_answers_appear_together(visit: Visit) -> None:
    page = visit()
    begin(page, "Quick", "Steady", blind=True)
    waiting = page.locator("chat-turns chat-answer .answer__waiting-text")
    expect(waiting.first).to_have_text("The answers appear together, so that speed tells nothing.")
    page.wait_for_timeout(1_500)  # the quick one has long ended
    assert page.locator("chat-turns .prose").count() == 0
    for number in range(2):
        expect_status(answers(page).nth(number), "complete")
    expect(page.locator("chat-turns .answer__body > .prose")).to_have_count(2)


@pytest.mark.once
def test_stopping_all_shows_what_there_is(visit: Visit) -> None:
    page = visit()
    begin(page, "Quick", "Endless", blind=True)
    page.wait_for_timeout(1_000)
    page.keyboard.press("Escape")
    expect(page.locator("chat-turns chat-answer[data-status=stopped]")).to_have_count(1)
    expect(page.locator("chat-turns chat-answer[data-status=complete]")).to_have_count(1)
    expect(page.locator("turn-verdict")).to_contain_text("Which is better?")


@pytest.mark.once
def test_without_a_script_a_blind_comparison_is_asked_and_judged(visit: Visit) -> None:
    page = visit(java_script_enabled=False)
    page.locator(".picker > summary").click()
    for model in (FAST, DEMO):
        page.locator(f'input[type=checkbox][data-label="{model}"]').check()
    page.locator(".picker > summary").click()
    page.locator(".blind__label").click()
    page.get_by_label("Your message").fill("Which is it?")
    page.get_by_role("button", name="Send", exact=True).click()
    expect(page.locator("chat-turns")).to_contain_text("Answer B")
    expect(page.locator("turn-verdict")).to_contain_text("Which is better?", timeout=20_000)
    page.get_by_role("button", name="All are bad").click()  # the default model is the third
    expect(page.locator("turn-verdict")).to_contain_text("Voted blind.")
    expect(page.locator("chat-turns")).to_contain_text(FAST)


@pytest.mark.once
def test_two_answers_are_compared_word_by_word(visit: Visit) -> None:
    page = visit()
    verdict = compare(page, "Quick", "Steady", "Author")
    link = verdict.get_by_role("link", name="Differences")
    link.click()
    dialog = page.get_by_role("dialog", name="Differences")
    expect(dialog.locator("ins").first).to_be_visible()
    expect(dialog).to_contain_text("% of the words are in both.")
    dialog.get_by_label("Underlined: only in").select_option(label="3 · Author")
    expect(dialog.locator("ins").first).not_to_contain_text("t0041")
    page.keyboard.press("Escape")
    expect(dialog).to_have_count(0)
    expect(link).to_be_focused()
    page.goto(str(link.get_attribute("href")))
    expect(page.get_by_role("heading", name="Differences")).to_be_visible()
    page.get_by_role("link", name="Back to the chat").click()
    expect(page.locator("turn-verdict")).to_be_visible()


def test_one_answer_out_of_several_cites_its_lanes(visit: Visit) -> None:
    page = visit()
    verdict = compare(page, "Quick", "Author")
    menu = verdict.locator("summary", has_text="Combine")
    menu.click()
    page.keyboard.press("Escape")
    expect(verdict.get_by_label("One answer out of these, written by")).to_be_hidden()
    expect(menu).to_be_focused()
    verdict.get_by_text("Combine").first.click()
    verdict.get_by_label("One answer out of these, written by").select_option(label=FAST)
    verdict.get_by_role("button", name="Combine").click()
    made = page.locator(".synthesis chat-answer")
    expect(made).to_have_attribute("aria-label", f"Combined by {FAST}")
    expect_status(made, "complete")
    source = page.locator("chat-turns .lanes chat-answer").nth(1).get_attribute("id")
    expect(made.get_by_role("link", name="[2]").first).to_have_attribute("href", f"#{source}")
    page.reload()
    expect(made.get_by_role("link", name="[1]").first).to_be_visible()
    expect(page.locator("chat-turns .lanes chat-answer")).to_have_count(2)


@pytest.mark.once
def test_a_comparison_is_taken_home(visit: Visit, tmp_path: Path) -> None:
    page = visit()
    verdict = compare(page, "Quick", "Author")
    saved = {}
    for name in ("Markdown", "CSV", "JSON"):
        verdict.get_by_text("Export").click()
        with page.expect_download() as download:
            verdict.get_by_role("link", name=name, exact=True).click()
        download.value.save_as(tmp_path / download.value.suggested_filename)
        saved[name] = (tmp_path / download.value.suggested_filename).read_text(encoding="utf-8-sig")
        expect(verdict.get_by_role("link", name=name, exact=True)).to_be_hidden()
        expect(verdict.locator("summary", has_text="Export")).to_be_focused()
    assert [one["status"] for one in json.loads(saved["JSON"])["responses"]] == ["complete", "complete"]
    assert saved["CSV"].startswith('"question","model","provider"') and "t0040" in saved["CSV"]
    assert "## Quick" in saved["Markdown"]


def test_votes_make_a_ranking(visit: Visit) -> None:
    page = visit()
    for word, winner in (("code", "Author"), ("rivers", "Quick"), ("code", "Author")):
        page.goto("/")
        verdict = compare(page, "Quick", "Author")
        choice(verdict, winner).click()
        verdict.get_by_label("About").fill(word)
        verdict.get_by_role("button", name="Keep").click()
        expect(verdict.get_by_label("About")).to_have_value(word)
    verdict.get_by_role("link", name="Ranking").click()
    rows = page.locator(".ranking tbody tr")
    expect(rows.first).to_contain_text("Author")
    expect(page.locator("main")).to_contain_text("From 3 votes of yours")
    expect(page.get_by_role("img", name="Quality per dollar")).to_be_visible()
    page.get_by_role("link", name="rivers").click()
    expect(rows.first).to_contain_text("Quick")
    page.get_by_role("link", name="Only blind votes").click()
    expect(page.locator("main")).to_contain_text("No vote fits.")


# --- For everybody -----------------------------------------------------------------------------------


def blind_and_waiting(page: Page) -> None:
    begin(page, "Quick", "Mute", blind=True)
    expect(page.locator(".answer__waiting-text").first).to_have_text(re.compile("together"))


def blind_and_ended(page: Page) -> None:
    compare(page, "Quick", "Author", "Steady", blind=True)


def voted(page: Page) -> None:
    verdict = compare(page, "Quick", "Author")
    choice(verdict, "Tie").click()
    expect(verdict).to_contain_text("It counts")


def differences(page: Page) -> None:
    compare(page, "Quick", "Author").get_by_role("link", name="Differences").click()
    expect(page.locator(".difference-dialog ins").first).to_be_visible()


def combining(page: Page) -> None:
    compare(page, "Quick", "Author").get_by_text("Combine").first.click()


def combined(page: Page) -> None:
    combining(page)
    page.locator("[data-synthesis] button").click()
    expect_status(page.locator(".synthesis chat-answer"), "complete")


def exporting(page: Page) -> None:
    compare(page, "Quick", "Author").get_by_text("Export").click()


def ranked(page: Page) -> None:
    voted(page)
    page.goto("/compare/ranking")


def not_ranked(page: Page) -> None:
    ask(page, "Hello", "Quick")
    expect_status(answers(page).last, "complete")
    page.goto("/compare/ranking")


def difference_page(page: Page) -> None:
    verdict = compare(page, "Quick", "Author")
    page.goto(str(verdict.get_by_role("link", name="Differences").get_attribute("href")))


STATES = (
    blind_and_waiting,
    blind_and_ended,
    voted,
    differences,
    combining,
    combined,
    exporting,
    ranked,
    not_ranked,
    difference_page,
)


@pytest.mark.once
@pytest.mark.parametrize("reach", STATES, ids=[one.__name__ for one in STATES])
def test_judging_is_accessible_and_fits(reach: Callable[[Page], None], visit: Visit) -> None:
    page = visit(reduced_motion="reduce")
    reach(page)
    for scheme, rules in (("light", {}), ("dark", COLOURS)):
        page.emulate_media(color_scheme=scheme)  # type: ignore[arg-type]  # one of two literals
        page.wait_for_timeout(50)
        found = Axe().run(page, options=rules)
        assert found.violations_count == 0, f"{scheme}: {found.generate_report()}"
    page.set_viewport_size(SIZES["phone"]["viewport"])
    wide = WIDER.replace(".lanes, ", ".lanes, lane-tabs, .ranking__scroll, ")
    assert page.evaluate(wide) == []
