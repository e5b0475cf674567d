"""How soon a provider's connection is closed once nobody wants the answer: every route, at every moment."""

from __future__ import annotations

import asyncio
import os
import time
from contextlib import suppress
from functools import cache

import django

from benchmarks.prove import promise

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")


@cache
def slowest_ms() -> float:
    """Over all routes and moments of the closing tests, from our wish to the provider's own clock."""
    django.setup()
    return asyncio.run(_slowest()) * 1000


async def _slowest() -> float:
    from providers import calls, gateway
    from providers.specs import ModelSpec
    from tests.providers.conftest import ROUTES, provider_name, provider_on, request_for
    from tests.providers.test_closing import MOMENTS
    from tests.witness.client import process

    await asyncio.to_thread(gateway.load)
    slowest = 0.0
    with process() as witness:
        for number, route in enumerate(ROUTES):
            for other, (moment, batches) in enumerate(MOMENTS.values()):
                behaviour = f"{moment}-tag{100 + 10 * number + other}"
                spec = ModelSpec(f"{provider_name(route)}/{behaviour}", "W", api_base=witness.url + ROUTES[route])
                stream = provider_on(route).stream(request_for(spec))
                for _ in range(batches):
                    await anext(stream)
                wished = time.time()
                if not batches:
                    waiting: asyncio.Future[object] = asyncio.ensure_future(anext(stream))
                    await asyncio.to_thread(witness.wait_for, bool, 5.0, model=behaviour)
                    wished = time.time()
                    waiting.cancel()
                    with suppress(asyncio.CancelledError):
                        await waiting
                await stream.aclose()  # type: ignore[attr-defined]  # it is an async generator
                [record] = await asyncio.to_thread(
                    witness.wait_for, lambda found: bool(found) and found[-1].disconnected, 5.0, model=behaviour
                )
                assert record.disconnected_at is not None
                slowest = max(slowest, record.disconnected_at - wished)
        await calls.close()
    return slowest


@promise("provider_connection_closed_ms", 200)
def provider_connection_closed() -> float:
    return slowest_ms()
