"""The HTTP transport below every provider, so that we know and can close what a library opened.

Libraries keep a response where nobody finds it. Here every response of a call is noted in the call's `Wire`
(a context variable carries it through any library), and `Wire.close()` closes what is still open.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator
from contextvars import ContextVar
from ssl import SSLContext
from typing import Final, cast
from weakref import WeakKeyDictionary

import httpx

logger = logging.getLogger(__name__)

# A worker holds hundreds of streams; httpx's own limit of 100 would make the next ones wait in silence.
LIMITS: Final = httpx.Limits(max_connections=2000, max_keepalive_connections=100, keepalive_expiry=30)

current: ContextVar[Wire | None] = ContextVar("providers.wire", default=None)

_pools: WeakKeyDictionary[asyncio.AbstractEventLoop, dict[SSLContext | bool, httpx.AsyncHTTPTransport]] = (
    WeakKeyDictionary()
)

# U+0085, U+2028 and U+2029 are ordinary characters in JSON, but `str.splitlines`, which libraries read
# server-sent events with, cuts lines at them. As JSON escapes they mean the same.
_SEPARATORS: Final = ((b"\xc2\x85", b"\\u0085"), (b"\xe2\x80\xa8", b"\\u2028"), (b"\xe2\x80\xa9", b"\\u2029"))
_BEGINNINGS: Final = (b"\xe2\x80", b"\xe2", b"\xc2")


class Wire:
    """What one call opened, and how the provider answered last."""

    def __init__(self) -> None:
        self.status: int | None = None
        self.headers: httpx.Headers | None = None
        self._streams: list[httpx.AsyncByteStream] = []

    def note(self, response: httpx.Response) -> None:
        self.status, self.headers = response.status_code, response.headers
        self._streams.append(cast(httpx.AsyncByteStream, response.stream))

    async def close(self) -> None:
        """Closing twice does nothing."""
        while self._streams:
            try:
                await self._streams.pop().aclose()
            except (httpx.HTTPError, OSError, RuntimeError) as exc:
                logger.info("a provider's connection closed badly", extra={"error": type(exc).__name__})


class Transport(httpx.AsyncBaseTransport):
    """One pool of connections for each loop, shared by all clients: libraries keep clients longer than a loop lives."""

    def __init__(self, verify: SSLContext | bool = True) -> None:
        self._verify = verify

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        # Compressed streams arrive late, in blocks, and could not be read here.
        request.headers["accept-encoding"] = "identity"
        response = await self._pool().handle_async_request(request)
        # A redirect would carry the key, in a header httpx does not know as one, to another host.
        response.headers.pop("location", None)
        if (wire := current.get()) is not None:
            wire.note(response)
        if "content-encoding" not in response.headers:
            response.stream = _Escaped(cast(httpx.AsyncByteStream, response.stream))
        return response

    async def aclose(self) -> None:
        """The pool stays: others use it."""

    def _pool(self) -> httpx.AsyncHTTPTransport:
        pools = _pools.setdefault(asyncio.get_running_loop(), {})
        if self._verify not in pools:
            pools[self._verify] = httpx.AsyncHTTPTransport(verify=self._verify, limits=LIMITS)
        return pools[self._verify]


async def close() -> None:
    """Close the connections that this loop keeps for the next call. For the end of a process."""
    for pool in _pools.pop(asyncio.get_running_loop(), {}).values():
        await pool.aclose()


class _Escaped(httpx.AsyncByteStream):
    def __init__(self, stream: httpx.AsyncByteStream) -> None:
        self._stream = stream

    async def __aiter__(self) -> AsyncIterator[bytes]:
        held = b""
        async for piece in self._stream:
            piece, held = held + piece, b""
            if not piece.isascii():
                for separator, escape in _SEPARATORS:
                    piece = piece.replace(separator, escape)
                if beginning := next((end for end in _BEGINNINGS if piece.endswith(end)), b""):
                    piece, held = piece[: -len(beginning)], beginning
            if piece:
                yield piece
        if held:
            yield held

    async def aclose(self) -> None:
        await self._stream.aclose()
