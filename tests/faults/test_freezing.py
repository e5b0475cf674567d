"""A worker that is frozen past its lease and wakes up has lost its runs and writes nothing."""

from __future__ import annotations

import asyncio
from uuid import UUID

import pytest
from django.db.models.functions import Now

from chat.models import RunEvent, Worker
from chat.runs import log
from tests.faults.crowds import OpenReader, crowd_of, ends_of, readers_of, worker_of
from tests.faults.invariants import ask_database, check_invariants, until
from tests.faults.models import openai
from tests.faults.stack import Stack, frozen
from tests.witness.client import WitnessClient

LONG = openai("w-stamps-tokens400-rate20")
SILENT = openai("w-wait9000-tokens5")
MIDDLING = openai("w-stamps-tokens100-rate20")


@pytest.mark.postgresql
async def test_a_worker_that_wakes_up_after_its_lease_writes_nothing(
    stack: Stack, witness: WitnessClient, open_reader: OpenReader
) -> None:
    crowd = await crowd_of(open_reader, 6, LONG)
    sleeper = await worker_of(stack, crowd[0][1])
    theirs = [(reader, run) for reader, run in crowd if await worker_of(stack, run) is sleeper]
    with frozen(sleeper):
        ends = await ends_of(theirs)
        assert {end.status for end in ends} == {"interrupted"}
        before = await ask_database(_events_of, [run for _, run in theirs])
    assert sleeper.alive
    # It is awake when it says that it lives.
    await until(lambda: _lives(f":{sleeper.pid}"))
    await asyncio.sleep(0.5)
    assert await ask_database(_events_of, [run for _, run in theirs]) == before
    await until(lambda: _all_left(witness, [reader.prompts[run] for reader, run in theirs]))
    for reader, run in crowd:
        await reader.stop(run)
    await ends_of(crowd)
    await check_invariants(stack, witness, *readers_of(crowd))


@pytest.mark.postgresql
async def test_a_run_that_had_shown_nothing_is_answered_by_another_worker(
    stack: Stack, witness: WitnessClient, open_reader: OpenReader
) -> None:
    crowd = await crowd_of(open_reader, 2, SILENT, words=0)
    await asyncio.to_thread(witness.wait_for, lambda seen: seen, 30, marker=crowd[0][0].prompts[crowd[0][1]])
    sleeper = await worker_of(stack, crowd[0][1])
    with frozen(sleeper):
        assert {end.status for end in await ends_of(crowd)} == {"complete"}
    await until(lambda: _lives(f":{sleeper.pid}"))
    await check_invariants(stack, witness, *readers_of(crowd))


@pytest.mark.sqlite
async def test_a_process_that_was_frozen_goes_on_where_it_was(
    stack: Stack, witness: WitnessClient, open_reader: OpenReader
) -> None:
    crowd = await crowd_of(open_reader, 3, MIDDLING)
    with frozen(stack.webs[0]):
        await asyncio.sleep(log.LEASE.total_seconds() + 2)
    assert {end.status for end in await ends_of(crowd)} == {"complete"}
    await check_invariants(stack, witness, *readers_of(crowd))


def _events_of(runs: list[str]) -> int:
    return RunEvent.objects.filter(run_id__in=[UUID(run) for run in runs]).count()


def _lives(name: str) -> bool:
    return Worker.objects.filter(name__endswith=name, seen_at__gte=Now() - log.LEASE).exists()


def _all_left(witness: WitnessClient, prompts: list[str]) -> bool:
    return all(record.ended_at for prompt in prompts for record in witness.requests(marker=prompt))
