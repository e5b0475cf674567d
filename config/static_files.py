"""Static files over ASGI, answered before Django is asked.

WhiteNoise knows the files, their compressed forms, ranges and caching headers; its own middleware is made
for WSGI and would have Django's ASGI handler collect each file in a thread first.
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any, Final

from django.conf import settings
from whitenoise import WhiteNoise

Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
Application = Callable[[MutableMapping[str, Any], Receive, Send], Awaitable[None]]

_CHUNK: Final = 256 * 1024
# Names with a hash of their content: by Django's manifest (`app.0123456789ab.js`) or esbuild (`chunk-ABCDEFGH.js`).
_HASHED: Final = re.compile(r"\.[0-9a-f]{12}\.[^/]+$|-[0-9A-Z]{8}\.[^/]+$")
_FOREVER_S: Final = 31_536_000


class StaticFiles:
    """Serves what lies below STATIC_URL and hands everything else to `app`."""

    def __init__(self, app: Application) -> None:
        self._app = app
        self._prefix = settings.STATIC_URL
        self._index = WhiteNoise(
            None,
            root=str(settings.STATIC_ROOT),
            prefix=self._prefix,
            max_age=60,
            allow_all_origins=False,
            immutable_file_test=lambda path, url: bool(_HASHED.search(url)),
            add_headers_function=_headers,
        )

    async def __call__(self, scope: MutableMapping[str, Any], receive: Receive, send: Send) -> None:
        file = self._index.files.get(scope["path"]) if scope["path"].startswith(self._prefix) else None
        if file is None:
            await self._app(scope, receive, send)
            return
        asked = {
            "HTTP_" + name.decode("latin-1").upper().replace("-", "_"): value.decode("latin-1")
            for name, value in scope["headers"]
        }
        response = file.get_response(scope["method"], asked)
        headers = [(name.encode("latin-1"), str(value).encode("latin-1")) for name, value in response.headers]
        await send({"type": "http.response.start", "status": int(response.status), "headers": headers})
        if response.file is not None:
            try:
                while chunk := await asyncio.to_thread(response.file.read, _CHUNK):
                    await send({"type": "http.response.body", "body": chunk, "more_body": True})
            finally:
                response.file.close()
        await send({"type": "http.response.body", "body": b""})


def _headers(headers: MutableMapping[str, str], path: str, url: str) -> None:
    headers["X-Content-Type-Options"] = "nosniff"
    headers["Cross-Origin-Resource-Policy"] = "same-origin"
