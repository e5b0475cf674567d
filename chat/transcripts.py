"""What a page shows of a chat: questions, the answers beside them, and where the tree forks.

A page is HTML up to event *n* of each running answer; the browser asks for the stream after *n*. Reload,
second tab and reconnect are this same path. However long the chat is, a window of it costs the same few
queries: the branch, the tree around it, the messages, their runs, and three for answers that are being written.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any, Literal
from uuid import UUID

from django.utils.safestring import SafeString

from chat import figures, markdown
from chat.branches import Switch, Tree
from chat.models import Chat, Message, Run
from chat.parts import Part
from chat.runs import log
from config import errors
from config.errors import NotFound
from providers import catalog, demo_models

# Messages of the chosen branch on a page; the rest comes by `?before=`.
WINDOW = 60


@dataclass(frozen=True, slots=True)
class Block:
    """A piece of an answer. `text` belongs to text and reasoning, `ms` to reasoning, the rest to tools."""

    type: Literal["text", "reasoning", "tool"]
    text: str = ""
    ms: int | None = None
    call: str = ""
    name: str = ""
    arguments: str = ""
    ok: bool | None = None
    result: Any = None

    @property
    def html(self) -> SafeString:
        """`text` as the server renders it: complete and sanitised."""
        return markdown.render(self.text)

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

    @property
    def active(self) -> bool:
        return self.status in Run.ACTIVE

    @property
    def blocks(self) -> tuple[Block, ...]:
        return tuple(Block(**part) for part in self.parts)

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
class Turn:
    """A question and the answers to show, one a lane. Of a comparison `chosen` is the answer everybody goes on with."""

    question: Question
    answers: tuple[Answer, ...]
    comparison: bool
    chosen: UUID | None = None

    @property
    def active(self) -> bool:
        return any(answer.active for answer in self.answers)


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
        return tuple(answer.model for answer in self.turns[-1].answers) if self.turns else ()


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
    leaf = Message.objects.latest_below(message_id)
    if leaf != message_id:
        beside = Message.objects.filter(parent__children=leaf, role=Message.Role.ASSISTANT)
        if len(dict(places := beside.values_list("position", "parent"))) > 1:
            return places[0][1]  # nobody chose one of these
    return leaf


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
    messages = Message.objects.in_bulk([*asked, *(answer for answers in visible.values() for answer in answers)])
    labels = _labels() if asked else {}
    return tuple(
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
        )
        for question, answers in visible.items()
        if question in messages
    )


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
    )
    for run in last_run:
        parts, seq = said or (message.parts, run.last_seq)
        answer = replace(
            answer,
            provider_label=str(catalog.provider_label(run.provider or run.model.partition("/")[0])),
            status=run.status,
            run_id=run.id,
            seq=seq,
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
    )


def _labels() -> dict[str, str]:
    return {entry.spec.id: entry.spec.label for entry in catalog.entries()}


def label_of(model_id: str, labels: Mapping[str, str]) -> str:
    """How a model is called, also one that is gone from the catalog or not listed."""
    if label := labels.get(model_id):
        return label
    demo = demo_models.parse(model_id)
    return demo.label if demo else model_id.partition("/")[2] or model_id
