"""What a page shows of a chat: questions, the answers beside them, and where the tree forks.

A page is HTML up to event *n* of each running answer; the browser asks for the stream after *n*. Reload,
second tab and reconnect are this same path. However long the chat is, a window of it costs the same few
queries: the branch, the tree around it, the messages, their runs, and three for answers that are being written.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any, Literal
from uuid import UUID

from django.utils.safestring import SafeString
from django.utils.translation import gettext as _

from artifacts import kinds
from chat import comparisons, figures, lanes, markdown, sanitizer
from chat.branches import Switch, Tree
from chat.models import Chat, Message, Run
from chat.parts import Part
from chat.runs import log, veil
from config import errors
from config.errors import NotFound
from providers import catalog, demo_models

# Messages of the chosen branch on a page; the rest comes by `?before=`.
WINDOW = 60


@dataclass(frozen=True, slots=True)
class Block:
    """A piece of an answer. `text` belongs to text and reasoning, `ms` to reasoning, `document` and what follows to
    artifacts, the rest to tools."""

    type: Literal["text", "reasoning", "tool", "artifact"]
    text: str = ""
    ms: int | None = None
    call: str = ""
    name: str = ""
    arguments: str = ""
    ok: bool | None = None
    result: Any = None
    n: int = 0
    document: str = ""
    version: int = 0
    kind: str = ""
    title: str = ""
    status: str = ""
    preview: str = ""
    sources: tuple[UUID, ...] = ()

    @property
    def icon(self) -> str:
        """Of an artifact: the drawing of its kind."""
        kind = kinds.KINDS.get(self.kind)
        return kind.icon if kind else "text"

    @property
    def html(self) -> SafeString:
        """`text` as the server renders it: complete and sanitised."""
        html = markdown.render(self.text)
        return sanitizer.linked(html, self.sources) if self.sources and self.type == "text" else html

    @property
    def seconds(self) -> int | None:
        return None if self.ms is None else max(1, round(self.ms / 1000))


@dataclass(frozen=True, slots=True)
class Meta:
    """Figures of a finished answer, written for the reader's locale; "" when unknown."""

    ms: int | None
    tokens_out: int | None
    duration: str
    first_token: str
    tokens: str
    speed: str
    cost: str
    tokens_in: str
    tokens_cached: str
    tokens_reasoning: str
    estimated: bool
    started_at: datetime | None
    cost_nano: int | None = None


@dataclass(frozen=True, slots=True)
class Failure:
    """Why an answer is not whole. `message` is for people, `code` is `reason:surface`."""

    code: str
    message: str

    @property
    def retryable(self) -> bool:
        """Whether asking the same model again may help: not when it will read the same words the same way."""
        return self.code.partition(":")[0] not in {"context_too_long", "content_filtered", "provider_rejected"}


@dataclass(frozen=True, slots=True)
class Answer:
    """One model's answer. While `active`, `blocks` hold what run `run_id` said up to event `seq`."""

    id: UUID | None = None
    chat_id: UUID | None = None
    question_id: UUID | None = None
    model: str = ""
    label: str = ""
    provider_label: str = ""
    status: str = "queued"
    run_id: UUID | None = None
    seq: int = 0
    parts: Sequence[Part] = ()
    current: bool = False
    switch: Switch | None = None
    finish_reason: str = ""
    error: Failure | None = None
    meta: Meta | None = None
    started_at: datetime | None = None
    created_at: datetime | None = None
    veiled: bool = False  # nobody may know whose it is
    sources: tuple[UUID, ...] = ()  # of a synthesis: the answers it cites as [1], [2] …
    thumb: str = ""  # up or down, if its reader said so

    @property
    def active(self) -> bool:
        return self.status in Run.ACTIVE

    @property
    def blocks(self) -> tuple[Block, ...]:
        return tuple(Block(**part, sources=self.sources) for part in self.parts)

    @property
    def raw(self) -> dict[str, Any]:
        """What the browser paints a running answer from, before it follows the rest."""
        return {"parts": list(self.parts)}

    @property
    def markdown(self) -> str:
        """What Copy copies: the text, without reasoning and tools."""
        return "".join(part["text"] for part in self.parts if part["type"] == "text")


@dataclass(frozen=True, slots=True)
class Question:
    """What the person said, as plain text. An edit is sent with the same `parent_id`."""

    id: UUID | None = None
    chat_id: UUID | None = None
    parent_id: UUID | None = None
    text: str = ""
    switch: Switch | None = None
    created_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class Opinion:
    """What the reader thinks of a comparison: better (with `winner_id`), tie or bad."""

    choice: str
    winner_id: UUID | None
    tag: str
    blind: bool
    counts: bool


@dataclass(frozen=True, slots=True)
class Turn:
    """A question and the answers to show, one a lane. Of a comparison `chosen` is the answer everybody goes on with."""

    question: Question
    answers: tuple[Answer, ...]
    comparison: bool
    chosen: UUID | None = None
    models: tuple[str, ...] = ()  # who was asked, also while nobody may know whose answer is whose
    synthesis: Answer | None = None
    veil: str = Message.Veil.NONE
    vote: Opinion | None = None

    @property
    def veiled(self) -> bool:
        return self.veil == Message.Veil.DOWN

    @property
    def marks(self) -> list[comparisons.Mark]:
        """Who was the fastest, the cheapest, the longest, once all have ended."""
        return comparisons.marks(self.answers) if self.comparison and not self.active and not self.veiled else []

    @property
    def goes_on_with(self) -> Answer | None:
        """The answer that all models go on with."""
        return next((answer for answer in self.answers if answer.id == self.chosen), None)

    @property
    def all_answers(self) -> tuple[Answer, ...]:
        """The lanes, and what was made out of them."""
        return (*self.answers, self.synthesis) if self.synthesis else self.answers

    @property
    def candidates(self) -> tuple[Answer, ...]:
        """What a vote can name: answers that say something, once all have ended and when there are two."""
        said = tuple(answer for answer in self.answers if answer.markdown)
        ended = not any(answer.active for answer in self.answers)
        return said if self.comparison and ended and len(said) > 1 else ()

    @property
    def active(self) -> bool:
        return any(answer.active for answer in self.all_answers)


@dataclass(frozen=True, slots=True)
class Transcript:
    """A window of one branch. `earlier` is the value of `?before=` for what lies above, or None.

    `head` is the message that a next question hangs on; `aside` when that is not the end of the chosen branch.
    """

    turns: tuple[Turn, ...]
    earlier: UUID | None
    head: UUID | None
    aside: bool = False

    @property
    def active(self) -> bool:
        return any(turn.active for turn in self.turns)

    @property
    def models(self) -> tuple[str, ...]:
        """Who answered last, for the next question."""
        return self.turns[-1].models if self.turns else ()


BLANK_ANSWER = Answer()
BLANK_QUESTION = Question()


def window(chat: Chat, *, at: UUID | None = None, before: UUID | None = None) -> Transcript:
    """The last messages of the chosen branch, or of the branch through `at`; those above `before`.

    Raises NotFound when `at` or `before` is no message of this chat.
    """
    leaf = chat.head_id
    if (named := before or at) is not None:
        message = Message.objects.filter(chat=chat).get_or_404(named)
        leaf = message.parent_id if before else _end_through(chat, message.id)
    path = Message.objects.path_to(leaf)
    turns = _turns(chat, path, path[-WINDOW:])
    first = turns[0].question.id if turns else None
    return Transcript(turns, first if turns and first != path[0] else None, leaf, aside=leaf != chat.head_id)


def _end_through(chat: Chat, message_id: UUID) -> UUID | None:
    """The end of the chosen branch when it goes through a message, else of the newest one below it."""
    if message_id in Message.objects.path_to(chat.head_id):
        return chat.head_id
    return lanes.end_below(message_id)


def turn(chat: Chat, message_id: UUID) -> Turn:
    """The turn of one question, or of one answer, which is then the one shown. Raises NotFound."""
    message = Message.objects.filter(chat=chat).get_or_404(message_id)
    path = Message.objects.path_to(chat.head_id)
    if message.role == Message.Role.USER:
        shown = [message.id, *path[path.index(message.id) + 1 :][:1]] if message.id in path else [message.id]
    else:
        shown = [message.parent_id, message.id] if message.parent_id else []
    turns = _turns(chat, path, shown)
    if not turns:
        raise NotFound("message")
    return turns[0]


def _turns(chat: Chat, path: Sequence[UUID], shown: Sequence[UUID]) -> tuple[Turn, ...]:
    """One turn for each question among `shown`, with the answer that follows it there."""
    tree = Tree(chat, shown)
    asked = [message_id for message_id in shown if message_id in tree.questions]
    visible = {question: tree.visible(question, shown) for question in asked}
    runs = _runs(answer for answers in visible.values() for answer in answers)
    said = _said(runs, [answer for answers in visible.values() for answer in answers])
    # The messages are read last: an answer that has just ended is there in full.
    told = Message.objects.with_vote_of(chat.owner_id)
    messages = told.in_bulk([*asked, *(answer for answers in visible.values() for answer in answers)])
    labels = _labels() if asked else {}
    turns = (
        Turn(
            _question(messages[question], tree.switch(question)),
            tuple(
                _answer(
                    messages[answer],
                    runs.get(answer, [])[-1:],
                    said.get(answer),
                    labels,
                    current=answer in path,
                    switch=tree.switch(answer),
                )
                for answer in answers
                if answer in messages
            ),
            comparison=tree.is_comparison(question),
            chosen=next((a for a in answers if a in path), None) if tree.is_comparison(question) else None,
            models=tuple(messages[answer].model for answer in answers if answer in messages),
            veil=messages[question].veil,
            vote=_vote(messages[question]),
        )
        for question, answers in visible.items()
        if question in messages
    )
    return tuple(_masked(turn) if turn.veiled else _told_apart(_parted(turn)) for turn in turns)


def _parted(turn: Turn) -> Turn:
    """What was made out of the answers stands apart from them."""
    lanes = tuple(answer for answer in turn.answers if not answer.sources)
    if len(lanes) == len(turn.answers):
        return turn
    made = [answer for answer in turn.answers if answer.sources][-1]
    made = replace(made, label=_("Combined by %(model)s") % {"model": made.label})
    return replace(turn, answers=lanes, synthesis=made, models=tuple(answer.model for answer in lanes))


def _told_apart(turn: Turn) -> Turn:
    """The same model twice: the second one is called so."""
    counts = Counter[str]()
    answers = []
    for answer in turn.answers:
        counts[answer.label] += 1
        number = counts[answer.label]
        answers.append(replace(answer, label=f"{answer.label} ({number})") if number > 1 else answer)
    return replace(turn, answers=tuple(answers))


def _masked(turn: Turn) -> Turn:
    """A comparison before its reader has judged it: the one place where pages keep to `chat.runs.veil`."""
    waits = turn.active
    answers = (
        replace(
            answer,
            model="",
            label=letter(number),
            provider_label="",
            status=Run.Status.QUEUED if waits else answer.status,
            seq=0 if waits else veil.LAST,
            parts=() if waits else veil.said(answer.parts),
            error=None if waits or answer.error is None else Failure(answer.error.code, ""),
            meta=None,
            started_at=None,
            created_at=turn.question.created_at,
            veiled=True,
        )
        for number, answer in enumerate(turn.answers)
    )
    return replace(turn, answers=tuple(answers), models=tuple(sorted(turn.models)))


def _vote(question: Any) -> Opinion | None:
    """`question` comes from `with_vote_of`."""
    choice, winner, tag = question.vote_choice, question.vote_winner, question.vote_tag
    return Opinion(choice, winner, tag, question.vote_blind, question.vote_counts) if choice else None


def letter(number: int) -> str:
    """What an answer is called while nobody may know whose it is: Answer A, Answer B."""
    return _("Answer %(letter)s") % {"letter": chr(ord("A") + number)}


def _runs(answers: Iterable[UUID]) -> dict[UUID, list[Run]]:
    """The runs of answers by message, in the order they were asked for."""
    found: dict[UUID, list[Run]] = defaultdict(list)
    for run in Run.objects.filter(message_id__in=list(answers)).order_by("created_at", "id"):
        if run.message_id:
            found[run.message_id].append(run)
    return found


def _said(runs: dict[UUID, list[Run]], answers: Iterable[UUID]) -> dict[UUID, tuple[list[Part], int]]:
    """What the answers that are being written have said.

    One that ended while the log was read must not be shown as running at its last event, from where
    nothing follows. So the log is read first, then the state once more, which is put back into `runs`.
    """
    active = {runs[answer][-1].id: answer for answer in answers if answer in runs and runs[answer][-1].is_active}
    if not active:
        return {}
    spoken = log.so_far(active)
    for run in Run.objects.filter(pk__in=active):
        runs[active[run.id]][-1] = run
    return {answer: spoken.get(run_id, ([], 0)) for run_id, answer in active.items() if runs[answer][-1].is_active}


def _question(message: Message, switch: Switch | None) -> Question:
    return Question(message.id, message.chat_id, message.parent_id, message.text, switch, message.created_at)


def _answer(
    message: Message,
    last_run: Sequence[Run],
    said: tuple[list[Part], int] | None,
    labels: Mapping[str, str],
    *,
    current: bool,
    switch: Switch | None,
) -> Answer:
    answer = Answer(
        message.id,
        message.chat_id,
        message.parent_id,
        message.model,
        label_of(message.model, labels),
        status=Run.Status.COMPLETE,
        parts=message.parts,
        current=current,
        switch=switch,
        created_at=message.created_at,
        thumb=getattr(message, "vote_choice", None) or "",
    )
    for run in last_run:
        parts, seq = said or (message.parts, run.last_seq)
        answer = replace(
            answer,
            provider_label=str(catalog.provider_label(run.provider or run.model.partition("/")[0])),
            status=run.status,
            run_id=run.id,
            seq=seq,
            sources=tuple(UUID(source) for source in run.options.get("synthesis", ())),
            parts=parts,
            finish_reason=run.finish_reason,
            error=Failure(run.error_code, errors.reread(run.error_message)) if run.error_code else None,
            meta=None if run.is_active else _meta(run),
            started_at=run.started_at,
        )
    return answer


def _meta(run: Run) -> Meta:
    return Meta(
        run.duration_ms,
        run.tokens_out,
        figures.duration(run.duration_ms),
        figures.duration(run.ttft_ms),
        figures.tokens(run.tokens_out),
        figures.speed(run.tokens_out, run.duration_ms, run.ttft_ms),
        figures.money(run.cost_nano),
        figures.tokens(run.tokens_in),
        figures.tokens(run.tokens_cached or None),
        figures.tokens(run.tokens_reasoning or None),
        run.usage_source == "estimated",
        run.started_at,
        run.cost_nano,
    )


def _labels() -> dict[str, str]:
    return {entry.spec.id: entry.spec.label for entry in catalog.entries()}


def labelled() -> Callable[[str], str]:
    """How models are called, with the catalog read once."""
    labels = _labels()
    return lambda model_id: label_of(model_id, labels)


def label_of(model_id: str, labels: Mapping[str, str]) -> str:
    """How a model is called, also one that is gone from the catalog or not listed."""
    if label := labels.get(model_id):
        return label
    demo = demo_models.parse(model_id)
    return demo.label if demo else model_id.partition("/")[2] or model_id
