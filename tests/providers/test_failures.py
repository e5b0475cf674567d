from __future__ import annotations

import inspect
import time
from email.utils import formatdate
from typing import Any

import aiohttp
import httpx
import pytest

from config import errors
from providers import failures


class Foreign(Exception):
    def __init__(self, said: str = "", status_code: int | None = None) -> None:
        super().__init__(said)
        self.status_code = status_code


def test_every_exception_of_litellm_has_a_translation(litellm: Any) -> None:
    theirs = {
        name
        for name, cls in inspect.getmembers(litellm.exceptions, inspect.isclass)
        if issubclass(cls, Exception) and cls.__module__ == "litellm.exceptions"
    }
    assert len(theirs) > 20
    assert theirs - failures.BY_NAME.keys() == set()


def test_every_error_of_httpx_has_a_translation() -> None:
    for name, cls in inspect.getmembers(httpx, inspect.isclass):
        if issubclass(cls, httpx.HTTPError | httpx.InvalidURL):
            assert any(base.__name__ in failures.BY_NAME for base in cls.__mro__), name


def test_every_error_of_aiohttp_that_a_call_can_raise_has_a_translation() -> None:
    for name, cls in inspect.getmembers(aiohttp, inspect.isclass):
        if issubclass(cls, aiohttp.ClientError):
            assert any(base.__name__ in failures.BY_NAME for base in cls.__mro__), name


@pytest.mark.parametrize(
    ("status", "kind"),
    [
        (400, errors.ProviderRejected),
        (401, errors.ProviderAuth),
        (402, errors.ProviderCredit),
        (403, errors.ProviderAuth),
        (404, errors.ProviderRejected),
        (408, errors.ProviderTimeout),
        (413, errors.ContextTooLong),
        (429, errors.ProviderRateLimited),
        (500, errors.ProviderUnavailable),
        (503, errors.ProviderUnavailable),
        (504, errors.ProviderTimeout),
        (529, errors.ProviderUnavailable),
        (302, errors.ProviderRejected),
    ],
)
def test_a_status_has_a_meaning(status: int, kind: type[errors.AppError]) -> None:
    assert type(failures.translate(Foreign(status_code=status), started=False)) is kind


@pytest.mark.parametrize(
    ("said", "status", "kind"),
    [
        ("You exceeded your current quota, insufficient_quota", 429, errors.ProviderCredit),
        ("Your credit balance is too low", 400, errors.ProviderCredit),
        ("This model's maximum context length is 8192 tokens", 400, errors.ContextTooLong),
        ("prompt is too long: 250000 tokens", 400, errors.ContextTooLong),
        ("API key not valid. Please pass a valid API key.", 400, errors.ProviderAuth),
        ("maximum context reached while failing", 500, errors.ProviderUnavailable),
    ],
)
def test_a_providers_words_tell_more_than_its_status(said: str, status: int, kind: type[errors.AppError]) -> None:
    assert type(failures.translate(Foreign(said, status), started=False)) is kind


def test_a_lost_connection_is_unavailable_before_the_answer_and_broken_in_it() -> None:
    for lost in (httpx.ReadError("reset"), aiohttp.ClientOSError("reset"), aiohttp.ClientPayloadError("cut")):
        assert type(failures.translate(lost, started=False)) is errors.ProviderUnavailable
        assert type(failures.translate(lost, started=True)) is errors.ProviderBroken


def test_what_nobody_knows_is_broken() -> None:
    assert type(failures.translate(ValueError("odd"), started=False)) is errors.ProviderBroken


def test_an_error_of_ours_stays_as_it_is() -> None:
    ours = errors.ProviderCredit("provider")
    assert failures.translate(ours, started=True) is ours


def test_nothing_a_provider_said_is_shown() -> None:
    error = failures.translate(Foreign("Incorrect API key provided: sk-verysecret123", 401), started=False)
    assert "secret" not in f"{error} {error.details} {error.context}"


@pytest.mark.parametrize(
    ("headers", "seconds"),
    [
        ({"Retry-After": "7"}, 7),
        ({"retry-after": "1.5"}, 1.5),
        ({"retry-after-ms": "250"}, 0.25),
        ({}, None),
        ({"retry-after": "soon"}, None),
        ({"retry-after": "-5"}, None),
    ],
)
def test_retry_after_is_understood(headers: dict[str, str], seconds: float | None) -> None:
    error = failures.translate(Foreign(status_code=429), started=False, headers=headers)
    assert error.details.get("retry_after_s") == seconds


def test_retry_after_may_be_a_date() -> None:
    wait = failures.retry_after({"Retry-After": formatdate(time.time() + 60, usegmt=True)})
    assert wait is not None
    assert 55 < wait < 61
