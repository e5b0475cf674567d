"""Sheets as rows and as CSV (RFC 4180, commas, lines that end with a newline). Pure."""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Final, Literal

from artifacts.edits import changed

Row = Sequence[str]

csv.field_size_limit(2**31 - 1)  # a document has its own limit, and a cell of it may be all there is

# What a spreadsheet would calculate, and may send elsewhere. A plain number may begin with a sign.
_FORMULA: Final = re.compile(r"^\s*[=+\-@\t\r]")
_SPECIAL: Final = re.compile('[",\r\n]')
_NUMBER: Final = re.compile(r"[+-]?[\d.,\s]+%?")


def read(text: str) -> list[list[str]]:
    """The rows of a CSV text. Never raises: what makes no sense as CSV is a cell."""
    try:
        return [list(row) for row in csv.reader(io.StringIO(text, newline=""))]
    except csv.Error:
        return [[line] for line in text.split("\n")]


def write(rows: Iterable[Row]) -> str:
    """`read(write(rows)) == rows`. Not by the library, which leaves a lone carriage return without quotes."""
    return "".join((",".join(map(_written, row)) if list(row) != [""] else '""') + "\n" for row in rows)


def _written(cell: str) -> str:
    return '"' + cell.replace('"', '""') + '"' if _SPECIAL.search(cell) else cell


def harmless(rows: Iterable[Row]) -> list[list[str]]:
    """The same for a spreadsheet program: what it would take for a formula is marked as text."""
    return [["'" + cell if _is_formula(cell) else cell for cell in row] for row in rows]


def _is_formula(cell: str) -> bool:
    return bool(_FORMULA.match(cell)) and not _NUMBER.fullmatch(cell.strip())


def is_number(cell: str) -> bool:
    return bool(cell.strip()) and any(sign.isdigit() for sign in cell) and bool(_NUMBER.fullmatch(cell.strip()))


@dataclass(frozen=True, slots=True)
class Cell:
    """`was` is what stood there before, of a cell that changed."""

    text: str
    was: str | None = None


@dataclass(frozen=True, slots=True)
class Line:
    kind: Literal["both", "gone", "new", "changed", "skipped"]
    cells: tuple[Cell, ...] = ()
    count: int = 0  # rows that a skipped line stands for


def compare(one: str, other: str) -> list[Line]:
    """Two sheets row by row; rows in the same place are compared cell by cell."""
    first, second = [tuple(row) for row in read(one)], [tuple(row) for row in read(other)]
    out: list[Line] = []
    done = 0
    for a, b, c, d in changed(first, second):
        out += [_line("both", row) for row in first[done:a]]
        paired = min(b - a, d - c)
        out += [_paired(*rows) for rows in zip(first[a : a + paired], second[c : c + paired], strict=True)]
        out += [_line("gone", row) for row in first[a + paired : b]]
        out += [_line("new", row) for row in second[c + paired : d]]
        done = b
    return out + [_line("both", row) for row in first[done:]]


def shortened(lines: Sequence[Line], context: int = 2) -> list[Line]:
    """Without long stretches that both have, but for rows around a change: a large sheet tells what is new in it."""
    near = {
        place for at, line in enumerate(lines) if line.kind != "both" for place in range(at - context, at + context + 1)
    }
    out: list[Line] = []
    for at, line in enumerate(lines):
        if at in near or at == 0:  # the first row names the columns
            out.append(line)
        elif out and out[-1].kind == "skipped":
            out[-1] = Line("skipped", count=out[-1].count + 1)
        else:
            out.append(Line("skipped", count=1))
    return out


def _line(kind: Literal["both", "gone", "new"], row: Row) -> Line:
    return Line(kind, tuple(Cell(cell) for cell in row))


def _paired(one: Row, other: Row) -> Line:
    width = max(len(one), len(other))
    old, new = [*one, *[""] * (width - len(one))], [*other, *[""] * (width - len(other))]
    return Line("changed", tuple(Cell(n, None if n == o else o) for o, n in zip(old, new, strict=True)))
