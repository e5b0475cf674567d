"""The WebSocket: parses frames, calls one domain function for each, and passes on what runs say.

It holds follower tasks and nothing else. Answers are written by workers, so a connection may come and go
without anybody losing anything.
"""

from __future__ import annotations

import asyncio
import contextvars
import logging
import time
from collections import deque
from collections.abc import Callable, Collection, Coroutine, Sequence
from contextlib import ExitStack, aclosing
from dataclasses import dataclass
from functools import partial
from typing import Any, Final
from urllib.parse import urlsplit
from uuid import UUID

from channels.consumer import get_handler_name
from channels.exceptions import DenyConnection
from channels.generic.websocket import AsyncWebsocketConsumer
from django.conf import settings
from django.db import IntegrityError, transaction
from django.http import parse_cookie
from django.http.request import split_domain_port, validate_host
from django.utils.translation import get_language_from_request, override

from accounts import actors
from accounts.actors import Actor
from chat import frames, turns
from chat.frames import Close
from chat.models import Run
from chat.runs import crashpoints, log
from chat.runs.database import AWAY
from chat.runs.engine import engine
from chat.runs.follow import follow
from config import context, traces
from config.errors import AppError, BadRequest, NotFound, RateLimited, Unauthorized, Unavailable
from config.ids import uuid7

logger = logging.getLogger(__name__)

FRAME_MAX: Final = 256 * 1024  # bytes
CREDIT: Final = 128 * 1024  # bytes of events that a reader may have unacknowledged
FOLLOWS_MAX: Final = 200
SOCKETS_MAX: Final = 100  # of one person in one process
# A page needs few frames; acknowledgements come with every event and cost nothing, so they hardly count.
FRAMES_PER_S, FRAMES_BURST, ACK_WEIGHT = 100, 400, 0.02


class ChatConsumer(AsyncWebsocketConsumer):
    """One connection of one login. Also a `Reader` of the hub."""

    channel_layer_alias = "none"  # the hub talks to us, not a channel layer
    actor: Actor

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._new: set[UUID] = set()  # runs that this connection asked for and may therefore follow
        self._follows: dict[UUID, asyncio.Task[None]] = {}
        self._owed: dict[UUID, deque[tuple[int, int]]] = {}  # (number, bytes) of events not acknowledged yet
        self._debt = 0
        self._credit = asyncio.Event()
        self._credit.set()
        self._greeted = False
        self._allowance, self._counted_at = float(FRAMES_BURST), time.monotonic()
        self._scope = ExitStack()
        self._sending: set[asyncio.Task[None]] = set()
        self._language = settings.LANGUAGE_CODE

    async def dispatch(self, message: Any) -> None:
        """As Channels does it, without a trip to another thread before each frame to close old connections to the
        database: there are none, the engine has threads of its own."""
        await getattr(self, get_handler_name(message))(message)

    # --- connection ------------------------------------------------------------------------------

    async def connect(self) -> None:
        headers = dict(self.scope["headers"])
        if not _same_site(headers):
            raise DenyConnection
        cookies = parse_cookie(headers.get(b"cookie", b"").decode("latin-1"))
        self._language = _language(headers, cookies)
        try:
            actor = await engine.database.read(actors.from_session_key, cookies.get(settings.SESSION_COOKIE_NAME))
        except AWAY:
            await self.accept()
            await self.close(Close.RESTART)
            return
        await self.accept()
        if actor is None:
            await self.close(Close.NO_LOGIN)
        elif engine.draining:
            await self.close(Close.RESTART)
        elif engine.hub.connections(actor.id) >= SOCKETS_MAX:
            await self.close(Close.TOO_MANY)
        else:
            self.actor = actor
            context.tenant_id.set(str(actor.tenant_id))
            self._scope.enter_context(engine.hub.connected(self))

    async def disconnect(self, code: int) -> None:
        self._scope.close()
        for task in self._follows.values():
            task.cancel()
        await asyncio.gather(*self._follows.values(), return_exceptions=True)

    def dismiss(self, *, restart: bool = False) -> None:
        """The login has ended, or this process is about to."""
        self._aside(self.close(Close.RESTART if restart else Close.NO_LOGIN))

    def notify(self, frame: str) -> None:
        self._aside(self.send(frame))

    def _aside(self, sending: Coroutine[Any, Any, None]) -> None:
        """Send without waiting. One that fails had nobody left to send to."""

        def done(task: asyncio.Task[None]) -> None:
            self._sending.discard(task)
            if not task.cancelled():
                task.exception()

        task = asyncio.ensure_future(sending)
        self._sending.add(task)
        task.add_done_callback(done)

    # --- frames from the client ------------------------------------------------------------------

    async def receive(self, text_data: str | None = None, bytes_data: bytes | None = None) -> None:
        if not hasattr(self, "actor"):
            return
        if text_data is None:
            await self.close(Close.UNREADABLE)
        elif len(text_data) > FRAME_MAX or len(text_data.encode()) > FRAME_MAX:
            await self.close(Close.TOO_LARGE)
        elif not self._afford():
            await self.close(Close.TOO_MANY)
        else:
            await self._answer(text_data)

    async def _answer(self, text: str) -> None:
        request_id = str(uuid7())
        context.request_id.set(request_id)
        frame: frames.Frame | None = None
        with override(self._language):
            try:
                frame = frames.parse(text)
                with traces.span("frame", type=frame.type, id=request_id):
                    await self._do(frame)
            except frames.Unreadable:
                await self.close(Close.UNREADABLE)
            except AppError as exc:
                await self._refuse(exc, request_id, frame)
            except AWAY:
                logger.warning("database away", exc_info=True)
                await self._refuse(Unavailable("database"), request_id, frame)
            except Exception:
                logger.exception("frame failed")
                await self._refuse(AppError("socket"), request_id, frame)

    async def _refuse(self, error: AppError, request_id: str, frame: frames.Frame | None) -> None:
        """Say no, and to what: the client's id of a request, or the run that a frame was about."""
        named = getattr(frame, "id", None) or error.context.get("ref")
        if run := getattr(frame, "run", None):
            error.details.setdefault("run", str(run))
        await self.send(frames.error(error, request_id, str(named) if named else None))

    async def _do(self, frame: frames.Frame) -> None:
        if not self._greeted and not isinstance(frame, frames.Hello):
            raise BadRequest("frame", "The first frame must be hello.")
        match frame:
            case frames.Hello(version=version):
                await self._greet(version)
            case frames.Ping():
                await self.send('{"type":"pong"}')
            case frames.ChatSend():
                given = _given(frame.options)
                new = turns.NewTurn(
                    frame.id, frame.text, frame.models, frame.chat, frame.parent, frame.edit, frame.shown, given
                )
                await self._turn(turns.send, new)
            case frames.ChatAnswer():
                await self._turn(turns.answer, frame.id, frame.message, frame.models, _given(frame.options), frame.lane)
            case frames.RunContinue():
                await self._turn(turns.resume, frame.id, frame.run)
            case frames.RunFollow(run=run_id, after=after):
                await self._follow(run_id, after)
            case frames.RunUnfollow(run=run_id):
                await self._unfollow(run_id)
            case frames.RunAck(run=run_id, seq=seq):
                self._allowance += 1 - ACK_WEIGHT
                self._acknowledge(run_id, seq)
            case frames.RunStop(run=run_id):
                await engine.database.write(turns.stop, self.actor, run_id)

    async def _greet(self, version: int) -> None:
        if version != frames.PROTOCOL:
            await self.close(Close.PROTOCOL)
            return
        self._greeted = True
        actor = {"id": self.actor.id, "kind": self.actor.kind}
        await self.send(frames.dump("hello", version=frames.PROTOCOL, actor=actor, heartbeat_ms=frames.HEARTBEAT_MS))

    async def _turn(self, step: Any, *args: Any) -> None:
        asked = _Asked(contextvars.copy_context(), self.actor, partial(step, self.actor, *args))
        turn = await engine.database.together(_stored, asked)
        crashpoints.reach("turn committed, not answered")
        self._new.update(run.pk for run in turn.runs)
        await self.send(
            frames.dump(
                "turn",
                ref=turn.id,
                chat=turn.chat.pk,
                message=turn.message.pk,
                runs=[run.brief() for run in turn.runs],
            )
        )

        if turn.quota and turn.quota.near_its_end:
            await self.send(frames.dump("notice", kind="quota", **turn.quota.told()))

    # --- following -------------------------------------------------------------------------------

    async def _follow(self, run_id: UUID, after: int) -> None:
        if after or run_id not in self._new:
            seq = await engine.database.read(_readable_up_to, self.actor, run_id)
            if after > seq:
                raise BadRequest("run", "This run has not said that much.", param="after", details={"last": seq})
        self._new.discard(run_id)
        await self._unfollow(run_id)
        if len(self._follows) >= FOLLOWS_MAX:
            raise RateLimited("run", "Too many runs are followed on this connection.")
        self._follows[run_id] = asyncio.create_task(self._pass_on(run_id, after), name=f"follow {run_id}")

    async def _unfollow(self, run_id: UUID) -> None:
        if task := self._follows.pop(run_id, None):
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)
        self._acknowledge(run_id, None)

    async def _pass_on(self, run_id: UUID, after: int) -> None:
        try:
            async with aclosing(follow(engine.hub, run_id, after, actor=self.actor)) as batches:
                async for batch in batches:
                    for number, frame in enumerate(batch.frames, batch.first):
                        if not self._credit.is_set():
                            await self.send(frames.dump("notice", kind="paused", run=run_id, seq=number - 1))
                            await self._credit.wait()
                        self._owe(run_id, number, len(frame))
                        await self.send(frame)
        except AppError as exc:
            exc.details.setdefault("run", str(run_id))
            await self.send(frames.error(exc, context.request_id.get()))
        except AWAY:
            # The page follows again after a moment; the log is not going anywhere.
            await self.close(Close.RESTART)
        except Exception:
            logger.exception("follower broke", extra={"run": str(run_id)})
            await self.close(Close.RESTART)
        finally:
            if self._follows.get(run_id) is asyncio.current_task():
                del self._follows[run_id]

    def _owe(self, run_id: UUID, number: int, size: int) -> None:
        self._owed.setdefault(run_id, deque()).append((number, size))
        self._debt += size
        if self._debt >= CREDIT:
            self._credit.clear()

    def _acknowledge(self, run_id: UUID, seq: int | None) -> None:
        """What the reader has of a run up to `seq`, or everything when it begins anew."""
        owed = self._owed.get(run_id)
        while owed and (seq is None or owed[0][0] <= seq):
            self._debt -= owed.popleft()[1]
        if owed is not None and not owed:
            del self._owed[run_id]
        if self._debt < CREDIT:
            self._credit.set()

    def _afford(self) -> bool:
        """A bucket of frames: a page needs few, a flood closes the socket."""
        now = time.monotonic()
        self._allowance = min(FRAMES_BURST, self._allowance + (now - self._counted_at) * FRAMES_PER_S)
        self._counted_at = now
        self._allowance -= 1
        return self._allowance >= 0


@dataclass(frozen=True, slots=True)
class _Asked:
    """A step of `turns`, whose it is, and the context (language, request) that it runs in."""

    context: contextvars.Context
    actor: Actor
    step: Callable[[], turns.Turn]


def _stored(asked: Sequence[_Asked]) -> list[turns.Turn | Exception]:
    """Runs in the engine's thread: what came together is stored together. One that is refused or fails leaves
    nothing behind, and the others are none the worse."""
    if len(asked) == 1:
        return [_attempt(asked[0], actors.ended([asked[0].actor]))]
    try:
        with transaction.atomic():
            ended = actors.ended([one.actor for one in asked])
            return [_attempt(one, ended) for one in asked]
    except IntegrityError:  # One that only the commit found must not fail the others.
        return [result for one in asked for result in _stored([one])]


def _attempt(one: _Asked, ended: Collection[Actor]) -> turns.Turn | Exception:
    try:
        return one.context.run(_allowed, one, ended)
    except AWAY:
        raise  # for all of them, and the connection is opened anew
    except Exception as exc:  # It belongs to whoever asked, who raises it.
        return exc


def _allowed(one: _Asked, ended: Collection[Actor]) -> turns.Turn:
    """The login still holds, the rate is kept, then the step itself."""
    if one.actor in ended:
        raise Unauthorized("chat")
    turns.admit(one.actor)
    return one.step()


def _readable_up_to(actor: Actor, run_id: UUID) -> int:
    """The number of the last event of a run that `actor` may read. Raises NotFound."""
    run, seq = log.states([run_id]).get(run_id, (None, 0))
    if not isinstance(run, Run) or not run.visible_to(actor):
        raise NotFound("run")
    return seq


def _given(options: frames.Options) -> dict[str, Any]:
    return options.model_dump(exclude_none=True)


def _same_site(headers: dict[bytes, bytes]) -> bool:
    """A browser sends where the page came from; only our own pages may speak for a login.

    The host must be one of ours too: a stranger's name may be made to lead here. Where cookies want TLS, a page
    that came without it may be anybody's.
    """
    try:
        origin = urlsplit(headers.get(b"origin", b"").decode("latin-1"))
    except ValueError:
        return False
    host = headers.get(b"host", b"").decode("latin-1").lower()
    ours = validate_host(split_domain_port(host)[0], settings.ALLOWED_HOSTS)
    schemes = ("https",) if settings.SESSION_COOKIE_SECURE else ("http", "https")
    return ours and origin.scheme in schemes and origin.netloc.lower() == host


def _language(headers: dict[bytes, bytes], cookies: dict[str, str]) -> str:
    class Request:
        COOKIES = cookies
        META = {"HTTP_ACCEPT_LANGUAGE": headers.get(b"accept-language", b"").decode("latin-1")}

    return get_language_from_request(Request())  # type: ignore[arg-type]  # it reads these two and nothing else
