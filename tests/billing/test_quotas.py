"""Answers a day and answers at once: reserved before, settled after, never passed."""

from __future__ import annotations

import threading
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from uuid import UUID

import pytest
from django.db import connection, transaction
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from accounts.actors import Actor
from accounts.models import User
from billing import plans, quotas
from billing.models import Hold, Plan, Window
from config.errors import QuotaExceeded
from config.ids import uuid7
from tests import cast

pytestmark = pytest.mark.django_db

NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)


@pytest.fixture
def actor(ada: User) -> Actor:
    Plan.objects.filter(pk="member").update(answers_a_day=10, parallel_runs=4)
    plans.forget()
    return cast.actor_of(ada)


def reserve(actor: Actor, runs: int = 1, now: datetime = NOON) -> list[UUID]:
    ids = [uuid7() for _ in range(runs)]
    with transaction.atomic():
        quotas.reserve(actor, ids, surface="chat", now=now)
    return ids


def test_a_guest_begins_with_twenty_answers_and_a_member_with_a_hundred(ada: User) -> None:
    assert quotas.standing(cast.actor_of(cast.guest())).limit == 20
    assert quotas.standing(cast.actor_of(ada)).limit == 100


def test_a_comparison_of_four_counts_four(actor: Actor) -> None:
    quotas.settle(dict.fromkeys(reserve(actor, 4), 1))
    assert quotas.standing(actor, NOON).used == 4


def test_what_costs_nothing_gives_the_answer_back(actor: Actor) -> None:
    quotas.settle(dict.fromkeys(reserve(actor, 4), 0))
    assert quotas.standing(actor, NOON).used == 0


def test_an_end_that_is_told_twice_counts_once(actor: Actor) -> None:
    (run,) = reserve(actor)
    quotas.settle({run: 1})
    quotas.settle({run: 1})
    assert quotas.standing(actor, NOON).used == 1


def test_over_the_day_the_refusal_says_what_is_used_and_when_it_renews(actor: Actor) -> None:
    for _ in range(5):
        quotas.settle(dict.fromkeys(reserve(actor, 2), 1))
    with pytest.raises(QuotaExceeded) as refused:
        reserve(actor)
    assert refused.value.status == 402
    assert refused.value.details == {
        "window": "messages_day",
        "used": 10,
        "limit": 10,
        "renews_at": "2026-03-02T00:00:00Z",
        "actions": ["wait"],
    }


def test_a_comparison_that_does_not_fit_reserves_nothing_at_all(actor: Actor) -> None:
    for _ in range(4):
        quotas.settle(dict.fromkeys(reserve(actor, 2), 1))
    with pytest.raises(QuotaExceeded):
        reserve(actor, 3)
    assert quotas.standing(actor, NOON).used == 8
    assert Hold.objects.count() == 0


def test_over_the_parallel_limit_one_has_to_wait(actor: Actor) -> None:
    first = reserve(actor, 4)
    with pytest.raises(QuotaExceeded) as refused:
        reserve(actor)
    assert refused.value.details["window"] == "parallel"
    assert refused.value.details["renews_at"] is None
    quotas.settle({first[0]: 1})
    reserve(actor)


def test_the_day_renews_at_midnight_and_what_began_before_counts_before(actor: Actor) -> None:
    late = NOON.replace(hour=23, minute=59)
    old = reserve(actor, 4, now=late)
    quotas.settle({old[0]: 1, old[1]: 1})
    morning = late + timedelta(minutes=2)
    new = reserve(actor, 2, now=morning)
    quotas.settle({old[2]: 1, old[3]: 1, new[0]: 1, new[1]: 1})
    assert quotas.standing(actor, late).used == 4
    assert quotas.standing(actor, morning).used == 2


def test_a_guest_who_logs_in_takes_along_what_was_used(actor: Actor) -> None:
    guest = cast.actor_of(cast.guest())
    used, running = reserve(guest, 2)
    quotas.settle({used: 1})
    quotas.move(guest.account_id, actor.account_id)
    assert quotas.standing(actor, NOON).used == 2
    quotas.settle({running: 1})
    assert quotas.standing(actor, NOON).used == 2
    assert not Window.objects.exclude(reserved=0).exists()


def test_reserving_costs_the_same_number_of_queries_for_one_run_and_for_four(
    actor: Actor, django_assert_num_queries: object
) -> None:
    quotas.settle(dict.fromkeys(reserve(actor), 0))
    for runs in (1, 4):
        with transaction.atomic(), django_assert_num_queries(3):  # type: ignore[operator]  # a fixture without a type
            ids = [uuid7() for _ in range(runs)]
            quotas.reserve(actor, ids, surface="chat", now=NOON)
        quotas.settle(dict.fromkeys(ids, 0))


steps = st.lists(st.tuples(st.sampled_from(["reserve", "count", "release", "again"]), st.integers(1, 4)), max_size=30)


@settings(max_examples=40, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(steps)
def test_no_order_of_steps_passes_a_limit_or_loses_a_hold(actor: Actor, steps: list[tuple[str, int]]) -> None:
    Window.objects.all().delete()
    going: list[UUID] = []
    ended: list[UUID] = []
    counted = 0
    for step, number in steps:
        if step == "reserve":
            try:
                going += reserve(actor, number)
            except QuotaExceeded:
                assert counted + len(going) + number > 10 or len(going) + number > 4
        elif step == "again":
            quotas.settle(dict.fromkeys(ended[-number:], 1))
        elif going:
            run = going.pop()
            ended.append(run)
            counted += step == "count"
            quotas.settle({run: int(step == "count")})
        day = Window.objects.filter(kind="messages_day").first()
        assert (day.used, day.reserved) == (counted, len(going)) if day else not going
        assert counted + len(going) <= 10
        assert len(going) <= 4


@pytest.mark.django_db(transaction=True)
def test_two_hundred_parallel_requests_against_ten_answers_admit_exactly_ten(ada: User) -> None:
    Plan.objects.filter(pk="member").update(answers_a_day=10, parallel_runs=1000)
    plans.forget()
    actor = cast.actor_of(ada)
    admitted: list[UUID] = []

    def ask() -> None:
        for _ in range(20):
            with suppress(QuotaExceeded):
                admitted.extend(reserve(actor))
        connection.close()

    threads = [threading.Thread(target=ask) for _ in range(10)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(admitted) == 10
