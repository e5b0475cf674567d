"""Logs are JSON lines with ids, and hold no secrets whatever was passed."""

from __future__ import annotations

import json
import logging
import sys
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from config import context
from config.logs import JsonFormatter, redact

SECRET = st.text("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789", min_size=16, max_size=60)
AROUND = st.sampled_from(["", "key=", '{"key": "', "Authorization: ", "calling with ", "\n"])


def line(message: str = "it happened", exc_info: Any = None, **extra: Any) -> dict[str, Any]:
    record = logging.LogRecord("app", logging.INFO, "file.py", 1, message, (), exc_info)
    vars(record).update(extra)
    parsed: dict[str, Any] = json.loads(JsonFormatter().format(record))
    return parsed


@given(
    before=AROUND,
    prefix=st.sampled_from(["sk-", "sk-ant-", "sk-proj-", "xai-", "gsk_", "pk_live_", "pl_"]),
    secret=SECRET,
)
def test_a_provider_key_is_never_written(before: str, prefix: str, secret: str) -> None:
    written = redact(f"{before}{prefix}{secret} afterwards")
    assert secret not in written
    assert written.endswith(f"{secret[-4:]} afterwards"), "its last characters tell keys apart"


@given(before=AROUND, secret=SECRET)
def test_a_google_key_is_never_written(before: str, secret: str) -> None:
    key = f"AIza{secret:0<35}"[:39]
    assert key not in redact(f"{before}{key}")


@given(secret=SECRET, scheme=st.sampled_from(["Bearer", "bearer"]))
def test_a_bearer_token_is_never_written(secret: str, scheme: str) -> None:
    assert secret not in redact(f"Authorization: {scheme} {secret}")


@given(secret=SECRET, name=st.sampled_from(["sessionid", "csrftoken", "visitor"]))
def test_a_cookie_is_never_written(secret: str, name: str) -> None:
    assert secret not in redact(f"Cookie: theme=dark; {name}={secret}; x=y")


@given(secret=SECRET, scheme=st.sampled_from(["postgres", "postgresql", "redis", "rediss", "https"]))
@example(secret="p:a/ss?w#rd-of-16", scheme="redis")
def test_the_password_in_an_address_is_never_written(secret: str, scheme: str) -> None:
    written = redact(f"cannot reach {scheme}://user:{secret}@host:5432/name")
    assert secret not in written
    assert "host:5432/name" in written, "where it went is what one needs to know"


@given(text=st.text(st.characters(categories=["L", "Z"]), max_size=200))
def test_ordinary_words_stay_as_they_are(text: str) -> None:
    assert redact(text) == text


@given(text=st.text(max_size=300))
def test_redacting_twice_changes_nothing_more(text: str) -> None:
    assert redact(redact(text)) == redact(text)


def test_a_traceback_is_written_without_its_secrets() -> None:
    try:
        raise ValueError("refused: sk-proj-abcdefghijklmnop1234")
    except ValueError:
        written = line(exc_info=sys.exc_info())
    assert "abcdefghijklmnop" not in json.dumps(written)
    assert "ValueError" in written["error"]


def test_fields_are_keys_of_the_line() -> None:
    written = line("run finished", run="r1", ms=12)
    assert (written["message"], written["run"], written["ms"]) == ("run finished", "r1", 12)
    assert written["level"] == "info"


def test_ids_of_the_context_are_on_every_line() -> None:
    tokens = [(var, var.set(value)) for var, value in ((context.request_id, "req-1"), (context.tenant_id, "ten-1"))]
    try:
        written = line()
    finally:
        for var, token in tokens:
            var.reset(token)
    assert (written["request"], written["tenant"]) == ("req-1", "ten-1")
    assert "run" not in written


@pytest.mark.parametrize("value", ["two\nlines", '"quoted"', "\x1b[31mred", "</script>"])
def test_a_message_cannot_forge_another_line(value: str) -> None:
    record = logging.LogRecord("app", logging.INFO, "file.py", 1, value, (), None)
    written = JsonFormatter().format(record)
    assert "\n" not in written
    assert json.loads(written)["message"] == value
