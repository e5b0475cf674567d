"""Where a chat's tree forks: what lies beside the messages of a window."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from uuid import UUID

from django.db.models import Q

from chat.models import Chat, Message


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
        beside = Q(parent_id__in=shown) | Q(parent__parent_id__in=shown, role=Message.Role.USER)
        if shown:
            first = Message.objects.filter(pk=shown[0])
            beside |= Q(parent_id__in=first.values("parent_id")) | Q(parent=None)
        rows = Message.objects.filter(beside, chat=chat).values_list("id", "parent_id", "role", "position")
        self._places: dict[UUID, tuple[UUID | None, int | None]] = {}
        self.questions: set[UUID] = set()
        # Of each question, by lane: the versions of an answer, oldest first.
        self.lanes: dict[UUID, dict[int, list[UUID]]] = defaultdict(lambda: defaultdict(list))
        for message_id, parent_id, role, position in rows if shown else ():
            if role == Message.Role.USER:
                self.questions.add(message_id)
                self._places[message_id] = (parent_id, None)
            elif parent_id:
                self._places[message_id] = (parent_id, position)
                self.lanes[parent_id][position].append(message_id)
        self._siblings: dict[tuple[UUID | None, int | None], list[UUID]] = defaultdict(list)
        for message_id in self._places:
            self._siblings[self._place(message_id)].append(message_id)

    def is_comparison(self, question: UUID) -> bool:
        return sum(lane < Message.SYNTHESIS for lane in self.lanes[question]) > 1

    def visible(self, question: UUID, shown: Sequence[UUID]) -> list[UUID]:
        """An answer for each lane: the one on the branch, else the newest."""
        lanes = self.lanes[question]
        return [next((a for a in lanes[lane] if a in shown), lanes[lane][-1]) for lane in sorted(lanes)]

    def switch(self, message_id: UUID) -> Switch | None:
        siblings = self._siblings[self._place(message_id)]
        if len(siblings) < 2:
            return None
        place = siblings.index(message_id)
        following = siblings[place + 1 : place + 2]
        return Switch(
            place + 1, len(siblings), siblings[place - 1] if place else None, following[0] if following else None
        )

    def _place(self, message_id: UUID) -> tuple[UUID | None, int | None]:
        """Messages in the same place are alternatives. Below a comparison all questions are, whatever they hang on."""
        parent_id, lane = self._places[message_id]
        if lane is None and parent_id in self._places:
            question, answered = self._places[parent_id]
            if answered is not None and question and self.is_comparison(question):
                return question, None
        return parent_id, lane
