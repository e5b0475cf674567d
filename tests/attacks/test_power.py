"""Nobody gets more power than was given to them, and a stolen login does not outlive a new password."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from django.contrib.auth.models import Group, Permission
from django.core.management import call_command
from django.test import Client

from accounts import actors, limits
from accounts.models import Membership, User
from tests import cast
from tests.cast import PASSWORD

Browser = Callable[..., Client]


def give(user: User, *codenames: str) -> None:
    user.user_permissions.add(*Permission.objects.filter(codename__in=codenames))


def test_staff_gives_their_own_group_no_power(staff: User, browser: Browser) -> None:
    group = Group.objects.create(name="support")
    staff.groups.add(group)
    give(staff, "view_group", "change_group", "add_group", "delete_group")
    everything = [permission.pk for permission in Permission.objects.all()]
    client = browser(staff)
    client.post(f"/admin/auth/group/{group.pk}/change/", {"name": "support", "permissions": everything})
    client.post("/admin/auth/group/add/", {"name": "mine", "permissions": everything})
    client.post(f"/admin/auth/group/{group.pk}/delete/", {"post": "yes"})
    assert group.permissions.count() == 0
    assert Group.objects.get() == group
    assert client.get(f"/admin/auth/group/{group.pk}/change/").status_code == 200, "may be looked at"


def test_a_superuser_makes_groups(browser: Browser) -> None:
    root = cast.member("root@example.org", is_staff=True, is_superuser=True)
    assert browser(root).post("/admin/auth/group/add/", {"name": "support"}).status_code == 302
    assert Group.objects.get().name == "support"


@pytest.mark.parametrize(
    ("page", "lookup"),
    [
        ("accounts/user", "password__startswith=scrypt"),
        ("accounts/user", "password__regex=(a%2B)%2B%24"),
        ("accounts/user", "kind__regex=(a%2B)%2B%24"),
        ("accounts/user", "visitor__isnull=0"),
        ("accounts/login", "user__password__startswith=scrypt"),
        ("account/emailaddress", "user__password__startswith=scrypt"),
        ("chat/chat", "owner__password__startswith=scrypt"),
        ("chat/chat", "messages__parts__contains=secret"),
        ("chat/run", "owner__password__startswith=scrypt"),
        ("chat/run", "message__parts__icontains=secret"),
    ],
)
def test_a_column_that_nobody_sees_is_not_told_letter_by_letter(
    page: str, lookup: str, staff: User, browser: Browser
) -> None:
    give(staff, "view_user", "view_login", "view_emailaddress", "view_chat", "view_run")
    assert browser(staff, raise_request_exception=False).get(f"/admin/{page}/?{lookup}").status_code in (400, 404)


@pytest.mark.parametrize("lookup", ["kind__exact=guest", "is_active__exact=1", "q=ada", "id__exact="])
def test_what_a_list_offers_is_found(lookup: str, staff: User, browser: Browser) -> None:
    give(staff, "view_user")
    found = browser(staff).get(f"/admin/accounts/user/?{lookup}{staff.pk if lookup.startswith('id') else ''}")
    assert found.status_code == 200


def test_a_membership_in_a_tenant_shows_nobody_its_chats(staff: User, ada: User, browser: Browser) -> None:
    Membership.objects.create(user=staff, tenant=ada.home, role=Membership.Role.OWNER)
    chat = cast.make_chat(owner=ada)
    assert browser(staff).get(f"/chat/{chat.pk}").status_code == 404


def test_the_admin_is_no_second_place_for_a_new_password(staff: User, browser: Browser) -> None:
    client = browser(staff)
    new = "another horse battery staple"
    form = {"old_password": PASSWORD, "new_password1": new, "new_password2": new}
    for answer in (client.get("/admin/password_change/"), client.post("/admin/password_change/", form)):
        assert (answer.status_code, answer["Location"]) == (302, "/accounts/password/change/")
    staff.refresh_from_db()
    assert staff.check_password(PASSWORD)


def test_a_password_set_on_the_command_line_ends_every_login(
    ada: User, browser: Browser, monkeypatch: pytest.MonkeyPatch
) -> None:
    thief = browser(ada)
    assert actors.from_session(thief.session) is not None
    monkeypatch.setattr("getpass.getpass", lambda prompt: "another horse battery staple")
    call_command("changepassword", "ada@example.org", verbosity=0)
    assert actors.from_session(thief.session) is None
    assert thief.get("/sidebar").status_code == 302


def test_logging_in_ends_no_other_login(ada: User, browser: Browser) -> None:
    """Though Django may hash the password anew then, and saves it."""
    here = browser(ada)
    browser().post("/accounts/login/", {"login": "ada@example.org", "password": PASSWORD})
    assert actors.from_session(here.session) is not None


@pytest.mark.parametrize(
    ("one", "other", "same"),
    [
        ("2001:db8:1:2::1", "2001:db8:1:2:ffff::9", True),
        ("2001:db8:1:2::1", "2001:db8:1:3::1", False),
        ("::ffff:203.0.113.1", "203.0.113.1", True),
        ("::ffff:203.0.113.1", "::ffff:203.0.113.2", False),
        ("203.0.113.1", "203.0.113.2", False),
        ("", "", True),
        ("unknown", "x" * 5000, False),
    ],
)
def test_who_has_a_network_counts_as_one(one: str, other: str, same: bool) -> None:
    assert (limits.source(one) == limits.source(other)) is same
    assert len(limits.source(other)) <= 100


def test_guests_cannot_be_farmed_from_one_network(browser: Browser, settings: object) -> None:
    settings.RATE_LIMIT_GUESTS = "3/h"  # type: ignore[attr-defined]  # pytest-django's wrapper

    def enter(address: str) -> int:
        client = browser()
        client.get("/")
        return client.post("/guest", REMOTE_ADDR=address).status_code

    assert [enter(f"2001:db8::{number}") for number in range(1, 5)] == [204, 204, 204, 429]
    assert enter("2001:db8:0:1::1") == 204
