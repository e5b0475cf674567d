"""The launcher: owns the server object, from listening to draining.

Daphne has no lifespan and leaves at once on SIGTERM without telling the application; uvicorn would wait for
every open socket. So both are driven from here in the same order: start the engine, listen, say where, warm
up LiteLLM in the background, freeze the garbage collector. On SIGTERM: stop listening, refuse new sends,
close sockets with 1012, let answers end, leave.
"""

from __future__ import annotations

import asyncio
import gc
import logging
import os
import signal
import sys
from collections.abc import Callable
from contextlib import suppress
from typing import Any, Final

from channels.routing import get_default_application
from django.conf import settings

from chat.runs.database import AWAY
from chat.runs.engine import Role, engine, queued
from providers import registry

logger = logging.getLogger(__name__)

BACKLOG: Final = 2048
REQUESTS_S: Final = 2.0  # for pages that are on their way when everything else is done
MESSAGE_MAX: Final = 1024 * 1024  # bytes of one WebSocket message that are read at all
_GC_THRESHOLD: Final = 50_000


class Requests:
    """The application, and how many HTTP requests it is answering: Daphne would cut them when it stops."""

    def __init__(self, application: Any) -> None:
        self._application = application
        self._open = 0
        self._idle = asyncio.Event()
        self._idle.set()

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        if scope["type"] != "http":
            await self._application(scope, receive, send)
            return
        self._open += 1
        self._idle.clear()
        try:
            await self._application(scope, receive, send)
        finally:
            self._open -= 1
            if not self._open:
                self._idle.set()

    async def answered(self, patience_s: float) -> None:
        """Returns when nothing is under way, or after `patience_s`."""
        with suppress(TimeoutError):
            async with asyncio.timeout(patience_s):
                await self._idle.wait()
        await asyncio.sleep(0.05)  # the last bytes are on their way to the kernel


def serve() -> int:
    """Run the server that settings name until it is told to stop. Returns the exit status."""
    _use_fast_loop()
    return (_serve_daphne if settings.SERVER == "daphne" else _serve_uvicorn)()


def work() -> int:
    """Run a worker process until it is told to stop."""

    async def main() -> None:
        done = asyncio.Event()

        async def leave() -> None:
            await engine.stop()
            done.set()

        # Before it claims anything: a first answer would wait for this, and the seconds would count as the provider's.
        await _warm(answers=True)
        await engine.start(Role.WORK)
        _on_signals(asyncio.get_running_loop(), leave)
        print("Polylogue works.", flush=True)
        await done.wait()

    _use_fast_loop()
    asyncio.run(main())
    return 0


def _use_fast_loop() -> None:
    """uvloop halves what a frame costs; where it does not exist (Windows), asyncio's own loop does the same."""
    with suppress(ImportError):
        import uvloop  # first of all, before Daphne makes its loop

        uvloop.install()


def _serve_daphne() -> int:
    from daphne.server import Server, reactor  # installs its reactor when imported

    from config import bodies, sockets

    bodies.bound()
    sockets.bound()
    requests = Requests(get_default_application())
    address = settings.HOST.replace(":", r"\:")
    server = Server(
        requests,
        endpoints=[f"tcp:port={settings.PORT}:interface={address}:backlog={BACKLOG}"],
        signal_handlers=False,
        websocket_max_message_size=MESSAGE_MAX,
        websocket_max_frame_size=MESSAGE_MAX,
        http_timeout=None,
        verbosity=0,
    )
    status = 0

    def begin() -> None:
        nonlocal status
        loop = asyncio.get_event_loop()
        if not server.listening_addresses:
            print(
                f"Port {settings.PORT} on {settings.HOST} cannot be used; is something running there?", file=sys.stderr
            )
            status = 1
            server.stop()
            return
        _on_signals(loop, leave)
        _keep(loop.create_task(_started()))

    async def leave() -> None:
        for listener in server.listeners:
            listener.addCallback(lambda port: port.stopListening())
        await engine.stop()
        await requests.answered(REQUESTS_S)
        server.stop()

    reactor.callWhenRunning(begin)
    server.run()
    return status


def _serve_uvicorn() -> int:
    import uvicorn

    config = uvicorn.Config(
        get_default_application(),
        host=settings.HOST,
        port=settings.PORT,
        backlog=BACKLOG,
        ws_max_size=MESSAGE_MAX,
        lifespan="off",
        http="h11",  # httptools answers a request with two lengths twice
        log_config=None,
        access_log=False,
        server_header=False,
        proxy_headers=False,  # it would believe any header from localhost; TRUSTED_PROXY_COUNT says whom to believe
        timeout_graceful_shutdown=2,
    )

    class Server(uvicorn.Server):
        def handle_exit(self, sig: int, frame: Any) -> None:
            _keep(asyncio.get_running_loop().create_task(self._leave()))

        async def _leave(self) -> None:
            for listening in self.servers:
                listening.close()
            await engine.stop()
            self.should_exit = True

        async def startup(self, sockets: Any = None) -> None:
            await super().startup(sockets=sockets)
            if self.started:
                await _started()

    server = Server(config)
    server.run()
    return 0 if server.started else 1


async def _started() -> None:
    try:
        role = Role.WEB if queued() else Role.BOTH
        await engine.start(role)
    except AWAY as exc:
        print(f"The database cannot be used: {exc}. Has `manage.py migrate` been run?", file=sys.stderr, flush=True)
        os._exit(1)  # nothing has begun that would have to end
    print(f"Polylogue is on http://localhost:{settings.PORT}", flush=True)
    _keep(asyncio.create_task(_warm(answers=Role.WORK in role)))


async def _warm(*, answers: bool) -> None:
    """Import what is slow while the first visitor reads the page, then leave it out of every collection. A process
    that writes no answers saves the 140 MB."""
    if answers:
        await asyncio.to_thread(registry.warm)
    gc.collect()
    gc.freeze()
    gc.set_threshold(_GC_THRESHOLD, 20, 20)


def _on_signals(loop: asyncio.AbstractEventLoop, leave: Callable[[], Any]) -> None:
    """The first signal leaves politely, the second at once."""
    told = False

    def tell() -> None:
        nonlocal told
        if told:
            sys.exit(1)
        told = True
        _keep(loop.create_task(leave()))

    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, tell)


_tasks: set[asyncio.Task[Any]] = set()


def _keep(task: asyncio.Task[Any]) -> None:
    """A task that nobody holds may be collected in mid-flight."""
    _tasks.add(task)
    task.add_done_callback(_tasks.discard)
