"""The admin: staff do what is stated and permitted, nothing is a way to power, names are attacker input."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from django.contrib import admin
from django.contrib.auth.models import Group, Permission
from django.db.models import Model
from django.test import Client

from accounts.admin import RuledAdmin
from accounts.models import Login, User
from tests import cast

Browser = Callable[..., Client]
MODELS = sorted(admin.site._registry, key=lambda model: model._meta.label)
NAMES = [model._meta.label for model in MODELS]
HOSTILE = "<script>alert(1)</script><img src=x onerror=alert(2)>"


@pytest.fixture
def root(db: None) -> User:
    return cast.member("root@example.org", is_staff=True, is_superuser=True)


def give(user: User, *codenames: str) -> None:
    permissions = Permission.objects.filter(codename__in=codenames)
    assert len(permissions) == len(codenames)
    user.user_permissions.add(*permissions)


def url(model: type[Model], page: str) -> str:
    return f"/admin/{model._meta.app_label}/{model._meta.model_name}/{page}"


def may(model: type[Model]) -> tuple[str, ...]:
    model_admin: Any = admin.site._registry[model]
    return tuple(model_admin.staff_may)


@pytest.mark.parametrize("model", MODELS, ids=NAMES)
@pytest.mark.parametrize("page", ["", "add/"])
def test_staff_without_permissions_sees_no_page_of(
    model: type[Model], page: str, staff: User, browser: Browser
) -> None:
    assert browser(staff).get(url(model, page)).status_code == 403


@pytest.mark.parametrize("model", MODELS, ids=NAMES)
@pytest.mark.parametrize("page", ["", "add/"])
@pytest.mark.parametrize("person", ["ada", "guest"])
def test_people_who_are_not_staff_are_sent_to_log_in(
    model: type[Model], page: str, person: str, browser: Browser, request: pytest.FixtureRequest
) -> None:
    answer = browser(request.getfixturevalue(person)).get(url(model, page))
    assert answer.status_code == 302
    assert "login" in answer["Location"]


@pytest.mark.parametrize("model", MODELS, ids=NAMES)
def test_a_superuser_can_do_what_is_stated_and_no_more(model: type[Model], root: User, browser: Browser) -> None:
    client, stated = browser(root), may(model)
    assert client.get(url(model, "")).status_code == (200 if {"view", "change"} & set(stated) else 403)
    assert client.get(url(model, "add/")).status_code == (200 if "add" in stated else 403)
    actions = client.post(url(model, ""), {"action": "delete_selected", "_selected_action": ["1"]})
    if "delete" not in stated:
        assert b"Are you sure" not in actions.content


@pytest.mark.parametrize("model", MODELS, ids=NAMES)
def test_django_permissions_narrow_what_is_stated(model: type[Model], staff: User, browser: Browser) -> None:
    give(staff, f"view_{model._meta.model_name}")
    client = browser(staff)
    assert client.get(url(model, "")).status_code == 200
    assert client.get(url(model, "add/")).status_code == 403


def test_every_admin_page_derives_from_the_one_that_keeps_the_rule() -> None:
    assert [model._meta.label for model, page in admin.site._registry.items() if not isinstance(page, RuledAdmin)] == []


def test_the_admin_has_no_login_page_of_its_own(browser: Browser) -> None:
    """Guessing passwords there would pass by the limits of the other one."""
    guess = {"username": "root@example.org", "password": "guess"}
    for answer in (browser().get("/admin/login/?next=/admin/"), browser().post("/admin/login/?next=/admin/", guess)):
        assert (answer.status_code, answer["Location"]) == (302, "/accounts/login/?next=%2Fadmin%2F")


# --- Power -----------------------------------------------------------------------------------------


def _form(user: User, **changes: Any) -> dict[str, Any]:
    fields: dict[str, Any] = {"name": user.name, "is_active": "on", **changes}
    if user.is_staff:
        fields.setdefault("is_staff", "on")
    return fields


@pytest.mark.parametrize("power", [{"is_superuser": "on"}, {"is_staff": "on"}])
@pytest.mark.parametrize("target", ["staff", "ada"])
def test_staff_hands_out_no_power(
    power: dict[str, str], target: str, staff: User, browser: Browser, request: pytest.FixtureRequest
) -> None:
    give(staff, "change_user", "view_user")
    user: User = request.getfixturevalue(target)
    before = (user.is_staff, user.is_superuser)
    answer = browser(staff).post(url(User, f"{user.pk}/change/"), _form(user, **power))
    assert answer.status_code == 302, "saved, without the power"
    user.refresh_from_db()
    assert (user.is_staff, user.is_superuser) == before


def test_staff_joins_no_group_by_editing_themselves(staff: User, browser: Browser) -> None:
    group = Group.objects.create(name="everything")
    give(staff, "change_user", "view_user")
    browser(staff).post(url(User, f"{staff.pk}/change/"), _form(staff, groups=[group.pk]))
    assert not staff.groups.exists()


def test_staff_cannot_switch_off_a_superuser(root: User, staff: User, browser: Browser) -> None:
    give(staff, "change_user", "view_user")
    form = _form(root)
    del form["is_active"]
    browser(staff).post(url(User, f"{root.pk}/change/"), form)
    root.refresh_from_db()
    assert root.is_active


def test_a_superuser_hands_out_power(ada: User, root: User, browser: Browser) -> None:
    browser(root).post(url(User, f"{ada.pk}/change/"), _form(ada, is_staff="on"))
    ada.refresh_from_db()
    assert ada.is_staff


def test_nobody_moves_a_person_into_another_tenant(ada: User, eve: User, root: User, browser: Browser) -> None:
    browser(root).post(url(User, f"{ada.pk}/change/"), _form(ada, home=str(eve.home_id), email="mallory@example.org"))
    home, email = ada.home_id, ada.email
    ada.refresh_from_db()
    assert (ada.home_id, ada.email) == (home, email)


def test_suspending_somebody_ends_every_login_of_theirs(ada: User, root: User, browser: Browser) -> None:
    client = browser(ada)
    epoch = ada.auth_epoch
    form = _form(ada)
    del form["is_active"]
    browser(root).post(url(User, f"{ada.pk}/change/"), form)
    ada.refresh_from_db()
    assert (ada.is_active, ada.auth_epoch) == (False, epoch + 1)
    assert client.get("/admin/", headers={"Accept": "text/html"}).status_code == 302
    assert "_auth_user_id" not in client.session


# --- Attacker input --------------------------------------------------------------------------------


def test_hostile_names_are_text_in_every_list_and_form(root: User, browser: Browser) -> None:
    evil = cast.member("mallory@example.org", name=HOSTILE)
    evil.home.name = HOSTILE
    evil.home.save()
    Login.objects.create(user=evil, device=HOSTILE)
    cast.make_chat(owner=evil, title=HOSTILE[:200], question=HOSTILE, answer=HOSTILE)
    client = browser(root)
    for model in MODELS:
        pages = [url(model, "")]
        if (some := model._default_manager.first()) is not None:
            pages.append(url(model, f"{some.pk}/change/"))
        for page in pages:
            answer = client.get(page)
            assert answer.status_code in (200, 403), page
            assert HOSTILE not in answer.content.decode(), page
            assert "<img src=x" not in answer.content.decode(), page


def test_what_people_said_can_be_changed_by_nobody() -> None:
    writable = {model._meta.label for model in MODELS if {"add", "change"} & set(may(model))}
    assert not {label for label in writable if label.startswith("chat.")}


def test_an_odd_id_in_an_admin_address_is_no_error(root: User, browser: Browser) -> None:
    client = browser(root)
    for model in MODELS:
        for odd in ("x", "00000000-0000-0000-0000-000000000000", "1_2F_0A", "%00"):
            assert client.get(url(model, f"{odd}/change/")).status_code in (302, 400, 403, 404), (model, odd)


def test_an_odd_id_in_an_admin_action_is_no_error(root: User, browser: Browser) -> None:
    chosen = {"action": "delete_selected", "_selected_action": ["no id"], "index": "0"}
    for model in MODELS:
        assert browser(root).post(url(model, ""), chosen).status_code in (200, 302, 403), model
