"""`manage.py seed`: a demo database that may be filled again and again."""

from __future__ import annotations

import json
from io import StringIO

import pytest
from allauth.account.models import EmailAddress
from django.core.management import CommandError, call_command
from django.test import Client
from pytest_django import Settings

from accounts.models import Login, User
from chat.models import Chat, Message, Run

pytestmark = pytest.mark.django_db


def seed() -> dict[str, str | None]:
    out = StringIO()
    call_command("seed", "--json", stdout=out)
    access: dict[str, str | None] = json.loads(out.getvalue())
    return access


def test_it_prints_how_to_get_in() -> None:
    access = seed()
    member = User.objects.get(email=access["email"])
    assert set(access) == {"email", "password", "tenant", "api_key"}
    assert access["tenant"] == str(member.home_id)


def test_the_demo_member_is_an_ordinary_one_with_a_confirmed_address() -> None:
    member = User.objects.get(email=seed()["email"])
    assert (member.kind, member.is_active, member.is_staff, member.is_superuser) == ("member", True, False, False)
    address = EmailAddress.objects.get(user=member)
    assert (address.email, address.verified, address.primary) == (member.email, True, True)


def test_the_printed_password_opens_the_door_each_time(client: Client) -> None:
    for _ in range(2):
        access = seed()
        browser = Client()
        answer = browser.post("/accounts/login/", {"login": access["email"], "password": access["password"]})
        assert answer.status_code == 302
    assert Login.objects.count() == 2


def test_a_second_time_adds_nothing() -> None:
    def everything() -> list[int]:
        return [model.objects.count() for model in (User, EmailAddress, Chat, Message, Run)]

    seed()
    once = everything()
    seed()
    assert everything() == once
    assert Chat.objects.count() >= 3


def test_what_the_demo_member_changed_stays() -> None:
    seed()
    Chat.objects.filter(title="First steps").update(title="Mine")
    seed()
    assert Chat.objects.filter(title="Mine").exists()
    assert not Chat.objects.filter(title="First steps").exists()


def test_a_suspended_demo_member_can_be_brought_back() -> None:
    email = seed()["email"]
    User.objects.filter(email=email).update(is_active=False)
    seed()
    assert User.objects.get(email=email).is_active


def test_there_is_a_comparison_to_look_at_and_every_page_opens() -> None:
    access = seed()
    browser = Client()
    browser.force_login(User.objects.get(email=access["email"]))
    assert max(Message.objects.filter(role="assistant").values_list("position", flat=True)) == 1
    for chat in Chat.objects.all():
        page = browser.get(f"/chat/{chat.pk}")
        assert page.status_code == 200
        assert chat.title in page.content.decode()


def test_nothing_is_running_and_every_answer_has_its_run() -> None:
    seed()
    assert not Run.objects.active().exists()
    assert Run.objects.count() == Message.objects.filter(role="assistant").count()


def test_it_refuses_in_production(settings: Settings) -> None:
    settings.PRODUCTION = True
    with pytest.raises(CommandError, match="production"):
        seed()
    assert not User.objects.exists()
