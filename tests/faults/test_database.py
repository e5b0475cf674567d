"""PostgreSQL may restart, be unreachable or have no connection left."""

from __future__ import annotations

import asyncio

import pytest
from django.db import connection

from tests.faults.crowds import OpenReader, crowd_of, ends_of, readers_of
from tests.faults.invariants import ask_database, check_invariants, until
from tests.faults.models import openai
from tests.faults.services import Way
from tests.faults.stack import NAME, Stack
from tests.witness.client import WitnessClient

pytestmark = pytest.mark.postgresql
LONG = openai("w-stamps-tokens240-rate20")
SHORT = openai("w-tokens5")
AWAY_S = 8  # longer than a lease


async def test_a_restart_cuts_every_connection_and_no_word_is_lost(
    stack: Stack, witness: WitnessClient, open_reader: OpenReader
) -> None:
    crowd = await crowd_of(open_reader, 6, LONG)
    assert await ask_database(_terminate_all) > 0
    assert {end.status for end in await ends_of(crowd)} == {"complete"}
    late = await open_reader()
    assert (await late.over((await late.ask(SHORT))["runs"][0]["id"])).status == "complete"
    await check_invariants(stack, witness, late, *readers_of(crowd))


@pytest.mark.parametrize("way", [Way.SHUT, Way.HELD, Way.FULL])
async def test_answers_wait_for_the_database_and_lose_nothing(
    way: Way, stack: Stack, witness: WitnessClient, open_reader: OpenReader
) -> None:
    assert stack.gate
    crowd = await crowd_of(open_reader, 6, LONG)
    before = stack.gate.cuts + stack.gate.refused
    stack.gate.set(way)
    await asyncio.sleep(AWAY_S)
    stack.gate.set(Way.OPEN)
    assert way is Way.HELD or stack.gate.cuts + stack.gate.refused > before
    assert {end.status for end in await ends_of(crowd)} == {"complete"}
    late = await open_reader()
    assert (await late.over((await late.ask(SHORT))["runs"][0]["id"])).status == "complete"
    await check_invariants(stack, witness, late, *readers_of(crowd))


async def test_a_question_asked_while_the_database_is_away_is_refused_politely_and_taken_later(
    stack: Stack, witness: WitnessClient, open_reader: OpenReader
) -> None:
    assert stack.gate
    reader = await open_reader()
    stack.gate.set(Way.SHUT)
    asking = asyncio.create_task(reader.ask(SHORT))
    await until(lambda: reader.retried > 0)
    stack.gate.set(Way.OPEN)
    turn = await asking
    assert (await reader.over(turn["runs"][0]["id"])).status == "complete"
    await check_invariants(stack, witness, reader)


def _terminate_all() -> int:
    """End every connection of the processes, as a restart does."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity"
            " WHERE datname = current_database() AND application_name = %s",
            [NAME],
        )
        return int(cursor.fetchone()[0])
