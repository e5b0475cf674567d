"""POST /api/chat."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from ..parts import Asked, Ending, Refusal, ToolCall, Usage, Whole
from .base import Shape, Voice, dumps, parsed, whole_number
from .openai import read_messages

# Ollama knows no content filter and says "stop" after a tool call as well.
REASONS = {"stop": "stop", "length": "length", "filter": "stop", "blocked": "stop", "tools": "stop"}
CREATED = "2025-06-15T12:00:00.000000Z"


class OllamaVoice(Voice):
    """Lines of JSON. An error at once counts as the end."""

    def open(self) -> bytes:
        return b""

    def enter(self, channel: str) -> bytes:
        self.template(self._line({"content": "@@"} if channel == "text" else {"content": "", "thinking": "@@"}))
        return b""

    def call(self, calls: Sequence[ToolCall]) -> bytes:
        return self.event(self._line({"content": "", "tool_calls": _calls(calls)}))

    def close(self, ending: Ending) -> bytes:
        usages: list[Usage | None] = list(ending.usages) or [None]
        usages += [usages[-1]] * (ending.finishes - len(usages))
        out = [
            self.event({**self._line({"content": ""}), **_done(ending.reason, usage)}) if ending.done else b""
            for usage in usages
        ]
        if ending.late:
            out.append(self.event(self._line({"content": ending.late})))
        return b"".join(out)

    def error(self) -> bytes:
        return self.event({"error": "an error was encountered while running the model"})

    def garbage(self) -> bytes:
        return f'{{"model": "{self.model}", "message": {{"ro{self.eol}'.encode()

    def comment(self) -> bytes:
        return self.eol.encode()

    def event(self, data: Mapping[str, Any]) -> bytes:
        return dumps(data) + self.eol.encode()

    def _line(self, message: Mapping[str, Any]) -> dict[str, Any]:
        said = {"role": "assistant", **message}
        return {"model": self.model, "created_at": CREATED, "message": said, "done": False}


class Ollama(Shape):
    name = "ollama"
    media_type = "application/x-ndjson"
    voice = OllamaVoice

    def read(self, body: Mapping[str, Any], path: str) -> Asked:
        return read_messages(
            body.get("messages") or (),
            body.get("tools") or (),
            limit=whole_number((body.get("options") or {}).get("num_predict")),
            stream=bool(body.get("stream", True)),
        )

    def whole(self, number: int, model: str, answer: Whole) -> dict[str, Any]:
        message: dict[str, Any] = {"role": "assistant", "content": answer.text}
        if answer.reasoning:
            message["thinking"] = answer.reasoning
        if answer.calls:
            message["tool_calls"] = _calls(answer.calls)
        return {"model": model, "created_at": CREATED, "message": message, **_done(answer.reason, answer.usage)}

    def refuse(self, refusal: Refusal) -> dict[str, Any]:
        return {"error": refusal.message}

    def context(self) -> Refusal:
        return Refusal(400, "context", "the input length exceeds the context length")

    def quota(self) -> Refusal:
        return Refusal(429, "quota", "you've reached your usage limit, please upgrade to continue")


def _calls(calls: Sequence[ToolCall]) -> list[dict[str, Any]]:
    return [{"function": {"name": call.name, "arguments": parsed(call.arguments)}} for call in calls]


def _done(reason: str, usage: Usage | None) -> dict[str, Any]:
    done: dict[str, Any] = {"done": True, "done_reason": REASONS[reason], "total_duration": 1_000_000}
    if usage is not None:
        done |= {"prompt_eval_count": usage.input, "eval_count": usage.output}
    return done
