from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from config.errors import AppError
from providers import anthropic_shape, calls, gateway, gemini_shape, ollama_shape, openai_shape, overrides
from providers.base import ModelRequest, Options, PromptMessage, Provider, ToolSpec
from providers.direct import DirectProvider, Shape
from providers.events import Event, Finish, ReasoningDelta, TextDelta, ToolCall, UsageReport
from providers.gateway import LiteLLMProvider
from providers.specs import ModelSpec
from tests.witness.client import WitnessClient
from tests.witness.fixtures import witness

__all__ = ["witness"]

# route: where the witness speaks it. Through LiteLLM, and straight; "direct" is openai without LiteLLM.
GATEWAY = {"openai": "/v1", "anthropic": "", "gemini": "/v1beta", "ollama_chat": ""}
DIRECT = {"direct": "/v1", "direct_anthropic": "", "direct_gemini": "/v1beta", "direct_ollama": ""}
ROUTES = GATEWAY | DIRECT
SHAPES: dict[str, Shape] = {
    "direct": openai_shape,
    "direct_anthropic": anthropic_shape,
    "direct_gemini": gemini_shape,
    "direct_ollama": ollama_shape,
}

WEATHER = ToolSpec(
    "get_weather",
    "The weather in a city.",
    {"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]},
)


@dataclass
class Answer:
    """Everything one stream said."""

    events: list[Event] = field(default_factory=list)
    batches: int = 0
    error: AppError | None = None

    @property
    def text(self) -> str:
        return "".join(event.text for event in self.events if isinstance(event, TextDelta))

    @property
    def reasoning(self) -> str:
        return "".join(event.text for event in self.events if isinstance(event, ReasoningDelta))

    @property
    def calls(self) -> list[ToolCall]:
        return [event for event in self.events if isinstance(event, ToolCall)]

    @property
    def usage(self) -> UsageReport | None:
        return next((event for event in self.events if isinstance(event, UsageReport)), None)

    @property
    def finish(self) -> str | None:
        last = self.events[-1] if self.events else None
        assert sum(isinstance(event, Finish) for event in self.events) <= 1
        return last.reason if isinstance(last, Finish) else None


async def collect(stream: AsyncIterator[Sequence[Event]]) -> Answer:
    answer = Answer()
    try:
        async for batch in stream:
            answer.batches += 1
            answer.events += batch
    except AppError as error:
        answer.error = error
    return answer


def provider_on(route: str) -> Provider:
    return DirectProvider(SHAPES[route]) if route in SHAPES else LiteLLMProvider()


def provider_name(route: str) -> str:
    return "openai" if route == "direct" else route.removeprefix("direct_")


def request_for(spec: ModelSpec, *messages: PromptMessage | str, **options: Any) -> ModelRequest:
    """A request of user messages; `options` are those of ModelRequest and of Options."""
    asked = [PromptMessage("user", m) if isinstance(m, str) else m for m in messages or ("Hello there",)]
    known = {name: options.pop(name) for name in ("tools", "user", "api_key") if name in options}
    return ModelRequest(spec, asked, options=Options(**options), **known)


@pytest.fixture(scope="session")
def litellm() -> Any:
    """LiteLLM, loaded before any loop runs."""
    return gateway.load()


@pytest.fixture(autouse=True)
async def _no_connection_is_left() -> AsyncIterator[None]:
    yield
    await calls.close()


@pytest.fixture
def spec_for(witness: WitnessClient, litellm: Any) -> Callable[[str, str], ModelSpec]:
    def spec(route: str, behaviour: str) -> ModelSpec:
        abilities = frozenset({"tools", "vision", "reasoning"})
        return ModelSpec(
            f"{provider_name(route)}/{behaviour}", "W", api_base=witness.url + ROUTES[route], abilities=abilities
        )

    return spec


@pytest.fixture
def fresh_overrides() -> Iterator[None]:
    overrides.forget()
    yield
    overrides.forget()


@pytest.fixture
def models_file(tmp_path: Path, settings: Any) -> Callable[[str], Path]:
    """Writes the operator's MODELS_FILE."""

    def write(text: str) -> Path:
        path = tmp_path / f"models-{len(list(tmp_path.iterdir()))}.toml"
        path.write_text(text, encoding="utf-8")
        settings.MODELS_FILE = path
        return path

    return write
