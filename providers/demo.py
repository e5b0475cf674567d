"""Models that answer offline, at a chosen speed and with chosen faults (`demo_models` has the list)."""

from __future__ import annotations

import asyncio
import re
from collections.abc import AsyncIterator, Iterable, Iterator, Sequence
from itertools import count, cycle, islice
from typing import Final

from config import errors
from providers import demo_answers, demo_models
from providers.base import ModelRequest
from providers.demo_models import Behaviour
from providers.events import Event, Finish, FinishReason, ReasoningDelta, TextDelta, ToolCall, UsageReport, clean
from providers.usage import estimate, estimate_all

# A batch at most this often and this large: what a network read of a fast provider looks like.
_TICK_S: Final = 0.04
_BATCH: Final = 200
_UNTIL_FIRST_S: Final = 0.02
_TOKEN: Final = re.compile(r"\s*\S+|\s+$")
# Behaviours that end after `number` tokens, and the finish of those that have one.
_ENDS: Final = frozenset({"fail", "break", "silent", "cut", "filter"})
_FINISH: Final[dict[str, FinishReason]] = {"cut": "length", "filter": "content_filter"}


class DemoProvider:
    async def stream(self, request: ModelRequest) -> AsyncIterator[Sequence[Event]]:
        asked = demo_models.behaviour(request.model.id) or Behaviour()
        if asked.kind == "busy":
            raise errors.ProviderRateLimited("provider", details={"retry_after_s": asked.number})
        await asyncio.sleep(asked.number if asked.kind == "late" else _UNTIL_FIRST_S)
        thought, said = "", ""
        if asked.kind == "reason":
            async for piece in _paced(_numbered(demo_answers.THOUGHTS, asked.number), asked.rate):
                thought += piece
                yield [ReasoningDelta(piece)]
        call = _call(request, asked)
        words = [] if call else list(islice(_words(request, asked), request.options.max_tokens))
        async for piece in _paced(words, asked.rate):
            said += piece
            yield [TextDelta(piece)]
        await _misbehave(asked)
        usage = _usage(request, thought, said + (call.arguments if call else ""))
        if call:
            yield [call, usage, Finish("tool_calls")]
        else:
            yield [usage, Finish(_reason(request, asked, words))]


def _words(request: ModelRequest, asked: Behaviour) -> Iterable[str]:
    if asked.kind == "empty":
        return ()
    if asked.kind == "count":
        return (f"w{number:04d} " for number in range(1, asked.number + 1))
    answer = demo_answers.answer(request.messages)
    if asked.kind == "long":
        return islice(_chapters(answer), asked.number)
    return _numbered(answer, asked.number) if asked.kind in _ENDS else _tokens(answer)


def _chapters(answer: str) -> Iterator[str]:
    """The answer again and again, each time under a heading with its number."""
    yield from _tokens(answer)
    for number in count(2):
        yield from _tokens(f"\n\n# Part {number}\n\n{answer}")


def _numbered(text: str, number: int) -> Iterator[str]:
    """`number` tokens of `text`, from the beginning again when it ends."""
    return islice(cycle(_tokens(text + "\n\n")), number)


def _tokens(text: str) -> list[str]:
    return _TOKEN.findall(clean(text))


async def _paced(tokens: Iterable[str], rate: float) -> AsyncIterator[str]:
    """The tokens in batches, by an absolute schedule of `rate` a second."""
    clock = asyncio.get_running_loop().time
    remaining, start, given = iter(tokens), clock(), 0
    while True:
        due = _BATCH if rate == float("inf") else min(_BATCH, int((clock() - start) * rate) + 1 - given)
        batch = list(islice(remaining, due))
        if not batch and due > 0:
            return
        if batch:
            given += len(batch)
            yield "".join(batch)
        await asyncio.sleep(0 if rate == float("inf") else max(_TICK_S, start + given / rate - clock()))


def _call(request: ModelRequest, asked: Behaviour) -> ToolCall | None:
    answered = sum(message.role == "tool" for message in request.messages)
    if asked.kind == "tool":
        tool = request.tools[0] if request.tools and request.messages[-1].role == "user" else None
    else:
        tool = demo_answers.tool_for(request.messages, request.tools)
    if tool is None:
        return None
    return ToolCall(f"call_demo_{answered + 1}", tool.name, demo_answers.arguments(tool, request.messages))


async def _misbehave(asked: Behaviour) -> None:
    match asked.kind:
        case "fail":
            raise errors.ProviderUnavailable("provider")
        case "break":
            raise errors.ProviderBroken("provider")
        case "silent":
            await asyncio.Event().wait()


def _limit(request: ModelRequest, asked: Behaviour) -> int | None:
    return request.options.max_tokens


def _reason(request: ModelRequest, asked: Behaviour, words: Sequence[str]) -> FinishReason:
    if request.options.max_tokens is not None and len(words) >= request.options.max_tokens:
        return "length"
    return _FINISH.get(asked.kind, "stop")


def _usage(request: ModelRequest, thought: str, said: str) -> UsageReport:
    reasoning = estimate(thought)
    prompt = estimate_all(message.text for message in request.messages)
    return UsageReport(prompt, reasoning + estimate(said), 0, reasoning, "estimated")
