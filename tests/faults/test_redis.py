"""Redis may go away in any manner: it is a doorbell, and the log is the truth."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from typing import Any

import pytest

from tests.faults.crowds import OpenReader, crowd_of, ends_of, readers_of
from tests.faults.invariants import check_invariants
from tests.faults.models import openai
from tests.faults.services import OwnRedis
from tests.faults.stack import Stack
from tests.witness.client import WitnessClient

pytestmark = pytest.mark.redis
LONG = openai("w-stamps-tokens160-rate20")
SHORT = openai("w-tokens5")
Fault = Callable[[OwnRedis], Coroutine[Any, Any, None]]


async def flushed(redis: OwnRedis) -> None:
    assert redis.flush() > 0


async def restarted(redis: OwnRedis) -> None:
    before = redis.pid
    await asyncio.to_thread(redis.restart)
    assert redis.pid != before


async def cut(redis: OwnRedis) -> None:
    assert redis.cut_connections() > 0


async def paused(redis: OwnRedis) -> None:
    redis.freeze()
    assert not await asyncio.to_thread(redis.answers)
    await asyncio.sleep(4)
    redis.thaw()


async def gone_for_a_while(redis: OwnRedis) -> None:
    redis.kill()
    await asyncio.sleep(4)
    assert not redis.answers()
    redis.start()


@pytest.mark.parametrize("fault", [flushed, restarted, cut, paused, gone_for_a_while])
async def test_no_word_is_lost_and_questions_are_taken(
    fault: Callable[[OwnRedis], Coroutine[Any, Any, None]],
    stack: Stack,
    witness: WitnessClient,
    open_reader: OpenReader,
) -> None:
    assert stack.redis
    crowd = await crowd_of(open_reader, 6, LONG)
    late = await open_reader()
    breaking = asyncio.create_task(fault(stack.redis))
    await asyncio.sleep(0.5)
    asked = (await late.ask(SHORT))["runs"][0]["id"]
    assert (await late.over(asked)).status == "complete"
    assert late.retried == 0
    assert {end.status for end in await ends_of(crowd)} == {"complete"}
    await breaking
    await check_invariants(stack, witness, late, *readers_of(crowd))


async def test_everything_goes_on_without_redis(stack: Stack, witness: WitnessClient, open_reader: OpenReader) -> None:
    assert stack.redis
    stack.redis.kill()
    crowd = await crowd_of(open_reader, 4, LONG)
    assert {end.status for end in await ends_of(crowd)} == {"complete"}
    assert not stack.redis.answers()
    await check_invariants(stack, witness, *readers_of(crowd))
