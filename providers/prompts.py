"""A request in the shape that LiteLLM takes and translates for every provider."""

from __future__ import annotations

import base64
import json
from collections.abc import Mapping
from typing import Any, Final

from providers.base import ModelRequest, PromptMessage, ToolSpec
from providers.events import ToolCall
from providers.usage import estimate, estimate_all

# A call's id carries what Gemini signed it with, in the way that LiteLLM writes it; only Gemini wants that back.
SIGNATURE: Final = "__thought__"

# What a picture costs in most providers' tables, more or less.
_IMAGE_TOKENS: Final = 800


def messages(request: ModelRequest) -> list[dict[str, Any]]:
    vision = request.model.can("vision")
    shaped = [_message(message, vision=vision) for message in request.messages]
    return shaped if request.model.provider == "gemini" else [_unsigned(message) for message in shaped]


def tools(request: ModelRequest) -> list[dict[str, Any]]:
    return [
        {
            "type": "function",
            "function": {"name": tool.name, "description": tool.description, "parameters": dict(tool.parameters)},
        }
        for tool in request.tools
    ]


def tokens(request: ModelRequest) -> int:
    """About how long the prompt is, for providers that do not tell."""
    said = estimate_all(message.text for message in request.messages)
    called = sum(estimate(call.arguments) + 8 for message in request.messages for call in message.tool_calls)
    images = sum(len(message.images) for message in request.messages) if request.model.can("vision") else 0
    return said + called + images * _IMAGE_TOKENS + sum(_tool_tokens(tool) for tool in request.tools)


def _message(message: PromptMessage, *, vision: bool) -> dict[str, Any]:
    shaped: dict[str, Any] = {"role": message.role, "content": message.text}
    if message.images and vision:
        text = [{"type": "text", "text": message.text}] if message.text else []
        shaped["content"] = text + [
            {"type": "image_url", "image_url": {"url": _data_url(i.data, i.media_type)}} for i in message.images
        ]
    if message.tool_calls:
        shaped["content"] = message.text or None
        shaped["tool_calls"] = [_call(call) for call in message.tool_calls]
    if message.tool_call_id is not None:
        shaped["tool_call_id"] = message.tool_call_id
    return shaped


def arguments(call: ToolCall) -> str:
    """The arguments as an object: Anthropic and Gemini take nothing else, and a model may have written anything."""
    try:
        if isinstance(json.loads(call.arguments), Mapping):
            return call.arguments
    except ValueError:
        pass
    return json.dumps({"malformed": call.arguments}) if call.arguments.strip() else "{}"


def _call(call: ToolCall) -> dict[str, Any]:
    return {"id": call.id, "type": "function", "function": {"name": call.name, "arguments": arguments(call)}}


def unsigned(call_id: str) -> str:
    return call_id.partition(SIGNATURE)[0]


def _unsigned(message: dict[str, Any]) -> dict[str, Any]:
    if "tool_call_id" in message:
        message["tool_call_id"] = unsigned(message["tool_call_id"])
    for call in message.get("tool_calls", ()):
        call["id"] = unsigned(call["id"])
    return message


def _data_url(data: bytes, media_type: str) -> str:
    return f"data:{media_type};base64,{base64.b64encode(data).decode()}"


def _tool_tokens(tool: ToolSpec) -> int:
    return estimate(tool.name) + estimate(tool.description) + estimate(json.dumps(dict(tool.parameters))) + 8
