"""Where a chat's tree forks: what lies beside the messages of a window."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from uuid import UUID

from django.db.models import Q

from chat.models import Chat, Message, Run


@dataclass(frozen=True, slots=True)
class Switch:
    """‹ 2/3 ›: the place of a message among its alternatives; `previous` and `next` are messages or None."""

    number: int
    count: int
    previous: UUID | None
    next: UUID | None


class Tree:
    """The messages of a window and everything beside them, without their contents. One query."""

    def __init__(self, chat: Chat, shown: Sequence[UUID]) -> None:
        beside = Q(parent_id__in=shown)
        if shown:
            first = Message.objects.filter(pk=shown[0])
            beside |= Q(parent_id__in=first.values("parent_id")) | Q(parent=None)
        rows = Message.objects.filter(beside, chat=chat).values_list("id", "parent_id", "role") if shown else []
        self._siblings: dict[UUID | None, list[UUID]] = defaultdict(list)
        self._parents: dict[UUID, UUID | None] = {}
        self.questions: set[UUID] = set()
        self.answers: dict[UUID, list[UUID]] = defaultdict(list)
        for message_id, parent_id, role in rows:
            self._parents[message_id] = parent_id
            self._siblings[parent_id].append(message_id)
            if role == Message.Role.USER:
                self.questions.add(message_id)
            elif parent_id:
                self.answers[parent_id].append(message_id)

    def visible(self, question: UUID, runs: Mapping[UUID, list[Run]], shown: Sequence[UUID]) -> list[UUID]:
        """Which answers of a question to show. Several models asked at once stay side by side."""
        answers = self.answers[question]
        lanes = [answer for answer in answers if any(run.turn == question for run in runs.get(answer, ()))]
        if len(lanes) > 1:
            return answers
        return [answer for answer in answers if answer in shown] or answers[-1:]

    def switch(self, message_id: UUID) -> Switch | None:
        siblings = self._siblings[self._parents[message_id]]
        if len(siblings) < 2:
            return None
        place = siblings.index(message_id)
        following = siblings[place + 1 : place + 2]
        return Switch(
            place + 1, len(siblings), siblings[place - 1] if place else None, following[0] if following else None
        )
