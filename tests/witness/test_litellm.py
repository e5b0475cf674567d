"""LiteLLM itself takes the witness for a provider, in each of the four shapes."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from typing import Any

import pytest

from tests.witness import expected_reasoning, expected_text
from tests.witness.client import ROOT, WitnessClient

PROVIDERS = ("openai", "anthropic", "gemini", "ollama_chat")
CITY = {"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]}
WEATHER = {"type": "function", "function": {"name": "get_weather", "description": "Weather.", "parameters": CITY}}

pytestmark = [pytest.mark.slow, pytest.mark.timeout(120)]

# In a process of its own: our gateway changes the LiteLLM of the process that it is loaded in.
SCRIPT = """
import asyncio, sys
from tests.witness.client import WitnessClient
from tests.witness.test_litellm import converse
asyncio.run(converse(WitnessClient(sys.argv[1]), sys.argv[2]))
"""


@pytest.mark.parametrize("provider", PROVIDERS)
def test_litellm_talks_to_the_witness(witness: WitnessClient, provider: str) -> None:
    # Without this the import fetches prices from the network.
    env = os.environ | {"LITELLM_LOCAL_MODEL_COST_MAP": "True"}
    command = [sys.executable, "-W", "ignore", "-c", SCRIPT, witness.url, provider]
    done = subprocess.run(command, env=env, cwd=ROOT, capture_output=True, text=True, timeout=110)
    assert done.returncode == 0, done.stderr[-3000:]


async def converse(witness: WitnessClient, provider: str) -> None:
    name = "w-reason4-unicode-tokens30-input9"
    text, reasoning, calls, finish, usage = await _complete(witness, provider, name, [_user("hi")])
    assert (text, reasoning) == (expected_text(name), expected_reasoning(name))
    assert (calls, finish, usage) == ({}, "stop", (9, 34))

    text, _, calls, finish, _ = await _complete(witness, provider, "w-tools-tokens3", [_user("Weather?")], tools=True)
    assert calls == {0: ["get_weather", '{"city": "Paris"}']}
    assert finish == "tool_calls"
    call = {"id": "call_0_0", "type": "function", "function": {"name": "get_weather", "arguments": calls[0][1]}}
    history = [
        _user("Weather?"),
        {"role": "assistant", "content": text, "tool_calls": [call]},
        {"role": "tool", "tool_call_id": "call_0_0", "content": "17 degrees"},
    ]
    text, _, calls, finish, _ = await _complete(witness, provider, "w-tools-tokens3", history, tools=True)
    assert text == expected_text("w-tools-tokens3", results=["17 degrees"])
    assert (calls, finish) == ({}, "stop")

    shape = provider.removesuffix("_chat")
    assert {record.key for record in witness.requests(model=name, shape=shape)} == {"sk-ada"}


async def _complete(
    witness: WitnessClient, provider: str, name: str, messages: list[dict[str, Any]], *, tools: bool = False
) -> tuple[str, str, dict[int, list[str]], str, tuple[int, int]]:
    import litellm

    base = getattr(witness, f"{provider.removesuffix('_chat')}_base")
    # With tools LiteLLM imports a package it does not require, unless its MCP handler is skipped.
    more = {"tools": [WEATHER], "_skip_mcp_handler": True} if tools else {}
    stream = await litellm.acompletion(
        model=f"{provider}/{name}",
        api_base=base,
        api_key="sk-ada",
        messages=messages,
        stream=True,
        stream_options={"include_usage": True},
        num_retries=0,
        **more,
    )
    text = reasoning = finish = ""
    calls: dict[int, list[str]] = {}
    usage = (0, 0)
    async for chunk in stream:
        for choice in chunk.choices:
            text += choice.delta.content or ""
            reasoning += getattr(choice.delta, "reasoning_content", None) or ""
            finish = choice.finish_reason or finish
            for part in choice.delta.tool_calls or ():
                call = calls.setdefault(part.index, ["", ""])
                call[0] += part.function.name or ""
                call[1] += part.function.arguments or ""
        if reported := getattr(chunk, "usage", None):
            usage = (reported.prompt_tokens, reported.completion_tokens)
    assert all(json.loads(arguments) for _, arguments in calls.values())
    return text, reasoning, calls, finish, usage


def _user(text: str) -> dict[str, Any]:
    return {"role": "user", "content": text}
