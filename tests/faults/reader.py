"""A page without a browser: one socket of one person that comes back when it is cut, and notes all it hears."""

from __future__ import annotations

import asyncio
import contextlib
import itertools
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, Final, Self
from uuid import uuid4

import orjson
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed, InvalidHandshake

from tests.faults.models import KEY

Json = dict[str, Any]

# What no answer may hold.
SECRETS: Final = ("Traceback", 'File "', "psycopg", "sqlite3.", KEY, "Django")
_doors: Final = itertools.count()
_FINAL_CODES: Final = {4400, 4401, 4403, 4409, 4413, 4429}


class Refused(Exception):
    """The server said no, and that asking again would not help."""

    def __init__(self, frame: Json) -> None:
        self.frame = frame
        super().__init__(f"{frame['code']}: {frame['message']}")


@dataclass(frozen=True, slots=True)
class Person:
    """Somebody with a login: the session cookie is all that a page needs."""

    id: str
    cookie: str


@dataclass(slots=True)
class Heard:
    """What one page heard of one run, in order, with the time of each frame."""

    run: str
    prompt: str = ""
    events: list[tuple[float, int, Json]] = field(default_factory=list)
    after: int = 0
    repeats: int = 0
    gaps: int = 0
    over: asyncio.Event = field(default_factory=asyncio.Event)

    @property
    def last(self) -> int:
        return self.events[-1][1] if self.events else self.after

    @property
    def text(self) -> str:
        return "".join(e["text"] for _, _, e in self.events if e["type"] == "text.delta")

    @property
    def end(self) -> Json:
        """The `run.finished` event."""
        assert self.over.is_set(), f"run {self.run} has not ended"
        return self.events[-1][2]

    @property
    def status(self) -> str:
        return str(self.end["status"])

    @property
    def longest_silence(self) -> float:
        """Seconds between two events."""
        times = [moment for moment, _, _ in self.events]
        return max((b - a for a, b in itertools.pairwise(times)), default=0.0)

    def take(self, seq: int, event: Json) -> None:
        if seq <= self.last:
            self.repeats += 1
            return
        if seq != self.last + 1:
            self.gaps += 1
        self.events.append((time.monotonic(), seq, event))
        if event["type"] == "run.finished":
            self.over.set()


class Reader:
    """`async with Reader(addresses, person) as reader:`. `resume=False` is the control: it takes what comes after a
    cut and asks for nothing it missed."""

    def __init__(self, addresses: Sequence[str], person: Person, *, resume: bool = True) -> None:
        self.person = person
        self._addresses = addresses  # the stack's own list: processes keep their ports
        self._turn = next(_doors)  # as a load balancer deals them out
        self._resume = resume
        self._socket: ClientConnection | None = None
        self._connected = asyncio.Event()
        self._task: asyncio.Task[None] | None = None
        self._waiting: dict[str, asyncio.Future[Json]] = {}
        self.heard: dict[str, Heard] = {}
        self.prompts: dict[str, str] = {}  # run: the question's text
        self.turns: list[Json] = []
        self.codes: list[int] = []  # how sockets were closed
        self.errors: list[Json] = []
        self.retried = 0  # sends that had to be repeated
        self.notices: list[Json] = []
        self.connections = 0
        self.leaks: list[str] = []
        self.address = ""

    async def __aenter__(self) -> Self:
        self._task = asyncio.create_task(self._live())
        await self.connected()
        return self

    async def __aexit__(self, *exc_info: object) -> None:
        if self._task:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)

    @property
    def is_connected(self) -> bool:
        return self._connected.is_set()

    async def connected(self, timeout: float = 30) -> None:
        async with asyncio.timeout(timeout):
            await self._connected.wait()

    # --- what a person does ----------------------------------------------------------------------

    async def ask(self, *models: str, text: str = "", follow: bool = True, patience: float = 40, **fields: Any) -> Json:
        """Send a question until it is acknowledged, always under the same id. Returns the `turn` frame."""
        marker = f"q-{uuid4().hex[:12]} {text}".strip()
        frame = {"id": str(uuid4()), "chat": None, "parent": None, "text": marker, "models": models, **fields}
        turn = await self._until_answered("chat.send", frame, patience)
        self._note(turn, frame["text"])
        if follow:
            for run in turn["runs"]:
                await self.follow(run["id"])
        return turn

    async def go_on(self, run: str, *, patience: float = 40) -> Json:
        """Continue an answer that was cut."""
        turn = await self._until_answered("run.continue", {"id": str(uuid4()), "run": run}, patience)
        self._note(turn, self.prompts[run])
        for one in turn["runs"]:
            await self.follow(one["id"])
        return turn

    async def follow(self, run: str, after: int = 0) -> Heard:
        heard = self.heard.setdefault(run, Heard(run, self.prompts.get(run, ""), after=after))
        await self.say("run.follow", run=run, after=heard.last)
        return heard

    async def stop(self, run: str) -> None:
        await self.say("run.stop", run=run)

    async def over(self, run: str, timeout: float = 60) -> Heard:
        """Wait for a run's end."""
        heard = self.heard[run]
        try:
            async with asyncio.timeout(timeout):
                await heard.over.wait()
        except TimeoutError:
            tail = [event["type"] for _, _, event in heard.events[-3:]]
            raise AssertionError(
                f"{run} is not over: {len(heard.events)} events, {tail}, {self.codes}, {self.errors}"
            ) from None
        return heard

    async def heard_words(self, run: str, number: int = 1, timeout: float = 40) -> None:
        """Wait until at least this many text deltas came."""
        until = time.monotonic() + timeout
        while sum(e["type"] == "text.delta" for _, _, e in self.heard[run].events) < number:
            assert time.monotonic() < until, f"{run} said too little: {self.heard[run].events[-3:]} {self.errors}"
            await asyncio.sleep(0.02)

    def cut(self) -> None:
        """The network goes away without a word."""
        self._connected.clear()
        if self._socket:
            self._socket.transport.abort()

    async def say(self, kind: str, **fields: Any) -> None:
        with contextlib.suppress(ConnectionClosed):
            if self._socket and self._connected.is_set():
                await self._socket.send(orjson.dumps({"type": kind, **fields}).decode())

    # --- the socket ------------------------------------------------------------------------------

    async def _until_answered(self, kind: str, frame: Json, patience: float) -> Json:
        until = time.monotonic() + patience
        while True:
            await self.connected(max(1.0, until - time.monotonic()))
            answer = self._waiting.get(frame["id"])
            if answer is None or answer.done():
                answer = self._waiting[frame["id"]] = asyncio.get_running_loop().create_future()
            await self.say(kind, **frame)
            try:
                async with asyncio.timeout(10):
                    given = await asyncio.shield(answer)
            except (TimeoutError, ConnectionError):
                given = {"type": "error", "retryable": True, "code": "lost", "message": "no answer"}
            if given["type"] == "turn":
                return given
            if not given["retryable"] or time.monotonic() > until:
                raise Refused(given)
            self.retried += 1
            await asyncio.sleep(0.2)

    def _note(self, turn: Json, prompt: str) -> None:
        self.turns.append(turn)
        for run in turn["runs"]:
            self.prompts[run["id"]] = prompt

    async def _live(self) -> None:
        while True:
            self.address = address = self._addresses[self._turn % len(self._addresses)]
            self._turn += 1
            try:
                async with connect(
                    f"ws://{address}/ws/",
                    origin=f"http://{address}",  # type: ignore[arg-type]  # a NewType of str
                    additional_headers={"Cookie": f"sessionid={self.person.cookie}"},
                    compression=None,
                    max_size=None,
                    proxy=None,
                    open_timeout=10,
                    ping_interval=None,
                    close_timeout=1,
                ) as socket:
                    await self._talk(socket)
            except (OSError, InvalidHandshake, TimeoutError, EOFError):
                pass
            except ConnectionClosed as exc:
                code = exc.rcvd.code if exc.rcvd else 1006
                self.codes.append(code)
                if code in _FINAL_CODES:
                    return
            finally:
                self._socket = None
                self._connected.clear()
                for answer in self._waiting.values():
                    if not answer.done():
                        answer.set_exception(ConnectionError())
                        answer.exception()  # whoever waits is told; nobody has to
            await asyncio.sleep(0.05)

    async def _talk(self, socket: ClientConnection) -> None:
        await socket.send('{"type":"hello","version":1}')
        while True:
            message = await socket.recv()
            frame = self._read(message)
            match frame["type"]:
                case "hello":
                    self._socket = socket
                    self.connections += 1
                    self._connected.set()
                    await self._follow_again()
                case "turn":
                    if (answer := self._waiting.get(frame["ref"])) and not answer.done():
                        answer.set_result(frame)
                case "event":
                    if heard := self.heard.get(frame["run"]):
                        heard.take(frame["seq"], frame["event"])
                        await self.say("run.ack", run=frame["run"], seq=frame["seq"])
                case "notice":
                    self.notices.append(frame)
                case "error":
                    await self._hear_error(frame)

    def _read(self, message: str | bytes) -> Json:
        assert isinstance(message, str)
        self.leaks += [secret for secret in SECRETS if secret in message]
        frame: Json = orjson.loads(message)
        return frame

    async def _hear_error(self, frame: Json) -> None:
        if frame["ref"] is not None:
            if (answer := self._waiting.get(frame["ref"])) and not answer.done():
                answer.set_result(frame)
        elif "last" in frame["details"]:  # the control asked where the end is
            for heard in self.heard.values():
                if not heard.over.is_set():
                    heard.after = frame["details"]["last"]
                    await self.say("run.follow", run=heard.run, after=heard.after)
        else:
            self.errors.append(frame)
            if frame["retryable"]:
                await asyncio.sleep(0.2)
                await self._follow_again()

    async def _follow_again(self) -> None:
        for heard in self.heard.values():
            if not heard.over.is_set():
                if self._resume or not heard.events:
                    await self.say("run.follow", run=heard.run, after=heard.last)
                else:
                    await self.say("run.follow", run=heard.run, after=10**9)
