"""What can be said about a finished comparison, and which comparisons a person has made."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Literal
from uuid import UUID

from django.db.models import Exists, OuterRef, Q
from django.urls import reverse

from accounts.actors import Actor
from chat.models import Chat, Message, Run
from config.errors import NotFound

if TYPE_CHECKING:
    from chat.transcripts import Answer, Meta

PAGE = 20
PROMPT_MAX = 140
Kind = Literal["fastest", "cheapest", "longest"]


@dataclass(frozen=True, slots=True)
class Mark:
    """Who stands out among the answers, and by which figure. `lane` counts from 1."""

    kind: Kind
    lane: int
    label: str
    figure: str


def marks(answers: Sequence[Answer]) -> list[Mark]:
    """The fastest, the cheapest and the longest of the whole answers. Nobody where they are equal or there is one."""
    whole = [
        (lane, answer.label, answer.meta)
        for lane, answer in enumerate(answers, 1)
        if answer.status == Run.Status.COMPLETE and answer.meta
    ]
    found: list[Mark] = []

    def mark(kind: Kind, value: Callable[[Meta], int | None], figure: Callable[[Meta], str]) -> None:
        known = [(number, lane, label, meta) for lane, label, meta in whole if (number := value(meta)) is not None]
        if len({number for number, *_rest in known}) > 1:
            _number, lane, label, meta = min(known, key=lambda one: one[0])
            found.append(Mark(kind, lane, label, figure(meta)))

    mark("fastest", lambda meta: meta.ms, lambda meta: meta.duration)
    mark("cheapest", lambda meta: meta.cost_nano, lambda meta: meta.cost)
    mark("longest", lambda meta: -meta.tokens_out if meta.tokens_out else None, lambda meta: meta.tokens)
    return found


@dataclass(frozen=True, slots=True)
class Lane:
    """Who stands there and how it ended, and how many like it there are."""

    label: str
    status: str
    times: int = 1


@dataclass(frozen=True, slots=True)
class Comparison:
    """A question that several models answered. `models` are ids, to ask the same ones again."""

    id: UUID
    chat_id: UUID
    prompt: str
    models: tuple[str, ...]
    lanes: tuple[Lane, ...]
    asked_at: datetime

    @property
    def url(self) -> str:
        return f"{reverse('chat', args=[self.chat_id])}?at={self.id}"


def recent(
    actor: Actor | None, label_of: Callable[[str], str], *, before: UUID | None = None
) -> tuple[list[Comparison], UUID | None]:
    """A page of the actor's comparisons, newest first, and what to ask for the next one. Three queries.

    Raises NotFound when `before` is no question of theirs.
    """
    second = Message.objects.filter(parent=OuterRef("pk"), role=Message.Role.ASSISTANT, position__gt=0)
    mine = Message.objects.filter(chat__in=Chat.objects.visible_to(actor), role=Message.Role.USER)
    asked = mine.filter(Exists(second)).order_by("-created_at", "-id")
    if before:
        last = mine.filter(pk=before).first()
        if last is None:
            raise NotFound("message")
        asked = asked.filter(Q(created_at__lt=last.created_at) | Q(created_at=last.created_at, id__lt=last.id))
    page = list(asked[: PAGE + 1])
    questions, more = page[:PAGE], len(page) > PAGE
    lanes: dict[UUID | None, dict[int, tuple[str, str]]] = defaultdict(dict)
    runs = Run.objects.filter(message__parent__in=questions, message__position__lt=Message.SYNTHESIS)
    runs = runs.order_by("created_at", "id")
    for parent, position, model, status in runs.values_list("message__parent", "message__position", "model", "status"):
        lanes[parent][position] = (model, status)
    found = []
    for question in questions:
        stand = [lanes[question.pk][number] for number in sorted(lanes[question.pk])]
        hidden = question.veil == Message.Veil.DOWN
        if hidden and any(status in Run.ACTIVE for _model, status in stand):
            stand = [(model, Run.Status.QUEUED) for model, _status in stand]  # who is ready first would tell
        if hidden:
            stand = [("", status) for _model, status in stand]  # two of the same model would tell where they stand
        found.append(
            Comparison(
                question.pk,
                question.chat_id,
                " ".join(question.text[:PROMPT_MAX].split()),
                () if hidden else tuple(model for model, _status in stand),
                tuple(
                    Lane(label_of(model) if model else "", status, times)
                    for (model, status), times in Counter(stand).items()
                ),
                question.created_at,
            )
        )
    return found, questions[-1].pk if more else None
