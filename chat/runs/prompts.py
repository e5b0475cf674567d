"""What a model reads before it answers: its own branch of the conversation.

Up the tree from the question to the start. Where a question hangs on a comparison, each answer to it goes on with
what its own lane said there (`chat.lanes`).
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import orjson

from chat.models import Message, Run
from chat.parts import Part
from providers.base import PromptMessage
from providers.events import ToolCall

CONTINUE = "Your last message broke off. Go on exactly where it ended, without repeating anything and without comment."


def build(run: Run) -> list[PromptMessage]:
    """The prompt of a run that answers a message, oldest first. Two queries, none for the first question of a chat."""
    answer = run.message
    if answer is None or answer.parent is None:
        return []
    path = [answer.parent]
    if answer.parent.parent_id:
        by_id = Message.objects.in_bulk(heard := Message.objects.heard_by(answer.pk))
        path = [by_id[message_id] for message_id in heard]
    prompt: list[PromptMessage] = []
    if system := run.options.get("system"):
        prompt.append(PromptMessage("system", system))
    for message in path:
        if message.role == Message.Role.USER:
            prompt.append(PromptMessage("user", message.text))
        else:
            prompt.extend(spoken(message.parts))
    if answer.parts:
        prompt.extend(spoken(answer.parts))
        prompt.append(PromptMessage("user", CONTINUE))
    return prompt


def needs_database(run: Run) -> bool:
    """False for the first question of a chat, which was claimed together with the run."""
    return bool(run.message and run.message.parent and run.message.parent.parent_id)


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
