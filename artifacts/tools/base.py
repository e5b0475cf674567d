"""What a tool is."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import Any

from providers.base import ToolSpec

# Whether it worked, and what it found as JSON.
Result = tuple[bool, Any]


@dataclass(frozen=True, slots=True)
class Tool:
    """`run` never raises for what a model or a service did wrong: it answers `failed`, and the model reads why."""

    spec: ToolSpec
    run: Callable[[Mapping[str, Any]], Awaitable[Result]]


def failed(error: str, message: str) -> Result:
    return False, {"error": error, "message": message}
