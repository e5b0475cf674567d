"""Without a network the last chats can be read, and nobody else's."""

from __future__ import annotations

from collections.abc import Callable

from playwright.sync_api import Page, expect

from tests.browser.chat import answer, ask, expect_status, log_in
from tests.browser.conftest import Watch
from tests.browser.site import Site

Visit = Callable[..., Page]
KEPT = """path => caches.keys().then(async names => {
  for (const name of names) if (name.startsWith("pages-") && await (await caches.open(name)).match(path)) return true
  return false
})"""


def _until(page: Page, script: str, arg: object = None) -> None:
    """Wait until `script` is true. Playwright's own way needs `eval`, which the page's policy forbids."""
    for _ in range(600):
        if page.evaluate(script, arg):
            return
        page.wait_for_timeout(50)
    raise AssertionError(f"never true: {script}")


def _with_a_kept_chat(page: Page, words: str) -> str:
    """Ask, and come back to the chat as people do. Returns its path."""
    _until(page, "navigator.serviceWorker.controller !== null")
    ask(page, words, "Quick")
    expect_status(answer(page), "complete")
    page.reload()
    path = str(page.evaluate("location.pathname"))
    _until(page, KEPT, path)
    return path


def test_the_last_chats_can_be_read_without_a_network(visit: Visit, watch: Watch) -> None:
    watch.expect("ERR_INTERNET_DISCONNECTED", "WebSocket")
    page = visit(service_workers="allow")
    path = _with_a_kept_chat(page, "What stays?")
    said = answer(page).locator(".prose").inner_text()
    page.context.set_offline(True)
    page.goto(path)
    expect(page.locator(".question__bubble")).to_have_text("What stays?")
    assert answer(page).locator(".prose").inner_text() == said
    expect(page.locator("connection-status")).to_contain_text("offline")
    page.goto("/compare")
    expect(page.get_by_role("heading", name="You are offline")).to_be_visible()
    page.get_by_role("link", name="What stays?").click()
    expect(page.locator(".question__bubble")).to_have_text("What stays?")
    page.context.set_offline(False)


def test_who_leaves_takes_the_kept_chats_along(visit: Visit, watch: Watch, server: Site) -> None:
    watch.expect("ERR_INTERNET_DISCONNECTED", "WebSocket")
    page = visit(service_workers="allow")
    log_in(page, server)
    path = _with_a_kept_chat(page, "Mine alone")
    page.locator("[data-log-out]").click()
    page.wait_for_url("/")
    _until(page, f"path => ({KEPT})(path).then(kept => !kept)", path)
    page.context.set_offline(True)
    page.goto(path)
    expect(page.get_by_role("heading", name="You are offline")).to_be_visible()
    expect(page.locator("kept-chats")).to_be_hidden()
    page.context.set_offline(False)
