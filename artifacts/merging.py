"""Two people, or a person and a model, changed the same text: what both wanted, in one. Pure.

Both sets of changes are laid over the base. Where only one side changed something, that is taken; where both made
the same change, it is made once; where they differ, the piece is a conflict and somebody has to choose.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final

from artifacts.edits import changed

WORDS_MAX: Final = 20_000  # of the longest of the three; longer texts are merged by lines

Cut = Callable[[str], list[str]]

_WORD: Final = re.compile(r"\w+|\s+|[^\w\s]")


@dataclass(frozen=True, slots=True)
class Piece:
    """A stretch of the result. In a conflict `mine` and `theirs` differ, and `base` is what both began with."""

    mine: str
    theirs: str
    base: str
    conflict: bool = False

    @property
    def text(self) -> str:
        """Of a conflict my words: whoever merges keeps what was typed here."""
        return self.mine


@dataclass(frozen=True, slots=True)
class Merge:
    pieces: tuple[Piece, ...]

    @property
    def clean(self) -> bool:
        return not any(piece.conflict for piece in self.pieces)

    @property
    def text(self) -> str:
        return "".join(piece.text for piece in self.pieces)


def words(text: str) -> list[str]:
    return _WORD.findall(text)


def lines(text: str) -> list[str]:
    return text.splitlines(keepends=True)


def merge(base: str, mine: str, theirs: str, cut: Cut = lines) -> Merge:
    """`cut` takes a text apart without losing a character: by words for prose, by lines for code and rows."""
    if mine == base:
        return Merge((Piece(theirs, theirs, theirs),))
    if theirs in (base, mine):
        return Merge((Piece(mine, mine, mine),))
    parts = [cut(text) for text in (base, mine, theirs)]
    if max(map(len, parts)) > WORDS_MAX and cut is not lines:
        parts = [lines(text) for text in (base, mine, theirs)]
    return Merge(tuple(_joined(_laid(*parts))))


def _laid(base: Sequence[str], mine: Sequence[str], theirs: Sequence[str]) -> list[Piece]:
    """Walk along the base; hunks of both sides that overlap are one stretch."""
    hunks = sorted(
        [(a, b, c, d, 0) for a, b, c, d in changed(base, mine)]
        + [(a, b, c, d, 1) for a, b, c, d in changed(base, theirs)]
    )
    pieces: list[Piece] = []
    at = 0
    offsets = [0, 0]  # of each side against the base, before the stretch
    index = 0
    while index < len(hunks):
        start, end = hunks[index][:2]
        group = [hunks[index]]
        index += 1
        while index < len(hunks) and (hunks[index][0] < end or _meets(group, hunks[index])):
            end = max(end, hunks[index][1])
            group.append(hunks[index])
            index += 1
        pieces.append(_same("".join(base[at:start])))
        growth = [sum((d - c) - (b - a) for a, b, c, d, s in group if s == side) for side in (0, 1)]
        spans = [
            "".join(side[start + offsets[s] : end + offsets[s] + growth[s]]) for s, side in enumerate((mine, theirs))
        ]
        pieces.append(_piece("".join(base[start:end]), spans[0], spans[1], {hunk[4] for hunk in group}))
        offsets = [offset + grown for offset, grown in zip(offsets, growth, strict=True)]
        at = end
    pieces.append(_same("".join(base[at:])))
    return pieces


def _meets(group: Sequence[tuple[int, int, int, int, int]], hunk: tuple[int, int, int, int, int]) -> bool:
    """Only what two sides put in at one and the same point has no order."""
    inserted = hunk[0] == hunk[1]
    return inserted and any(other[4] != hunk[4] and other[0] == other[1] == hunk[0] for other in group)


def _piece(base: str, mine: str, theirs: str, sides: set[int]) -> Piece:
    if sides == {0} or mine == theirs:
        return _same(mine)
    return _same(theirs) if sides == {1} else Piece(mine, theirs, base, conflict=True)


def _same(text: str) -> Piece:
    return Piece(text, text, text)


def _joined(pieces: Sequence[Piece]) -> list[Piece]:
    joined: list[Piece] = []
    for piece in pieces:
        if joined and not piece.conflict and not joined[-1].conflict:
            joined[-1] = _same(joined[-1].mine + piece.mine)
        elif piece.conflict or piece.mine:
            joined.append(piece)
    return joined
