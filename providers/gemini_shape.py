"""Gemini's streamGenerateContent: a `Shape` of `direct`.

What hangs on LiteLLM's price list, or on its translation of schemas, is left to it (`serves`).
"""

from __future__ import annotations

import base64
import json
import re
from collections.abc import Iterable, Iterator, Mapping
from itertools import groupby
from typing import Any, Final
from uuid import uuid4

from config import env
from providers import catalog, prompts, sse
from providers.base import ModelRequest, PromptMessage
from providers.specs import ModelSpec

_BASE: Final = "https://generativelanguage.googleapis.com/v1beta"
_BASE_ENV: Final = "GEMINI_API_BASE"

# Models before 3 take a number of tokens to think, want no ids of calls and have a default temperature of their own.
_OLD: Final = re.compile(r"gemini-(?:[12](?:\.\d+)?|exp|(?:pro|flash)(?!-(?:lite-)?latest$))(?:-|$)")
_BUDGETS: Final = {"low": 1024, "medium": 2048, "high": 4096}
_LEVELS: Final = frozenset({"low", "medium", "high"})
_TEMPERATURE: Final = 1.0
# Models that speak another dialect, or answer with something else than text.
_ELSEWHERE: Final = re.compile(r"gemma-|learnlm|\d+$|.*(?:-tts|-image|-audio|-live|embedding|computer-use|robotics)")

# What a schema may hold: as JSON Schema means it, and as Gemini does.
_SCHEMA: Final = frozenset({
    "type", "description", "properties", "required", "items", "enum", "minimum", "maximum", "minItems", "maxItems",
    "minLength", "maxLength", "pattern", "additionalProperties",
})  # fmt: skip
_TYPES: Final = frozenset({"object", "string", "number", "integer", "boolean", "array"})

# What goes in place of a signature for the calls of another model.
_UNSIGNED: Final = base64.b64encode(b"skip_thought_signature_validator").decode()

_FINISHES: Final = {
    "MAX_TOKENS": "length",
    **dict.fromkeys(
        (
            "SAFETY", "RECITATION", "LANGUAGE", "OTHER", "BLOCKLIST", "PROHIBITED_CONTENT", "SPII", "IMAGE_SAFETY",
            "IMAGE_PROHIBITED_CONTENT", "NO_IMAGE", "IMAGE_RECITATION", "IMAGE_OTHER", "ESCALATION",
        ),
        "content_filter",
    ),
}  # fmt: skip


def serves(request: ModelRequest) -> bool:
    """Whether we know exactly what to send. LiteLLM serves the rest."""
    if _ELSEWHERE.match(_name(request.model)):
        return False
    if request.effort is not None and request.effort not in _LEVELS:
        return False
    return all(_plain(tool.parameters) for tool in request.tools)


def url(request: ModelRequest) -> str:
    base = request.model.api_base or env.text(_BASE_ENV) or _BASE
    return f"{base.rstrip('/')}/models/{_name(request.model)}:streamGenerateContent?alt=sse"


def headers(request: ModelRequest) -> dict[str, str]:
    return {"x-goog-api-key": request.api_key or catalog.key_of(request.model) or "none"}


def body(request: ModelRequest) -> dict[str, Any]:
    shaped: dict[str, Any] = {"contents": _contents(request)}
    if system := [{"text": m.text} for m in request.messages if m.role == "system" and m.text]:
        shaped["systemInstruction"] = {"parts": system}
    if request.tools:
        declared = [
            {"name": tool.name, "description": tool.description, "parameters": _schema(tool.parameters)}
            for tool in request.tools
        ]
        shaped["tools"] = [{"functionDeclarations": declared}]
    if config := _config(request):
        shaped["generationConfig"] = config
    return shaped


class Reader:
    """Its events as chunks of the common shape."""

    ended = False  # the end of the body is the only one

    def __init__(self) -> None:
        self.lines = sse.SseReader()
        self._finished = False
        self._usage: Mapping[str, Any] = {}
        self._calls = 0

    def chunks(self, events: Iterable[bytes]) -> Iterator[Any]:
        for data in events:
            event = sse.parsed(data)
            usage, reason = event.get("usageMetadata"), None
            for candidate in (event.get("candidates") or ())[:1]:
                for part in (candidate.get("content") or {}).get("parts") or ():
                    if delta := self._delta(part):
                        yield {"choices": [{"delta": delta}]}
                reason = candidate.get("finishReason")
            if (event.get("promptFeedback") or {}).get("blockReason"):
                reason = "PROHIBITED_CONTENT"
            # A running count comes with every event. Only the one at the end, or after it, is the whole.
            if reason:
                self._finished = True
                if self._usage and not usage:
                    yield {"usage": _counted(self._usage)}
                finish = _FINISHES.get(reason, "stop")
                yield {
                    "choices": [{"delta": {}, "finish_reason": finish}],
                    "usage": _counted(usage) if usage else None,
                }
            elif usage and self._finished:
                yield {"usage": _counted(usage)}
            elif usage:
                self._usage = usage

    def _delta(self, part: Mapping[str, Any]) -> Mapping[str, Any] | None:
        if text := part.get("text"):
            return {"reasoning_content" if part.get("thought") else "content": text}
        if call := part.get("functionCall"):
            self._calls += 1
            call_id = call.get("id") or f"call_{uuid4().hex}"
            if signature := part.get("thoughtSignature"):
                call_id += f"{prompts.SIGNATURE}{signature}"
            arguments = json.dumps(call.get("args") or {}, ensure_ascii=False)
            function = {"name": call["name"], "arguments": arguments}
            return {"tool_calls": [{"index": self._calls, "id": call_id, "function": function}]}
        return None


def _counted(usage: Mapping[str, Any]) -> dict[str, Any]:
    """The usage in the common shape: thoughts are part of the output, though most models count them beside it."""
    read = (usage.get("promptTokenCount") or 0) + (usage.get("toolUsePromptTokenCount") or 0)
    written, thought = usage.get("candidatesTokenCount") or 0, usage.get("thoughtsTokenCount") or 0
    return {
        "prompt_tokens": read,
        "completion_tokens": written if read + written == usage.get("totalTokenCount") else written + thought,
        "prompt_tokens_details": {"cached_tokens": usage.get("cachedContentTokenCount")},
        "completion_tokens_details": {"reasoning_tokens": thought},
    }


def _contents(request: ModelRequest) -> list[dict[str, Any]]:
    """The talk, where neighbours of one kind are one content and nothing is empty."""
    new, vision = not _OLD.match(_name(request.model)), request.model.can("vision")
    names = {call.id: call.name for message in request.messages for call in message.tool_calls}
    said: list[tuple[str, list[dict[str, Any]]]] = []
    for message in request.messages:
        if message.role == "tool":
            said.append(("tool", [_result(message, names, new=new)]))
        elif message.role == "assistant":
            said.append(("model", [*_text(message.text), *_called(message, new=new)]))
        elif message.role == "user":
            images = [_inline(image.data, image.media_type) for image in message.images] if vision else []
            said.append(("user", [*_text(message.text), *images]))
    contents = []
    for role, group in groupby((one for one in said if one[1]), key=lambda one: one[0]):
        parts = [part for _, parts in group for part in parts]
        if role == "user" and not any("text" in part for part in parts):
            parts.append({"text": " "})  # A picture alone is refused.
        contents.append({"role": "model" if role == "model" else "user", "parts": parts})
    return contents


def _text(text: str) -> list[dict[str, Any]]:
    return [{"text": text}] if text else []


def _inline(data: bytes, media_type: str) -> dict[str, Any]:
    return {"inlineData": {"data": base64.b64encode(data).decode(), "mimeType": media_type}}


def _called(message: PromptMessage, *, new: bool) -> Iterator[dict[str, Any]]:
    for number, call in enumerate(message.tool_calls):
        call_id, _, signature = call.id.partition(prompts.SIGNATURE)
        function = {"name": call.name, "args": json.loads(prompts.arguments(call))}
        part: dict[str, Any] = {"functionCall": function | {"id": call_id} if new else function}
        if signature or (new and number == 0):  # Only the first of several calls is signed.
            part["thoughtSignature"] = signature or _UNSIGNED
        yield part


def _result(message: PromptMessage, names: Mapping[str, str], *, new: bool) -> dict[str, Any]:
    call_id = message.tool_call_id or ""
    response: dict[str, Any] = {"name": names.get(call_id, ""), "response": _object(message.text)}
    return {"functionResponse": response | {"id": prompts.unsigned(call_id)} if new else response}


def _object(text: str) -> Any:
    """A result has to be an object."""
    try:
        result = json.loads(text) if text.lstrip().startswith("{") else None
    except ValueError:
        result = None
    return result if isinstance(result, dict) else {"content": text}


def _config(request: ModelRequest) -> dict[str, Any]:
    new, options = not _OLD.match(_name(request.model)), request.options
    config: dict[str, Any] = {}
    if request.effort is not None:
        thinking = {"thinkingLevel": request.effort} if new else {"thinkingBudget": _BUDGETS[request.effort]}
        config["thinkingConfig"] = thinking | {"includeThoughts": True}
    if request.limit is not None:
        config["maxOutputTokens"] = request.limit
    if options.temperature is not None or new:
        config["temperature"] = _TEMPERATURE if options.temperature is None else options.temperature
    return config


def _plain(schema: Mapping[str, Any]) -> bool:
    """Whether a schema means to Gemini what it means to everybody."""
    if not schema.keys() <= _SCHEMA or schema.get("type", "object") not in _TYPES:
        return False
    inner = [*schema.get("properties", {}).values(), *([schema["items"]] if "items" in schema else [])]
    return all(isinstance(one, Mapping) and _plain(one) for one in inner)


def _schema(schema: Mapping[str, Any]) -> dict[str, Any]:
    """The same without what Gemini does not know."""
    shaped = {name: value for name, value in schema.items() if name != "additionalProperties"}
    if "properties" in shaped:
        shaped["properties"] = {name: _schema(one) for name, one in shaped["properties"].items()}
    if "items" in shaped:
        shaped["items"] = _schema(shaped["items"])
    return shaped


def _name(spec: ModelSpec) -> str:
    return spec.id.partition("/")[2]
