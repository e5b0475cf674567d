"""Tools that models may call. The tuple is the whole registry."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Sequence
from typing import Final

import orjson

from artifacts.tools import weather
from artifacts.tools.base import Result, Tool, failed
from providers.events import ToolCall
from providers.specs import ModelSpec

__all__ = ["TOOLS", "Result", "Tool", "offered", "use"]

logger = logging.getLogger(__name__)

TOOLS: Final[tuple[Tool, ...]] = (weather.TOOL,)
ARGUMENTS_MAX: Final = 256 * 1024  # characters
_TIMEOUT_S: Final = 60.0


def offered(chosen: Sequence[str] | None, model: ModelSpec) -> tuple[Tool, ...]:
    """The tools to offer `model`: all, or the `chosen` names. A model that cannot use tools gets none."""
    if not model.can("tools"):
        return ()
    return tuple(tool for tool in TOOLS if chosen is None or tool.spec.name in chosen)


async def use(call: ToolCall, available: Sequence[Tool]) -> Result:
    """Run what a model asked for. Never raises: what goes wrong is told to the model."""
    tool = next((tool for tool in available if tool.spec.name == call.name), None)
    if tool is None:
        return failed("unknown_tool", f"There is no tool named {call.name[:80]!r}.")
    if len(call.arguments) > ARGUMENTS_MAX:
        return failed("bad_arguments", "The arguments are too long.")
    try:
        arguments = orjson.loads(call.arguments or "{}")
    except orjson.JSONDecodeError:
        arguments = None
    if not isinstance(arguments, dict):
        return failed("bad_arguments", "The arguments must be a JSON object.")
    try:
        async with asyncio.timeout(_TIMEOUT_S):
            return await tool.run(arguments)
    except TimeoutError:
        return failed("timeout", "The tool took too long.")
    except Exception:
        logger.exception("tool broke", extra={"tool": call.name})
        return failed("internal", "The tool failed.")
