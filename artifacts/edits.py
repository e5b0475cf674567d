"""Changes to a text: exact ones that a model asks for, and those that lie between two texts. Pure.

A `Change` replaces the characters `start` up to `end` (Unicode code points) of an old text. Lists of changes
are sorted, do not overlap, and all count in the old text.
"""

from __future__ import annotations

from bisect import bisect_left
from collections import Counter
from collections.abc import Hashable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from difflib import SequenceMatcher
from itertools import accumulate, pairwise
from typing import Final, Literal

# Of a stretch that is compared item by item, which takes a second at the worst. In a larger one, items that are there
# once on both sides are found first; what lies between two of those is such a stretch, or one change.
MIDDLE_MAX: Final = 6_000

Reason = Literal["empty", "missing", "ambiguous", "overlap"]


@dataclass(frozen=True, slots=True)
class Edit:
    """Put `new` where `old` stands. `old` must stand there exactly once."""

    old: str
    new: str


@dataclass(frozen=True, slots=True)
class Change:
    start: int
    end: int
    text: str

    @property
    def growth(self) -> int:
        return len(self.text) - (self.end - self.start)


class Unfit(ValueError):
    """An edit cannot be made; `index` says which."""

    def __init__(self, index: int, reason: Reason) -> None:
        self.index, self.reason = index, reason
        super().__init__(f"edit {index + 1}: {reason}")


def locate(text: str, edits: Sequence[Edit]) -> list[Change]:
    """Where the edits apply. All count in `text` as it is, so their order does not matter. Raises Unfit."""
    found: list[tuple[int, int, int]] = []
    for index, edit in enumerate(edits):
        if not edit.old:
            raise Unfit(index, "empty")
        start = text.find(edit.old)
        if start < 0:
            raise Unfit(index, "missing")
        if text.find(edit.old, start + 1) >= 0:
            raise Unfit(index, "ambiguous")
        found.append((start, start + len(edit.old), index))
    found.sort()
    for (_start, end, _one), (start, _end, other) in pairwise(found):
        if start < end:
            raise Unfit(other, "overlap")
    return [Change(start, end, edits[index].new) for start, end, index in found]


def apply(text: str, changes: Iterable[Change]) -> str:
    """`text` with all changes made. Raises ValueError when they overlap or lie outside."""
    pieces, done = [], 0
    for change in changes:
        if not done <= change.start <= change.end <= len(text):
            raise ValueError("changes must be sorted, apart and inside")
        pieces += [text[done : change.start], change.text]
        done = change.end
    return "".join([*pieces, text[done:]])


def between(old: str, new: str) -> list[Change]:
    """What became of `old` in `new`, by lines: `apply(old, between(old, new)) == new`."""
    if old == new:
        return []
    first, second = old.splitlines(keepends=True), new.splitlines(keepends=True)
    ends = [0, *accumulate(map(len, first))]
    return [Change(ends[a], ends[b], "".join(second[c:d])) for a, b, c, d in changed(first, second)]


def changed(
    first: Sequence[Hashable], second: Sequence[Hashable], *, whole: bool = True
) -> list[tuple[int, int, int, int]]:
    """Stretches `first[a:b]` that are `second[c:d]` now. What both begin and end with is not even compared."""
    head = 0
    for one, other in zip(first, second, strict=False):
        if one != other:
            break
        head += 1
    tail = 0
    while tail < min(len(first), len(second)) - head and first[-1 - tail] == second[-1 - tail]:
        tail += 1
    a, b = first[head : len(first) - tail], second[head : len(second) - tail]
    return [(head + i, head + j, head + k, head + m) for i, j, k, m in _middle(a, b, whole=whole)]


def _middle(a: Sequence[Hashable], b: Sequence[Hashable], *, whole: bool) -> Iterator[tuple[int, int, int, int]]:
    if not a or not b:
        if a or b:
            yield 0, len(a), 0, len(b)
        return
    if max(len(a), len(b)) <= MIDDLE_MAX:
        codes = SequenceMatcher(None, a, b, autojunk=True).get_opcodes()
        yield from ((i, j, k, m) for tag, i, j, k, m in codes if tag != "equal")
        return
    anchors = _anchors(a, b) if whole else []  # once is enough; some texts would take a level for every item
    i = k = 0
    for j, m in [*anchors, (len(a), len(b))]:
        if anchors:
            yield from ((i + p, i + q, k + r, k + s) for p, q, r, s in changed(a[i:j], b[k:m], whole=False))
        else:
            yield i, j, k, m
        i, k = j + 1, m + 1


def _anchors(a: Sequence[Hashable], b: Sequence[Hashable]) -> list[tuple[int, int]]:
    """Items that are there once in both, as pairs of places: the longest row of them that is in order in both."""
    times_a, times_b = Counter(a), Counter(b)
    places = {item: place for place, item in enumerate(b) if times_b[item] == 1}
    ends: list[int] = []  # the least place in `b` at which a row of each length ends
    best: list[tuple[int, int, int]] = []  # (place in a, place in b, the one before it in its row)
    last: list[int] = []  # of the rows in `ends`, the last of `best`
    for place, item in enumerate(a):
        if times_a[item] != 1 or (there := places.get(item)) is None:
            continue
        length = bisect_left(ends, there)
        best.append((place, there, last[length - 1] if length else -1))
        if length == len(ends):
            ends.append(there)
            last.append(len(best) - 1)
        else:
            ends[length], last[length] = there, len(best) - 1
    row: list[tuple[int, int]] = []
    at = last[-1] if last else -1
    while at >= 0:
        place, there, at = best[at]
        row.append((place, there))
    return row[::-1]


def moved(position: int, length: int, changes: Iterable[Change]) -> int | None:
    """Where a passage begins after the changes; None when one of them touched it."""
    end, shift = position + length, 0
    for change in changes:
        if change.end <= position:
            shift += change.growth
        elif change.start < end:
            return None
    return position + shift


def anchored(old: str, new: str, passage: str, position: int, changes: Sequence[Change]) -> int | None:
    """Where `passage`, which began at `position` of `old`, begins in `new`; None when it is gone.

    `changes` lead from `old` to `new`. A passage that none of them touched has only moved. One that was taken out and
    put in elsewhere is looked for, the place nearest to where it was first.
    """
    if (exact := moved(position, len(passage), changes)) is not None and new.startswith(passage, exact):
        return exact
    shift = sum(change.growth for change in changes if change.end <= position)
    return _nearest(new, passage, max(0, position + shift))


def _nearest(text: str, passage: str, position: int) -> int | None:
    after = text.find(passage, position)
    before = text.rfind(passage, 0, position + len(passage))
    if before < 0 or after < 0:
        return max(before, after) if max(before, after) >= 0 else None
    return before if position - before <= after - position else after
