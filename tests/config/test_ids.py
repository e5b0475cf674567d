"""Identifiers sort by time and cannot be guessed."""

from __future__ import annotations

import time
import uuid

import pytest

from config import ids


def test_an_id_is_a_version_7_uuid_of_rfc_9562() -> None:
    made = ids.uuid7()
    assert made.version == 7
    assert made.variant == uuid.RFC_4122


def test_the_first_48_bits_are_milliseconds_since_1970() -> None:
    before = time.time_ns() // 1_000_000
    stamp = ids.uuid7().int >> 80
    assert before <= stamp <= time.time_ns() // 1_000_000


def test_later_ids_sort_after_earlier_ones(monkeypatch: pytest.MonkeyPatch) -> None:
    clock = iter(range(1_700_000_000_000, 1_700_000_001_000))
    monkeypatch.setattr("config.ids.time.time_ns", lambda: next(clock) * 1_000_000)
    made = [ids.uuid7() for _ in range(1_000)]
    assert made == sorted(made, key=lambda i: i.int) == sorted(made, key=str)


def test_ids_of_one_millisecond_differ(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("config.ids.time.time_ns", lambda: 1_700_000_000_000_000_000)
    assert len({ids.uuid7() for _ in range(10_000)}) == 10_000


@pytest.mark.parametrize("fill", [b"\x00", b"\xff"])
def test_random_bits_never_reach_version_variant_or_time(fill: bytes, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("config.ids.time.time_ns", lambda: 1_700_000_000_000_000_000)
    monkeypatch.setattr("config.ids.os.urandom", lambda count: fill * count)
    made = ids.uuid7()
    assert (made.version, made.variant, made.int >> 80) == (7, uuid.RFC_4122, 1_700_000_000_000)
