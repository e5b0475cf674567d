"""What probes ask: does this process answer, can it do its work, and how much does it do."""

from __future__ import annotations

import secrets
from typing import Any

import redis
from django.conf import settings
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.views.decorators.http import require_safe
from prometheus_client import CONTENT_TYPE_LATEST

from accounts.rules import Who, allow, state
from chat.runs import log, metrics
from chat.runs.database import AWAY
from chat.runs.engine import engine
from config.errors import Forbidden


@require_safe
@allow(Who.ANYONE)
def health(request: HttpRequest) -> JsonResponse:
    """Whether this process answers. Asks nobody else: a database that is away must not get the process killed."""
    return JsonResponse({"ok": True})


@require_safe
@allow(Who.ANYONE)
def ready(request: HttpRequest) -> JsonResponse:
    """Whether to send visitors here: 503 without the database or while leaving. Without Redis answers come a
    little later and without workers they wait, but nothing is lost, so those are told and not refused."""
    parts: dict[str, Any] = {"database": _database(), "redis": _redis(), "workers": None, "draining": engine.draining}
    if parts["database"]:
        parts["workers"] = log.workers_alive()
    ok = parts["database"] and not parts["draining"]
    degraded = [name for name in ("redis", "workers") if parts[name] in (False, 0)]
    return JsonResponse({"ok": ok, "degraded": degraded, **parts}, status=200 if ok else 503)


@require_safe
@state(Who.STAFF)
def metrics_page(request: HttpRequest) -> HttpResponse:
    """For Prometheus with METRICS_TOKEN as its bearer token, or for staff."""
    token = settings.METRICS_TOKEN
    given = request.headers.get("Authorization", "").removeprefix("Bearer ")
    actor = getattr(request, "actor", None)
    if not (token and secrets.compare_digest(given.encode(), token.encode())) and not (actor and actor.is_staff):
        raise Forbidden("metrics")
    return HttpResponse(metrics.exposition(), content_type=CONTENT_TYPE_LATEST)


def _database() -> bool:
    try:
        log.clock()
    except AWAY:
        return False
    return True


def _redis() -> bool | None:
    """None where there is none to reach."""
    if not settings.REDIS_URL:
        return None
    try:
        with redis.Redis.from_url(settings.REDIS_URL, socket_timeout=1, socket_connect_timeout=1) as client:
            return bool(client.ping())
    except redis.RedisError:
        return False
