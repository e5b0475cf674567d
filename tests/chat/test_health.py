"""Probes tell the truth, and only to those who may know."""

from __future__ import annotations

from typing import Any

import pytest
from django.db import connection
from django.db.utils import OperationalError
from django.test import Client

from accounts.models import User
from chat.runs import log
from config.ids import uuid7
from tests import cast

pytestmark = pytest.mark.django_db


def test_health_asks_nobody(client: Client, django_assert_num_queries: Any) -> None:
    with django_assert_num_queries(0):
        assert client.get("/health").json() == {"ok": True}


def test_ready_names_what_is_missing_and_stays_ready_without_workers(client: Client) -> None:
    answer = client.get("/ready")
    assert answer.status_code == 200
    assert answer.json()["degraded"] == ["workers"]
    log.register(uuid7(), "somewhere")
    assert client.get("/ready").json() == {
        "ok": True,
        "degraded": [],
        "database": True,
        "redis": answer.json()["redis"],
        "workers": 1,
        "draining": False,
    }


def test_ready_refuses_without_the_database(client: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    def away(*args: object) -> None:
        raise OperationalError("away")

    monkeypatch.setattr(connection, "cursor", away)
    answer = client.get("/ready")
    assert answer.status_code == 503
    assert answer.json()["database"] is False


def test_metrics_want_the_token_or_staff(client: Client, settings: Any, ada: User, staff: User) -> None:
    settings.METRICS_TOKEN = "t0p"
    assert client.get("/metrics").status_code == 403
    assert client.get("/metrics", headers={"Authorization": "Bearer wrong"}).status_code == 403
    assert cast.browser(ada).get("/metrics").status_code == 403
    told = client.get("/metrics", headers={"Authorization": "Bearer t0p"})
    assert told.status_code == 200
    assert b'polylogue_runs{status="queued"} 0.0' in told.content
    assert cast.browser(staff).get("/metrics").status_code == 200


def test_without_a_token_an_empty_bearer_opens_nothing(client: Client, settings: Any) -> None:
    settings.METRICS_TOKEN = ""
    assert client.get("/metrics", headers={"Authorization": "Bearer "}).status_code == 403
