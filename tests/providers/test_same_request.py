"""What we send without LiteLLM is what LiteLLM sends, in every field that a model could notice."""

from __future__ import annotations

import itertools
from typing import Any

import pytest

from providers import openai_shape
from providers.base import Image, ModelRequest, Options, PromptMessage
from providers.direct import DirectProvider
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
}
CALL = ToolCall("call_1", "get_weather", '{"city": "Paris"}')
TALK = (
    PromptMessage("system", "Be brief."),
    PromptMessage("user", "Weather?"),
    PromptMessage("assistant", "", tool_calls=[CALL]),
    PromptMessage("tool", "18 degrees", tool_call_id="call_1"),
    PromptMessage("assistant", "It is 18 degrees."),
    PromptMessage("user", "And this?", images=[Image(b"\x89PNG\r\n\x1a\n12345", "image/png")]),
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
    spec = ModelSpec(model, "M", api_base=witness.openai_base, abilities=MODELS[model])
    served = 0
    for options, tools in itertools.product(OPTIONS, ((), (WEATHER,))):
        request = ModelRequest(spec, TALK, tools, options, api_key="sk-own")
        if openai_shape.serves(request):
            served += 1
            theirs = await sent(LiteLLMProvider(), request, witness)
            if model == "openai/o3":
                # LiteLLM's price list does not say that it takes instructions, so they became a question.
                theirs["messages"][0]["role"] = "system"
            assert await sent(DirectProvider(), request, witness) == theirs
    assert served >= 4
