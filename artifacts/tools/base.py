"""What a tool is, and what it is given."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple, Protocol

from artifacts.documents import Origin
from providers.base import PromptMessage, ToolSpec


class Result(NamedTuple):
    """Whether it worked, and what it found as JSON."""

    ok: bool
    found: Any


# What a tool says while it works: events of the run, and its result at the end.
Step = dict[str, Any] | Result


class Cut(Exception):
    """A model that was asked on behalf of a tool stopped before it was done."""


class Store(Protocol):
    async def __call__(self, function: Callable[..., Any], *args: Any, **kwargs: Any) -> Any:
        """What a synchronous function of the database returns, run where that blocks nobody."""
        ...


@dataclass(frozen=True, slots=True)
class Context:
    """What a tool may do besides thinking.

    `ask(role, messages)` is another call of a model, whose cost is the run's; it yields text as it comes, and raises
    ProviderError or Cut. `number()` is the place of the next artifact among those of the run.
    """

    origin: Origin
    ask: Callable[[str, Sequence[PromptMessage]], AsyncGenerator[str, None]]
    store: Store
    number: Callable[[], int]


@dataclass(frozen=True, slots=True)
class Tool:
    """`run` yields events and ends with its Result. It does not raise for what a model or a service did wrong: it
    answers `failed`, and the model reads why. An artifact that it leaves open is closed by the run. No step may take
    longer than `patience_s`; None where the run's own limits are enough."""

    spec: ToolSpec
    run: Callable[[Context, Mapping[str, Any]], AsyncGenerator[Step, None]]
    patience_s: float | None = 60.0


def failed(error: str, message: str) -> Result:
    return Result(False, {"error": error, "message": message})


def answering(
    find: Callable[[Mapping[str, Any]], Awaitable[Result]],
) -> Callable[[Context, Mapping[str, Any]], AsyncGenerator[Step, None]]:
    """A tool that only finds something out."""

    async def run(context: Context, arguments: Mapping[str, Any]) -> AsyncGenerator[Step, None]:
        yield await find(arguments)

    return run
