from __future__ import annotations

import json

from providers import prompts
from providers.base import Image, PromptMessage
from providers.events import ToolCall
from providers.specs import ModelSpec
from tests.providers.conftest import WEATHER, request_for

BLIND = ModelSpec("openai/x", "X")
SEEING = ModelSpec("openai/x", "X", abilities=frozenset({"vision"}))
WITH_PICTURE = PromptMessage("user", "What is this?", images=[Image(b"\x89PNG", "image/png")])


def test_a_picture_is_a_data_url_for_a_model_that_sees() -> None:
    [message] = prompts.messages(request_for(SEEING, WITH_PICTURE))
    assert message["content"] == [
        {"type": "text", "text": "What is this?"},
        {"type": "image_url", "image_url": {"url": "data:image/png;base64,iVBORw=="}},
    ]


def test_a_picture_is_left_out_for_a_model_that_does_not() -> None:
    assert prompts.messages(request_for(BLIND, WITH_PICTURE)) == [{"role": "user", "content": "What is this?"}]


def test_calls_and_their_results_keep_their_ids() -> None:
    call = ToolCall("call_1", "get_weather", '{"city": "Paris"}')
    told = PromptMessage("assistant", "", tool_calls=[call])
    result = PromptMessage("tool", "18 degrees", tool_call_id="call_1")
    asked, answered = prompts.messages(request_for(BLIND, told, result))
    assert asked["content"] is None
    assert asked["tool_calls"][0] == {
        "id": "call_1",
        "type": "function",
        "function": {"name": "get_weather", "arguments": '{"city": "Paris"}'},
    }
    assert answered == {"role": "tool", "content": "18 degrees", "tool_call_id": "call_1"}


def test_malformed_arguments_are_sent_back_as_an_object() -> None:
    told = PromptMessage("assistant", "", tool_calls=[ToolCall("c", "t", '{"city": ')])
    [message] = prompts.messages(request_for(BLIND, told))
    assert json.loads(message["tool_calls"][0]["function"]["arguments"]) == {"malformed": '{"city": '}


def test_a_tool_is_a_function_with_a_schema() -> None:
    [tool] = prompts.tools(request_for(BLIND, tools=[WEATHER]))
    assert tool["function"]["name"] == "get_weather"
    assert tool["function"]["parameters"]["required"] == ["city"]
