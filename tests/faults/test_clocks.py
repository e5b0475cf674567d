"""Clocks that are wrong or jump. Time that matters is the database's; on SQLite that is the process's own."""

from __future__ import annotations

import asyncio
import glob
import time
from pathlib import Path

import pytest

from tests.faults.crowds import OpenReader, crowd_of, ends_of, readers_of
from tests.faults.invariants import check_invariants
from tests.faults.models import openai
from tests.faults.stack import Stack
from tests.witness.client import WitnessClient

_FOUND = glob.glob("/usr/lib/*/faketime/libfaketime.so.1")
pytestmark = pytest.mark.skipif(not _FOUND, reason="no libfaketime. Install the package faketime.")

LONG = openai("w-stamps-tokens120-rate20")
SHORT = openai("w-tokens5")


class Clock:
    """Processes started with `env` see the time plus what `step` says, from one moment to the next."""

    def __init__(self, folder: Path) -> None:
        self._file = folder / "clock"
        self.step(0)
        self.env = {
            "LD_PRELOAD": _FOUND[0],
            "FAKETIME_TIMESTAMP_FILE": str(self._file),
            "FAKETIME_CACHE_DURATION": "1",
            "FAKETIME_DONT_FAKE_MONOTONIC": "1",
        }

    def step(self, seconds: int) -> None:
        self._file.write_text(f"{seconds:+d}\n", encoding="ascii")


@pytest.mark.parametrize("seconds", [3600, -3600])
async def test_a_clock_that_jumps_in_mid_stream_ends_no_answer(
    seconds: int, stack: Stack, witness: WitnessClient, open_reader: OpenReader, tmp_path: Path
) -> None:
    clock = Clock(tmp_path)
    for worker in stack.workers:  # one is left, so that it gets the runs
        worker.kill()
    process = stack.workers[0]
    process.start(env=clock.env)
    try:
        await asyncio.to_thread(process.wait_ready)
        crowd = await crowd_of(open_reader, 6, LONG)
        clock.step(seconds)
        late = await open_reader()
        asked = (await late.ask(SHORT))["runs"][0]["id"]
        assert {end.status for end in await ends_of(crowd)} == {"complete"}
        assert (await late.over(asked)).status == "complete"
        assert _jumped(process.log, seconds)
        await check_invariants(stack, witness, late, *readers_of(crowd))
    finally:
        process.kill()


@pytest.mark.postgresql
@pytest.mark.parametrize("seconds", [3600, -3600])
async def test_a_web_process_with_a_wrong_clock_asks_questions_that_are_answered(
    seconds: int, stack: Stack, witness: WitnessClient, open_reader: OpenReader, tmp_path: Path
) -> None:
    clock = Clock(tmp_path)
    clock.step(seconds)
    web = stack.webs[0]
    web.kill()
    web.start(env=clock.env)
    try:
        await asyncio.to_thread(web.wait_ready)
        reader = await open_reader(at=stack.addresses[0])
        assert (await reader.over((await reader.ask(LONG))["runs"][0]["id"])).status == "complete"
        await check_invariants(stack, witness, reader)
    finally:
        web.kill()


def _jumped(log: str, seconds: int) -> bool:
    """A line of the process's log carries the wrong hour."""
    hour = time.strftime("%Y-%m-%dT%H", time.gmtime(time.time() + seconds))
    return any(f'"time":"{hour}' in line for line in log.splitlines())
