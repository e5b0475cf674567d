"""Anthropic's Messages API: a `Shape` of `direct`.

What models of a name that we do not know can take is in LiteLLM's price list, and so left to it (`serves`).
"""

from __future__ import annotations

import base64
import json
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import groupby
from typing import Any, Final

from config import env
from providers import catalog, prompts, sse
from providers.base import ModelRequest, PromptMessage
from providers.specs import ModelSpec
from providers.usage import estimate

_BASE: Final = "https://api.anthropic.com"
_BASE_ENV: Final = ("ANTHROPIC_API_BASE", "ANTHROPIC_BASE_URL")
_VERSION: Final = "2023-06-01"

_NAME: Final = re.compile(r"claude-[a-z]+-(\d+)(?:-(\d{1,2}))?(?:-\d{8})?")
# From here on a model chooses itself how long to think, and is told how hard; earlier ones want a number of tokens.
_EFFORT_FROM: Final = (4, 6)
_EFFORTS: Final = {"minimal": "low", "low": "low", "medium": "medium", "high": "high"}
# From here on a temperature other than 1 is refused.
_NO_TEMPERATURE_FROM: Final = (4, 7)
# Every request says how much may be written. What every model can, for those that nothing is known about.
_LIMIT: Final = 4096

_TOOL_NAME: Final = re.compile(r"[a-zA-Z0-9_-]{1,128}")
_NOT_IN_ID: Final = re.compile(r"[^a-zA-Z0-9_-]")
_SCHEMA: Final = frozenset({"type", "properties", "required", "additionalProperties", "$defs", "strict"})
# A talk with calls in it is refused without a tool.
_SOME_TOOL: Final = {
    "name": "dummy_tool",
    "input_schema": {"type": "object", "properties": {}},
    "type": "custom",
    "description": "This is a dummy tool call",
}

_FINISHES: Final = {
    "max_tokens": "length",
    "model_context_window_exceeded": "length",
    "compaction": "length",
    "tool_use": "tool_calls",
    "refusal": "content_filter",
}


def serves(request: ModelRequest) -> bool:
    """Whether we know exactly what to send. LiteLLM serves the rest."""
    version = _version(request.model)
    if request.limit is None and request.model.max_output is None:
        return False
    if request.effort is not None and not (version >= _EFFORT_FROM and request.effort in _EFFORTS):
        return False
    if request.options.temperature not in {None, 1} and not version:
        return False
    return all(_TOOL_NAME.fullmatch(tool.name) and tool.parameters.keys() <= _SCHEMA for tool in request.tools)


def url(request: ModelRequest) -> str:
    base = request.model.api_base or next(filter(None, map(env.text, _BASE_ENV)), _BASE)
    base = base.rstrip("/")
    return base if base.endswith("/v1/messages") else f"{base}/v1/messages"


def headers(request: ModelRequest) -> dict[str, str]:
    key = request.api_key or catalog.key_of(request.model) or "none"
    return {"x-api-key": key, "anthropic-version": _VERSION, "Accept": "text/event-stream"}


def body(request: ModelRequest) -> dict[str, Any]:
    spec, temperature = request.model, request.options.temperature
    shaped: dict[str, Any] = {
        "model": spec.id.partition("/")[2],
        "messages": _messages(request),
        "max_tokens": request.limit or spec.max_output or _LIMIT,
        "stream": True,
    }
    if system := [_text(m.text) for m in request.messages if m.role == "system" and m.text]:
        shaped["system"] = system
    called = any(message.tool_calls for message in request.messages)
    if request.tools:
        shaped["tools"] = [
            {
                "name": tool.name,
                "description": tool.description,
                "input_schema": {"type": "object", "properties": {}} | dict(tool.parameters),
                "type": "custom",
            }
            for tool in request.tools
        ]
    elif called:
        shaped["tools"] = [_SOME_TOOL]
    if request.effort is not None:
        shaped["output_config"] = {"effort": _EFFORTS[request.effort]}
        if not called:  # With thinking on, earlier calls must come with the thoughts before them, which nobody kept.
            shaped["thinking"] = {"type": "adaptive", "display": "summarized"}
    if temperature is not None and (temperature == 1 or _version(spec) < _NO_TEMPERATURE_FROM):
        shaped["temperature"] = temperature
    if request.user and not spec.api_base:
        shaped["metadata"] = {"user_id": request.user}
    return shaped


class Reader:
    """Its events as chunks of the common shape."""

    def __init__(self) -> None:
        self.lines = sse.SseReader()
        self.ended = False
        self._usage: dict[str, Any] = {}
        self._thoughts: list[str] = []
        self._silent: dict[int, Any] = {}  # what calls began with whose arguments have not come yet

    def chunks(self, events: Iterable[bytes]) -> Iterator[Any]:
        for data in events:
            event = sse.parsed(data)
            match event.get("type"):
                case "content_block_delta":
                    if delta := self._delta(event["index"], event["delta"]):
                        yield {"choices": [{"delta": delta}]}
                case "content_block_start":
                    if delta := self._start(event["index"], event["content_block"]):
                        yield {"choices": [{"delta": delta}]}
                case "content_block_stop":
                    if (index := event["index"]) in self._silent:
                        yield {"choices": [{"delta": _call(index, json.dumps(self._silent.pop(index)))}]}
                case "message_start":
                    self._usage |= event["message"].get("usage") or {}
                case "message_delta":
                    yield self._finish(event)
                case "message_stop":
                    self.ended = True

    def _start(self, index: int, block: Mapping[str, Any]) -> Mapping[str, Any] | None:
        if block["type"] == "tool_use":
            self._silent[index] = block.get("input") or {}
            return _call(index, "", id=block["id"], name=block["name"])
        return {"content": block["text"]} if block.get("text") else None

    def _delta(self, index: int, delta: Mapping[str, Any]) -> Mapping[str, Any] | None:
        if text := delta.get("text"):
            return {"content": text}
        if thought := delta.get("thinking"):
            self._thoughts.append(thought)
            return {"reasoning_content": thought}
        if arguments := delta.get("partial_json"):
            self._silent.pop(index, None)
            return _call(index, arguments)
        return None

    def _finish(self, event: Mapping[str, Any]) -> dict[str, Any]:
        reason = event["delta"].get("stop_reason")
        finish = _FINISHES.get(reason, "stop") if reason else None
        chunk: dict[str, Any] = {"choices": [{"delta": {}, "finish_reason": finish}]}
        if usage := event.get("usage"):
            self._usage |= usage  # It counts from the beginning, and leaves out what has not changed.
            chunk["usage"] = self._counted()
        return chunk

    def _counted(self) -> dict[str, Any]:
        """The usage in the common shape, where what a cache gave or took is part of the input."""
        usage = self._usage
        cached = usage.get("cache_read_input_tokens") or 0
        written = usage.get("output_tokens") or 0
        thought = (usage.get("output_tokens_details") or {}).get("thinking_tokens")
        if thought is None:  # Not every model tells.
            thought = min(estimate("".join(self._thoughts)), written)
        return {
            "prompt_tokens": (usage.get("input_tokens") or 0)
            + (usage.get("cache_creation_input_tokens") or 0)
            + cached,
            "completion_tokens": written,
            "prompt_tokens_details": {"cached_tokens": cached},
            "completion_tokens_details": {"reasoning_tokens": thought},
        }


def _call(index: int, arguments: str, *, id: str | None = None, name: str | None = None) -> dict[str, Any]:
    return {"tool_calls": [{"index": index, "id": id, "function": {"name": name, "arguments": arguments}}]}


def _messages(request: ModelRequest) -> list[dict[str, Any]]:
    """The talk, where neighbours of one role are one message and nothing is empty."""
    vision = request.model.can("vision")
    said = [
        ("assistant" if message.role == "assistant" else "user", _blocks(message, vision=vision))
        for message in request.messages
        if message.role != "system"
    ]
    merged = [
        {"role": role, "content": [block for _, blocks in group for block in blocks]}
        for role, group in groupby((one for one in said if one[1]), key=lambda one: one[0])
    ]
    if merged and merged[-1]["role"] == "assistant":
        for block in merged[-1]["content"]:
            if block["type"] == "text":
                block["text"] = block["text"].rstrip()  # White space at the very end is refused.
    return merged


def _blocks(message: PromptMessage, *, vision: bool) -> Sequence[dict[str, Any]]:
    if message.role == "tool":
        return [{"type": "tool_result", "tool_use_id": _id(message.tool_call_id or ""), "content": message.text}]
    blocks = [_text(message.text)] if message.text else []
    if vision:
        blocks += [
            {
                "type": "image",
                "source": {
                    "type": "base64",
                    "media_type": image.media_type,
                    "data": base64.b64encode(image.data).decode(),
                },
            }
            for image in message.images
        ]
    return blocks + [
        {"type": "tool_use", "id": _id(call.id), "name": call.name, "input": json.loads(prompts.arguments(call))}
        for call in message.tool_calls
    ]


def _text(text: str) -> dict[str, Any]:
    return {"type": "text", "text": text}


def _id(call_id: str) -> str:
    """A call's id as Anthropic takes it; another provider may have given it."""
    return _NOT_IN_ID.sub("_", prompts.unsigned(call_id)) or "tool_use_id"


def _version(spec: ModelSpec) -> tuple[int, ...]:
    """(4, 6) for Claude Sonnet 4.6; empty for a name that we do not know."""
    found = _NAME.fullmatch(spec.id.partition("/")[2])
    return (int(found[1]), int(found[2] or 0)) if found else ()
