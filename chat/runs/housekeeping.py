"""What every process does for all: settle the runs of dead workers, fail what nobody takes, prune old logs.

It may run anywhere at any time, also in several processes at once: rows that one is settling are skipped by
the others.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Sequence
from functools import partial
from typing import Final

from django.db import Error
from django.utils.translation import gettext

from chat.runs import log
from chat.runs.database import Database, pass_over
from chat.runs.log import Said

REAP_S: Final = 1.0
# A worker that could not say that it lives for longer than this may look gone, though it is not: the lease less
# what lies between two signs of life anyway.
HICCUP_S: Final = 3.0
RELEASE_S: Final = 30.0
PRUNE_S: Final = 600.0


class Housekeeper:
    """`show_ends` gets the ends that were written for runs nobody held."""

    def __init__(self, database: Database, show_ends: Callable[[Sequence[Said]], object]) -> None:
        self._database, self._show_ends = database, show_ends
        self._tasks: list[asyncio.Task[None]] = []

    def start(self) -> None:
        self._tasks = [
            asyncio.create_task(self._reap(), name="reaper"),
            asyncio.create_task(self._release(), name="release"),
            asyncio.create_task(self._prune(), name="pruning"),
        ]

    async def stop(self) -> None:
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    async def _reap(self) -> None:
        """Nobody is settled until a full lease after the database was away or took no writes, after this process was
        frozen, and after the database's clock was set: the others may have been unable to say that they live for as
        long, or what they said may look old."""
        lease = log.LEASE.total_seconds()
        reached = quiet_until = time.monotonic()
        clock: float | None = None
        try:
            clock = await self._database.write(log.clock)
        except Error as exc:
            pass_over(exc)
        while True:
            await asyncio.sleep(REAP_S)
            try:
                earlier, clock = clock, await self._database.write(log.clock)
                passed = time.monotonic() - reached
                if passed > HICCUP_S or (earlier is not None and abs(clock - earlier - passed) > HICCUP_S):
                    quiet_until = time.monotonic() + lease
                reached = time.monotonic()
                if reached >= quiet_until:
                    self._show_ends(await self._database.write(log.reap, partial(_in_time, reached)))
                    self._show_ends(
                        await self._database.write(log.give_up_waiting, gettext("No worker was free to answer."))
                    )
            except Error as exc:
                pass_over(exc)

    async def _release(self) -> None:
        while True:
            await asyncio.sleep(RELEASE_S)
            try:
                await self._database.write(log.release_forgotten)
            except Error as exc:
                pass_over(exc)

    async def _prune(self) -> None:
        while True:
            await asyncio.sleep(PRUNE_S)
            try:
                while await self._database.write(log.prune):  # noqa: ASYNC110  (there is nothing to wait for but time)
                    await asyncio.sleep(0.2)
            except Error as exc:
                pass_over(exc)


def _in_time(reached: float) -> bool:
    return time.monotonic() - reached < HICCUP_S
