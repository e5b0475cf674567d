"""Charts as the server draws them: positions in an SVG, no styles. Pure.

Quality per dollar: a point for each model, further up the more it wins, further left the cheaper an answer is. The
scale of money is logarithmic, because prices differ by a hundred; what is free stands on a strip of its own at the
left. Points carry their place in the table, which says the same in words.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, Protocol

from chat import figures
from chat.ranking import Rating

WIDTH: Final = 520
HEIGHT: Final = 300
_LEFT, _RIGHT, _TOP, _BOTTOM = 56, 28, 16, 40
_RADIUS: Final = 11
_SEAT: Final = 34  # of a column of models on the strip for what costs nothing


class Measured(Protocol):
    @property
    def place(self) -> int: ...
    @property
    def label(self) -> str: ...
    @property
    def rating(self) -> Rating: ...
    @property
    def cost_nano(self) -> int | None: ...


@dataclass(frozen=True, slots=True)
class Point:
    """`x`, `y` is its middle, `top` and `bottom` the ends of the interval; `hue` 1 to 6."""

    place: int
    label: str
    x: float
    y: float
    top: float
    bottom: float
    hue: int


@dataclass(frozen=True, slots=True)
class Tick:
    at: float
    label: str


@dataclass(frozen=True, slots=True)
class Chart:
    points: tuple[Point, ...]
    scores: tuple[Tick, ...]
    costs: tuple[Tick, ...]
    free: float | None  # the middle of the strip, if anything stands there
    strip: float  # its width
    left: float = _LEFT
    right: float = WIDTH - _RIGHT
    top: float = _TOP
    bottom: float = HEIGHT - _BOTTOM
    width: int = WIDTH
    height: int = HEIGHT
    depth: float = HEIGHT - _TOP - _BOTTOM
    labels: float = _LEFT - 8  # where the words at the scores end
    ticks: float = HEIGHT - _BOTTOM + 5


def quality_per_cost(lines: Sequence[Measured]) -> Chart | None:
    """None when nobody's cost is known."""
    known = [line for line in lines if line.cost_nano is not None]
    if not known:
        return None
    priced = [line.cost_nano for line in known if line.cost_nano]
    free = [line for line in known if not line.cost_nano]
    whole = WIDTH - _LEFT - _RIGHT
    strip = (_SEAT * min(len(free) + 1, 3) if free else 0.0) if priced else whole * bool(free)
    begin = _LEFT + strip + (_SEAT if free else 0)
    low, high = _decades(priced)
    down, up = _rounded([bound for line in known for bound in (line.rating.low, line.rating.high)])

    def across(cost_nano: int) -> float:
        return round(begin + (math.log10(cost_nano) - low) / (high - low) * (WIDTH - _RIGHT - begin), 1)

    def upwards(score: float) -> float:
        return round(HEIGHT - _BOTTOM - (score - down) / (up - down) * (HEIGHT - _BOTTOM - _TOP), 1)

    points = [
        Point(
            line.place,
            line.label,
            across(line.cost_nano) if line.cost_nano else round(_LEFT + strip / 2, 1),
            upwards(line.rating.score),
            upwards(line.rating.high),
            upwards(line.rating.low),
            (line.place - 1) % 6 + 1,
        )
        for line in known
    ]
    step = _step(up - down)
    scores = [down + step * number for number in range(round((up - down) / step) + 1)]
    return Chart(
        tuple(_apart(points)),
        tuple(Tick(upwards(score), figures.number(score)) for score in scores),
        tuple(Tick(across(10**power), figures.price(10**power)) for power in range(low, high + 1)) if priced else (),
        _LEFT + strip / 2 if free else None,
        strip,
    )


def _decades(costs: Sequence[int]) -> tuple[int, int]:
    """Powers of ten around all costs."""
    if not costs:
        return 5, 6
    low, high = math.floor(math.log10(min(costs))), math.ceil(math.log10(max(costs)))
    return low, max(high, low + 1)


def _rounded(scores: Sequence[float]) -> tuple[float, float]:
    step = _step(max(scores) - min(scores) or 100)
    down, up = math.floor(min(scores) / step) * step, math.ceil(max(scores) / step) * step
    return down, max(up, down + step)


def _step(span: float) -> float:
    """Of a scale with four to eight lines."""
    return next(step for step in (25, 50, 100, 200, 500, 1_000, 5_000, 100_000) if span / step <= 6)


def _apart(points: Sequence[Point]) -> list[Point]:
    """Moved sideways where two would hide each other."""
    moved: list[Point] = []
    for point in sorted(points, key=lambda point: (point.x, point.y)):
        near = [other.x for other in moved if abs(other.y - point.y) < 2 * _RADIUS]
        # By so many breadths to the right or to the left: what costs the same stays around one column.
        aside = (point.x + number * side * 2 * _RADIUS for number in range(len(near) + 1) for side in (1, -1))
        inside = (x for x in aside if _LEFT + _RADIUS <= x <= WIDTH - _RIGHT)
        x = next((x for x in inside if all(abs(other - x) >= 2 * _RADIUS for other in near)), point.x)
        moved.append(Point(point.place, point.label, x, point.y, point.top, point.bottom, point.hue))
    return sorted(moved, key=lambda point: point.place)
