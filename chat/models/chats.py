"""A chat: a tree of messages with an owner."""

from __future__ import annotations

from typing import TYPE_CHECKING, Self
from uuid import UUID

from django.conf import settings
from django.db import models
from django.db.models.functions import Now
from django.utils.translation import gettext_lazy as _

from accounts.actors import Actor
from accounts.models import Tenant
from config.errors import NotFound
from config.ids import uuid7

if TYPE_CHECKING:
    from chat.models.runs import Run


class ChatQuerySet(models.QuerySet["Chat"]):
    """The one door to chats: whoever may not see a chat does not find it."""

    def visible_to(self, actor: Actor | None) -> Self:
        return self.filter(tenant_id=actor.tenant_id, owner_id=actor.id) if actor else self.none()

    def writable_by(self, actor: Actor | None) -> Self:
        return self.visible_to(actor)

    def get_or_404(self, chat_id: UUID, *, surface: str = "chat") -> Chat:
        """Raises NotFound, the same for absent and for foreign."""
        chat = self.filter(pk=chat_id).first()
        if chat is None:
            raise NotFound(surface)
        return chat

    def recent(self) -> Self:
        return self.order_by("-updated_at", "-id")

    def with_head(self) -> Self:
        """Each with the end of its branch, and what that hangs on, without what they say."""
        return self.select_related("head__parent").defer("head__parts", "head__parent__parts")

    def with_running(self) -> Self:
        """Annotates `running`: an answer of this chat is being written."""
        from_runs = models.Q(message__chat=models.OuterRef("pk"), status__in=("queued", "streaming"))
        runs: type[Run] = self.model._meta.apps.get_model("chat", "Run")
        return self.annotate(running=models.Exists(runs.objects.filter(from_runs)))

    def with_unread(self) -> Self:
        """Annotates `unread`: an answer of this chat has ended since its owner looked at it."""
        runs: type[Run] = self.model._meta.apps.get_model("chat", "Run")
        ended = runs.objects.filter(message__chat=models.OuterRef("pk"), finished_at__gt=models.OuterRef("read_at"))
        return self.annotate(unread=models.Exists(ended))

    def mark_read(self, chat: Chat) -> None:
        """Its owner has seen how it ends. `chat` comes from `with_unread`; nothing is written when nothing is new."""
        if getattr(chat, "unread", False):
            self.filter(pk=chat.pk).update(read_at=Now())


class Chat(models.Model):
    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    tenant = models.ForeignKey(Tenant, models.CASCADE, verbose_name=_("tenant"))
    owner = models.ForeignKey(settings.AUTH_USER_MODEL, models.CASCADE, verbose_name=_("owner"))
    title = models.CharField(_("title"), max_length=200, blank=True)
    # The end of the branch that is shown and continued: an answer, or a question whose answers all go on by themselves.
    head = models.ForeignKey("chat.Message", models.SET_NULL, null=True, editable=False, related_name="+")
    created_at = models.DateTimeField(_("created"), auto_now_add=True)
    # When something was last said, not when a title changed.
    updated_at = models.DateTimeField(_("last message"), auto_now_add=True)
    # When its owner last saw its end; an answer that ended later is unread.
    read_at = models.DateTimeField(null=True, editable=False)

    objects = ChatQuerySet.as_manager()

    class Meta:
        verbose_name, verbose_name_plural = _("chat"), _("chats")
        indexes = [models.Index(fields=["owner", "-updated_at"], name="chat_recent")]

    def __str__(self) -> str:
        return self.title or str(_("New chat"))
