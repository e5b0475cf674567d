"""The environment's readers: what they accept, and that a refusal names the variable and no secret."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from django.core.exceptions import ImproperlyConfigured
from hypothesis import given
from hypothesis import strategies as st

from config import env


@pytest.fixture
def environment(monkeypatch: pytest.MonkeyPatch) -> dict[str, str]:
    values: dict[str, str] = {}
    monkeypatch.setattr(env, "_environ", values)
    return values


READERS: dict[str, Callable[[], Any]] = {
    "text": lambda: env.text("NAME", "default"),
    "flag": lambda: env.flag("NAME", True),
    "integer": lambda: env.integer("NAME", 7),
    "words": lambda: env.words("NAME", ("a", "b")),
    "url": lambda: env.url("NAME", "http://default"),
    "rate": lambda: env.rate("NAME", "30/m"),
    "path": lambda: env.path("NAME", Path("/default")),
}
DEFAULTS: dict[str, Any] = {
    "text": "default",
    "flag": True,
    "integer": 7,
    "words": ("a", "b"),
    "url": "http://default",
    "rate": "30/m",
    "path": Path("/default"),
}


@pytest.mark.parametrize("reader", READERS)
@pytest.mark.parametrize("value", [None, "", "   "])
def test_absent_and_empty_give_the_default(reader: str, value: str | None, environment: dict[str, str]) -> None:
    if value is not None:
        environment["NAME"] = value
    assert READERS[reader]() == DEFAULTS[reader]


@pytest.mark.parametrize(
    ("reader", "value"),
    [
        ("flag", "maybe"),
        ("flag", "2"),
        ("integer", "seven"),
        ("integer", "1.5"),
        ("integer", "-1"),
        ("url", "localhost:8000"),
        ("url", "ftp://host"),
        ("url", "http://"),
        ("rate", "30"),
        ("rate", "0/m"),
        ("rate", "30/w"),
        ("rate", "-3/m"),
    ],
)
def test_an_odd_value_is_refused_by_name(reader: str, value: str, environment: dict[str, str]) -> None:
    environment["NAME"] = value
    with pytest.raises(ImproperlyConfigured, match="NAME"):
        READERS[reader]()


def test_a_choice_outside_the_list_is_refused_with_the_list(environment: dict[str, str]) -> None:
    environment["ENVIRONMENT"] = "staging"
    with pytest.raises(ImproperlyConfigured, match=r"ENVIRONMENT='staging'.*development, production"):
        env.text("ENVIRONMENT", choices=("development", "production"))


def test_a_number_above_its_limit_is_refused_with_the_limit(environment: dict[str, str]) -> None:
    environment["PORT"] = "65536"
    with pytest.raises(ImproperlyConfigured, match=r"PORT=65536.*at most 65535"):
        env.integer("PORT", 8000, at_most=65535)


def test_a_refused_address_keeps_its_password_to_itself(environment: dict[str, str]) -> None:
    environment["DATABASE_URL"] = "mysql://root:hunter2@db/polylogue"
    with pytest.raises(ImproperlyConfigured, match="DATABASE_URL") as refusal:
        env.url("DATABASE_URL", schemes=("postgres", "sqlite"))
    assert "hunter2" not in str(refusal.value)


def test_an_address_loses_its_closing_slash(environment: dict[str, str]) -> None:
    environment["SITE_URL"] = "https://chat.example.org/"
    assert env.url("SITE_URL") == "https://chat.example.org"


@pytest.mark.parametrize(("value", "expected"), [("1", True), ("Yes", True), ("on", True), ("0", False), ("No", False)])
def test_a_flag_reads_the_usual_words(value: str, expected: bool, environment: dict[str, str]) -> None:
    environment["NAME"] = value
    assert env.flag("NAME", not expected) is expected


def test_a_value_may_lie_in_a_file(environment: dict[str, str], tmp_path: Path) -> None:
    secret = tmp_path / "secret"
    secret.write_text("from the file\n", encoding="utf-8")
    environment["NAME_FILE"] = str(secret)
    assert env.text("NAME") == "from the file"


def test_a_file_that_cannot_be_read_is_refused_by_name(environment: dict[str, str], tmp_path: Path) -> None:
    environment["NAME_FILE"] = str(tmp_path / "absent")
    with pytest.raises(ImproperlyConfigured, match="NAME_FILE"):
        env.text("NAME")


@given(items=st.lists(st.text(st.characters(exclude_characters=",", categories=["L", "N"]), min_size=1)))
def test_a_list_survives_spaces_and_empty_items(items: list[str]) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(env, "_environ", {"NAME": " , ".join([*items, ""])})
        assert env.words("NAME", ()) == tuple(items)


@given(number=st.integers(min_value=0, max_value=10**9))
def test_every_whole_number_is_read_as_written(number: int) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(env, "_environ", {"NAME": f" {number} "})
        assert env.integer("NAME", -1) == number
