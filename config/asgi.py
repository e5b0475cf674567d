"""The application that servers run: static files, then a size limit, then Django; and the socket beside it.

Composition only. Static files are answered here, from WhiteNoise's index of them, without a thread and
without Django's handler, which would read each file whole into memory.
"""

from __future__ import annotations

import os
from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any, cast

import django
import orjson

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")
django.setup(set_prefix=False)

from channels.routing import ProtocolTypeRouter, URLRouter  # noqa: E402  (needs the apps)
from django.conf import settings  # noqa: E402
from django.core.asgi import get_asgi_application  # noqa: E402
from django.urls import path, re_path  # noqa: E402

from chat.consumers import ChatConsumer  # noqa: E402
from config.errors import TooLarge  # noqa: E402
from config.middleware import error_body  # noqa: E402
from config.static_files import StaticFiles  # noqa: E402

Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
Application = Callable[[MutableMapping[str, Any], Receive, Send], Awaitable[None]]


def at_the_root(app: Application) -> Application:
    """The site lies at the root of its address, whatever a request says.

    Daphne takes the prefix of every link, redirect and mail from a header that anybody can send
    (`Daphne-Root-Path`); with it a stranger had another person's password link lead to his own server.
    """

    async def rooted(scope: MutableMapping[str, Any], receive: Receive, send: Send) -> None:
        await app({**scope, "root_path": ""}, receive, send)

    return rooted


async def no_such_socket(scope: MutableMapping[str, Any], receive: Receive, send: Send) -> None:
    """Another path than the one socket's is refused, without an error of ours in the log."""
    await receive()
    await send({"type": "websocket.close"})


def limit_body(app: Application, limit: int) -> Application:
    """Answer 413 to a body that says it is over the limit, and cut one that does not say and is."""

    async def limited(scope: MutableMapping[str, Any], receive: Receive, send: Send) -> None:
        headers = dict(scope["headers"])
        declared = headers.get(b"content-length", b"0")
        if not declared.isdigit() or int(declared) > limit:
            await _refuse(send)
            return
        seen = 0

        async def counted() -> Message:
            nonlocal seen
            message = await receive()
            seen += len(message.get("body", b""))
            if seen > limit:
                return {"type": "http.disconnect"}
            return message

        await app(scope, counted, send)
        if seen > limit:  # Django heard that the sender had gone, and left without a word
            await _refuse(send)

    return limited


async def _refuse(send: Send) -> None:
    body = orjson.dumps(error_body(TooLarge("request")))
    headers = [(b"content-type", b"application/json"), (b"content-length", str(len(body)).encode())]
    await send({"type": "http.response.start", "status": 413, "headers": headers})
    await send({"type": "http.response.body", "body": body})


application = at_the_root(
    ProtocolTypeRouter(
        {
            "http": StaticFiles(limit_body(cast(Application, get_asgi_application()), settings.MAX_BODY_BYTES)),
            "websocket": URLRouter([path("ws/", ChatConsumer.as_asgi()), re_path("", cast(Any, no_such_socket))]),
        }
    )
)
