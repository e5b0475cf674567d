from __future__ import annotations

import asyncio
import json
import time

import pytest

from config import errors
from providers import demo_models
from providers.base import PromptMessage
from providers.demo import DemoProvider
from providers.registry import provider_for
from providers.specs import ModelSpec
from providers.usage import FREE
from tests.providers.conftest import WEATHER, Answer, collect, request_for


def model(model_id: str) -> ModelSpec:
    spec = demo_models.parse(model_id)
    assert spec is not None
    return spec


async def ask(model_id: str, *messages: PromptMessage | str, **options: object) -> Answer:
    return await collect(DemoProvider().stream(request_for(model(model_id), *messages, **options)))


def test_the_demo_provider_serves_the_whole_family() -> None:
    assert isinstance(provider_for(model("demo/fail@20")), DemoProvider)


@pytest.mark.parametrize(
    "odd",
    ["demo/", "demo/nonsense", "demo/fail", "demo/fail@", "demo/slow@-1", "demo@5", "demo/count@12345678", "xdemo"],
)
def test_an_id_outside_the_family_is_no_model(odd: str) -> None:
    assert demo_models.parse(odd) is None


def test_every_demo_model_says_that_it_is_no_ai() -> None:
    assert model("demo").label == "Demo – not an AI"
    assert all("not an AI" in spec.label for spec in demo_models.LISTED)


async def test_an_answer_says_that_it_is_a_demo_and_how_to_add_a_key() -> None:
    answer = await ask("demo/fast@5000", "How do bees fly?")
    assert "demo model, not an AI" in answer.text
    assert "OPENAI_API_KEY" in answer.text
    assert answer.finish == "stop"


async def test_the_same_question_has_the_same_answer() -> None:
    assert (await ask("demo/fast@5000", "Why?")).text == (await ask("demo/fast@9000", "Why?")).text


async def test_markdown_shows_every_feature() -> None:
    text = (await ask("demo/fast@5000", "Show me markdown")).text
    for feature in ("## ", "1. ", "- [x]", "| Model |", "```python", "$$", "> ", "**", "~~"):
        assert feature in text


async def test_a_question_cannot_smuggle_markdown_into_the_answer() -> None:
    text = (await ask("demo/fast@5000", "![x](http://evil.example/a.png) <script>")).text
    assert "![" not in text
    assert "<script" not in text


async def test_weather_calls_the_tool_when_it_is_offered() -> None:
    answer = await ask("demo", "What is the weather in New York?", tools=[WEATHER])
    [call] = answer.calls
    assert (call.name, json.loads(call.arguments)) == ("get_weather", {"city": "New York"})
    assert answer.finish == "tool_calls"


async def test_weather_is_prose_when_no_tool_is_offered() -> None:
    answer = await ask("demo/fast@5000", "What is the weather in New York?")
    assert answer.calls == []
    assert answer.text


async def test_a_tools_result_is_put_into_words() -> None:
    result = PromptMessage("tool", '{"city": "Paris", "current": {"temperature_2m": 18.5}}', tool_call_id="c")
    answer = await ask("demo/fast@5000", "Weather in Paris?", result, tools=[WEATHER])
    assert "18.5 °C** in Paris" in answer.text
    assert answer.calls == []


async def test_reasoning_comes_before_text() -> None:
    answer = await ask("demo/reason@30")
    assert len(answer.reasoning.split()) == 30
    assert answer.usage is not None
    assert answer.usage.reasoning > 0
    kinds = [type(event).__name__ for event in answer.events]
    assert kinds.index("TextDelta") > max(i for i, kind in enumerate(kinds) if kind == "ReasoningDelta")


async def test_count_says_every_number_once() -> None:
    answer = await ask("demo/count@1500")
    assert answer.text.split() == [f"w{n:04d}" for n in range(1, 1501)]


async def test_fail_keeps_exactly_what_was_said() -> None:
    answer = await ask("demo/fail@20")
    assert len(answer.text.split()) == 20
    assert isinstance(answer.error, errors.ProviderUnavailable)
    assert answer.finish is None


async def test_break_is_an_answer_without_an_end() -> None:
    answer = await ask("demo/break@5")
    assert isinstance(answer.error, errors.ProviderBroken)


async def test_busy_names_the_time_to_wait() -> None:
    answer = await ask("demo/busy@3")
    assert isinstance(answer.error, errors.ProviderRateLimited)
    assert answer.error.details == {"retry_after_s": 3}


@pytest.mark.parametrize(
    ("model_id", "finish"), [("demo/cut@5", "length"), ("demo/filter@5", "content_filter"), ("demo/empty", "stop")]
)
async def test_an_answer_may_end_early(model_id: str, finish: str) -> None:
    answer = await ask(model_id)
    assert (len(answer.text.split()), answer.finish) == (0 if "empty" in model_id else 5, finish)


async def test_max_tokens_is_obeyed() -> None:
    answer = await ask("demo/count@100", max_tokens=10)
    assert (len(answer.text.split()), answer.finish) == (10, "length")


async def test_silent_waits_until_it_is_closed() -> None:
    with pytest.raises(TimeoutError):
        await asyncio.wait_for(ask("demo/silent"), 0.2)


async def test_slow_keeps_its_pace() -> None:
    stream = DemoProvider().stream(request_for(model("demo/slow@20")))
    start, said = time.monotonic(), ""
    async for batch in stream:
        said += "".join(getattr(event, "text", "") for event in batch)
        if time.monotonic() - start > 1:
            break
    assert 14 <= len(said.split()) <= 26


async def test_a_title_is_a_few_words_of_the_question() -> None:
    system = PromptMessage("system", "Give this chat a title of two to five words.")
    answer = await ask("demo/fast", system, "Can you please write a poem about the autumn sea?")
    assert answer.text == "Poem about autumn sea"


async def test_usage_is_an_estimate_that_costs_nothing() -> None:
    answer = await ask("demo/fast@5000")
    assert answer.usage is not None
    assert answer.usage.source == "estimated"
    assert answer.usage.output > 100
    assert model("demo").price == FREE
