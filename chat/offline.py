"""What a browser needs to open without a network: a service worker (static/js/sw.js) and the page it falls back to."""

from __future__ import annotations

import hashlib
from functools import cache

import orjson
from django.conf import settings
from django.contrib.staticfiles.storage import staticfiles_storage
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.templatetags.static import static
from django.urls import reverse
from django.views.decorators.http import require_safe

from accounts.actors import Actor
from accounts.rules import Who, allow


def mark(response: HttpResponse, actor: Actor | None) -> None:
    """Say whose page this is, so that a browser keeps it for nobody else."""
    if actor is not None:
        response.headers["X-Person"] = str(actor.id)


@require_safe
@allow(Who.ANYONE)
def service_worker(request: HttpRequest) -> HttpResponse:
    """Served from the root, because it may answer only for what lies below its own address."""
    told = {"VERSION": _version(), "OFFLINE": reverse("offline"), "STATIC": settings.STATIC_URL}
    head = "".join(f"const {name}={orjson.dumps(value).decode()};" for name, value in told.items())
    return HttpResponse(head + _script(), content_type="text/javascript", headers={"Cache-Control": "no-cache"})


@require_safe
@allow(Who.ANYONE)
def offline(request: HttpRequest) -> HttpResponse:
    return render(request, "offline.html")


def _version() -> str:
    """Another one whenever a page would ask for other scripts or styles."""
    names = "".join(static(name) for name in ("app/app.js", "app/style.css")) + _script()
    return hashlib.blake2b(names.encode(), digest_size=8).hexdigest()


@cache
def _script() -> str:
    with staticfiles_storage.open("app/sw.js") as file:
        return bytes(file.read()).decode()
