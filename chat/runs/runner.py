"""One run from claim to end: ask the model, use its tools, keep what was said whatever happens."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import AsyncGenerator, Sequence
from contextlib import aclosing
from typing import Any, Final

from django.conf import settings
from django.utils.translation import override

from artifacts import documents, streams, tools
from chat.models import Run
from chat.parts import Folder
from chat.runs import crashpoints, events, metrics, prompts, veil
from chat.runs.database import AWAY, Database
from chat.runs.log import Claim, Outcome, origin_of
from chat.runs.writer import Writer
from config import context, traces
from config.errors import AppError, EmptyAnswer, ProviderError, ProviderRateLimited, ProviderTimeout
from providers import catalog
from providers.base import ModelRequest, Options, PromptMessage
from providers.events import Finish, ReasoningDelta, TextDelta, ToolCall, UsageReport
from providers.registry import provider_for
from providers.usage import cost, estimate, estimate_all

logger = logging.getLogger(__name__)

RETRIES: Final = 2  # of one model, before anything was shown
RETRY_WINDOW_S: Final = 8.0
LONGEST_RETRY_AFTER_S: Final = 30.0
ANSWER_MAX: Final = 4 * 1024 * 1024  # characters; a model that never ends is cut here
TOOL_ROUNDS: Final = 5
CALLS_A_ROUND: Final = 8
_RETRY_S: Final = 0.25

Status = Run.Status


class Runner:
    """`run()` is one task. `stop()` ends it with what was said; `abandon()` because the run is not ours any more."""

    def __init__(self, claim: Claim, writer: Writer, database: Database) -> None:
        self._run, self._claim, self._database = claim.run, claim, database
        self._voice = writer.voice(claim, self.abandon)
        self._folder = Folder(claim.prior)
        self._task: asyncio.Task[None] | None = None
        self._stopping = False
        self._over = False
        self._begun = time.monotonic()
        self._first_token: float | None = None
        self._thinking_since: float | None = None
        # Somebody had this run before us and died before a reader saw anything.
        self._attempt = 1 if claim.seq else 0
        self._spec: catalog.ModelSpec | None = None
        self._calling: catalog.ModelSpec | None = None  # another one only while it writes for a tool
        self._usage = UsageReport(0, 0, source="unknown")
        self._cost: int | None = None
        # Of the call that is under way: what it read and said, in case it never says what it used.
        self._asked: Sequence[PromptMessage] = ()
        self._said: list[str] = []
        self._counted = False
        self._text: list[str] = []  # of what it said, the text
        self._length = 0  # characters of the whole answer
        self._heard = streams.Heard()

    def start(self) -> asyncio.Task[None]:
        self._task = asyncio.create_task(self.run(), name=f"run {self._run.pk}")
        return self._task

    def stop(self) -> None:
        self._stopping = True
        self.abandon()

    def abandon(self) -> None:
        """Cancel the work. A run that is only waiting for its end to be stored is left alone."""
        if self._task is not None and not self._over:
            self._over = True
            self._task.cancel()

    async def run(self) -> None:
        context.run_id.set(str(self._run.pk))
        context.tenant_id.set(str(self._run.tenant_id))
        logger.info("run started", extra={"model": self._run.model, "epoch": self._claim.epoch})
        with traces.span("run", parent=self._run.trace, id=str(self._run.pk), model=self._run.model) as span:
            outcome = await self._to_the_end()
            span.update(
                status=str(outcome.status), ttft_ms=outcome.ttft_ms, error=outcome.error and outcome.error["code"]
            )

    async def _to_the_end(self) -> Outcome:
        status, reason = Status.COMPLETE, "stop"
        error: AppError | None = None
        try:
            async with asyncio.timeout(settings.TOTAL_TIMEOUT_S):
                reason = await self._answer()
        except asyncio.CancelledError:
            if not self._stopping:
                raise  # lost to another worker, or the process ends: somebody else writes the end
            asyncio.current_task().uncancel()  # type: ignore[union-attr]  # this is a task
            status, reason = Status.STOPPED, "stopped"
        except TimeoutError:
            status, reason, error = Status.FAILED, "error", ProviderTimeout("run")
        except AppError as exc:
            status, reason, error = Status.FAILED, "error", exc
        except Exception:
            logger.exception("run broke")
            status, reason, error = Status.FAILED, "error", AppError("run")
        self._over = True
        self._settle_usage()
        self._close_thought()
        await self._close_artifacts()
        outcome = self._outcome(status, reason, error)
        crashpoints.reach("run over, not stored")
        await self._voice.end(outcome)
        crashpoints.reach("run over, stored")
        metrics.ended(outcome)
        logger.info(
            "run finished",
            extra={
                "status": str(status),
                "ms": outcome.duration_ms,
                "ttft_ms": outcome.ttft_ms,
                "error": error and error.code,
                **(error.context if error else {}),
            },
        )
        return outcome

    async def _answer(self) -> str:
        """Ask, use tools, ask again. Returns why the last call ended."""
        spec = catalog.get(self._run.model, surface="run")
        if prompts.needs_database(self._run):
            messages = await self._database.read(prompts.build, self._run)
        else:
            messages = prompts.build(self._run)
        offered = tools.offered(self._run.options.get("tools"), spec)
        if self._run.blind:
            offered = veil.harmless(offered)
        for round_ in range(TOOL_ROUNDS + 1):
            # In the last round no tools are offered, so a model that calls for ever has to speak.
            specs = [tool.spec for tool in offered] if round_ < TOOL_ROUNDS else []
            spec, reason, calls = await self._ask(spec, messages, specs)
            if not calls or round_ == TOOL_ROUNDS:
                break
            messages = [*messages, *await self._use(calls, offered)]
        if not self._voice.visible:
            raise EmptyAnswer("run")
        return reason

    async def _ask(
        self, spec: catalog.ModelSpec, messages: Sequence[PromptMessage], specs: Sequence[Any]
    ) -> tuple[catalog.ModelSpec, str, list[ToolCall]]:
        """One call of a model, retried and handed on to its fallbacks as long as nothing was shown."""
        candidates = self._candidates(spec)
        began, tries = time.monotonic(), 0
        while True:
            try:
                with traces.span("provider", model=spec.id, attempt=self._attempt + 1):
                    reason, calls = await self._call(spec, messages, specs)
                return spec, reason, calls
            except ProviderError as exc:
                self._settle_usage()
                if self._voice.visible:
                    raise
                wait = _wait(exc, tries, time.monotonic() - began)
                if wait is not None:
                    tries += 1
                    self._voice.say(events.restarted(exc.reason, spec.id))
                    await asyncio.sleep(wait)
                elif candidates:
                    spec, began, tries = candidates.pop(0), time.monotonic(), 0
                    logger.info("run fails over", extra={"model": spec.id, "reason": exc.code})
                    self._voice.say(events.restarted(exc.reason, spec.id))
                else:
                    raise

    def _candidates(self, spec: catalog.ModelSpec) -> list[catalog.ModelSpec]:
        if self._run.options.get("fallback") is False:
            return []
        usable = []
        for name in spec.fallbacks:
            try:
                usable.append(catalog.get(name, surface="run"))
            except AppError:
                continue
        return usable

    async def _call(
        self, spec: catalog.ModelSpec, messages: Sequence[PromptMessage], specs: Sequence[Any]
    ) -> tuple[str, list[ToolCall]]:
        """One stream from one provider, shown as it comes."""
        self._attempt += 1
        self._spec = spec
        self._begin_call(spec, messages)
        self._voice.say(events.started(spec.id, spec.provider, self._attempt))
        options = self._run.options
        request = ModelRequest(
            model=spec,
            messages=messages,
            tools=specs,
            options=Options(options.get("max_tokens"), options.get("temperature"), options.get("reasoning_effort")),
            user=str(self._run.owner_id),
            run=str(self._run.pk),
        )
        loop = asyncio.get_running_loop()
        calls: list[ToolCall] = []
        reason = "stop"
        crashpoints.reach("provider not yet called")
        try:
            async with asyncio.timeout(settings.FIRST_TOKEN_TIMEOUT_S) as silence:
                async with aclosing(provider_for(spec).stream(request)) as stream:  # type: ignore[type-var]  # every provider is a generator
                    async for batch in stream:
                        silence.reschedule(loop.time() + settings.IDLE_TIMEOUT_S)
                        for event in batch:
                            match event:
                                case TextDelta(text):
                                    self._show_text(text)
                                case ReasoningDelta(text):
                                    self._show_thought(text)
                                case ToolCall():
                                    calls.append(event)
                                case UsageReport():
                                    self._count(event)
                                case Finish():
                                    reason = event.reason
                        crashpoints.reach("batch heard")
                        if self._voice.full:
                            silence.reschedule(None)  # the database's silence is not the provider's
                            await self._voice.room()
                            silence.reschedule(loop.time() + settings.IDLE_TIMEOUT_S)
                        if self._length > ANSWER_MAX:
                            reason = "length"
                            break
        except TimeoutError as exc:
            raise ProviderTimeout("run") from exc
        crashpoints.reach("provider finished")
        self._settle_usage()
        return reason, calls

    def _begin_call(self, spec: catalog.ModelSpec, messages: Sequence[PromptMessage]) -> None:
        self._calling, self._asked = spec, messages
        self._said, self._text, self._counted = [], [], False

    async def _write(self, role: str, messages: Sequence[PromptMessage]) -> AsyncGenerator[str, None]:
        """Another call, for a tool: what a model with `role` writes, as it comes. It counts as this run's.

        The model that answers writes itself if it may, so that in a comparison each writes its own. Before the first
        word its fallbacks are asked. Raises ProviderError, and Cut when the model did not come to its end.
        """
        own = self._spec
        spec = own if own and role in own.roles else catalog.for_role(role) or own
        if spec is None:
            raise tools.Cut
        candidates = [spec, *self._candidates(spec)]
        for number, candidate in enumerate(candidates, 1):
            begun = False
            try:
                async with aclosing(self._written(candidate, messages)) as pieces:
                    async for piece in pieces:
                        begun = True
                        yield piece
                return
            except ProviderError as exc:
                self._settle_usage()
                if begun or number == len(candidates):
                    raise
                logger.info("artifact fails over", extra={"model": candidate.id, "reason": exc.code})

    async def _written(self, spec: catalog.ModelSpec, messages: Sequence[PromptMessage]) -> AsyncGenerator[str, None]:
        self._begin_call(spec, messages)
        request = ModelRequest(model=spec, messages=messages, user=str(self._run.owner_id), run=str(self._run.pk))
        reason, patience = "stop", settings.FIRST_TOKEN_TIMEOUT_S
        with traces.span("provider", model=spec.id, role="artifact"):
            async with aclosing(provider_for(spec).stream(request)) as stream:  # type: ignore[type-var]  # every provider is a generator
                while True:
                    try:
                        async with asyncio.timeout(patience):
                            batch = await anext(stream, None)
                    except TimeoutError as exc:
                        raise ProviderTimeout("run") from exc
                    if batch is None:
                        break
                    patience = settings.IDLE_TIMEOUT_S
                    for event in batch:
                        match event:
                            case TextDelta(text) if text:
                                self._said.append(text)
                                self._length += len(text)
                                yield text
                            case ReasoningDelta(text):
                                self._said.append(text)
                                self._length += len(text)
                            case UsageReport():
                                self._count(event)
                            case Finish():
                                reason = event.reason
                    if self._voice.full:
                        await self._voice.room()
                    if self._length > ANSWER_MAX:
                        reason = "length"
                        break
        self._settle_usage()
        if reason != "stop":
            raise tools.Cut

    async def _store(self, function: Any, *args: Any, **kwargs: Any) -> Any:
        """What a tool keeps is as safe as what a model says: while the database is away, it waits."""
        while True:
            try:
                return await self._database.write(function, *args, **kwargs)
            except AWAY as exc:
                logger.warning("database away, a document waits", extra={"error": type(exc).__name__})
                await asyncio.sleep(_RETRY_S)

    async def _close_artifacts(self) -> None:
        """What was begun and not ended is kept as it is, and marked so."""
        for begun in self._heard.open():
            written = await self._store(
                documents.cut, origin_of(self._run), begun.n, begun.document, begun.text, begun.base
            )
            self._say(streams.closed(begun.n, written))

    def _show_text(self, text: str) -> None:
        if not text:
            return
        self._close_thought()
        if self._first_token is None:
            self._first_token = time.monotonic()
        self._said.append(text)
        self._text.append(text)
        self._length += len(text)
        self._say(events.text(text))

    def _show_thought(self, text: str) -> None:
        if not text:
            return
        if self._thinking_since is None:
            self._thinking_since = time.monotonic()
        self._said.append(text)
        self._length += len(text)
        self._say(events.reasoning(text))

    def _close_thought(self) -> None:
        if self._thinking_since is not None:
            self._say(events.reasoning_done(_ms(time.monotonic() - self._thinking_since)))
            self._thinking_since = None

    def _say(self, event: events.Event) -> None:
        self._folder.push(event)
        self._heard.push(event)
        self._voice.say(event)

    async def _use(self, calls: Sequence[ToolCall], offered: Sequence[tools.Tool]) -> list[PromptMessage]:
        """Run the tools that a model called, one after the other. Returns the messages that tell it what came of it."""
        self._close_thought()
        said = "".join(self._text)
        results: list[PromptMessage] = []
        for number, call in enumerate(calls):
            self._say(events.tool_call(call))
            crashpoints.reach("tool called")
            if number < CALLS_A_ROUND:
                ok, result = await self._work(call, offered)
            else:
                ok, result = False, {"error": "too_many_calls", "message": f"At most {CALLS_A_ROUND} calls at once."}
            self._say(events.tool_result(call.id, ok, result))
            results.append(PromptMessage("tool", prompts.told(result), tool_call_id=call.id))
        return [PromptMessage("assistant", said, tool_calls=list(calls)), *results]

    async def _work(self, call: ToolCall, offered: Sequence[tools.Tool]) -> tools.Result:
        """Let a tool work, show what it shows, and close what it leaves open."""
        result = tools.Result(False, None)
        context_ = tools.Context(origin_of(self._run), self._write, self._store, lambda: self._heard.opened + 1)
        async with aclosing(tools.use(call, offered, context_)) as steps:
            async for step in steps:
                if isinstance(step, tools.Result):
                    result = step
                    continue
                self._say(step)
                if self._voice.full:
                    await self._voice.room()
        await self._close_artifacts()
        return result

    def _count(self, usage: UsageReport) -> None:
        """Add one call's usage to the run's. The weakest source names the sum."""
        self._counted = True
        total = self._usage
        source = usage.source if total.source == "unknown" or usage.source == total.source else "estimated"
        self._usage = UsageReport(
            total.input + usage.input,
            total.output + usage.output,
            total.cached + usage.cached,
            total.reasoning + usage.reasoning,
            source,
        )
        if self._calling is not None and self._calling.price is not None:
            self._cost = (self._cost or 0) + cost(usage, self._calling.price)

    def _settle_usage(self) -> None:
        """A call that said something and never what it used: count what we read and heard."""
        if self._said and not self._counted:
            said = "".join(self._said)
            self._count(UsageReport(estimate_all(m.text for m in self._asked), estimate(said), source="estimated"))

    def _outcome(self, status: Status, reason: str, error: AppError | None) -> Outcome:
        usage, known = self._usage, self._usage.source != "unknown"
        told = None
        if error is not None:
            with override("en"):  # the page translates by code
                told = {"code": error.code, "message": error.message}
        tokens: dict[str, int | None] = {
            "input": usage.input if known else None,
            "output": usage.output if known else None,
            "cached": usage.cached,
            "reasoning": usage.reasoning,
        }
        if known:
            self._voice.say({"type": "usage", **tokens, "source": usage.source})
        return Outcome(
            status=status,
            finish_reason=reason,
            parts=self._folder.parts(),
            provider=self._spec.provider if self._spec else "",
            error=told,
            tokens=tokens,
            usage_source=usage.source,
            cost_nano=self._cost,
            ttft_ms=None if self._first_token is None else _ms(self._first_token - self._begun),
            duration_ms=_ms(time.monotonic() - self._begun),
        )


def _wait(exc: ProviderError, tries: int, elapsed: float) -> float | None:
    """Seconds until the same model is asked again, or None when it should not be."""
    if not exc.retryable or tries >= RETRIES:
        return None
    if isinstance(exc, ProviderRateLimited) and (asked := exc.details.get("retry_after_s")) is not None:
        return float(asked) if float(asked) <= LONGEST_RETRY_AFTER_S else None
    wait = 0.5 * 3**tries
    return wait if elapsed + wait <= RETRY_WINDOW_S else None


def _ms(seconds: float) -> int:
    return max(0, round(seconds * 1000))
