"""POST /v1/chat/completions."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from ..parts import Asked, Ending, Refusal, ToolCall, Usage, Whole
from .base import Shape, Voice, fragments, text_of, whole_number, words

CREATED = 1_750_000_000
REASONS = {
    "stop": "stop",
    "length": "length",
    "filter": "content_filter",
    "blocked": "content_filter",
    "tools": "tool_calls",
}


class OpenAIVoice(Voice):
    def open(self) -> bytes:
        return self._delta({"role": "assistant", "content": ""})

    def enter(self, channel: str) -> bytes:
        field = "content" if channel == "text" else "reasoning_content"
        self.template(self._chunk({field: "@@"}))
        return b""

    def call(self, calls: Sequence[ToolCall]) -> bytes:
        out = []
        for i, call in enumerate(calls):
            function: dict[str, Any] = {"name": call.name, "arguments": ""}
            out.append(
                self._delta({"tool_calls": [{"index": i, "id": call.id, "type": "function", "function": function}]})
            )
            for piece in fragments(call.arguments):
                out.append(self._delta({"tool_calls": [{"index": i, "function": {"arguments": piece}}]}))
        return b"".join(out)

    def close(self, ending: Ending) -> bytes:
        out = [self.event(self._chunk({}, REASONS[ending.reason]))] * ending.finishes
        if ending.late:
            out.append(self._delta({"content": ending.late}))
        for usage in ending.usages:
            out.append(self.event({**self._chunk({}), "choices": [], "usage": _usage(usage)}))
        if ending.done:
            out.append(f"data: [DONE]{self.eol * 2}".encode())
        return b"".join(out)

    def error(self) -> bytes:
        return self.event(
            OpenAI().refuse(Refusal(500, "server", "The server had an error while processing your request"))
        )

    def _delta(self, delta: Mapping[str, Any]) -> bytes:
        return self.event(self._chunk(delta))

    def _chunk(self, delta: Mapping[str, Any], reason: str | None = None) -> dict[str, Any]:
        return {
            "id": f"chatcmpl-{self.number}",
            "object": "chat.completion.chunk",
            "created": CREATED,
            "model": self.model,
            "choices": [{"index": 0, "delta": delta, "finish_reason": reason}],
        }


class OpenAI(Shape):
    name = "openai"
    voice = OpenAIVoice

    def read(self, body: Mapping[str, Any], path: str) -> Asked:
        return read_messages(
            body.get("messages") or (),
            body.get("tools") or (),
            limit=whole_number(body.get("max_completion_tokens") or body.get("max_tokens")),
            user=body.get("user") or body.get("safety_identifier"),
            stream=bool(body.get("stream")),
            usage=bool((body.get("stream_options") or {}).get("include_usage")) or not body.get("stream"),
        )

    def whole(self, number: int, model: str, answer: Whole) -> dict[str, Any]:
        message: dict[str, Any] = {"role": "assistant", "content": answer.text or (None if answer.calls else "")}
        if answer.reasoning:
            message["reasoning_content"] = answer.reasoning
        if answer.calls:
            message["tool_calls"] = [
                {"id": call.id, "type": "function", "function": {"name": call.name, "arguments": call.arguments}}
                for call in answer.calls
            ]
        return {
            "id": f"chatcmpl-{number}",
            "object": "chat.completion",
            "created": CREATED,
            "model": model,
            "choices": [{"index": 0, "message": message, "finish_reason": REASONS[answer.reason]}],
            **({"usage": _usage(answer.usage)} if answer.usage else {}),
        }

    def refuse(self, refusal: Refusal) -> dict[str, Any]:
        kind, code = {
            "auth": ("invalid_request_error", "invalid_api_key"),
            "rate": ("requests", "rate_limit_exceeded"),
            "quota": ("insufficient_quota", "insufficient_quota"),
            "context": ("invalid_request_error", "context_length_exceeded"),
            "bad": ("invalid_request_error", None),
            "missing": ("invalid_request_error", "model_not_found"),
        }.get(refusal.kind, ("server_error", None))
        param = "messages" if refusal.kind == "context" else None
        return {"error": {"message": refusal.message, "type": kind, "param": param, "code": code}}

    def context(self) -> Refusal:
        said = "This model's maximum context length is 8192 tokens. However, your messages resulted in 9001 tokens."
        return Refusal(400, "context", said)

    def quota(self) -> Refusal:
        said = "You exceeded your current quota, please check your plan and billing details."
        return Refusal(429, "quota", said)


def read_messages(messages: Sequence[Any], tools: Sequence[Any], **more: Any) -> Asked:
    """What OpenAI's and Ollama's messages say."""
    prompt, rounds = "", 0
    results: list[str] = []
    texts: list[str] = []
    for message in messages:
        text = text_of(message.get("content"))
        texts.append(text)
        match message.get("role"):
            case "user":
                prompt, results, rounds = text, [], 0
            case "assistant" if message.get("tool_calls"):
                rounds += 1
            case "tool":
                results.append(text)
    functions = [tool.get("function") or {} for tool in tools]
    known = {str(one.get("name")): one.get("parameters") or {} for one in functions}
    return Asked(prompt=prompt, results=tuple(results), rounds=rounds, words=words(*texts), tools=known, **more)


def _usage(usage: Usage) -> dict[str, Any]:
    return {
        "prompt_tokens": usage.input,
        "completion_tokens": usage.output,
        "total_tokens": usage.input + usage.output,
        "prompt_tokens_details": {"cached_tokens": usage.cached},
        "completion_tokens_details": {"reasoning_tokens": usage.reasoning},
    }
