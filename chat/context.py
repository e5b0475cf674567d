"""What every page knows: who reads it, in which language, time and colours, and their list of chats."""

from __future__ import annotations

import zoneinfo
from dataclasses import dataclass
from datetime import UTC, tzinfo
from functools import cache, partial
from typing import Any, Final
from uuid import UUID

from django.conf import settings
from django.conf.locale import LANG_INFO
from django.http import HttpRequest
from django.utils import timezone
from django.utils.functional import SimpleLazyObject
from django.utils.text import capfirst

from accounts.actors import Actor
from billing import quotas
from chat import history, pickers
from config import errors

# Preferences are cookies that the browser writes, so that the first paint is already right.
THEMES: Final = ("light", "dark")
SIDEBARS: Final = ("open", "rail")
# What may end an answer, by reason, for the script that hears of it as it happens.
RUN_ERRORS: Final = tuple(
    (kind.reason, kind.default_message)
    for kind in errors.family()
    if kind is errors.AppError or issubclass(kind, errors.ProviderError)
)


@dataclass(frozen=True, slots=True)
class Person:
    """Who I am, at the foot of the sidebar. `name` is "" for a guest."""

    kind: str
    name: str
    is_staff: bool


def page(request: HttpRequest) -> dict[str, Any]:
    """Context of every template. What costs a query is read when a template asks for it."""
    chats = SimpleLazyObject(partial(chats_of, request))
    return {
        "person": person(request),
        "theme": _chosen(request, "theme", THEMES, ""),
        "sidebar_state": _chosen(request, "sidebar", SIDEBARS, "open"),
        "languages": _languages(),
        "run_errors": RUN_ERRORS,
        "allow_guests": settings.ALLOW_GUESTS,
        "allow_signup": settings.ALLOW_SIGNUP,
        "demo_only": SimpleLazyObject(pickers.demo_only),
        "today": SimpleLazyObject(partial(today, request)),
        "synthesis_models": SimpleLazyObject(pickers.writers),
        "chat_groups": SimpleLazyObject(lambda: chats.groups),
        "chat_next": SimpleLazyObject(lambda: chats.next),
    }


def actor_of(request: HttpRequest) -> Actor | None:
    """Who acts in this request. None also where the middleware has not come to say."""
    actor: Actor | None = getattr(request, "actor", None)
    return actor


def person(request: HttpRequest) -> Person | SimpleLazyObject | None:
    actor = actor_of(request)
    if actor is None:
        return None
    if actor.kind == "guest":
        return Person("guest", "", is_staff=False)
    return SimpleLazyObject(lambda: Person("member", request.user.name or str(request.user), actor.is_staff))  # type: ignore[union-attr]  # an actor has a user


def chats_of(request: HttpRequest, *, after: str = "", current: UUID | None = None, words: str = "") -> history.History:
    """A page of the reader's list of chats, in their days. One query."""
    return history.read(
        actor_of(request), now=timezone.now(), zone=zone(request), after=after, current=current, words=words
    )


def today(request: HttpRequest) -> quotas.Standing | None:
    """What the reader has used of today's answers. Two queries."""
    actor = actor_of(request)
    return quotas.standing(actor) if actor else None


def zone(request: HttpRequest) -> tzinfo:
    """The reader's time zone, as their browser named it; UTC when it named none that exists."""
    name = request.COOKIES.get("tz", "").replace("%2F", "/")
    return zoneinfo.ZoneInfo(name) if name in _zones() else UTC


@cache
def _zones() -> frozenset[str]:
    """Looked up rather than tried: a name is a path below the zone files, and some paths are directories."""
    return frozenset(zoneinfo.available_timezones())


@cache
def _languages() -> tuple[tuple[str, str], ...]:
    return tuple((code, capfirst(LANG_INFO[code]["name_local"])) for code, _name in settings.LANGUAGES)


def _chosen(request: HttpRequest, cookie: str, allowed: tuple[str, ...], default: str) -> str:
    value = request.COOKIES.get(cookie, "")
    return value if value in allowed else default
