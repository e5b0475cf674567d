"""Documents: made, saved, restored, merged, deleted; and what becomes of suggestions. Synchronous.

Every change of a text goes through `_append`, with the document's row locked. Nothing is overwritten: who saves names
the version that was read, and when that is not the newest any more, a person gets a Conflict with a proposal how to
merge, and a model's words are merged at once, or laid beside as a version of their own.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import partial as partial_
from typing import Any, Final
from uuid import UUID

from django.db import transaction
from django.db.models import F
from django.utils import timezone

from accounts.actors import Actor
from accounts.models import User
from artifacts import edits, kinds, merging
from artifacts.edits import Change, Edit
from artifacts.models import Document, DocumentQuerySet, Suggestion, SuggestionQuerySet, Version
from config.errors import BadRequest, Conflict, NotFound, TooLarge
from providers.events import clean

TITLE_MAX: Final = 200
# What one editor types in so much time is one version.
OPEN: Final = timedelta(minutes=5)
WORDS_MAX: Final = 8  # of a search
SUGGESTIONS_MAX: Final = 100  # open ones of a document

Changed = Callable[[UUID, dict[str, Any]], object]
_listeners: Final[list[Changed]] = []


@dataclass(frozen=True, slots=True)
class Origin:
    """For whom and in which run a model writes, and for which answer of which chat."""

    tenant: UUID
    owner: UUID
    run: UUID
    chat: UUID | None = None
    message: UUID | None = None


@dataclass(frozen=True, slots=True)
class Base:
    """Which version somebody read. `digest` (`Version.digest`) is needed when that one was still open."""

    version: int
    digest: str = ""


@dataclass(frozen=True, slots=True)
class Typing:
    """An editor, by an id of its own, and the number of this save among its saves."""

    session: UUID
    edit: int


def on_change(listener: Changed) -> None:
    """`listener(owner_id, {"document", "version"})` hears of every new version, within its transaction."""
    _listeners.append(listener)


# --- By a person ------------------------------------------------------------------------------------


def create(
    actor: Actor, kind: str, title: str, content: str = "", *, language: str = "", now: datetime | None = None
) -> Document:
    """A document that a person begins, with its first version. Raises BadRequest, TooLarge. Three queries."""
    kinds.get(kind).check(content)
    with transaction.atomic():
        document = Document.objects.create(
            tenant_id=actor.tenant_id, owner_id=actor.id, kind=kind, title=_title(title), language=_language(language)
        )
        _append(document, None, content, Version.Author.PERSON, now=now)
    return document


def save(
    actor: Actor,
    document_id: UUID,
    content: str | Sequence[Change],
    base: Base,
    *,
    typing: Typing | None = None,
    now: datetime | None = None,
) -> Version:
    """What a person made of version `base`: the whole content, or changes to it.

    With `typing` the version stays open: saves of the same editor within OPEN go into one version as long as nobody
    else writes; those that come late or twice change nothing. Content that says nothing new makes no version.
    Raises Conflict, whose details hold a merge (`_conflict`), BadRequest, TooLarge, NotFound. At most eight queries.
    """
    now = now or timezone.now()
    with transaction.atomic():
        document = _locked(Document.objects.writable_by(actor), document_id)
        latest = _latest(document)
        if latest is None or not _is_read(latest, base, typing):
            raise _conflict(document, latest, base, content)
        if typing is not None and latest.session == typing.session:
            if typing.edit <= latest.edit:
                return latest
            if latest.created_at > now - OPEN:
                return _go_on(document, latest, _whole(latest, base, content), typing, now)
        text = _whole(latest, base, content)
        if text == latest.content and latest.status == Version.Status.COMPLETE:
            return latest
        return _append(document, latest, text, Version.Author.PERSON, typing=typing, now=now)


def restore(actor: Actor, document_id: UUID, number: int) -> Version:
    """An earlier version's content as a new one. Those in between stay. At most eight queries."""
    with transaction.atomic():
        document = _locked(Document.objects.writable_by(actor), document_id)
        wanted, latest = version(document, number), _latest(document)
        if latest is not None and wanted.content == latest.content and wanted.status == latest.status:
            return latest
        return _append(document, latest, wanted.content, Version.Author.PERSON)


def rename(actor: Actor, document_id: UUID, *, title: str | None = None, language: str | None = None) -> Document:
    """Two queries."""
    document = Document.objects.writable_by(actor).get_or_404(document_id)
    document.title = document.title if title is None else _title(title)
    document.language = document.language if language is None else _language(language)
    document.save(update_fields=["title", "language"])
    return document


def delete(actor: Actor, document_id: UUID) -> None:
    """Gone from everywhere, and back with `undelete`. One query. Raises NotFound."""
    if not Document.objects.writable_by(actor).filter(pk=document_id).update(deleted_at=timezone.now()):
        raise NotFound("document")


def undelete(actor: Actor, document_id: UUID) -> None:
    """One query. Raises NotFound."""
    if not Document.objects.deleted_by(actor).filter(pk=document_id).update(deleted_at=None):
        raise NotFound("document")


def version(document: Document, number: int | None = None) -> Version:
    """One version, or the newest. Raises NotFound. One query."""
    wanted = document.version if number is None else number
    found = document.versions.filter(number=wanted).first() if 0 < wanted <= 2**31 - 1 else None
    if found is None:
        raise NotFound("document")
    return found


def library(actor: Actor | None, kind: str = "", words: str = "") -> DocumentQuerySet:
    """An actor's documents, newest first, those of one kind, whose title holds every one of `words`."""
    found = Document.objects.visible_to(actor).written().recent()
    if kind:
        found = found.filter(kind=kind)
    for word in words.split()[:WORDS_MAX]:
        found = found.filter(title__icontains=word)
    return found


def move(guest: User, member: User) -> None:
    """A guest's documents move to the account they log in to. Needs a transaction."""
    Document.objects.filter(owner=guest).update(tenant_id=member.home_id, owner_id=member.pk)


# --- By a model -------------------------------------------------------------------------------------


def begin(origin: Origin, kind: str, title: str, language: str = "") -> Document:
    """A document that a model is about to write. It has no version yet. Raises BadRequest. One query."""
    kinds.get(kind)
    return Document.objects.create(
        tenant_id=origin.tenant,
        owner_id=origin.owner,
        chat=origin.chat,
        kind=kind,
        title=_title(title),
        language=_language(language),
        writer=origin.run,
    )


def take_up(origin: Origin, document_id: UUID) -> tuple[Document, Version]:
    """A document that a model is about to change, and what it reads of it. Raises NotFound. Two queries."""
    document = Document.objects.of(origin.tenant, origin.owner).get_or_404(document_id)
    return document, version(document)


def as_they_are(tenant_id: UUID, owner_id: UUID, document_ids: Iterable[UUID]) -> list[Version]:
    """The newest version of each, with its document, in the order asked for. One query."""
    ids = list(dict.fromkeys(document_ids))
    theirs = Document.objects.of(tenant_id, owner_id).filter(pk__in=ids)
    found = Version.objects.filter(document__in=theirs, number=F("document__version")).select_related("document")
    return sorted(found, key=lambda version: ids.index(version.document_id))


def lay_hand_on(origin: Origin, document_id: UUID) -> None:
    """Say which run is writing a document now. One query."""
    Document.objects.of(origin.tenant, origin.owner).filter(pk=document_id).update(writer=origin.run)


@dataclass(frozen=True, slots=True)
class Written:
    """What became of a model's words. `merged`: a person had written meanwhile, and both are in `version`. `aside`:
    they could not be merged; `version` holds the model's words, and the newest one still holds the person's."""

    version: int
    status: str
    merged: bool = False
    aside: bool = False


def write(
    origin: Origin,
    n: int,
    document_id: UUID,
    content: str,
    base: int = 0,
    *,
    partial: bool = False,
    now: datetime | None = None,
) -> Written:
    """Keep what a run wrote as its `n`th artifact, from version `base`. The same run and `n` twice is one version.

    A person's words are never lost by it: changes since `base` are merged; where that cannot be, the model's text
    becomes a version, and the person's text another one on top of it. Raises NotFound when the document is gone.
    At most fifteen queries.
    """
    with transaction.atomic():
        # Whose it is was asked when the run took it up; a guest may have logged in to an account since.
        document = _locked(Document.objects.all(), document_id)
        if earlier := Version.objects.filter(run=origin.run, n=n).first():
            return Written(earlier.number, earlier.status)
        kind = kinds.KINDS.get(document.kind)
        latest = _latest(document)
        append = partial_(_append, document, origin=origin, n=n, partial=partial, now=now)
        if document.writer == origin.run:
            document.writer = None
        if latest is None or latest.number == base:
            made = append(latest, content, Version.Author.MODEL)
            return Written(made.number, made.status)
        began = document.versions.filter(number=base).first()
        merge = merging.merge(
            began.content if began else "", latest.content, content, kind.cut if kind else merging.lines
        )
        if merge.clean and not partial:
            made = append(latest, merge.text, Version.Author.MODEL)
            return Written(made.number, made.status, merged=True)
        made = append(latest, content, Version.Author.MODEL)
        _append(document, made, latest.content, Version.Author.PERSON, now=now)
        return Written(made.number, made.status, aside=True)


def cut(origin: Origin, n: int, document_id: UUID, content: str, base: int = 0) -> Written:
    """Keep what there is of an artifact that was not finished, as a partial version. A change that had not begun, and
    one of a document that is gone, leaves none. As many queries as `write`."""
    if base and not content.strip():
        made = Version.objects.filter(run=origin.run, n=n).first()
        return Written(made.number, made.status) if made else Written(base, Version.Status.PARTIAL)
    try:
        return write(origin, n, document_id, content, base, partial=True)
    except NotFound:
        return Written(base, Version.Status.PARTIAL)


def suggest(origin: Origin, document_id: UUID, number: int, found: Iterable[tuple[str, str, str]]) -> list[Suggestion]:
    """Keep (original, proposal, reason) of version `number`. Each original stands there exactly once, apart from the
    others; what does not is left out. At most four queries.
    """
    with transaction.atomic():
        document = _locked(Document.objects.of(origin.tenant, origin.owner), document_id)
        read, newest = version(document, number), version(document)
        taken = [
            (suggestion.position, suggestion.position + len(suggestion.original))
            for suggestion in document.suggestions.open()  # type: ignore[attr-defined]  # made from the queryset
        ]
        moves = edits.between(read.content, newest.content)
        kept: list[Suggestion] = []
        for original, proposal, reason in found:
            if original == proposal or clean(proposal + reason) != proposal + reason or len(taken) >= SUGGESTIONS_MAX:
                continue
            try:
                [change] = edits.locate(read.content, [Edit(original, proposal)])
            except edits.Unfit:
                continue
            start = edits.anchored(read.content, newest.content, original, change.start, moves)
            if start is None or any(start < end and start + len(original) > begin for begin, end in taken):
                continue
            taken.append((start, start + len(original)))
            kept.append(
                Suggestion(
                    document=document,
                    version=number,
                    original=original,
                    proposal=proposal,
                    reason=reason,
                    run=origin.run,
                    position=start,
                )
            )
        Suggestion.objects.bulk_create(kept)
    return kept


# --- Suggestions, by a person -----------------------------------------------------------------------


def accept(actor: Actor, document_id: UUID, suggestion_id: UUID, proposal: str | None = None) -> Version:
    """The proposal, or what the person made of it, in the place of the original: a new version.

    Raises NotFound, Conflict when it was settled before or its passage is gone. At most nine queries.
    """
    with transaction.atomic():
        document = _locked(Document.objects.writable_by(actor), document_id)
        return _accept(document, _suggestion(document, suggestion_id), proposal)


def accept_all(actor: Actor, document_id: UUID) -> list[Version]:
    """Every open one, from the top; each makes a version. Five queries and some seven for each."""
    with transaction.atomic():
        document = _locked(Document.objects.writable_by(actor), document_id)
        wanted = list(document.suggestions.filter(state=Suggestion.State.OPEN).values_list("pk", flat=True))
        return [_accept(document, _suggestion(document, suggestion_id), None) for suggestion_id in wanted]


def reject(actor: Actor, document_id: UUID, suggestion_id: UUID) -> Suggestion:
    """Two queries. Raises NotFound, Conflict when it was settled before."""
    document = Document.objects.writable_by(actor).get_or_404(document_id)
    suggestion = _suggestion(document, suggestion_id)
    _settle(suggestion, Suggestion.State.REJECTED)
    return suggestion


def reject_all(actor: Actor, document_id: UUID) -> int:
    """Two queries. How many it were."""
    document = Document.objects.writable_by(actor).get_or_404(document_id)
    waiting = document.suggestions.filter(state__in=_UNSETTLED)
    return waiting.update(state=Suggestion.State.REJECTED, settled_at=timezone.now())


_UNSETTLED: Final = (Suggestion.State.OPEN, Suggestion.State.STALE)


def _accept(document: Document, suggestion: Suggestion, proposal: str | None) -> Version:
    latest = version(document)
    end = suggestion.position + len(suggestion.original)
    if suggestion.state == Suggestion.State.STALE or latest.content[suggestion.position : end] != suggestion.original:
        raise Conflict("suggestion", details={"state": str(suggestion.state)})
    _settle(suggestion, Suggestion.State.ACCEPTED)
    text = suggestion.proposal if proposal is None else proposal
    change = Change(suggestion.position, end, text)
    return _append(document, latest, edits.apply(latest.content, [change]), Version.Author.PERSON, changes=[change])


def _suggestion(document: Document, suggestion_id: UUID) -> Suggestion:
    return Suggestion.objects.filter(document=document).get_or_404(suggestion_id)


def _settle(suggestion: Suggestion, state: Suggestion.State) -> None:
    """Raises Conflict when somebody was faster."""
    waiting: SuggestionQuerySet = Suggestion.objects.filter(pk=suggestion.pk, state__in=_UNSETTLED)
    if not waiting.update(state=state, settled_at=timezone.now()):
        suggestion.refresh_from_db(fields=["state"])
        raise Conflict("suggestion", details={"state": str(suggestion.state)})
    suggestion.state = state


# --- Below ------------------------------------------------------------------------------------------


def _append(
    document: Document,
    latest: Version | None,
    content: str,
    author: Version.Author,
    *,
    origin: Origin | None = None,
    n: int | None = None,
    partial: bool = False,
    typing: Typing | None = None,
    changes: Sequence[Change] | None = None,
    now: datetime | None = None,
) -> Version:
    """The next version. The caller holds the document's row. Three queries, two more for suggestions."""
    if (kind := kinds.KINDS.get(document.kind)) is not None:
        kind.check(content)
    now = now or timezone.now()
    made = Version.objects.create(
        document=document,
        number=document.version + 1,
        content=content,
        author=author,
        status=Version.Status.PARTIAL if partial else Version.Status.COMPLETE,
        base=latest.number if latest else None,
        run=origin.run if origin else None,
        n=n,
        message=origin.message if origin else None,
        session=typing.session if typing else None,
        edit=typing.edit if typing else 0,
        created_at=now,
        saved_at=now,
    )
    document.version, document.updated_at = made.number, now
    document.save(update_fields=["version", "updated_at", "writer"])
    if latest is not None:
        _carry_suggestions(document, latest.content, content, changes)
    _tell(document)
    return made


def _go_on(document: Document, latest: Version, content: str, typing: Typing, now: datetime) -> Version:
    if (kind := kinds.KINDS.get(document.kind)) is not None:
        kind.check(content)
    before = latest.content
    if Version.objects.go_on(latest, content, typing.edit, now):
        latest.content, latest.edit, latest.saved_at = content, typing.edit, now
        Document.objects.filter(pk=document.pk).update(updated_at=now)
        _carry_suggestions(document, before, content, None)
        _tell(document)
    return latest


def _carry_suggestions(document: Document, old: str, new: str, changes: Sequence[Change] | None) -> None:
    """Open suggestions follow their passage; where it is gone they are stale, and open again when it comes back."""
    waiting = list(document.suggestions.filter(state__in=_UNSETTLED))
    if not waiting:
        return
    changes = edits.between(old, new) if changes is None else changes
    altered = []
    for suggestion in waiting:
        if suggestion.state == Suggestion.State.STALE:
            place: int | None = new.find(suggestion.original)
            place = None if place is not None and place < 0 else place
        else:
            place = edits.anchored(old, new, suggestion.original, suggestion.position, changes)
        state = Suggestion.State.STALE if place is None else Suggestion.State.OPEN
        if state != suggestion.state or place not in (None, suggestion.position):
            suggestion.state, suggestion.position = state, suggestion.position if place is None else place
            altered.append(suggestion)
    Suggestion.objects.bulk_update(altered, ["state", "position"])


def _conflict(document: Document, latest: Version | None, base: Base, content: str | Sequence[Change]) -> Conflict:
    """Somebody was faster. The details say what stands there now, and how both could be one.

    `{"version", "digest", "content", "clean", "pieces": [{"text"} | {"mine", "theirs", "base"}]}`
    """
    if latest is None:
        return Conflict("document", details={"version": 0})
    read = document.versions.filter(number=base.version).first()
    if read is not None and base.digest and read.digest != base.digest and read.base:
        # It was read while it was open, and what was read is overwritten: its own base is what both have in common.
        read = document.versions.filter(number=read.base).first()
    before = read.content if read else ""
    kind = kinds.KINDS.get(document.kind)
    mine = content if isinstance(content, str) else None
    if mine is None and read is not None and read.number == base.version:
        try:
            mine = edits.apply(before, content)  # type: ignore[arg-type]  # a str was dealt with
        except ValueError:
            mine = None
    details: dict[str, Any] = {"version": latest.number, "digest": latest.digest, "content": latest.content}
    if mine is not None:
        merge = merging.merge(before, mine, latest.content, kind.cut if kind else merging.lines)
        details["clean"] = merge.clean
        details["pieces"] = [
            {"mine": piece.mine, "theirs": piece.theirs, "base": piece.base} if piece.conflict else {"text": piece.text}
            for piece in merge.pieces
        ]
    return Conflict("document", details=details)


def _is_read(latest: Version, base: Base, typing: Typing | None) -> bool:
    """Whether who names `base` knows what stands there. The editor that wrote it does, also when it has not heard yet
    what number that became. For others the number of an open version says too little."""
    if typing is not None and latest.session == typing.session:
        return base.version in (latest.number, latest.base)
    if base.version != latest.number:
        return False
    return base.digest == latest.digest if base.digest else latest.session is None


def _whole(latest: Version, base: Base, content: str | Sequence[Change]) -> str:
    """The content that a save means. Changes count in the version they name, as it is now."""
    if isinstance(content, str):
        return content
    if base.version != latest.number or (base.digest and base.digest != latest.digest):
        raise Conflict("document", details={"version": latest.number, "digest": latest.digest})
    try:
        return edits.apply(latest.content, content)
    except ValueError as exc:
        raise BadRequest("document", str(exc), param="changes") from exc


def _locked(documents: Any, document_id: UUID) -> Document:
    found: Document | None = documents.select_for_update().filter(pk=document_id).first()
    if found is None:
        raise NotFound("document")
    return found


def _latest(document: Document) -> Version | None:
    return document.versions.filter(number=document.version).first() if document.version else None


def _tell(document: Document) -> None:
    told = {"document": str(document.pk), "version": document.version}
    for listener in _listeners:
        listener(document.owner_id, told)


def _title(title: str) -> str:
    title = " ".join(clean(title).split())
    if not title:
        raise BadRequest("document", param="title")
    if len(title) > TITLE_MAX:
        raise TooLarge("document", param="title", details={"limit": TITLE_MAX})
    return title


def _language(language: str) -> str:
    return "".join(sign for sign in clean(language) if sign.isprintable())[:40].strip()
