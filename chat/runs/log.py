"""The log of runs in the database: claim, store, read, finish, reap. Synchronous; every function is one transaction.

Only this module changes a run's status after it was queued. Every change asks the row first: who holds
it (`worker`, `epoch`), and is it still streaming. An answer of "no" is not an error, it means that
somebody else was right first.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any, Final
from uuid import UUID

import orjson
from django.db import connection, transaction
from django.db.models import F, Max, OuterRef, Q, QuerySet, Subquery
from django.db.models.functions import Now

from artifacts import documents, streams
from billing import quotas
from chat.models import Message, Run, RunEvent, Worker
from chat.parts import Folder, Part
from chat.runs import events, prompts, veil
from config.errors import ModelUnknown
from providers import catalog
from providers.events import UsageReport
from providers.usage import cost, estimate, estimate_all

LEASE: Final = timedelta(seconds=6)  # a worker silent for longer is gone
PAGE: Final = 500  # events that one read of a log returns at most
PAGE_SIZE: Final = 32 * 1024  # characters that it returns, but for the last event; a stalled reader holds one page
EPOCHS_MAX: Final = 9  # being claimed and being given up each raise it: so five workers had the run and are gone
HINT_TIME: Final = timedelta(seconds=1)  # a queued run older than this was not brought by a hint
_TOLD: Final = 64 * 1024  # characters of a blind answer that are carried to its readers at once
PATIENCE: Final = timedelta(seconds=60)  # a run that no worker took fails after this

Status = Run.Status
_NOBODY: Final = UUID(int=0)

# The number of a run's last event, off the end of the primary key.
_LAST_SEQ = Subquery(RunEvent.objects.filter(run=OuterRef("pk")).order_by("-seq").values("seq")[:1])


@dataclass(frozen=True, slots=True)
class Claim:
    """A run that is ours: nobody else writes to it while `epoch` stands."""

    run: Run
    epoch: int
    seq: int  # number of the last event already in its log
    prior: list[Part] = field(default_factory=list)  # what the answer holds from an earlier run


@dataclass(frozen=True, slots=True)
class Outcome:
    """How a run ended, and what its answer became."""

    status: Status
    finish_reason: str = "stop"
    parts: list[Part] = field(default_factory=list)
    provider: str = ""
    error: Mapping[str, str] | None = None  # {code, message}
    tokens: Mapping[str, int | None] = field(default_factory=dict)  # input, output, cached, reasoning
    usage_source: str = "unknown"
    cost_nano: int | None = None
    ttft_ms: int | None = None
    duration_ms: int | None = None

    @property
    def counts(self) -> int:
        """1 for an answer that counts against the day: it was finished or stopped by its reader, and is not empty."""
        said = any(part.get("text") or part.get("preview") for part in self.parts)
        return int(self.status in (Status.COMPLETE, Status.STOPPED) and said)

    def event(self) -> events.Event:
        """The run's last event."""
        return {
            "type": "run.finished",
            "status": str(self.status),
            "finish_reason": self.finish_reason,
            "tokens": {key: self.tokens.get(key) for key in ("input", "output", "cached", "reasoning")},
            "cost": None if self.cost_nano is None else usd(self.cost_nano),
            "ttft_ms": self.ttft_ms,
            "duration_ms": self.duration_ms,
            "error": dict(self.error) if self.error else None,
        }


@dataclass(frozen=True, slots=True)
class Said:
    """What one run said since the last beat: events `first` … as JSON texts, and its end if it ended."""

    run_id: UUID
    epoch: int
    first: int
    bodies: Sequence[str]
    outcome: Outcome | None = None
    owner_id: UUID | None = None  # whom to tell of the end, and in which chat
    chat_id: UUID | None = None
    blind: bool = False  # stored, and nobody's to hear yet

    @property
    def last(self) -> int:
        return self.first + len(self.bodies) - 1

    @property
    def claim(self) -> tuple[UUID, int]:
        """A run may come back to a worker that had lost it, so its id alone does not say whose words these are."""
        return self.run_id, self.epoch


def usd(nano: int) -> str:
    """Nano-USD as a plain decimal string: 55200 is "0.0000552"."""
    whole, rest = divmod(abs(nano), 1_000_000_000)
    digits = f"{rest:09d}".rstrip("0")
    return ("-" if nano < 0 else "") + str(whole) + ("." + digits if digits else "")


def claim(worker_id: UUID, run_ids: Iterable[UUID] | None, limit: int, waited: timedelta = timedelta(0)) -> list[Claim]:
    """Take queued runs for a worker: the named ones, or any that have `waited`. At most `limit`.

    Three queries however many runs there are.
    """
    with transaction.atomic():
        waiting = Run.objects.claimable()
        if run_ids is not None:
            waiting = waiting.filter(pk__in=list(run_ids))
        elif waited:
            # Web processes date what they create; a date from the future is that of a wrong clock.
            waiting = waiting.exclude(created_at__range=(Now() - waited, Now() + waited))
        ids = list(
            waiting.order_by("created_at")
            .select_for_update(skip_locked=True, of=("self",))
            .values_list("pk", flat=True)[:limit]
        )
        if not ids:
            return []
        Run.objects.filter(pk__in=ids, status=Status.QUEUED).update(
            status=Status.STREAMING, epoch=F("epoch") + 1, worker=worker_id, started_at=Now()
        )
        runs = (
            Run.objects.filter(pk__in=ids, worker=worker_id, status=Status.STREAMING)
            .select_related("message", "message__parent")
            .annotate(seq=_LAST_SEQ)
        )
        return [
            Claim(run, run.epoch, run.seq or 0, prior=list(run.message.parts) if run.message else []) for run in runs
        ]


def store(worker_id: UUID, said: Sequence[Said]) -> set[tuple[UUID, int]]:
    """Append one beat of all runs of a worker, in one transaction. Returns the claims that still hold.

    A repeat after a lost connection is harmless: the same numbers hold the same text.
    """
    with transaction.atomic():
        held = dict(
            Run.objects.filter(pk__in=[s.run_id for s in said], status=Status.STREAMING, worker_id=worker_id)
            .order_by("pk")
            .select_for_update()
            .values_list("pk", "epoch")
        )
        mine = [s for s in said if held.get(s.run_id) == s.epoch]
        _append((s.run_id, s.first + i, body) for s in mine for i, body in enumerate(s.bodies))
        ended = {s.run_id: s.outcome for s in mine if s.outcome is not None}
        for s in mine:
            if s.outcome is not None:
                _finish(s.run_id, s.last, s.outcome)
        if ended:
            quotas.settle({run_id: outcome.counts for run_id, outcome in ended.items()})
    return {s.claim for s in mine}


def read(run_id: UUID, after: int) -> tuple[list[tuple[int, str]], bool]:
    """Events of a run with a number greater than `after`, as (number, JSON text), in order: one page of them, and
    whether that was all. Of a blind run none."""
    quote, meta = connection.ops.quote_name, RunEvent._meta
    run = meta.get_field("run").get_db_prep_value(run_id, connection)
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT seq, body FROM (SELECT seq, body, SUM(LENGTH(body)) OVER (ORDER BY seq) - LENGTH(body) AS earlier"  # noqa: S608  (our table's name)
            f" FROM {quote(meta.db_table)} WHERE run_id = %s AND seq > %s ORDER BY seq LIMIT %s) AS page"
            f" WHERE earlier < %s AND NOT EXISTS (SELECT 1 FROM {quote(Run._meta.db_table)} WHERE id = %s AND blind)"
            " ORDER BY seq",
            [run, after, PAGE, PAGE_SIZE, run],
        )
        rows = cursor.fetchall()
    return rows, len(rows) < PAGE and sum(len(body) for _, body in rows) < PAGE_SIZE


def pruned_end(run_id: UUID) -> list[tuple[int, str]]:
    """For a finished run whose log is gone, or a blind one that may be shown: its whole answer and its end, under
    its last two numbers. Else nothing."""
    if _is_active(run_id):
        return []
    run = Run.objects.filter(pk=run_id).exclude(status__in=Run.ACTIVE).select_related("message__parent").first()
    if run is None:
        return []
    if veil.speaking([run.turn]) if run.blind else RunEvent.objects.filter(run_id=run_id).exists():
        return []
    last = veil.LAST if run.blind else max(run.last_seq, 2)
    return list(enumerate(_whole(run)[0], last - 1))


def _is_active(run_id: UUID) -> bool:
    """Raw, because every follower of a new run asks: the ORM takes ten times as long."""
    table, run = connection.ops.quote_name(Run._meta.db_table), Run._meta.pk.get_db_prep_value(run_id, connection)
    with connection.cursor() as cursor:
        cursor.execute(f"SELECT status FROM {table} WHERE id = %s", [run])  # noqa: S608  (our table's name)
        row = cursor.fetchone()
    return row is not None and row[0] in Run.ACTIVE


def together(run_id: UUID) -> list[Said]:
    """A blind run has ended: all that its turn says if it was the last one, else nothing. Three queries."""
    turn = Run.objects.filter(pk=run_id).values("turn")
    runs = list(Run.objects.filter(turn__in=turn, blind=True).select_related("message__parent").order_by("position"))
    if any(run.is_active for run in runs):
        return []
    ends = []
    for run in runs:
        bodies, outcome = _whole(run)
        if sum(map(len, bodies)) > _TOLD:
            bodies = []  # whoever follows finds it in the database within a second
        chat_id = run.message.chat_id if run.message else None
        ends.append(Said(run.pk, run.epoch, 1, bodies, outcome, run.owner_id, chat_id))
    return ends


def _whole(run: Run) -> tuple[list[str], Outcome]:
    """A finished run as one snapshot and its end, without what a reader may not know."""
    parts, outcome = run.message.parts if run.message else [], outcome_of(run)
    if veil.is_down(run):
        error = {"code": run.error_code, "message": ""} if run.error_code else None
        parts, outcome = veil.said(parts), Outcome(outcome.status, outcome.finish_reason, error=error)
    return events.pack([events.snapshot(parts), outcome.event()]), outcome


def so_far(run_ids: Iterable[UUID]) -> dict[UUID, tuple[list[Part], int]]:
    """What the answers of runs hold and the number up to which: what a page shows before it follows. Of blind
    ones nothing. Two queries."""
    spoken = _spoken(Run.objects.filter(pk__in=list(run_ids), blind=False))
    return {run_id: (said.folder.parts(), said.last) for run_id, said in spoken.items()}


@dataclass(slots=True)
class _Spoken:
    """What the log of a run tells: its answer so far (with what an earlier run of it said), its last number,
    whether a reader can have seen anything, what the provider wrote, and how often it was asked for that."""

    folder: Folder
    last: int = 0
    visible: bool = False
    written: list[str] = field(default_factory=list)
    calls: int = 0
    model: str = ""
    heard: streams.Heard = field(default_factory=streams.Heard)

    def hear(self, seq: int, event: events.Event) -> None:
        self.folder.push(event)
        self.heard.push(event)
        self.last = seq
        self.visible |= event["type"] in events.VISIBLE
        match event["type"]:
            case "text.delta" | "reasoning.delta" | "artifact.delta":
                self.written.append(event["text"])
            case "tool.call":
                self.written.append(event["arguments"])
            case "run.started":
                self.calls += 1
                self.model = event["model"]
            case "run.restarted":
                self.calls -= 1


def _spoken(runs: QuerySet[Run]) -> dict[UUID, _Spoken]:
    spoken = {run_id: _Spoken(Folder(parts or ())) for run_id, parts in runs.values_list("pk", "message__parts")}
    rows = RunEvent.objects.filter(run_id__in=list(spoken)).order_by("run_id", "seq")
    for run_id, seq, body in rows.values_list("run_id", "seq", "body"):
        spoken[run_id].hear(seq, orjson.loads(body))
    return spoken


def states(run_ids: Iterable[UUID]) -> dict[UUID, tuple[Run, int]]:
    """Each run's row (status, owner) and the number of its last event: the hub's look once a second. One query, and
    one more for blind runs: they are queued until all of their turn have ended."""
    runs = (
        Run.objects.filter(pk__in=list(run_ids))
        .only("id", "status", "tenant_id", "owner_id", "last_seq", "turn", "blind")
        .annotate(seq=_LAST_SEQ)
    )
    states: dict[UUID, tuple[Run, int]] = {run.pk: (run, max(run.seq or 0, run.last_seq)) for run in runs}
    blind = [run for run, _seq in states.values() if run.blind]
    speaking = veil.speaking({run.turn for run in blind})
    for run in blind:
        if waits := run.turn in speaking:
            run.status = Status.QUEUED
        states[run.pk] = run, 0 if waits else veil.LAST
    return states


def request_stop(run_id: UUID) -> Said | None:
    """Ask a run to stop. One that nobody has claimed yet stops here and now; its end is returned to be shown."""
    with transaction.atomic():
        run = Run.objects.select_for_update().filter(pk=run_id).select_related(None).first()
        if run is None or not run.is_active:
            return None
        if run.status == Status.STREAMING:
            Run.objects.filter(pk=run_id, stop_requested_at=None).update(stop_requested_at=Now())
            return None
        return _end_unheld(run, Outcome(Status.STOPPED, "stopped"))


def stops_requested(worker_id: UUID) -> list[UUID]:
    """Which of a worker's runs somebody wants to stop."""
    held = Run.objects.filter(worker=worker_id, status=Status.STREAMING)
    return list(held.filter(stop_requested_at__isnull=False).values_list("pk", flat=True))


def register(worker_id: UUID, name: str) -> None:
    Worker.objects.create(id=worker_id, name=name, seen_at=Now())


def beat(worker_id: UUID) -> bool:
    """Say that a worker is alive, by the database's clock. False when its row is gone: it was given up."""
    return Worker.objects.filter(pk=worker_id).update(seen_at=Now()) == 1


def retire(worker_id: UUID) -> list[Said]:
    """A worker leaves: its row goes, and whatever it still held is settled at once. Returns the ends."""
    with transaction.atomic():
        ends = _settle(Q(worker=worker_id), limit=None)
        Worker.objects.filter(pk=worker_id).delete()
    return ends


def clock() -> float:
    """The database's time in seconds, as soon as a worker could say that it lives. Raises what the database raises
    when it is away, or takes no writes."""
    Worker.objects.filter(pk=_NOBODY).update(seen_at=Now())
    days, seconds = "SELECT (julianday('now') - 2440587.5) * 86400", "SELECT extract(epoch FROM clock_timestamp())"
    with connection.cursor() as cursor:
        cursor.execute(days if connection.vendor == "sqlite" else seconds)
        return float(cursor.fetchone()[0])


def reap(in_time: Callable[[], bool] = lambda: True) -> list[Said]:
    """Settle the runs of workers that are gone. Returns the ends of those that are over.

    Any process may do this at any time: rows that another one is settling are skipped. Somebody's lock may have
    kept this waiting, and the workers' signs of life as well: nothing is settled when `in_time` says no.
    """
    with transaction.atomic():
        return _settle(~Q(worker__in=_alive())) if in_time() else []


def reap_unheld(worker_id: UUID, held: Sequence[UUID]) -> list[Said]:
    """Settle the runs that `worker_id` lost hold of: it has only `held`. Returns the ends of those that are over."""
    return _settle(Q(worker=worker_id, started_at__lt=Now() - LEASE) & ~Q(pk__in=held))


def _alive() -> QuerySet[Worker]:
    """Workers that said so lately. One that said so in the future did before the clock was set back."""
    return Worker.objects.filter(seen_at__range=(Now() - LEASE, Now() + LEASE))


def _settle(gone: Q, *, limit: int | None = 200) -> list[Said]:
    """Whoever had shown something is interrupted and keeps its text; whoever had not is queued again."""
    with transaction.atomic():
        lost = list(
            Run.objects.filter(gone, status=Status.STREAMING)
            .select_related("message__parent")
            .select_for_update(skip_locked=True, of=("self",))
            .order_by("pk")[:limit]
        )
        if not lost:
            return []
        spoken = _spoken(Run.objects.filter(pk__in=[run.pk for run in lost]))
        ends = []
        for run in lost:
            if spoken[run.pk].visible:
                closed = _kept(run, spoken[run.pk])
                ends.append(_end_unheld(run, _cut(run, spoken[run.pk]), closed))
            elif run.stop_requested_at:
                ends.append(_end_unheld(run, Outcome(Status.STOPPED, "stopped")))
            elif run.epoch >= EPOCHS_MAX:  # it may be what they died of
                error = {"code": "unavailable:run", "message": ""}
                ends.append(_end_unheld(run, Outcome(Status.FAILED, "error", error=error)))
            else:
                Run.objects.filter(pk=run.pk).update(status=Status.QUEUED, worker=None, epoch=F("epoch") + 1)
        Worker.objects.filter(seen_at__lt=Now() - 10 * LEASE).delete()
    return ends


def _kept(run: Run, spoken: _Spoken) -> list[events.Event]:
    """The documents that a lost run was writing get what they have as partial versions. Returns their ends."""
    ends = []
    for begun in spoken.heard.open():
        written = documents.cut(origin_of(run), begun.n, begun.document, begun.text, begun.base)
        ends.append(streams.closed(begun.n, written))
        spoken.folder.push(ends[-1])
    return ends


def origin_of(run: Run) -> documents.Origin:
    """For whom and for which answer a run writes documents. Its message came with it."""
    chat = run.message.chat_id if run.message else None
    return documents.Origin(run.tenant_id, run.owner_id, run.pk, chat, run.message_id)


def written_by(run_id: UUID, document_id: UUID) -> streams.Open | None:
    """What a run that is not over has of a document that it is writing, up to event `seq`. Of a blind one nothing.
    Two queries."""
    active = Run.objects.active().filter(pk=run_id, blind=False)
    for spoken in _spoken(active).values():
        for begun in spoken.heard.open():
            if begun.document == document_id:
                begun.seq = spoken.last
                return begun
    return None


def _cut(run: Run, spoken: _Spoken) -> Outcome:
    """The end of a run whose worker is gone: what was shown stays, and what it used is estimated from what was read
    and written, because nobody heard the provider's own count."""
    usage = UsageReport(
        max(1, spoken.calls) * estimate_all(message.text for message in prompts.build(run)),
        estimate("".join(spoken.written)),
        source="estimated",
    )
    try:
        spec: catalog.ModelSpec | None = catalog.get(spoken.model or run.model, surface="run")
    except ModelUnknown:  # switched off meanwhile
        spec = None
    return Outcome(
        Status.INTERRUPTED,
        "error",
        parts=spoken.folder.parts(),
        provider=spec.provider if spec else "",
        error={"code": "interrupted:run", "message": ""},
        tokens={"input": usage.input, "output": usage.output, "cached": 0, "reasoning": 0},
        usage_source=usage.source,
        cost_nano=cost(usage, spec.price) if spec and spec.price else None,
    )


def give_up_waiting(message: str) -> list[Said]:
    """Fail the runs that waited longer than PATIENCE while no worker is alive."""
    with transaction.atomic():
        if _alive().exists():
            return []
        waiting = Run.objects.filter(status=Status.QUEUED, created_at__lt=Now() - PATIENCE)
        error = {"code": "unavailable:run", "message": message}
        return [
            _end_unheld(run, Outcome(Status.FAILED, "error", error=error))
            for run in waiting.select_for_update(skip_locked=True, of=("self",))[:200]
        ]


def prune(older_than: timedelta = timedelta(hours=24), limit: int = 200) -> int:
    """Remove the events of runs that ended long ago; their answers hold the text. Returns how many runs it was."""
    old = Run.objects.exclude(status__in=Run.ACTIVE).filter(finished_at__lt=Now() - older_than)
    ids = list(RunEvent.objects.filter(run__in=old).values_list("run_id", flat=True).distinct()[:limit])
    RunEvent.objects.filter(run_id__in=ids).delete()
    return len(ids)


def release_forgotten(older_than: timedelta = PATIENCE) -> None:
    """Give back what runs hold that are over or gone, whatever went wrong. Usually finds nothing."""
    with transaction.atomic():
        held = set(quotas.held(older_than))
        quotas.release(held - set(Run.objects.active().filter(pk__in=held).values_list("pk", flat=True)))


def workers_alive() -> int:
    return Worker.objects.filter(seen_at__gte=Now() - LEASE).count()


def outcome_of(run: Run) -> Outcome:
    """A finished run's outcome, from its row."""
    return Outcome(
        status=Status(run.status),
        finish_reason=run.finish_reason,
        provider=run.provider,
        error={"code": run.error_code, "message": run.error_message} if run.error_code else None,
        tokens={
            "input": run.tokens_in,
            "output": run.tokens_out,
            "cached": run.tokens_cached,
            "reasoning": run.tokens_reasoning,
        },
        usage_source=run.usage_source,
        cost_nano=run.cost_nano,
        ttft_ms=run.ttft_ms,
        duration_ms=run.duration_ms,
    )


def _append(rows: Iterable[tuple[UUID, int, str]]) -> None:
    """Raw, because this is the one statement that runs for every beat: the ORM costs five times as much."""
    quote, meta = connection.ops.quote_name, RunEvent._meta
    convert = meta.get_field("run").get_db_prep_value
    with connection.cursor() as cursor:
        cursor.executemany(
            f"INSERT INTO {quote(meta.db_table)} (run_id, seq, body) VALUES (%s, %s, %s)"  # noqa: S608  (our table's name)
            " ON CONFLICT (run_id, seq) DO NOTHING",
            [(convert(run_id, connection), seq, body) for run_id, seq, body in rows],
        )


def _finish(run_id: UUID, last_seq: int, outcome: Outcome) -> None:
    """Write a run's end and fold its answer. The caller holds the row."""
    error = outcome.error or {}
    tokens: Mapping[str, Any] = outcome.tokens
    Run.objects.filter(pk=run_id).update(
        status=outcome.status,
        finish_reason=outcome.finish_reason,
        provider=outcome.provider,
        error_code=error.get("code", ""),
        error_message=error.get("message", "")[:300],
        last_seq=last_seq,
        tokens_in=tokens.get("input"),
        tokens_out=tokens.get("output"),
        tokens_cached=tokens.get("cached") or 0,
        tokens_reasoning=tokens.get("reasoning") or 0,
        usage_source=outcome.usage_source,
        cost_nano=outcome.cost_nano,
        ttft_ms=outcome.ttft_ms,
        duration_ms=outcome.duration_ms,
        finished_at=Now(),
    )
    Message.objects.filter(runs=run_id).update(parts=outcome.parts)


def _end_unheld(run: Run, outcome: Outcome, before: Sequence[events.Event] = ()) -> Said:
    """End a run that no worker holds, under a new epoch, so that a late worker finds itself shut out. `before` is what
    has to be said before the end."""
    if run.message and not outcome.parts:
        outcome = Outcome(outcome.status, outcome.finish_reason, parts=run.message.parts, error=outcome.error)
    last = RunEvent.objects.filter(run_id=run.pk).aggregate(last=Max("seq"))["last"] or 0
    chat_id = run.message.chat_id if run.message else None
    bodies = events.pack([*before, outcome.event()])
    said = Said(run.pk, run.epoch + 1, last + 1, bodies, outcome, run.owner_id, chat_id, run.blind)
    Run.objects.filter(pk=run.pk).update(epoch=said.epoch)
    _append((run.pk, said.first + number, body) for number, body in enumerate(said.bodies))
    _finish(run.pk, said.last, outcome)
    quotas.settle({run.pk: outcome.counts})
    return said
