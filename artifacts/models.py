"""A document that models and people write together, its numbered versions, and suggestions to change it.

Where a document came from (chat, run, message) is kept as plain ids: those things belong to an upper app and may
go away without it. `Document.version` is the number of the newest version, 0 while the first is being written; it is
raised by a conditional update, so of two who save at once one is told that the other was faster.

A version never changes and never goes away by itself. One kind is still open: what a person is typing is saved every
few seconds, and one row holds the whole of it as long as the same editor goes on (`documents.save`).
"""

from __future__ import annotations

from datetime import datetime
from hashlib import blake2b
from typing import Any, NoReturn, Self
from uuid import UUID

from django.conf import settings
from django.db import models
from django.utils.translation import gettext_lazy as _

from accounts.actors import Actor
from accounts.models import Tenant
from config.errors import NotFound
from config.ids import uuid7


class DocumentQuerySet(models.QuerySet["Document"]):
    """The one door to documents: whoever may not see one does not find it."""

    def of(self, tenant_id: UUID, owner_id: UUID) -> Self:
        """Not those that were deleted."""
        return self.filter(tenant_id=tenant_id, owner_id=owner_id, deleted_at=None)

    def visible_to(self, actor: Actor | None) -> Self:
        return self.of(actor.tenant_id, actor.id) if actor else self.none()

    def writable_by(self, actor: Actor | None) -> Self:
        return self.visible_to(actor)

    def deleted_by(self, actor: Actor | None) -> Self:
        """What the actor deleted and may still have back."""
        if actor is None:
            return self.none()
        return self.filter(tenant_id=actor.tenant_id, owner_id=actor.id, deleted_at__isnull=False)

    def written(self) -> Self:
        """Those that say something already."""
        return self.filter(version__gt=0)

    def recent(self) -> Self:
        return self.order_by("-updated_at", "-id")

    def get_or_404(self, document_id: UUID, *, surface: str = "document") -> Document:
        """Raises NotFound, the same for absent and for foreign."""
        document = self.filter(pk=document_id).first()
        if document is None:
            raise NotFound(surface)
        return document


class Document(models.Model):
    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    tenant = models.ForeignKey(Tenant, models.CASCADE, related_name="+", verbose_name=_("tenant"))
    owner = models.ForeignKey(settings.AUTH_USER_MODEL, models.CASCADE, related_name="+", verbose_name=_("owner"))
    chat = models.UUIDField(null=True, editable=False, db_index=True)
    kind = models.CharField(_("kind"), max_length=20)
    title = models.CharField(_("title"), max_length=200)
    language = models.CharField(_("language"), max_length=40, blank=True)
    version = models.PositiveIntegerField(_("version"), default=0)
    # The run that is writing it now. Ask the run whether that is still so.
    writer = models.UUIDField(null=True, editable=False)
    created_at = models.DateTimeField(_("created"), auto_now_add=True)
    updated_at = models.DateTimeField(_("changed"), auto_now_add=True)
    deleted_at = models.DateTimeField(_("deleted"), null=True)

    objects = DocumentQuerySet.as_manager()

    class Meta:
        verbose_name, verbose_name_plural = _("document"), _("documents")
        indexes = [
            models.Index(fields=["owner", "-updated_at"], name="document_recent", condition=models.Q(deleted_at=None))
        ]

    def __str__(self) -> str:
        return self.title


class VersionQuerySet(models.QuerySet["Version"]):
    def update(self, **fields: Any) -> NoReturn:
        raise TypeError("Versions do not change.")

    def delete(self) -> NoReturn:
        raise TypeError("Versions are kept as long as their document.")

    def go_on(self, version: Version, content: str, edit: int, now: datetime) -> bool:
        """What the same editor typed since, put into the version that is still open. False when that is old news."""
        fresh = self.filter(pk=version.pk, session=version.session, edit__lt=edit)
        return bool(models.QuerySet.update(fresh, content=content, edit=edit, saved_at=now))


class Version(models.Model):
    class Author(models.TextChoices):
        PERSON = "person", _("person")
        MODEL = "model", _("model")

    class Status(models.TextChoices):
        COMPLETE = "complete", _("complete")
        PARTIAL = "partial", _("partial")

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    document = models.ForeignKey(Document, models.CASCADE, related_name="versions", verbose_name=_("document"))
    number = models.PositiveIntegerField(_("version"))
    # Its text; of a kind that is kept as a file, what the file was made from.
    content = models.TextField(_("content"), blank=True)
    file = models.FileField(_("file"), upload_to="documents", blank=True)
    author = models.CharField(_("author"), max_length=6, choices=Author.choices)
    status = models.CharField(_("status"), max_length=8, choices=Status.choices, default=Status.COMPLETE)
    # The number of the version it was made from; none for the first.
    base = models.PositiveIntegerField(_("made from"), null=True)
    # Of a model's version: which run wrote it, in which place among what that run wrote, for which answer.
    run = models.UUIDField(null=True, editable=False)
    n = models.PositiveSmallIntegerField(null=True, editable=False)
    message = models.UUIDField(null=True, editable=False)
    # Of a person's: the editor that saved it, and how often; see `documents.save`.
    session = models.UUIDField(null=True, editable=False)
    edit = models.PositiveIntegerField(default=0, editable=False)
    created_at = models.DateTimeField(_("created"))
    saved_at = models.DateTimeField(_("saved"))

    objects = VersionQuerySet.as_manager()

    class Meta:
        verbose_name, verbose_name_plural = _("version"), _("versions")
        ordering = ["number"]
        constraints = [
            models.UniqueConstraint(fields=["document", "number"], name="version_number_once"),
            models.UniqueConstraint(fields=["run", "n"], name="version_once_per_run_and_place"),
            models.CheckConstraint(condition=models.Q(number__gt=0), name="version_counts_from_one"),
        ]

    def __str__(self) -> str:
        return f"v{self.number}"

    def save(self, *args: Any, **kwargs: Any) -> None:
        if not self._state.adding:
            raise TypeError("Versions do not change.")
        super().save(*args, **kwargs)

    def delete(self, *args: Any, **kwargs: Any) -> NoReturn:
        raise TypeError("Versions are kept as long as their document.")

    @property
    def digest(self) -> str:
        """Names the content exactly, also while a version is open and its number says too little."""
        return blake2b(self.content.encode(errors="replace"), digest_size=12).hexdigest()


class SuggestionQuerySet(models.QuerySet["Suggestion"]):
    def visible_to(self, actor: Actor | None) -> Self:
        return self.filter(document__in=Document.objects.visible_to(actor))

    def writable_by(self, actor: Actor | None) -> Self:
        return self.filter(document__in=Document.objects.writable_by(actor))

    def open(self) -> Self:
        return self.filter(state=Suggestion.State.OPEN)

    def get_or_404(self, suggestion_id: UUID, *, surface: str = "suggestion") -> Suggestion:
        found = self.filter(pk=suggestion_id).first()
        if found is None:
            raise NotFound(surface)
        return found


class Suggestion(models.Model):
    class State(models.TextChoices):
        OPEN = "open", _("open")
        ACCEPTED = "accepted", _("accepted")
        REJECTED = "rejected", _("rejected")
        STALE = "stale", _("out of date")

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    document = models.ForeignKey(Document, models.CASCADE, related_name="suggestions", verbose_name=_("document"))
    # Number of the version it was made for.
    version = models.PositiveIntegerField(_("version"))
    original = models.TextField(_("original"))
    proposal = models.TextField(_("proposal"), blank=True)
    reason = models.TextField(_("reason"), blank=True)
    author = models.CharField(_("author"), max_length=6, choices=Version.Author.choices, default=Version.Author.MODEL)
    run = models.UUIDField(null=True, editable=False)
    state = models.CharField(_("state"), max_length=8, choices=State.choices, default=State.OPEN)
    # Where `original` begins in the newest version, in characters; follows it as the text moves.
    position = models.PositiveIntegerField(_("position"))
    created_at = models.DateTimeField(_("created"), auto_now_add=True)
    settled_at = models.DateTimeField(_("settled"), null=True)

    objects = SuggestionQuerySet.as_manager()

    class Meta:
        verbose_name, verbose_name_plural = _("suggestion"), _("suggestions")
        ordering = ["position", "created_at", "id"]
        constraints = [
            models.CheckConstraint(condition=~models.Q(original=""), name="suggestion_names_a_passage"),
        ]

    def __str__(self) -> str:
        return self.original[:60]
