"""How a document travels while it is written: as events of its run, in small pieces, never the whole text again.

`artifact.open` says which document, `artifact.delta` appends (or in mode "edit" replaces the characters `from` up to
`to`, counted in code points of the text as it stands then), `artifact.close` says which version it became. `n` counts
the artifacts of a run. A delta waits at most WAIT_S for more text and holds at most SIZE characters.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator, Iterable, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any, Final, Literal
from uuid import UUID

from artifacts.documents import Written
from artifacts.edits import Change
from artifacts.models import Document, Suggestion

WAIT_S: Final = 0.25
SIZE: Final = 2048  # characters

Event = dict[str, Any]
Mode = Literal["replace", "edit"]

TYPES: Final = frozenset({"artifact.open", "artifact.delta", "artifact.close", "suggestion.add"})


def opened(n: int, document: Document, mode: Mode = "replace", base: int = 0) -> Event:
    """`base` is the version that is being changed, 0 for a new document."""
    return {
        "type": "artifact.open",
        "n": n,
        "document": str(document.pk),
        "kind": document.kind,
        "title": document.title,
        "language": document.language or None,
        "mode": mode,
        "base": base,
    }


def delta(n: int, text: str) -> Event:
    return {"type": "artifact.delta", "n": n, "text": text}


def replaced(n: int, changes: Iterable[Change]) -> Iterator[Event]:
    """Changes of one text, from its end to its beginning, so that none moves the place of another."""
    for change in sorted(changes, key=lambda change: change.start, reverse=True):
        start, end = change.start, change.end
        for cut in range(0, max(1, len(change.text)), SIZE):
            piece = change.text[cut : cut + SIZE]
            yield {"type": "artifact.delta", "n": n, "from": start, "to": end, "text": piece}
            start = end = start + len(piece)


def closed(n: int, written: Written) -> Event:
    """`merged`: a person wrote meanwhile, and both are in it. `aside`: the person's words stand, as a newer version."""
    event: Event = {"type": "artifact.close", "n": n, "version": written.version, "status": str(written.status)}
    return event | {name: True for name in ("merged", "aside") if getattr(written, name)}


def suggestion(made: Suggestion) -> Event:
    return {
        "type": "suggestion.add",
        "document": str(made.document_id),
        "version": made.version,
        "suggestion": str(made.pk),
        "original": made.original,
        "proposal": made.proposal,
        "reason": made.reason,
    }


@dataclass(slots=True)
class Open:
    """An artifact that was begun and not ended."""

    n: int
    document: UUID
    base: int
    mode: Mode
    pieces: list[str] = field(default_factory=list)
    seq: int = 0  # of the last event that was heard, where somebody goes on from there

    @property
    def text(self) -> str:
        """What was written of it so far. Edits count only as a whole, so of those nothing."""
        return "".join(self.pieces)


class Heard:
    """Folds the events of a run: what is still open at the end of them."""

    def __init__(self) -> None:
        self._open: dict[int, Open] = {}
        self.opened = 0  # how many artifacts there were

    def push(self, event: Mapping[str, Any]) -> None:
        match event["type"]:
            case "artifact.open":
                n = event["n"]
                self._open[n] = Open(n, UUID(event["document"]), event.get("base", 0), event["mode"])
                self.opened = max(self.opened, n)
            case "artifact.delta" if event["n"] in self._open and "from" not in event:
                self._open[event["n"]].pieces.append(event["text"])
            case "artifact.close":
                self._open.pop(event["n"], None)

    def open(self) -> list[Open]:
        return list(self._open.values())


async def paced(pieces: AsyncIterator[str], wait_s: float = WAIT_S, size: int = SIZE) -> AsyncGenerator[str, None]:
    """The same text in pieces of `size`, sooner when the oldest of it has waited for `wait_s` seconds."""
    queue: asyncio.Queue[str | None] = asyncio.Queue(64)

    async def read() -> None:
        try:
            async for piece in pieces:
                await queue.put(piece)
        finally:
            with suppress(asyncio.QueueFull):  # a full queue is being read, and its reader looks at the task
                queue.put_nowait(None)

    # A task of its own, so that waiting for the next piece can be given up without giving up the piece.
    reader = asyncio.create_task(read())
    clock = asyncio.get_running_loop().time
    held, due = "", 0.0
    try:
        while not (reader.done() and queue.empty()):
            piece: str | None = None
            try:
                async with asyncio.timeout(max(0.0, due - clock()) if held else None):
                    piece = await queue.get()
            except TimeoutError:
                yield held
                held = ""
                continue
            if not piece:
                continue
            due = due if held else clock() + wait_s
            held += piece
            while len(held) >= size:
                yield held[:size]
                held, due = held[size:], clock() + wait_s
        if held:
            yield held
        await reader
    finally:
        reader.cancel()
        with suppress(asyncio.CancelledError, Exception):
            await reader
