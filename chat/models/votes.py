"""What a person thinks of answers: one row a person and message.

On a question the vote compares its answers: one is better, they tie, or all are bad. On an answer it is up or
down. `compared` keeps who stood there when the vote was cast, so that the ranking can be computed from votes
alone and a lane that is added later changes nothing: `[{"answer": id, "model": id}, …]` in the order shown.
"""

from __future__ import annotations

from typing import Any, ClassVar, Self

from django.conf import settings
from django.db import models
from django.utils.translation import gettext_lazy as _

from accounts.actors import Actor
from accounts.models import Tenant
from chat.models.messages import Message
from config.ids import uuid7


class VoteQuerySet(models.QuerySet["Vote"]):
    def visible_to(self, actor: Actor | None) -> Self:
        return self.filter(tenant_id=actor.tenant_id, person_id=actor.id) if actor else self.none()

    def writable_by(self, actor: Actor | None) -> Self:
        return self.visible_to(actor)

    def ranking(self, actor: Actor | None) -> Self:
        """The comparisons that count in the ranking of the actor's tenant, whoever of it cast them."""
        if actor is None:
            return self.none()
        return self.filter(tenant_id=actor.tenant_id, counts=True, choice__in=Vote.COMPARING)


class Vote(models.Model):
    class Choice(models.TextChoices):
        UP = "up", _("good answer")
        DOWN = "down", _("bad answer")
        BETTER = "better", _("this one is better")
        TIE = "tie", _("tie")
        BAD = "bad", _("all are bad")

    COMPARING: ClassVar = (Choice.BETTER, Choice.TIE, Choice.BAD)

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    tenant = models.ForeignKey(Tenant, models.CASCADE, related_name="+", verbose_name=_("tenant"))
    person = models.ForeignKey(settings.AUTH_USER_MODEL, models.CASCADE, related_name="+", verbose_name=_("person"))
    message = models.ForeignKey(Message, models.CASCADE, related_name="votes", verbose_name=_("message"))
    choice = models.CharField(_("vote"), max_length=6, choices=Choice.choices)
    winner = models.ForeignKey(Message, models.CASCADE, null=True, related_name="+", verbose_name=_("better answer"))
    compared: models.JSONField[Any, Any] = models.JSONField(default=list)
    # Cast before anybody could know who gave which answer.
    blind = models.BooleanField(_("blind"), default=False)
    # False for what was cast, or changed, after the names of a blind comparison were shown.
    counts = models.BooleanField(_("counts"), default=True)
    tag = models.CharField(_("tag"), max_length=40, blank=True)
    created_at = models.DateTimeField(_("created"), auto_now_add=True)
    updated_at = models.DateTimeField(_("changed"), auto_now=True)

    objects = VoteQuerySet.as_manager()

    class Meta:
        verbose_name, verbose_name_plural = _("vote"), _("votes")
        constraints = [
            models.UniqueConstraint(fields=["person", "message"], name="vote_once_per_person_and_message"),
            models.CheckConstraint(
                condition=models.Q(choice="better", winner__isnull=False)
                | (~models.Q(choice="better") & models.Q(winner__isnull=True)),
                name="vote_names_a_winner_when_there_is_one",
            ),
        ]
        indexes = [models.Index(fields=["tenant", "created_at"], name="vote_of_tenant")]

    def __str__(self) -> str:
        return f"{self.get_choice_display()} {self.message_id}"
