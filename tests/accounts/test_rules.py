"""Nothing is reachable without a stated rule: the checks find what has none, and `allow` turns people away."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest
from django.contrib import admin
from django.core.checks import run_checks
from django.core.management import CommandError, call_command
from django.http import HttpRequest, HttpResponse
from django.test import Client
from pytest_django import Settings

from accounts import checks, rules
from accounts.models import Membership, User
from accounts.rules import Rule, Who
from tests.accounts import holes

Browser = Callable[..., Client]


@pytest.fixture
def unruled_admin() -> Iterator[None]:
    """An admin page that says nothing about staff."""
    admin.site.register(Membership, admin.ModelAdmin)
    yield
    admin.site.unregister(Membership)


def test_everything_here_states_its_rule() -> None:
    assert [str(message) for message in run_checks() if message.id and message.id.startswith("accounts.")] == []


@pytest.mark.urls(holes.__name__)
def test_a_url_without_a_rule_is_an_error() -> None:
    assert ["hole/states_nothing" in error.msg for error in checks.every_url_has_a_rule(None)] == [True]


@pytest.mark.usefixtures("unruled_admin")
def test_an_admin_page_without_a_rule_is_an_error() -> None:
    [error] = checks.every_admin_page_has_a_rule(None)
    assert (error.id, "Membership" in error.msg) == ("accounts.E002", True)


@pytest.mark.usefixtures("unruled_admin")
def test_a_server_with_a_hole_does_not_start() -> None:
    with pytest.raises(CommandError, match=r"accounts\.E002"):
        call_command("check")


def test_the_longest_declared_prefix_wins(settings: Settings) -> None:
    def view() -> None: ...

    assert rules.rule_of("admin/auth/group/", view) == Rule(Who.STAFF)
    assert rules.rule_of("accounts/login/", view) == Rule(Who.ANYONE)
    assert rules.rule_of("adminer/", view) is None


def test_a_views_own_rule_goes_before_a_declared_one() -> None:
    @rules.allow(Who.MEMBER)
    def view(request: HttpRequest) -> HttpResponse:
        return HttpResponse()

    assert rules.rule_of("admin/special/", view) == Rule(Who.MEMBER)


@pytest.mark.urls(holes.__name__)
def test_a_page_sends_a_visitor_to_log_in_and_back(browser: Browser) -> None:
    answer = browser().get("/hole/is_right/", headers={"Accept": "text/html"})
    assert (answer.status_code, answer["Location"]) == (302, "/accounts/login/?next=%2Fhole%2Fis_right%2F")


@pytest.mark.urls(holes.__name__)
@pytest.mark.parametrize("method", ["get", "post"])
def test_a_program_without_a_login_gets_401(method: str, browser: Browser) -> None:
    answer = getattr(browser(), method)("/hole/is_right/", headers={"Accept": "application/json"})
    assert (answer.status_code, answer.json()["error"]["code"]) == (401, "unauthorized:page")


@pytest.mark.urls(holes.__name__)
def test_a_guest_is_told_that_a_page_is_for_members(guest: User, browser: Browser) -> None:
    answer = browser(guest).get("/hole/keeps_everybody_out/", headers={"Accept": "application/json"})
    assert (answer.status_code, answer.json()["error"]["code"]) == (403, "forbidden:page")


@pytest.mark.urls(holes.__name__)
def test_whoever_is_suspended_is_a_visitor_at_the_next_click(ada: User, browser: Browser) -> None:
    client = browser(ada)
    assert client.get("/hole/is_right/").status_code == 200
    User.objects.filter(pk=ada.pk).update(is_active=False)
    assert client.get("/hole/is_right/").status_code == 302
    assert "_auth_user_id" not in client.session
