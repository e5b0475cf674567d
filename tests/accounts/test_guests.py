"""Visitors become guests when they ask something, and only then."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

import pytest
from django.test import Client
from pytest_django import Settings

from accounts.models import Login, User

Browser = Callable[..., Client]


def _token(client: Client) -> str:
    found = re.search(r'name="csrfmiddlewaretoken" value="(\w+)"', client.get("/").content.decode())
    assert found
    return found[1]


def test_a_visitor_becomes_a_guest_with_the_pages_token(browser: Browser) -> None:
    client = browser(enforce_csrf_checks=True)
    response = client.post("/guest", headers={"X-CSRFToken": _token(client)})
    assert response.status_code == 204
    assert response.cookies["sessionid"]["httponly"]
    assert User.objects.get().is_guest


def test_asking_again_is_the_same_guest_and_the_page_keeps_its_token(browser: Browser) -> None:
    client = browser(enforce_csrf_checks=True)
    token = _token(client)
    for _time in range(3):
        assert client.post("/guest", headers={"X-CSRFToken": token}).status_code == 204
    assert (User.objects.count(), Login.objects.count()) == (1, 1)


def test_a_visitor_without_a_session_finds_their_guest_again(browser: Browser) -> None:
    client = browser()
    client.get("/")
    client.post("/guest")
    del client.cookies["sessionid"]
    client.post("/guest")
    assert (User.objects.count(), Login.objects.count()) == (1, 2)


def test_without_the_pages_token_nothing_happens(browser: Browser) -> None:
    client = browser(enforce_csrf_checks=True)
    client.get("/")
    response = client.post("/guest")
    assert (response.status_code, response.json()["error"]["code"]) == (403, "forbidden:csrf")
    assert not User.objects.exists()


@pytest.mark.parametrize("cookie", [None, "", "made-up", "00000000-0000-0000-0000-000000000000:x:y"])
def test_a_cookie_we_did_not_sign_is_nobody(browser: Browser, cookie: str | None) -> None:
    client = browser()
    if cookie is not None:
        client.cookies["visitor"] = cookie
    response = client.post("/guest")
    assert (response.status_code, response.json()["error"]["code"]) == (403, "forbidden:guest")
    assert not User.objects.exists()


def test_where_guests_are_not_allowed_there_are_none(browser: Browser, settings: Settings) -> None:
    client = browser()
    client.get("/")
    settings.ALLOW_GUESTS = False
    assert client.post("/guest").status_code == 403
    assert not User.objects.exists()


def test_guests_cannot_be_farmed_from_one_address(browser: Browser, settings: Settings) -> None:
    settings.RATE_LIMIT_GUESTS = "3/h"

    def enter(address: str) -> tuple[Client, Any]:
        client = browser()
        client.get("/")
        return client, client.post("/guest", REMOTE_ADDR=address)

    entered = [enter("203.0.113.1") for _number in range(4)]
    assert [response.status_code for _client, response in entered] == [204, 204, 204, 429]
    refused = entered[3][1]
    assert refused.json()["error"]["code"] == "rate_limited:guest"
    assert 0 < int(refused["Retry-After"]) <= 3600
    assert enter("203.0.113.2")[1].status_code == 204
    inside = entered[0][0]
    assert inside.post("/guest", REMOTE_ADDR="203.0.113.1").status_code == 204, "who is in stays in"


def test_a_member_does_not_become_a_guest(ada: User, browser: Browser) -> None:
    client = browser(ada)
    client.get("/")
    assert client.post("/guest").status_code == 204
    assert client.session["_auth_user_id"] == str(ada.pk)
    assert User.objects.count() == 1


def test_a_suspended_guest_stays_out(browser: Browser) -> None:
    client = browser()
    client.get("/")
    client.post("/guest")
    User.objects.update(is_active=False)
    assert client.post("/guest").status_code == 403
    assert User.objects.count() == 1


def test_nobody_becomes_a_guest_by_a_link(browser: Browser) -> None:
    client = browser()
    client.get("/")
    assert client.get("/guest").status_code == 405
    assert not User.objects.exists()


def test_guests_come_from_the_cookie_and_not_from_the_address(browser: Browser) -> None:
    first, second = browser(), browser()
    for client in (first, second):
        client.get("/")
        client.post("/guest")
    assert User.objects.count() == 2
