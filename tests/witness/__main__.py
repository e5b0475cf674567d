"""`python -m tests.witness --port 0`: the witness as a process of its own."""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import json
import os
import signal
from collections.abc import Callable

from .server import MODELS, Witness


def main() -> None:
    parser = argparse.ArgumentParser(prog="tests.witness", description="A scripted model provider on 127.0.0.1.")
    parser.add_argument("--port", type=int, default=0)
    parser.add_argument("--backlog", type=int, default=1024)
    parser.add_argument("--models", default=",".join(MODELS), help="names for the model lists, with commas between")
    parser.add_argument("--loop", choices=("auto", "asyncio", "uvloop"), default="auto")
    parser.add_argument("--with-parent", action="store_true", help="end when the process that started it ends")
    options = parser.parse_args()
    with asyncio.Runner(loop_factory=_loop_factory(options.loop)) as runner:
        runner.run(serve(options.port, options.backlog, options.models.split(","), with_parent=options.with_parent))


async def serve(port: int, backlog: int, models: list[str], *, with_parent: bool) -> None:
    leave = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, leave.set)
    parent = os.getppid()
    async with Witness(port, backlog=backlog, models=models) as witness:
        print(json.dumps({"port": witness.port}), flush=True)
        while not leave.is_set() and (not with_parent or os.getppid() == parent):
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(leave.wait(), 1)


def _loop_factory(name: str) -> Callable[[], asyncio.AbstractEventLoop] | None:
    if name == "asyncio":
        return None
    try:
        import uvloop
    except ImportError:
        if name == "uvloop":
            raise
        return None
    factory: Callable[[], asyncio.AbstractEventLoop] = uvloop.new_event_loop
    return factory


if __name__ == "__main__":
    main()
