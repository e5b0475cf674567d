"""Large bodies: nobody fills the disk, and whoever is honest hears why it was too much."""

from __future__ import annotations

from collections.abc import Iterator
from types import SimpleNamespace
from typing import Any

import orjson
import pytest
from asgiref.testing import ApplicationCommunicator
from django.conf import settings
from pytest_django import Settings
from twisted.internet.testing import StringTransport
from twisted.web.http import HTTPChannel

from chat import server
from config.asgi import application
from config.bodies import BoundedRequest

MIB = 1024 * 1024
HEAD = b"POST /guest HTTP/1.1\r\nHost: localhost\r\n"


@pytest.fixture
def connection() -> Iterator[tuple[Any, Any]]:
    """A connection to Daphne without a network: what is fed to the first is answered on the second."""
    channel, transport = HTTPChannel(), StringTransport()
    channel.factory = SimpleNamespace(server=SimpleNamespace(protocol_connected=lambda protocol: None))
    channel.requestFactory = BoundedRequest
    channel.timeOut = None
    channel.makeConnection(transport)
    yield channel, transport
    for request in channel.requests:
        request.content.close()


def test_a_body_that_says_it_is_huge_is_refused_before_it_is_read(connection: tuple[Any, Any]) -> None:
    channel, transport = connection
    channel.dataReceived(HEAD + b"Content-Length: 10000000000\r\n\r\n")
    assert transport.value().startswith(b"HTTP/1.1 413 ")
    assert transport.disconnecting


def test_a_body_that_does_not_say_how_long_it_is_is_kept_up_to_the_limit_and_cut_off(
    connection: tuple[Any, Any],
) -> None:
    channel, transport = connection
    channel.dataReceived(HEAD + b"Transfer-Encoding: chunked\r\n\r\n")
    chunk = b"%x\r\n" % MIB + b"x" * MIB + b"\r\n"
    for _number in range(4):
        channel.dataReceived(chunk)
    assert channel.requests[0].content.tell() == settings.MAX_BODY_BYTES + 1
    assert not transport.value()
    for _number in range(5):
        channel.dataReceived(chunk)
    assert transport.value().startswith(b"HTTP/1.1 413 ")
    assert transport.disconnecting


@pytest.mark.parametrize("pieces", [[b"x" * (MIB + 1)], [b"x" * 1000] * 1100])
async def test_a_body_that_turns_out_too_large_gets_an_answer(pieces: list[bytes], transactional_db: None) -> None:
    """Without one the sender would wait for as long as the connection lives."""
    request = {
        "type": "http",
        "method": "POST",
        "path": "/chat",
        "query_string": b"",
        "headers": [(b"host", b"testserver"), (b"content-type", b"application/x-www-form-urlencoded")],
    }
    sender = ApplicationCommunicator(application, request)
    for number, piece in enumerate(pieces, 1):
        await sender.send_input({"type": "http.request", "body": piece, "more_body": number < len(pieces)})
    assert (await sender.receive_output(5))["status"] == 413
    body = await sender.receive_output(5)
    assert orjson.loads(body["body"])["error"]["code"] == "too_large:request"
    await sender.wait(5)


def test_uvicorn_believes_no_header_about_who_asks(monkeypatch: pytest.MonkeyPatch, settings: Settings) -> None:
    """Whom to believe is TRUSTED_PROXY_COUNT's to say; uvicorn would believe everything that comes from localhost."""
    import uvicorn

    seen: list[bool] = []
    monkeypatch.setattr(uvicorn.Server, "run", lambda self: seen.append(self.config.proxy_headers))
    server._serve_uvicorn()
    assert seen == [False]
