"""What has to be true after every fault, whatever it was."""

from __future__ import annotations

import asyncio
import json
import re
import time
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any, Final, ParamSpec, TypeVar
from uuid import UUID

import orjson
from django.db import connections
from django.db.models.functions import Now

from accounts.models import User
from billing.models import Hold, Window
from chat.models import Message, Run, RunEvent, Worker
from chat.parts import fold, text_of
from chat.runs import events, log
from providers.events import clean
from tests.faults.reader import Reader
from tests.faults.stack import Stack
from tests.witness import Record
from tests.witness.client import WitnessClient

P = ParamSpec("P")
T = TypeVar("T")

COUNTS: Final = (Run.Status.COMPLETE, Run.Status.STOPPED)
SETTLED_S: Final = 10.0  # after its worker is gone
_MARKER: Final = re.compile(r"q-[0-9a-f]{12}")


async def ask_database(function: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
    """Run a function of the ORM in a thread and leave no connection behind."""

    def run() -> T:
        try:
            return function(*args, **kwargs)
        finally:
            connections.close_all()

    return await asyncio.to_thread(run)


async def until(holds: Callable[[], bool], timeout: float = 30) -> None:
    """Wait for something outside of this loop, which nobody can ring for."""
    async with asyncio.timeout(timeout):
        while not await ask_database(holds):  # noqa: ASYNC110
            await asyncio.sleep(0.05)


async def check_invariants(stack: Stack, witness: WitnessClient, *readers: Reader, patience: float = SETTLED_S) -> None:
    """Fails unless: every run has ended or is held by a live worker within `patience` seconds; every reader that
    followed a run to its end has the database's text, and that is the provider's, or a prefix of it with a final
    state that says so; what was acknowledged is there, once; no frame held a secret. Followers of runs that ended
    are waited for.
    """
    runs = {run["id"] for reader in readers for turn in reader.turns for run in turn["runs"]}
    await ask_database(settled, runs, patience)
    for reader in readers:
        for run, heard in reader.heard.items():
            if not heard.over.is_set() and await ask_database(_is_over, run):
                await reader.over(run, 15)
    called = await asyncio.to_thread(calls_by_question, witness)
    await ask_database(_agree, readers, called)
    assert not [leak for reader in readers for leak in reader.leaks], "a frame held a secret"
    await ask_database(_no_secret_is_stored, runs)
    await ask_database(_ledger_agrees, {reader.person.id for reader in readers}, called)


def _is_over(run: str) -> bool:
    return not Run.objects.get(pk=run).is_active


def settled(runs: set[str], patience: float) -> None:
    """Returns when every run has ended or is held by a worker that lives. Fails after `patience` seconds."""
    until = time.monotonic() + patience
    while True:
        # Rows of dead workers look alive for a lease; only their processes tell.
        seen = Worker.objects.filter(seen_at__gte=Now() - log.LEASE).values_list("pk", "name")
        alive = {pk for pk, name in seen if Path(f"/proc/{name.rpartition(':')[2]}").exists()}
        open_ = Run.objects.active().filter(pk__in=runs)
        lost = [run for run in open_ if run.status == Run.Status.QUEUED or run.worker_id not in alive]
        if not lost:
            return
        if time.monotonic() > until:
            state = [(str(run.pk), run.status, run.worker_id) for run in lost[:5]]
            raise AssertionError(f"{len(lost)} runs of {len(runs)} are neither over nor held: {state}, alive: {alive}")
        time.sleep(0.1)


def calls_by_question(witness: WitnessClient) -> dict[str, list[Record]]:
    """The witness's records by the question they answer, oldest first."""
    found: dict[str, list[Record]] = {}
    for record in witness.requests():
        if markers := _MARKER.findall(json.dumps(record.body)):
            found.setdefault(markers[-1], []).append(record)
    return found


def _agree(readers: Iterable[Reader], called: dict[str, list[Record]]) -> None:
    for reader in readers:
        for turn in reader.turns:
            assert Message.objects.filter(pk=turn["message"], role=Message.Role.USER).count() == 1
            stored = list(Run.objects.filter(turn=turn["ref"]).order_by("position").values_list("pk", flat=True))
            assert [str(pk) for pk in stored] == [run["id"] for run in turn["runs"]], "a turn lost or doubled a run"
        for run_id, heard in reader.heard.items():
            where = f"run {run_id} ({heard.prompt[:40]})"
            assert not heard.repeats, f"{where}: {heard.repeats} events twice"
            assert not heard.gaps, f"{where}: {heard.gaps} gaps"
            if heard.over.is_set():
                _agrees(where, heard.events, Run.objects.select_related("message").get(pk=run_id), called, heard.after)


def _agrees(
    where: str, heard: list[tuple[float, int, Any]], run: Run, called: dict[str, list[Record]], after: int
) -> None:
    rows = list(RunEvent.objects.filter(run=run).order_by("seq").values_list("seq", "body"))
    said = [orjson.loads(body) for _, body in rows]
    assert [seq for seq, _ in rows] == list(range(1, len(rows) + 1)), f"{where}: the log has gaps"
    assert [event for _, _, event in heard] == said[after:], f"{where}: the reader has something else than the log"
    assert said[-1]["type"] == "run.finished", f"{where}: the log has no end"
    assert sum(event["type"] == "run.finished" for event in said) == 1, f"{where}: ended twice"
    assert said[-1]["status"] == run.status, f"{where}: the row says {run.status}"
    assert run.message is not None
    if run.message.runs.count() == 1:
        assert fold(said) == run.message.parts, f"{where}: the message is not what was shown"
    _is_the_providers(where, text_of(fold(said)), said, run, called)


def _is_the_providers(where: str, text: str, said: list[Any], run: Run, called: dict[str, list[Record]]) -> None:
    if run.message is None or run.message.parent is None or run.provider == "demo" or run.message.runs.count() > 1:
        return
    if not text or any(event["type"] == "tool.call" for event in said):
        return
    visible = next(number for number, event in enumerate(said) if event["type"] in events.VISIBLE)
    later = {event["type"] for event in said[visible:]}
    assert not later & {"run.started", "run.restarted"}, f"{where}: was asked again after something was shown"
    model = [event["model"] for event in said[:visible] if event["type"] == "run.started"][-1].partition("/")[2]
    told = [clean(record.text) for record in called.get(run.message.parent.text[:14], []) if record.model == model]
    if run.status == Run.Status.COMPLETE:
        assert text in told, f"{where}: complete, and not what the provider said"
    else:
        assert any(whole.startswith(text) for whole in told), f"{where}: {run.status}, and no prefix of what was said"


def _ledger_agrees(people: set[str], called: dict[str, list[Record]]) -> None:
    """Nothing is held for a run that ended, the days of these people count their answers, no more and no less, and
    the row of every run that said something has its tokens and price: the provider's own where it told them."""
    for person in people:
        account = User.objects.get(pk=person).account
        runs = list(Run.objects.filter(owner=UUID(person)).select_related("message__parent"))
        open_ = {run.pk for run in runs if run.is_active}
        held = set(Hold.objects.filter(window__account=account).values_list("run", flat=True))
        assert held <= open_, f"{held - open_} hold something though they are over"
        days = Window.objects.filter(account=account, kind=Window.Kind.MESSAGES_DAY)
        counted = [run for run in runs if run.status in COUNTS and run.message and text_of(run.message.parts)]
        assert sum(day.used for day in days) == len(counted), f"{person}: other answers were counted"
        for run in runs:
            if not run.is_active and run.last_seq and run.message:
                _is_paid_for(run, called)


def _is_paid_for(run: Run, called: dict[str, list[Record]]) -> None:
    where = f"run {run.pk} ({run.status}, {run.model})"
    said = RunEvent.objects.filter(run=run).values_list("body", flat=True)
    if not any(orjson.loads(body)["type"] in ("text.delta", "reasoning.delta") for body in said):
        return
    assert run.tokens_out, f"{where}: said something, and no token was counted"
    assert run.cost_nano is not None, f"{where}: said something, and it costs nobody knows what"
    assert run.message
    assert run.message.parent
    records = [one for one in called.get(run.message.parent.text[:14], []) if one.model == run.model.partition("/")[2]]
    if run.usage_source == "reported" and len(records) == 1 and records[0].usage:
        told = records[0].usage
        assert (run.tokens_in, run.tokens_out) == (told["input"], told["output"]), f"{where}: {told}"


def _no_secret_is_stored(runs: set[str]) -> None:
    for run in Run.objects.filter(pk__in=runs):
        assert "sk-witness" not in run.error_message
        assert "Traceback" not in run.error_message
