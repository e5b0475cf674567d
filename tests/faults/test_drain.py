"""Processes that are asked to leave: SIGTERM."""

from __future__ import annotations

import asyncio
import time

import pytest

from chat.models import Run
from tests.faults.crowds import OpenReader, crowd_of, ends_of, readers_of, worker_of
from tests.faults.invariants import ask_database, check_invariants
from tests.faults.models import openai
from tests.faults.stack import Process, Stack
from tests.witness.client import WitnessClient

DRAIN_S = 10  # the grace of these processes and the rest
SOON_OVER = openai("w-stamps-tokens90-rate30")
TOO_LONG = openai("w-stamps-tokens1200-rate20")


async def _left(process: Process) -> tuple[int, float]:
    """Exit code, and the seconds it took from SIGTERM."""
    begun = time.monotonic()
    process.terminate()
    return await asyncio.to_thread(process.exit_code, DRAIN_S + 10), time.monotonic() - begun


@pytest.mark.postgresql
async def test_a_web_process_leaves_and_its_pages_go_on_elsewhere(
    stack: Stack, witness: WitnessClient, open_reader: OpenReader
) -> None:
    crowd = await crowd_of(open_reader, 6, SOON_OVER)
    leaving = stack.webs[0]
    there = [reader for reader in readers_of(crowd) if reader.address.endswith(f":{leaving.port}")]
    code, seconds = await _left(leaving)
    assert code == 0
    assert seconds < DRAIN_S + 5
    assert there
    assert {reader.codes[0] for reader in there} == {1012}
    assert {end.status for end in await ends_of(crowd)} == {"complete"}
    await check_invariants(stack, witness, *readers_of(crowd))


async def test_answers_that_end_in_time_are_finished_before_a_worker_leaves(
    stack: Stack, witness: WitnessClient, open_reader: OpenReader
) -> None:
    crowd = await crowd_of(open_reader, 4, SOON_OVER)
    leaving = await worker_of(stack, crowd[0][1])
    code, seconds = await _left(leaving)
    assert code == 0
    assert seconds < DRAIN_S + 5
    await asyncio.to_thread(stack.ensure)
    assert {end.status for end in await ends_of(crowd)} == {"complete"}
    await check_invariants(stack, witness, *readers_of(crowd))


@pytest.mark.timeout(200)
async def test_answers_that_are_too_long_are_interrupted_with_their_text_and_can_go_on(
    stack: Stack, witness: WitnessClient, open_reader: OpenReader
) -> None:
    crowd = await crowd_of(open_reader, 2, TOO_LONG)
    leaving = await worker_of(stack, crowd[0][1])
    code, seconds = await _left(leaving)
    assert code == 0
    assert seconds < DRAIN_S + 5
    await asyncio.to_thread(stack.ensure)
    cut = [(reader, run) for reader, run in crowd if await ask_database(_is_over, run)]
    assert cut
    for reader, run in cut:
        assert (await reader.over(run)).status == "interrupted"
        again = (await reader.go_on(run))["runs"][0]["id"]
        await reader.heard_words(again)
        await reader.stop(again)
        assert (await reader.over(again)).status == "stopped"
    for reader, run in crowd:
        await reader.stop(run)
    await ends_of(crowd)
    await check_invariants(stack, witness, *readers_of(crowd))


def _is_over(run: str) -> bool:
    return not Run.objects.get(pk=run).is_active
