"""What a stranger's words do in a real browser: nothing but stand there."""

from __future__ import annotations

from collections.abc import Callable
from urllib.parse import quote

from playwright.sync_api import Page, expect

from tests.browser.chat import answer, ask, expect_status

Visit = Callable[..., Page]
HOSTILE = '</script><img src=x onerror="window.hacked=1"><script>window.hacked=2</script> <!--<script> \u2028 {{7*7}}'
LISTENER = """
addEventListener("securitypolicyviolation", event => console.error("policy", event.blockedURI))
for (const name of ["alert", "confirm", "prompt"]) window[name] = () => { window.hacked = name }
"""


def _is_unharmed(page: Page) -> None:
    """The fixtures fail for whatever the console, the policy or a request to elsewhere complains about."""
    assert page.evaluate("window.hacked") is None
    assert page.locator("img, script:not([src]):not([type='application/json'])").count() == 0


def test_hostile_words_stand_in_the_title_the_list_and_the_question(visit: Visit) -> None:
    page = visit()
    page.add_init_script(LISTENER)
    page.goto("/")
    ask(page, HOSTILE, "Villain")
    expect_status(answer(page), "complete")
    _is_unharmed(page)
    page.reload()
    expect_status(answer(page), "complete")
    assert page.locator(".question__bubble").first.text_content() == HOSTILE
    assert page.title().startswith("</script><img")
    expect(page.locator(".chat-row__title").first).to_contain_text("</script><img")
    _is_unharmed(page)


def test_hostile_words_in_the_address_and_in_cookies_stand_there_too(visit: Visit) -> None:
    page = visit()
    page.add_init_script(LISTENER)
    cookies = {"models": quote(f'">{HOSTILE}'), "theme": '"><script>', "sidebar": '"onload=1', "tz": "<script>"}
    page.context.add_cookies([{"name": name, "value": value, "url": page.url} for name, value in cookies.items()])
    page.goto(f"/?query={quote(f'</textarea>{HOSTILE}')}")
    assert page.get_by_label("Your message").input_value() == f"</textarea>{HOSTILE}"
    page.locator(".picker > summary").click()
    _is_unharmed(page)


def test_nothing_private_lies_in_the_browsers_storage(visit: Visit) -> None:
    page = visit()
    ask(page, "Something of mine", "Quick")
    expect_status(answer(page), "complete")
    stored = page.evaluate("JSON.stringify([{...localStorage}, {...sessionStorage}, document.cookie])")
    assert "Something of mine" not in stored
    assert not {"sessionid", "csrftoken", "visitor"} & set(stored.replace('"', " ").replace("=", " ").split())
