"""A worker: holds hundreds of runs in one loop and says that it is alive."""

from __future__ import annotations

import asyncio
import logging
import os
import platform
from collections.abc import Callable, Iterable, Sequence
from datetime import timedelta
from functools import partial
from typing import Final
from uuid import UUID

from django.db import Error

from chat.runs import crashpoints, log
from chat.runs.database import AWAY, Database, pass_over
from chat.runs.log import Said
from chat.runs.runner import Runner
from chat.runs.writer import Writer
from config.ids import uuid7

logger = logging.getLogger(__name__)

HEARTBEAT_S: Final = 2.0
RETRY_S: Final = 0.25  # of a heartbeat that the database did not hear
SWEEP_S: Final = 1.0
CLAIM_S: Final = 0.01  # between two claims: what is asked together is claimed together
STOP_POLL_S: Final = 0.4
UNHELD_S: Final = 10.0
CAPACITY: Final = 1000


class Worker:
    """`show` gets everything that was stored, `take` is the dispatcher's hint that a run waits."""

    def __init__(
        self,
        database: Database,
        show: Callable[[Sequence[Said]], object],
        show_ends: Callable[[Sequence[Said]], object],
    ) -> None:
        self.id = uuid7()
        self.name = f"{platform.node()}:{os.getpid()}"
        self._database, self._show, self._show_ends = database, show, show_ends
        self._writer = Writer(self.id, database, self._stored)
        self._runners: dict[UUID, Runner] = {}
        self._hints: set[UUID] = set()
        self._hinted = asyncio.Event()
        self._tasks: list[asyncio.Task[None]] = []
        self._running: set[asyncio.Task[None]] = set()
        self._draining = False

    @property
    def held(self) -> int:
        return len(self._runners)

    async def start(self) -> None:
        await self._database.write(log.register, self.id, self.name)
        for loop in (
            self._writer.run,
            self._heartbeat,
            self._claim_hinted,
            self._sweep,
            self._watch_stops,
            self._settle_unheld,
        ):
            self._tasks.append(asyncio.create_task(loop(), name=f"worker {loop.__name__}"))
        logger.info("worker started", extra={"worker": self.name})

    def take(self, run_ids: Iterable[UUID]) -> None:
        """Look at these runs now. On the worker's loop."""
        self._hints.update(run_ids)
        self._hinted.set()

    def stop(self, run_id: UUID) -> None:
        """A stop that came from this process; others are seen by polling."""
        if runner := self._runners.get(run_id):
            runner.stop()

    async def drain(self, grace_s: float) -> None:
        """Take nothing new, let what runs end, leave the rest to be settled as interrupted."""
        self._draining = True
        if self._running:
            await asyncio.wait(list(self._running), timeout=grace_s)
        for runner in list(self._runners.values()):
            runner.abandon()
        if self._running:
            await asyncio.wait(list(self._running), timeout=2)
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        try:
            self._show_ends(await self._database.write(log.retire, self.id))
        except AWAY:
            logger.warning("worker left without saying so; the reaper will notice")
        logger.info("worker stopped", extra={"worker": self.name})

    def _stored(self, said: Sequence[Said]) -> None:
        self._show(said)
        if any(s.outcome for s in said):
            self._hinted.set()  # the next question of a branch may have waited for this end

    async def _claim_hinted(self) -> None:
        while True:
            await self._hinted.wait()
            self._hinted.clear()
            hints, self._hints = self._hints, set()
            await self._claim(hints or None)
            await asyncio.sleep(CLAIM_S)

    async def _sweep(self) -> None:
        """Whatever no hint brought: runs of a process that died, hints that were lost."""
        while True:
            await self._claim(None, waited=log.HINT_TIME)
            await asyncio.sleep(SWEEP_S)

    async def _claim(self, run_ids: Iterable[UUID] | None, waited: timedelta = timedelta(0)) -> None:
        room = CAPACITY - len(self._runners)
        if self._draining or room <= 0:
            return
        try:
            claims = await self._database.write(log.claim, self.id, run_ids, room, waited)
        except Error as exc:
            pass_over(exc)
            return  # the sweep finds them when the database is back
        if claims:
            crashpoints.reach("runs claimed")
        for claim in claims:
            runner = Runner(claim, self._writer, self._database)
            if earlier := self._runners.get(claim.run.pk):
                earlier.abandon()  # we were given up, and got it back before our old claim noticed
            self._runners[claim.run.pk] = runner
            task = runner.start()
            self._running.add(task)
            task.add_done_callback(partial(self._done, claim.run.pk, runner))

    def _done(self, run_id: UUID, runner: Runner, task: asyncio.Task[None]) -> None:
        self._running.discard(task)
        if self._runners.get(run_id) is runner:
            del self._runners[run_id]
        if not task.cancelled() and (error := task.exception()):
            logger.error("runner broke", exc_info=error, extra={"run": str(run_id)})

    async def _heartbeat(self) -> None:
        """Say that we live. A worker that was given up meanwhile, frozen or cut off, signs up again; what it
        held is lost, and the next beat will tell its runners so."""
        while True:
            try:
                if not await self._database.write(log.beat, self.id):
                    await self._database.write(log.register, self.id, self.name)
            except Error as exc:
                pass_over(exc)
                await asyncio.sleep(RETRY_S)
            else:
                await asyncio.sleep(HEARTBEAT_S)

    async def _settle_unheld(self) -> None:
        """Settle runs that are ours by their rows and that no runner of ours holds."""
        while True:
            await asyncio.sleep(UNHELD_S)
            try:
                self._show_ends(await self._database.write(log.reap_unheld, self.id, list(self._runners)))
            except Error as exc:
                pass_over(exc)

    async def _watch_stops(self) -> None:
        while True:
            await asyncio.sleep(STOP_POLL_S)
            if not self._runners:
                continue
            try:
                for run_id in await self._database.read(log.stops_requested, self.id):
                    self.stop(run_id)
            except Error as exc:
                pass_over(exc)
