"""What a model reads before it answers: its own branch of the conversation.

Up the tree from the question to the start. Where a question was answered by several models, each of them
goes on with its own earlier answer; one that was not there reads the answer that the branch hangs on.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any
from uuid import UUID

import orjson
from django.db.models import Q

from chat.models import Message, Run
from chat.parts import Part, text_of
from providers.base import PromptMessage
from providers.events import ToolCall

CONTINUE = "Your last message broke off. Go on exactly where it ended, without repeating anything and without comment."


def build(run: Run) -> list[PromptMessage]:
    """The prompt of a run that answers a message, oldest first. Two queries, none for the first question of a chat."""
    answer = run.message
    if answer is None or answer.parent is None:
        return []
    path, by_id = _branch(answer.parent)
    siblings: dict[UUID | None, list[Message]] = {}
    for message in by_id.values():
        siblings.setdefault(message.parent_id, []).append(message)
    prompt: list[PromptMessage] = []
    if system := run.options.get("system"):
        prompt.append(PromptMessage("system", system))
    for message_id in path:
        message = by_id[message_id]
        if message.role == Message.Role.USER:
            prompt.append(PromptMessage("user", message.text))
        else:
            prompt.extend(spoken(_own(message, siblings[message.parent_id], answer).parts))
    if answer.parts:
        prompt.extend(spoken(answer.parts))
        prompt.append(PromptMessage("user", CONTINUE))
    return prompt


def needs_database(run: Run) -> bool:
    """False for the first question of a chat, which was claimed together with the run."""
    return bool(run.message and run.message.parent and run.message.parent.parent_id)


def _branch(question: Message) -> tuple[list[UUID], dict[UUID, Message]]:
    """Ids from the chat's first message to the question, and all messages on the way with their rivals."""
    if question.parent_id is None:
        return [question.pk], {question.pk: question}
    path = Message.objects.path_to(question.pk)
    found = Message.objects.filter(Q(pk__in=path) | Q(parent__in=path, role=Message.Role.ASSISTANT))
    return path, {message.pk: message for message in found.order_by("created_at", "position")}


def spoken(parts: Sequence[Part]) -> Iterator[PromptMessage]:
    """An answer as the provider that gave it would want it back: text, calls and their results, no reasoning."""
    text, calls, results = "", list[ToolCall](), list[PromptMessage]()
    for part in parts:
        if part["type"] == "text":
            if calls:
                yield PromptMessage("assistant", text, tool_calls=calls)
                yield from results
                text, calls, results = "", [], []
            text += part["text"]
        elif part["type"] == "tool":
            calls.append(ToolCall(part["call"], part["name"], _arguments(part["arguments"])))
            results.append(PromptMessage("tool", told(part["result"]), tool_call_id=part["call"]))
    if text or calls:
        yield PromptMessage("assistant", text, tool_calls=calls)
        yield from results


def told(result: Any) -> str:
    """A tool's result as the model reads it."""
    return result if isinstance(result, str) else orjson.dumps(result).decode()


def _arguments(raw: str) -> str:
    """Providers refuse a history in which a call's arguments are no JSON object, though a model wrote them."""
    try:
        return raw if isinstance(orjson.loads(raw), dict) else "{}"
    except orjson.JSONDecodeError:
        return "{}"


def _own(chosen: Message, siblings: Sequence[Message], answer: Message) -> Message:
    """What the model of `answer` said itself at this point, if it said something."""
    mine = [m for m in siblings if m.model == answer.model and text_of(m.parts)]
    if chosen in mine or not mine:
        return chosen
    return next((m for m in mine if m.position == answer.position), mine[-1])
