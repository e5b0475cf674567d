"""What a provider says. Nothing else crosses the seam."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final, Literal

FinishReason = Literal["stop", "length", "tool_calls", "content_filter"]
UsageSource = Literal["reported", "estimated", "unknown"]


@dataclass(frozen=True, slots=True)
class TextDelta:
    text: str


@dataclass(frozen=True, slots=True)
class ReasoningDelta:
    text: str


@dataclass(frozen=True, slots=True)
class ToolCall:
    """One complete call. `arguments` is the model's raw text: JSON if all is well, anything if not."""

    id: str
    name: str
    arguments: str


@dataclass(frozen=True, slots=True)
class UsageReport:
    """Tokens of one call. `cached` is part of `input`, `reasoning` part of `output`."""

    input: int
    output: int
    cached: int = 0
    reasoning: int = 0
    source: UsageSource = "reported"


@dataclass(frozen=True, slots=True)
class Finish:
    """The provider said that it is done. The last event of a stream, exactly once."""

    reason: FinishReason


Event = TextDelta | ReasoningDelta | ToolCall | UsageReport | Finish


def joined(events: list[Event]) -> list[Event]:
    """Neighbours of one kind as one event."""
    if len(events) < 2:
        return events
    whole: list[Event] = []
    run: list[str] = []
    kind: type[TextDelta | ReasoningDelta] | None = None
    for event in events:
        if isinstance(event, TextDelta | ReasoningDelta) and type(event) is kind:
            run.append(event.text)
            continue
        if kind is not None:
            whole.append(kind("".join(run)))
        kind, run = (type(event), [event.text]) if isinstance(event, TextDelta | ReasoningDelta) else (None, [])
        if kind is None:
            whole.append(event)
    if kind is not None:
        whole.append(kind("".join(run)))
    return whole


_UNSTORABLE: Final = re.compile("[\x00\ud800-\udfff]")


def clean(text: str) -> str:
    """`text` as every database and socket can hold it: NUL dropped, lone surrogates become U+FFFD."""
    if text.isascii() and "\x00" not in text:
        return text
    return _UNSTORABLE.sub(lambda found: "" if found[0] == "\x00" else "\ufffd", text)


class Cleaner:
    """`clean` for a stream: a character whose two surrogates arrive in two pieces stays whole."""

    def __init__(self) -> None:
        self._half = ""

    def push(self, piece: str) -> str:
        piece, self._half = self._half + piece, ""
        if piece and "\ud800" <= piece[-1] <= "\udbff":
            piece, self._half = piece[:-1], piece[-1]
        return clean(_joined(piece))

    def flush(self) -> str:
        rest, self._half = self._half, ""
        return clean(rest)


def _joined(text: str) -> str:
    """Pairs of surrogates as the one character they stand for."""
    if text.isascii() or not _UNSTORABLE.search(text):
        return text
    return text.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "surrogatepass")
