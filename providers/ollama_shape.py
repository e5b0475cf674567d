"""Ollama's own chat: a `Shape` of `direct`. Lines of JSON, calls whole and without ids."""

from __future__ import annotations

import base64
import json
from collections.abc import Iterable, Iterator
from typing import Any, Final

from django.conf import settings

from providers import catalog, prompts, sse
from providers.base import ModelRequest, PromptMessage
from providers.chunks import from_ollama

# Models that are told how hard to think; the others think or do not.
_GRADED: Final = "gpt-oss"
_THINKING: Final = frozenset({"low", "medium", "high"})


def serves(request: ModelRequest) -> bool:
    return True


def url(request: ModelRequest) -> str:
    base = (request.model.api_base or settings.OLLAMA_URL).rstrip("/")
    return base if base.endswith("/api/chat") else f"{base}/api/chat"


def headers(request: ModelRequest) -> dict[str, str]:
    key = request.api_key or catalog.key_of(request.model)
    return {"Authorization": f"Bearer {key}"} if key else {}


def body(request: ModelRequest) -> dict[str, Any]:
    name, vision = request.model.id.partition("/")[2], request.model.can("vision")
    options = {"temperature": request.options.temperature, "num_predict": request.limit}
    shaped: dict[str, Any] = {
        "model": name,
        "messages": [_message(message, vision=vision) for message in request.messages],
        "options": {option: value for option, value in options.items() if value is not None},
        "stream": True,
    }
    if request.tools:
        shaped["tools"] = prompts.tools(request)
    if request.effort is not None:
        shaped["think"] = request.effort if name.startswith(_GRADED) else request.effort in _THINKING
    return shaped


class Reader:
    """Its lines as chunks of the common shape."""

    def __init__(self) -> None:
        self.lines: sse.SseReader = sse.LineReader()
        self.ended = False

    def chunks(self, events: Iterable[bytes]) -> Iterator[Any]:
        for data in events:
            line = sse.parsed(data)
            self.ended = self.ended or bool(line.get("done"))
            yield from_ollama(line)


def _message(message: PromptMessage, *, vision: bool) -> dict[str, Any]:
    shaped: dict[str, Any] = {"role": message.role, "content": message.text}
    if message.images and vision:
        shaped["images"] = [base64.b64encode(image.data).decode() for image in message.images]
    if message.tool_calls:
        shaped["tool_calls"] = [
            {"function": {"name": call.name, "arguments": json.loads(prompts.arguments(call))}}
            for call in message.tool_calls
        ]
    if message.tool_call_id is not None:
        shaped["tool_call_id"] = prompts.unsigned(message.tool_call_id)
    return shaped
