"""Closing our iterator closes the provider's connection, in every shape and at every moment."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from contextlib import suppress

import pytest

from providers.specs import ModelSpec
from tests.providers.conftest import DIRECT, ROUTES, collect, provider_on, request_for
from tests.witness import Record
from tests.witness.client import WitnessClient

Spec = Callable[[str, str], ModelSpec]

pytestmark = pytest.mark.once
on_every_route = pytest.mark.parametrize("route", ROUTES)

# moment: (behaviour, batches that are taken before closing)
MOMENTS = {
    "before the headers": ("w-hang", 0),
    "before the first token": ("w-mute", 0),
    "while it is silent": ("w-tokens20-stall5", 1),
    "in mid-stream": ("w-forever-rate100", 3),
    "in a flood": ("w-forever", 1),
}


def behaviour_of(route: str, moment: str) -> str:
    """A name of its own for each test, so that the witness's records can be told apart."""
    number = sorted(ROUTES).index(route) * 10 + list(MOMENTS).index(moment) + 100
    return f"{MOMENTS[moment][0]}-tag{number}"


@on_every_route
@pytest.mark.parametrize("moment", MOMENTS)
async def test_closing_closes_the_connection_at_once(
    route: str, moment: str, spec_for: Spec, witness: WitnessClient
) -> None:
    behaviour, batches = behaviour_of(route, moment), MOMENTS[moment][1]
    stream = provider_on(route).stream(request_for(spec_for(route, behaviour)))
    for _ in range(batches):
        await anext(stream)
    if not batches:
        waiting: asyncio.Future[object] = asyncio.ensure_future(anext(stream))
        await asyncio.to_thread(witness.wait_for, bool, 5.0, model=behaviour)
        waiting.cancel()
        with suppress(asyncio.CancelledError):
            await waiting
    called = time.time()
    await stream.aclose()  # type: ignore[attr-defined]  # it is an async generator
    [record] = await asyncio.to_thread(witness.wait_for, _left, 5.0, model=behaviour)
    assert record.disconnected_at is not None
    # How soon depends on the machine's other work; `make prove` measures a stop through the engine (1 s). That it
    # was us who closed does not.
    assert record.disconnected_at >= called - 0.1
    assert not record.finished


def _left(records: list[Record]) -> bool:
    return bool(records) and all(record.disconnected for record in records)


@on_every_route
async def test_an_answer_is_over_when_the_provider_says_so(route: str, spec_for: Spec) -> None:
    start = time.monotonic()
    answer = await collect(provider_on(route).stream(request_for(spec_for(route, "w-tokens5-linger20000"))))
    assert answer.finish == "stop"
    assert time.monotonic() - start < 10  # the provider keeps the connection for 20 s


@on_every_route
async def test_usage_that_does_not_come_is_not_waited_for(route: str, spec_for: Spec) -> None:
    start = time.monotonic()
    answer = await collect(provider_on(route).stream(request_for(spec_for(route, "w-tokens5-nousage-linger20000"))))
    assert answer.finish == "stop"
    assert time.monotonic() - start < 10


@pytest.mark.parametrize("route", ["openai", *DIRECT])
async def test_a_reader_that_pauses_pauses_the_provider(route: str, spec_for: Spec, witness: WitnessClient) -> None:
    behaviour = f"w-forever-tag{sorted(ROUTES).index(route) + 90}"
    stream = provider_on(route).stream(request_for(spec_for(route, behaviour)))
    await anext(stream)
    # Buffers on the way fill first, for as long as a busy machine takes. Then nothing more is written.
    tokens, still = -1, False
    async with asyncio.timeout(30):
        while not still:
            await asyncio.sleep(0.5)
            [record] = await asyncio.to_thread(witness.requests, model=behaviour)
            tokens, still = record.tokens, record.tokens == tokens
    await stream.aclose()  # type: ignore[attr-defined]  # it is an async generator
    assert tokens > 0


@pytest.mark.timeout(100)  # one after the other they would take 200 s
async def test_two_hundred_answers_stream_at_once(spec_for: Spec) -> None:
    asked = [(route, request_for(spec_for(route, "w-tokens20-rate20"))) for route in (list(ROUTES) * 25)[:200]]
    answers = await asyncio.gather(*(collect(provider_on(route).stream(request)) for route, request in asked))
    assert all(answer.text.split()[-1:] == ["t0020"] and answer.finish == "stop" for answer in answers)
