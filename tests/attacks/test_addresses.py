"""Where we are is the operator's to say: no header moves a link, a mail or a socket to somebody else's server."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

import pytest
from asgiref.testing import ApplicationCommunicator
from channels.testing import WebsocketCommunicator
from django.conf import settings as django_settings
from django.core import mail
from django.test import Client
from pytest_django import Settings

from accounts.models import User
from chat.runs.engine import Engine
from config.asgi import application
from tests.cast import PASSWORD
from tests.chat.tab import Closed, Tab, logged_in

Browser = Callable[..., Client]
EVIL = "http://evil.example"


async def _page(path: str, **scope: Any) -> str:
    """A page as the server process answers it, with what the server made of the request's headers."""
    request = {
        "type": "http",
        "method": "GET",
        "path": path,
        "query_string": b"",
        "headers": [(b"host", b"testserver"), (b"accept", b"text/html")],
        **scope,
    }
    server = ApplicationCommunicator(application, request)
    await server.send_input({"type": "http.request", "body": b""})
    heard = [await server.receive_output(5)]
    while heard[-1]["type"] != "http.response.body" or heard[-1].get("more_body"):
        heard.append(await server.receive_output(5))
    await server.wait(5)
    return repr(heard[0]["headers"]) + b"".join(part.get("body", b"") for part in heard).decode()


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("path", ["/", "/accounts/login/", "/accounts/password/reset/", "/admin/"])
@pytest.mark.parametrize("prefix", [EVIL, "//evil.example", "/elsewhere"])
async def test_a_prefix_that_a_request_brings_along_is_in_no_link_and_no_redirect(path: str, prefix: str) -> None:
    """Daphne fills `root_path` from the header Daphne-Root-Path, whoever sends it."""
    page = await _page(path, root_path=prefix)
    assert "evil.example" not in page and "elsewhere" not in page


@pytest.mark.parametrize("header", [{"Host": "localhost:6666"}, {"Host": "127.0.0.1"}, {"X-Forwarded-Host": EVIL[7:]}])
@pytest.mark.parametrize("email", ["ada@example.org", "nobody@example.org"])
def test_a_link_in_a_mail_leads_to_the_site_whatever_the_request_called_it(
    ada: User, browser: Browser, header: dict[str, str], email: str, settings: Settings
) -> None:
    settings.SITE_URL = "https://polylogue.example"
    browser().post("/accounts/password/reset/", {"email": email}, headers=header)
    links = re.findall(r"https?://[^/\s]+", str(mail.outbox[0].body))
    assert set(links) == {"https://polylogue.example"}
    assert not {"localhost", "127.0.0.1", "evil"} & set(re.split(r"[\W_]", str(mail.outbox[0].subject)))


@pytest.mark.parametrize("header", [{"Host": "localhost:6666"}, {"Host": "127.0.0.1"}])
def test_a_link_that_confirms_an_address_leads_to_the_site(
    browser: Browser, header: dict[str, str], settings: Settings
) -> None:
    settings.ACCOUNT_EMAIL_VERIFICATION, settings.SITE_URL = "mandatory", "https://polylogue.example"
    browser().post("/accounts/signup/", {"email": "new@example.org", "password1": PASSWORD}, headers=header)
    assert set(re.findall(r"https?://[^/\s]+", str(mail.outbox[0].body))) == {"https://polylogue.example"}


LEADS_ELSEWHERE = [
    "//evil.example",
    "/\\evil.example",
    "\\\\evil.example",
    "http:evil.example",
    "http:///evil.example",
    "\t//evil.example",
    "https://testserver@evil.example",
    "http://testserver.evil.example",
    "javascript:alert(1)",
    "data:text/html,x",
]


@pytest.mark.parametrize("target", LEADS_ELSEWHERE)
def test_no_switch_of_the_language_leads_elsewhere(target: str, browser: Browser) -> None:
    client = browser()
    for answer in (
        client.post("/i18n/setlang/", {"language": "de", "next": target}),
        client.post("/i18n/setlang/", {"language": "de"}, headers={"Referer": target.strip()}),
    ):
        assert answer["Location"] == "/"


@pytest.mark.parametrize("target", LEADS_ELSEWHERE)
def test_neither_logging_in_nor_out_leads_elsewhere(target: str, ada: User, browser: Browser) -> None:
    client = browser()
    into = client.post("/accounts/login/", {"login": "ada@example.org", "password": PASSWORD, "next": target})
    assert (into.status_code, into["Location"]) == (302, "/")
    assert client.post("/accounts/logout/", {"next": target})["Location"] == "/"


# --- The socket ------------------------------------------------------------------------------------


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize(
    "origin",
    [
        b"null",
        b"",
        b"http://testserver:1",
        b"http://evil.testserver",
        b"http://testserver.evil.example",
        b"http://testserver.",
        b"http://evil@testserver",
        b"http://testserver@evil.example",
        b"file://testserver",
        b"http://[",
    ],
)
async def test_a_page_of_another_origin_opens_no_socket(origin: bytes, ada: User, running_engine: Engine) -> None:
    async with Tab(await logged_in(ada), origin=(b"origin", origin), greet=False) as tab:
        assert not tab.accepted


@pytest.mark.django_db(transaction=True)
async def test_a_strangers_name_that_leads_here_opens_no_socket(ada: User, running_engine: Engine) -> None:
    """The page is theirs, and so is the name: both headers agree, and the name is none of ours."""
    headers = [(b"host", b"evil.example"), (b"origin", EVIL.encode())]
    socket = WebsocketCommunicator(application, "/ws/", headers=headers)
    accepted, _code = await socket.connect(5)
    assert not accepted


@pytest.mark.django_db(transaction=True)
async def test_where_cookies_want_tls_a_page_without_it_opens_no_socket(
    ada: User, running_engine: Engine, settings: Settings
) -> None:
    settings.SESSION_COOKIE_SECURE = True
    for scheme, accepted in ((b"http", False), (b"https", True)):
        origin = (b"origin", scheme + b"://testserver")
        async with Tab(await logged_in(ada), origin=origin, greet=False) as tab:
            assert tab.accepted is accepted


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("path", ["/", "/ws", "/ws/x", "/ws//", "/chat"])
async def test_a_socket_elsewhere_is_refused_without_an_error(path: str, caplog: pytest.LogCaptureFixture) -> None:
    accepted, _code = await WebsocketCommunicator(application, path).connect(5)
    assert not accepted
    assert not caplog.records


@pytest.mark.django_db(transaction=True)
async def test_a_session_key_that_no_database_can_look_for_is_no_login(running_engine: Engine) -> None:
    name = django_settings.SESSION_COOKIE_NAME.encode()
    headers = [(b"host", b"testserver"), (b"origin", b"http://testserver"), (b"cookie", name + b'="\\000aaaaaaaaaa"')]
    socket = WebsocketCommunicator(application, "/ws/", headers=headers)
    assert (await socket.connect(5))[0]
    assert (await socket.receive_output(5))["code"] == 4401


@pytest.mark.django_db(transaction=True)
async def test_one_person_holds_no_more_than_so_many_sockets(
    ada: User, eve: User, running_engine: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("chat.consumers.SOCKETS_MAX", 3)
    browser, other = await logged_in(ada), await logged_in(eve)
    async with Tab(browser), Tab(browser), Tab(browser):
        async with Tab(browser, greet=False) as fourth:
            with pytest.raises(Closed) as closed:
                await fourth.next()
            assert closed.value.code == 4429
        async with Tab(other) as hers:
            await hers.say("ping")
            assert (await hers.hear("pong"))["type"] == "pong"
    async with Tab(browser) as again:
        assert again.accepted
