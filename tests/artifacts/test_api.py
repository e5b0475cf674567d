"""Documents for programs and for the panel: /api/documents."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import orjson
import pytest
from django.test import Client

from accounts.models import User
from artifacts import documents
from artifacts.documents import Base, Origin
from artifacts.models import Document
from chat.models import Run
from chat.runs import log
from chat.runs.events import pack
from config.ids import uuid7
from tests import cast

pytestmark = pytest.mark.django_db

TEXT = "The red door.\n\nThe old house.\n"


@pytest.fixture
def document(ada: User) -> Document:
    return documents.create(cast.actor_of(ada), "text", "A walk", TEXT)


@pytest.fixture
def client(ada: User) -> Client:
    return cast.browser(ada)


def url(document: Document, *rest: object) -> str:
    return "/".join(["/api/documents", str(document.pk), *map(str, rest)])


def send(client: Client, method: str, path: str, body: object = None, status: int = 200) -> Any:
    answer = client.generic(method, path, b"" if body is None else _json(body), "application/json")
    assert answer.status_code == status, answer.content
    return answer.json() if answer.content else None


def _json(body: object) -> bytes:
    return orjson.dumps(body, default=str)


def test_documents_are_listed_a_page_at_a_time(
    client: Client, ada: User, eve: User, django_assert_max_num_queries: Callable[[int], Any]
) -> None:
    actor = cast.actor_of(ada)
    for number in range(52):
        documents.create(actor, "sheet" if number % 2 else "text", f"Walk {number}", "x")
    documents.create(cast.actor_of(eve), "text", "Eve's", "x")
    with django_assert_max_num_queries(4):  # two of them say who asks
        first = send(client, "GET", "/api/documents")
    second = send(client, "GET", f"/api/documents?before={first['next']}")
    titles = [one["title"] for one in [*first["documents"], *second["documents"]]]
    assert titles == [f"Walk {number}" for number in reversed(range(52))]
    assert second["next"] is None
    assert len(send(client, "GET", "/api/documents?kind=sheet")["documents"]) == 26
    assert [one["title"] for one in send(client, "GET", "/api/documents?query=walk+31")["documents"]] == ["Walk 31"]
    send(client, "GET", "/api/documents?before=yesterday", status=400)


def test_a_document_is_made_read_named_and_deleted(client: Client) -> None:
    made = send(client, "POST", "/api/documents", {"kind": "code", "title": "X", "content": "x = 1\n"}, 201)
    path = f"/api/documents/{made['id']}"
    found = send(client, "GET", path)
    assert (found["newest"]["content"], found["version"], found["live"]) == ("x = 1\n", 1, None)
    assert send(client, "PATCH", path, {"title": "Y", "language": "python"})["title"] == "Y"
    send(client, "DELETE", path, status=204)
    send(client, "GET", path, status=404)
    send(client, "POST", f"{path}/undelete", status=204)
    assert send(client, "GET", path)["title"] == "Y"


@pytest.mark.parametrize("method", ["PUT", "POST"])
def test_saving_names_its_base(method: str, client: Client, document: Document) -> None:
    path = url(document) if method == "PUT" else url(document, "versions")
    saved = send(client, method, path, {"base_version": 1, "content": TEXT + "More.\n"}, 201)
    assert saved["number"] == 2
    changes = [{"from": 4, "to": 7, "text": "blue"}]
    saved = send(client, method, path, {"base_version": 2, "changes": changes}, 201)
    assert send(client, "GET", url(document, "versions", 3))["content"] == TEXT.replace("red", "blue") + "More.\n"
    refused = send(client, method, path, {"base_version": 2, "content": TEXT.replace("old", "new")}, 409)["error"]
    assert (refused["code"], refused["details"]["version"]) == ("conflict:document", 3)
    assert refused["details"]["clean"] is False or refused["details"]["pieces"]


@pytest.mark.parametrize(
    "body",
    [
        {},
        {"base_version": 1},
        {"base_version": 1, "content": "x", "changes": []},
        {"base_version": -1, "content": "x"},
        {"base_version": 1, "content": "a\x00b"},
        {"base_version": 1, "changes": [{"from": 5, "to": 1, "text": ""}]},
        {"base_version": 1, "content": "x", "author": "model"},
        {"base_version": 1, "content": 7},
        [],
    ],
)
def test_odd_saves_are_refused(body: object, client: Client, document: Document) -> None:
    send(client, "PUT", url(document), body, 400)
    document.refresh_from_db()
    assert document.version == 1


def test_an_editor_saves_into_one_version(client: Client, document: Document) -> None:
    session = uuid7()
    for edit, base in ((1, 1), (2, 2), (3, 2)):
        body = {"base_version": base, "content": f"Typed {edit}", "session": session, "edit": edit}
        assert send(client, "PUT", url(document), body, 201)["number"] == 2
    assert send(client, "GET", url(document))["newest"]["content"] == "Typed 3"


def test_versions_are_listed_without_their_content(client: Client, document: Document) -> None:
    send(client, "PUT", url(document), {"base_version": 1, "content": "Second"}, 201)
    told = send(client, "GET", url(document, "versions"))
    assert [(one["number"], one["author"], one["base"]) for one in told["versions"]] == [
        (1, "person", None),
        (2, "person", 1),
    ]
    assert "content" not in told["versions"][0]
    assert [one["number"] for one in send(client, "GET", url(document, "versions") + "?after=1")["versions"]] == [2]
    assert send(client, "POST", url(document, "versions", 1, "restore"), status=201)["content"] == TEXT


def test_a_difference_is_told_in_the_kinds_own_terms(client: Client, ada: User, document: Document) -> None:
    send(client, "PUT", url(document), {"base_version": 1, "content": TEXT.replace("red", "blue")}, 201)
    told = send(client, "GET", url(document, "diff") + "?from=1&to=2")
    changed = [(piece["kind"], piece["text"].strip()) for piece in told["pieces"] if piece["kind"] != "both"]
    assert (told["by"], changed) == ("words", [("gone", "red"), ("new", "blue")])
    actor = cast.actor_of(ada)
    sheet = documents.create(actor, "sheet", "Numbers", "a,b\n1,2\n")
    documents.save(actor, sheet.pk, "a,b\n1,3\n", Base(1))
    told = send(client, "GET", url(sheet, "diff"))
    assert told["lines"][1] == {"kind": "changed", "cells": [{"text": "1"}, {"text": "3", "was": "2"}]}
    send(client, "GET", url(document, "diff") + "?from=9", status=404)
    send(client, "GET", url(document, "diff") + "?from=x", status=400)


def test_suggestions_are_listed_accepted_and_rejected(client: Client, ada: User, document: Document) -> None:
    actor = cast.actor_of(ada)
    origin = Origin(actor.tenant_id, actor.id, uuid7())
    documents.suggest(origin, document.pk, 1, [("red", "blue", "Calmer."), ("old", "new", ""), ("house", "home", "")])
    told = send(client, "GET", url(document, "suggestions"))["suggestions"]
    red, old, _house = (one["id"] for one in told)
    assert (told[0]["position"], told[0]["reason"], told[0]["state"]) == (4, "Calmer.", "open")
    accepted = send(client, "POST", url(document, "suggestions", red, "accept"), {"proposal": "green"}, 201)
    assert accepted["content"] == TEXT.replace("red", "green")
    assert send(client, "POST", url(document, "suggestions", old, "reject"))["state"] == "rejected"
    send(client, "POST", url(document, "suggestions", red, "accept"), status=409)
    assert len(send(client, "POST", url(document, "suggestions", "accept"))["versions"]) == 1
    assert send(client, "POST", url(document, "suggestions", "reject")) == {"rejected": 0}
    assert send(client, "GET", url(document))["suggestions"] == {"accepted": 2, "rejected": 1}


def test_a_download_is_a_file_that_no_browser_opens(client: Client, ada: User) -> None:
    actor = cast.actor_of(ada)
    page = documents.create(actor, "code", 'My "page"/ñ', "<script>1</script>", language="html")
    answer = client.get(url(page, "download"))
    assert answer.content == b"<script>1</script>"
    assert answer["Content-Type"] == "text/plain; charset=utf-8"
    assert answer["X-Content-Type-Options"] == "nosniff"
    assert answer["Content-Disposition"].startswith('attachment; filename="My page.html"')
    sheet = documents.create(actor, "sheet", "Numbers", "a\n=1+1\n")
    assert b"'=1+1" in client.get(url(sheet, "download")).content


def test_what_is_being_written_can_be_read_up_to_an_event(client: Client, ada: User) -> None:
    chat = cast.make_chat(owner=ada, status=Run.Status.STREAMING)
    run = Run.objects.get(message__chat=chat)
    document = documents.begin(log.origin_of(run), "text", "A walk")
    head = {"type": "artifact.open", "n": 1, "document": str(document.pk), "kind": "text", "title": "A walk"}
    events = [head | {"mode": "replace", "base": 0}, {"type": "artifact.delta", "n": 1, "text": "The red"}]
    log._append((run.pk, seq, body) for seq, body in enumerate(pack(events), 1))
    found = send(client, "GET", url(document))
    assert found["newest"] is None
    assert found["live"] == {"run": str(run.pk), "seq": 2, "n": 1, "mode": "replace", "text": "The red"}
    Run.objects.filter(pk=run.pk).update(status=Run.Status.COMPLETE)
    assert send(client, "GET", url(document))["live"] is None


def test_changing_needs_the_pages_token(ada: User, document: Document) -> None:
    strict = cast.browser(ada, enforce_csrf_checks=True)
    for method, path in (("PUT", url(document)), ("DELETE", url(document)), ("POST", "/api/documents")):
        send(strict, method, path, {}, 403)


def test_strangers_get_404_whatever_they_send(eve: User, document: Document) -> None:
    stranger = cast.browser(eve)
    for method in ("GET", "PUT", "PATCH", "DELETE"):
        send(stranger, method, url(document), {"base_version": 1, "content": "Mine"}, 404)
    document.refresh_from_db()
    assert (document.version, document.deleted_at) == (1, None)
