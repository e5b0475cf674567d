"""Tools that models may call. The tuple is the whole registry."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncGenerator, Sequence
from contextlib import aclosing
from typing import Final

import orjson

from artifacts.tools import weather, writing
from artifacts.tools.base import Context, Cut, Result, Step, Tool, failed
from config.errors import AppError
from providers.events import ToolCall
from providers.specs import ModelSpec

__all__ = ["TOOLS", "Context", "Cut", "Result", "Step", "Tool", "offered", "use"]

logger = logging.getLogger(__name__)

TOOLS: Final[tuple[Tool, ...]] = (weather.TOOL, *writing.TOOLS)
ARGUMENTS_MAX: Final = 256 * 1024  # characters


def offered(chosen: Sequence[str] | None, model: ModelSpec) -> tuple[Tool, ...]:
    """The tools to offer `model`: all, or the `chosen` names. A model that cannot use tools gets none."""
    if not model.can("tools"):
        return ()
    return tuple(tool for tool in TOOLS if chosen is None or tool.spec.name in chosen)


async def use(call: ToolCall, available: Sequence[Tool], context: Context) -> AsyncGenerator[Step, None]:
    """Run what a model asked for: its events, and last of all one Result. Never raises: what goes wrong is told to the
    model."""
    tool = next((tool for tool in available if tool.spec.name == call.name), None)
    if tool is None:
        yield failed("unknown_tool", f"There is no tool named {call.name[:80]!r}.")
        return
    if len(call.arguments) > ARGUMENTS_MAX:
        yield failed("bad_arguments", "The arguments are too long.")
        return
    try:
        arguments = orjson.loads(call.arguments or "{}")
    except orjson.JSONDecodeError:
        arguments = None
    if not isinstance(arguments, dict):
        yield failed("bad_arguments", "The arguments must be a JSON object.")
        return
    async with aclosing(tool.run(context, arguments)) as steps:
        while True:
            step = await _next(steps, tool)
            yield step
            if isinstance(step, Result):
                return


async def _next(steps: AsyncGenerator[Step, None], tool: Tool) -> Step:
    """What the tool says next; what it raises is its result."""
    try:
        async with asyncio.timeout(tool.patience_s):
            return await anext(steps)
    except TimeoutError:
        return failed("timeout", "The tool took too long.")
    except Cut:
        return failed("cut", "It broke off before its end. What was written is kept.")
    except AppError as exc:
        return failed(exc.reason, exc.message)
    except StopAsyncIteration:
        logger.error("tool ended without a result", extra={"tool": tool.spec.name})
    except Exception:
        logger.exception("tool broke", extra={"tool": tool.spec.name})
    return failed("internal", "The tool failed.")
