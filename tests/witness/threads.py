"""The witness in a thread with its own loop, for tests that are not async and want no process."""

from __future__ import annotations

import asyncio
import contextlib
import threading
from collections.abc import Iterator
from concurrent.futures import Future
from typing import Any

from .server import Witness


@contextlib.contextmanager
def in_thread(**options: Any) -> Iterator[Witness]:
    """A listening witness; its methods that read or script may be called from here."""
    ready: Future[tuple[asyncio.AbstractEventLoop, asyncio.Event]] = Future()
    witness = Witness(**options)

    async def serve() -> None:
        leave = asyncio.Event()
        async with witness:
            ready.set_result((asyncio.get_running_loop(), leave))
            await leave.wait()

    def run() -> None:
        try:
            asyncio.run(serve())
        except BaseException as error:
            if not ready.done():
                ready.set_exception(error)
            else:
                raise

    thread = threading.Thread(target=run, name="witness", daemon=True)
    thread.start()
    loop, leave = ready.result(10)
    try:
        yield witness
    finally:
        loop.call_soon_threadsafe(leave.set)
        thread.join(10)
