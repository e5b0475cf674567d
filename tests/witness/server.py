"""The witness as a server in an asyncio loop."""

from __future__ import annotations

import asyncio
import contextlib
import itertools
import json
import resource
import time
from collections import Counter, deque
from collections.abc import Callable, Iterable, Mapping, Sequence
from types import TracebackType
from typing import Any, Final

from aiohttp import web

from . import control
from .behaviours import short
from .parts import Answer
from .performance import perform
from .records import Exchange, Record
from .shapes import Anthropic, Gemini, Ollama, OpenAI, Shape

MODELS: Final = ("w-tokens20", "w-markdown-rate50", "w-reason10-tokens20-rate50", "w-tools", "w-echo")
KEPT: Final = 20_000
WATCH_SECONDS: Final = 0.02
Scripted = str | Mapping[str, Any]


class Witness:
    """`async with Witness() as w:` listens on 127.0.0.1 until the block ends.

    Reading methods may be called from any thread.
    """

    def __init__(self, port: int = 0, *, backlog: int = 1024, models: Sequence[str] = MODELS) -> None:
        self.port, self.backlog, self.models = port, backlog, list(models)
        self._numbers = itertools.count(1)
        self._open: set[Exchange] = set()
        self._watcher: asyncio.Task[None] | None = None
        self._closing = False
        self._forget()

    async def __aenter__(self) -> Witness:
        app = web.Application(client_max_size=256 * 1024 * 1024)
        self._route(app)
        # Cancelling the handler is how aiohttp tells that the client left while nothing is written.
        self._runner = web.AppRunner(
            app, handler_cancellation=True, access_log=None, keepalive_timeout=3600, shutdown_timeout=0.2
        )
        await self._runner.setup()
        site = web.TCPSite(self._runner, "127.0.0.1", self.port, backlog=self.backlog)
        await site.start()
        self.port = self._runner.addresses[0][1]
        self._watcher = asyncio.create_task(self._watch())
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._closing = True
        if self._watcher is not None:
            self._watcher.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self._watcher
        self.disconnect()
        await self._runner.cleanup()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    @property
    def openai_base(self) -> str:
        return f"{self.url}/v1"

    @property
    def anthropic_base(self) -> str:
        return self.url

    @property
    def gemini_base(self) -> str:
        return f"{self.url}/v1beta"

    @property
    def ollama_base(self) -> str:
        return self.url

    def requests(
        self,
        *,
        model: str | None = None,
        user: str | None = None,
        marker: str | None = None,
        shape: str | None = None,
        kind: str = "answer",
    ) -> list[Record]:
        """Requests for answers in order of arrival; `kind` "other" gives model lists and unknown paths, "all" both.

        `marker` is any text that stands in the request's body.
        """
        return [one.record() for one in list(self._all) if one.matches(model, user, marker, shape, kind)]

    def request(self, number: int) -> Record | None:
        return next((one.record() for one in list(self._all) if one.id == number), None)

    async def wait_for(
        self,
        predicate: Callable[[list[Record]], Any],
        timeout: float = 5.0,
        **filters: Any,
    ) -> list[Record]:
        """The matching requests as soon as the predicate holds for them; raises TimeoutError showing them."""
        until = time.monotonic() + timeout
        while not predicate(records := self.requests(**filters)):
            if time.monotonic() > until:
                raise TimeoutError(f"the witness saw only {[(one.model, one.outcome) for one in records]}")
            await asyncio.sleep(0.01)
        return records

    def stats(self) -> dict[str, Any]:
        used = resource.getrusage(resource.RUSAGE_SELF)
        live = [one for one in list(self._open) if one.kind == "answer"]
        return {
            "open": len(live),
            "peak_open": self._peak,
            "tokens": self._tokens + sum(len(one.said) + len(one.thought) for one in live),
            "bytes": self._bytes + sum(one.bytes for one in live),
            **{name: dict(counts) for name, counts in self._counts.items()},
            "requests": self._total,
            "cpu_seconds": used.ru_utime + used.ru_stime,
            "max_rss_kib": used.ru_maxrss,
        }

    def script(self, model: str, responses: Iterable[Scripted]) -> None:
        """Queue what the next calls of this model do, one each; afterwards its name decides again.

        A response is a behaviour, or an object {behaviour, text, reasoning, calls: [{name, arguments}], raw} whose
        text and calls replace the behaviour's own, and whose `raw` is the whole body. Raises GrammarError.
        """
        self._scripts.setdefault(short(model), deque()).extend([control.answer(one) for one in responses])

    def reset(self, *, disconnect: bool = False) -> None:
        """Forget requests, counts and scripts; with `disconnect` also end what is still open."""
        if disconnect:
            self.disconnect()
        self._forget()

    def disconnect(self) -> None:
        """Tear every open exchange off."""
        for one in list(self._open):
            one.end("torn")
            if one.transport is not None:
                one.transport.abort()

    def next_answer(self, model: str) -> tuple[Answer | None, int]:
        """The scripted answer that is due, and which call of this model it is."""
        name = short(model)
        self._calls[name] += 1
        queue = self._scripts.get(name)
        return (queue.popleft() if queue else None), self._calls[name]

    def _forget(self) -> None:
        self._all: deque[Exchange] = deque(maxlen=KEPT)
        self._scripts: dict[str, deque[Answer]] = {}
        self._calls: Counter[str] = Counter()
        self._counts: dict[str, Counter[str]] = {"outcomes": Counter(), "statuses": Counter(), "shapes": Counter()}
        self._total = self._tokens = self._bytes = 0
        self._peak = sum(one.kind == "answer" for one in self._open)

    def _route(self, app: web.Application) -> None:
        control.routes(app, self)
        answers: dict[str, Shape] = {
            "/v1/chat/completions": OpenAI(),
            "/v1/messages": Anthropic(),
            "/v1beta/models/{model:.+}:{verb:streamGenerateContent|generateContent}": Gemini(),
            "/api/chat": Ollama(),
        }
        for path, shape in answers.items():
            app.router.add_post(path, self._answering(shape))
        app.router.add_route("*", "/{path:.*}", self._others)

    def _answering(self, shape: Shape) -> Callable[[web.Request], Any]:
        async def answer(request: web.Request) -> web.StreamResponse:
            exchange = await self._meet(request, shape.name, "answer")
            return await self._kept(exchange, perform(self, shape, request, exchange))

        return answer

    async def _others(self, request: web.Request) -> web.StreamResponse:
        exchange = await self._meet(request, "other", "other")

        async def respond() -> web.StreamResponse:
            body = exchange.body if isinstance(exchange.body, dict) else {}
            response = control.listing(request, body, self.models, exchange.key)
            exchange.status = response.status
            exchange.end("finished" if response.status < 400 else "refused")
            return response

        return await self._kept(exchange, respond())

    async def _meet(self, request: web.Request, shape: str, kind: str) -> Exchange:
        raw = await request.read()
        body: Any = raw.decode("utf-8", "replace")
        with contextlib.suppress(ValueError):
            body = json.loads(raw) if raw else None
        exchange = Exchange(
            id=next(self._numbers),
            shape=shape,
            kind=kind,
            method=request.method,
            path=request.path,
            query=request.query_string,
            headers={name.lower(): value for name, value in request.headers.items()},
            body=body,
            key=control.key(request),
            transport=request.transport,
            task=asyncio.current_task(),
        )
        self._all.append(exchange)
        self._open.add(exchange)
        self._total += kind == "answer"
        self._peak = max(self._peak, len(self._open))
        return exchange

    async def _kept(self, exchange: Exchange, work: Any) -> web.StreamResponse:
        """Run a handler and write down how it ended."""
        all_before = self._all
        try:
            response: web.StreamResponse = await work
            return response
        except asyncio.CancelledError:
            if not self._closing:
                exchange.leave()
            raise
        finally:
            self._open.discard(exchange)
            exchange.close()
            if exchange.kind == "answer" and all_before is self._all:
                self._tokens += len(exchange.said) + len(exchange.thought)
                self._bytes += exchange.bytes
                self._counts["outcomes"][exchange.outcome] += 1
                self._counts["statuses"][str(exchange.status)] += 1
                self._counts["shapes"][exchange.shape] += 1

    async def _watch(self) -> None:
        """See clients leave whose connection still has unsent bytes: aiohttp hears of it only when those are gone."""
        while True:
            await asyncio.sleep(WATCH_SECONDS)
            for one in list(self._open):
                if one.transport is not None and one.transport.is_closing() and one.task is not None:
                    one.leave()
                    one.task.cancel()
