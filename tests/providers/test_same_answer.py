"""What we hear without LiteLLM is what is heard through it, whatever a provider says."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from dataclasses import replace
from itertools import count
from typing import Any, get_args

import pytest

from providers.events import Event, ToolCall, joined
from providers.specs import ModelSpec
from tests.providers.conftest import WEATHER, Answer, collect, provider_on, request_for
from tests.witness.client import WitnessClient

Spec = Callable[[str, str], ModelSpec]

pytestmark = pytest.mark.once
NUMBERS = count(1)

# --- Anthropic -------------------------------------------------------------------------------------


def start(**usage: int) -> dict[str, Any]:
    return {"type": "message_start", "message": {"id": "m", "role": "assistant", "content": [], "usage": usage}}


def block(index: int, kind: str, **more: Any) -> dict[str, Any]:
    return {"type": "content_block_start", "index": index, "content_block": {"type": kind, **more}}


def delta(index: int, kind: str, **more: Any) -> dict[str, Any]:
    return {"type": "content_block_delta", "index": index, "delta": {"type": kind, **more}}


def stop(index: int) -> dict[str, Any]:
    return {"type": "content_block_stop", "index": index}


def ends(reason: str | None, **usage: Any) -> list[dict[str, Any]]:
    return [
        {"type": "message_delta", "delta": {"stop_reason": reason, "stop_sequence": None}, "usage": usage},
        {"type": "message_stop"},
    ]


TEXT = [start(input_tokens=5, output_tokens=1), block(0, "text", text=""), delta(0, "text_delta", text="Hello ")]
DONE = ends("end_turn", output_tokens=7)


def failing(kind: str, message: str = "Sorry") -> dict[str, Any]:
    return {"type": "error", "error": {"type": kind, "message": message}, "request_id": "r"}


ANTHROPIC: dict[str, Sequence[Any]] = {
    "text": [*TEXT, {"type": "ping"}, delta(0, "text_delta", text="there"), stop(0), *DONE],
    "a block that begins with text": [start(input_tokens=5), block(0, "text", text="Well, "), *TEXT[2:], *DONE],
    "thoughts with a signature": [
        start(input_tokens=5),
        block(0, "thinking", thinking="", signature=""),
        delta(0, "thinking_delta", thinking="Let me see."),
        delta(0, "signature_delta", signature="c2ln"),
        stop(0),
        block(1, "text", text=""),
        delta(1, "text_delta", text="Yes."),
        stop(1),
        *ends("end_turn", output_tokens=9, output_tokens_details={"thinking_tokens": 4}),
    ],
    "thoughts that may not be read": [
        start(input_tokens=5),
        block(0, "redacted_thinking", data="c2VjcmV0"),
        stop(0),
        block(1, "text", text=""),
        delta(1, "text_delta", text="Yes."),
        stop(1),
        *DONE,
    ],
    "a citation": [*TEXT, delta(0, "citations_delta", citation={"cited_text": "x"}), stop(0), *DONE],
    "two calls after a word": [
        *TEXT,
        stop(0),
        block(1, "tool_use", id="toolu_1", name="get_weather", input={}),
        delta(1, "input_json_delta", partial_json=""),
        delta(1, "input_json_delta", partial_json='{"city": '),
        delta(1, "input_json_delta", partial_json='"Rome"}'),
        stop(1),
        block(2, "tool_use", id="toolu_2", name="get_weather", input={}),
        delta(2, "input_json_delta", partial_json=""),
        stop(2),
        *ends("tool_use", output_tokens=30),
    ],
    "a cache that was written and read": [
        start(input_tokens=5, cache_creation_input_tokens=20, cache_read_input_tokens=300, output_tokens=1),
        *TEXT[1:],
        stop(0),
        *DONE,
    ],
    "usage that leaves out what has not changed": [*TEXT, stop(0), *ends("end_turn", output_tokens=8)],
    "an event of an unknown kind": [*TEXT, {"type": "weather_report", "index": 3}, stop(0), *DONE],
    "an unknown kind of delta": [*TEXT, delta(0, "smell_delta", smell="roses"), stop(0), *DONE],
    "no end": TEXT,
    "an end without an event before it": DONE,
    "a delta without a delta": [*TEXT, {"type": "content_block_delta", "index": 0}],
    "a block without a block": [*TEXT, {"type": "content_block_start", "index": 0}],
    "an event that is a list": [*TEXT, [1]],
    "an event that is no JSON": [*TEXT, "{"],
    **{f"finish {reason}": [*TEXT, stop(0), *ends(reason, output_tokens=7)] for reason in (
        "end_turn", "max_tokens", "stop_sequence", "pause_turn", "refusal", "model_context_window_exceeded", "new_one",
    )},
    **{f"error {kind}": [*TEXT, failing(kind)] for kind in (
        "overloaded_error", "api_error", "rate_limit_error", "invalid_request_error", "authentication_error",
        "permission_error", "not_found_error", "request_too_large", "timeout_error", "new_error",
    )},
    "an error at once": [failing("overloaded_error")],
    "an error after the end": [*TEXT, stop(0), *DONE[:1], failing("api_error")],
}  # fmt: skip

# --- Gemini ----------------------------------------------------------------------------------------


def chunk(*parts: Any, finish: str | None = None, usage: dict[str, int] | None = None, **more: Any) -> dict[str, Any]:
    candidate: dict[str, Any] = {"index": 0, "content": {"role": "model", "parts": parts}}
    if finish:
        candidate["finishReason"] = finish
    return {"candidates": [candidate], **({"usageMetadata": usage} if usage else {}), **more}


COUNT = {"promptTokenCount": 5, "candidatesTokenCount": 7, "totalTokenCount": 12}
HELLO = chunk({"text": "Hello "}, usage=COUNT | {"candidatesTokenCount": 1})
LAST = chunk({"text": "there"}, finish="STOP", usage=COUNT)


def call(name: str, /, signature: str = "", **function: Any) -> dict[str, Any]:
    part: dict[str, Any] = {"functionCall": {"name": name, **function}}
    return part | ({"thoughtSignature": signature} if signature else {})


def refusing(code: Any, status: str, message: str = "Sorry") -> dict[str, Any]:
    return {"error": {"code": code, "status": status, "message": message}}


GEMINI: dict[str, Sequence[Any]] = {
    "text": [HELLO, LAST],
    "an answer in one event": [chunk({"text": "All."}, finish="STOP", usage=COUNT)],
    "thoughts": [
        chunk({"text": "Let me see.", "thought": True}),
        HELLO,
        chunk(finish="STOP", usage=COUNT | {"thoughtsTokenCount": 20, "totalTokenCount": 32}),
    ],
    "thoughts that are counted within": [HELLO, chunk(finish="STOP", usage=COUNT | {"thoughtsTokenCount": 3})],
    "cached input": [HELLO, chunk(finish="STOP", usage=COUNT | {"cachedContentTokenCount": 4})],
    "tokens of tools": [
        HELLO,
        chunk(finish="STOP", usage=COUNT | {"toolUsePromptTokenCount": 10, "totalTokenCount": 22}),
    ],
    "no count of the output": [HELLO, chunk(finish="STOP", usage={"promptTokenCount": 5, "totalTokenCount": 5})],
    "a count before the end only": [HELLO, chunk(finish="STOP")],
    "a count after the end": [HELLO, chunk(finish="STOP"), {"usageMetadata": COUNT}],
    "a signed call and another": [
        HELLO,
        chunk(
            call("get_weather", "c2ln", id="fc1", args={"city": "Köln"}),
            call("get_weather", id="fc2", args={}),
            finish="STOP",
            usage=COUNT,
        ),
    ],
    "calls in two events": [
        chunk(call("get_weather", id="fc1", args={"city": "Rome"})),
        chunk(call("get_weather", id="fc2", args={"city": "Paris"})),
        chunk(finish="STOP", usage=COUNT),
    ],
    "a picture": [HELLO, chunk({"inlineData": {"mimeType": "image/png", "data": "iVBO"}}), LAST],
    "a candidate without content": [HELLO, {"candidates": [{"index": 0}], "usageMetadata": COUNT}, LAST],
    "a candidate that only ends": [HELLO, {"candidates": [{"finishReason": "STOP"}], "usageMetadata": COUNT}],
    "an event without candidates": [HELLO, {"modelVersion": "x"}, LAST],
    "a blocked prompt": [{"promptFeedback": {"blockReason": "SAFETY"}, "usageMetadata": COUNT}],
    "feedback that blocks nothing": [HELLO | {"promptFeedback": {"safetyRatings": []}}, LAST],
    "no end": [HELLO],
    "an event that is a list": [HELLO, [1]],
    **{f"finish {reason}": [HELLO, chunk(finish=reason, usage=COUNT)] for reason in (
        "STOP", "MAX_TOKENS", "SAFETY", "RECITATION", "LANGUAGE", "OTHER", "BLOCKLIST", "PROHIBITED_CONTENT", "SPII",
        "MALFORMED_FUNCTION_CALL", "IMAGE_SAFETY", "UNEXPECTED_TOOL_CALL", "TOO_MANY_TOOL_CALLS", "MALFORMED_RESPONSE",
        "MISSING_THOUGHT_SIGNATURE", "NO_IMAGE", "FINISH_REASON_UNSPECIFIED", "IMAGE_PROHIBITED_CONTENT",
        "IMAGE_RECITATION", "IMAGE_OTHER", "ESCALATION", "NEW_ONE",
    )},
    **{f"error {code}": [HELLO, refusing(code, "X")] for code in (400, 401, 403, 404, 429, 500, 503, 504, None, "odd")},
    "a prompt that is too long": [
        HELLO, refusing(400, "INVALID_ARGUMENT", "The input token count (9) exceeds the maximum number of tokens")
    ],
    "an error that is a word": [HELLO, {"error": "no"}],
    "an error at once": [refusing(503, "UNAVAILABLE")],
    "an error after the end": [HELLO, LAST, refusing(503, "UNAVAILABLE")],
}  # fmt: skip

CASES = [("anthropic", name) for name in ANTHROPIC] + [("gemini", name) for name in GEMINI]


@pytest.mark.parametrize(("provider", "name"), CASES)
async def test_the_events_are_the_same(provider: str, name: str, spec_for: Spec, witness: WitnessClient) -> None:
    said = (ANTHROPIC if provider == "anthropic" else GEMINI)[name]
    body = "".join(f"data: {one if isinstance(one, str) else json.dumps(one)}\n\n" for one in said)
    model = f"w-tag{next(NUMBERS) + 500}"
    witness.script(model, [{"raw": body}] * 2)
    theirs, ours = [
        await collect(provider_on(route).stream(request_for(spec_for(route, model), tools=[WEATHER])))
        for route in (provider, f"direct_{provider}")
    ]
    assert told(ours) == told(theirs)


def told(answer: Answer) -> tuple[list[Event], object]:
    """The events, whatever ids we had to invent, and the error's code."""
    events = joined(
        [
            replace(event, id="") if isinstance(event, ToolCall) and event.id.startswith("call_") else event
            for event in answer.events
        ]
    )
    return events, answer.error and (type(answer.error), answer.error.details)


def test_every_end_that_litellm_knows_is_compared(litellm: Any) -> None:
    from litellm.types.llms.vertex_ai import GeminiFinishReason

    assert {f"finish {reason}" for reason in get_args(GeminiFinishReason)} <= GEMINI.keys()
