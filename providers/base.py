"""What the run engine asks of a provider, and what it hands over."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal, Protocol

from providers.events import Event, ToolCall
from providers.specs import ModelSpec

Role = Literal["system", "user", "assistant", "tool"]


@dataclass(frozen=True, slots=True)
class Image:
    data: bytes = field(repr=False)
    media_type: str


@dataclass(frozen=True, slots=True)
class PromptMessage:
    """One message as the model reads it. `tool_call_id` names the call that a `tool` message answers."""

    role: Role
    text: str
    images: Sequence[Image] = ()
    tool_calls: Sequence[ToolCall] = ()
    tool_call_id: str | None = None


@dataclass(frozen=True, slots=True)
class ToolSpec:
    """A tool as the model sees it; `parameters` is a JSON schema."""

    name: str
    description: str
    parameters: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Options:
    max_tokens: int | None = None
    temperature: float | None = None
    reasoning_effort: str | None = None


@dataclass(frozen=True, slots=True)
class ModelRequest:
    """One call of one model. `user` is an opaque id for the provider, `api_key` the tenant's own key, if it has one."""

    model: ModelSpec
    messages: Sequence[PromptMessage]
    tools: Sequence[ToolSpec] = ()
    options: Options = Options()
    user: str = ""
    run: str = ""
    api_key: str | None = field(default=None, repr=False)

    @property
    def effort(self) -> str | None:
        """How hard to think, for models that do."""
        return self.options.reasoning_effort if self.model.can("reasoning") else None

    @property
    def limit(self) -> int | None:
        """The most tokens to write: more than a model can is refused."""
        wanted, most = self.options.max_tokens, self.model.max_output
        return wanted if wanted is None or most is None else min(wanted, most)


class Provider(Protocol):
    def stream(self, request: ModelRequest) -> AsyncIterator[Sequence[Event]]:
        """The answer in batches: one network read, one batch.

        The last event is `Finish`, with at most one `UsageReport` before it. Raises ProviderError after
        everything that was received has been yielded; a stream that ends without the provider saying so
        raises ProviderBroken. Closing the iterator closes the provider's connection.
        """
        ...
