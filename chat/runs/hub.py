"""One per web process: brings what workers stored to everybody who follows it.

A batch arrives here after its commit, by whatever way; the way may lose, double or delay it. The hub keeps
the tail of every followed run, and once a second asks the database what is really there, who may still
read it and whose login has ended. A follower passes a batch on if it begins right after what it has, and
reads the log otherwise. So nobody depends on a message having arrived.
"""

from __future__ import annotations

import asyncio
import logging
from collections import deque
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager, suppress
from functools import cached_property
from typing import Any, Final, Protocol
from uuid import UUID

import orjson
from django.db import Error

from accounts import actors
from accounts.actors import Actor
from chat.runs import log, metrics
from chat.runs.database import Database, pass_over
from config.errors import AppError, NotFound

logger = logging.getLogger(__name__)

TAIL: Final = 64 * 1024  # characters of a followed run that are kept
_FINISHED: Final = '{"type":"run.finished"'


class Batch:
    """Consecutive events of one run. Encoded as frames once, however many follow."""

    def __init__(self, run_id: UUID, first: int, bodies: Sequence[str]) -> None:
        self.run_id, self.first, self.bodies = run_id, first, bodies

    @property
    def last(self) -> int:
        return self.first + len(self.bodies) - 1

    @property
    def finished(self) -> bool:
        return self.bodies[-1].startswith(_FINISHED)

    @cached_property
    def size(self) -> int:
        return sum(map(len, self.bodies))

    @cached_property
    def frames(self) -> list[str]:
        """As the WebSocket sends them: the stored JSON inside a frame, never encoded again."""
        head = f'{{"type":"event","run":"{self.run_id}","seq":'
        return [f'{head}{number},"event":{body}}}' for number, body in enumerate(self.bodies, self.first)]


class Reader(Protocol):
    """A connection with a login: told when that login ends, and given notices."""

    actor: Actor

    def dismiss(self, *, restart: bool = False) -> None: ...
    def notify(self, frame: str) -> None: ...


class _Followed:
    """A run that somebody follows here."""

    __slots__ = ("feeds", "last", "over", "size", "tail")

    def __init__(self) -> None:
        self.feeds: set[Feed] = set()
        self.tail: deque[Batch] = deque()
        self.size = 0
        self.last = 0  # the highest number known to be stored
        self.over = False  # the run has ended: nothing will come after `last`

    def add(self, batch: Batch) -> None:
        if batch.last <= self.last and self.tail and batch.first <= self.tail[-1].last:
            return  # heard before
        self.last = max(self.last, batch.last)
        if self.tail and self.tail[-1].last + 1 != batch.first:
            self.tail.clear()
            self.size = 0
        self.tail.append(batch)
        self.size += batch.size
        while self.size > TAIL and len(self.tail) > 1:
            self.size -= self.tail.popleft().size
        self.ring()

    def ring(self) -> None:
        for feed in self.feeds:
            feed.bell.set()


class Feed:
    """One follower's end of a followed run."""

    __slots__ = ("_run", "_unread", "actor", "bell", "failure")

    def __init__(self, run: _Followed, actor: Actor | None) -> None:
        self._run = run
        self._unread = True  # the log may hold more than anybody here has heard of
        self.actor = actor
        self.bell = asyncio.Event()
        self.failure: AppError | None = None

    def take(self, after: int) -> list[Batch] | None:
        """Batches that follow `after` without a gap; none when nothing new is known; None when the log must be read."""
        if self._unread:
            return None
        if self._run.last <= after:
            return []
        taken: list[Batch] = []
        for batch in reversed(self._run.tail):  # usually the last one is all there is to take
            if batch.first <= after:
                return None
            taken.append(batch)
            if batch.first == after + 1:
                return taken[::-1]
        return None

    def over(self, after: int) -> bool:
        """Whether the run has ended and `after` is its end."""
        return self._run.over and self._run.last <= after

    def seen(self, last: int, *, whole: bool) -> None:
        """The log was read up to `last`, and that was all of it, or one page of more."""
        self._unread = not whole
        self._run.last = max(self._run.last, last)


class Hub:
    def __init__(self, database: Database, pulse_s: float = 1.0) -> None:
        self._database, self._pulse_s = database, pulse_s
        self._followed: dict[UUID, _Followed] = {}
        self._readers: dict[UUID, set[Reader]] = {}  # by person
        self._left = asyncio.Event()  # the last of them has gone

    @property
    def sockets(self) -> int:
        return sum(map(len, self._readers.values()))

    def connections(self, user_id: UUID) -> int:
        """How many connections a person has in this process."""
        return len(self._readers.get(user_id, ()))

    def publish(self, batches: Iterable[Batch]) -> None:
        """Called on the server's loop after the batches were stored."""
        for batch in batches:
            if batch.bodies and (run := self._followed.get(batch.run_id)):
                run.add(batch)

    def notify(self, user_id: UUID, notice: dict[str, Any]) -> None:
        """Tell every connection of a person in this process. A hint: whoever misses it sees it on the next page."""
        if readers := self._readers.get(user_id):
            frame = orjson.dumps({"type": "notice", **notice}, default=str).decode()
            for reader in readers:
                reader.notify(frame)

    @contextmanager
    def connected(self, reader: Reader) -> Iterator[None]:
        self._readers.setdefault(reader.actor.id, set()).add(reader)
        try:
            yield
        finally:
            readers = self._readers[reader.actor.id]
            readers.discard(reader)
            if not readers:
                del self._readers[reader.actor.id]
            if not self._readers:
                self._left.set()

    @contextmanager
    def following(self, run_id: UUID, actor: Actor | None) -> Iterator[Feed]:
        run = self._followed.setdefault(run_id, _Followed())
        feed = Feed(run, actor)
        run.feeds.add(feed)
        try:
            yield feed
        finally:
            run.feeds.discard(feed)
            if not run.feeds:
                self._followed.pop(run_id, None)

    async def read(self, run_id: UUID, after: int) -> tuple[Batch | None, bool]:
        """The next piece of the log after `after`, or the whole answer as a snapshot when the log is gone; and
        whether nothing more is there."""
        rows, whole = await self._database.read(log.read, run_id, after)
        if not rows:
            rows = [row for row in await self._database.read(log.pruned_end, run_id) if row[0] > after]
        return Batch(run_id, rows[0][0], [body for _, body in rows]) if rows else None, whole

    async def say_goodbye(self, patience_s: float = 1.0) -> None:
        """Send every connection elsewhere, and wait until they went: a process that ends at once would cut them
        before they heard why."""
        self._left.clear()
        for reader in self.readers():
            reader.dismiss(restart=True)
        if self._readers:
            with suppress(TimeoutError):
                async with asyncio.timeout(patience_s):
                    await self._left.wait()

    def readers(self) -> list[Reader]:
        return [reader for readers in self._readers.values() for reader in readers]

    async def run(self) -> None:
        """Look at the database once a second until cancelled. Two queries, however many follow."""
        loop = asyncio.get_running_loop()
        while True:
            due = loop.time() + self._pulse_s
            await asyncio.sleep(self._pulse_s)
            metrics.LOOP_LAG.set(loop.time() - due)
            metrics.SOCKETS.set(self.sockets)
            metrics.FOLLOWED.set(len(self._followed))
            try:
                await self._pulse()
            except Error as exc:
                pass_over(exc)  # nothing can be told now; the writer waits as well

    async def _pulse(self) -> None:
        if readers := self.readers():
            ended = await self._database.read(actors.ended, [reader.actor for reader in readers])
            for reader in readers:
                if reader.actor in ended:
                    reader.dismiss()
        if not self._followed:
            return
        # Whoever begins to follow while we ask is looked at next time: the answer knows nothing of their run.
        asked = dict(self._followed)
        states = await self._database.read(log.states, list(asked))
        for run_id, run in asked.items():
            row, seq = states.get(run_id, (None, 0))
            for feed in run.feeds:
                if row is None or (feed.actor is not None and not row.visible_to(feed.actor)):
                    feed.failure = NotFound("run")
                    feed.bell.set()
            if seq > run.last:
                metrics.LATE.inc()
                run.last = seq
                run.ring()
            if row is not None and not row.is_active and not run.over:
                run.over = True
                run.ring()
