"""One call of a provider in a task of its own, which reads ahead of whoever takes the events.

Closing cancels the task and then closes whatever it opened: `wire` knows that even where a library hides it.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from typing import Any, Final

from config.errors import AppError, ProviderBroken
from providers import failures, pool, prompts, wire
from providers.base import ModelRequest
from providers.chunks import ChunkReader
from providers.events import Event, joined
from providers.specs import ModelSpec

logger = logging.getLogger(__name__)

# Opens the provider's stream of OpenAI-shaped chunks.
Source = Callable[[ModelRequest], Awaitable[AsyncIterator[Any]]]
# Finds a more telling exception for one that a stream raised.
Explain = Callable[[Exception, ModelSpec], Exception]

# Usage may come after the finish: how long it is waited for, and the end of the connection after that, in seconds.
_USAGE_S: Final = 1.0
_DRAIN_S: Final = 0.25
# How long a cancelled call may take before its connection is closed under it.
_CANCEL_S: Final = 0.1
# Events a reader may be behind before the provider is read no further.
_AHEAD: Final = 256

_leaving: set[asyncio.Task[None]] = set()


async def close() -> None:
    """End what calls have left behind, and the connections kept for the next one. For the end of a process."""
    if _leaving:
        await asyncio.wait(_leaving, timeout=1)
    await pool.close()


class Call:
    def __init__(self, request: ModelRequest, source: Source, explain: Explain) -> None:
        self._request, self._source, self._explain = request, source, explain
        self._reader = ChunkReader(lambda: prompts.tokens(request))
        self._wire = wire.Wire()
        self._pending: list[Event] = []
        self._started = False
        self._ended = False
        self._error: AppError | None = None
        self._news, self._room = asyncio.Event(), asyncio.Event()
        self._task = asyncio.create_task(self._run(), name="provider-call")

    async def take(self) -> Sequence[Event]:
        """What has arrived since the last time; empty at the end. Raises ProviderError."""
        while not self._pending and not self._task.done() and not self._ended:
            self._news.clear()
            await self._news.wait()
        if self._pending:
            batch, self._pending = joined(self._pending), []
            self._room.set()
            return batch
        if self._error is not None:
            raise self._error
        return ()

    async def close(self) -> None:
        """Within 200 ms nothing of the call is open, even if whoever closes is cancelled meanwhile."""
        leaving = asyncio.create_task(self._leave(), name="provider-close")
        _leaving.add(leaving)
        leaving.add_done_callback(_leaving.discard)
        if self._error is None and self._ended:
            return  # It ended well: the connection goes back to the pool, or is closed in a moment.
        await asyncio.shield(leaving)

    async def _leave(self) -> None:
        if self._ended and self._error is None:
            await asyncio.wait({self._task}, timeout=_DRAIN_S)
        self._task.cancel()
        await asyncio.wait({self._task}, timeout=_CANCEL_S)
        await self._wire.close()
        if not self._task.done():
            logger.warning("a provider call does not end", extra={"model": self._request.model.id})
            await asyncio.wait({self._task})

    async def _run(self) -> None:
        wire.current.set(self._wire)
        try:
            source = await self._source(self._request)
            await self._read(source)
            self._give(self._reader.end())
            self._ended = True
            self._news.set()
            await _drain(source)
        except asyncio.CancelledError:
            if not self._ended:
                self._error = ProviderBroken(failures.SURFACE)
            raise
        except Exception as exc:  # A task must not die silently; the taker raises it.
            if not self._ended:
                self._fail(exc)
        finally:
            self._ended = True
            self._news.set()

    async def _read(self, source: AsyncIterator[Any]) -> None:
        """Until the provider has said that it is done, and its usage or a second after that."""
        while not self._reader.finished:
            try:
                chunk = await anext(source)
            except StopAsyncIteration:
                return
            self._give(self._reader.read(chunk))
            if len(self._pending) > _AHEAD:
                self._room.clear()
                await self._room.wait()
        try:
            async with asyncio.timeout(_USAGE_S):
                while not self._reader.done:
                    self._reader.read(await anext(source))
        except Exception as exc:  # The answer is complete; usage is then estimated.
            if not isinstance(exc, StopAsyncIteration | TimeoutError):
                logger.info("no usage after the finish", extra={"error": type(exc).__name__})

    def _give(self, events: list[Event]) -> None:
        if events:
            self._started = True
            self._pending += events
            self._news.set()

    def _fail(self, exc: Exception) -> None:
        self._give(self._reader.rest())
        error = failures.translate(
            self._explain(exc, self._request.model),
            started=self._started,
            status=self._wire.status,
            headers=self._wire.headers,
        )
        if error is not exc:
            error.__cause__ = exc
        self._error = error


async def _drain(source: AsyncIterator[Any]) -> None:
    """Read the end of the body, so that the connection can be used again. `_leave` bounds the time."""
    async for _ in source:
        pass
