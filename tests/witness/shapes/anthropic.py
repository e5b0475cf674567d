"""POST /v1/messages."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from ..parts import Asked, Ending, Refusal, ToolCall, Usage, Whole
from .base import Shape, Voice, fragments, parsed, text_of, whole_number, words

REASONS = {"stop": "end_turn", "length": "max_tokens", "filter": "refusal", "blocked": "refusal", "tools": "tool_use"}


class AnthropicVoice(Voice):
    """One content block at a time; changing the channel closes the one that is open."""

    index = -1
    channel: str | None = None

    def open(self) -> bytes:
        message: dict[str, Any] = {
            "id": f"msg_{self.number}",
            "type": "message",
            "role": "assistant",
            "model": self.model,
            "content": [],
            "stop_reason": None,
            "stop_sequence": None,
        }
        if self.usage is not None:
            message["usage"] = {**_input(self.usage), "output_tokens": self.usage.output}
        return self.event({"type": "message_start", "message": message})

    def enter(self, channel: str) -> bytes:
        opening = b""
        if channel != self.channel:
            empty = {"type": "text", "text": ""} if channel == "text" else {"type": "thinking", "thinking": ""}
            opening = self._start(channel, empty)
        delta = (
            {"type": "text_delta", "text": "@@"} if channel == "text" else {"type": "thinking_delta", "thinking": "@@"}
        )
        self.template(self._delta(delta))
        return opening

    def call(self, calls: Sequence[ToolCall]) -> bytes:
        out = []
        for call in calls:
            out.append(self._start("tool", {"type": "tool_use", "id": call.id, "name": call.name, "input": {}}))
            for piece in fragments(call.arguments):
                out.append(self.event(self._delta({"type": "input_json_delta", "partial_json": piece})))
        return b"".join(out)

    def close(self, ending: Ending) -> bytes:
        out = [self._stop()]
        usages: list[Usage | None] = list(ending.usages) or [None]
        usages += [usages[-1]] * (ending.finishes - len(usages))
        for usage in usages:
            data: dict[str, Any] = {
                "type": "message_delta",
                "delta": {"stop_reason": REASONS[ending.reason], "stop_sequence": None},
            }
            if usage is not None:
                data["usage"] = {**_input(usage), **_output(usage)}
            out.append(self.event(data))
        if ending.late:
            out.append(self._start("text", {"type": "text", "text": ""}))
            out.append(self.event(self._delta({"type": "text_delta", "text": ending.late})))
            out.append(self._stop())
        if ending.done:
            out += [self.event({"type": "message_stop"})] * ending.finishes
        return b"".join(out)

    def error(self) -> bytes:
        return self.event(Anthropic().refuse(Refusal(529, "server", "Overloaded")))

    def garbage(self) -> bytes:
        eol = self.eol
        return (
            f'event: content_block_delta{eol}data: {{"type": "content_block_delta", "index": 0, "del{eol * 2}'.encode()
        )

    def comment(self) -> bytes:
        return self.event({"type": "ping"})

    def event(self, data: Mapping[str, Any]) -> bytes:
        return f"event: {data['type']}{self.eol}".encode() + super().event(data)

    def _start(self, channel: str, block: Mapping[str, Any]) -> bytes:
        closing = self._stop()
        self.channel, self.index = channel, self.index + 1
        return closing + self.event({"type": "content_block_start", "index": self.index, "content_block": block})

    def _stop(self) -> bytes:
        if self.channel is None:
            return b""
        signature = b""
        if self.channel == "reasoning":
            signature = self.event(self._delta({"type": "signature_delta", "signature": "d2l0bmVzcw=="}))
        self.channel = None
        return signature + self.event({"type": "content_block_stop", "index": self.index})

    def _delta(self, delta: Mapping[str, Any]) -> dict[str, Any]:
        return {"type": "content_block_delta", "index": self.index, "delta": delta}


class Anthropic(Shape):
    name = "anthropic"
    voice = AnthropicVoice

    def read(self, body: Mapping[str, Any], path: str) -> Asked:
        prompt, results, rounds = "", [], 0
        texts = [text_of(body.get("system"))]
        for message in body.get("messages") or ():
            content = message.get("content")
            blocks = content if isinstance(content, list) else []
            text = text_of(content)
            texts.append(text)
            answers = [text_of(block.get("content")) for block in blocks if block.get("type") == "tool_result"]
            if message.get("role") == "assistant":
                rounds += any(block.get("type") == "tool_use" for block in blocks)
            elif answers:
                results += answers
                texts += answers
            else:
                prompt, results, rounds = text, [], 0
        return Asked(
            prompt=prompt,
            results=tuple(results),
            rounds=rounds,
            words=words(*texts),
            limit=whole_number(body.get("max_tokens")),
            tools={str(one.get("name")): one.get("input_schema") or {} for one in body.get("tools") or ()},
            user=(body.get("metadata") or {}).get("user_id"),
            stream=bool(body.get("stream")),
        )

    def whole(self, number: int, model: str, answer: Whole) -> dict[str, Any]:
        content: list[dict[str, Any]] = []
        if answer.reasoning:
            content.append({"type": "thinking", "thinking": answer.reasoning, "signature": "d2l0bmVzcw=="})
        if answer.text:
            content.append({"type": "text", "text": answer.text})
        for call in answer.calls:
            content.append({"type": "tool_use", "id": call.id, "name": call.name, "input": parsed(call.arguments)})
        usage = answer.usage
        return {
            "id": f"msg_{number}",
            "type": "message",
            "role": "assistant",
            "model": model,
            "content": content,
            "stop_reason": REASONS[answer.reason],
            "stop_sequence": None,
            **({"usage": {**_input(usage), **_output(usage)}} if usage else {}),
        }

    def refuse(self, refusal: Refusal) -> dict[str, Any]:
        kind = {
            "auth": "authentication_error",
            "rate": "rate_limit_error",
            "quota": "invalid_request_error",
            "context": "invalid_request_error",
            "bad": "invalid_request_error",
            "missing": "not_found_error",
        }.get(refusal.kind, "overloaded_error" if refusal.status == 529 else "api_error")
        error = {"type": kind, "message": refusal.message}
        return {"type": "error", "error": error, "request_id": "req_witness"}

    def context(self) -> Refusal:
        return Refusal(400, "context", "prompt is too long: 250000 tokens > 200000 maximum")

    def quota(self) -> Refusal:
        return Refusal(400, "quota", "Your credit balance is too low to access the Anthropic API.")


def _output(usage: Usage) -> dict[str, Any]:
    return {"output_tokens": usage.output, "output_tokens_details": {"thinking_tokens": usage.reasoning}}


def _input(usage: Usage) -> dict[str, int]:
    return {
        "input_tokens": usage.input - usage.cached,
        "cache_creation_input_tokens": 0,
        "cache_read_input_tokens": usage.cached,
    }
