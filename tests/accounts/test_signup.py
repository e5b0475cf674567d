"""Signing up, logging in and out: what moves, what stays, and what nobody learns."""

from __future__ import annotations

import logging
import re
from collections.abc import Callable
from typing import Any
from unittest import mock
from urllib.parse import unquote, urlsplit

import pytest
from django.contrib.auth.hashers import ScryptPasswordHasher
from django.core import mail
from django.test import Client
from pytest_django import Settings

from accounts import actors, registry
from accounts.models import Login, User
from chat.models import Chat, Message, Run
from tests import cast
from tests.cast import PASSWORD

Browser = Callable[..., Client]
NEW = {"email": "New@Example.org", "password1": PASSWORD}


def _guest(client: Client) -> User:
    """The visitor of this browser as a guest with a chat whose answer is being written."""
    client.get("/")
    assert client.post("/guest").status_code == 204
    user = User.objects.get(pk=client.session["_auth_user_id"])
    cast.make_chat(owner=user, title="as a guest", status=Run.Status.STREAMING)
    return user


def _log_in(client: Client, email: str = "ada@example.org", password: str = PASSWORD) -> Any:
    return client.post("/accounts/login/", {"login": email, "password": password})


def _actor(client: Client) -> actors.Actor | None:
    return actors.from_session(client.session)


# --- Signing up ------------------------------------------------------------------------------------------


def test_a_guest_who_signs_up_is_the_same_person_on_the_same_login(browser: Browser) -> None:
    client = browser()
    guest = _guest(client)
    login, chat = client.session["login"], Chat.objects.get()
    response = client.post("/accounts/signup/", NEW)
    assert (response.status_code, response["Location"]) == (302, "/")
    member = User.objects.get()
    assert (member.pk, member.kind, member.email, member.home_id) == (
        guest.pk,
        "member",
        "new@example.org",
        guest.home_id,
    )
    assert client.session["login"] == login, "sockets hold on to it"
    assert Login.objects.get().ended_at is None
    assert client.get(f"/chat/{chat.id}").status_code == 200
    assert "as a guest" in client.get("/").content.decode()


def test_the_old_visitor_cookie_does_not_open_the_account(browser: Browser) -> None:
    client, thief = browser(), browser()
    guest = _guest(client)
    thief.cookies["visitor"] = client.cookies["visitor"].value
    client.post("/accounts/signup/", NEW)
    assert thief.post("/guest").status_code == 204
    assert thief.session["_auth_user_id"] != str(guest.pk)


def test_a_visitor_signs_up_without_having_been_a_guest(browser: Browser) -> None:
    client = browser()
    client.post("/accounts/signup/", NEW)
    actor = _actor(client)
    assert actor is not None and actor.kind == "member"


@pytest.mark.parametrize(
    ("form", "words"),
    [
        ({"email": "no address", "password1": PASSWORD}, "valid email"),
        ({"email": "new@example.org", "password1": "short"}, "too short"),
        ({"email": "new@example.org", "password1": "password"}, "too common"),
        ({"email": "new@example.org"}, "required"),
    ],
)
def test_what_is_wrong_with_a_sign_up_is_said_and_the_guest_stays_one(
    browser: Browser, form: dict[str, str], words: str
) -> None:
    client = browser()
    _guest(client)
    response = client.post("/accounts/signup/", form)
    assert response.status_code == 200
    assert words in response.content.decode()
    assert User.objects.get().is_guest


def test_nobody_signs_up_with_somebodys_address(ada: User, browser: Browser) -> None:
    client = browser()
    _guest(client)
    client.post("/accounts/signup/", {"email": "ADA@example.org", "password1": PASSWORD})
    actor = _actor(client)
    assert actor is not None and actor.kind == "guest"
    assert User.objects.filter(email="ada@example.org").get().pk == ada.pk


def test_sign_up_can_be_switched_off(browser: Browser, settings: Settings) -> None:
    settings.ALLOW_SIGNUP = False
    client = browser()
    client.post("/accounts/signup/", NEW)
    assert not User.objects.exists()
    assert client.get("/accounts/signup/").status_code == 200


def test_a_form_cannot_make_staff(browser: Browser) -> None:
    browser().post(
        "/accounts/signup/",
        NEW | {"is_staff": "1", "is_superuser": "1", "kind": "guest", "home": "x", "auth_epoch": "7"},
    )
    user = User.objects.get()
    assert (user.is_staff, user.is_superuser, user.kind, user.auth_epoch) == (False, False, "member", 0)


@pytest.fixture
def confirmed_first(settings: Settings) -> None:
    """A server with mail: an address counts once it is confirmed."""
    settings.ACCOUNT_EMAIL_VERIFICATION = "mandatory"


@pytest.mark.usefixtures("confirmed_first")
def test_until_the_address_is_confirmed_a_guest_stays_a_guest_and_then_brings_everything_along(
    browser: Browser,
) -> None:
    client = browser()
    guest = _guest(client)
    assert client.post("/accounts/signup/", NEW).status_code == 302
    actor = _actor(client)
    assert actor is not None and (actor.id, actor.kind) == (guest.pk, "guest")
    link = re.search(r"https?://\S+/accounts/confirm-email/\S+", str(mail.outbox[0].body))
    assert link
    client.get(urlsplit(link[0]).path)
    client.post(urlsplit(link[0]).path)
    _log_in(client, NEW["email"])
    member = User.objects.get(email="new@example.org")
    assert Chat.objects.get().owner == Run.objects.get().owner == member
    assert client.get(f"/chat/{Chat.objects.get().id}").status_code == 200


@pytest.mark.usefixtures("confirmed_first")
def test_sign_up_does_not_tell_who_has_an_account(ada: User, browser: Browser, monkeypatch: pytest.MonkeyPatch) -> None:
    hashed = _count_hashes(monkeypatch)
    seen = []
    for email in ("ada@example.org", "new@example.org"):
        client = browser()
        _guest(client)
        before = len(hashed)
        response = client.post("/accounts/signup/", {"email": email, "password1": PASSWORD})
        actor = _actor(client)
        assert actor is not None
        seen.append((response.status_code, response["Location"], actor.kind, len(hashed) - before, len(mail.outbox)))
        mail.outbox.clear()
    assert seen[0] == seen[1]


# --- Logging in ------------------------------------------------------------------------------------------


def test_a_guest_who_logs_in_brings_their_chats_along(ada: User, browser: Browser) -> None:
    client = browser()
    guest = _guest(client)
    Chat.objects.create(tenant=ada.home, owner=ada, title="already there")
    assert _log_in(client).status_code == 302
    assert {chat.title for chat in Chat.objects.filter(owner=ada, tenant=ada.home)} == {"as a guest", "already there"}
    run = Run.objects.get()
    assert (run.owner, run.tenant, run.status) == (ada, ada.home, "streaming")
    assert client.get(f"/chat/{Chat.objects.get(title='as a guest').id}").status_code == 200
    guest.refresh_from_db()
    assert (guest.is_active, guest.visitor) == (False, None)
    assert not Chat.objects.filter(owner=guest).exists()


def test_the_guest_of_another_browser_keeps_their_chats(ada: User, browser: Browser) -> None:
    here, elsewhere = browser(), browser()
    _guest(here)
    other = _guest(elsewhere)
    _log_in(here)
    assert Chat.objects.get(owner=other)
    assert elsewhere.get(f"/chat/{Chat.objects.get(owner=other).id}").status_code == 200


def test_a_login_that_fails_moves_nothing(ada: User, browser: Browser) -> None:
    client = browser()
    guest = _guest(client)
    assert _log_in(client, password="wrong").status_code == 200
    assert Chat.objects.get().owner == guest
    assert client.get("/").context["person"].kind == "guest"


def test_a_guest_whose_login_has_ended_brings_nothing(ada: User, browser: Browser) -> None:
    client = browser()
    guest = _guest(client)
    guest.end_all_logins()
    _log_in(client)
    assert Chat.objects.get().owner == guest


def test_a_members_chats_stay_when_somebody_else_logs_in_after_them(ada: User, eve: User, browser: Browser) -> None:
    client = browser(eve)
    chat = cast.make_chat(owner=eve)
    _log_in(client)
    chat.refresh_from_db()
    assert chat.owner == eve
    assert client.session["_auth_user_id"] == str(ada.pk)
    assert Login.objects.get(user=eve).ended_at is not None
    assert client.get(f"/chat/{chat.id}").status_code == 404


def test_a_merge_is_whole_or_not_at_all(ada: User, browser: Browser, monkeypatch: pytest.MonkeyPatch) -> None:
    def break_off(guest: User, member: User) -> None:
        raise RuntimeError("broke off")

    client = browser(raise_request_exception=False)
    guest = _guest(client)
    monkeypatch.setattr("accounts.registry._merges", [*registry._merges, break_off])
    assert _log_in(client).status_code == 500
    guest.refresh_from_db()
    assert guest.is_active
    assert Chat.objects.get().owner == guest


def test_after_logging_out_the_visitor_is_a_new_guest(ada: User, browser: Browser) -> None:
    client = browser()
    guest = _guest(client)
    _log_in(client)
    client.post("/accounts/logout/")
    assert client.post("/guest").status_code == 204
    assert client.session["_auth_user_id"] not in {str(guest.pk), str(ada.pk)}
    assert client.get("/").context["chat_groups"] == ()


@pytest.mark.parametrize("before", ["visitor", "guest"])
def test_a_session_that_somebody_planted_is_not_the_one_that_is_logged_in(
    ada: User, browser: Browser, before: str
) -> None:
    client = browser()
    _guest(client) if before == "guest" else client.get("/")
    client.post("/i18n/setlang/", {"language": "de"})
    planted = client.cookies["sessionid"].value if "sessionid" in client.cookies else ""
    _log_in(client)
    assert client.cookies["sessionid"].value != planted
    if planted:
        thief = browser()
        thief.cookies["sessionid"] = planted
        assert _actor(thief) is None


def test_signing_up_changes_the_session_key_too(browser: Browser) -> None:
    client = browser()
    _guest(client)
    planted = client.cookies["sessionid"].value
    client.post("/accounts/signup/", NEW)
    assert client.cookies["sessionid"].value != planted
    thief = browser()
    thief.cookies["sessionid"] = planted
    assert _actor(thief) is None


def _count_hashes(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Each call of the slow part of every password check."""
    calls: list[str] = []
    encode = ScryptPasswordHasher.encode

    def counting(self: ScryptPasswordHasher, password: str, salt: str, *args: Any, **kwargs: Any) -> str:
        calls.append(salt)
        return encode(self, password, salt, *args, **kwargs)

    monkeypatch.setattr(ScryptPasswordHasher, "encode", counting)
    return calls


def test_a_wrong_password_and_an_unknown_address_look_and_last_the_same(
    ada: User, browser: Browser, monkeypatch: pytest.MonkeyPatch
) -> None:
    hashed = _count_hashes(monkeypatch)
    User.objects.create_user("keyless@example.org", password=None)
    seen = set()
    for email in ("ada@example.org", "nobody@example.org", "keyless@example.org"):
        client, before = browser(), len(hashed)
        response = _log_in(client, email, "wrong password")
        body = re.sub(r'value="[^"]*"|nonce="[^"]*"', "", response.content.decode())
        seen.add((response.status_code, body, len(hashed) - before, frozenset(client.cookies)))
    assert len(seen) == 1


def test_guessing_passwords_comes_to_an_end(ada: User, browser: Browser) -> None:
    client = browser()
    for number in range(12):
        _log_in(client, password=f"wrong {number}")
    _log_in(client)
    assert _actor(client) is None


def test_a_suspended_member_does_not_get_in(suspended: User, browser: Browser) -> None:
    client = browser()
    _log_in(client, suspended.email or "")
    assert _actor(client) is None


@pytest.mark.parametrize(
    "target", ["https://evil.example/", "//evil.example/", "/\\evil.example/", "javascript:alert(1)"]
)
def test_logging_in_leads_nowhere_else(ada: User, browser: Browser, target: str) -> None:
    response = browser().post(
        f"/accounts/login/?next={target}", {"login": "ada@example.org", "password": PASSWORD, "next": target}
    )
    assert (response.status_code, response["Location"]) == (302, "/")


def test_logging_in_leads_back_to_the_chat(ada: User, browser: Browser) -> None:
    chat = cast.make_chat(owner=ada)
    client = browser()
    sent = client.get(f"/chat/{chat.id}")
    assert unquote(sent["Location"]) == f"/accounts/login/?next=/chat/{chat.id}"
    response = client.post(
        sent["Location"], {"login": "ada@example.org", "password": PASSWORD, "next": f"/chat/{chat.id}"}
    )
    assert response["Location"] == f"/chat/{chat.id}"


def test_a_password_is_in_no_log(
    browser: Browser, caplog: pytest.LogCaptureFixture, capfd: pytest.CaptureFixture[str]
) -> None:
    caplog.set_level(logging.DEBUG)
    secret = "a password nobody may see"
    client = browser(raise_request_exception=False)
    client.post("/accounts/signup/", {"email": "new@example.org", "password1": secret})
    _log_in(client, "new@example.org", secret)
    _log_in(client, "new@example.org", secret + "!")
    with mock.patch("accounts.registry.merge", side_effect=RuntimeError):
        _guest(browser())
        _log_in(client, "new@example.org", secret)
    assert secret not in caplog.text
    assert secret not in "".join(capfd.readouterr())


# --- Logging out, new passwords --------------------------------------------------------------------------


def test_logging_out_ends_the_login(ada: User, browser: Browser) -> None:
    client = browser()
    _log_in(client)
    stolen = client.cookies["sessionid"].value
    assert client.post("/accounts/logout/")["Location"] == "/"
    assert Login.objects.get().ended_at is not None
    thief = browser()
    thief.cookies["sessionid"] = stolen
    assert _actor(thief) is None


def test_a_guest_cannot_lose_everything_by_logging_out(browser: Browser) -> None:
    client = browser()
    guest = _guest(client)
    client.post("/accounts/logout/")
    actor = _actor(client)
    assert actor is not None and actor.id == guest.pk


def test_a_link_does_not_log_anybody_out(ada: User, browser: Browser) -> None:
    client = browser(ada)
    client.get("/accounts/logout/")
    assert _actor(client) is not None


def test_a_new_password_ends_every_other_login(ada: User, browser: Browser) -> None:
    here, elsewhere = browser(), browser()
    _log_in(here)
    _log_in(elsewhere)
    new = "another horse battery staple"
    here.post("/accounts/password/change/", {"oldpassword": PASSWORD, "password1": new, "password2": new})
    assert _actor(here) is not None
    assert _actor(elsewhere) is None
    assert here.get("/").context["person"].kind == "member"


def test_a_forgotten_password_is_reset_by_mail_and_ends_every_login(ada: User, browser: Browser) -> None:
    thief, client = browser(), browser()
    _log_in(thief)
    client.post("/accounts/password/reset/", {"email": "ada@example.org"})
    link = re.search(r"https?://\S+/accounts/password/reset/key/\S+", str(mail.outbox[0].body))
    assert link
    form = client.get(urlsplit(link[0]).path, follow=True)
    new = "another horse battery staple"
    client.post(form.request["PATH_INFO"], {"password1": new, "password2": new})
    assert _actor(thief) is None
    assert _log_in(client, password=new).status_code == 302
    assert _actor(client) is not None


def test_messages_of_a_moved_chat_are_the_members(ada: User, browser: Browser) -> None:
    client = browser()
    _guest(client)
    _log_in(client)
    assert Message.objects.filter(chat__owner=ada).count() == 2
