"""POST /v1beta/models/{model}:streamGenerateContent?alt=sse and :generateContent."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from ..parts import Asked, Ending, Refusal, ToolCall, Usage, Whole
from .base import Shape, Voice, parsed, text_of, whole_number, words

# Gemini says STOP after a function call as well.
REASONS = {"stop": "STOP", "length": "MAX_TOKENS", "filter": "SAFETY", "blocked": "", "tools": "STOP"}
SIGNATURE = "d2l0bmVzcw=="
BLOCKED = {"promptFeedback": {"blockReason": "PROHIBITED_CONTENT"}}
STATUS = {400: "INVALID_ARGUMENT", 401: "UNAUTHENTICATED", 403: "PERMISSION_DENIED", 404: "NOT_FOUND"}
MORE = {429: "RESOURCE_EXHAUSTED", 503: "UNAVAILABLE", 504: "DEADLINE_EXCEEDED"}


class GeminiVoice(Voice):
    """Every chunk has a running count, only that of the last one is whole."""

    def open(self) -> bytes:
        return b""

    def enter(self, channel: str) -> bytes:
        self.template(self._chunk([{"text": "@@"} if channel == "text" else {"text": "@@", "thought": True}]))
        return b""

    def call(self, calls: Sequence[ToolCall]) -> bytes:
        return self.event(self._chunk(_calls(calls)))

    def close(self, ending: Ending) -> bytes:
        usages: list[Usage | None] = list(ending.usages) or [None]
        usages += [usages[-1]] * (ending.finishes - len(usages))
        out = []
        for usage in usages:
            chunk = self._chunk([{"text": ""}]) | _usage(usage)
            if ending.reason == "blocked":
                chunk |= {"candidates": [], **BLOCKED}
            else:
                chunk["candidates"][0]["finishReason"] = REASONS[ending.reason]
            if usage is None:
                chunk.pop("usageMetadata", None)
            out.append(self.event(chunk))
        if ending.late:
            out.append(self.event(self._chunk([{"text": ending.late}])))
        return b"".join(out)

    def error(self) -> bytes:
        return self.event(Gemini().refuse(Refusal(503, "server", "The model is overloaded. Please try again later.")))

    def garbage(self) -> bytes:
        return f'data: {{"candidates": [{{"content": {{"parts": [{{"te{self.eol * 2}'.encode()

    def _chunk(self, parts: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
        return {
            "candidates": [{"content": {"parts": parts, "role": "model"}, "index": 0}],
            **_usage(replace(self.usage, output=1) if self.usage and self.usage.input > 0 else None),
            "modelVersion": self.model,
            "responseId": f"w{self.number}",
        }


class Gemini(Shape):
    name = "gemini"
    voice = GeminiVoice

    def read(self, body: Mapping[str, Any], path: str) -> Asked:
        prompt, results, rounds = "", [], 0
        system = body.get("systemInstruction") or body.get("system_instruction") or {}
        texts = [text_of(system.get("parts"))]
        for content in body.get("contents") or ():
            parts = content.get("parts") or []
            text = text_of(parts)
            texts.append(text)
            answers = [_result(part) for part in parts if "functionResponse" in part or "function_response" in part]
            if content.get("role") == "model":
                rounds += any("functionCall" in part or "function_call" in part for part in parts)
            elif answers:
                results += answers
                texts += answers
            else:
                prompt, results, rounds = text, [], 0
        config = body.get("generationConfig") or body.get("generation_config") or {}
        tools: dict[str, Any] = {}
        for tool in body.get("tools") or ():
            for one in tool.get("functionDeclarations") or tool.get("function_declarations") or ():
                tools[str(one.get("name"))] = one.get("parameters") or one.get("parametersJsonSchema") or {}
        return Asked(
            prompt=prompt,
            results=tuple(results),
            rounds=rounds,
            words=words(*texts),
            limit=whole_number(config.get("maxOutputTokens") or config.get("max_output_tokens")),
            tools=tools,
            user=(body.get("labels") or {}).get("user"),
            stream=path.endswith(":streamGenerateContent"),
        )

    def whole(self, number: int, model: str, answer: Whole) -> dict[str, Any]:
        parts: list[dict[str, Any]] = []
        if answer.reasoning:
            parts.append({"text": answer.reasoning, "thought": True})
        if answer.text:
            parts.append({"text": answer.text})
        parts += _calls(answer.calls)
        content = {"parts": parts or [{"text": ""}], "role": "model"}
        blocked = answer.reason == "blocked"
        candidate = {"content": content, "finishReason": REASONS[answer.reason], "index": 0}
        return {
            **(BLOCKED if blocked else {"candidates": [candidate]}),
            **_usage(answer.usage),
            "modelVersion": model,
            "responseId": f"w{number}",
        }

    def refuse(self, refusal: Refusal) -> dict[str, Any]:
        status = {**STATUS, **MORE}.get(refusal.status, "INTERNAL")
        return {"error": {"code": refusal.status, "message": refusal.message, "status": status}}

    def context(self) -> Refusal:
        said = "The input token count (1200000) exceeds the maximum number of tokens allowed (1048576)."
        return Refusal(400, "context", said)

    def quota(self) -> Refusal:
        said = "You exceeded your current quota, please check your plan and billing details."
        return Refusal(429, "quota", said)


def _calls(calls: Sequence[ToolCall]) -> list[dict[str, Any]]:
    """Calls have ids, and the first of several is signed."""
    parts: list[dict[str, Any]] = [
        {"functionCall": {"id": call.id, "name": call.name, "args": parsed(call.arguments)}} for call in calls
    ]
    if parts:
        parts[0]["thoughtSignature"] = SIGNATURE
    return parts


def _result(part: Mapping[str, Any]) -> str:
    response = (part.get("functionResponse") or part.get("function_response") or {}).get("response")
    if isinstance(response, dict) and len(response) == 1:
        response = next(iter(response.values()))
    return response if isinstance(response, str) else json.dumps(response, ensure_ascii=False)


def _usage(usage: Usage | None) -> dict[str, Any]:
    if usage is None:
        return {}
    counts = {
        "promptTokenCount": usage.input,
        "candidatesTokenCount": usage.output - usage.reasoning,
        "totalTokenCount": usage.input + usage.output,
    }
    if usage.reasoning:
        counts["thoughtsTokenCount"] = usage.reasoning
    if usage.cached:
        counts["cachedContentTokenCount"] = usage.cached
    return {"usageMetadata": counts}
