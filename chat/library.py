"""Pages of documents: the library and one document, whole without JavaScript. A view parses, makes one call, renders.

A form changes something and leads back; a save that somebody else was faster than comes back with both texts merged.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final
from uuid import UUID

from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils import timezone
from django.utils.cache import patch_cache_control
from django.utils.safestring import SafeString
from django.utils.translation import gettext as _
from django.views.decorators.http import require_POST, require_safe

from accounts.actors import Actor
from accounts.rules import Who, allow
from artifacts import documents, kinds, tables
from artifacts.documents import Base
from artifacts.kinds import Kind
from artifacts.models import Document, Suggestion, Version
from chat import context, markdown
from chat.models import Chat
from config.errors import BadRequest, Conflict, Unauthorized

PAGE: Final = 60
ROWS_MAX: Final = 500  # of a sheet that are shown


@require_safe
@allow(Who.ANYONE)
def library(request: HttpRequest) -> HttpResponse:
    """All my documents, newest first; `?kind=`, `?query=` words of the title, `?page=`, `?deleted=` one to undo."""
    actor = context.actor_of(request)
    kind, words = request.GET.get("kind", ""), request.GET.get("query", "")
    number = _number(request.GET.get("page", "1"))
    found = list(documents.library(actor, kind, words)[(number - 1) * PAGE : number * PAGE + 1])
    deleted = request.GET.get("deleted", "")
    values = {
        "documents": [{"row": row, "kind": kinds.KINDS.get(row.kind)} for row in found[:PAGE]],
        "kinds": kinds.KINDS.values(),
        "kind": kind,
        "words": words,
        "next": number + 1 if len(found) > PAGE else None,
        "deleted": Document.objects.deleted_by(actor).filter(pk=_uuid(deleted)).first() if deleted else None,
    }
    return _page(request, "library/library.html", values)


@require_safe
@allow(Who.ACTOR, owns="document")
def document(request: HttpRequest, document_id: UUID) -> HttpResponse:
    """A document as it is; `?version=` as it was, `?diff=` against that version, `?edit` in a form."""
    actor = context.actor_of(request)
    found = Document.objects.visible_to(actor).get_or_404(document_id)
    return _shown(request, actor, found)


@require_POST
@allow(Who.ACTOR, owns="document")
def save(request: HttpRequest, document_id: UUID) -> HttpResponse:
    """`content`, made from version `base` with `digest`. 409 with a merge when somebody was faster."""
    actor = _actor(request)
    found = Document.objects.writable_by(actor).get_or_404(document_id)
    content = request.POST.get("content")
    if content is None:
        raise BadRequest("document", param="content")
    # Forms send every line end as two characters.
    content = content.replace("\r\n", "\n")
    base = Base(_number(request.POST.get("base", "")), request.POST.get("digest", ""))
    try:
        documents.save(actor, found.pk, content, base)
    except Conflict as conflict:
        response = _shown(request, actor, found, mine=content, conflict=conflict.details)
        response.status_code = conflict.status
        return response
    return _back(found.pk)


@require_POST
@allow(Who.ACTOR, owns="document")
def restore(request: HttpRequest, document_id: UUID, number: int) -> HttpResponse:
    documents.restore(_actor(request), document_id, number)
    return _back(document_id)


@require_POST
@allow(Who.ACTOR, owns="document")
def rename(request: HttpRequest, document_id: UUID) -> HttpResponse:
    actor = _actor(request)
    found = Document.objects.writable_by(actor).get_or_404(document_id)
    documents.rename(actor, found.pk, title=request.POST.get("title", ""))
    return _back(found.pk)


@require_POST
@allow(Who.ACTOR, owns="document")
def delete(request: HttpRequest, document_id: UUID) -> HttpResponse:
    """Leads to the library, which offers to undo it."""
    documents.delete(_actor(request), document_id)
    return _see(f"{reverse('library')}?deleted={document_id}")


@require_POST
@allow(Who.ACTOR)
def undelete(request: HttpRequest, document_id: UUID) -> HttpResponse:
    documents.undelete(_actor(request), document_id)
    return _back(document_id)


@require_POST
@allow(Who.ACTOR, owns="document")
def suggestion(request: HttpRequest, document_id: UUID, suggestion_id: UUID) -> HttpResponse:
    """`answer` is accept or reject."""
    actor = _actor(request)
    found = Document.objects.writable_by(actor).get_or_404(document_id)
    Suggestion.objects.filter(document=found).get_or_404(suggestion_id)
    match request.POST.get("answer"):
        case "accept":
            documents.accept(actor, document_id, suggestion_id)
        case "reject":
            documents.reject(actor, document_id, suggestion_id)
        case _:
            raise BadRequest("suggestion", param="answer")
    return _back(document_id)


def _shown(
    request: HttpRequest,
    actor: Actor | None,
    found: Document,
    *,
    mine: str = "",
    conflict: Mapping[str, Any] | None = None,
) -> HttpResponse:
    kind = kinds.KINDS.get(found.kind)
    if conflict:
        found.refresh_from_db(fields=["version"])
    rows = list(found.versions.defer("content").order_by("-number"))
    wanted = request.GET.get("version", "")
    version = documents.version(found, _number(wanted) if wanted else None) if rows else None
    compared = None
    if kind and version and (against := request.GET.get("diff")):
        compared = kind.compare(documents.version(found, _number(against)).content, version.content)
    pieces = (conflict or {}).get("pieces", [])
    values = {
        "document": found,
        "kind": kind,
        "version": version,
        "versions": rows,
        "newest": version is not None and version.number == found.version,
        "chat": Chat.objects.visible_to(actor).filter(pk=found.chat).first() if found.chat else None,
        "compared": compared,
        "against": request.GET.get("diff", ""),
        "editing": "edit" in request.GET or conflict is not None,
        "conflict": conflict,
        "choices": [piece for piece in pieces if "mine" in piece],
        "text": "".join(piece.get("mine", piece.get("text", "")) for piece in pieces) or mine,
        "suggestions": found.suggestions.filter(state=Suggestion.State.OPEN),
        "page_title": found.title,
        **(_content(kind, found, version) if version and not compared else {}),
    }
    return _page(request, "library/document.html", values)


def _content(kind: Kind | None, found: Document, version: Version) -> dict[str, Any]:
    """What the page shows of a version: `html`, or the `head` and `rows` of a sheet."""
    if found.kind == "sheet":
        rows = tables.read(version.content)
        marked = [[{"text": cell, "number": tables.is_number(cell)} for cell in row] for row in rows[1 : ROWS_MAX + 1]]
        first = marked[0] if marked else []
        # A column's name stands where its first value stands.
        head = [
            {"text": cell, "number": place < len(first) and first[place]["number"]}
            for place, cell in enumerate(rows[0] if rows else [])
        ]
        return {"head": head, "rows": marked, "more_rows": max(0, len(rows) - 1 - ROWS_MAX)}
    if found.kind == "text":
        return {"html": markdown.render(version.content)}
    return {"html": _fenced(version.content, found.language)}


def _fenced(content: str, language: str) -> SafeString:
    """Code in colours, by the way that code in answers takes."""
    fence = "```"
    while fence in content:
        fence += "`"
    named = language.split()[0] if language.strip() else ""
    end = "" if content.endswith("\n") else "\n"
    return markdown.render(f"{fence}{named.replace('`', '')}\n{content}{end}{fence}\n")


def _page(request: HttpRequest, template: str, values: dict[str, Any]) -> HttpResponse:
    """It is theirs alone and may be old a moment later."""
    with timezone.override(context.zone(request)):
        response = render(request, template, values)
    patch_cache_control(response, private=True, no_cache=True)
    return response


def _actor(request: HttpRequest) -> Actor:
    actor = context.actor_of(request)
    if actor is None:
        raise Unauthorized("document")
    return actor


def _back(document_id: UUID) -> HttpResponse:
    return _see(reverse("document", args=[document_id]))


def _see(address: str) -> HttpResponse:
    response = redirect(address)
    response.status_code = 303
    return response


def _number(value: str) -> int:
    if not value.isascii() or not value.isdigit() or not 0 < int(value[:10]) < 2**31:
        raise BadRequest("document", _("There is no such version."), param="version")
    return int(value[:10])


def _uuid(value: str) -> UUID:
    try:
        return UUID(value)
    except ValueError:
        raise BadRequest("document", param="id") from None
