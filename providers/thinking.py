"""Reasoning that a model writes into its text, between `<think>` and `</think>`."""

from __future__ import annotations

import re
from typing import Final

from providers.events import Event, ReasoningDelta, TextDelta

# An answer may talk about the tags. A real one opens the text or follows white space; a mentioned one
# follows a backtick, a quote or a bracket.
_OPEN: Final = re.compile(r"(?:^|(?<=\s))<(think|thinking)>")
_TAGS: Final = ("<think>", "<thinking>")


class ThinkSplitter:
    """Text in, text and reasoning out. How the text was cut does not matter; nothing but the tags is lost."""

    def __init__(self) -> None:
        self._held = ""  # the possible beginning of a tag
        self._last = ""  # the character before `_held`, if it was text
        self._close = ""  # the tag that ends the reasoning we are in

    def push(self, piece: str) -> list[Event]:
        """What is now certain. Keeps back a possible half tag."""
        text, self._held = self._held + piece, ""
        events: list[Event] = []
        while text:
            said, rest = self._cut_reasoning(text) if self._close else self._cut_text(text)
            if said:
                events.append(ReasoningDelta(said) if self._close else TextDelta(said))
                self._last = said[-1]
            if rest is None:
                break
            self._close, text = rest
            self._last = ""
        return events

    def flush(self) -> list[Event]:
        """What was kept back, once nothing more will come."""
        rest, self._held = self._held, ""
        if not rest:
            return []
        return [ReasoningDelta(rest) if self._close else TextDelta(rest)]

    def _cut_text(self, text: str) -> tuple[str, tuple[str, str] | None]:
        """Text up to an opening tag, then the tag that closes it and what follows; None without one."""
        offset = len(self._last)
        if found := _OPEN.search(self._last + text, offset):
            return text[: found.start() - offset], (f"</{found[1]}>", text[found.end() - offset :])
        return self._hold_back(text, _TAGS), None

    def _cut_reasoning(self, text: str) -> tuple[str, tuple[str, str] | None]:
        said, tag, rest = text.partition(self._close)
        if tag:
            return said, ("", rest)
        return self._hold_back(text, (self._close,)), None

    def _hold_back(self, text: str, tags: tuple[str, ...]) -> str:
        """`text` without an end that may be the beginning of a tag."""
        start = text.find("<", max(0, len(text) + 1 - max(map(len, tags))))
        while start >= 0:
            if any(tag.startswith(text[start:]) for tag in tags):
                self._held = text[start:]
                return text[:start]
            start = text.find("<", start + 1)
        return text
