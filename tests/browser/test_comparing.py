"""Several models answer one question: each in a lane of its own, with a history of its own."""

from __future__ import annotations

import re
from collections.abc import Callable
from uuid import uuid4

import pytest
from playwright.sync_api import Locator, Page, expect

from tests.browser.chat import answer, answers, ask, box, expect_status, lane, log_in
from tests.browser.conftest import Watch
from tests.browser.site import WITNESSES, Site
from tests.witness import expected_text
from tests.witness.client import WitnessClient

Visit = Callable[..., Page]

RUNNING = "chat-answer:is([data-status=queued], [data-status=streaming])"
SIX = ("Quick", "Plodder", "Refuser", "Broken", "Mute", "Endless")


def markdown(answer: Locator) -> str:
    """What Copy would copy: the text as the server has it."""
    text: str = answer.evaluate("answer => answer.markdown")
    return text


def sent(witness: WitnessClient, model: str, marker: str) -> list[list[tuple[str, str]]]:
    """What a provider was asked about a marker: role and text of each message, request by request."""
    records = witness.requests(model=WITNESSES[model], marker=marker)
    return [[(one["role"], one["content"]) for one in record.body["messages"]] for record in records]


def heard(witness: WitnessClient, model: str, marker: str) -> str:
    """What a provider said to the first question with a marker."""
    records = witness.requests(model=WITNESSES[model], marker=marker)
    return records[0].text


def all_ended(page: Page) -> None:
    expect(page.locator(RUNNING)).to_have_count(0, timeout=30_000)


def turn(page: Page) -> Locator:
    return page.locator(".turn").last


@pytest.mark.timeout(120)
def test_six_lanes_end_each_in_its_own_way_and_go_on_with_their_own_history(
    visit: Visit, witness: WitnessClient
) -> None:
    page = visit()
    first = f"Question {uuid4()}"
    ask(page, first, *SIX)
    expect(answers(page)).to_have_count(6)
    expect(lane(page, "Endless").locator(".prose")).to_contain_text("t0020")
    expect_status(lane(page, "Refuser"), "failed")
    page.reload()
    other = page.context.new_page()
    other.goto(page.url)
    expect_status(lane(page, "Plodder"), "streaming")
    lane(page, "Endless").get_by_label("Stop this answer").click()
    ends = {
        "Quick": "complete",
        "Plodder": "complete",
        "Refuser": "failed",
        "Broken": "failed",
        "Mute": "failed",
        "Endless": "stopped",
    }
    for here in (page, other):
        for model, status in ends.items():
            expect_status(lane(here, model), status, 30_000)
    expect(lane(page, "Mute")).to_contain_text("provider_timeout")
    kept = {model: markdown(lane(page, model)) for model in SIX}
    for model in ("Quick", "Plodder"):
        assert kept[model] == heard(witness, model, first) == expected_text(WITNESSES[model])
    for model in ("Broken", "Endless"):
        assert kept[model] and heard(witness, model, first).startswith(kept[model]), "what was shown had been said"
    assert kept["Refuser"] == kept["Mute"] == ""
    for model in SIX:
        assert markdown(lane(other, model)) == kept[model], "both tabs tell the same"
    page.reload()
    for model in SIX:
        assert markdown(lane(page, model)) == kept[model]
    expect(page.locator("#today")).to_contain_text("17 of 20")
    for model in ("Quick", "Plodder", "Endless"):
        expect(lane(page, model).locator(".answer__figures")).to_contain_text("$")

    second = f"Question {uuid4()}"
    ask(page, second)
    expect(answers(page)).to_have_count(12)
    for model in SIX:
        said = [("assistant", kept[model])] if kept[model] else []
        witness.wait_for(lambda records: records, 10, model=WITNESSES[model], marker=second)
        assert sent(witness, model, second)[0] == [("user", first), *said, ("user", second)]
    page.keyboard.press("Escape")
    all_ended(page)


def test_a_failing_lane_is_asked_again_or_given_to_another_model_in_its_place(visit: Visit) -> None:
    page = visit()
    ask(page, "Try", "Quick", "Refuser", "Steady")
    all_ended(page)
    lane(page, "Refuser").get_by_role("button", name="Try again").click()
    expect_status(lane(page, "Refuser"), "failed")
    expect(lane(page, "Refuser").locator(".switch")).to_contain_text("2/2")
    lane(page, "Refuser").get_by_role("button", name="Other model").click()
    page.get_by_placeholder("Search models").fill("Quick")
    page.keyboard.press("Enter")
    all_ended(page)
    names = page.locator(".answer__model")
    expect(names).to_have_text(["Quick", "Steady", "Quick (2)"])
    page.reload()
    expect(names).to_have_text(["Quick", "Steady", "Quick (2)"])
    expect(answers(page).nth(2).locator(".switch")).to_contain_text("3/3")


def test_a_lane_goes_on_with_the_version_that_is_shown(visit: Visit, witness: WitnessClient) -> None:
    page = visit()
    first, second = f"Question {uuid4()}", f"Question {uuid4()}"
    ask(page, first, "Quick", "Steady")
    all_ended(page)
    lane(page, "Quick").get_by_role("button", name="Answer with a different model").click()
    page.get_by_placeholder("Search models").fill("Author")
    page.keyboard.press("Enter")
    all_ended(page)
    lane(page, "Author").get_by_label("Previous version").click()
    expect(lane(page, "Quick").locator(".switch")).to_contain_text("1/2")
    expect(lane(page, "Quick").get_by_label("Next version")).to_be_focused()
    expect(page.locator(".answer__choice")).to_have_count(0)
    ask(page, second, "Quick", "Steady")
    all_ended(page)
    assert sent(witness, "Quick", second)[0][1] == ("assistant", expected_text(WITNESSES["Quick"]))


def test_a_lane_is_added_later_and_goes_on_by_itself(visit: Visit, witness: WitnessClient) -> None:
    page = visit()
    first, second = f"Question {uuid4()}", f"Question {uuid4()}"
    ask(page, first, "Quick")
    expect_status(answer(page), "complete")
    answer(page).hover()
    answer(page).get_by_role("button", name="Compare with a second model").click()
    page.get_by_placeholder("Search models").fill("Steady")
    page.keyboard.press("Enter")
    expect_status(lane(page, "Steady"), "complete")
    assert sent(witness, "Steady", first) == [[("user", first)]]
    expect(page.locator(".outcome__marks")).to_contain_text("Fastest Quick")
    page.reload()
    expect(answers(page)).to_have_count(2)
    ask(page, second)
    all_ended(page)
    for model in ("Quick", "Steady"):
        said = ("assistant", expected_text(WITNESSES[model]))
        assert sent(witness, model, second) == [[("user", first), said, ("user", second)]]


def test_everybody_goes_on_with_the_answer_that_was_chosen(visit: Visit, witness: WitnessClient) -> None:
    page = visit()
    first, second, third = (f"Question {uuid4()}" for _ in range(3))
    ask(page, first, "Quick", "Steady")
    all_ended(page)
    lane(page, "Steady").get_by_role("button", name="Continue with this one").click()
    page.locator(".menu:popover-open").get_by_role("button", name="All models").click()
    expect(turn(page).locator(".outcome__choice")).to_contain_text("from the answer of Steady")
    expect(page.get_by_label("Your message")).to_be_focused()
    page.reload()
    expect(lane(page, "Steady")).to_contain_text("All models go on from here")
    ask(page, second)
    all_ended(page)
    chosen = [("user", first), ("assistant", expected_text(WITNESSES["Steady"])), ("user", second)]
    assert sent(witness, "Quick", second) == sent(witness, "Steady", second) == [chosen]
    lane(page, "Quick").get_by_role("button", name="Continue with this one").click()
    page.locator(".menu:popover-open").get_by_role("button", name="All models").click()
    turn(page).get_by_role("button", name="Each from its own").click()
    expect(turn(page).locator(".outcome__choice")).to_have_count(0)
    ask(page, third)
    all_ended(page)
    assert sent(witness, "Quick", third)[0][3] == ("assistant", expected_text(WITNESSES["Quick"]))


def test_one_can_go_on_with_one_model_alone(visit: Visit, witness: WitnessClient) -> None:
    page = visit()
    first, second = f"Question {uuid4()}", f"Question {uuid4()}"
    ask(page, first, "Quick", "Steady")
    all_ended(page)
    lane(page, "Steady").get_by_role("button", name="Continue with this one").click()
    page.locator(".menu:popover-open").get_by_role("button", name="Only Steady").click()
    expect(page.locator(".picker__current")).to_have_text("Steady")
    expect(page.get_by_text("Only Steady goes on from here").filter(visible=True)).to_have_count(2)
    expect(page.get_by_text("All models go on").filter(visible=True)).to_have_count(0)
    ask(page, second)
    expect(answers(page)).to_have_count(3)
    all_ended(page)
    assert sent(witness, "Steady", second)[0][1] == ("assistant", expected_text(WITNESSES["Steady"]))
    assert sent(witness, "Quick", second) == []


def test_the_same_model_twice_has_two_lanes(visit: Visit) -> None:
    page = visit()
    page.locator(".picker > summary").click()
    box(page, "Quick").check()
    page.get_by_role("button", name="Quick once more").click()
    for other in page.locator("model-picker input:checked").evaluate_all("all => all.map(one => one.dataset.label)"):
        if other != "Quick":
            box(page, other).uncheck()
    page.keyboard.press("Escape")
    ask(page, "Twice")
    all_ended(page)
    expect(page.locator(".answer__model")).to_have_text(["Quick", "Quick (2)"])


@pytest.mark.once
def test_fewer_answers_than_lanes_are_told_before_sending(visit: Visit) -> None:
    page = visit()
    for number in range(3):
        ask(page, f"Question {number}", *(("Quick", "Author", "Villain", "Steady", "Pensive", "Meteorologist")[:6]))
        expect(answers(page)).to_have_count(6 * (number + 1))
        all_ended(page)
    few = page.locator("[data-few]")
    expect(few).to_contain_text("2 of your answers are left today, and 6 models are chosen.")
    page.get_by_label("Your message").fill("With whom there is")
    few.get_by_role("button", name="Ask only the first 2").click()
    expect(few).to_be_hidden()
    page.get_by_role("button", name="Send", exact=True).click()
    expect(turn(page).locator("chat-answer")).to_have_count(2)
    all_ended(page)
    expect(few).to_contain_text("No answers are left today.")


@pytest.mark.once
def test_a_set_of_models_is_kept_chosen_and_deleted(visit: Visit) -> None:
    page = visit("/compare")
    current = page.locator(".picker__current")
    expect(current).to_have_text("3 models")
    page.locator(".picker > summary").click()
    page.get_by_role("button", name="Keep as a set").click()
    page.get_by_label("Name of the set").fill("Everyday")
    page.keyboard.press("Enter")
    mine = page.locator(".sets").get_by_role("link", name="Everyday", exact=True)
    expect(mine).to_be_visible()
    page.get_by_placeholder("Search models").fill("Quick")
    page.locator(".picker__row:not([hidden]) label").first.click()
    expect(current).to_have_text("Quick")
    page.reload()
    page.goto("/")
    page.locator(".picker > summary").click()
    mine.click()
    expect(current).to_have_text("3 models")
    page.get_by_role("button", name="Delete the set Everyday").click()
    expect(mine).to_have_count(0)
    page.goto("/compare")
    page.locator(".picker > summary").click()
    expect(page.locator(".sets").get_by_role("link")).to_have_text(["Fast, strong, cheap"])


@pytest.mark.once
def test_a_comparison_is_found_again_and_asked_anew(visit: Visit) -> None:
    page = visit()
    ask(page, "Find me later", "Quick", "Steady")
    all_ended(page)
    asked = page.url
    page.get_by_role("link", name="Compare", exact=True).click()
    row = page.locator(".made")
    expect(row).to_contain_text("Find me later")
    expect(row.locator(".made__lane")).to_have_text([re.compile("Quick"), re.compile("Steady")])
    row.get_by_role("link", name="Find me later").click()
    expect(page).to_have_url(re.compile(re.escape(asked)))
    expect(answers(page)).to_have_count(2)
    assert markdown(lane(page, "Steady")) == expected_text(WITNESSES["Steady"])
    page.get_by_role("link", name="Ask these models anew").click()
    expect(page.locator(".picker__current")).to_have_text("Quick + Steady")
    expect(answers(page)).to_have_count(0)


@pytest.mark.once
def test_each_lane_is_announced_once(visit: Visit) -> None:
    page = visit()
    page.evaluate(
        """() => {
            window.said = []
            const region = document.getElementById("announcements")
            new MutationObserver(() => said.push(region.textContent)).observe(region, {childList: true, subtree: true})
        }"""
    )
    ask(page, "Say when", "Quick", "Steady", "Refuser")
    all_ended(page)
    page.wait_for_timeout(300)
    told = " ".join(page.evaluate("said"))
    for words in ("Quick has answered", "Steady has answered", "Refuser did not finish"):
        assert words in told
    assert "is answering" not in told


# --- On a phone, and without a mouse ---------------------------------------------------------------------


@pytest.mark.once
def test_a_phone_shows_one_lane_at_a_time_with_tabs(visit: Visit) -> None:
    page = visit(size="phone")
    ask(page, "Both", "Quick", "Endless", "Refuser")
    tabs = page.get_by_role("tab")
    expect(tabs).to_have_count(3)
    expect(tabs.nth(0)).to_have_attribute("aria-selected", "true")
    expect(tabs.filter(has_text="Quick")).to_contain_text("Done")
    expect(tabs.filter(has_text="Endless")).to_contain_text("Writing")
    expect(tabs.filter(has_text="Refuser")).to_contain_text("Failed")
    tabs.filter(has_text="Endless").tap()
    expect(lane(page, "Endless")).to_be_in_viewport()
    expect(lane(page, "Quick")).not_to_be_in_viewport()
    lane(page, "Endless").get_by_label("Stop this answer").tap()
    expect(tabs.filter(has_text="Endless")).to_contain_text("Stopped")
    page.locator("chat-lanes").evaluate("lanes => lanes.scrollTo(0, 0)")
    expect(tabs.nth(0)).to_have_attribute("aria-selected", "true")
    page.reload()
    expect(page.get_by_role("tab")).to_have_count(3)
    expect(tabs.filter(has_text="Refuser")).to_contain_text("Failed")


@pytest.mark.once
def test_lanes_are_walked_through_by_keyboard(visit: Visit) -> None:
    page = visit()
    ask(page, "All of you", "Quick", "Endless", "Refuser", "Author")
    expect(page.get_by_role("tab")).to_have_count(4)
    expect(lane(page, "Endless").locator(".prose")).to_contain_text("t0005")
    first, second = page.get_by_role("tab").nth(0), page.get_by_role("tab").nth(1)
    first.focus()
    page.keyboard.press("ArrowRight")
    expect(second).to_be_focused()
    expect(second).to_have_attribute("aria-selected", "true")
    page.keyboard.press("End")
    expect(page.get_by_role("tab").last).to_be_focused()
    expect(answers(page).last).to_be_in_viewport()
    page.keyboard.press("Home")
    expect(first).to_be_focused()
    stop = lane(page, "Endless").get_by_label("Stop this answer")
    for _press in range(30):
        page.keyboard.press("Tab")
        if stop.evaluate("button => button === document.activeElement"):
            break
    page.keyboard.press("Enter")
    expect_status(lane(page, "Endless"), "stopped")
    choose = lane(page, "Endless").get_by_role("button", name="Continue with this one")
    choose.focus()
    page.keyboard.press("Enter")
    page.keyboard.press("Tab")
    page.keyboard.press("Enter")
    expect(lane(page, "Endless")).to_contain_text("All models go on from here")
    expect(page.get_by_label("Your message")).to_be_focused()


@pytest.mark.once
def test_without_scripts_a_comparison_is_asked_and_chosen_from(visit: Visit, server: Site, watch: Watch) -> None:
    page = visit("/accounts/login/", java_script_enabled=False)
    log_in(page, server)
    page.goto("/compare?models=demo/fast,demo/reason")
    page.get_by_label("Your message").fill("Without a script")
    page.get_by_role("button", name="Send", exact=True).click()
    expect(answers(page)).to_have_count(2)
    for _try in range(20):
        if page.locator(".answer__choose").count() == 2:
            break
        page.wait_for_timeout(500)
        page.reload()
    answers(page).nth(1).locator(".answer__choose").click()
    page.locator(".menu:popover-open").get_by_role("button", name="All models").click()
    expect(answers(page).nth(1)).to_contain_text("All models go on from here")


RESTS = """() => new Promise(done => {
  const view = document.querySelector("chat-scroll")
  const tops = []
  const look = () => {
    if (tops.push(view.scrollTop) < 40) requestAnimationFrame(look)
    else done([Math.min(...tops), Math.max(...tops)])
  }
  look()
})"""


@pytest.mark.once
def test_every_row_is_seen_and_reached_in_its_whole_width_also_earlier_ones(visit: Visit) -> None:
    page = visit()
    for number in range(2):
        ask(page, f"Question {number}", "Quick", "Steady", "Author")
        expect(answers(page)).to_have_count(3 * (number + 1))
        all_ended(page)
    page.reload()
    earlier = page.locator(".turn").first
    earlier.scroll_into_view_if_needed()
    for model in ("Quick", "Author"):
        head = earlier.locator(f'chat-answer[aria-label="{model}"] .answer__model')
        head.scroll_into_view_if_needed()
        assert head.evaluate(
            """head => {
              const { left, right, top, bottom } = head.getBoundingClientRect()
              const hit = document.elementFromPoint((left + right) / 2, (top + bottom) / 2)
              return left >= 0 && right <= innerWidth && head.contains(hit)
            }"""
        ), f"{model} is seen"


@pytest.mark.once
def test_the_question_stays_at_the_top_while_its_lanes_are_being_written(visit: Visit) -> None:
    page = visit()
    ask(page, "First", "Quick")
    expect_status(answer(page), "complete")
    ask(page, "Second", "Endless", "Plodder")
    expect(lane(page, "Endless").locator(".prose")).to_contain_text("t0500")
    view = page.locator("chat-scroll").bounding_box()
    question = turn(page).locator("chat-question").bounding_box()
    assert view and question and abs(question["y"] - view["y"]) < 40
    expect(page.locator("[data-to-end]")).to_have_text("New text")
    low, high = page.evaluate(RESTS)
    assert high - low <= 1, "nothing moves by itself"
    page.locator("chat-scroll").evaluate("view => view.scrollBy(0, 200)")
    low, high = page.evaluate(RESTS)
    assert high - low <= 1, "nor where the reader went"
    page.keyboard.press("Escape")
    all_ended(page)
    expect(page.locator("[data-to-end]")).to_have_text("To the end")
    other = page.context.new_page()
    other.goto(page.url)
    expect(other.locator(".turn").last.locator("chat-question")).to_be_in_viewport()


@pytest.mark.once
def test_a_question_from_another_tab_stands_right_below_the_earlier_one(visit: Visit) -> None:
    page = visit()
    ask(page, "First", "Quick")
    expect_status(answer(page), "complete")
    other = page.context.new_page()
    other.goto(page.url)
    ask(other, "Second")
    expect(page.locator(".turn")).to_have_count(2)
    expect(page.locator("[data-fresh]")).to_have_count(0)


@pytest.mark.once
def test_with_too_few_answers_nothing_is_sent_until_fewer_are_asked(visit: Visit) -> None:
    page = visit()
    for number in range(3):
        ask(page, f"Question {number}", "Quick", "Author", "Villain", "Steady", "Pensive", "Meteorologist")
        expect(answers(page)).to_have_count(6 * (number + 1))
        all_ended(page)
    ask(page, "One more", "Quick")
    expect(answers(page)).to_have_count(19)
    all_ended(page)
    few = page.locator("[data-few]")
    ask(page, "Of whom", "Quick", "Steady")
    expect(few).to_contain_text("One of your answers is left today, and 2 models are chosen.")
    expect(page.locator(".turn")).to_have_count(4)
    expect(page.get_by_label("Your message")).to_have_value("Of whom")
    few.get_by_role("button", name="Ask only the first one").click()
    expect(page.locator(".turn")).to_have_count(5)
    expect(turn(page).locator("chat-answer")).to_have_count(1)
    expect(turn(page)).to_contain_text("Of whom")
    all_ended(page)


@pytest.mark.once
def test_the_ways_to_go_on_open_over_the_conversation(visit: Visit) -> None:
    page = visit()
    ask(page, "Go", "Quick", "Steady", "Author")
    all_ended(page)
    lane(page, "Quick").get_by_role("button", name="Continue with this one").click()
    menu = page.locator(".menu:popover-open").bounding_box()
    view = page.locator("chat-scroll").bounding_box()
    assert menu and view and menu["x"] >= view["x"]
    assert page.evaluate("document.documentElement.scrollHeight <= innerHeight"), "the page itself does not scroll"
