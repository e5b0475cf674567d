"""A real browser before a real site.

Whatever a story does, at its end the browser must not have complained: no error in the console, no report
of the content security policy, no answer of 500, nothing asked of another origin.

The site is on SQLite, or on PostgreSQL and Redis with a worker of its own where DATABASE_URL and REDIS_URL
say so. There run the stories that are about more than the page: those not marked `once`.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from django.conf import settings
from playwright.sync_api import Browser, BrowserContext, Page, sync_playwright

from tests.browser import site
from tests.browser.site import CHROMIUM, FLAGS, SIZES, Site
from tests.witness.client import WitnessClient
from tests.witness.fixtures import witness as witness

# A whole visit, on a machine that does other things beside it.
TIMEOUT_S = 150


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if Path(__file__).parent in item.path.parents and not item.get_closest_marker("timeout"):
            item.add_marker(pytest.mark.timeout(TIMEOUT_S))


@pytest.fixture(scope="session")
def server(witness: WitnessClient, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    site.build()
    folder, database_url = tmp_path_factory.mktemp("server"), os.environ.get("DATABASE_URL", "")
    with site.running(witness, folder, database_url=database_url, redis_url=settings.REDIS_URL) as running:
        yield running


@pytest.fixture(scope="session")
def chromium() -> Iterator[Browser]:
    assert CHROMIUM, "Chromium is needed; CHROMIUM names it where it has another name."
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=FLAGS)
        yield browser
        browser.close()


@dataclass(slots=True)
class Watch:
    """What a browser complained about. A story says beforehand which complaints belong to it."""

    origin: str
    complaints: list[str] = field(default_factory=list)
    # Where service workers are blocked the browser says so.
    expected: list[str] = field(default_factory=lambda: ["Service Worker registration blocked by Playwright"])

    def expect(self, *parts: str) -> None:
        self.expected.extend(parts)

    def on(self, context: BrowserContext) -> None:
        context.on("weberror", lambda error: self.complaints.append(f"error: {error.error}"))
        context.on("console", lambda message: self._console(message.type, message.text, message.location["url"]))
        context.on("request", lambda request: self._request(request.url))
        context.on("response", lambda answer: self._response(answer.status, answer.url))

    def remaining(self) -> list[str]:
        return [one for one in self.complaints if not any(part in one for part in self.expected)]

    def _console(self, kind: str, text: str, url: str) -> None:
        if kind in {"error", "warning"}:
            self.complaints.append(f"{kind}: {text} {url}")

    def _request(self, url: str) -> None:
        if not url.startswith((self.origin, self.origin.replace("http", "ws"), "data:", "blob:")):
            self.complaints.append(f"elsewhere: {url}")

    def _response(self, status: int, url: str) -> None:
        if status >= 500:
            self.complaints.append(f"{status}: {url}")


@pytest.fixture
def watch(server: Site) -> Iterator[Watch]:
    watch = Watch(server.url)
    yield watch
    assert watch.remaining() == []


@pytest.fixture
def visit(chromium: Browser, server: Site, watch: Watch) -> Iterator[Callable[..., Page]]:
    """`visit()` is a fresh browser at the start page; `size`, `path` and what a context takes are chosen by name."""
    contexts: list[BrowserContext] = []

    def visit(path: str = "/", size: str = "desktop", **options: Any) -> Page:
        # A story about something else is not to meet what a service worker kept.
        options = {"service_workers": "block", **SIZES[size], **options}
        context = chromium.new_context(base_url=server.url, **options)
        context.set_default_timeout(15_000)
        watch.on(context)
        contexts.append(context)
        page = context.new_page()
        page.goto(path)
        return page

    yield visit
    for context in contexts:
        context.close()
