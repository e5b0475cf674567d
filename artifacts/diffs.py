"""Two texts, word by word: what only one of them says, and what both say.

Texts of up to WORDS_MAX words are compared by words, longer ones by lines. What a model writes can still be made to
cost its length cubed, so there is a budget of processor time: what is left when it is used up counts as replaced.
"""

from __future__ import annotations

import re
import time
from collections.abc import Sequence
from dataclasses import dataclass
from difflib import Match, SequenceMatcher
from typing import Final, Literal

WORDS_MAX: Final = 6_000  # of either text
LINES_MAX: Final = 4_000
BUDGET_S: Final = 0.5

# A word with what holds it together, or one sign; blanks belong to what stands before them: they match nothing alone.
_WORD: Final = re.compile(r"(?:[\w'’-]+|[^\w\s])\s*|\s+")


@dataclass(frozen=True, slots=True)
class Piece:
    """A stretch of text: in `both`, only in the first (`gone`), or only in the second (`new`)."""

    kind: Literal["both", "gone", "new"]
    text: str


@dataclass(frozen=True, slots=True)
class Difference:
    """`shared` is the part of the words (or lines) that both have, 0 to 1. `by` says what was compared."""

    pieces: tuple[Piece, ...]
    shared: float
    by: Literal["words", "lines"]

    @property
    def percent(self) -> int:
        return round(100 * self.shared)


def compare(one: str, other: str) -> Difference:
    """What became of `one` in `other`. All but the `gone` pieces are the words of `other`, all but the `new` ones those
    of `one`; where both have a word it keeps the longer of the blanks behind it."""
    by: Literal["words", "lines"] = "words"
    first, second = _WORD.findall(one), _WORD.findall(other)
    if max(len(first), len(second)) > WORDS_MAX:
        by = "lines"
        first, second = _lines(one), _lines(other)
    # What is frequent is no landmark: with thousands of words it would cost their number squared to say so.
    matcher = _Matcher(None, [word.strip() for word in first], [word.strip() for word in second], autojunk=True)
    pieces: list[Piece] = []
    for tag, a, b, c, d in matcher.get_opcodes():
        if tag == "equal":
            pieces.append(Piece("both", "".join(map(_longer, first[a:b], second[c:d]))))
            continue
        pieces += [Piece("gone", "".join(first[a:b])), Piece("new", "".join(second[c:d]))]
    return Difference(tuple(_joined(pieces)), matcher.ratio(), by)


class _Matcher(SequenceMatcher[str]):
    """Finds nothing more in common once its budget is used up."""

    def find_longest_match(self, alo: int = 0, ahi: int | None = None, blo: int = 0, bhi: int | None = None) -> Match:
        if not hasattr(self, "_until"):
            self._until = time.thread_time() + BUDGET_S
        if time.thread_time() > self._until:
            return Match(alo, blo, 0)
        return super().find_longest_match(alo, ahi, blo, bhi)


def _longer(one: str, other: str) -> str:
    return other if len(other) >= len(one) else one


def _lines(text: str) -> list[str]:
    """At most LINES_MAX; what is more stands in the last one."""
    lines = text.splitlines(keepends=True)
    return lines if len(lines) <= LINES_MAX else [*lines[: LINES_MAX - 1], "".join(lines[LINES_MAX - 1 :])]


def _joined(pieces: Sequence[Piece]) -> list[Piece]:
    """Neighbours of one kind are one piece; between two that both have, what is gone comes before what is new."""
    joined: list[Piece] = []
    gone, new = "", ""
    for piece in [*pieces, Piece("both", "")]:
        if piece.kind == "gone":
            gone += piece.text
        elif piece.kind == "new":
            new += piece.text
        else:
            joined += [Piece("gone", gone)] if gone else []
            joined += [Piece("new", new)] if new else []
            gone, new = "", ""
            if joined and joined[-1].kind == "both":
                joined[-1] = Piece("both", joined[-1].text + piece.text)
            elif piece.text:
                joined.append(piece)
    return joined
