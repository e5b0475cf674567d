"""The witness's own count of what it was asked and what it said."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, fields
from typing import Any


@dataclass(frozen=True, slots=True)
class Record:
    """One request as it stands now. Times are seconds since 1970, comparable between processes of one machine.

    `text`, `reasoning`, `tokens` and `calls` are what was handed to the connection, counted when the last byte of
    the event was; `text` is the content as sent, `<think>` tags included. `finished` means the whole answer went out
    with its finish. `outcome` is open, finished, disconnected (the client left), refused, or the name of the fault
    that ended it.
    """

    id: int
    shape: str
    kind: str
    method: str
    path: str
    query: str
    model: str
    behaviour: str
    user: str | None
    stream: bool
    headers: dict[str, str]
    body: Any
    key: str
    started_at: float
    headers_at: float | None
    first_byte_at: float | None
    first_token_at: float | None
    ended_at: float | None
    disconnected_at: float | None
    status: int | None
    outcome: str
    finished: bool
    tokens: int
    reasoning_tokens: int
    text: str
    reasoning: str
    calls: list[dict[str, str]]
    bytes: int
    usage: dict[str, int] | None

    @property
    def disconnected(self) -> bool:
        return self.disconnected_at is not None

    @property
    def open(self) -> bool:
        return self.ended_at is None

    def header(self, name: str) -> str | None:
        return self.headers.get(name.lower())

    @classmethod
    def load(cls, data: Mapping[str, Any]) -> Record:
        return cls(**{one.name: data[one.name] for one in fields(cls)})

    def dump(self) -> dict[str, Any]:
        return asdict(self)


@dataclass(slots=True, eq=False)
class Exchange:
    """A request while it is being answered; `record()` is its picture."""

    id: int
    shape: str
    kind: str
    method: str
    path: str
    query: str
    headers: dict[str, str]
    body: Any
    key: str
    transport: asyncio.Transport | None
    task: asyncio.Task[Any] | None
    model: str = ""
    behaviour: str = ""
    user: str | None = None
    stream: bool = False
    started_at: float = field(default_factory=time.time)
    headers_at: float | None = None
    first_byte_at: float | None = None
    first_token_at: float | None = None
    ended_at: float | None = None
    disconnected_at: float | None = None
    status: int | None = None
    outcome: str = "open"
    finished: bool = False
    said: list[str] = field(default_factory=list)
    thought: list[str] = field(default_factory=list)
    calls: list[dict[str, str]] = field(default_factory=list)
    bytes: int = 0
    usage: dict[str, int] | None = None

    def end(self, outcome: str) -> None:
        """The first outcome stands."""
        if self.outcome == "open":
            self.outcome = outcome
            self.finished = outcome == "finished"

    def leave(self) -> None:
        """The client is gone."""
        if self.disconnected_at is None and self.ended_at is None and self.outcome in ("open", "finished"):
            self.disconnected_at = time.time()
            self.end("disconnected")

    def close(self) -> None:
        if self.ended_at is None:
            self.ended_at = time.time()
        self.transport = self.task = None

    def matches(self, model: str | None, user: str | None, marker: str | None, shape: str | None, kind: str) -> bool:
        return (
            (kind == "all" or self.kind == kind)
            and (model is None or model in (self.model, self.behaviour, self.model.rsplit("/", 1)[-1]))
            and (user is None or self.user == user)
            and (shape is None or self.shape == shape)
            and (marker is None or marker in json.dumps(self.body, ensure_ascii=False))
        )

    def record(self) -> Record:
        named = {one.name: getattr(self, one.name) for one in fields(self) if one.name in _SHARED}
        return Record(
            **{**named, "calls": list(self.calls)},
            tokens=len(self.said),
            reasoning_tokens=len(self.thought),
            text="".join(self.said),
            reasoning="".join(self.thought),
        )


_SHARED = {one.name for one in fields(Record)} - {"tokens", "reasoning_tokens", "text", "reasoning"}
