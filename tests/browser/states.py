"""Every state a page can be in, each reached as a person would reach it, or as misfortune would.

`STATES` is read twice: `test_states` asks whether each is accessible in both themes and fits a phone, and
`python -m tests.browser.contact_sheet` makes pictures of them all for eyes to judge.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, Final, Literal

from django.test import RequestFactory
from playwright.sync_api import Page, Route, WebSocketRoute, expect

from config.errors import Unavailable
from config.middleware import render_error
from tests.browser.chat import answer, answers, ask, expect_status, lane, log_in
from tests.browser.site import ROOT, Site

Size = Literal["desktop", "phone"]
CODE: Final = "Which Python code finds the shortest path in a graph?"
LETTER: Final = "How did the letter as we know it come about?"
FAST: Final = "demo/fast@200"


@dataclass(slots=True)
class Stage:
    """Where a state is brought about. `open` gives a page of a fresh browser whose person likes `models`."""

    site: Site
    size: Size
    _open: Callable[..., Page]
    models: str = FAST
    sockets: list[WebSocketRoute] = field(default_factory=list)

    def open(
        self, path: str = "/", *, models: str = FAST, cookies: dict[str, str] | None = None, **options: Any
    ) -> Page:
        page = self._open("about:blank", self.size, **options)
        chosen = {"models": models.replace("/", "%2F").replace("@", "%40").replace(",", "%2C"), **(cookies or {})}
        page.context.add_cookies([{"name": k, "value": v, "url": self.site.url} for k, v in chosen.items()])
        page.goto(path)
        return page

    def tap_wire(self, page: Page, *, answers: int = 99) -> None:
        """Hold the page's sockets, so that they can be closed from here; after `answers` of them nobody answers."""

        def hold(route: WebSocketRoute) -> None:
            self.sockets.append(route)
            if len(self.sockets) <= answers:
                route.connect_to_server()

        page.route_web_socket("**/ws/", hold)


@dataclass(frozen=True, slots=True)
class State:
    name: str
    reach: Callable[[Stage], Page]
    complaints: tuple[str, ...]  # what the browser rightly says meanwhile
    sizes: tuple[Size, ...]


STATES: Final[list[State]] = []


def state(*complaints: str, sizes: tuple[Size, ...] = ("desktop", "phone")) -> Callable[[Callable[[Stage], Page]], Any]:
    def register(reach: Callable[[Stage], Page]) -> Callable[[Stage], Page]:
        STATES.append(State(reach.__name__, reach, complaints, sizes))
        return reach

    return register


# --- Nothing yet -----------------------------------------------------------------------------------


@state()
def empty(stage: Stage) -> Page:
    return stage.open(models="demo")


@state()
def empty_with_history(stage: Stage) -> Page:
    page = stage.open(models="demo")
    log_in(page, stage.site)
    return page


@state()
def composer_with_a_long_text(stage: Stage) -> Page:
    page = stage.open()
    page.get_by_label("Your message").fill("\n".join(f"Line {number} of a longer thought." for number in range(1, 40)))
    return page


# --- An answer, from the first moment to the last -----------------------------------------------------


@state()
def waiting(stage: Stage) -> Page:
    page = stage.open(models="demo/silent")
    ask(page, "Are you there?")
    expect(answer(page).locator(".answer__waiting")).to_be_visible()
    return page


@state()
def slow(stage: Stage) -> Page:
    page = stage.open(models="demo/silent")
    page.clock.install()
    ask(page, "Are you there?")
    expect_status(answer(page), "streaming")
    page.clock.fast_forward(9_500)
    expect(answer(page)).to_contain_text("This model can be slow")
    return page


@state()
def queued_behind(stage: Stage) -> Page:
    page = stage.open(models="demo/silent@30")
    ask(page, "The first question")
    expect(answer(page).locator(".prose")).to_be_visible()
    ask(page, "And a second one, at once")
    expect(answer(page)).to_contain_text("Waits for the answer above")
    return page


@state()
def streaming(stage: Stage) -> Page:
    page = stage.open(models="demo/silent@90")
    ask(page, CODE)
    expect(answer(page).locator("li").first).to_be_visible()
    page.wait_for_timeout(900)
    return page


@state()
def thinking(stage: Stage) -> Page:
    page = stage.open(models="openai/w-reason4000-rate40")
    ask(page, "Which is heavier?")
    expect(answer(page).locator(".thinking summary")).to_have_text("Thinking…")
    return page


@state()
def thought(stage: Stage) -> Page:
    page = stage.open(models="demo/reason")
    ask(page, "Which is heavier?")
    expect_status(answer(page), "complete")
    answer(page).locator(".thinking summary").click()
    return page


@state()
def complete(stage: Stage) -> Page:
    page = stage.open()
    ask(page, CODE)
    expect_status(answer(page), "complete")
    return page


@state()
def markdown(stage: Stage) -> Page:
    page = stage.open(models="openai/w-markdown-rate200")
    ask(page, "Show me everything markdown can do")
    expect_status(answer(page), "complete")
    return page


@state()
def conversation(stage: Stage) -> Page:
    page = stage.open()
    for text in (LETTER, "How many planets are there?", CODE):
        ask(page, text)
        expect_status(answer(page), "complete")
    return page


@state()
def receipt(stage: Stage) -> Page:
    page = complete(stage)
    answer(page).locator(".answer__meta").click()
    expect(page.get_by_role("dialog", name="Receipt")).to_be_visible()
    return page


@state()
def tool_running(stage: Stage) -> Page:
    page = stage.open()
    stage.site.cloud(4.5)
    ask(page, "What is the weather in Lisbon?")
    expect(answer(page).locator(".tool")).to_be_visible()
    stage.site.cloud(0)
    return page


@state()
def tool_done(stage: Stage) -> Page:
    page = stage.open()
    ask(page, "What is the weather in Lisbon?")
    expect(answer(page).locator(".weather")).to_be_visible()
    expect_status(answer(page), "complete")
    return page


@state()
def tool_failed(stage: Stage) -> Page:
    page = stage.open(models="openai/w-tools-badjson-tokens12-rate200")
    ask(page, "What is the weather in Lisbon?")
    expect_status(answer(page), "complete")
    return page


# --- Answers that end otherwise -----------------------------------------------------------------------


@state()
def stopped(stage: Stage) -> Page:
    page = stage.open(models="demo/silent@40")
    ask(page, LETTER)
    expect(answer(page).locator(".prose")).to_be_visible()
    page.get_by_role("button", name="Stop", exact=True).click()
    expect_status(answer(page), "stopped")
    return page


@state()
def failed(stage: Stage) -> Page:
    page = stage.open(models="demo/fail@0")
    ask(page, LETTER)
    expect_status(answer(page), "failed")
    return page


@state()
def failed_with_text(stage: Stage) -> Page:
    page = stage.open(models="demo/break@40")
    ask(page, LETTER)
    expect_status(answer(page), "failed")
    return page


@state()
def interrupted(stage: Stage) -> Page:
    page = stopped(stage)
    run = answer(page).get_attribute("data-run") or ""
    stage.site.execute("UPDATE chat_run SET status = 'interrupted' WHERE id = ?", run.replace("-", ""))
    page.reload()
    expect(answer(page).get_by_role("button", name="Continue")).to_be_visible()
    return page


@state()
def branches(stage: Stage) -> Page:
    page = complete(stage)
    answer(page).get_by_role("button", name="Answer again").click()
    expect(answer(page).locator(".switch")).to_contain_text("2/2", timeout=20_000)
    return page


# --- Several answers ----------------------------------------------------------------------------------


@state()
def comparing(stage: Stage) -> Page:
    page = stage.open(models="demo/silent@90,demo/silent@25,demo/silent")
    ask(page, CODE)
    expect(answers(page)).to_have_count(3)
    expect(answers(page).first.locator("li").first).to_be_visible()
    page.wait_for_timeout(900)
    return page


@state()
def compared(stage: Stage) -> Page:
    page = stage.open(models=f"{FAST},demo/fail@12")
    ask(page, CODE)
    expect_status(answers(page).nth(0), "complete")
    expect_status(answers(page).nth(1), "failed")
    return page


def _all_complete(page: Page) -> None:
    for one in answers(page).all():
        expect_status(one, "complete")
    expect(page.locator(".outcome")).to_be_visible()


@state()
def six_lanes(stage: Stage) -> Page:
    page = stage.open(models=",".join([FAST] * 3 + ["demo/fast"] * 3))
    ask(page, LETTER)
    _all_complete(page)
    return page


@state()
def four_lanes_streaming(stage: Stage) -> Page:
    page = stage.open(models="demo/silent@120,demo/slow,demo/fail@30,demo/reason")
    ask(page, CODE)
    expect(answers(page)).to_have_count(4)
    expect_status(lane(page, "Demo, fail"), "failed")
    page.wait_for_timeout(1_500)
    return page


@state()
def every_end_side_by_side(stage: Stage) -> Page:
    page = stage.open(models="demo/fast,demo/silent@20,demo/fail@0,demo/break@40,demo/cut@30,demo/slow")
    ask(page, CODE)
    expect_status(lane(page, "Demo, break"), "failed")
    expect(lane(page, "Demo, silent").locator(".prose")).to_be_visible()
    lane(page, "Demo, silent").get_by_label("Stop this answer").click()
    expect_status(lane(page, "Demo, silent"), "stopped")
    return page


@state()
def everybody_goes_on_with_one(stage: Stage) -> Page:
    page = stage.open(models=f"{FAST},demo/reason")
    ask(page, LETTER)
    _all_complete(page)
    answers(page).nth(1).get_by_role("button", name="Continue with this one").click()
    page.locator(".menu:popover-open").get_by_role("button", name="All models").click()
    expect(page.locator(".outcome__choice")).to_be_visible()
    return page


@state()
def choosing_whom_to_go_on_with(stage: Stage) -> Page:
    page = stage.open(models=f"{FAST},demo/fast")
    ask(page, LETTER)
    _all_complete(page)
    answers(page).first.get_by_role("button", name="Continue with this one").click()
    expect(page.locator(".menu:popover-open")).to_be_visible()
    return page


@state()
def two_comparisons(stage: Stage) -> Page:
    page = stage.open(models=f"{FAST},demo/count@60")
    for text in ("One", "Two"):
        ask(page, text)
        expect(page.locator(".turn:last-child chat-answer")).to_have_count(2)
        _all_ended(page)
    return page


def _all_ended(page: Page) -> None:
    expect(page.locator("chat-answer:is([data-status=queued], [data-status=streaming])")).to_have_count(0)


@state()
def ready_to_compare(stage: Stage) -> Page:
    return stage.open("/compare")


@state()
def comparisons_made(stage: Stage) -> Page:
    page = six_lanes(stage)
    page.goto("/compare")
    expect(page.get_by_role("heading", name="Your comparisons")).to_be_visible()
    return page


@state()
def sets_of_models(stage: Stage) -> Page:
    page = stage.open(models="demo,demo,demo/fast")
    page.locator(".picker > summary").click()
    for name in ("Everyday", "Long answers"):
        page.get_by_role("button", name="Keep as a set").click()
        page.get_by_label("Name of the set").fill(name)
        page.get_by_label("Name of the set").press("Enter")
        expect(page.locator(".sets").get_by_role("link", name=name, exact=True)).to_be_visible()
    page.get_by_role("button", name="Keep as a set").click()
    return page


@state()
def fewer_answers_than_lanes(stage: Stage) -> Page:
    page = limit_near(stage)
    page.get_by_label("Your message").fill("And one more, with everybody")
    expect(page.locator("[data-few]")).to_be_visible()
    return page


# --- What was said ------------------------------------------------------------------------------------


@state()
def editing(stage: Stage) -> Page:
    page = complete(stage)
    page.locator(".question").hover()
    page.get_by_role("button", name="Edit message").click()
    expect(page.get_by_label("Your message")).to_have_value(CODE)
    return page


@state("ERR_FAILED", "/guest")
def unsent(stage: Stage) -> Page:
    page = stage.open()
    page.route("**/guest", lambda route: route.abort())
    ask(page, LETTER)
    expect(page.get_by_role("button", name="Send again")).to_be_visible()
    return page


@state("ERR_INTERNET_DISCONNECTED")
def waiting_for_the_network(stage: Stage) -> Page:
    page = complete(stage)
    page.context.set_offline(True)
    ask(page, "And another question, while I am on a train")
    expect(page.locator(".question").last).to_contain_text("goes out when the connection is back")
    expect(page.locator("connection-status")).to_be_visible()
    return page


@state()
def limit_near(stage: Stage) -> Page:
    page = stage.open(models=",".join(["demo/count@5"] * 6))
    for number in range(3):
        ask(page, f"Question {number + 1}")
        expect(answers(page)).to_have_count(6 * (number + 1))
        for one in page.locator(".turn:last-child chat-answer").all():
            expect_status(one, "complete")
    expect(page.locator("[data-quota-line]")).to_be_visible()
    return page


@state()
def limit_reached(stage: Stage) -> Page:
    page = limit_near(stage)
    use_up(page)
    ask(page, "One question too many, and I would like to keep it")
    expect(page.locator(".question__trouble").last).to_contain_text("20 of 20")
    return page


def use_up(page: Page) -> None:
    """Ask with the two answers that `limit_near` leaves."""
    ask(page, "The last two")
    page.get_by_role("button", name="Ask only the first 2").click()
    expect(page.locator(".turn:last-child chat-answer")).to_have_count(2)
    for one in page.locator(".turn:last-child chat-answer").all():
        expect_status(one, "complete")


@state()
def too_long(stage: Stage) -> Page:
    page = stage.open()
    ask(page, "ü" * 140_000)
    expect(page.locator(".question__trouble")).to_contain_text("too long")
    page.locator(".question__bubble").evaluate("bubble => bubble.textContent = bubble.textContent.slice(0, 900)")
    return page


# --- The connection -----------------------------------------------------------------------------------


@state("ERR_INTERNET_DISCONNECTED")
def offline(stage: Stage) -> Page:
    page = streaming(stage)
    page.context.set_offline(True)
    expect(page.locator("connection-status")).to_contain_text("offline")
    return page


def _closed(stage: Stage, code: int, words: str) -> Page:
    page = stage.open(models="demo/silent@60")
    stage.tap_wire(page, answers=1)
    page.reload()
    ask(page, CODE)
    expect(answer(page).locator(".prose").first).to_be_visible()
    stage.sockets[0].close(code=code)
    expect(page.locator("connection-status")).to_contain_text(words)
    return page


@state()
def reconnecting(stage: Stage) -> Page:
    return _closed(stage, 4500, "Reconnecting")


@state()
def server_restarts(stage: Stage) -> Page:
    return _closed(stage, 1012, "The server restarts")


@state()
def page_is_old(stage: Stage) -> Page:
    return _closed(stage, 4409, "There is a new version")


@state()
def login_ended(stage: Stage) -> Page:
    page = stage.open()
    log_in(page, stage.site)
    other = page.context.new_page()
    other.goto("/")
    other.locator("[data-log-out]").evaluate("button => button.click()")
    expect(page.locator("connection-status")).to_contain_text("Your login has ended")
    return page


# --- Looking for something ------------------------------------------------------------------------------


@state()
def picker(stage: Stage) -> Page:
    page = stage.open(models="demo,demo,demo/fast", cookies={"favourites": "demo%2Freason"})
    page.locator(".picker > summary").click()
    return page


@state()
def picker_finds_nothing(stage: Stage) -> Page:
    page = picker(stage)
    page.get_by_placeholder("Search models").fill("no such model")
    return page


@state()
def picker_says_why(stage: Stage) -> Page:
    page = picker(stage)
    page.get_by_placeholder("Search models").fill("anthropic")
    return page


@state()
def palette(stage: Stage) -> Page:
    page = stage.open()
    log_in(page, stage.site)
    page.keyboard.press("Control+K")
    expect(page.locator("[data-chats] [role=option]").first).to_be_visible()
    return page


@state()
def palette_finds_nothing(stage: Stage) -> Page:
    page = palette(stage)
    page.keyboard.type("no such thing")
    expect(page.get_by_text("Nothing is called that.")).to_be_visible()
    return page


@state()
def shortcuts(stage: Stage) -> Page:
    page = stage.open()
    page.locator("chat-scroll").press("?")
    expect(page.get_by_role("dialog", name="Keyboard shortcuts")).to_be_visible()
    return page


@state()
def loading_what_was_said_earlier(stage: Stage) -> Page:
    page = stage.open()
    log_in(page, stage.site)
    page.goto(f"/chat/{stage.site.long_chat}")
    page.context.route("**before=**", _never)
    page.locator("chat-scroll").evaluate("element => (element.scrollTop = 0)")
    expect(page.locator(".conversation__earlier .skeleton")).to_be_visible()
    page.wait_for_timeout(500)
    return page


@state(sizes=("desktop",))
def rail(stage: Stage) -> Page:
    page = stage.open(cookies={"sidebar": "rail"})
    ask(page, LETTER)
    expect_status(answer(page), "complete")
    return page


@state(sizes=("phone",))
def sheet(stage: Stage) -> Page:
    page = stage.open()
    log_in(page, stage.site)
    page.get_by_label("List of chats", exact=True).click()
    expect(page.locator(".sidebar")).to_be_visible()
    page.wait_for_timeout(300)
    return page


# --- Other pages ----------------------------------------------------------------------------------------


# --- Documents --------------------------------------------------------------------------------------


@state()
def document_in_chat(stage: Stage) -> Page:
    page = stage.open()
    ask(page, "Write a short essay about the history of the letter")
    expect_status(answer(page), "complete")
    expect(answer(page).locator(".document")).to_be_visible()
    return page


@state()
def document_being_written(stage: Stage) -> Page:
    page = stage.open(models="demo/slow")
    ask(page, "Write a short essay about the history of the letter")
    expect(answer(page).locator(".document__preview")).to_contain_text("prepared", timeout=30_000)
    return page


@state()
def document_page(stage: Stage) -> Page:
    page = document_in_chat(stage)
    ask(page, "Suggest improvements")
    expect_status(answer(page), "complete")
    page.locator(".document").first.click()
    expect(page.get_by_role("heading", name="Suggestions")).to_be_visible()
    return page


@state("409")
def document_edited_by_two(stage: Stage) -> Page:
    page = document_in_chat(stage)
    address = page.locator(".document").get_attribute("href")
    other = page.context.new_page()
    other.goto(f"{stage.site.url}{address}?edit")
    other.get_by_label("Content").fill("My own words")
    page.goto(f"{address}?edit")
    page.get_by_label("Content").fill("Words of another tab")
    other.get_by_role("button", name="Save").click()
    expect(other.get_by_role("article")).to_be_visible()
    page.get_by_role("button", name="Save").click()
    expect(page.get_by_role("alert")).to_be_visible()
    return page


@state()
def sheet_page(stage: Stage) -> Page:
    page = stage.open()
    ask(page, "Make a sheet of office supplies")
    expect_status(answer(page), "complete")
    page.locator(".document").click()
    expect(page.get_by_role("table")).to_be_visible()
    return page


@state()
def code_page(stage: Stage) -> Page:
    page = stage.open()
    ask(page, "Write code that finds the shortest path")
    expect_status(answer(page), "complete")
    page.locator(".document").click()
    expect(page.locator("code.highlight")).to_be_visible()
    return page


@state()
def library(stage: Stage) -> Page:
    page = sheet_page(stage)
    page.get_by_role("link", name="Library").click()
    page.get_by_role("button", name="Delete").click()
    expect(page.get_by_role("button", name="Undo")).to_be_visible()
    return page


@state()
def arabic(stage: Stage) -> Page:
    page = stage.open(locale="ar")
    page.locator("#text").fill("ما هي اللغة العربية؟")
    page.keyboard.press("Enter") if stage.size == "desktop" else page.locator(".composer__send").click()
    expect_status(answer(page), "complete")
    return page


@state()
def logging_in(stage: Stage) -> Page:
    return stage.open("/accounts/login/")


@state()
def signing_up(stage: Stage) -> Page:
    return stage.open("/accounts/signup/")


@state()
def resetting_a_password(stage: Stage) -> Page:
    return stage.open("/accounts/password/reset/")


@state("404")
def nothing_here(stage: Stage) -> Page:
    return stage.open("/nowhere")


@state("500")
def our_mistake(stage: Stage) -> Page:
    page = complete(stage)
    message = answer(page).get_attribute("data-message") or ""
    stage.site.execute("""UPDATE chat_message SET parts = '[{"odd": 1}]' WHERE id = ?""", message.replace("-", ""))
    page.reload()
    expect(page.get_by_role("heading", name="Our mistake")).to_be_visible()
    return page


@state("503")
def unavailable(stage: Stage) -> Page:
    html = render_error(RequestFactory().get("/", HTTP_ACCEPT="text/html"), Unavailable("page")).content.decode()
    page = stage.open("about:blank")
    page.route("**/", lambda route: route.fulfill(status=503, content_type="text/html", body=html))
    page.goto("/")
    return page


@state("503")
def maintenance(stage: Stage) -> Page:
    html = (ROOT / "static" / "maintenance.html").read_text(encoding="utf-8")
    page = stage.open("about:blank")
    page.route("**/", lambda route: route.fulfill(status=503, content_type="text/html", body=html))
    page.goto("/")
    return page


def _never(route: Route) -> None:
    """An answer that does not come."""
