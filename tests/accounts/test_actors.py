"""Who acts: the Actor exists only while person, tenant and login hold."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from django.test import Client
from django.utils import timezone

from accounts import actors
from accounts.actors import Actor
from accounts.models import Login, User

Browser = Callable[..., Client]


def _session_actor(client: Client) -> Actor | None:
    return actors.from_session(client.session)


def test_a_login_makes_an_actor_of_the_persons_own_tenant(ada: User, browser: Browser) -> None:
    actor = _session_actor(browser(ada))
    assert actor is not None
    assert (actor.id, actor.kind, actor.tenant_id) == (ada.id, "member", ada.home_id)


def test_a_guest_is_an_actor_too(guest: User, browser: Browser) -> None:
    actor = _session_actor(browser(guest))
    assert actor is not None
    assert actor.kind == "guest"


def test_a_visitor_is_nobody(browser: Browser) -> None:
    assert _session_actor(browser()) is None


@pytest.mark.parametrize(
    "event",
    ["suspended", "tenant switched off", "login ended", "logged out everywhere"],
)
def test_the_actor_is_gone_at_once_when(event: str, ada: User, browser: Browser) -> None:
    client = browser(ada)
    before = _session_actor(client)
    assert before is not None
    match event:
        case "suspended":
            User.objects.filter(pk=ada.pk).update(is_active=False)
        case "tenant switched off":
            ada.home.active = False
            ada.home.save()
        case "login ended":
            Login.objects.filter(user=ada).update(ended_at=timezone.now())
        case "logged out everywhere":
            ada.end_all_logins()
    assert _session_actor(client) is None
    assert actors.ended([before]) == {before}


def test_a_living_login_has_not_ended(ada: User, eve: User, actor_of: Callable[[User], Actor]) -> None:
    alive, gone = actor_of(ada), actor_of(eve)
    Login.objects.filter(user=eve).update(ended_at=timezone.now())
    assert actors.ended([alive, gone]) == {gone}


def test_a_session_cannot_borrow_another_persons_login(ada: User, eve: User, browser: Browser) -> None:
    client = browser(eve)
    session = client.session
    session[actors.LOGIN_KEY] = str(Login.objects.create(user=ada).id)
    session.save()
    assert _session_actor(client) is None


def test_logging_out_ends_only_this_browsers_login(ada: User, browser: Browser) -> None:
    here, there = browser(ada), browser(ada)
    here.logout()
    assert _session_actor(here) is None
    assert _session_actor(there) is not None


def test_naming_the_actor_costs_one_query(
    ada: User, browser: Browser, django_assert_num_queries: Callable[..., object]
) -> None:
    session = dict(browser(ada).session)
    with django_assert_num_queries(1):  # type: ignore[attr-defined]  # a context manager of pytest-django
        assert actors.from_session(session) is not None


def test_a_session_key_from_a_socket_names_the_same_actor(ada: User, browser: Browser) -> None:
    client = browser(ada)
    assert actors.from_session_key(client.session.session_key) == _session_actor(client)
    assert actors.from_session_key(None) is None
    assert actors.from_session_key("no-such-session") is None
