"""One answer from its first header to its last byte."""

from __future__ import annotations

import asyncio
import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import TYPE_CHECKING, Any

from aiohttp import web

from .behaviours import Behaviour, GrammarError, parse
from .parts import Answer, Asked, Ending, Refusal, ToolCall, Usage, Whole
from .records import Exchange
from .shapes import Shape, Voice
from .shapes.base import dumps
from .texts import GIANT, Call, Say, Trouble, finish_reason, steps
from .wire import FOREVER, Gone, Wire, silence

if TYPE_CHECKING:
    from .server import Witness

HTML = "<!doctype html><title>502</title><h1>Bad gateway</h1><p>The upstream server is having a day."


@dataclass(slots=True)
class Performance:
    """What one exchange needs while it is being answered."""

    shape: Shape
    request: web.Request
    exchange: Exchange
    behaviour: Behaviour
    asked: Asked
    answer: Answer | None
    calls: list[ToolCall] = field(default_factory=list)

    def usage(self) -> Usage | None:
        """What is reported: true counts, unless the behaviour lies."""
        if "nousage" in self.behaviour:
            return None
        if "zerousage" in self.behaviour:
            return Usage(0, 0)
        if "negusage" in self.behaviour:
            return Usage(-5, -7)
        thought = len(self.exchange.thought)
        output = len(self.exchange.said) + thought + 5 * len(self.exchange.calls)
        given = self.behaviour.number("input", self.asked.words)
        return Usage(int(given), output, thought, int(self.behaviour.number("cached")))

    def reported(self) -> list[Usage]:
        usage = self.usage()
        if usage is None or not self.asked.usage:
            return []
        self.exchange.usage = asdict(usage)
        return [usage] * (2 if "doubleusage" in self.behaviour else 1)

    def heard(self, call: ToolCall) -> None:
        self.calls.append(call)
        self.exchange.calls.append({"id": call.id, "name": call.name, "arguments": call.arguments})


async def perform(witness: Witness, shape: Shape, request: web.Request, exchange: Exchange) -> web.StreamResponse:
    body = exchange.body if isinstance(exchange.body, dict) else {}
    exchange.model = str(request.match_info.get("model") or body.get("model") or "")
    answer, turn = witness.next_answer(exchange.model)
    try:
        asked = shape.read(body, request.path)
        behaviour = parse(answer.behaviour if answer is not None else exchange.model)
    except (GrammarError, AttributeError, TypeError) as error:
        return _refuse(shape, exchange, Refusal(400, "bad", f"the witness cannot read this: {error}"))
    if turn > behaviour.number("times", math.inf):
        behaviour = behaviour.healed()
    exchange.behaviour, exchange.user, exchange.stream = behaviour.name, asked.user, asked.stream

    await silence(behaviour.number("wait") / 1000)
    if "hang" in behaviour:
        await silence()
    if "html" in behaviour:
        exchange.status = 200
        exchange.end("refused")
        return web.Response(text=HTML, content_type="text/html")
    if refusal := _refusal(shape, behaviour, exchange):
        return _refuse(shape, exchange, refusal)

    play = Performance(shape, request, exchange, behaviour, asked, answer)
    try:
        return await (_stream(play) if asked.stream else _whole(play))
    except (Gone, ConnectionResetError):
        exchange.leave()
        raise asyncio.CancelledError from None


async def _stream(play: Performance) -> web.StreamResponse:
    behaviour, exchange = play.behaviour, play.exchange
    wire = Wire(play.request, exchange, behaviour, play.shape.media_type)
    await wire.headers()
    if "mute" in behaviour:
        await silence()
    await silence(behaviour.number("first") / 1000)
    if play.answer is not None and play.answer.raw is not None:
        await wire.put(play.answer.raw.encode())
        exchange.end("finished")
        await wire.end()
        return wire.response
    eol = "\r\n" if "crlf" in behaviour else "\n"
    model = exchange.model
    voice = play.shape.voice(exchange.id, model, play.usage(), eol=eol, comments="comments" in behaviour)
    await wire.put(voice.open())
    for step in steps(behaviour, play.asked, play.answer):
        match step:
            case Say(channel, tokens):
                await wire.put(voice.enter(channel))
                await wire.say(voice, tokens, exchange.said if channel == "text" else exchange.thought)
            case Call(calls):
                await wire.put(voice.call(calls))
                for call in calls:
                    play.heard(call)
            case Trouble(kind):
                if await _trouble(play, wire, voice, kind):
                    return wire.response
    await wire.put(voice.close(_ending(play)))
    exchange.end("finished")
    if "linger" in behaviour:
        await silence(behaviour.number("linger") / 1000)
    await wire.end()
    return wire.response


async def _trouble(play: Performance, wire: Wire, voice: Voice, kind: str) -> bool:
    """True when nothing follows."""
    match kind:
        case "stall":
            await wire.pause(play.behaviour.number("pause", FOREVER * 1000) / 1000)
        case "garbage":
            await wire.put(voice.garbage())
        case "giant":
            await wire.put(voice.enter("text"))
            await wire.say(voice, iter([GIANT]), play.exchange.said)
        case _:
            if kind == "error":
                await wire.put(voice.error())
            play.exchange.end(kind)
            if kind in ("reset", "cut"):
                await wire.tear(reset=kind == "reset")
            else:
                await wire.end()
            return True
    return False


async def _whole(play: Performance) -> web.StreamResponse:
    """An answer in one piece, after the time it would have streamed."""
    behaviour, exchange = play.behaviour, play.exchange
    said, thought = exchange.said, exchange.thought
    broken: str | None = None
    for step in steps(behaviour, play.asked, play.answer):
        match step:
            case Say(channel, tokens):
                if "forever" in behaviour:
                    await silence()
                (said if channel == "text" else thought).extend(tokens)
            case Call(calls):
                for call in calls:
                    play.heard(call)
            case Trouble("giant"):
                said.append(GIANT)
            case Trouble("stall"):
                await silence(behaviour.number("pause", FOREVER * 1000) / 1000)
            case Trouble(kind):
                broken = kind
                break
    rate = behaviour.number("rate")
    await silence(behaviour.number("first") / 1000 + ((len(said) + len(thought)) / rate if rate else 0))
    if broken == "error":
        return _refuse(play.shape, exchange, Refusal(500, "server", "The server had an error"))
    usage = next(iter(play.reported()), None)
    reason = finish_reason(behaviour, play.asked, play.answer)
    whole = Whole("".join(said), "".join(thought), play.calls, reason, usage)
    data = dumps(play.shape.whole(exchange.id, exchange.model, whole))
    wire = Wire(play.request, exchange, behaviour, "application/json")
    await wire.headers()
    if broken is not None:
        await wire.put(data[: len(data) // 2])
        exchange.end(broken)
        await (wire.tear(reset=broken == "reset") if broken in ("reset", "cut") else wire.end())
        return wire.response
    await wire.put(data)
    exchange.end("finished")
    await wire.end()
    return wire.response


def _ending(play: Performance) -> Ending:
    behaviour = play.behaviour
    return Ending(
        reason=finish_reason(behaviour, play.asked, play.answer),
        usages=play.reported(),
        finishes=2 if "doublefinish" in behaviour else 1,
        late="LATE " if "late" in behaviour else "",
        done="nodone" not in behaviour,
    )


def _refusal(shape: Shape, behaviour: Behaviour, exchange: Exchange) -> Refusal | None:
    """The error a behaviour gives, or a key: one that contains `-bad` is refused, one with `-broke` has no credit."""
    if "context" in behaviour:
        return shape.context()
    if "quota" in behaviour or "-broke" in exchange.key:
        return shape.quota()
    status = 401 if "-bad" in exchange.key else int(behaviour.number("http"))
    if not status:
        return None
    headers = {"Retry-After": f"{behaviour.number('retry'):g}"} if "retry" in behaviour else {}
    kinds = {400: "bad", 401: "auth", 403: "auth", 404: "missing", 422: "bad", 429: "rate"}
    messages: Mapping[str, str] = {
        "auth": f"Incorrect API key provided: {exchange.key}. You can find your API key in your account.",
        "rate": "Rate limit reached for requests. Please slow down.",
        "bad": "Invalid value in the request.",
        "missing": f"The model `{exchange.model}` does not exist or you do not have access to it.",
    }
    kind = kinds.get(status, "server")
    return Refusal(status, kind, messages.get(kind, "The server had an error while processing your request."), headers)


def _refuse(shape: Shape, exchange: Exchange, refusal: Refusal) -> web.Response:
    exchange.status = refusal.status
    exchange.end("refused")
    body: Any = dumps(shape.refuse(refusal))
    return web.Response(
        body=body, status=refusal.status, headers=dict(refusal.headers), content_type="application/json"
    )
