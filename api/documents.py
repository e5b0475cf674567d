"""/api/documents: what the panel beside the chat and programs do with documents.

Session cookie and CSRF token. Every answer is JSON but for `download`. A version is
`{number, author, status, base, run, message, created_at, saved_at, digest}`, with `content` where one is asked for; a
document is `{id, kind, title, language, chat, version, created_at, updated_at}`. Offsets are Unicode code points.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import datetime
from typing import Any, Final, TypeVar
from urllib.parse import quote
from uuid import UUID

from django.db.models import Count, Q
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.utils.cache import patch_cache_control
from django.utils.dateparse import parse_datetime
from django.views.decorators.http import require_http_methods, require_POST, require_safe
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from accounts.actors import Actor
from accounts.rules import Who, allow
from artifacts import documents, kinds
from artifacts.documents import Base, Typing
from artifacts.edits import Change
from artifacts.models import Document, Suggestion, Version
from chat.runs import log
from config.errors import BadRequest, Unauthorized

PAGE: Final = 50
VERSIONS_PAGE: Final = 500

Body = TypeVar("Body", bound="Strict")


class Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class New(Strict):
    kind: str
    title: str
    content: str = ""
    language: str = ""


class Renaming(Strict):
    title: str | None = None
    language: str | None = None


class ChangeShape(Strict):
    start: int = Field(alias="from", ge=0)
    end: int = Field(alias="to", ge=0)
    text: str


class Saving(Strict):
    """Either the whole `content`, or `changes` of the version `base_version`. `session` and `edit` are an editor's:
    its id, and which of its saves this is."""

    base_version: int = Field(ge=0)
    base_digest: str = ""
    content: str | None = None
    changes: list[ChangeShape] | None = Field(None, max_length=10_000)
    session: UUID | None = None
    edit: int = Field(0, ge=0, le=2**31 - 1)


class Accepting(Strict):
    proposal: str | None = None


# --- Documents ---------------------------------------------------------------------------------------


@require_http_methods(["GET", "HEAD", "POST"])
@allow(Who.ACTOR)
def collection(request: HttpRequest) -> HttpResponse:
    """GET: mine, newest first, `?kind=`, `?query=` words of the title, `?chat=`, `?before=` a page's `next`.
    POST `{kind, title, content?, language?}`: a new one. Two queries a page."""
    actor = _actor(request)
    if request.method == "POST":
        new = _body(request, New)
        made = documents.create(actor, new.kind, new.title, new.content, language=new.language)
        return JsonResponse(_document(made), status=201)
    found = documents.library(actor, request.GET.get("kind", ""), request.GET.get("query", ""))
    if chat := request.GET.get("chat"):
        found = found.filter(chat=_uuid(chat, "chat"))
    if before := request.GET.get("before"):
        time, document_id = _cursor(before)
        found = found.filter(Q(updated_at__lt=time) | Q(updated_at=time, pk__lt=document_id))
    page = list(found[: PAGE + 1])
    following = f"{_time(page[PAGE - 1].updated_at)}_{page[PAGE - 1].pk}" if len(page) > PAGE else None
    return JsonResponse({"documents": [_document(one) for one in page[:PAGE]], "next": following})


@require_http_methods(["GET", "HEAD", "PATCH", "PUT", "DELETE"])
@allow(Who.ACTOR, owns="document")
def document(request: HttpRequest, document_id: UUID) -> HttpResponse:
    """GET: it and its newest version with content. While a run writes it, `live` is
    `{run, seq, n, mode, text}`: what there is up to event `seq`, after which the rest follows. PATCH
    `{title?, language?}`, PUT saves (see `Saving`), DELETE."""
    actor = _actor(request)
    found = Document.objects.visible_to(actor).get_or_404(document_id)
    match request.method:
        case "PATCH":
            naming = _body(request, Renaming)
            return JsonResponse(
                _document(documents.rename(actor, document_id, title=naming.title, language=naming.language))
            )
        case "PUT":
            return _saved(request, actor, document_id)
        case "DELETE":
            documents.delete(actor, document_id)
            return HttpResponse(status=204)
    newest = documents.version(found) if found.version else None
    states = found.suggestions.values_list("state").annotate(Count("id"))
    told = _document(found) | {
        "newest": _version(newest, whole=True) if newest else None,
        "suggestions": dict(states),
        "live": _live(found),
    }
    return JsonResponse(told)


@require_POST
@allow(Who.ACTOR)
def undelete(request: HttpRequest, document_id: UUID) -> HttpResponse:
    """What was deleted comes back. 404 when it is not mine or was not deleted."""
    documents.undelete(_actor(request), document_id)
    return HttpResponse(status=204)


# --- Versions ----------------------------------------------------------------------------------------


@require_http_methods(["GET", "HEAD", "POST"])
@allow(Who.ACTOR, owns="document")
def versions(request: HttpRequest, document_id: UUID) -> HttpResponse:
    """GET: all, oldest first, without content; `?after=` a number. POST saves (see `Saving`): 201, or 409 with a merge
    in the details: `{version, digest, content, clean, pieces: [{text} | {mine, theirs, base}]}`."""
    actor = _actor(request)
    found = Document.objects.visible_to(actor).get_or_404(document_id)
    if request.method == "POST":
        return _saved(request, actor, document_id)
    after = _number(request.GET.get("after", "0"), "after")
    rows = list(found.versions.filter(number__gt=after).defer("content")[: VERSIONS_PAGE + 1])
    more = rows[VERSIONS_PAGE - 1].number if len(rows) > VERSIONS_PAGE else None
    return JsonResponse({"versions": [_version(row) for row in rows[:VERSIONS_PAGE]], "next": more})


@require_safe
@allow(Who.ACTOR, owns="document")
def version(request: HttpRequest, document_id: UUID, number: int) -> HttpResponse:
    """One version with its content."""
    found = Document.objects.visible_to(_actor(request)).get_or_404(document_id)
    return JsonResponse(_version(documents.version(found, number), whole=True))


@require_POST
@allow(Who.ACTOR, owns="document")
def restore(request: HttpRequest, document_id: UUID, number: int) -> HttpResponse:
    """An earlier version as a new one."""
    return JsonResponse(_version(documents.restore(_actor(request), document_id, number), whole=True), status=201)


@require_safe
@allow(Who.ACTOR, owns="document")
def difference(request: HttpRequest, document_id: UUID) -> HttpResponse:
    """What became of version `?from=` in version `?to=`; of the newest and the one before it when left out.

    `{by: "words" | "lines", pieces: [{kind: both | gone | new, text}]}`, or
    `{by: "cells", lines: [{kind: both | gone | new | changed, cells: [{text, was?}]} | {kind: skipped, count}]}`.
    """
    found = Document.objects.visible_to(_actor(request)).get_or_404(document_id)
    to = _number(request.GET.get("to", str(found.version)), "to")
    one = documents.version(found, _number(request.GET.get("from", str(max(1, to - 1))), "from"))
    other = documents.version(found, to)
    compared = kinds.get(found.kind).compare(one.content, other.content)
    told: dict[str, Any] = {"from": one.number, "to": other.number, "by": compared.by}
    if compared.by == "cells":
        told["lines"] = [
            {
                "kind": line.kind,
                **({"count": line.count} if line.count else {}),
                "cells": [{"text": cell.text} | ({} if cell.was is None else {"was": cell.was}) for cell in line.cells],
            }
            for line in compared.lines
        ]
    else:
        told["pieces"] = [{"kind": piece.kind, "text": piece.text} for piece in compared.pieces]
    return JsonResponse(told)


@require_safe
@allow(Who.ACTOR, owns="document")
def download(request: HttpRequest, document_id: UUID) -> HttpResponse:
    """The newest version, or `?version=`, as a file of its own form."""
    found = Document.objects.visible_to(_actor(request)).get_or_404(document_id)
    wanted = request.GET.get("version")
    one = documents.version(found, _number(wanted, "version") if wanted else None)
    return as_file(found, one)


def as_file(found: Document, one: Version) -> HttpResponse:
    """Never shown by a browser: always saved, and never taken for anything else than it says."""
    kind = kinds.get(found.kind)
    response = HttpResponse(
        kind.exported(one.content), content_type=f"{kind.media_type(found.language)}; charset=utf-8"
    )
    name = " ".join(re.sub(r'[\x00-\x1f\x7f/\\:*?"<>|]', " ", found.title).split()).strip(" .")[:80] or "document"
    suffix = kind.suffix(found.language)
    plain = name.encode("ascii", "ignore").decode().strip() or "document"
    response["Content-Disposition"] = (
        f"attachment; filename=\"{plain}.{suffix}\"; filename*=UTF-8''{quote(name)}.{suffix}"
    )
    response["X-Content-Type-Options"] = "nosniff"
    patch_cache_control(response, private=True, no_cache=True)
    return response


# --- Suggestions -------------------------------------------------------------------------------------


@require_safe
@allow(Who.ACTOR, owns="document")
def suggestions(request: HttpRequest, document_id: UUID) -> HttpResponse:
    """By their place in the newest version; `?state=` open, accepted, rejected or stale. Two queries."""
    found = Document.objects.visible_to(_actor(request)).get_or_404(document_id)
    rows = found.suggestions.all()
    if state := request.GET.get("state"):
        rows = rows.filter(state=state)
    return JsonResponse({"suggestions": [_suggestion(row) for row in rows[:1000]]})


@require_POST
@allow(Who.ACTOR, owns="document")
def accept(request: HttpRequest, document_id: UUID, suggestion_id: UUID) -> HttpResponse:
    """`{proposal?}`: with it, what the person made of the proposal. Makes a version."""
    actor = _actor(request)
    found = Document.objects.writable_by(actor).get_or_404(document_id)
    found.suggestions.get_or_404(suggestion_id)
    accepting = _body(request, Accepting) if request.body else Accepting()
    made = documents.accept(actor, document_id, suggestion_id, accepting.proposal)
    return JsonResponse(_version(made, whole=True), status=201)


@require_POST
@allow(Who.ACTOR, owns="document")
def reject(request: HttpRequest, document_id: UUID, suggestion_id: UUID) -> HttpResponse:
    return JsonResponse(_suggestion(documents.reject(_actor(request), document_id, suggestion_id)))


@require_POST
@allow(Who.ACTOR, owns="document")
def accept_all(request: HttpRequest, document_id: UUID) -> HttpResponse:
    """Every open one, each as a version."""
    made = documents.accept_all(_actor(request), document_id)
    return JsonResponse({"versions": [_version(one) for one in made]})


@require_POST
@allow(Who.ACTOR, owns="document")
def reject_all(request: HttpRequest, document_id: UUID) -> HttpResponse:
    return JsonResponse({"rejected": documents.reject_all(_actor(request), document_id)})


# --- Shapes and parsing --------------------------------------------------------------------------------


def _saved(request: HttpRequest, actor: Actor, document_id: UUID) -> HttpResponse:
    saving = _body(request, Saving)
    if (saving.content is None) == (saving.changes is None):
        raise BadRequest("document", param="content")
    content: str | list[Change] = saving.content if saving.content is not None else []
    if saving.changes is not None:
        content = [Change(change.start, change.end, change.text) for change in saving.changes]
    made = documents.save(
        actor,
        document_id,
        content,
        Base(saving.base_version, saving.base_digest),
        typing=Typing(saving.session, saving.edit) if saving.session else None,
    )
    return JsonResponse(_version(made), status=201)


def _document(found: Document) -> dict[str, Any]:
    return {
        "id": str(found.pk),
        "kind": found.kind,
        "title": found.title,
        "language": found.language or None,
        "chat": str(found.chat) if found.chat else None,
        "version": found.version,
        "created_at": _time(found.created_at),
        "updated_at": _time(found.updated_at),
    }


def _version(one: Version, *, whole: bool = False) -> dict[str, Any]:
    told = {
        "number": one.number,
        "author": one.author,
        "status": one.status,
        "base": one.base,
        "run": str(one.run) if one.run else None,
        "message": str(one.message) if one.message else None,
        "created_at": _time(one.created_at),
        "saved_at": _time(one.saved_at),
    }
    if "content" not in one.get_deferred_fields():
        told["digest"] = one.digest
    return told | ({"content": one.content} if whole else {})


def _suggestion(one: Suggestion) -> dict[str, Any]:
    return {
        "id": str(one.pk),
        "version": one.version,
        "original": one.original,
        "proposal": one.proposal,
        "reason": one.reason,
        "author": one.author,
        "state": str(one.state),
        "position": one.position,
    }


def _live(found: Document) -> dict[str, Any] | None:
    if found.writer is None:
        return None
    begun = log.written_by(found.writer, found.pk)
    if begun is None:
        return None
    return {"run": str(found.writer), "seq": begun.seq, "n": begun.n, "mode": begun.mode, "text": begun.text}


def _actor(request: HttpRequest) -> Actor:
    actor: Actor | None = getattr(request, "actor", None)
    if actor is None:
        raise Unauthorized("document")
    return actor


def _body(request: HttpRequest, shape: type[Body]) -> Body:
    """Raises BadRequest, which names the field."""
    try:
        return shape.model_validate_json(request.body)
    except ValidationError as exc:
        first = exc.errors(include_url=False, include_context=False, include_input=False)[0]
        field = ".".join(str(part) for part in first["loc"])
        raise BadRequest("document", f"{field}: {first['msg']}".lstrip(": "), param=field or None) from None


def _uuid(value: str, name: str) -> UUID:
    return _parsed(UUID, value, name)


def _number(value: str, name: str) -> int:
    number = _parsed(int, value, name)
    if not 0 <= number < 2**31:
        raise BadRequest("document", param=name)
    return number


Value = TypeVar("Value")


def _parsed(parse: Callable[[str], Value], value: str, name: str) -> Value:
    try:
        return parse(value)
    except ValueError:
        raise BadRequest("document", param=name) from None


def _time(moment: datetime) -> str:
    return moment.isoformat().replace("+00:00", "Z")


def _cursor(value: str) -> tuple[datetime, UUID]:
    written, _mark, document_id = value.partition("_")
    time = _parsed(parse_datetime, written, "before")
    if time is None or time.tzinfo is None:
        raise BadRequest("document", param="before")
    return time, _uuid(document_id, "before")
