"""Votes: what a person thinks of answers. Synchronous, one transaction each.

On a comparison: one answer is better, they tie, or all are bad. On a single answer: up or down. One vote a person
and message; it can be changed and taken back.

What counts in the ranking: a vote on an open comparison counts. On a blind one the vote lifts the veil and
counts, because it was cast without knowing; whatever is cast, changed or cast again after the names were shown is
kept and does not count.
"""

from __future__ import annotations

from typing import Final
from uuid import UUID

from django.db import transaction
from django.utils.translation import gettext as _

from accounts.actors import Actor
from chat.models import Message, Run, Vote
from config.errors import BadRequest, Conflict

TAG_MAX: Final = 40
TAGS_MAX: Final = 50

Choice = Vote.Choice


def cast(actor: Actor, message_id: UUID, choice: str, winner: UUID | None = None) -> Vote | None:
    """Vote, or vote differently; `choice` "none" takes the vote back and returns None.

    `message_id` is an answer (up, down) or a question (better with `winner`, tie, bad). Raises NotFound, BadRequest
    for a choice that does not fit, Conflict while answers are being written.
    """
    if choice != "none" and choice not in Choice.values:
        raise BadRequest("vote", param="choice")
    with transaction.atomic():
        # Two clicks at once must not lift the veil twice: the second one waits here.
        locked = Message.objects.writable_by(actor).select_for_update(of=("self",)).select_related("parent")
        message = locked.get_or_404(message_id, surface="vote")
        mine = Vote.objects.writable_by(actor).filter(message=message)
        if choice == "none":
            mine.delete()
            return None
        if choice in Vote.COMPARING:
            fields = _comparison(message, choice, winner, mine.first())
        else:
            fields = _opinion(message, choice)
        fields |= {"tenant_id": actor.tenant_id}
        vote, _new = Vote.objects.update_or_create(person_id=actor.id, message=message, defaults=fields)
        if message.veil == Message.Veil.DOWN:
            _lift(message)
        return vote


def reveal(actor: Actor, message_id: UUID) -> Message:
    """Show the names of a blind comparison without a vote. Fine where they are shown. Returns the question.

    Raises NotFound, Conflict while answers are being written.
    """
    with transaction.atomic():
        question = question_of(actor, message_id)
        if question.veil == Message.Veil.DOWN:
            _answers(question)
            _lift(question)
        return question


def label(actor: Actor, message_id: UUID, tag: str) -> Vote:
    """Put a vote on a comparison under a word, by which the ranking can be filtered; "" takes it off.

    Raises NotFound, Conflict where nobody has voted.
    """
    tag = " ".join(tag.replace("\x00", "").split())[:TAG_MAX].strip().lower()
    with transaction.atomic():
        question = question_of(actor, message_id)
        vote = Vote.objects.writable_by(actor).filter(message=question, choice__in=Vote.COMPARING).first()
        if vote is None:
            raise Conflict("vote", _("Vote first, then name what the question was about."))
        vote.tag = tag
        vote.save(update_fields=["tag"])
        return vote


def tags(actor: Actor | None) -> list[str]:
    """The words in use in the actor's tenant, in the order of the alphabet. One query."""
    used = Vote.objects.ranking(actor).exclude(tag="").values_list("tag", flat=True)
    return list(used.distinct().order_by("tag")[:TAGS_MAX])


def question_of(actor: Actor, message_id: UUID) -> Message:
    """The question that a message is, or answers. Raises NotFound."""
    message = Message.objects.writable_by(actor).select_related("parent").get_or_404(message_id, surface="vote")
    if message.role == Message.Role.ASSISTANT and message.parent:
        return message.parent
    return message


def _comparison(question: Message, choice: str, winner: UUID | None, before: Vote | None) -> dict[str, object]:
    if question.role != Message.Role.USER:
        raise BadRequest("vote", _("Only answers to a question can be compared."), param="choice")
    answers = _answers(question, winner)
    if len(answers) < 2:
        raise BadRequest("vote", _("There are no two answers to compare."), param="choice")
    if (winner in {answer.pk for answer in answers}) != (choice == Choice.BETTER):
        raise BadRequest("vote", param="winner")
    compared = [{"answer": str(answer.pk), "model": answer.model} for answer in answers]
    blind = question.veil == Message.Veil.DOWN
    # Who stops answers on their way sees by their lengths who is fast.
    stopped = blind and Run.objects.filter(message__in=answers, status=Run.Status.STOPPED).exists()
    counts = question.veil != Message.Veil.LIFTED and not stopped
    if before and before.choice == choice and before.winner_id == winner:
        # The same once more changes nothing, also not whether it counts.
        compared, blind, counts = before.compared, before.blind, before.counts
    return {"choice": choice, "winner_id": winner, "compared": compared, "blind": blind, "counts": counts}


def _opinion(answer: Message, choice: str) -> dict[str, object]:
    if answer.role != Message.Role.ASSISTANT:
        raise BadRequest("vote", param="choice")
    blind = answer.parent is not None and answer.parent.veil == Message.Veil.DOWN
    # Which of the blind ones is ready would tell who is fast.
    waiting = Run.objects.active().filter(message__parent=answer.parent) if blind else answer.runs.active()
    if waiting.exists():
        raise Conflict("vote", _("This answer is still being written."))
    return {"choice": choice, "counts": False}


def _answers(question: Message, shown: UUID | None = None) -> list[Message]:
    """What there is to compare: of each lane the answer `shown`, else its newest, if it says something. Raises
    Conflict while one is being written."""
    answers = question.children.filter(role=Message.Role.ASSISTANT, position__lt=Message.SYNTHESIS)
    if Run.objects.active().filter(message__in=answers).exists():
        raise Conflict("vote", _("Wait until all answers are there, or stop those that are missing."))
    lanes: dict[int, Message] = {}
    for answer in answers.order_by("position", "created_at"):
        if (known := lanes.get(answer.position)) is None or known.pk != shown:
            lanes[answer.position] = answer
    return [answer for answer in lanes.values() if answer.text.strip()]


def _lift(question: Message) -> None:
    question.veil = Message.Veil.LIFTED
    question.save(update_fields=["veil"])
