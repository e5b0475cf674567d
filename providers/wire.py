"""The HTTP transport below every provider, so that we know and can close what a library opened.

Libraries keep a response where nobody finds it. Here every response of a call is noted in the call's `Wire`
(a context variable carries it through any library), and `Wire.close()` closes what is still open.

Below httpx, which libraries speak to, lies the pool of the direct calls. A body is handed up once a beat, in one
piece of all that has arrived: httpx's own connections wake everything above them for each chunk. At 50 tokens a
second that took a token from 113 to 67 µs (OpenAI's shape), 203 to 114 (Anthropic's), 377 to 253 (Gemini's) and 176
to 71 (Ollama's). What is left is LiteLLM's parsing. Joining the deltas as well would mean to rewrite what providers
say, in each of their shapes; the ones where it would pay are read without LiteLLM anyhow.
"""

from __future__ import annotations

import asyncio
import itertools
import logging
from collections.abc import AsyncIterator, Mapping
from contextvars import ContextVar
from ssl import SSLContext
from typing import TYPE_CHECKING, Final, cast

import httpx

from providers import pool

if TYPE_CHECKING:
    from aiohttp import ClientResponse

logger = logging.getLogger(__name__)

current: ContextVar[Wire | None] = ContextVar("providers.wire", default=None)

# Seconds between two pieces of a body, and how many come as they are: a first word is not kept waiting.
_BEAT_S: Final = 0.03
_AT_ONCE: Final = 3
# Headers that the connection sets itself; and those of an answer that say nothing any more, or too much.
_OURS: Final = frozenset({"host", "connection", "content-length", "transfer-encoding"})
_THEIRS: Final = frozenset({"location", "content-encoding", "content-length", "transfer-encoding"})
_FAULTS: Final[Mapping[str, type[httpx.TransportError]]] = {
    "ConnectionTimeoutError": httpx.ConnectTimeout,
    "ClientConnectorError": httpx.ConnectError,
    "ServerTimeoutError": httpx.ReadTimeout,
    "ServerDisconnectedError": httpx.RemoteProtocolError,
    "ClientPayloadError": httpx.RemoteProtocolError,
}

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
    """For all clients of a library: on the pool of the direct calls, because libraries keep clients longer than a
    loop lives."""

    def __init__(self, verify: SSLContext | bool = True) -> None:
        self._verify = verify

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        # Compressed streams arrive late, in blocks, and could not be read here.
        request.headers["accept-encoding"] = "identity"
        sent = {name: value for name, value in request.headers.items() if name not in _OURS}
        try:
            answer = await pool.request(
                request.method, str(request.url), sent, await request.aread(), verify=self._verify
            )
        except Exception as exc:
            raise _told(exc) from exc
        # A redirect would carry the key, in a header httpx does not know as one, to another host.
        headers = [(name, value) for name, value in answer.headers.items() if name.lower() not in _THEIRS]
        response = httpx.Response(answer.status, headers=headers, stream=_Escaped(_Joined(answer)), request=request)
        if (wire := current.get()) is not None:
            wire.note(response)
        return response

    async def aclose(self) -> None:
        """The pool stays: others use it."""


class _Joined(httpx.AsyncByteStream):
    """A body in pieces of all that has arrived since the last one, at most one a beat once it has begun."""

    def __init__(self, answer: ClientResponse) -> None:
        self._answer = answer

    async def __aiter__(self) -> AsyncIterator[bytes]:
        for number in itertools.count():
            piece, fault = await pool.read(self._answer.content)
            if piece:
                yield piece
            if fault is not None:
                raise _told(fault) from fault
            if not piece:
                return
            if number >= _AT_ONCE:
                await asyncio.sleep(_BEAT_S)

    async def aclose(self) -> None:
        pool.leave(self._answer, complete=False)


def _told(exc: Exception) -> httpx.TransportError:
    """What went wrong, in words of httpx, which libraries know."""
    names = {cls.__name__ for cls in type(exc).__mro__}
    for name, kind in _FAULTS.items():
        if name in names:
            return kind(str(exc))
    return httpx.ReadError(str(exc))


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
