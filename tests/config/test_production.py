"""Production refuses to guess, and is checked clean when it has what it needs. Each test is a process of its own."""

from __future__ import annotations

import base64
import os
import secrets
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent.parent
COMPLETE = {
    "ENVIRONMENT": "production",
    "SECRET_KEY": secrets.token_urlsafe(64),
    "DATABASE_URL": "postgres://polylogue:hunter2@db.invalid/polylogue",
    "KEY_ENCRYPTION_KEYS": f"1:{base64.b64encode(secrets.token_bytes(32)).decode()}",
}

pytestmark = pytest.mark.once


def manage(*arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "manage.py", *arguments],
        cwd=ROOT,
        env={"PATH": os.environ["PATH"], **environment},
        capture_output=True,
        text=True,
        timeout=60,
    )


def test_a_complete_production_has_nothing_to_warn_about() -> None:
    done = manage("check", "--deploy", "--fail-level", "WARNING", **COMPLETE)
    assert done.returncode == 0, done.stderr
    assert "0 silenced" in done.stdout


@pytest.mark.parametrize("absent", ["SECRET_KEY", "DATABASE_URL", "KEY_ENCRYPTION_KEYS"])
def test_production_does_not_start_without(absent: str) -> None:
    done = manage("check", **{name: value for name, value in COMPLETE.items() if name != absent})
    assert done.returncode != 0
    assert absent in done.stderr


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("ENVIRONMENT", "prod"),
        ("PORT", "http"),
        ("DATABASE_URL", "mysql://root:hunter2@db/x"),
        ("REDIS_URL", "localhost"),
        ("SITE_URL", "chat.example.org"),
        ("RATE_LIMIT_MESSAGES", "many"),
        ("TRUSTED_PROXY_COUNT", "yes"),
        ("LOG_LEVEL", "LOUD"),
        ("DEFAULT_FROM_EMAIL", "nobody"),
    ],
)
def test_an_odd_setting_is_refused_by_name_and_without_secrets(name: str, value: str) -> None:
    done = manage("check", **{name: value})
    assert done.returncode != 0
    assert name in done.stderr
    assert "hunter2" not in done.stderr + done.stdout


@pytest.mark.parametrize("command", ["seed", "start"])
def test_what_is_for_demonstrations_refuses_in_production(command: str) -> None:
    done = manage(command, **COMPLETE)
    assert done.returncode != 0
    assert "production" in done.stderr


def test_development_needs_no_variable_at_all() -> None:
    done = manage("check")
    assert done.returncode == 0, done.stderr


PRINT_COOKIES = "from django.conf import settings; print(settings.SESSION_COOKIE_NAME, settings.CSRF_COOKIE_NAME)"
PRINT_CACHE = "from django.conf import settings; print(settings.CACHES['default']['BACKEND'])"


def test_cookies_of_production_are_of_this_host_alone() -> None:
    done = manage("shell", "-v0", "-c", PRINT_COOKIES, **COMPLETE)
    assert done.stdout.split() == ["__Host-sessionid", "__Host-csrftoken"]


def test_processes_without_redis_share_what_limits_logins() -> None:
    done = manage("shell", "-v0", "-c", PRINT_CACHE, **COMPLETE)
    assert done.stdout.strip() == "django.core.cache.backends.db.DatabaseCache"
