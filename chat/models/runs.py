"""A run: one model producing one answer. Its row is the truth about its state, its events about its text."""

from __future__ import annotations

from typing import Any, ClassVar, Self
from uuid import UUID

from django.conf import settings
from django.db import models
from django.db.models.functions import Coalesce
from django.utils.translation import gettext_lazy as _

from accounts.actors import Actor
from accounts.models import Tenant
from chat.models.messages import Message
from config.errors import NotFound
from config.ids import uuid7


class Worker(models.Model):
    """A process that writes answers. Alive while it says so by the database's clock."""

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    name = models.CharField(_("name"), max_length=120)
    started_at = models.DateTimeField(_("started"), auto_now_add=True)
    seen_at = models.DateTimeField(_("last seen"))

    class Meta:
        verbose_name, verbose_name_plural = _("worker"), _("workers")

    def __str__(self) -> str:
        return self.name


class RunQuerySet(models.QuerySet["Run"]):
    def visible_to(self, actor: Actor | None) -> Self:
        return self.filter(tenant_id=actor.tenant_id, owner_id=actor.id) if actor else self.none()

    def writable_by(self, actor: Actor | None) -> Self:
        return self.visible_to(actor)

    def get_or_404(self, run_id: UUID, *, surface: str = "run") -> Run:
        run = self.filter(pk=run_id).first()
        if run is None:
            raise NotFound(surface)
        return run

    def active(self) -> Self:
        return self.filter(status__in=Run.ACTIVE)

    def claimable(self) -> Self:
        """Queued, and not waiting for an earlier answer of the same branch, in a comparison of the same lane."""
        before = Coalesce(models.OuterRef("message__previous"), models.OuterRef("message__parent__parent"))
        earlier = Run.objects.active().filter(message=before)
        return self.filter(~models.Exists(earlier), status=Run.Status.QUEUED)


class Run(models.Model):
    class Status(models.TextChoices):
        QUEUED = "queued", _("queued")
        STREAMING = "streaming", _("streaming")
        COMPLETE = "complete", _("complete")
        STOPPED = "stopped", _("stopped")
        FAILED = "failed", _("failed")
        INTERRUPTED = "interrupted", _("interrupted")

    ACTIVE: ClassVar = (Status.QUEUED, Status.STREAMING)

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    tenant = models.ForeignKey(Tenant, models.CASCADE, related_name="+", verbose_name=_("tenant"))
    owner = models.ForeignKey(settings.AUTH_USER_MODEL, models.CASCADE, related_name="+", verbose_name=_("owner"))
    message = models.ForeignKey(Message, models.CASCADE, null=True, related_name="runs", verbose_name=_("answer"))
    # The client's id for what it asked: the same id twice is one turn. For a question it is the message's id.
    turn = models.UUIDField(editable=False)
    position = models.PositiveSmallIntegerField(editable=False, default=0)
    model = models.CharField(_("model"), max_length=200)
    # Who really answered, once somebody did.
    provider = models.CharField(_("provider"), max_length=60, blank=True)
    options: models.JSONField[Any, Any] = models.JSONField(_("options"), default=dict)
    # One lane of a blind comparison: it speaks only when all of them have ended. See chat.runs.veil.
    blind = models.BooleanField(_("blind"), default=False, editable=False)
    # The span that asked for it (W3C traceparent), when there are traces.
    trace = models.CharField(max_length=55, blank=True, editable=False)

    status = models.CharField(_("status"), max_length=11, choices=Status.choices, default=Status.QUEUED)
    # Raised by every claim; whoever holds an older one has lost the run.
    epoch = models.PositiveIntegerField(default=0, editable=False)
    worker = models.ForeignKey(
        Worker, models.SET_NULL, null=True, editable=False, related_name="runs", db_constraint=False
    )
    stop_requested_at = models.DateTimeField(null=True, editable=False)
    finish_reason = models.CharField(_("finish reason"), max_length=20, blank=True)
    error_code = models.CharField(_("error"), max_length=60, blank=True)
    error_message = models.CharField(max_length=300, blank=True)
    # Number of the last event; set when the run ends, events may be pruned later.
    last_seq = models.PositiveIntegerField(default=0, editable=False)

    tokens_in = models.PositiveIntegerField(_("tokens in"), null=True)
    tokens_out = models.PositiveIntegerField(_("tokens out"), null=True)
    tokens_cached = models.PositiveIntegerField(default=0)
    tokens_reasoning = models.PositiveIntegerField(default=0)
    usage_source = models.CharField(max_length=9, default="unknown")
    cost_nano = models.BigIntegerField(_("cost (nano-USD)"), null=True)
    ttft_ms = models.PositiveIntegerField(_("first token (ms)"), null=True)
    duration_ms = models.PositiveIntegerField(_("duration (ms)"), null=True)

    created_at = models.DateTimeField(_("created"), auto_now_add=True)
    started_at = models.DateTimeField(_("started"), null=True)
    finished_at = models.DateTimeField(_("finished"), null=True)

    objects = RunQuerySet.as_manager()

    class Meta:
        verbose_name, verbose_name_plural = _("run"), _("runs")
        constraints = [models.UniqueConstraint(fields=["turn", "position"], name="run_once_per_turn_and_position")]
        indexes = [
            models.Index(fields=["status", "created_at"], name="run_waiting", condition=models.Q(status="queued")),
            models.Index(fields=["worker"], name="run_held", condition=models.Q(status="streaming")),
            models.Index(fields=["owner", "-created_at"], name="run_of_owner"),
        ]

    def __str__(self) -> str:
        return f"{self.model} {self.id}"

    @property
    def is_active(self) -> bool:
        return self.status in self.ACTIVE

    def brief(self) -> dict[str, str]:
        """What a frame tells of a run; of a blind one neither who answers nor how far that has come."""
        model, status = ("", Run.Status.QUEUED) if self.blind else (self.model, self.status)
        return {"id": str(self.pk), "model": model, "message": str(self.message_id), "status": str(status)}

    def visible_to(self, actor: Actor) -> bool:
        """The row-wise twin of the queryset's rule, for a reader whose rights are checked again and again."""
        return self.tenant_id == actor.tenant_id and self.owner_id == actor.id


class RunEvent(models.Model):
    """One thing a run said. `body` is the event as JSON text, sent to readers as it stands."""

    pk = models.CompositePrimaryKey("run_id", "seq")
    # No constraint in the database: the writer has just locked the run, checking again costs a lookup a row.
    run = models.ForeignKey(Run, models.CASCADE, related_name="events", db_constraint=False, db_index=False)
    seq = models.PositiveIntegerField()
    body = models.TextField()

    def __str__(self) -> str:
        return f"{self.run_id} #{self.seq}"
