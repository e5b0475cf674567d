"""What one process runs: a hub for its readers, a worker for its runs, or both, and the threads under them.

There is one engine a process, `engine`, started on the server's loop by `manage.py serve` or on its own by
`manage.py work`. Domain code reaches it from any thread through the four functions at the end, each of
which takes effect after the current transaction and is only ever a hint.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Iterable, Sequence
from enum import Flag, auto
from typing import Any, Final
from uuid import UUID

from django.conf import settings
from django.db import Error, transaction

from chat.runs import doorbell, log
from chat.runs.database import Database, pass_over
from chat.runs.doorbell import WEB, WORK, Doorbell, LayerDoorbell, LocalDoorbell, Ring
from chat.runs.housekeeping import Housekeeper
from chat.runs.hub import Batch, Hub
from chat.runs.log import Said
from chat.runs.worker import Worker
from config.errors import Unavailable
from providers import calls

logger = logging.getLogger(__name__)

PULSE_S: Final = 1.0
PULSE_UNRUNG_S: Final = 0.2  # where no doorbell reaches this process


class Role(Flag):
    """What a process is for. On SQLite it is both: several writers would only wait for each other."""

    WEB = auto()
    WORK = auto()
    BOTH = WEB | WORK


def queued() -> bool:
    """Whether Procrastinate brings runs to worker processes."""
    return not settings.DATABASE_IS_SQLITE


class Engine:
    def __init__(self) -> None:
        self.database: Database
        self.hub: Hub
        self.worker: Worker | None = None
        self.draining = False
        self._doorbell: Doorbell
        self._housekeeper: Housekeeper
        self._loop: asyncio.AbstractEventLoop | None = None
        self._tasks: list[asyncio.Task[None]] = []
        self._asides: set[asyncio.Task[None]] = set()

    async def start(self, role: Role = Role.BOTH) -> None:
        """On the loop of the server that this process is."""
        self._loop = asyncio.get_running_loop()
        self.draining = False
        self.database = Database()
        alone = role is Role.BOTH
        layered = bool(settings.REDIS_URL) and not alone
        self.hub = Hub(self.database, PULSE_S if alone or layered else PULSE_UNRUNG_S)
        groups = [name for flag, name in ((Role.WEB, WEB), (Role.WORK, WORK)) if flag in role]
        self._doorbell = LayerDoorbell(self._answer, groups) if layered else LocalDoorbell(self._answer)
        self._housekeeper = Housekeeper(self.database, self._show_ends)
        await self._doorbell.start()
        self._housekeeper.start()
        if Role.WEB in role:
            self._keep(self.hub.run(), "hub pulse")
        if Role.WORK in role:
            self.worker = Worker(self.database, self._show, self._show_ends)
            await self.worker.start()
            if queued():
                from chat.runs import queue  # its models exist only on PostgreSQL

                self._keep(queue.keep_working(self.worker.take, self.worker.name), "queue")

    async def stop(self, grace_s: float | None = None) -> None:
        """Refuse new sends, tell connections to come back elsewhere, let answers end for `grace_s` seconds
        (DRAIN_GRACE_S when None), then let go."""
        grace_s = settings.DRAIN_GRACE_S if grace_s is None else grace_s
        self.draining = True
        await self.hub.say_goodbye()
        if self.worker:
            await self.worker.drain(grace_s)
        tasks = [*self._tasks, *self._asides]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        self._tasks, self.worker = [], None
        await self._housekeeper.stop()
        await self._doorbell.stop()
        await calls.close()
        await self.database.close()
        self._loop = None

    def accept(self) -> None:
        """Raises Unavailable while the process is on its way out."""
        if self.draining:
            raise Unavailable("chat")

    # --- from any thread, after the current transaction -------------------------------------------

    def dispatch(self, run_ids: Iterable[UUID]) -> None:
        """Bring these runs to a worker. On PostgreSQL the queue's row is part of the transaction itself; the
        doorbell is 20 ms faster, and whoever claims a run first has it."""
        ids = list(run_ids)
        if queued():
            from chat.runs import queue  # its models exist only on PostgreSQL

            queue.put(ids)
        self._after_commit(lambda: self._doorbell.ring(WORK, {"what": "take", "runs": [str(run_id) for run_id in ids]}))

    def stop_run(self, run_id: UUID) -> None:
        """Hurry a requested stop."""
        self._after_commit(lambda: self._doorbell.ring(WORK, {"what": "stop", "run": str(run_id)}))

    def show(self, said: Said) -> None:
        """Show what was stored outside of a worker."""
        self._after_commit(lambda: self._show_ends([said]))

    def notify(self, user_id: UUID, notice: dict[str, Any]) -> None:
        """Tell a person's connections. `notice` holds nothing that JSON does not know."""
        self._after_commit(lambda: self._doorbell.ring(WEB, {"what": "notice", "user": str(user_id), "notice": notice}))

    # --- on the loop -------------------------------------------------------------------------------

    def _answer(self, ring: Ring) -> None:
        match ring["what"]:
            case "said":
                self.hub.publish(doorbell.batches_of(ring))
            case "notice":
                self.hub.notify(UUID(ring["user"]), ring["notice"])
            case "take" if self.worker:
                self.worker.take(UUID(run_id) for run_id in ring["runs"])
            case "stop" if self.worker:
                self.worker.stop(UUID(ring["run"]))

    def _show(self, said: Sequence[Said]) -> None:
        """To whoever follows these runs; of their ends also to every page of their owners. Of a blind run nothing,
        until the last of its turn has ended."""
        for s in said:
            if s.blind and s.outcome is not None:
                task = asyncio.create_task(self._show_together(s.run_id), name=f"show {s.run_id}")
                self._asides.add(task)
                task.add_done_callback(self._asides.discard)
        said = [s for s in said if not s.blind]
        batches = [Batch(s.run_id, s.first, s.bodies) for s in said if s.bodies]
        if isinstance(self._doorbell, LocalDoorbell):
            self.hub.publish(batches)  # as they are: no encoding between two functions of one process
        elif batches:
            self._doorbell.ring(WEB, doorbell.said(batches))
        for s in said:
            if s.outcome is not None and s.owner_id is not None:
                notice = {"kind": "run.state", "run": str(s.run_id), "status": str(s.outcome.status)}
                if s.chat_id is not None:
                    notice["chat"] = str(s.chat_id)
                self._doorbell.ring(WEB, {"what": "notice", "user": str(s.owner_id), "notice": notice})

    async def _show_together(self, run_id: UUID) -> None:
        """A hint like any other: the hub's look once a second finds what this misses."""
        try:
            self._show(await self.database.read(log.together, run_id))
        except Error as exc:
            pass_over(exc)

    def _show_ends(self, said: Sequence[Said]) -> None:
        """Ends of runs that nobody held."""
        if said:
            logger.info("runs settled", extra={"runs": [str(s.run_id) for s in said]})
            self._show(said)

    def _keep(self, coroutine: Any, name: str) -> None:
        self._tasks.append(asyncio.create_task(coroutine, name=name))

    def _after_commit(self, act: Callable[[], object]) -> None:
        transaction.on_commit(lambda: self._on_loop(act), robust=True)

    def _on_loop(self, act: Callable[[], object]) -> None:
        """Without a loop this process serves nobody; the sweep and the pulse of others find it."""
        if self._loop is not None and not self._loop.is_closed():
            self._loop.call_soon_threadsafe(act)


engine: Final = Engine()
