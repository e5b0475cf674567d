"""Turns: a person says something, models are asked, runs are queued. Synchronous, one transaction each.

Pages, sockets and programs all come through here. The client chooses the id of what it asks, and the
same id twice is one turn: one message, one run per model, one charge.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final, Literal
from uuid import UUID

from django.conf import settings
from django.db import IntegrityError, transaction
from django.db.models.functions import Now
from django.utils import timezone
from django.utils.translation import gettext as _

from accounts import limits
from accounts.actors import Actor
from billing import quotas
from chat import lanes, synthesis
from chat.models import Chat, Message, Run
from chat.runs import crashpoints, log, veil
from chat.runs.engine import engine
from config import traces
from config.errors import BadRequest, Conflict, NotFound, QuotaExceeded, RateLimited, TooLarge
from config.ids import uuid7
from providers import catalog

LANES: Final = 6
SOURCES: Final = 12  # answers that one synthesis reads at most
TEXT_MAX: Final = 200_000  # characters of one question
TITLE_MAX: Final = 60


@dataclass(frozen=True, slots=True)
class NewTurn:
    """A question. `chat` None begins a chat, `parent` None hangs it on the end of the chosen branch.

    `edit` names the question that this one replaces: it hangs where that one hangs, also at the very start.
    Below a comparison a lane goes on with its answer among `shown`, else with its newest.
    """

    id: UUID
    text: str
    models: Sequence[str]
    chat: UUID | None = None
    parent: UUID | None = None
    edit: UUID | None = None
    shown: Sequence[UUID] = ()
    options: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Turn:
    """What a request became: the question, and one run per model in the order asked."""

    id: UUID
    chat: Chat
    message: Message
    runs: list[Run]
    quota: quotas.Standing | None = None  # how the day stands, when this turn was new


def admit(actor: Actor) -> None:
    """Count one question of a person, by whatever door it came. Raises RateLimited."""
    if wait := limits.hit("messages", settings.RATE_LIMIT_MESSAGES, str(actor.id)):
        raise RateLimited("chat", details={"retry_after_s": wait})


def send(actor: Actor, new: NewTurn) -> Turn:
    """Store a question and queue one run per model. The same id again returns the first turn.

    Raises BadRequest, TooLarge, ModelUnknown, NotFound (chat or parent), Conflict (the id is somebody's
    message already), QuotaExceeded, Unavailable. Seven statements, however many models.
    """
    engine.accept()
    text = _checked_text(new.text)
    specs = _checked_models(new.models)
    if new.options.get("synthesis"):  # its sources are answers to the question, and this one has none yet
        raise BadRequest("chat", param="synthesis")
    blind = bool(new.options.get("blind")) and len(specs) > 1
    if blind:
        specs = veil.shuffle(specs)
    try:
        with transaction.atomic():
            if new.chat is None:
                chat = Chat(tenant_id=actor.tenant_id, owner_id=actor.id, title=_title(text), read_at=timezone.now())
                parent = None
            else:
                chat = Chat.objects.writable_by(actor).with_head().get_or_404(new.chat)
                parent = _parent(chat, new)
                _open(parent)
                if blind and parent is not None and parent.role == Message.Role.USER:
                    # Each lane would go on with what it said itself, and that has a name by now.
                    raise Conflict("chat", _("Choose one answer that everybody goes on with before you ask blind."))
            message = Message(
                id=new.id,
                chat=chat,
                parent=parent,
                role=Message.Role.USER,
                parts=[{"type": "text", "text": text}],
                veil=Message.Veil.DOWN if blind else Message.Veil.NONE,
            )
            places = _places(message, specs, shown=new.shown)
            chat.head = message if len(places) > 1 else places[0]
            turn = _ask(actor, new.id, chat, message, places, new.options)
    except (IntegrityError, QuotaExceeded) as exc:
        # The database refuses an id that it has. Asking it beforehand would cost every send a query, and
        # a repeat of what was accepted must not fail because the limit was reached since.
        if earlier := _earlier(actor, new.id):
            return earlier
        if isinstance(exc, QuotaExceeded):
            raise
        raise Conflict("chat") from None
    return turn


def answer(
    actor: Actor,
    turn_id: UUID,
    question_id: UUID,
    models: Sequence[str],
    options: Mapping[str, Any],
    lane: UUID | Literal["new"] | None = None,
) -> Turn:
    """Queue more answers to an existing question: regenerate, retry, another model, an added lane.

    `lane` names the answer in whose lane a new one stands, or says "new". Left open, an answer goes into the only
    lane there is, and beside the others where there are several or several are asked for.
    The same `turn_id` again returns the first turn. Raises as `send`.
    """
    engine.accept()
    specs = _checked_models(models)
    try:
        with transaction.atomic():
            if earlier := _earlier(actor, turn_id):
                return earlier
            # Two at once would take the same lane: the second one waits here and then sees the first.
            question = Message.objects.writable_by(actor).select_for_update(of=("self",)).get_or_404(question_id)
            if question.role != Message.Role.USER:
                raise BadRequest("message", _("Only a question can be answered."), param="message")
            _open(question)
            if sources := options.get("synthesis"):
                place = synthesis.place(question, specs, sources)
                return _ask(actor, turn_id, question.chat, question, [place], options)
            chat, there = question.chat, lanes.of(question.pk)
            replaced = _replaced(there, lane, len(specs))
            places = _places(question, specs, there, replaced)
            if len({said.lane for said in there} | {place.position for place in places}) == 1 or (
                replaced and chat.head_id == replaced.id
            ):
                chat.head = places[0]
            elif chat.head_id in {said.id for said in there} and len({said.lane for said in there}) == 1:
                chat.head = question  # it was one answer and is a comparison now
            return _ask(actor, turn_id, chat, question, places, options)
    except IntegrityError:
        if earlier := _earlier(actor, turn_id):
            return earlier
        raise Conflict("message") from None


def resume(actor: Actor, turn_id: UUID, run_id: UUID) -> Turn:
    """Let an answer that was cut go on where it ended, in the same message.

    The same `turn_id` again returns the first turn. Raises NotFound, Conflict, ModelUnknown, QuotaExceeded.
    """
    engine.accept()
    try:
        with transaction.atomic():
            cut = Run.objects.writable_by(actor).filter(pk=run_id).first()
            if cut is None or cut.message_id is None:
                raise NotFound("run")
            # Two requests at once must not write one answer: the second one waits here and then sees the first.
            answered = (
                Message.objects.select_for_update(of=("self",)).select_related("parent", "chat").get(pk=cut.message_id)
            )
            if earlier := _earlier(actor, turn_id):
                return earlier
            _open(answered.parent)  # first of all: whether a blind lane is still being written would tell who is slow
            if answered.parent is None or answered.runs.filter(status__in=Run.ACTIVE).exists():
                raise Conflict("run", _("This answer is still being written."))
            catalog.get(cut.model, surface="run")
            run = Run(
                tenant_id=actor.tenant_id,
                owner_id=actor.id,
                message=answered,
                turn=turn_id,
                model=cut.model,
                options=cut.options,
                trace=traces.carry(),
            )
            quotas.reserve(actor, [run.pk], surface="run")
            run.save(force_insert=True)
            _announce(actor, answered.chat, answered.parent, [run])
            return Turn(turn_id, answered.chat, answered.parent, [run])
    except IntegrityError:
        if earlier := _earlier(actor, turn_id):
            return earlier
        raise Conflict("run") from None


def choose(actor: Actor, chat: Chat, message_id: UUID) -> None:
    """Everybody goes on with this answer; with a question, each lane goes on by itself. Raises NotFound, Conflict.

    What was said below it already is where the branch ends then.
    """
    message = Message.objects.writable_by(actor).filter(chat=chat).get_or_404(message_id)
    _open(message)
    Chat.objects.filter(pk=chat.pk).update(head=lanes.end_below(message.pk))


def stop(actor: Actor, run_id: UUID) -> None:
    """Stop a run, wherever it is. Stopping one that has ended is fine. Raises NotFound."""
    Run.objects.writable_by(actor).get_or_404(run_id)
    with transaction.atomic():
        if ended := log.request_stop(run_id):
            engine.show(ended)
        engine.stop_run(run_id)


def _checked_text(text: str) -> str:
    text = text.replace("\x00", "")
    if not text.strip():
        raise BadRequest("chat", _("Write something first."), param="text")
    if len(text) > TEXT_MAX:
        raise TooLarge(
            "chat",
            _("This message has %(length)s characters; the limit is %(limit)s.")
            % {"length": len(text), "limit": TEXT_MAX},
            param="text",
            details={"length": len(text), "limit": TEXT_MAX},
        )
    return text


def _checked_models(models: Sequence[str]) -> list[catalog.ModelSpec]:
    if not 1 <= len(models) <= LANES:
        raise BadRequest("chat", _("Choose one to %(limit)s models.") % {"limit": LANES}, param="models")
    return [catalog.get(name) for name in models]


def _parent(chat: Chat, new: NewTurn) -> Message | None:
    """What a question hangs on: that of the question it replaces, the given message, or the end of the branch."""
    if new.edit is not None:
        replaced = chat.messages.filter(pk=new.edit, role=Message.Role.USER).select_related("parent__parent").first()
        if replaced is None:
            raise NotFound("message")
        return replaced.parent
    if new.parent is None:
        return chat.head
    parent = chat.messages.filter(pk=new.parent).select_related("parent").defer("parts", "parent__parts").first()
    if parent is None:
        raise NotFound("message")
    return parent


def _open(message: Message | None) -> None:
    """Nothing is added to a blind comparison or hangs on it: what comes next would tell whose answer is whose."""
    question = message.parent if message and message.role == Message.Role.ASSISTANT else message
    if question is not None and question.veil == Message.Veil.DOWN:
        raise Conflict("chat", _("Vote first, or show the names. Then it goes on from here."))


def _replaced(there: Sequence[lanes.Said], lane: UUID | Literal["new"] | None, count: int) -> lanes.Said | None:
    """The answer in whose lane a new one stands; None where it gets one of its own."""
    if lane == "new" or not there:
        return None
    if lane is None:
        return there[-1] if count == 1 and len({said.lane for said in there}) == 1 else None
    if count > 1:
        raise BadRequest("message", param="lane")
    if found := next((said for said in there if said.id == lane), None):
        return found
    raise NotFound("message")


def _places(
    question: Message,
    models: Sequence[catalog.ModelSpec],
    there: Sequence[lanes.Said] = (),
    replaced: lanes.Said | None = None,
    shown: Sequence[UUID] = (),
) -> list[Message]:
    """An empty answer for each model, in its lane and with what it goes on with. One query below a comparison."""
    ids = [spec.id for spec in models]
    if replaced:
        numbers, previous = [replaced.lane], [replaced.previous]
    else:
        taken = {said.lane for said in there}
        first = max(taken, default=-1) + 1
        numbers = list(range(first, first + len(ids)))
        if len(taken) + len(ids) > LANES:
            raise BadRequest("chat", _("At most six models can answer together."), param="models")
        below = question.parent
        open_ended = below is not None and below.role == Message.Role.USER
        earlier = lanes.of(below.pk) if below is not None and open_ended else []
        earlier.sort(key=lambda said: said.id in shown)
        previous = lanes.follow(ids, earlier, lanes.models(there))
    return [
        Message(
            id=uuid7(),
            chat=question.chat,
            parent=question,
            role=Message.Role.ASSISTANT,
            model=model,
            position=number,
            previous_id=follows,
        )
        for model, number, follows in zip(ids, numbers, previous, strict=True)
    ]


def _ask(
    actor: Actor,
    turn_id: UUID,
    chat: Chat,
    question: Message,
    answers: Sequence[Message],
    options: Mapping[str, Any],
) -> Turn:
    """Store the answers with a run for each, and where the chat's head is now. New rows are saved on the way."""
    runs = [
        Run(
            tenant_id=actor.tenant_id,
            owner_id=actor.id,
            message=answer,
            turn=turn_id,
            position=lane,
            model=answer.model,
            options=_kept(options),
            blind=question.veil == Message.Veil.DOWN,
            trace=traces.carry(),
        )
        for lane, answer in enumerate(answers)
    ]
    crashpoints.reach("question stored, no runs")
    quota = quotas.reserve(actor, [run.pk for run in runs], surface="chat")
    if chat._state.adding:
        chat.save(force_insert=True)  # its head follows; the database checks at the end of the transaction
    else:
        Chat.objects.filter(pk=chat.pk).update(head=chat.head_id, updated_at=Now(), read_at=Now())
    Message.objects.bulk_create([question, *answers] if question._state.adding else answers)
    Run.objects.bulk_create(runs)
    crashpoints.reach("runs queued, not committed")
    _announce(actor, chat, question, runs)
    return Turn(turn_id, chat, question, runs, quota)


def _kept(options: Mapping[str, Any]) -> dict[str, Any]:
    """As a run remembers them."""
    kept = {name: value for name, value in options.items() if name != "blind"}
    if "synthesis" in kept:
        kept["synthesis"] = [str(source) for source in kept["synthesis"]]
    return kept


def _announce(actor: Actor, chat: Chat, question: Message, runs: Sequence[Run]) -> None:
    engine.dispatch(run.pk for run in runs)
    notice = {
        "kind": "message.added",
        "chat": str(chat.pk),
        "message": str(question.pk),
        "runs": [run.brief() for run in runs],
    }
    engine.notify(actor.id, notice)


def _earlier(actor: Actor, turn_id: UUID) -> Turn | None:
    """The turn that this id already became, for the same person."""
    runs = list(
        Run.objects.visible_to(actor)
        .filter(turn=turn_id)
        .select_related("message__parent", "message__chat")
        .order_by("position")
    )
    if not runs or runs[0].message is None or runs[0].message.parent is None:
        return None
    return Turn(turn_id, runs[0].message.chat, runs[0].message.parent, runs)


def _title(text: str) -> str:
    """The first line, until a model finds a better one."""
    line = " ".join(text.strip().splitlines()[0].split())
    return line if len(line) <= TITLE_MAX else line[: TITLE_MAX - 1].rstrip() + "…"
