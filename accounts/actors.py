"""Who acts. One value, built in one place for pages, sockets and programs.

An Actor is what rights are asked of: `Chat.objects.visible_to(actor)`. It exists only while the person
is active, their tenant is active, and the login it came from has not ended.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from importlib import import_module
from typing import Any
from uuid import UUID

from django.conf import settings
from django.contrib.auth import SESSION_KEY

from accounts.models import Login, User

Kind = User.Kind
LOGIN_KEY = "login"  # where a session keeps the id of its login
EPOCH_KEY = "auth_epoch"


@dataclass(frozen=True, slots=True)
class Actor:
    id: UUID
    kind: Kind
    tenant_id: UUID
    login_id: UUID
    auth_epoch: int
    account_id: UUID
    is_staff: bool = False


def from_session(session: Mapping[str, Any]) -> Actor | None:
    """The actor a session stands for, or None when nobody is logged in or the login has ended. One query."""
    login_id, epoch, user_id = session.get(LOGIN_KEY), session.get(EPOCH_KEY), session.get(SESSION_KEY)
    if not login_id or not user_id or epoch is None:
        return None
    row = (
        Login.objects.filter(
            id=login_id,
            ended_at=None,
            user_id=user_id,
            user__is_active=True,
            user__auth_epoch=epoch,
            user__home__active=True,
        )
        .values_list("user_id", "user__kind", "user__home_id", "user__account", "user__is_staff")
        .first()
    )
    if row is None:
        return None
    owner_id, kind, tenant_id, account_id, is_staff = row
    return Actor(owner_id, Kind(kind), tenant_id, UUID(str(login_id)), int(epoch), account_id, is_staff)


def from_session_key(session_key: str | None) -> Actor | None:
    """As `from_session`, for a socket's cookie. Two queries."""
    if not session_key or "\0" in session_key:
        return None
    store = import_module(settings.SESSION_ENGINE).SessionStore(session_key)
    return from_session(store)


def ended(actors: Iterable[Actor]) -> set[Actor]:
    """Those of `actors` whose login does not hold any more. One query for all of them."""
    actors = set(actors)
    alive = set(
        Login.objects.filter(
            id__in={a.login_id for a in actors}, ended_at=None, user__is_active=True, user__home__active=True
        ).values_list("id", "user__auth_epoch", "user_id")
    )
    return {a for a in actors if (a.login_id, a.auth_epoch, a.id) not in alive}
