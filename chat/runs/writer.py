"""Gathers what all runs of a worker say and stores it once per beat. Nothing is written per token."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Sequence
from typing import Final
from uuid import UUID

from chat.runs import crashpoints, events, log, metrics
from chat.runs.database import AWAY, Database
from chat.runs.log import Claim, Outcome, Said

logger = logging.getLogger(__name__)

BEAT_S: Final = 0.05
# First words are shown at once; those of a crowd, more than CROWD runs that speak, as soon as this long after the last
# beat began: each of them alone would be a transaction, and everybody would wait for all of those.
CROWD: Final = 8
CROWD_BEAT_S: Final = 0.02
# What a run may have said and not stored, in characters; then its provider has to wait.
BUFFER: Final = 1024 * 1024
_RETRY_S: Final = 0.25


class Voice:
    """One run's way into the log. `lost` is called when the run turns out to belong to somebody else."""

    __slots__ = (
        "_about",
        "_pending",
        "_room",
        "_size",
        "_stored",
        "_writer",
        "epoch",
        "lost",
        "outcome",
        "run_id",
        "seq",
        "visible",
    )

    def __init__(self, writer: Writer, claim: Claim, lost: Callable[[], object]) -> None:
        self._writer = writer
        self.run_id, self.epoch, self.seq = claim.run.pk, claim.epoch, claim.seq
        self._about = (claim.run.owner_id, claim.run.message.chat_id if claim.run.message else None, claim.run.blind)
        self.lost = lost
        self.visible = False
        self.outcome: Outcome | None = None
        self._pending: list[events.Event] = []
        self._size = 0
        self._room = asyncio.Event()
        self._room.set()
        self._stored = asyncio.Event()

    def say(self, event: events.Event) -> None:
        """Shown at the next beat; the first thing a reader can see is shown at once."""
        self._pending.append(event)
        self._size += len(event.get("text", "")) + 64
        if self._size > BUFFER:
            self._room.clear()
        if not self.visible and event["type"] in events.VISIBLE:
            self.visible = True
            self._writer.hurry()
        self._writer.wake(self)

    @property
    def full(self) -> bool:
        """The database is so far behind that nothing more can be kept for it."""
        return not self._room.is_set()

    async def room(self) -> None:
        """Wait while it is full."""
        await self._room.wait()

    async def end(self, outcome: Outcome) -> None:
        """Say how it ended and wait until that is stored, or the run turns out to be lost."""
        self.outcome = outcome
        self._pending.append(outcome.event())
        self._writer.wake(self)
        self._writer.hurry()
        await self._stored.wait()

    def take(self) -> Said:
        """Everything said since the last beat, numbered. Until it is `kept`, it is offered again unchanged."""
        said = Said(self.run_id, self.epoch, self.seq + 1, events.pack(self._pending), self.outcome, *self._about)
        self._pending.clear()
        self.seq = said.last
        self._size = 0
        return said

    def kept(self, ended: bool) -> None:
        self._room.set()
        if ended:
            self._stored.set()

    def gone(self) -> None:
        self._room.set()
        self._stored.set()
        self.lost()


class Writer:
    """The beat of one worker."""

    def __init__(self, worker_id: UUID, database: Database, show: Callable[[Sequence[Said]], object]) -> None:
        self._worker_id, self._database, self._show = worker_id, database, show
        self._speaking: dict[tuple[UUID, int], Voice] = {}  # by claim
        self._wake = asyncio.Event()
        self._hurry = asyncio.Event()
        self.behind = False  # the database is away

    def voice(self, claim: Claim, lost: Callable[[], object]) -> Voice:
        return Voice(self, claim, lost)

    def wake(self, voice: Voice) -> None:
        self._speaking[voice.run_id, voice.epoch] = voice
        self._wake.set()

    def hurry(self) -> None:
        self._hurry.set()

    async def run(self) -> None:
        """Beat until cancelled: at most one transaction every BEAT_S, sooner when somebody hurries."""
        loop = asyncio.get_running_loop()
        begun = 0.0
        while True:
            await self._wake.wait()
            if (rest := begun + BEAT_S - loop.time()) > 0 and not self._hurry.is_set():
                try:
                    async with asyncio.timeout(rest):
                        await self._hurry.wait()
                except TimeoutError:
                    pass
            if len(self._speaking) > CROWD and (rest := begun + CROWD_BEAT_S - loop.time()) > 0:
                await asyncio.sleep(rest)
            begun = loop.time()
            self._wake.clear()
            self._hurry.clear()
            voices, self._speaking = self._speaking, {}
            await self._store([voice.take() for voice in voices.values()], voices)

    async def _store(self, said: list[Said], voices: dict[tuple[UUID, int], Voice]) -> None:
        """Store, then show. While the database is away this waits, and what is said meanwhile with it."""
        crashpoints.reach("beat before store")
        while True:
            try:
                with metrics.BEAT.time():
                    kept = await self._database.write(log.store, self._worker_id, said)
                metrics.BEAT_RUNS.inc(len(said))
                break
            except AWAY as exc:
                if not self.behind:
                    logger.warning("log unreachable, answers wait", extra={"error": type(exc).__name__})
                self.behind = True
                await asyncio.sleep(_RETRY_S)
            except Exception:
                # One odd event must not silence the others. Whoever said it is settled by the reaper.
                logger.exception("beat refused", extra={"runs": len(said)})
                for s in said if len(said) > 1 else ():
                    await self._store([s], voices)
                if len(said) == 1:
                    voices[said[0].claim].gone()
                return
        if self.behind:
            logger.info("log reachable again", extra={"runs": len(said)})
            self.behind = False
        crashpoints.reach("beat stored, not shown")
        self._show([s for s in said if s.claim in kept])
        crashpoints.reach("beat shown")
        for s in said:
            voice = voices[s.claim]
            if s.claim in kept:
                voice.kept(ended=s.outcome is not None)
            else:
                voice.gone()
