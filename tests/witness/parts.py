"""Values that every shape shares: what was asked, and the pieces of an answer."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True, slots=True)
class Asked:
    """What a request says, whatever its shape. `rounds` counts the tool rounds since the last user message."""

    prompt: str = ""
    results: tuple[str, ...] = ()
    rounds: int = 0
    words: int = 0
    limit: int | None = None
    tools: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    user: str | None = None
    stream: bool = False
    usage: bool = True


@dataclass(frozen=True, slots=True)
class ToolCall:
    """`whole` is False for arguments that stop in the middle."""

    id: str
    name: str
    arguments: str
    whole: bool = True


@dataclass(frozen=True, slots=True)
class Usage:
    """`output` includes `reasoning`, `input` includes `cached`."""

    input: int
    output: int
    reasoning: int = 0
    cached: int = 0


@dataclass(frozen=True, slots=True)
class Ending:
    """How a stream closes. `reason` is stop, length, filter, blocked or tools; `usages` holds none, one or two."""

    reason: str
    usages: Sequence[Usage] = ()
    finishes: int = 1
    late: str = ""
    done: bool = True


@dataclass(frozen=True, slots=True)
class Whole:
    """An answer that is not streamed."""

    text: str
    reasoning: str
    calls: Sequence[ToolCall]
    reason: str
    usage: Usage | None


@dataclass(frozen=True, slots=True)
class Refusal:
    """An error instead of an answer. `kind` is auth, rate, quota, context, bad, missing, server."""

    status: int
    kind: str
    message: str
    headers: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Answer:
    """One scripted answer: a behaviour, and what it says instead of its own text, reasoning or tool calls.

    `raw` is the body itself, sent with status 200 in the shape's media type, then an orderly end.
    """

    behaviour: str = "w"
    text: str | None = None
    reasoning: str | None = None
    calls: tuple[tuple[str, str], ...] | None = None
    raw: str | None = None
