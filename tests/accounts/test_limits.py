"""Counting how often: the same promises wherever the counters lie."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from typing import Any
from uuid import uuid4

import pytest
from django.conf import settings as django_settings
from django.db import connection
from django.test import Client
from limits.storage import storage_from_string
from limits.strategies import FixedWindowRateLimiter

from accounts import limits
from accounts.limit_storage import DatabaseStorage, ProcessStorage
from accounts.models import RateCounter, User

STORES = [
    "memory",
    "database",
    pytest.param("redis", marks=pytest.mark.redis),
]


@pytest.fixture(params=STORES)
def hit(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch, db: None) -> Iterator[Callable[..., int]]:
    """`limits.hit`, counting in one store after the other."""
    storage: Any
    match request.param:
        case "memory":
            storage = ProcessStorage()
        case "database":
            storage = DatabaseStorage()
        case _:
            storage = storage_from_string(django_settings.REDIS_URL)
    limiter = FixedWindowRateLimiter(storage)
    monkeypatch.setattr(limits, "_limiter", lambda: limiter)
    yield limits.hit
    storage.reset()


def test_up_to_the_rate_there_is_no_wait(hit: Callable[..., int]) -> None:
    key = str(uuid4())
    assert [hit("messages", "3/h", key) for _ in range(3)] == [0, 0, 0]


def test_above_the_rate_the_wait_is_told_in_seconds(hit: Callable[..., int]) -> None:
    key = str(uuid4())
    assert hit("messages", "1/m", key) == 0
    assert 1 <= hit("messages", "1/m", key) <= 60


def test_people_do_not_use_up_each_others_rate(hit: Callable[..., int]) -> None:
    ada, eve = str(uuid4()), str(uuid4())
    assert hit("messages", "1/h", eve) == 0
    assert hit("messages", "1/h", eve) > 0
    assert hit("messages", "1/h", ada) == 0


def test_one_counter_does_not_touch_another(hit: Callable[..., int]) -> None:
    key = str(uuid4())
    assert hit("messages", "1/h", key) == hit("guests", "1/h", key) == 0


def test_a_new_window_begins_at_nothing(hit: Callable[..., int]) -> None:
    key = str(uuid4())
    assert hit("messages", "1/s", key) == 0
    deadline = time.monotonic() + 5
    while hit("messages", "1/s", key) and time.monotonic() < deadline:
        time.sleep(0.1)
    assert time.monotonic() < deadline


def test_several_processes_without_redis_share_their_counters() -> None:
    """In the scaled mode limits fall back to the database; they never switch off."""
    assert isinstance(limits._limiter().storage, DatabaseStorage) is (
        not django_settings.DATABASE_IS_SQLITE and not django_settings.REDIS_URL
    )


def test_a_database_window_that_has_passed_is_counted_afresh(db: None) -> None:
    storage = DatabaseStorage()
    assert [storage.incr("key", 60), storage.incr("key", 60)] == [1, 2]
    RateCounter.objects.update(expires_at=time.time() - 1)
    assert storage.get("key") == 0
    assert storage.incr("key", 60) == 1
    assert storage.get_expiry("key") > time.time()


@pytest.mark.django_db(transaction=True)
def test_parallel_hits_never_pass_the_rate(monkeypatch: pytest.MonkeyPatch) -> None:
    limiter = FixedWindowRateLimiter(DatabaseStorage())
    monkeypatch.setattr(limits, "_limiter", lambda: limiter)
    waits: list[int] = []

    def ask() -> None:
        try:
            waits.extend(limits.hit("messages", "5/h", "ada") for _ in range(4))
        finally:
            connection.close()

    threads = [threading.Thread(target=ask) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(waits) == 16
    assert waits.count(0) == 5


def test_guesses_of_passwords_are_counted_in_the_database_where_processes_share_nothing_else(
    ada: User, browser: Callable[..., Client], settings: Any
) -> None:
    backend = "django.core.cache.backends.db.DatabaseCache"
    settings.CACHES = {"default": {"BACKEND": backend, "LOCATION": "accounts_cache"}}
    guess = {"login": ada.email, "password": "wrong-wrong"}
    answers = [browser().post("/accounts/login/", guess) for _ in range(30)]
    assert "too many" in answers[-1].content.decode().lower()
    with connection.cursor() as cursor:
        cursor.execute("SELECT count(*) FROM accounts_cache")
        assert cursor.fetchone()[0] > 0
