"""What the launcher adds to the servers it drives."""

from __future__ import annotations

import asyncio
from typing import Any

from chat.server import Requests


async def test_a_server_that_leaves_waits_for_the_pages_that_are_on_their_way() -> None:
    begun, enough = asyncio.Event(), asyncio.Event()

    async def slow(scope: Any, receive: Any, send: Any) -> None:
        begun.set()
        await enough.wait()

    requests = Requests(slow)
    page = asyncio.create_task(requests({"type": "http"}, None, None))
    await begun.wait()
    leaving = asyncio.create_task(requests.answered(30))
    await asyncio.sleep(0.2)
    assert not leaving.done()
    enough.set()
    await leaving
    assert page.done()


async def test_a_page_that_never_ends_and_sockets_hold_up_no_server() -> None:
    requests = Requests(lambda *_: asyncio.sleep(3600))
    tasks = [asyncio.create_task(requests({"type": kind}, None, None)) for kind in ("http", "websocket")]
    await asyncio.sleep(0)
    await requests.answered(0.1)
    tasks[0].cancel()
    await asyncio.gather(tasks[0], return_exceptions=True)
    await requests.answered(3600)
    tasks[1].cancel()
