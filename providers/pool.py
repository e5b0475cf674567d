"""The connections of direct calls: one pool for each event loop.

aiohttp, because of what a call costs us before anything is parsed, measured on one core: 0.29 ms a call and
1 µs a chunk in a flood, 16 µs at 50 a second; httpx 1.2 ms, 6 µs and 68 µs.
"""

from __future__ import annotations

import asyncio
import logging
from functools import lru_cache
from ssl import SSLContext
from typing import TYPE_CHECKING, Final
from weakref import WeakKeyDictionary

import httpx

if TYPE_CHECKING:
    from aiohttp import ClientResponse, ClientSession, StreamReader

logger = logging.getLogger(__name__)

_CONNECT_S: Final = 10.0
# A worker holds hundreds of streams; a library's own limit of 100 would make the next ones wait in silence.
_CONNECTIONS: Final = 2000
_KEPT_S: Final = 30.0
# How long the end of a body that is complete for us is waited for, so that the connection can be used again.
_DRAIN_S: Final = 0.25

_sessions: WeakKeyDictionary[asyncio.AbstractEventLoop, ClientSession] = WeakKeyDictionary()
_leaving: set[asyncio.Task[None]] = set()


def warm() -> None:
    """What the first call would wait for, 0.1 s. For a background thread."""
    import aiohttp  # noqa: F401 - late: a page needs none of it

    _trust()


async def post(url: str, headers: dict[str, str], body: bytes) -> ClientResponse:
    """The answer as soon as its headers are there. Redirects are not followed: they would carry the key elsewhere."""
    return await _session().post(url, headers=headers, data=body, allow_redirects=False)


async def request(
    method: str, url: str, headers: dict[str, str], body: bytes, *, verify: SSLContext | bool
) -> ClientResponse:
    """The same for a library that has made its own request."""
    from yarl import URL

    trust = _trust() if verify is True else verify
    return await _session().request(
        method, URL(url, encoded=True), headers=headers, data=body, ssl=trust, allow_redirects=False
    )


async def read(content: StreamReader) -> tuple[bytes, Exception | None]:
    """All that has arrived, at least a byte; nothing at the end of the body. And what broke the connection after it."""
    try:
        return await content.readany(), None
    except Exception as exc:
        # aiohttp forgets what arrived before the fault and was not read yet.
        content.set_exception(None)  # type: ignore[arg-type]  # this takes the fault back
        return content.read_nowait(), exc


def leave(response: ClientResponse, *, complete: bool) -> None:
    """Close the connection; if the answer is complete, only unless the body ends at once."""
    if response.connection is None:
        return  # The body has ended: the connection is in the pool again.
    if not complete:
        response.close()
        return
    task = asyncio.create_task(_drain(response), name="provider-drain")
    _leaving.add(task)
    task.add_done_callback(_leaving.discard)


async def close() -> None:
    """Close the connections that this loop keeps for the next call. For the end of a process."""
    if _leaving:
        await asyncio.wait(_leaving, timeout=1)
    session = _sessions.pop(asyncio.get_running_loop(), None)
    if session is not None:
        await session.close()


async def _drain(response: ClientResponse) -> None:
    try:
        async with asyncio.timeout(_DRAIN_S):
            while (await read(response.content))[0]:
                pass
    except TimeoutError:
        pass
    finally:
        response.close()


def _session() -> ClientSession:
    loop = asyncio.get_running_loop()
    session = _sessions.get(loop)
    if session is None:
        import aiohttp

        session = _sessions[loop] = aiohttp.ClientSession(
            connector=aiohttp.TCPConnector(ssl=_trust(), limit=_CONNECTIONS, keepalive_timeout=_KEPT_S),
            # The run engine keeps time.
            timeout=aiohttp.ClientTimeout(total=None, sock_connect=_CONNECT_S),
            # Compressed streams arrive late, in blocks.
            headers={"Accept-Encoding": "identity", "User-Agent": "Polylogue"},
            cookie_jar=aiohttp.DummyCookieJar(),
            trust_env=False,
        )
    return session


@lru_cache(maxsize=1)
def _trust() -> SSLContext:
    """The certificates that httpx, and so LiteLLM, trusts: SSL_CERT_FILE if it is set, else certifi's."""
    return httpx.create_ssl_context()
