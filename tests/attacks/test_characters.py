"""Characters that break databases, terminals and scripts: NUL, lone surrogates, the ends of lines and of time."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any

import pytest
from django.test import Client

from accounts.models import Login, User
from chat.models import Chat, Message, Run
from config.ids import uuid7
from tests import cast
from tests.cast import PASSWORD
from tests.chat.tab import Closed, Tab

Browser = Callable[..., Client]
OpenTab = Callable[[User], Awaitable[Tab]]
NUL = "\x00"
BREAKING = "</script><script>alert(1)</script><!--<script> \u2028\u2029 \u202e\x1b[31m\x7f {{ 7*7 }} %(x)s ${7*7}"


@pytest.mark.parametrize("name", ["sessionid", "visitor", "models", "tz", "theme", "csrftoken", "django_language"])
def test_a_nul_in_a_cookie_is_a_cookie_we_do_not_have(name: str, browser: Browser) -> None:
    """A cookie may write it as an octal escape, and PostgreSQL cannot look for it."""
    client = browser()
    for path in ("/", "/accounts/login/", "/sidebar", "/admin/"):
        answer = client.get(path, headers={"Cookie": f'{name}="\\000aaaaaaaaaaaa"'})
        assert answer.status_code in (200, 302), (path, answer.status_code)


@pytest.mark.parametrize("text", [NUL, f"{NUL} {NUL}", f" \n{NUL}\n", "\u2028\u2029"])
def test_a_question_of_nothing_visible_is_no_question(text: str, ada: User, browser: Browser) -> None:
    answer = browser(ada).post("/chat", {"text": text, "models": "demo/fast"})
    assert answer.status_code == 400
    assert not Chat.objects.exists()


@pytest.mark.parametrize("field", ["id", "chat", "parent", "models", "text"])
@pytest.mark.parametrize("odd", [NUL, "\ufffe", "9" * 5000, "../../etc/passwd", "'; DROP TABLE chat_chat; --"])
def test_an_odd_field_of_a_question_is_no_error_of_ours(field: str, odd: str, ada: User, browser: Browser) -> None:
    client = browser(ada, raise_request_exception=False)
    answer = client.post("/chat", {"text": "Hello", "models": "demo/fast", field: odd})
    assert answer.status_code in (303, 400, 404), answer.status_code


@pytest.mark.parametrize("path", ["/accounts/login/", "/accounts/signup/", "/accounts/password/reset/"])
def test_an_odd_field_of_an_account_is_no_error_of_ours(path: str, ada: User, browser: Browser) -> None:
    client = browser(raise_request_exception=False)
    for odd in (f"a{NUL}b@example.org", "a\r\nBcc: eve@example.org", "x" * 100_000 + "@example.org", "\ufffe@x.org"):
        for form in ({"login": odd, "password": PASSWORD}, {"email": odd, "password1": PASSWORD}):
            assert client.post(path, form).status_code in (200, 302, 429)
    assert client.post(path, {"login": "ada@example.org", "password": NUL, "password1": NUL}).status_code in (200, 429)


@pytest.mark.parametrize("zone", ["America/New_York", "Asia/Tokyo", "UTC", "../../etc/passwd", "right/UTC"])
@pytest.mark.parametrize("time", ["0001-01-01T00:00:00.000000Z", "9999-12-31T23:59:59.999999Z"])
def test_a_cursor_at_the_ends_of_time_is_refused(zone: str, time: str, ada: User, browser: Browser) -> None:
    client = browser(ada, raise_request_exception=False)
    client.cookies["tz"] = zone
    assert client.get("/sidebar", {"after": f"{time}_{uuid7()}"}).status_code == 400


def test_a_device_may_call_itself_what_it_likes(browser: Browser) -> None:
    client = browser()
    client.get("/")
    assert client.post("/guest", headers={"User-Agent": "\ufffe<script>" * 200}).status_code == 204
    assert len(Login.objects.get().device) <= 200


@pytest.mark.django_db(transaction=True)
async def test_options_of_a_question_keep_no_nul(ada: User, open_tab: OpenTab) -> None:
    tab = await open_tab(ada)
    options = {"system": f"a{NUL}b", "tools": [f"get{NUL}_weather"]}
    turn = await tab.ask(f"Say{NUL} something.", options=options)
    run = await Run.objects.aget(pk=turn["runs"][0]["id"])
    assert (run.options["system"], run.options["tools"]) == ("ab", ["get_weather"])
    assert (await Message.objects.aget(pk=turn["message"])).text == "Say something."


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize(
    "fields",
    [
        {"text": NUL},
        {"models": [f"demo/fast{NUL}"]},
        {"models": ["__proto__"]},
        {"options": {"tools": ["x" * 201]}},
        {"options": {"system": "x" * 20_001}},
        {"options": {"temperature": 1e308}},
        {"options": {"max_tokens": 10**18}},
        {"id": {"$ne": 1}},
        {"parent": "' OR 1=1 --"},
    ],
)
async def test_an_odd_frame_gets_a_typed_error(fields: dict[str, Any], ada: User, open_tab: OpenTab) -> None:
    tab = await open_tab(ada)
    await tab.say("chat.send", **{"id": uuid7(), "text": "Hello", "models": ["demo/fast"], **fields})
    assert (await tab.hear("error"))["status"] == 400
    assert not await Chat.objects.aexists()


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize(
    "text", ["[" * 100_000, '{"a":' * 5_000, '{"type":"ping","x":"\\ud800"}', "\ufeff{}", "9" * 9999]
)
async def test_a_frame_that_would_trip_a_parser_closes_the_socket(text: str, ada: User, open_tab: OpenTab) -> None:
    tab = await open_tab(ada)
    await tab.say_text(text)
    with pytest.raises(Closed) as closed:
        await tab.hear("pong")
    assert closed.value.code == 4400


def test_words_that_end_a_script_end_none(ada: User, browser: Browser) -> None:
    """In the title, the sidebar, the question, the answer, and the JSON beside an answer that is being written."""
    for status in (Run.Status.COMPLETE, Run.Status.STREAMING):
        chat = cast.make_chat(owner=ada, title=BREAKING, question=BREAKING, answer=BREAKING, status=status)
        page = browser(ada).get(f"/chat/{chat.pk}").content.decode()
        assert "<script>alert" not in page
        assert "<!--<script>" not in page
        assert "\u2028" not in page.partition('type="application/json"')[2].partition("</script>")[0]
