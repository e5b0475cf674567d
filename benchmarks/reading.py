"""What a reader's browser goes through: the first page, a chat of 2,000 messages, four answers that stream at once.

Tasks are measured by the processor time of the page's main thread, as the browser's own trace has it, so that
what else runs on this machine does not count as ours.
"""

from __future__ import annotations

import json
import re
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from playwright.sync_api import Browser, Page, expect, sync_playwright

from benchmarks.prove import promise
from tests.browser import site
from tests.browser.chat import log_in
from tests.witness import client

LANES = 4
STREAMED = "w-markdown-tokens2400-rate200"  # 12 s of it
READ_BEFORE = 100  # questions with their answers that stand above
CATEGORIES = ["toplevel", "devtools.timeline", "disabled-by-default-devtools.timeline"]
SHIFTS = """
window.shifted = 0
new PerformanceObserver(list => {
    for (const entry of list.getEntries()) if (!entry.hadRecentInput) window.shifted += entry.value
}).observe({type: "layout-shift", buffered: true})
"""


@dataclass(frozen=True, slots=True)
class FirstPage:
    requests: int
    script_and_style_bytes: int
    shift: float


@dataclass(frozen=True, slots=True)
class Streaming:
    longest_task_ms: float  # of those that ran our script
    busy_share: float  # of the main thread's time


@dataclass(frozen=True, slots=True)
class Reading:
    first: FirstPage
    long_chat_ms: float
    streaming: Streaming


@cache
def _reading() -> Reading:
    site.build()
    with _place() as (place, browser):
        return Reading(_first(place, browser), _open_long_chat(place, browser), _stream(place, browser))


@contextmanager
def _place() -> Iterator[tuple[site.Site, Browser]]:
    models = {"Streamer": STREAMED}
    with (
        client.process() as witness,
        tempfile.TemporaryDirectory() as folder,
        site.running(witness, Path(folder), models=models) as place,
        sync_playwright() as playwright,
    ):
        browser = playwright.chromium.launch(executable_path=site.CHROMIUM, args=site.FLAGS)
        yield place, browser
        browser.close()


def _first(place: site.Site, browser: Browser) -> FirstPage:
    page = _page(place, browser)
    page.add_init_script(SHIFTS)
    sizes: dict[str, int] = {}
    page.on("requestfinished", lambda request: sizes.update({request.url: request.sizes()["responseBodySize"]}))
    page.goto("/", wait_until="networkidle")
    page.wait_for_timeout(500)
    heavy = sum(size for url, size in sizes.items() if re.search(r"\.(js|css)$", url))
    first = FirstPage(len(sizes), heavy, page.evaluate("shifted"))
    page.context.close()
    return first


def _open_long_chat(place: site.Site, browser: Browser) -> float:
    """The best of three loads, from the click to the page's load event: a warm server, as it is in life."""
    page = _page(place, browser)
    log_in(page, place)
    times = []
    for _ in range(3):
        page.goto(f"/chat/{place.long_chat}", wait_until="load")
        expect(page.locator(".question__bubble").last).to_have_text("Question 1000?")
        times.append(float(page.evaluate("performance.getEntriesByType('navigation')[0].loadEventEnd")))
    page.context.close()
    return min(times)


def _stream(place: site.Site, browser: Browser) -> Streaming:
    chat = site.long_chat(place.database, place.member["email"], READ_BEFORE)
    page = _page(place, browser)
    log_in(page, place)
    page.goto(f"/chat/{chat}")
    page.evaluate(
        """([model, times]) => document.querySelector("chat-composer").dispatchEvent(new CustomEvent("starter-chosen",
            {bubbles: true, detail: {text: "All of you, at once", models: Array(times).fill(model)}}))""",
        [f"openai/{STREAMED}", LANES],
    )
    lanes = page.locator(".turn:last-child chat-answer")
    expect(lanes).to_have_count(LANES)
    expect(lanes.last.locator(".prose").first).to_be_visible(timeout=20_000)
    browser.start_tracing(page=page, categories=CATEGORIES)
    page.wait_for_timeout(8_000)
    trace = json.loads(browser.stop_tracing())
    for lane in lanes.all():
        expect(lane).to_have_attribute("data-status", "complete", timeout=60_000)
    page.context.close()
    return _judged(trace["traceEvents"], place.url)


def _judged(events: list[dict[str, Any]], origin: str) -> Streaming:
    scripts = [
        event
        for event in events
        if event["name"] in {"FunctionCall", "EvaluateScript"}
        and str(event.get("args", {}).get("data", {}).get("url", "")).startswith(origin)
    ]
    assert scripts, "the trace has none of our scripts"
    thread = (scripts[0]["pid"], scripts[0]["tid"])
    tasks = [
        event
        for event in events
        if event.get("ph") == "X" and event["name"] == "RunTask" and (event["pid"], event["tid"]) == thread
    ]
    starts = sorted(event["ts"] for event in scripts if (event["pid"], event["tid"]) == thread)
    ours = [task for task in tasks if any(task["ts"] <= at <= task["ts"] + task["dur"] for at in starts)]
    begun, ended = min(task["ts"] for task in tasks), max(task["ts"] + task["dur"] for task in tasks)
    spent = [task.get("tdur", task["dur"]) for task in tasks]
    return Streaming(max(task.get("tdur", task["dur"]) for task in ours) / 1000, sum(spent) / (ended - begun))


def _page(place: site.Site, browser: Browser) -> Page:
    context = browser.new_context(base_url=place.url, **site.SIZES["desktop"])
    context.set_default_timeout(30_000)
    return context.new_page()


@promise("first_page_loaded_requests", 12)
def loaded_requests() -> float:
    return _reading().first.requests


@promise("first_page_loaded_script_and_style_kb", 90)
def loaded_script_and_style() -> float:
    return _reading().first.script_and_style_bytes / 1000


@promise("first_page_layout_shift", 0.001)
def layout_shift() -> float:
    return _reading().first.shift


@promise("chat_of_2000_messages_opens_ms", 1000)
def long_chat() -> float:
    return _reading().long_chat_ms


@promise("four_streams_longest_script_task_ms", 50)
def longest_task() -> float:
    return _reading().streaming.longest_task_ms


@promise("four_streams_main_thread_busy_share", 0.6)
def busy_share() -> float:
    return _reading().streaming.busy_share
