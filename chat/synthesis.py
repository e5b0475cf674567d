"""One answer out of several: a model reads the question and what others answered, and says where it has what from.

A synthesis is one more answer to the question, written by an ordinary run, so it streams, stops, resumes and has
its receipt like any other. It stands in a lane of its own (`Message.SYNTHESIS`), which is no side of the comparison:
nobody votes on it and no lane goes on with it unless it is chosen. `options.synthesis` of its run names the answers
it reads, in the order of their numbers: [1] is the first of them.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final
from uuid import UUID

from django.utils.translation import gettext as _

from chat import lanes
from chat.models import Message
from config.errors import BadRequest, TooLarge
from config.ids import uuid7
from providers import catalog

MATERIAL_MAX: Final = 400_000  # characters of all sources together


def place(question: Message, models: Sequence[catalog.ModelSpec], sources: Sequence[Any]) -> Message:
    """The empty answer in which a synthesis is written. Raises BadRequest: one model, two or more answers that say
    something, all of this question."""
    wanted = list(dict.fromkeys(UUID(str(source)) for source in sources))
    there = Message.objects.filter(parent=question, role=Message.Role.ASSISTANT, position__lt=Message.SYNTHESIS)
    texts = {answer.pk: answer.text for answer in there.filter(pk__in=wanted)}
    said = [pk for pk, text in texts.items() if text.strip()]
    if sum(map(len, texts.values())) > MATERIAL_MAX:
        raise TooLarge("chat", _("These answers are too long to be combined."), param="synthesis")
    if len(models) != 1 or len(wanted) < 2 or len(said) != len(wanted):
        raise BadRequest("chat", _("There are no two answers to combine."), param="synthesis")
    below = question.parent
    earlier = lanes.of(below.pk) if below is not None and below.role == Message.Role.USER else []
    return Message(
        id=uuid7(),
        chat=question.chat,
        parent=question,
        role=Message.Role.ASSISTANT,
        model=models[0].id,
        position=Message.SYNTHESIS,
        previous_id=lanes.follow([models[0].id], earlier)[0],
    )
