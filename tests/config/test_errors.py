"""One family of errors: every code is unique, every status fits, nothing internal is told."""

from __future__ import annotations

import pytest
from django.utils import translation

from config import errors
from config.errors import AppError

FAMILY = [kind for kind in errors.family() if kind.__module__ == "config.errors"]


@pytest.mark.parametrize("kind", FAMILY)
def test_a_code_is_its_reason_and_where_it_happened(kind: type[AppError]) -> None:
    assert kind("chat").code == f"{kind.reason}:chat"


def test_no_two_errors_share_a_reason() -> None:
    reasons = [kind.reason for kind in FAMILY]
    assert len(set(reasons)) == len(reasons)


@pytest.mark.parametrize("kind", FAMILY)
def test_every_error_has_an_error_status_and_words_for_a_person(kind: type[AppError]) -> None:
    assert 400 <= kind.status < 600
    assert kind("chat").message


def test_context_goes_to_the_log_and_never_into_what_is_told() -> None:
    error = errors.ProviderAuth("chat", secret="sk-live-1234567890")
    assert "sk-live" not in error.message
    assert "sk-live" not in str(error)


def test_a_message_of_its_own_replaces_the_usual_one() -> None:
    assert errors.NotFound("chat", "This chat was deleted.").message == "This chat was deleted."


def test_the_message_is_read_in_the_readers_language() -> None:
    error = errors.NotFound("chat")
    with translation.override("en"):
        assert error.message == "This does not exist, or is not yours to see."


def test_the_tree_in_the_docstring_is_the_family() -> None:
    drawn = errors.__doc__ or ""
    for kind in FAMILY:
        assert kind.__name__ in drawn, f"{kind.__name__} is missing from the tree of config/errors.py"
