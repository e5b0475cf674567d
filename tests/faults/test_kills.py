"""Processes that die in mid-stream."""

from __future__ import annotations

import asyncio
import time

import pytest

from chat.models import Run
from tests.faults.crowds import OpenReader, crowd_of, ends_of, readers_of, worker_of
from tests.faults.invariants import SETTLED_S, ask_database, check_invariants
from tests.faults.models import openai
from tests.faults.stack import Stack
from tests.witness.client import WitnessClient

CROWD = 20
LONG = openai("w-stamps-tokens150-rate25")
SILENT = openai("w-wait4000-tokens5")
SHORT = openai("w-tokens5")


@pytest.mark.postgresql
async def test_a_web_process_dies_and_every_answer_goes_on(
    stack: Stack, witness: WitnessClient, open_reader: OpenReader
) -> None:
    crowd = await crowd_of(open_reader, CROWD, LONG)
    victim = stack.webs[0]
    victim.kill()
    assert not victim.alive
    assert {end.status for end in await ends_of(crowd)} == {"complete"}
    assert any(reader.connections > 1 for reader, _ in crowd)
    await check_invariants(stack, witness, *readers_of(crowd))


@pytest.mark.postgresql
async def test_a_worker_dies_and_its_answers_keep_what_was_shown(
    stack: Stack, witness: WitnessClient, open_reader: OpenReader
) -> None:
    crowd = await crowd_of(open_reader, CROWD, LONG)
    victim = await worker_of(stack, crowd[0][1])
    victim.kill()
    killed = time.monotonic()
    ends = await ends_of(crowd)
    cut = [end for end in ends if end.status == "interrupted"]
    assert cut
    assert all(end.status in ("interrupted", "complete") for end in ends)
    assert max(end.events[-1][0] for end in cut) - killed < SETTLED_S + 2
    await check_invariants(stack, witness, *readers_of(crowd))


async def test_the_only_process_with_a_worker_dies_and_comes_back(
    stack: Stack, witness: WitnessClient, open_reader: OpenReader
) -> None:
    crowd = await crowd_of(open_reader, 5, LONG)
    silent = await open_reader()
    waiting = (await silent.ask(SILENT))["runs"][0]["id"]
    for process in stack.workers:
        process.kill()
    # A question asked while nobody can answer it waits.
    late = await open_reader() if stack.scaled else None
    asked = (await late.ask(SHORT))["runs"][0]["id"] if late else ""
    await asyncio.to_thread(stack.ensure)
    assert {end.status for end in await ends_of(crowd)} == {"interrupted"}
    assert (await silent.over(waiting)).status == "complete"
    if late:
        assert (await late.over(asked)).status == "complete"
    await check_invariants(stack, witness, silent, *([late] if late else []), *readers_of(crowd))


async def test_a_cut_answer_goes_on_when_asked_to(
    stack: Stack, witness: WitnessClient, open_reader: OpenReader
) -> None:
    [(reader, run)] = await crowd_of(open_reader, 1, LONG)
    (await worker_of(stack, run)).kill()
    await asyncio.to_thread(stack.ensure)
    cut = await reader.over(run)
    assert cut.status == "interrupted"
    turn = await reader.go_on(run)
    again = await reader.over(turn["runs"][0]["id"])
    assert again.status == "complete"
    assert (await ask_database(Run.objects.select_related("message").get, pk=run)).message.text == cut.text + again.text  # type: ignore[union-attr]
    await check_invariants(stack, witness, reader)
