"""What was said, folded: the events of a run become the parts of a message.

    {"type": "text", "text"}
    {"type": "reasoning", "text", "ms": int | null}
    {"type": "tool", "call", "name", "arguments", "ok": bool | null, "result"}
    {"type": "artifact", "n", "document", "version": int, "kind", "title", "status": writing | complete | partial,
     "preview": the first PREVIEW characters of what was written}

Folding is associative over cuts: `fold(head + tail) == fold(tail, fold(head))`, so a page that has the
parts up to event n and hears the rest ends with the same message as one that heard everything.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Final

Part = dict[str, Any]
Event = Mapping[str, Any]

PREVIEW: Final = 200


class Folder:
    """Folds events one by one. Cheap per event: text is kept in pieces until `parts` is asked for."""

    def __init__(self, parts: Sequence[Part] = ()) -> None:
        self._parts: list[Part] = [dict(part) for part in parts]
        self._pieces: list[str] = []

    def push(self, event: Event) -> None:
        match event["type"]:
            case "text.delta":
                self._grow("text", event["text"])
            case "reasoning.delta":
                self._grow("reasoning", event["text"])
            case "reasoning.done":
                self._settle()
                if self._parts and self._parts[-1]["type"] == "reasoning":
                    self._parts[-1]["ms"] = event["ms"]
            case "tool.call":
                self._settle()
                call = {key: event[key] for key in ("call", "name", "arguments")}
                self._parts.append({"type": "tool", **call, "ok": None, "result": None})
            case "tool.result":
                self._settle()
                for part in reversed(self._parts):  # it is one of the last, and there may be many
                    if part["type"] == "tool" and part["call"] == event["call"]:
                        part["ok"], part["result"] = event["ok"], event["result"]
                        break
            case "artifact.open":
                self._settle()
                told = {key: event[key] for key in ("n", "document", "kind", "title")}
                version = event.get("base", 0)
                self._parts.append({"type": "artifact", **told, "version": version, "status": "writing", "preview": ""})
            case "artifact.delta":
                if (open_ := self._artifact(event["n"])) is not None and len(open_["preview"]) < PREVIEW:
                    open_["preview"] = (open_["preview"] + event["text"])[:PREVIEW]
            case "artifact.close":
                if (open_ := self._artifact(event["n"])) is not None:
                    open_["version"], open_["status"] = event["version"], event["status"]
            case "run.snapshot":
                self._pieces, self._parts = [], [dict(part) for part in event["parts"]]

    def parts(self) -> list[Part]:
        self._settle()
        return [dict(part) for part in self._parts]

    def _artifact(self, n: int) -> Part | None:
        """The open one with this number: an answer that was continued may hold several of that number."""
        for part in reversed(self._parts):
            if part["type"] == "artifact" and part["n"] == n:
                return part if part["status"] == "writing" else None
        return None

    def _grow(self, kind: str, text: str) -> None:
        # A reasoning block that was closed with its duration is followed by a new one.
        last = self._parts[-1] if self._parts else None
        if last is None or last["type"] != kind or last.get("ms") is not None:
            self._settle()
            last = {"type": kind, "text": ""} if kind == "text" else {"type": kind, "text": "", "ms": None}
            self._parts.append(last)
        self._pieces.append(text)

    def _settle(self) -> None:
        """Pieces always belong to the last part."""
        if self._pieces:
            self._parts[-1]["text"] += "".join(self._pieces)
            self._pieces = []


def fold(events: Iterable[Event], parts: Sequence[Part] = ()) -> list[Part]:
    """`parts` (what was said before) and everything that `events` add to it."""
    folder = Folder(parts)
    for event in events:
        folder.push(event)
    return folder.parts()


def text_of(parts: Iterable[Part]) -> str:
    """What was said, without reasoning and tools."""
    return "".join(part["text"] for part in parts if part["type"] == "text")
