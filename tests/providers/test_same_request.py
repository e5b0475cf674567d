"""What we send without LiteLLM is what LiteLLM sends, in every field that a model could notice."""

from __future__ import annotations

import itertools
import re
from typing import Any

import pytest

from providers import anthropic_shape, gemini_shape, ollama_shape, openai_shape
from providers.base import Image, ModelRequest, Options, PromptMessage, ToolSpec
from providers.direct import DirectProvider, Shape
from providers.events import ToolCall
from providers.gateway import LiteLLMProvider
from providers.specs import ModelSpec
from tests.providers.conftest import WEATHER, collect
from tests.witness.client import WitnessClient

pytestmark = pytest.mark.once

PLAIN, THINKS = frozenset({"tools", "vision"}), frozenset({"tools", "vision", "reasoning"})
MODELS = {
    "openai/gpt-4.1": PLAIN,
    "openai/gpt-5-mini": THINKS,
    "openai/gpt-5.1": THINKS,
    "openai/gpt-5.6": THINKS,
    "openai/gpt-6.1-sol": THINKS,
    "openai/gpt-6-luna": THINKS,
    "openai/gpt-5-chat-latest": PLAIN,
    "openai/o3": THINKS,
    "openai/somebody-elses": THINKS,
    "xai/grok-4.3": THINKS,
    "openrouter/anthropic/claude-sonnet-4.6": THINKS,
    "groq/llama-3.3-70b-versatile": PLAIN,
    "groq/openai/gpt-oss-120b": THINKS,
    "mistral/mistral-large-latest": PLAIN,
    "mistral/magistral-medium-latest": THINKS,
    "deepseek/deepseek-chat": frozenset({"tools"}),
    "together_ai/meta-llama/Llama-3.3-70B-Instruct-Turbo": PLAIN,
    "hosted_vllm/my-model": THINKS,
    "anthropic/claude-sonnet-5-5": THINKS,
    "anthropic/claude-opus-4-6": THINKS,
    "anthropic/claude-haiku-4-5": THINKS,
    "anthropic/claude-mythos-preview": THINKS,
    "gemini/gemini-3.8-flash": THINKS,
    "gemini/gemini-2.5-pro": THINKS,
    "gemini/gemini-2.5-flash-lite": THINKS,
    "gemini/gemini-flash-latest": THINKS,
    "gemini/gemini-2.5-flash": PLAIN,
    "ollama_chat/qwen3:8b": THINKS,
    "ollama_chat/gpt-oss:20b": THINKS,
    "ollama_chat/llama3.2": PLAIN,
}
SHAPES: dict[str, Shape] = {"anthropic": anthropic_shape, "gemini": gemini_shape, "ollama_chat": ollama_shape}
CALL = ToolCall("call_1", "get_weather", '{"city": "Paris"}')
TALK = (
    PromptMessage("system", "Be brief."),
    PromptMessage("user", "Weather?"),
    PromptMessage("assistant", "", tool_calls=[CALL]),
    PromptMessage("tool", "18 degrees", tool_call_id="call_1"),
    PromptMessage("assistant", "It is 18 degrees."),
    PromptMessage("user", "And this?", images=[Image(b"\x89PNG\r\n\x1a\n12345", "image/png")]),
)
PICTURE = PromptMessage("user", "", images=[Image(b"\xff\xd8\xff12345", "image/jpeg")])
TALKS = (
    TALK,
    (PromptMessage("user", "Hi"), PromptMessage("user", "there"), PromptMessage("assistant", "Yes? "), PICTURE),
    # Calls of another provider, several at once, one with arguments that are none, and a result that is an object.
    (
        PromptMessage("user", "Compare."),
        PromptMessage(
            "assistant",
            "A moment.",
            tool_calls=[
                ToolCall("toolu.1/x__thought__c2ln", "get_weather", '{"city": "Rome"}'),
                ToolCall("b", "get_weather", "rain"),
            ],
        ),
        PromptMessage("tool", '{"degrees": 18}', tool_call_id="toolu.1/x__thought__c2ln"),
        PromptMessage("tool", "[1]", tool_call_id="b"),
        PromptMessage("assistant", "Rome."),
        PromptMessage("user", "Thanks"),
    ),
)
RICH = ToolSpec(
    "plan_trip",
    "Plans.",
    {
        "type": "object",
        "properties": {
            "stops": {"type": "array", "items": {"type": "object", "properties": {"city": {"type": "string"}}}},
            "mode": {"type": "string", "enum": ["train", "foot"], "description": "How."},
            "days": {"type": "integer", "minimum": 1, "maximum": 9},
        },
        "required": ["stops"],
        "additionalProperties": False,
    },
)
OPTIONS = (
    Options(),
    Options(max_tokens=50, temperature=0.3),
    Options(reasoning_effort="minimal"),
    Options(reasoning_effort="low", temperature=1, max_tokens=9),
)


async def sent(provider: Any, request: ModelRequest, witness: WitnessClient) -> dict[str, Any]:
    await collect(provider.stream(request))
    record = witness.requests(model=request.model.id.partition("/")[2])[-1]
    assert record.key == "sk-own"
    assert isinstance(record.body, dict)
    return record.body


@pytest.mark.parametrize("model", MODELS)
async def test_the_request_is_the_same(model: str, witness: WitnessClient, litellm: Any) -> None:
    provider = model.partition("/")[0]
    shape = SHAPES.get(provider, openai_shape)
    base = witness.url + {"anthropic": "", "gemini": "/v1beta", "ollama_chat": ""}.get(provider, "/v1")
    most = litellm.get_max_tokens(model) if provider == "anthropic" else None  # as the catalog has it
    spec = ModelSpec(model, "M", api_base=base, abilities=MODELS[model], max_output=most)
    served = 0
    for talk, options, tools in itertools.product(TALKS, OPTIONS, ((), (WEATHER, RICH))):
        request = ModelRequest(spec, talk, tools, options, api_key="sk-own")
        if shape.serves(request):
            served += 1
            theirs = await sent(LiteLLMProvider(), request, witness)
            if model == "openai/o3" and talk is TALK:
                # LiteLLM's price list does not say that it takes instructions, so they became a question.
                theirs["messages"][0]["role"] = "system"
            if provider == "hosted_vllm" and tools:
                # LiteLLM leaves this out, but vLLM takes it.
                theirs["tools"][1]["function"]["parameters"]["additionalProperties"] = False
            if provider == "ollama_chat":
                for message in theirs["messages"]:
                    if not message["images"]:
                        del message["images"]
            assert _camel(await sent(DirectProvider(shape), request, witness)) == _camel(theirs)
    assert served >= 6


def _camel(body: Any) -> Any:
    """Gemini takes both spellings of its fields, and LiteLLM uses both."""
    if isinstance(body, dict):
        return {re.sub(r"_(\w)", lambda found: found[1].upper(), name): _camel(value) for name, value in body.items()}
    return [_camel(one) for one in body] if isinstance(body, list) else body
