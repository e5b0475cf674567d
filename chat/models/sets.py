"""A named set of models: whom somebody likes to ask together."""

from __future__ import annotations

from typing import Any, Self
from uuid import UUID

from django.conf import settings
from django.db import models
from django.utils.translation import gettext_lazy as _

from accounts.actors import Actor
from accounts.models import Tenant
from config.errors import NotFound
from config.ids import uuid7


class ModelSetQuerySet(models.QuerySet["ModelSet"]):
    def visible_to(self, actor: Actor | None) -> Self:
        return self.filter(tenant_id=actor.tenant_id, owner_id=actor.id) if actor else self.none()

    def writable_by(self, actor: Actor | None) -> Self:
        return self.visible_to(actor)

    def get_or_404(self, set_id: UUID, *, surface: str = "set") -> ModelSet:
        found = self.filter(pk=set_id).first()
        if found is None:
            raise NotFound(surface)
        return found


class ModelSet(models.Model):
    """`members` are ids of models in order, the same one perhaps several times."""

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    tenant = models.ForeignKey(Tenant, models.CASCADE, related_name="+", verbose_name=_("tenant"))
    owner = models.ForeignKey(settings.AUTH_USER_MODEL, models.CASCADE, related_name="+", verbose_name=_("owner"))
    name = models.CharField(_("name"), max_length=60)
    members: models.JSONField[Any, Any] = models.JSONField(_("models"), default=list)
    created_at = models.DateTimeField(_("created"), auto_now_add=True)

    objects = ModelSetQuerySet.as_manager()

    class Meta:
        verbose_name, verbose_name_plural = _("set of models"), _("sets of models")
        ordering = ["created_at"]
        constraints = [models.UniqueConstraint(fields=["owner", "tenant", "name"], name="set_named_once")]

    def __str__(self) -> str:
        return self.name
