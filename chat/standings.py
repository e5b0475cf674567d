"""The ranking page: who wins by a tenant's votes, beside what that took and cost.

Figures are medians over the tenant's finished answers; those of blind comparisons join them after the vote, because
a median that moves would tell who it was.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from statistics import median
from typing import Final
from uuid import UUID

from django.db.models import Q

from accounts.actors import Actor
from chat import charts, figures, transcripts
from chat.models import Message, Run, Vote
from chat.ranking import Judgement, Rating, among_most_compared, rank

VOTES_MAX: Final = 20_000  # newest first
RUNS_MAX: Final = 5_000
MODELS_MAX: Final = 60  # those compared most often; names can be invented, and ranking takes their number cubed


@dataclass(frozen=True, slots=True)
class Line:
    """A model in the list. Texts are written for the reader's locale; "" when unknown."""

    place: int
    model: str
    label: str
    rating: Rating
    score: str
    low: str
    high: str
    duration: str
    cost: str
    cost_nano: int | None

    @property
    def lost(self) -> int:
        rating = self.rating
        return rating.comparisons - rating.won - rating.tied - rating.bad


@dataclass(frozen=True, slots=True)
class Table:
    lines: tuple[Line, ...]
    votes: int
    chart: charts.Chart | None


def read(actor: Actor | None, *, tag: str = "", blind: bool = False) -> Table:
    """The ranking by the votes that count, all or those under a word, all or those cast blind. Two queries."""
    votes = Vote.objects.ranking(actor).order_by("-created_at", "-id")
    if tag:
        votes = votes.filter(tag=tag)
    if blind:
        votes = votes.filter(blind=True)
    judgements = [judgement(vote) for vote in votes[:VOTES_MAX]]
    ratings = rank(among_most_compared(judgements, MODELS_MAX))
    taken = _medians(actor, [rating.model for rating in ratings])
    label = transcripts.labelled()
    lines = tuple(
        Line(
            place,
            rating.model,
            label(rating.model),
            rating,
            figures.number(rating.score),
            figures.number(rating.low),
            figures.number(rating.high),
            figures.duration(taken[rating.model][0]),
            figures.money(taken[rating.model][1]),
            taken[rating.model][1],
        )
        for place, rating in enumerate(ratings, 1)
    )
    return Table(lines, len(judgements), charts.quality_per_cost(lines) if lines else None)


def judgement(vote: Vote) -> Judgement:
    """A vote as the ranking reads it."""
    models = [str(one["model"]) for one in vote.compared]
    winner = next((at for at, one in enumerate(vote.compared) if UUID(one["answer"]) == vote.winner_id), None)
    return Judgement(models, winner, bad=vote.choice == Vote.Choice.BAD)


def _medians(actor: Actor | None, models: Sequence[str]) -> dict[str, tuple[int | None, int | None]]:
    """Median duration in ms and cost in nano-USD of an answer, by model."""
    times: dict[str, list[int]] = defaultdict(list)
    costs: dict[str, list[int]] = defaultdict(list)
    if actor and models:
        runs = Run.objects.filter(tenant_id=actor.tenant_id, model__in=models, status=Run.Status.COMPLETE)
        named = runs.filter(Q(blind=False) | Q(message__parent__veil=Message.Veil.LIFTED))
        newest = named.order_by("-created_at").values_list("model", "duration_ms", "cost_nano")
        for model, duration_ms, cost_nano in newest[:RUNS_MAX]:
            if duration_ms is not None:
                times[model].append(duration_ms)
            if cost_nano is not None:
                costs[model].append(cost_nano)
    return {model: (_median(times[model]), _median(costs[model])) for model in models}


def _median(values: Sequence[int]) -> int | None:
    return round(median(values)) if values else None
