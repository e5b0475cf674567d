"""How processes ring for each other. Everything here may get lost; the database is the truth.

    web  ◀── said (what a worker just stored), notice (for one person's connections)
    work ◀── take (runs that wait), stop (runs somebody wants to end)

In one process the rings are function calls. Between processes they go through the channel layer (Redis):
one message per worker and beat, all its runs together. Without Redis nobody rings and the hub looks at
the database five times a second instead of once.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Sequence
from typing import Any, Final, Protocol
from uuid import UUID

from channels import DEFAULT_CHANNEL_LAYER
from channels.layers import channel_layers

from chat.runs.hub import Batch
from config.ids import uuid7

logger = logging.getLogger(__name__)

WEB: Final = "web"
WORK: Final = "work"
_QUEUE: Final = 1000  # rings that wait to go out; more are dropped
_REJOIN_S: Final = 60.0
_RETRY_S: Final = 0.5

Ring = dict[str, Any]


class Doorbell(Protocol):
    def ring(self, group: str, ring: Ring) -> None:
        """To every process in `group`. On the loop; never waits, never fails."""
        ...

    async def start(self) -> None: ...
    async def stop(self) -> None: ...


class LocalDoorbell:
    """One process is web and worker in one, or nobody else can be reached."""

    def __init__(self, answer: Callable[[Ring], None]) -> None:
        self._answer = answer

    def ring(self, group: str, ring: Ring) -> None:
        self._answer(ring)

    async def start(self) -> None: ...

    async def stop(self) -> None: ...


class LayerDoorbell:
    """Through a channel layer of its own, which ends with it. `groups` are those that this process answers for."""

    def __init__(self, answer: Callable[[Ring], None], groups: Sequence[str]) -> None:
        self._answer, self._groups = answer, tuple(groups)
        self._out: asyncio.Queue[tuple[str, Ring]] = asyncio.Queue(_QUEUE)
        self._tasks: list[asyncio.Task[None]] = []
        self._layer = channel_layers.make_backend(DEFAULT_CHANNEL_LAYER)
        self._id = uuid7().hex

    def ring(self, group: str, ring: Ring) -> None:
        if group in self._groups:
            self._answer(ring)
        try:
            self._out.put_nowait((group, ring))
        except asyncio.QueueFull:
            logger.warning("doorbell full, ring dropped")

    async def start(self) -> None:
        self._tasks = [asyncio.create_task(self._send(), name="doorbell send")]
        if self._groups:
            self._tasks.append(asyncio.create_task(self._hear(), name="doorbell hear"))

    async def stop(self) -> None:
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        try:
            async with asyncio.timeout(3):
                await self._layer.close_pools()
        except Exception as exc:
            logger.info("channel layer left open", extra={"error": type(exc).__name__})

    async def _send(self) -> None:
        while True:
            group, ring = await self._out.get()
            try:
                await self._layer.group_send(group, {"type": "ring", "from": self._id, **ring})
            except Exception as exc:  # whatever the layer raises: it is only a bell
                logger.warning("doorbell unreachable", extra={"error": type(exc).__name__})
                await asyncio.sleep(_RETRY_S)
                while not self._out.empty():
                    self._out.get_nowait()

    async def _hear(self) -> None:
        """Answer until cancelled. A flushed or restarted Redis forgets who is in a group, so we join again."""
        loop = asyncio.get_running_loop()
        while True:
            try:
                channel = await self._layer.new_channel()
                joined = 0.0
                while True:
                    if loop.time() - joined > _REJOIN_S or not joined:
                        for group in self._groups:
                            await self._layer.group_add(group, channel)
                        joined = loop.time()
                    try:
                        async with asyncio.timeout(_REJOIN_S):
                            ring = await self._layer.receive(channel)
                    except TimeoutError:
                        continue
                    if ring.get("from") != self._id:
                        self._answer(ring)
            except Exception as exc:
                logger.warning("doorbell cannot hear", extra={"error": type(exc).__name__})
                await asyncio.sleep(_RETRY_S)


def said(batches: Sequence[Batch]) -> Ring:
    return {"what": "said", "batches": [[str(b.run_id), b.first, list(b.bodies)] for b in batches]}


def batches_of(ring: Ring) -> list[Batch]:
    return [Batch(UUID(run_id), first, bodies) for run_id, first, bodies in ring["batches"]]
