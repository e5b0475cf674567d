"""Logins begin and end here, whoever caused them: a form, a guest's first question, the admin."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from allauth.account.signals import password_changed, password_reset, password_set
from django.conf import settings
from django.contrib.auth import SESSION_KEY
from django.contrib.auth import login as django_login
from django.contrib.auth.signals import user_logged_in, user_logged_out
from django.core import signing
from django.db import IntegrityError, transaction
from django.dispatch import receiver
from django.http import HttpRequest, HttpResponse
from django.utils import timezone

from accounts import limits
from accounts.actors import EPOCH_KEY, LOGIN_KEY, Actor, from_session
from accounts.models import Login, User
from config.errors import Forbidden, RateLimited
from config.ids import uuid7

VISITOR_COOKIE = "visitor"
_VISITOR_AGE_S = 60 * 60 * 24 * 365


def remember_visitor(request: HttpRequest, response: HttpResponse) -> None:
    """Give a new visitor a signed id. No row stands behind it until they ask something."""
    if visitor_id(request) is None:
        response.set_signed_cookie(
            VISITOR_COOKIE,
            str(uuid7()),
            salt=VISITOR_COOKIE,
            max_age=_VISITOR_AGE_S,
            httponly=True,
            samesite="Lax",
            secure=settings.SESSION_COOKIE_SECURE,
        )


def visitor_id(request: HttpRequest) -> UUID | None:
    try:
        return UUID(request.get_signed_cookie(VISITOR_COOKIE, salt=VISITOR_COOKIE, max_age=_VISITOR_AGE_S))
    except (KeyError, ValueError, signing.BadSignature):
        return None


def enter_as_guest(request: HttpRequest) -> Actor:
    """Log the visitor in as a guest, the same one for the same visitor cookie.

    Raises Forbidden where guests are not allowed or the cookie is missing, RateLimited when farmed.
    """
    if actor := from_session(request.session):
        return actor
    visitor = visitor_id(request)
    if not settings.ALLOW_GUESTS or visitor is None:
        raise Forbidden("guest")
    guest = User.objects.filter(visitor=visitor, kind=User.Kind.GUEST).first()
    if guest is None:
        if wait := limits.hit("guests", settings.RATE_LIMIT_GUESTS, limits.source(request.META["REMOTE_ADDR"])):
            raise RateLimited("guest", details={"retry_after_s": wait})
        try:
            with transaction.atomic():
                guest = User.objects.create_guest(visitor)
        except IntegrityError:  # two tabs asked at once; the other one made the guest
            guest = User.objects.get(visitor=visitor)
    if not guest.is_active:
        raise Forbidden("guest")
    _login_keeping_token(request, guest)
    actor = from_session(request.session)
    if actor is None:
        raise Forbidden("guest")
    return actor


def end(login_id: UUID | str) -> None:
    """Whoever holds this login has lost it within a second."""
    Login.objects.filter(id=login_id, ended_at=None).update(ended_at=timezone.now())


def _login_keeping_token(request: HttpRequest, guest: User) -> None:
    """Log in without a new CSRF token: a guest gains nothing, and the pages that are open hold the old one."""
    token = request.META.get("CSRF_COOKIE")
    django_login(request, guest, backend=settings.AUTHENTICATION_BACKENDS[0])
    if token:
        request.META.update(CSRF_COOKIE=token, CSRF_COOKIE_NEEDS_UPDATE=False)


@receiver(user_logged_in)
def _begin(sender: Any, request: HttpRequest, user: User, **kwargs: Any) -> None:
    """A session that already has a login of this person keeps it: a guest who signs up stays connected."""
    session = request.session
    known = session.get(LOGIN_KEY)
    if not (known and Login.objects.filter(id=known, user=user, ended_at=None).exists()):
        device = request.headers.get("User-Agent", "")[:200]
        session[LOGIN_KEY] = str(Login.objects.create(user=user, device=device).id)
    session[EPOCH_KEY] = user.auth_epoch


@receiver(user_logged_out)
def _end(sender: Any, request: HttpRequest, user: User | None, **kwargs: Any) -> None:
    if login_id := request.session.get(LOGIN_KEY):
        end(login_id)


@receiver(password_changed)
@receiver(password_set)
@receiver(password_reset)
def _end_elsewhere(sender: Any, request: HttpRequest, user: User, **kwargs: Any) -> None:
    """A new password ends every login but the one it was typed in."""
    user.end_all_logins()
    if request.session.get(SESSION_KEY) == str(user.pk):
        request.session[EPOCH_KEY] = user.auth_epoch
