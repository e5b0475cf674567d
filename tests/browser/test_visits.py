"""Visits by people who hold the page differently: by keyboard alone, magnified, from right to left, by a finger."""

from __future__ import annotations

import re
from collections.abc import Callable

import pytest
from playwright.sync_api import Page, expect

from tests.browser.chat import answer, answers, ask, box, choose, expect_status, log_in, tokens
from tests.browser.conftest import Watch
from tests.browser.site import Site
from tests.browser.states import Stage, limit_near, use_up
from tests.browser.test_asking import expected

pytestmark = pytest.mark.once

Visit = Callable[..., Page]
OPEN_MS = 1_000  # a chat of 2,000 messages


def tab_to(page: Page, name: str, *, role: str = "button", most: int = 60) -> None:
    """Press Tab until the thing of that name has the focus; the ring must be seen there."""
    wanted = page.get_by_role(role, name=name, exact=True).first  # type: ignore[arg-type]  # a role is a literal there
    for _ in range(most):
        page.keyboard.press("Tab")
        if wanted.evaluate("element => element === document.activeElement"):
            break
    expect(wanted).to_be_focused()
    assert wanted.evaluate("element => element.matches(':focus-visible')")


def test_a_whole_visit_by_keyboard_alone(visit: Visit, server: Site) -> None:
    page = visit("/accounts/login/")
    tab_to(page, "Email", role="textbox")
    page.keyboard.type(server.member["email"])
    page.keyboard.press("Tab")
    page.keyboard.type(server.member["password"])
    page.keyboard.press("Enter")
    field = page.get_by_label("Your message")
    expect(field).to_be_focused()
    # A model, by its name.
    page.keyboard.press("Control+k")
    page.keyboard.type("quick")
    page.keyboard.press("Enter")
    expect(page.locator(".picker__current")).to_have_text("Quick")
    # Ask, and ask again otherwise.
    expect(field).to_be_focused()
    page.keyboard.type("One")
    page.keyboard.press("Enter")
    expect_status(answer(page), "complete")
    page.keyboard.press("ArrowUp")
    page.keyboard.type(" more")
    page.keyboard.press("Enter")
    expect(page.locator(".question__bubble")).to_have_text("One more")
    expect_status(answer(page), "complete")
    # Its figures, by way of the answer's buttons, and back to where we were.
    figures = answer(page).locator(".answer__meta")
    expect(figures).to_be_visible()
    for _ in range(20):
        if figures.evaluate("element => element === document.activeElement"):
            break
        page.keyboard.press("Shift+Tab")
    page.keyboard.press("Enter")
    expect(page.get_by_role("dialog", name="Receipt")).to_be_visible()
    page.keyboard.press("Escape")
    expect(page.get_by_role("dialog", name="Receipt")).to_be_hidden()
    expect(figures).to_be_focused()
    # Another chat, by a word of its title.
    page.keyboard.press("Control+k")
    page.keyboard.type("sorting")
    expect(page.get_by_role("option", name="Which sorting algorithm?")).to_be_visible()
    page.keyboard.press("Enter")
    expect(page.locator("h1")).to_have_text("Which sorting algorithm?")
    # Two models side by side.
    page.locator("body").press("/")
    page.keyboard.press("Tab")
    page.keyboard.press("Enter")
    page.keyboard.type("quick")
    page.keyboard.press("ArrowDown")
    page.keyboard.press("Space")
    expect(box(page, "Quick")).to_be_checked()
    page.keyboard.press("Escape")
    expect(page.locator(".picker > summary")).to_be_focused()
    # The list of keys, and leaving.
    page.keyboard.press("?")
    expect(page.get_by_role("dialog", name="Keyboard shortcuts")).to_be_visible()
    page.keyboard.press("Escape")
    expect(page.locator(".picker > summary")).to_be_focused()
    page.keyboard.press("Control+k")
    page.keyboard.type("log out")
    page.keyboard.press("Enter")
    expect(page.locator(".person__name")).to_have_text("Guest")


def test_a_visit_at_200_percent(visit: Visit) -> None:
    page = visit(viewport={"width": 720, "height": 450}, device_scale_factor=2)
    ask(page, "Show me markdown", "Author")
    expect_status(answer(page), "complete")
    assert page.evaluate("document.documentElement.scrollWidth") == 720
    for name in ("Answer again", "Copy answer"):
        expect(answer(page).get_by_role("button", name=name)).to_be_in_viewport()
    page.locator(".picker > summary").click()
    expect(page.get_by_placeholder("Search models")).to_be_in_viewport(ratio=1)
    page.get_by_placeholder("Search models").fill("Quick")
    page.locator(".picker__row:not([hidden]) label").first.click()
    page.get_by_label("List of chats", exact=True).click()
    expect(page.locator(".chat-row").first).to_be_in_viewport()
    page.keyboard.press("Escape")
    page.keyboard.press("Control+K")
    expect(page.get_by_role("option", name="New chat")).to_be_in_viewport()
    page.keyboard.press("Escape")
    expect(page.get_by_label("Your message")).to_be_in_viewport(ratio=1)


def test_an_arabic_page_is_mirrored(visit: Visit) -> None:
    page = visit(locale="ar")
    assert page.evaluate("[document.documentElement.lang, document.documentElement.dir]") == ["ar", "rtl"]
    page.locator("#text").fill("ما هي اللغة العربية؟")
    page.keyboard.press("Enter")
    expect_status(answer(page), "complete")
    left = "element => element.getBoundingClientRect().left"
    width = 1440
    assert page.locator(".sidebar").evaluate(left) > width / 2
    assert page.locator(".question__bubble").evaluate(left) < width / 2
    assert page.locator(".composer__send").evaluate(left) < page.locator(".picker").evaluate(left)
    assert page.locator(".answer__dot").evaluate(left) > page.locator(".answer__model").evaluate(left)
    assert page.locator(".question__bubble").evaluate("element => getComputedStyle(element).direction") == "rtl"
    assert page.evaluate("document.documentElement.scrollWidth") == width


def test_a_finger_pulls_the_list_of_chats_out_and_pushes_it_back(visit: Visit) -> None:
    page = visit(size="phone")
    finger = page.context.new_cdp_session(page)

    def swipe(start: int, end: int) -> None:
        def touch(kind: str, *xs: int) -> None:
            points = [{"x": x, "y": 300} for x in xs]
            finger.send("Input.dispatchTouchEvent", {"type": kind, "touchPoints": points})

        touch("touchStart", start)
        for step in range(1, 7):
            touch("touchMove", start + (end - start) * step // 6)
            page.wait_for_timeout(16)
        touch("touchEnd")

    swipe(10, 300)
    expect(page.locator("html")).to_have_attribute("data-sheet", "open")
    expect(page.locator(".sidebar")).to_be_visible()
    swipe(300, 20)
    expect(page.locator("html")).not_to_have_attribute("data-sheet", "open")
    expect(page.locator(".sidebar")).to_be_hidden()


def test_the_palette_finds_what_is_called_so(visit: Visit, server: Site) -> None:
    page = visit()
    log_in(page, server)
    page.get_by_role("button", name="Search").click()
    options = page.get_by_role("option")
    expect(page.get_by_role("option", name="First steps")).to_be_visible()
    page.keyboard.type("theme")
    expect(options).to_have_count(1)
    page.keyboard.press("Enter")
    expect(page.locator("html")).to_have_attribute("data-theme", "light")
    page.keyboard.press("Control+K")
    page.keyboard.type("no such thing")
    expect(page.get_by_text("Nothing is called that.")).to_be_visible()
    page.get_by_role("combobox").fill("dark")
    expect(options).to_have_text(["Change the theme"])


@pytest.mark.once
def test_the_palette_does_not_lead_first_to_where_one_is(visit: Visit, server: Site) -> None:
    page = visit()
    log_in(page, server)
    page.get_by_role("link", name="First steps").click()
    expect(page.locator("h1")).to_have_text("First steps")
    page.keyboard.press("Control+K")
    expect(page.get_by_role("option", name="Which sorting algorithm?")).to_be_visible()
    expect(page.get_by_role("option", name="First steps")).to_have_count(0)
    page.keyboard.type("first steps")
    expect(page.get_by_role("option", name="First steps")).to_be_visible()


def test_an_answer_that_nobody_saw_is_marked_until_somebody_looks(visit: Visit) -> None:
    page = visit()
    ask(page, "Count slowly", "Steady")
    expect(answer(page).locator(".prose")).to_contain_text("t0010")
    page.get_by_role("link", name="New chat").first.click()
    row = page.locator(".chat-row")
    expect(row).to_have_attribute("data-unread", "", timeout=15_000)
    page.reload()
    expect(row).to_have_attribute("data-unread", "")
    row.click()
    expect_status(answer(page), "complete")
    page.get_by_role("link", name="New chat").first.click()
    expect(row).not_to_have_attribute("data-unread", "")


def test_an_answer_that_was_watched_is_read(visit: Visit) -> None:
    page = visit()
    ask(page, "Count", "Quick")
    expect_status(answer(page), "complete")
    expect(answer(page).locator(".answer__meta")).to_be_visible()
    page.get_by_role("link", name="New chat").first.click()
    expect(page.locator(".chat-row")).to_have_count(1)
    expect(page.locator(".chat-row")).not_to_have_attribute("data-unread", "")


def test_a_favourite_stands_on_top_and_stays_there(visit: Visit) -> None:
    page = visit()
    page.locator(".picker > summary").click()
    star = page.get_by_role("button", name="Favourite: Steady")
    star.focus()
    page.keyboard.press("Enter")
    expect(star).to_be_focused()
    page.reload()
    page.locator(".picker > summary").click()
    expect(page.locator(".picker__group:visible").first).to_contain_text("Steady")
    page.get_by_role("button", name="Favourite: Steady").click()
    expect(page.locator("[data-favourites]")).to_be_hidden()


def test_the_same_model_answers_as_often_as_it_is_asked(visit: Visit) -> None:
    page = visit()
    choose(page, "Quick")
    page.locator(".picker > summary").click()
    for _ in range(2):
        page.get_by_role("button", name="Quick once more").click()
    page.keyboard.press("Escape")
    expect(page.locator(".picker__current")).to_have_text("3 models")
    ask(page, "Three times")
    expect(answers(page)).to_have_count(3)
    for lane in answers(page).all():
        expect_status(lane, "complete")
        assert tokens(lane) == expected("Quick")
    page.reload()
    expect(page.locator(".picker__current")).to_have_text("3 models")


def test_the_day_runs_out_before_anybodys_eyes(visit: Visit, server: Site) -> None:
    page = limit_near(Stage(server, "desktop", visit))
    expect(page.locator(".today")).to_contain_text("2 of 20")
    expect(page.locator("[data-quota-line]")).to_contain_text("2 of 20 answers left today")
    page.reload()
    expect(page.locator("[data-quota-line]")).to_contain_text("2 of 20 answers left today")
    use_up(page)
    ask(page, "One too many")
    trouble = page.locator(".question__trouble").last
    expect(trouble).to_contain_text("20 of 20")
    expect(trouble).to_contain_text("renews")
    expect(trouble.get_by_role("link", name="Make an account")).to_be_visible()
    page.reload()
    expect(page.locator(".question__bubble").last).to_have_text("One too many")


def test_a_long_chat_opens_at_once_and_goes_up_without_a_jump(visit: Visit, server: Site) -> None:
    page = visit()
    log_in(page, server)
    page.goto(f"/chat/{server.long_chat}")
    times = []
    for _ in range(3):
        page.reload()
        expect(page.locator(".question__bubble").last).to_have_text("Question 1000?")
        times.append(page.evaluate("performance.getEntriesByType('navigation')[0].loadEventEnd"))
    assert min(times) <= OPEN_MS, times
    scroller = page.locator("chat-scroll")
    bottom = "element => element.scrollHeight - element.scrollTop - element.clientHeight"
    assert scroller.evaluate(bottom) < 40
    for _ in range(3):
        page.wait_for_timeout(150)
        before = page.locator(".turn").count()
        where = """scroller => {
            const turn = [...document.querySelectorAll(".turn")].find(one => one.getBoundingClientRect().bottom > 300)
            return [turn.id, Math.round(turn.getBoundingClientRect().top)]
        }"""
        page.route("**before=**", lambda route: None)
        scroller.evaluate("element => (element.scrollTop = 400)")
        page.wait_for_timeout(150)
        seen, top = scroller.evaluate(where)
        page.unroute("**before=**")
        page.locator("[data-earlier]").evaluate("place => delete place.dataset.loading")
        page.locator("[data-earlier] a").evaluate("link => link.click()")
        expect(page.locator(".turn")).not_to_have_count(before)
        page.wait_for_timeout(150)
        assert abs(page.locator(f"#{seen}").evaluate("turn => turn.getBoundingClientRect().top") - top) <= 2


def test_an_answer_is_announced_when_it_starts_and_when_it_ends(visit: Visit) -> None:
    page = visit()
    page.evaluate(
        """() => {
            window.said = []
            const region = document.getElementById("announcements")
            new MutationObserver(() => said.push(region.textContent)).observe(region, {childList: true, subtree: true})
        }"""
    )
    ask(page, "Count", "Quick")
    expect_status(answer(page), "complete")
    page.wait_for_timeout(200)
    assert page.evaluate("said") == ["Quick is answering", "Quick has answered"]
    assert page.locator("chat-answer [aria-live], chat-answer[aria-live]").count() == 0


def test_a_page_that_slept_wakes_where_it_was(visit: Visit) -> None:
    page = visit()
    ask(page, "Count slowly", "Steady")
    expect(answer(page).locator(".prose")).to_contain_text("t0020")
    # The network is gone without a word, as it is when a phone sleeps.
    page.evaluate("""() => { for (const name of ["offline"]) dispatchEvent(new Event(name)) }""")
    page.wait_for_timeout(600)
    page.evaluate("document.dispatchEvent(new Event('visibilitychange'))")
    expect_status(answer(page), "complete")
    assert tokens(answer(page)) == expected("Steady")


def test_nothing_moves_where_motion_is_off(visit: Visit) -> None:
    page = visit(reduced_motion="reduce")
    ask(page, "Say nothing", "Mute")
    expect(answer(page).locator(".dots")).to_be_visible()
    moving = "document.getAnimations().filter(one => one.effect.getComputedTiming().duration > 0).length"
    assert page.evaluate(moving) == 0
    page.keyboard.press("Escape")


def test_an_old_page_offers_a_reload(visit: Visit, watch: Watch) -> None:
    page = visit("about:blank")
    page.route_web_socket("**/ws/", lambda route: route.close(code=4409))
    page.goto("/")
    ask(page, "Hello", "Quick")
    expect(page.locator("connection-status")).to_contain_text("There is a new version of this page")
    page.unroute_all()
    expect(page.locator("connection-status").get_by_role("link", name="Reload")).to_have_attribute(
        "href", re.compile("/$")
    )
