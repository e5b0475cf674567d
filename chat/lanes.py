"""Lanes: whose answers belong together from one question to the next.

The answers to a question stand in numbered lanes (`Message.position`). Answers in the same lane are versions
of one: asked for again, or given by another model instead. More than one lane is a comparison.

What a next question hangs on says how the conversation goes on:

    on an answer      everybody has read this answer ("continue with this one")
    on a comparison   each lane goes on with what it said itself; `Message.previous` of an answer names
                      the answer that its lane reads, found here once, when it is asked for

So a lane is a chain that nothing later can bend: an earlier answer that is asked for again changes what the next
question reads, and no answer that has been given already.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from uuid import UUID

from django.db.models import Exists, OuterRef

from chat.models import Message, Run


@dataclass(frozen=True, slots=True)
class Said:
    """An answer as those that follow see it. `silent`: it has ended, and without a word."""

    id: UUID
    lane: int
    model: str
    silent: bool = False
    previous: UUID | None = None


def of(question_id: UUID) -> list[Said]:
    """The answers to a question in the order they were asked for. One query."""
    active = Run.objects.active().filter(message=OuterRef("pk"))
    answers = Message.objects.filter(parent=question_id, role=Message.Role.ASSISTANT).annotate(active=Exists(active))
    answers = answers.filter(position__lt=Message.SYNTHESIS)  # what was made out of them is no lane
    return [
        Said(answer.pk, answer.position, answer.model, not answer.parts and not answer.active, answer.previous_id)
        for answer in answers.order_by("created_at", "position")
    ]


def follow(models: Sequence[str], earlier: Sequence[Said], beside: Sequence[str] = ()) -> list[UUID | None]:
    """Which of the `earlier` answers each of `models` goes on with; None where there is none at all.

    The first lane of a model goes on with that model's first lane, the second with the second. A model that has
    fewer lanes there repeats its last one, a model that was not there reads the first lane that said something.
    `beside` are the models of lanes that the question has already.
    """
    heard = _newest(earlier)
    asked = list(beside)
    found: list[UUID | None] = []
    for model in models:
        own = [said for said in heard if said.model == model] or [said for said in earlier if said.model == model][-1:]
        if own:
            found.append(own[min(asked.count(model), len(own) - 1)].id)
        else:
            first = next((said for said in heard if not said.silent), heard[0] if heard else None)
            found.append(first.id if first else None)
        asked.append(model)
    return found


def end_below(message_id: UUID) -> UUID:
    """Where the newest branch under a message ends; at a question where that is a comparison nobody chose from."""
    leaf = Message.objects.latest_below(message_id)
    if leaf != message_id:
        beside = Message.objects.filter(parent__children=leaf, role=Message.Role.ASSISTANT)
        places = list(beside.values_list("position", "parent_id"))
        if len({lane for lane, _question in places}) > 1:
            return UUID(str(places[0][1]))
    return leaf


def models(answers: Sequence[Said]) -> list[str]:
    """Who stands in the lanes, in their order."""
    return [said.model for said in _newest(answers)]


def _newest(answers: Sequence[Said]) -> list[Said]:
    """One answer a lane: the newest that says something, else the newest."""
    lanes: dict[int, Said] = {}
    for said in answers:
        known = lanes.get(said.lane)
        if known is None or known.silent or not said.silent:
            lanes[said.lane] = said
    return [lanes[number] for number in sorted(lanes)]
