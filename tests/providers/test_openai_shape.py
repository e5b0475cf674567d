from __future__ import annotations

import json
from typing import Any

import pytest

from providers import openai_shape
from providers.base import ModelRequest, Options, PromptMessage
from providers.demo import DemoProvider
from providers.direct import encoded
from providers.registry import provider_for, warm
from providers.specs import ModelSpec
from tests.providers.conftest import WEATHER, request_for

REASONS = frozenset({"tools", "reasoning"})
pytestmark = pytest.mark.once


def asked(model: str, *, tools: bool = False, base: str | None = None, **options: Any) -> ModelRequest:
    spec = ModelSpec(model, "M", api_base=base, abilities=REASONS, max_output=options.pop("max_output", None))
    return request_for(spec, tools=[WEATHER] if tools else (), **options)


def body(request: ModelRequest) -> dict[str, Any]:
    sent: dict[str, Any] = json.loads(encoded(openai_shape.body(request)))
    return sent


@pytest.mark.parametrize(
    ("request_", "served"),
    [
        (asked("openai/gpt-4.1", tools=True), True),
        (asked("openai/gpt-5-mini", tools=True, reasoning_effort="low"), True),
        # Chat completions refuse tools while these reason, so LiteLLM asks another endpoint of OpenAI's.
        (asked("openai/gpt-5.6", tools=True), False),
        (asked("openai/gpt-5.6"), True),
        (asked("openai/gpt-5.6", tools=True, base="https://eu.api.openai.com/v1"), False),
        (asked("openai/gpt-5.6", tools=True, base="http://localhost:1/openai.com"), True),
        (asked("openai/gpt-5.6", tools=True, base="http://localhost:1", reasoning_effort="low"), False),
        # Which model takes these levels is in LiteLLM's price list.
        (asked("openai/gpt-5-mini", reasoning_effort="minimal"), False),
        (asked("mistral/magistral-small", reasoning_effort="low"), False),
        (asked("openai/o3-pro"), False),
        (asked("openai/gpt-5.3-codex"), False),
        (asked("hosted_vllm/x"), False),
        (asked("hosted_vllm/x", base="http://localhost:1/v1"), True),
        (asked("anthropic/claude-haiku-5-5"), False),
        (asked("ollama/llama3.2"), False),
    ],
)
def test_what_we_cannot_say_exactly_is_left_to_litellm(request_: ModelRequest, served: bool) -> None:
    assert openai_shape.serves(request_) is served


def test_the_table_agrees_with_what_litellm_knows(litellm: Any) -> None:
    for provider, host in openai_shape.HOSTS.items():
        base = litellm.get_llm_provider(model=f"{provider}/x")[3]
        assert base in {None, host.base}
    for name, known in litellm.model_cost.items():
        if known.get("litellm_provider") != "openai" or known.get("mode") not in {"chat", "responses"}:
            continue
        if known["mode"] == "responses":
            assert not openai_shape.serves(asked(f"openai/{name}")), name
        rests = known.get("default_reasoning_effort") == "none"
        sent = body(asked(f"openai/{name}", temperature=0.5))
        if name.startswith(("gpt-5.", "gpt-6")) and "chat" not in name:
            assert ("temperature" in sent) is rests, name


@pytest.mark.parametrize(
    ("model", "limit", "temperature"),
    [
        ("openai/gpt-4.1", "max_tokens", 0.5),
        ("openai/gpt-5-mini", "max_completion_tokens", None),
        ("openai/gpt-5.1", "max_completion_tokens", 0.5),
        ("openai/gpt-7", "max_completion_tokens", None),
        ("openai/o3", "max_completion_tokens", None),
        ("openrouter/openai/gpt-5-mini", "max_tokens", 0.5),
    ],
)
def test_options_are_named_as_the_family_wants_and_left_out_where_it_refuses_them(
    model: str, limit: str, temperature: float | None
) -> None:
    sent = body(asked(model, max_tokens=50, temperature=0.5))
    assert sent[limit] == 50
    assert sent.get("temperature") == temperature


def test_a_limit_above_what_the_model_can_is_lowered() -> None:
    assert body(asked("xai/grok-4.3", max_tokens=90_000, max_output=8000))["max_tokens"] == 8000


def test_half_a_character_in_a_prompt_is_sent() -> None:
    assert body(request_for(ModelSpec("openai/x", "X"), "half \ud83d"))["messages"][0]["content"] == "half \ud83d"


def test_an_answer_without_words_does_not_go_to_mistral() -> None:
    talk = PromptMessage("assistant", ""), PromptMessage("user", "again")
    sent = body(request_for(ModelSpec("mistral/x", "X"), "first", *talk))
    assert [message["content"] for message in sent["messages"]] == ["first", "again"]


def test_the_person_is_named_to_the_provider_only() -> None:
    spec, elsewhere = ModelSpec("openai/x", "X"), ModelSpec("openai/x", "X", api_base="http://localhost:1")
    assert body(request_for(spec, user="u1"))["user"] == "u1"
    assert "user" not in body(request_for(elsewhere, user="u1"))


def test_the_environment_may_move_a_provider(monkeypatch: pytest.MonkeyPatch) -> None:
    spec = request_for(ModelSpec("openai/gpt-4.1", "X"))
    assert openai_shape.url(spec) == "https://api.openai.com/v1/chat/completions"
    monkeypatch.setenv("OPENAI_BASE_URL", "http://localhost:1/v1/")
    assert openai_shape.url(spec) == "http://localhost:1/v1/chat/completions"
    own = request_for(ModelSpec("openai/gpt-4.1", "X", api_base="http://localhost:2"))
    assert openai_shape.url(own) == "http://localhost:2/chat/completions"


def test_the_operators_organization_goes_with_the_operators_key_only(
    monkeypatch: pytest.MonkeyPatch, settings: Any
) -> None:
    settings.PROVIDER_KEYS = {"openai": "sk-house"}
    monkeypatch.setenv("OPENAI_ORG_ID", "org-1")
    spec, elsewhere = ModelSpec("openai/x", "X"), ModelSpec("openai/x", "X", api_base="http://localhost:1")
    house = openai_shape.headers(request_for(spec))
    assert (house["Authorization"], house["OpenAI-Organization"]) == ("Bearer sk-house", "org-1")
    own = openai_shape.headers(request_for(spec, api_key="sk-own"))
    assert own["Authorization"] == "Bearer sk-own"
    assert "OpenAI-Organization" not in own
    assert openai_shape.headers(request_for(elsewhere))["Authorization"] == "Bearer none"


def test_a_demo_model_asks_nobody() -> None:
    assert isinstance(provider_for(ModelSpec("demo", "Demo")), DemoProvider)


@pytest.mark.parametrize(
    ("keys", "needed"), [((), False), (("xai",), False), (("anthropic", "gemini"), False), (("openai",), True)]
)
def test_litellm_is_only_loaded_ahead_where_a_model_may_need_it(
    keys: tuple[str, ...], needed: bool, settings: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    loaded: list[bool] = []
    monkeypatch.setattr("providers.gateway.warm", lambda: loaded.append(True))
    settings.PROVIDER_KEYS = dict.fromkeys(keys, "sk-x")
    settings.KEY_ENCRYPTION_KEYS = ""
    warm()
    assert bool(loaded) is needed


def test_options_may_be_left_out() -> None:
    assert body(ModelRequest(ModelSpec("xai/x", "X"), [PromptMessage("user", "hi")], options=Options())).keys() == {
        "model",
        "messages",
        "stream",
        "stream_options",
    }
