"""Everybody tries everything: the rule a URL states, compared with what it does.

Seven people send GET and POST to a URL whose ids are filled with Ada's objects. What should happen follows
from the `Rule` alone, so a new URL needs no new test. A URL with an id of a new kind needs a line in
`Belongings.ids`; the matrix says so.

`complaint` judges one answer by its status and knows nothing of HTTP: other doors use it as well.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from uuid import UUID

from django.db import transaction
from django.http import HttpResponseBase
from django.test import Client
from django.urls import URLPattern, resolve
from django.utils import timezone

from accounts.models import User
from accounts.rules import Rule, Who, rule_of
from artifacts.models import Document, Suggestion, Version
from chat.models import Message, ModelSet, Run
from config.ids import uuid7
from tests import cast

PEOPLE = ("visitor", "guest", "ada", "grace", "eve", "suspended", "staff")
OWNER = "ada"
METHODS = ("GET", "POST")

_REFUSALS = {401, 403, 404}
_LOGIN = 302  # how a page refuses: it sends the reader to log in


@dataclass(frozen=True, slots=True)
class Belongings:
    """What Ada owns, and what Eve does."""

    ids: dict[str, UUID]
    eves: dict[str, UUID]


def scene() -> tuple[dict[str, User | None], Belongings]:
    """The people, and their things."""
    ada, eve = cast.member("ada@example.org"), cast.member("eve@example.org")
    people: dict[str, User | None] = {
        "visitor": None,
        "guest": cast.guest(),
        "ada": ada,
        "grace": cast.colleague(ada, "grace@example.org"),
        "eve": eve,
        "suspended": cast.member("sam@example.org"),
        "staff": cast.member("stella@example.org", is_staff=True),
    }
    return people, Belongings(_things(ada), _things(eve))


def _things(owner: User) -> dict[str, UUID]:
    chat = cast.make_chat(owner=owner)
    answer = Message.objects.get(chat=chat, role=Message.Role.ASSISTANT)
    kept = ModelSet.objects.create(tenant=owner.home, owner=owner, name="Mine", members=["demo"])
    run = Run.objects.get(message=answer)
    document = Document.objects.create(tenant=owner.home, owner=owner, kind="text", title="Mine", version=1)
    now = timezone.now()
    Version.objects.create(
        document=document, number=1, content="Mine", author=Version.Author.PERSON, created_at=now, saved_at=now
    )
    suggestion = Suggestion.objects.create(document=document, version=1, original="Mine", proposal="Ours", position=0)
    return {
        "chat": chat.pk,
        "message": answer.pk,
        "run": run.pk,
        "set": kept.pk,
        "document": document.pk,
        "suggestion": suggestion.pk,
    }


def browsers(people: dict[str, User | None]) -> dict[str, Client]:
    """Each one's browser, with a look at the first page behind them. The suspended one logged in before it happened."""
    clients = {name: cast.browser(user, raise_request_exception=False) for name, user in people.items()}
    User.objects.filter(email="sam@example.org").update(is_active=False)
    for name in ("visitor", "suspended"):
        clients[name].get("/")
    return clients


# --- Judging ---------------------------------------------------------------------------------------


def admitted(rule: Rule, person: str) -> bool:
    match person:
        case "visitor" | "suspended":
            return rule.who is Who.ANYONE
        case "guest":
            return rule.who in (Who.ANYONE, Who.ACTOR)
        case "staff":
            return True
        case _:
            return rule.who is not Who.STAFF


def complaint(rule: Rule, person: str, status: int) -> str | None:
    """What is wrong with this answer, or None. 302 here means: was sent to log in."""
    if status >= 500:
        return f"{person} gets {status}"
    if status == 405:
        return None
    if not admitted(rule, person):
        return None if status in {*_REFUSALS, _LOGIN} else f"{person} must be refused and gets {status}"
    if rule.owns and person != OWNER:
        return None if status == 404 else f"{person} must not find Ada's {rule.owns} and gets {status}"
    if status in {401, 403, _LOGIN} or (rule.owns and status == 404):
        return f"{person} is refused with {status}"
    return None


def complaints(route: str, pattern: URLPattern) -> list[str]:
    """Everything that is wrong with one URL."""
    rule = rule_of(route, pattern.callback)
    if rule is None:
        return [f"{route} states no rule"]
    people, belongings = scene()
    clients = browsers(people)
    # Django's admin and allauth enforce what they state themselves, finer than our four words.
    ours = hasattr(pattern.callback, "rule")
    path = fill(route, belongings.ids)
    if resolve(path).func is not pattern.callback:
        return [f"{route} was filled to {path}, which is another URL: teach tests/accounts/matrix.py"]
    found = []
    for method in METHODS:
        for person, client in clients.items():
            status = _status(_send(client, method, path))
            if not ours and admitted(rule, person) and status in {*_REFUSALS, _LOGIN}:
                continue
            if wrong := complaint(rule, person, status):
                found.append(f"{method} {path}: {wrong}")
    if rule.owns:
        found += list(_probing(rule, route, clients, belongings))
    return found


def _probing(rule: Rule, route: str, clients: dict[str, Client], belongings: Belongings) -> Iterator[str]:
    """A stranger learns nothing from how she is refused, and gets nowhere with her own object around Ada's."""
    owned = str(rule.owns)
    absent = {name: uuid7() for name in belongings.ids}
    for method in METHODS:
        foreign = _send(clients["eve"], method, fill(route, belongings.ids))
        nothing = _send(clients["eve"], method, fill(route, absent))
        if _told(foreign) != _told(nothing):
            yield f"{method} {route}: Eve can tell Ada's {owned} from an absent one"
        mixed = fill(route, {**belongings.ids, owned: belongings.eves[owned]})
        if mixed != fill(route, belongings.eves) and len(_parameters(route)) > 1:
            status = _status(_send(clients["eve"], method, mixed))
            if status not in (404, 405):
                yield f"{method} {route}: through her own {owned} Eve reaches a child of Ada's ({status})"


# --- Sending ---------------------------------------------------------------------------------------

_PARAMETER = re.compile(r"<(?:(?P<converter>\w+):)?(?P<name>\w+)>")
_GROUP = re.compile(r"\(\?P<(?P<name>\w+)>(?P<pattern>[^()]*)\)")


def fill(route: str, ids: dict[str, UUID]) -> str:
    """A path of this route: parameters named after a thing (`chat_id`) get its id, others something harmless."""

    def value(match: re.Match[str]) -> str:
        if known := ids.get(match["name"].removesuffix("_id")):
            return str(known)
        found = match.groupdict()
        if found.get("converter") == "uuid":
            return str(uuid7())
        first, *others = (found.get("pattern") or "").split("|")
        return first if others else "1"

    plain = _GROUP.sub(value, route)
    plain = _PARAMETER.sub(value, plain)
    return "/" + re.sub(r"[\^$\\]|\(\?:|\)\??", "", plain)


def _parameters(route: str) -> list[str]:
    return [match["name"] for match in _PARAMETER.finditer(route)]


def _send(client: Client, method: str, path: str) -> HttpResponseBase:
    """One request, and nothing of it stays."""
    before = dict(client.cookies)
    point = transaction.savepoint()
    try:
        answer = client.generic(method, path, headers={"Accept": "text/html"})
    finally:
        transaction.savepoint_rollback(point)
        client.cookies.clear()
        client.cookies.update(before)
    return answer


def _status(answer: HttpResponseBase) -> int:
    """The status; a redirect that is none to a login page counts as 200."""
    if 300 <= answer.status_code < 400:
        target = answer.headers.get("Location", "").partition("?")[0]
        return _LOGIN if target in ("/accounts/login/", "/admin/login/", "/admin/") else 200
    return answer.status_code


def _told(answer: HttpResponseBase) -> tuple[int, str]:
    """Status and text, without what differs between any two answers."""
    text = getattr(answer, "content", b"").decode()
    text = re.sub(r"[0-9a-f]{8}-[0-9a-f-]{27}", "ID", text)
    return answer.status_code, re.sub(r'(nonce|value|content)="[^"]*"', "", text)
