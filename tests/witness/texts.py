"""What a behaviour says: pure functions from a behaviour and a request to tokens, tool calls and faults in order."""

from __future__ import annotations

import json
import math
import re
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import Any, Final, Literal

from .behaviours import Behaviour, parse
from .parts import Answer, Asked, ToolCall
from .samples import HOSTILE, MARKDOWN, NULLS, UNICODE

Channel = Literal["reasoning", "text"]

GIANT: Final = "G" * (2 * 1024 * 1024)
TERMINAL: Final = ("reset", "cut", "eof", "error")
UNKNOWN_TOOL: Final = "no_such_tool"


@dataclass(frozen=True, slots=True)
class Say:
    channel: Channel
    tokens: Iterator[str]


@dataclass(frozen=True, slots=True)
class Call:
    calls: Sequence[ToolCall]


@dataclass(frozen=True, slots=True)
class Trouble:
    kind: str


Step = Say | Call | Trouble


@dataclass(frozen=True, slots=True)
class Source:
    """Tokens by number; `count` may be infinite."""

    at: Callable[[int], str]
    count: float

    def between(self, start: int, stop: float) -> Iterator[str]:
        while start < stop:
            yield self.at(start)
            start += 1

    @classmethod
    def of(cls, tokens: Sequence[str], count: float | None = None) -> Source:
        """These tokens, begun again as often as `count` needs."""
        if not tokens:
            return cls(lambda i: "", 0)
        return cls(lambda i: tokens[i % len(tokens)], len(tokens) if count is None else count)


def steps(behaviour: Behaviour, asked: Asked, answer: Answer | None = None) -> Iterator[Step]:
    """Everything an answer consists of, in order, up to its finish."""
    calls = tool_calls(behaviour, asked, answer)
    marks = behaviour.faults
    sent: float = 0
    for channel, source in _sources(behaviour, asked, answer, calling=bool(calls)):
        at: float = 0
        while True:
            while marks and marks[0][0] <= sent:
                yield Trouble(marks.pop(0)[1])
            if at >= source.count:
                break
            stop = min(source.count, at + (marks[0][0] - sent if marks else math.inf))
            yield Say(channel, source.between(int(at), stop))
            sent, at = sent + stop - at, stop
    if calls:
        yield Call(calls)
    for _, kind in marks:
        yield Trouble(kind)


def finish_reason(behaviour: Behaviour, asked: Asked, answer: Answer | None = None) -> str:
    words = {"length": "length", "filter": "filter", "blocked": "blocked", "toolcalls": "tools", "half": "length"}
    for word, reason in words.items():
        if word in behaviour:
            return reason
    if tool_calls(behaviour, asked, answer):
        return "tools"
    whole = _text(behaviour, asked, answer, calling=False).count
    return "length" if "obey" in behaviour and asked.limit and whole > asked.limit else "stop"


def tool_calls(behaviour: Behaviour, asked: Asked, answer: Answer | None = None) -> list[ToolCall]:
    if answer is not None and answer.calls is not None:
        return [ToolCall(f"call_{asked.rounds}_{i}", name, text) for i, (name, text) in enumerate(answer.calls)]
    wanted = "tools" in behaviour or "endless" in behaviour or "unknown" in behaviour
    if not wanted or (asked.rounds >= behaviour.number("rounds", 1) and "endless" not in behaviour):
        return []
    count = behaviour.number("tools", 1)
    name = UNKNOWN_TOOL if "unknown" in behaviour else "get_weather"
    text = json.dumps(_arguments(asked.tools.get(name, {})))
    if "badjson" in behaviour:
        text = text[:-1] + ', "unit": celsius,,'
    if "half" in behaviour:
        text = text[: len(text) // 2]
    whole = "half" not in behaviour
    return [
        ToolCall(f"call_{asked.rounds}_{i}", name, text, whole) for i in range(1 if math.isinf(count) else int(count))
    ]


def expected_text(
    model: str,
    *,
    prompt: str = "",
    results: Sequence[str] = (),
    rounds: int | None = None,
    limit: int | None = None,
    answer: Answer | None = None,
    first: int | None = None,
    channel: Channel = "text",
) -> str:
    """The text a behaviour produces, to compare byte by byte: up to its fault if it has one, else to its end.

    `first` keeps the first N tokens of the channel, and is needed for `forever`. `results` are the tool results of
    the request. A `think` behaviour's tags and reasoning are not part of it; `expected_content` has them.
    Faults under `times` are taken as used up.
    """
    return _expected(model, prompt, results, rounds, limit, answer, first, channel, tags=False)


def expected_reasoning(model: str, **asked: Any) -> str:
    return expected_text(model, channel="reasoning", **asked)


def expected_content(model: str, *, prompt: str = "", first: int | None = None) -> str:
    """Like `expected_text`, with what `think` puts between the tags: the text as it goes over the wire."""
    return _expected(model, prompt, (), None, None, None, first, "text", tags=True)


def _expected(
    model: str,
    prompt: str,
    results: Sequence[str],
    rounds: int | None,
    limit: int | None,
    answer: Answer | None,
    first: int | None,
    channel: Channel,
    *,
    tags: bool,
) -> str:
    behaviour = parse(answer.behaviour if answer is not None else model)
    if behaviour.kind == "stamps":
        raise ValueError("stamps cannot be foretold")
    if "times" in behaviour:
        behaviour = behaviour.healed()
    if any(word in behaviour for word in ("http", "context", "quota", "html", "hang", "mute")):
        return ""
    if "think" in behaviour and not tags:
        words = {word: number for word, number in behaviour.options.items() if word != "think"}
        behaviour = replace(behaviour, options=words)
    asked = Asked(
        prompt=prompt, results=tuple(results), rounds=rounds if rounds is not None else int(bool(results)), limit=limit
    )
    said: list[str] = []
    for step in steps(behaviour, asked, answer):
        match step:
            case Say(where, tokens) if where == channel:
                for token in tokens:
                    if first is not None and len(said) >= first:
                        return "".join(said)
                    said.append(token)
            case Trouble("giant") if channel == "text":
                said.append(GIANT)
            case Trouble("stall") if "pause" not in behaviour:
                break
            case Trouble(kind) if kind in TERMINAL:
                break
    return "".join(said if first is None else said[:first])


def _sources(
    behaviour: Behaviour, asked: Asked, answer: Answer | None, *, calling: bool
) -> list[tuple[Channel, Source]]:
    reasoning = Source(_reason, behaviour.number("reason"))
    if answer is not None and answer.reasoning is not None:
        reasoning = Source.of(_words(answer.reasoning))
    text = _text(behaviour, asked, answer, calling=calling)
    if "obey" in behaviour and asked.limit:
        text = replace(text, count=min(text.count, asked.limit))
    if reasoning.count and "think" in behaviour:
        thought = list(reasoning.between(0, reasoning.count))
        thought[0] = "<think>" + thought[0]
        thought[-1] += "</think>"
        return [("text", _recut(Source.of([*thought, *text.between(0, text.count)]), behaviour))]
    return [("reasoning", _recut(reasoning, behaviour)), ("text", _recut(text, behaviour))]


def _text(behaviour: Behaviour, asked: Asked, answer: Answer | None, *, calling: bool) -> Source:
    if answer is not None and answer.text is not None:
        return Source.of(_words(answer.text))
    if asked.results and not calling:
        said = _words(f"The tool said: {'; '.join(asked.results)} ")
        rest = int(_count(behaviour))
        return Source.of([*said, *(_numbered("", i) for i in range(rest))])
    if "blocked" in behaviour:
        return Source.of(())
    given = None if not {"tokens", "forever", "empty"} & behaviour.options.keys() else _count(behaviour)
    if calling and given is None:
        return Source.of(())
    match behaviour.kind:
        case "markdown":
            return Source.of(_snippets(MARKDOWN), given)
        case "hostile":
            return Source.of(_snippets(HOSTILE), given)
        case "unicode":
            return Source(lambda i: f"{i + 1:04d}{UNICODE[i % len(UNICODE)]} ", _count(behaviour))
        case "nulls":
            return Source(lambda i: f"{i + 1:04d}{NULLS[i % len(NULLS)]} ", _count(behaviour))
        case "echo":
            words = _words(asked.prompt)
            return Source.of(words, None if given is None else min(given, len(words)))
        case "stamps":
            return Source(lambda i: f"t{i + 1:04d}@{time.time_ns() // 1000} ", _count(behaviour))
    tag = f"{behaviour.number('tag'):g}" if "tag" in behaviour else ""
    return Source(lambda i: _numbered(tag, i), _count(behaviour))


def _count(behaviour: Behaviour) -> float:
    if "forever" in behaviour:
        return math.inf
    return 0 if "empty" in behaviour else behaviour.number("tokens", 20)


def _recut(source: Source, behaviour: Behaviour) -> Source:
    size = int(behaviour.number("chars"))
    if not size or math.isinf(source.count):
        return source
    text = "".join(source.between(0, source.count))
    return Source.of([text[i : i + size] for i in range(0, len(text), size)])


def _words(text: str) -> list[str]:
    return re.findall(r"\s*\S+\s*|\s+", text)


def _snippets(text: str) -> list[str]:
    """Pieces as a tokenizer cuts them: through words and marks."""
    return re.findall(r"\s?\S{1,4}|\s", text)


@lru_cache(maxsize=1 << 17)
def _numbered(tag: str, i: int) -> str:
    return f"{tag}t{i + 1:04d} "


@lru_cache(maxsize=1 << 14)
def _reason(i: int) -> str:
    return f"r{i + 1:04d} "


def _arguments(schema: Mapping[str, Any]) -> dict[str, Any]:
    """Arguments that fit the tool's own schema; `{"city": "Paris"}` without one."""
    properties = schema.get("properties") or {"city": {"type": "string"}}
    known = {"latitude": 48.8566, "longitude": 2.3522, "unit": "celsius", "units": "celsius"}
    plain: dict[str, Any] = {"number": 1.5, "integer": 1, "boolean": True, "array": [], "object": {}}
    wanted = schema.get("required") or list(properties)
    return {
        name: (properties.get(name) or {}).get("enum", [None])[0]
        or known.get(name, plain.get(str((properties.get(name) or {}).get("type")).lower(), "Paris"))
        for name in wanted
    }
