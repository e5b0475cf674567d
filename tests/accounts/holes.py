"""Planted holes: views with the mistakes that the matrix must find."""

from __future__ import annotations

from collections.abc import Callable
from uuid import UUID

from django.http import HttpRequest, HttpResponse
from django.urls import include, path

from accounts.models import Tenant
from accounts.rules import Who, allow, state
from chat.models import Chat
from config.errors import Forbidden

View = Callable[..., HttpResponse]


@allow(Who.ACTOR, owns="chat")
def forgets_the_owner(request: HttpRequest, chat_id: UUID) -> HttpResponse:
    return HttpResponse(Chat.objects.get(pk=chat_id).title)


@allow(Who.ACTOR, owns="chat")
def asks_for_the_tenant_only(request: HttpRequest, chat_id: UUID) -> HttpResponse:
    tenants = Tenant.objects.filter(memberships__user=request.user.pk)
    return HttpResponse(Chat.objects.filter(tenant__in=tenants).get_or_404(chat_id).title)


@allow(Who.ACTOR, owns="chat")
def tells_that_it_exists(request: HttpRequest, chat_id: UUID) -> HttpResponse:
    if Chat.objects.filter(pk=chat_id).exclude(owner=request.user.pk).exists():
        raise Forbidden("chat")
    return HttpResponse(Chat.objects.get_or_404(chat_id).title)


@allow(Who.ACTOR, owns="chat")
def forgets_the_parent(request: HttpRequest, chat_id: UUID, message_id: UUID) -> HttpResponse:
    Chat.objects.visible_to(request.actor).get_or_404(chat_id)  # type: ignore[attr-defined]  # set by the middleware
    return HttpResponse(str(message_id))


@state(Who.ACTOR)
def lets_visitors_in(request: HttpRequest) -> HttpResponse:
    return HttpResponse("for people")


@state(Who.MEMBER)
def lets_guests_in(request: HttpRequest) -> HttpResponse:
    return HttpResponse("for members" if request.user.is_authenticated else "", status=200 if request.user.pk else 401)


@state(Who.STAFF)
def lets_members_in(request: HttpRequest) -> HttpResponse:
    member = getattr(request.user, "email", None)
    return HttpResponse("for staff", status=200 if member else 401)


@allow(Who.ANYONE)
def breaks(request: HttpRequest) -> HttpResponse:
    raise ZeroDivisionError


@allow(Who.MEMBER)
def keeps_everybody_out(request: HttpRequest) -> HttpResponse:
    raise Forbidden("page")


@allow(Who.ACTOR)
def is_right(request: HttpRequest) -> HttpResponse:
    return HttpResponse("for people")


def states_nothing(request: HttpRequest) -> HttpResponse:
    return HttpResponse("for whom?")


# Each hole with those for whom the matrix must complain.
FOUND_FOR: dict[View, set[str]] = {
    forgets_the_owner: {"guest", "grace", "eve", "staff"},
    asks_for_the_tenant_only: {"grace"},
    tells_that_it_exists: {"guest", "grace", "eve", "staff"},
    forgets_the_parent: {"Eve"},
    lets_visitors_in: {"visitor", "suspended"},
    lets_guests_in: {"guest"},
    lets_members_in: {"ada", "grace", "eve"},
    breaks: {"visitor", "guest", "ada", "grace", "eve", "suspended", "staff"},
    keeps_everybody_out: {"ada", "grace", "eve", "staff"},
    is_right: set(),
}

_ids: dict[View, str] = {
    forgets_the_owner: "<uuid:chat_id>",
    asks_for_the_tenant_only: "<uuid:chat_id>",
    tells_that_it_exists: "<uuid:chat_id>",
    forgets_the_parent: "<uuid:chat_id>/<uuid:message_id>",
}

urlpatterns = [
    *(path(f"hole/{view.__name__}/{_ids.get(view, '')}", view) for view in FOUND_FOR),
    path("hole/states_nothing", states_nothing),
    path("", include("config.urls")),
]

handler400 = "config.middleware.bad_request"
handler403 = "config.middleware.permission_denied"
handler404 = "config.middleware.not_found"
handler500 = "config.middleware.server_error"
