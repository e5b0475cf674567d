"""Charts: where the points of a picture stand."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise

from chat import charts
from chat.ranking import Rating


@dataclass(frozen=True)
class Line:
    place: int
    label: str
    rating: Rating
    cost_nano: int | None


def line(place: int, score: float, cost_nano: int | None) -> Line:
    rating = Rating(f"demo/{place}", score, score - 50, score + 50, 10, 5, 0, 0)
    return Line(place, f"Model {place}", rating, cost_nano)


def points(*lines: Line) -> dict[int, charts.Point]:
    chart = charts.quality_per_cost(lines)
    assert chart is not None
    return {point.place: point for point in chart.points}


def test_what_is_free_stands_in_one_column() -> None:
    drawn = points(line(1, 1300, 0), line(2, 1100, 0), line(3, 900, 0), line(4, 1000, 2_000_000))
    assert drawn[1].x == drawn[2].x == drawn[3].x < drawn[4].x


def test_what_costs_the_same_stands_in_one_column() -> None:
    drawn = points(line(1, 1300, 2_000_000), line(2, 1100, 2_000_000), line(3, 900, 4_000))
    assert drawn[1].x == drawn[2].x > drawn[3].x


def test_equals_in_cost_and_score_do_not_hide_each_other() -> None:
    drawn = points(line(1, 1000, 0), line(2, 1000, 0), line(3, 1000, 0), line(4, 1000, 2_000_000))
    across = sorted(point.x for point in drawn.values())
    assert all(right - left >= 22 for left, right in pairwise(across))
