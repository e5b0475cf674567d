"""Takes the wrapping off what a model writes when it was asked for nothing but the document."""

from __future__ import annotations

import re
from typing import Final, Literal

_FENCE: Final = re.compile(r" {0,3}(`{3,})[ \t]*([\w+#.-]*)[ \t]*")
_MAYBE: Final = re.compile(r" {0,3}`{0,2}|[ \t]*| {0,3}`{3,}[^\n`]*")


class Unwrapper:
    """Drops a fence around the whole, what stands behind it, and empty lines at both ends; line ends become newlines.

    `languages` are those whose fence is a wrapping; None when any is. A document of prose may begin with an example.
    """

    def __init__(self, languages: frozenset[str] | None = None) -> None:
        self._languages = languages
        self._state: Literal["start", "bare", "fenced", "over"] = "start"
        self._inside = False  # a fenced block within a fenced document
        self._line = ""  # what has come of this line and was not given
        self._begun = False  # some of this line was given
        self._blank = ""  # empty lines, which the document may end with
        self._said = False
        self._return = ""

    def push(self, piece: str) -> str:
        piece, self._return = self._return + piece, ""
        if piece.endswith("\r"):
            piece, self._return = piece[:-1], "\r"
        lines = piece.replace("\r\n", "\n").replace("\r", "\n").split("\n")
        out: list[str] = []
        for number, part in enumerate(lines):
            self._line += part
            if number < len(lines) - 1:
                self._end_line(out, "\n")
            elif self._line and not self._undecided():
                self._give(out, self._line)
                self._begun, self._line = True, ""
        return "".join(out)

    def flush(self) -> str:
        out: list[str] = []
        self._return = ""
        if self._line or self._begun:
            self._end_line(out, "")
        return "".join(out) + ("\n" if self._said else "")

    def _undecided(self) -> bool:
        """The line may yet be empty or a fence."""
        if self._begun:
            return False
        return self._state == "over" or bool(_MAYBE.fullmatch(self._line))

    def _end_line(self, out: list[str], end: str) -> None:
        line, begun = self._line, self._begun
        self._line, self._begun = "", False
        if self._state == "over":
            return
        if begun:
            self._give(out, line)
            self._blank += end
            return
        if self._is_fence(line):
            return
        if line.strip(" \t"):
            self._give(out, line)
            self._blank += end
        elif self._said:
            self._blank += line + end

    def _is_fence(self, line: str) -> bool:
        """Whether this line is a wrapping, and what it changes."""
        found = _FENCE.fullmatch(line)
        if self._state == "start" and line.strip(" \t"):
            if found and (self._languages is None or found[2].lower() in self._languages):
                self._state = "fenced"
                return True
            self._state = "bare"
        elif self._state == "fenced" and found:
            if found[2]:
                self._inside = True
            elif self._inside:
                self._inside = False
            else:
                self._state = "over"
                return True
        return False

    def _give(self, out: list[str], text: str) -> None:
        if self._state == "start":
            self._state = "bare"
        if text:
            out += [self._blank, text]
            self._blank, self._said = "", True
