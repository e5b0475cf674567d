"""The events of a run as they are stored and sent: plain dicts with a `type`, JSON all the way.

One function per event, so that a shape is written once. `pack` joins neighbours that say the same kind of
thing and turns the rest into JSON text; nothing is encoded again on its way to a reader. What documents say of
themselves is written in `artifacts.streams` and comes as it is.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any, Final

import orjson

from artifacts import streams
from chat.parts import Part
from providers.events import ToolCall

Event = dict[str, Any]

MAX_TEXT: Final = 16 * 1024  # characters of one delta; larger ones are cut
# What a reader has seen. After one of these nothing starts again by itself.
VISIBLE: Final = frozenset(
    {"text.delta", "reasoning.delta", "tool.call", "tool.result", "run.snapshot", *streams.TYPES}
)


def started(model: str, provider: str, attempt: int) -> Event:
    return {"type": "run.started", "model": model, "provider": provider, "attempt": attempt}


def restarted(reason: str, model: str) -> Event:
    return {"type": "run.restarted", "reason": reason, "model": model}


def text(piece: str) -> Event:
    return {"type": "text.delta", "text": piece}


def reasoning(piece: str) -> Event:
    return {"type": "reasoning.delta", "text": piece}


def reasoning_done(ms: int) -> Event:
    return {"type": "reasoning.done", "ms": ms}


def tool_call(call: ToolCall) -> Event:
    return {"type": "tool.call", "call": call.id, "name": call.name, "arguments": call.arguments}


def tool_result(call: str, ok: bool, result: Any) -> Event:
    return {"type": "tool.result", "call": call, "ok": ok, "result": result}


def snapshot(parts: list[Part]) -> Event:
    return {"type": "run.snapshot", "parts": parts}


def pack(events: Iterable[Event]) -> list[str]:
    """The events as JSON texts, with runs of deltas joined and long ones cut to MAX_TEXT."""
    return [orjson.dumps(event).decode() for event in _joined(events)]


def _joined(events: Iterable[Event]) -> Iterator[Event]:
    kind, pieces = "", list[str]()
    for event in events:
        if event["type"] in ("text.delta", "reasoning.delta"):
            if event["type"] != kind:
                yield from _cut(kind, pieces)
                kind, pieces = event["type"], []
            pieces.append(event["text"])
        else:
            yield from _cut(kind, pieces)
            kind, pieces = "", []
            yield event
    yield from _cut(kind, pieces)


def _cut(kind: str, pieces: list[str]) -> Iterator[Event]:
    whole = "".join(pieces)
    for start in range(0, len(whole), MAX_TEXT):
        yield {"type": kind, "text": whole[start : start + MAX_TEXT]}
