"""A message: a person's, or one model's answer. Messages of a chat form a tree.

`parts` holds what was said, as written by `chat.parts`: a list of
`{"type": "text", "text"}`, `{"type": "reasoning", "text", "ms"}` and
`{"type": "tool", "call", "name", "arguments", "ok", "result"}`.
"""

from __future__ import annotations

from typing import Any, ClassVar, Self
from uuid import UUID

from django.db import connection, models
from django.utils.translation import gettext_lazy as _

from accounts.actors import Actor
from chat.models.chats import Chat
from config.errors import NotFound
from config.ids import uuid7


class MessageQuerySet(models.QuerySet["Message"]):
    def visible_to(self, actor: Actor | None) -> Self:
        return self.filter(chat__in=Chat.objects.visible_to(actor))

    def writable_by(self, actor: Actor | None) -> Self:
        return self.filter(chat__in=Chat.objects.writable_by(actor))

    def get_or_404(self, message_id: UUID, *, surface: str = "message") -> Message:
        message = self.filter(pk=message_id).select_related("chat").first()
        if message is None:
            raise NotFound(surface)
        return message

    def with_vote_of(self, person_id: UUID) -> Self:
        """Annotates what a person thinks of each: `vote_choice`, `vote_winner`, `vote_tag`, `vote_blind`,
        `vote_counts`; None where they did not say."""
        mine = models.FilteredRelation("votes", condition=models.Q(votes__person=person_id))
        fields = {f"vote_{name}": models.F(f"mine__{name}") for name in ("choice", "winner", "tag", "blind", "counts")}
        return self.annotate(mine=mine).annotate(**fields)

    def path_to(self, leaf_id: UUID | None) -> list[UUID]:
        """Ids from the first message of the chat down to `leaf_id`. One recursive query."""
        if leaf_id is None:
            return []
        table = connection.ops.quote_name(self.model._meta.db_table)
        field = self.model._meta.pk
        with connection.cursor() as cursor:
            cursor.execute(
                f"WITH RECURSIVE up(id, parent_id, depth) AS ("  # noqa: S608  (a table name of ours)
                f" SELECT id, parent_id, 0 FROM {table} WHERE id = %s"
                f" UNION ALL SELECT m.id, m.parent_id, up.depth + 1 FROM {table} m JOIN up ON m.id = up.parent_id)"
                f" SELECT id FROM up ORDER BY depth DESC",
                [field.get_db_prep_value(leaf_id, connection)],
            )
            return [UUID(str(row[0])) for row in cursor.fetchall()]

    def heard_by(self, answer_id: UUID) -> list[UUID]:
        """Ids of what an answer has read, first message first, its own question last. One recursive query.

        From an answer to its question; from there to what the answer's lane said before, or to what the question
        hangs on.
        """
        table = connection.ops.quote_name(self.model._meta.db_table)
        field = self.model._meta.pk
        with connection.cursor() as cursor:
            cursor.execute(
                f"WITH RECURSIVE up(id, next_id, previous_id, depth) AS ("  # noqa: S608  (a table name of ours)
                f" SELECT id, parent_id, previous_id, 0 FROM {table} WHERE id = %s"
                f" UNION ALL SELECT m.id,"
                f" CASE WHEN m.role = 'assistant' THEN m.parent_id ELSE COALESCE(up.previous_id, m.parent_id) END,"
                f" CASE WHEN m.role = 'assistant' THEN m.previous_id END, up.depth + 1"
                f" FROM {table} m JOIN up ON m.id = up.next_id)"
                f" SELECT id FROM up WHERE depth > 0 ORDER BY depth DESC",
                [field.get_db_prep_value(answer_id, connection)],
            )
            return [UUID(str(row[0])) for row in cursor.fetchall()]

    def latest_below(self, message_id: UUID) -> UUID:
        """The end of the newest branch under `message_id`; itself when nothing is there. One recursive query."""
        table = connection.ops.quote_name(self.model._meta.db_table)
        field = self.model._meta.pk
        with connection.cursor() as cursor:
            cursor.execute(
                f"WITH RECURSIVE down(id, created_at, position) AS ("  # noqa: S608  (a table name of ours)
                f" SELECT id, created_at, position FROM {table} WHERE id = %s"
                f" UNION ALL SELECT m.id, m.created_at, m.position FROM {table} m JOIN down ON m.parent_id = down.id)"
                f" SELECT id FROM down ORDER BY created_at DESC, position, id LIMIT 1",
                [field.get_db_prep_value(message_id, connection)],
            )
            return UUID(str(cursor.fetchone()[0]))


class Message(models.Model):
    class Role(models.TextChoices):
        USER = "user", _("person")
        ASSISTANT = "assistant", _("model")

    class Veil(models.TextChoices):
        """Whether the answers to a question are shown with who gave them."""

        NONE = "", _("open")
        DOWN = "down", _("blind")
        LIFTED = "lifted", _("was blind")

    # The lane of answers that were made out of the others.
    SYNTHESIS: ClassVar = 100

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    chat = models.ForeignKey(Chat, models.CASCADE, related_name="messages", verbose_name=_("chat"))
    parent = models.ForeignKey("self", models.CASCADE, null=True, related_name="children", verbose_name=_("parent"))
    role = models.CharField(_("role"), max_length=9, choices=Role.choices)
    # Which model answers, and in which lane; answers to one question in the same lane are versions of one.
    model = models.CharField(_("model"), max_length=200, blank=True)
    position = models.PositiveSmallIntegerField(_("position"), default=0)
    # What this lane said before, where the question leaves it open because it hangs on a comparison (`chat.lanes`).
    # The tree goes away as a whole, so the database need not watch this.
    previous = models.ForeignKey(
        "self", models.DO_NOTHING, null=True, editable=False, related_name="+", db_constraint=False, db_index=False
    )
    parts: models.JSONField[Any, Any] = models.JSONField(_("content"), default=list)
    # Of a question; see chat.runs.veil.
    veil = models.CharField(_("names"), max_length=6, choices=Veil.choices, blank=True, default=Veil.NONE)
    created_at = models.DateTimeField(_("created"), auto_now_add=True)

    objects = MessageQuerySet.as_manager()

    class Meta:
        verbose_name, verbose_name_plural = _("message"), _("messages")
        ordering = ["created_at", "position", "id"]
        constraints = [
            models.CheckConstraint(
                condition=models.Q(role="user") | models.Q(role="assistant", parent__isnull=False),
                name="message_answers_have_a_question",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.get_role_display()} {self.id}"

    @property
    def text(self) -> str:
        """What was said, without reasoning and tools."""
        return "".join(part["text"] for part in self.parts if part["type"] == "text")
