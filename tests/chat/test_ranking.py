"""The ranking: what votes say about models, and what they cannot."""

from __future__ import annotations

import math
import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chat.ranking import Judgement, Rating, rank

MODELS = ("amber", "birch", "cedar", "dune", "ember", "frost")
PLANTED = dict(zip(MODELS, (1.2, 0.7, 0.2, -0.2, -0.7, -1.2), strict=True))

judgements = st.lists(
    st.lists(st.sampled_from(MODELS), min_size=2, max_size=6).flatmap(
        lambda models: st.one_of(
            st.builds(Judgement, st.just(models), st.integers(0, len(models) - 1)),
            st.builds(Judgement, st.just(models), st.none(), st.booleans()),
        )
    ),
    max_size=40,
)


def seeded_votes(count: int, seed: int = 7) -> list[Judgement]:
    """Two to four models each; who is better is drawn from the planted strengths, one in ten ties or is all bad."""
    draw = random.Random(seed)
    votes = []
    for _ in range(count):
        models = draw.sample(MODELS, draw.choice((2, 2, 3, 4)))
        if draw.random() < 0.1:
            votes.append(Judgement(models, None, bad=draw.random() < 0.5))
        else:
            weights = [math.exp(PLANTED[model]) for model in models]
            votes.append(Judgement(models, draw.choices(range(len(models)), weights)[0]))
    return votes


def by_model(ratings: list[Rating]) -> dict[str, Rating]:
    return {rating.model: rating for rating in ratings}


def test_two_thousand_votes_recover_the_planted_order() -> None:
    assert [rating.model for rating in rank(seeded_votes(2_000))] == list(MODELS)


def test_the_planted_strengths_lie_within_their_intervals() -> None:
    mean = sum(PLANTED.values()) / len(PLANTED)
    duels = [vote for vote in seeded_votes(4_000) if len(vote.models) == 2 and vote.winner is not None]
    for model, rating in by_model(rank(duels)).items():
        # A little more than 95 %, because six intervals are looked at together.
        margin = 1.5 * (rating.high - rating.score)
        assert abs(rating.score - (1000 + 400 / math.log(10) * (PLANTED[model] - mean))) < margin


def test_the_same_votes_in_another_order_give_the_same_numbers() -> None:
    votes = seeded_votes(500)
    mixed = random.Random(3).sample(votes, len(votes))
    assert rank(votes) == rank(mixed) == rank(votes)


@given(judgements)
def test_whatever_was_voted_everybody_has_a_place_between_bounds(votes: list[Judgement]) -> None:
    ratings = rank(votes)
    assert {rating.model for rating in ratings} == {model for vote in votes for model in vote.models}
    assert all(math.isfinite(rating.score) and rating.low <= rating.score <= rating.high for rating in ratings)
    if ratings:
        assert sum(rating.score for rating in ratings) / len(ratings) == pytest.approx(1000)


@given(judgements, st.sampled_from(MODELS), st.sampled_from(MODELS))
def test_one_more_win_never_harms(votes: list[Judgement], one: str, other: str) -> None:
    if one == other:
        return
    votes = [*votes, Judgement((one, other), None)]
    before, after = by_model(rank(votes)), by_model(rank([*votes, Judgement((one, other), 0)]))
    gained = after[one].score - after[other].score
    assert gained > before[one].score - before[other].score


def test_who_always_wins_has_a_score_all_the_same() -> None:
    first, second = rank([Judgement(("amber", "birch"), 0)] * 20)
    assert (first.model, second.model) == ("amber", "birch")
    assert first.score < 2_000


def test_one_better_than_three_beats_each_of_them_and_says_nothing_about_the_rest() -> None:
    best, *rest = rank([Judgement(("amber", "birch", "cedar", "dune"), 2)])
    assert best.model == "cedar"
    assert len({rating.score for rating in rest}) == 1


def test_ties_pull_together() -> None:
    won = by_model(rank([Judgement(("amber", "birch"), 0)] * 5))
    mixed = by_model(rank([Judgement(("amber", "birch"), 0)] * 5 + [Judgement(("amber", "birch"))] * 20))
    assert won["amber"].score > mixed["amber"].score > 1000


def test_all_bad_moves_nobody_and_is_counted() -> None:
    votes = seeded_votes(50)
    bad = [Judgement(("amber", "frost"), None, bad=True)] * 9
    before, after = by_model(rank(votes)), by_model(rank(votes + bad))
    assert {model: rating.score for model, rating in before.items()} == {m: r.score for m, r in after.items()}
    assert after["amber"].bad == before["amber"].bad + 9


def test_a_model_is_no_rival_of_itself() -> None:
    [twin] = rank([Judgement(("amber", "amber"), 0)])
    assert (twin.score, twin.comparisons, twin.won) == (1000, 1, 1)


def test_more_votes_narrow_the_interval() -> None:
    few, many = by_model(rank(seeded_votes(40))), by_model(rank(seeded_votes(2_000)))
    assert all(many[model].high - many[model].low < few[model].high - few[model].low for model in few)


def test_no_votes_are_no_ranking() -> None:
    assert rank([]) == []
