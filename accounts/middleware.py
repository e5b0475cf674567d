"""Puts the Actor on the request and ends sessions whose login has ended."""

from __future__ import annotations

from collections.abc import Callable

from django.contrib.auth import SESSION_KEY, logout
from django.http import HttpRequest, HttpResponse

from accounts import actors
from config import context


class ActorMiddleware:
    """`request.actor`: an Actor, or None for a visitor without a login."""

    sync_capable, async_capable = True, False

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        actor = None
        if request.session.get(SESSION_KEY):
            actor = actors.from_session(request.session)
            if actor is None:
                logout(request)
        request.actor = actor  # type: ignore[attr-defined]  # declared in no stub
        token = context.tenant_id.set(str(actor.tenant_id) if actor else "")
        try:
            return self.get_response(request)
        finally:
            context.tenant_id.reset(token)
