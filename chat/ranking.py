"""Who wins: a Bradley–Terry ranking out of votes, with intervals. Pure arithmetic, no database.

The model: each model has a strength s, and a wins against b with probability 1 / (1 + exp(s_b − s_a)). A vote on
a comparison of several is taken apart into duels:

- "A is better" is a win of A over each of the others, and says nothing about those among each other.
- A tie is half a win for both sides of each pair.
- "All are bad" says nothing about who is better and makes no duel; it is counted beside.
- Two answers of the same model are no duel.

Strengths are the most probable ones when each model is also given PRIOR duels, half of them won, against one that
is exactly average. Without these a model that never lost would be infinitely strong, and groups of models that never
met could not be put into one list; with a few real votes they hardly matter. The function that is maximised is
strictly concave, so Newton's method finds its one maximum. Its curvature there gives the intervals (Fisher
information, 95 %).

Scores are what chess players know: 1000 is the average of those in the list, and 400 points more are ten wins for
each loss. The same votes in any order give the same numbers to the last digit: wins are multiples of a half and
are summed up exactly, and models are taken in the order of their names.
"""

from __future__ import annotations

import math
from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import combinations
from typing import Final

PRIOR: Final = 1.0  # duels against an average model that everybody starts with
AVERAGE: Final = 1000.0
SCALE: Final = 400 / math.log(10)  # points for each unit of strength
CONFIDENCE: Final = 1.959964  # standard deviations on either side that hold 95 %
_STEPS: Final = 50
_CLOSE: Final = 1e-10


@dataclass(frozen=True, slots=True)
class Judgement:
    """One vote: the models that were compared, and which of them was better (an index), or a tie, or all bad."""

    models: Sequence[str]
    winner: int | None = None
    bad: bool = False


@dataclass(frozen=True, slots=True)
class Rating:
    """One line of the ranking. `low` and `high` bound the score; the numbers of duels and comparisons are counts."""

    model: str
    score: float
    low: float
    high: float
    comparisons: int
    won: int
    tied: int
    bad: int


def rank(judgements: Iterable[Judgement]) -> list[Rating]:
    """Everybody who was compared, best first. Takes the time of (number of models)³, whatever the number of votes."""
    judgements = list(judgements)
    models = sorted({model for judgement in judgements for model in judgement.models})
    place = {model: number for number, model in enumerate(models)}
    wins = [[0.0] * len(models) for _ in models]
    counts: dict[str, dict[str, int]] = defaultdict(lambda: defaultdict(int))
    for judgement in judgements:
        _count(judgement, counts)
        for better, worse, share in duels(judgement):
            wins[place[better]][place[worse]] += share
    strengths, spread = solve(wins)
    ratings = [
        Rating(
            model,
            AVERAGE + SCALE * strength,
            AVERAGE + SCALE * (strength - CONFIDENCE * deviation),
            AVERAGE + SCALE * (strength + CONFIDENCE * deviation),
            **{kind: counts[model][kind] for kind in ("comparisons", "won", "tied", "bad")},
        )
        for model, strength, deviation in zip(models, strengths, spread, strict=True)
    ]
    return sorted(ratings, key=lambda rating: (-rating.score, rating.model))


def among_most_compared(judgements: Sequence[Judgement], limit: int) -> list[Judgement]:
    """The votes without all but the `limit` models that were compared most often (of equals, by name)."""
    often = Counter(model for judgement in judgements for model in set(judgement.models))
    if len(often) <= limit:
        return list(judgements)
    kept = set(sorted(often, key=lambda model: (-often[model], model))[:limit])
    found = []
    for judgement in judgements:
        best = None if judgement.winner is None else judgement.models[judgement.winner]
        models = [model for model in judgement.models if model in kept]
        if best is None or best in kept:
            found.append(Judgement(models, None if best is None else models.index(best), judgement.bad))
    return found


def duels(judgement: Judgement) -> list[tuple[str, str, float]]:
    """A vote as (winner, loser, share of a win)."""
    models = judgement.models
    if judgement.bad:
        return []
    if judgement.winner is not None:
        best = models[judgement.winner]
        return [(best, other, 1.0) for other in models if other != best]
    pairs = [(one, other) for one, other in combinations(models, 2) if one != other]
    return [(a, b, 0.5) for one, other in pairs for a, b in ((one, other), (other, one))]


def solve(wins: Sequence[Sequence[float]]) -> tuple[list[float], list[float]]:
    """Strengths around 0 and their standard deviations. `wins[a][b]` is how often a won against b."""
    size = len(wins)
    strengths = [0.0] * size
    for _step in range(_STEPS):
        slope, curve = _derivatives(wins, strengths)
        step = [math.fsum(a * b for a, b in zip(row, slope, strict=True)) for row in _inverse(curve)]
        # Far from the maximum a full step may overshoot; shorter ones never do for a function of this shape.
        longest = max((abs(value) for value in step), default=0.0)
        step = [value * min(1.0, 2.0 / longest) if longest else value for value in step]
        strengths = [strength + value for strength, value in zip(strengths, step, strict=True)]
        if longest < _CLOSE:
            break
    mean = math.fsum(strengths) / size if size else 0.0
    covariance = _inverse(_derivatives(wins, strengths)[1])
    return [strength - mean for strength in strengths], [_deviation(covariance, at) for at in range(size)]


def _derivatives(wins: Sequence[Sequence[float]], strengths: Sequence[float]) -> tuple[list[float], list[list[float]]]:
    """Slope and (negative) curvature of the logarithm of the probability, with the duels of the prior."""
    size = len(wins)
    slope = [PRIOR * (0.5 - _chance(strength)) for strength in strengths]
    curve = [[0.0] * size for _ in strengths]
    for at, strength in enumerate(strengths):
        chance = _chance(strength)
        curve[at][at] = PRIOR * chance * (1 - chance)
    for a, b in combinations(range(size), 2):
        duels = wins[a][b] + wins[b][a]
        if not duels:
            continue
        chance = _chance(strengths[a] - strengths[b])
        surprise, weight = wins[a][b] - duels * chance, duels * chance * (1 - chance)
        slope[a] += surprise
        slope[b] -= surprise
        curve[a][a] += weight
        curve[b][b] += weight
        curve[a][b] -= weight
        curve[b][a] -= weight
    return slope, curve


def _chance(difference: float) -> float:
    """The logistic function, for differences of any size."""
    if difference >= 0:
        return 1 / (1 + math.exp(-difference))
    power = math.exp(difference)
    return power / (1 + power)


def _inverse(matrix: Sequence[Sequence[float]]) -> list[list[float]]:
    """By Gauss and Jordan. The matrix is symmetric and positive definite, so its diagonal never fails as a pivot."""
    size = len(matrix)
    rows = [[*row, *(1.0 if at == column else 0.0 for column in range(size))] for at, row in enumerate(matrix)]
    for at in range(size):
        pivot = rows[at][at]
        rows[at] = [value / pivot for value in rows[at]]
        for other in range(size):
            if other != at and (factor := rows[other][at]):
                rows[other] = [value - factor * base for value, base in zip(rows[other], rows[at], strict=True)]
    return [row[size:] for row in rows]


def _deviation(covariance: Sequence[Sequence[float]], at: int) -> float:
    """Of one strength's distance from the average of all: what is common to all moves no place in the list."""
    size = len(covariance)
    shared = math.fsum(covariance[at]) / size
    total = math.fsum(math.fsum(row) for row in covariance) / size**2
    return math.sqrt(max(0.0, covariance[at][at] - 2 * shared + total))


def _count(judgement: Judgement, counts: dict[str, dict[str, int]]) -> None:
    best = None if judgement.winner is None else judgement.models[judgement.winner]
    for model in set(judgement.models):
        tally = counts[model]
        tally["comparisons"] += 1
        tally["won"] += model == best
        tally["bad"] += judgement.bad
        tally["tied"] += best is None and not judgement.bad
