"""Stop is a fact: at any moment, from anywhere, and the provider's connection is closed."""

from __future__ import annotations

import asyncio
import time
from typing import Final

import pytest

from tests.faults.crowds import OpenReader
from tests.faults.invariants import check_invariants
from tests.faults.models import ROUTES, route
from tests.faults.reader import Reader
from tests.faults.stack import Stack
from tests.witness import Record
from tests.witness.client import WitnessClient

# moment: (behaviour, pieces of text that come before)
MOMENTS: Final = {
    "before the headers": ("w-hang", 0),
    "before the first token": ("w-mute", 0),
    "while it is silent": ("w-tokens9-stall5", 1),
    "in mid-stream": ("w-forever-rate50", 2),
}
MODELS: Final = {(name, moment): route(name, MOMENTS[moment][0]) for name in ROUTES for moment in MOMENTS}
# The promise is one second; machines that run tests are busy.
CLOSED_S: Final = 5.0


async def stopped_after(
    witness: WitnessClient, reader: Reader, elsewhere: Reader, model: str, pieces: int
) -> tuple[float, str]:
    """Ask, wait for the moment, stop from `elsewhere`. Seconds until the provider saw us leave, and the run."""
    run = (await reader.ask(model))["runs"][0]["id"]
    prompt = reader.prompts[run]
    await asyncio.to_thread(witness.wait_for, bool, 40, marker=prompt)
    if pieces:
        await reader.heard_words(run, pieces)
    pressed = time.time()
    await elsewhere.stop(run)
    [record] = await asyncio.to_thread(witness.wait_for, _left, 20, marker=prompt)
    assert record.disconnected_at is not None
    return record.disconnected_at - pressed, run


def _left(records: list[Record]) -> bool:
    return bool(records) and all(record.disconnected for record in records)


@pytest.mark.parametrize("name", ROUTES)
@pytest.mark.parametrize("moment", MOMENTS)
async def test_stop_closes_the_providers_connection_and_keeps_what_was_said(
    moment: str, name: str, stack: Stack, witness: WitnessClient, open_reader: OpenReader
) -> None:
    reader = await open_reader()
    took, run = await stopped_after(witness, reader, reader, MODELS[name, moment], MOMENTS[moment][1])
    assert took < CLOSED_S
    heard = await reader.over(run)
    assert heard.status == "stopped"
    assert bool(heard.text) == bool(MOMENTS[moment][1])
    assert heard.end["finish_reason"] == "stopped"
    await check_invariants(stack, witness, reader)


async def test_another_tab_stops_it(stack: Stack, witness: WitnessClient, open_reader: OpenReader) -> None:
    reader = await open_reader(at=stack.addresses[0])
    elsewhere = await open_reader(reader.person, at=stack.addresses[-1])
    took, run = await stopped_after(witness, reader, elsewhere, MODELS["openai", "in mid-stream"], 2)
    assert took < CLOSED_S
    assert (await reader.over(run)).status == "stopped"
    await check_invariants(stack, witness, reader, elsewhere)


@pytest.mark.redis
async def test_stop_works_while_redis_is_gone(stack: Stack, witness: WitnessClient, open_reader: OpenReader) -> None:
    assert stack.redis
    reader = await open_reader()
    run = (await reader.ask(MODELS["openai", "in mid-stream"]))["runs"][0]["id"]
    await reader.heard_words(run, 2)
    stack.redis.kill()
    await reader.stop(run)
    assert (await reader.over(run)).status == "stopped"
    await asyncio.to_thread(witness.wait_for, _left, 20, marker=reader.prompts[run])
    await check_invariants(stack, witness, reader)


async def test_a_question_that_waits_for_another_answer_is_stopped_before_it_begins(
    stack: Stack, witness: WitnessClient, open_reader: OpenReader
) -> None:
    reader = await open_reader()
    first = await reader.ask(MODELS["openai", "in mid-stream"])
    second = await reader.ask(MODELS["openai", "in mid-stream"], chat=first["chat"])
    run = second["runs"][0]["id"]
    await reader.stop(run)
    assert (await reader.over(run)).status == "stopped"
    assert witness.requests(marker=reader.prompts[run]) == []
    await reader.stop(first["runs"][0]["id"])
    assert (await reader.over(first["runs"][0]["id"])).status == "stopped"
    await check_invariants(stack, witness, reader)
