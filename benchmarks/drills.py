"""One drill: `python -m benchmarks.drills <name> <folder>`, on the migrated database of DATABASE_URL. Prints JSON."""

from __future__ import annotations

import asyncio
import json
import os
import random
import statistics
import sys
import time
from collections.abc import Awaitable, Callable
from contextlib import AsyncExitStack
from itertools import pairwise
from pathlib import Path
from uuid import UUID

import django

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")
django.setup()

from django.conf import settings  # noqa: E402  (needs the apps)

from billing.models import Hold, Plan  # noqa: E402
from chat.models import Run  # noqa: E402
from providers.events import clean  # noqa: E402
from tests.faults.crowds import Crowd, crowd_of, ends_of, readers_of, worker_of  # noqa: E402
from tests.faults.invariants import ask_database, calls_by_question, check_invariants, settled, until  # noqa: E402
from tests.faults.models import openai  # noqa: E402
from tests.faults.people import people  # noqa: E402
from tests.faults.reader import Person, Reader, Refused  # noqa: E402
from tests.faults.stack import Process, Stack  # noqa: E402
from tests.faults.stalling import stalled as stalled_readers  # noqa: E402
from tests.faults.test_stopping import MODELS, MOMENTS, stopped_after  # noqa: E402
from tests.witness.client import WitnessClient, process  # noqa: E402

Measured = dict[str, float]

LONG = openai("w-stamps-tokens900-rate20")
MIDDLE = openai("w-stamps-tokens400-rate20")
SHORT = openai("w-stamps-tokens120-rate20")
TOO_LONG = openai("w-stamps-tokens2400-rate20")
BRIEF = openai("w-stamps-tokens40-rate20")
TINY = openai("w-tokens5")
HUGE = openai("w-tokens130000-burst200-rate10000")


class Site:
    """A stack, its witness, and pages that are closed at the end."""

    def __init__(self, stack: Stack, witness: WitnessClient, exits: AsyncExitStack) -> None:
        self.stack, self.witness, self._exits = stack, witness, exits

    async def open(self, person: Person | None = None, *, resume: bool = True, at: str | None = None) -> Reader:
        who = person or (await people(1))[0]
        addresses = [at] if at else self.stack.addresses
        return await self._exits.enter_async_context(Reader(addresses, who, resume=resume))

    async def check(self, *readers: Reader, patience: float = 10.0) -> None:
        await check_invariants(self.stack, self.witness, *readers, patience=patience)

    async def changed(self, crowd: Crowd) -> int:
        """How many readers have another text than the provider's whole answer."""
        called = await asyncio.to_thread(calls_by_question, self.witness)
        wrong = 0
        for reader, run in crowd:
            told = [clean(record.text) for record in called[reader.prompts[run][:14]]]
            wrong += reader.heard[run].text not in told or reader.heard[run].status != "complete"
        return wrong


async def cuts(site: Site) -> Measured:
    """1,000 forced disconnects at random points over 50 parallel streams; one more reader does not resume."""
    crowd = await crowd_of(site.open, 50, LONG)
    control = await site.open(resume=False)
    theirs = (await control.ask(LONG))["runs"][0]["id"]
    await control.heard_words(theirs)
    forced = 0
    while forced < 1000:
        live = [reader for reader, run in crowd if not reader.heard[run].over.is_set() and reader.is_connected]
        if not live:
            await asyncio.sleep(0.01)
            if all(reader.heard[run].over.is_set() for reader, run in crowd):
                break
            continue
        random.choice(live).cut()
        forced += 1
        if forced % 50 == 0:
            control.cut()
        await asyncio.sleep(0.02)
    await ends_of(crowd, 120)
    # It may have been away when the end came, and never hears of it.
    await until(lambda: not Run.objects.get(pk=theirs).is_active, 120)
    await asyncio.sleep(1)
    await site.check(*readers_of(crowd))
    [record] = site.witness.requests(marker=control.prompts[theirs])
    lost = len(record.text.split()) - len(control.heard[theirs].text.split())
    return {"changed": await site.changed(crowd), "cuts": forced, "control_lost": lost}


async def web_killed(site: Site) -> Measured:
    crowd = await crowd_of(site.open, 50, MIDDLE)
    victim = site.stack.webs[0]
    there = [(reader, run) for reader, run in crowd if reader.address.endswith(f":{victim.port}")]
    assert there
    victim.kill()
    ends = await ends_of(crowd, 120)
    await site.check(*readers_of(crowd))
    return {"changed": await site.changed(crowd), "gap_s": max(heard.longest_silence for heard in ends)}


async def worker_killed(site: Site) -> Measured:
    """50 times; each time some answers have shown something and some have not."""
    slowest = 0.0
    everybody: Crowd = []
    readers = [await site.open() for _ in range(6)]
    twice = missing = 0
    for _ in range(50):
        turns = [await reader.ask(MIDDLE) for reader in readers]
        crowd = [(reader, turn["runs"][0]["id"]) for reader, turn in zip(readers, turns, strict=True)]
        await asyncio.gather(*(reader.heard_words(run) for reader, run in crowd[:4]))
        victim = await worker_of(site.stack, crowd[0][1])
        victim.kill()
        killed = time.monotonic()
        shown = {run: reader.heard[run].text for reader, run in crowd}
        victim.start()
        await ask_database(settled, {run for _, run in crowd}, 30.0)
        slowest = max(slowest, time.monotonic() - killed)
        for reader, run in crowd:
            await reader.stop(run)
        for heard in await ends_of(crowd):
            missing += not heard.text.startswith(shown[heard.run])
            missing += heard.status not in ("interrupted", "stopped", "complete")
        await asyncio.to_thread(victim.wait_ready)
        everybody += crowd
    # Fails by itself when something was asked again after it had shown something; counted for the figure.
    await site.check(*dict.fromkeys(readers_of(everybody)))
    for reader, run in everybody:
        kinds = [event["type"] for _, _, event in reader.heard[run].events]
        if "text.delta" in kinds:
            twice += "run.started" in kinds[kinds.index("text.delta") :]
    still_held = await ask_database(Hold.objects.filter(run__in=[UUID(run) for _, run in everybody]).count)
    return {"settled_s": slowest, "missing": missing, "asked_twice": twice, "still_held": still_held}


async def rolling(site: Site) -> Measured:
    """100 people ask again and again; five of them get answers that no drain can wait for."""
    crowd: Crowd = []
    failed = 0
    done = asyncio.Event()

    async def keep_asking(reader: Reader, model: str) -> None:
        nonlocal failed
        while not done.is_set():
            try:
                run = (await reader.ask(model, patience=60))["runs"][0]["id"]
            except (Refused, TimeoutError):
                failed += 1
                continue
            crowd.append((reader, run))
            await reader.over(run, 180)

    readers = [await site.open(person) for person in await people(100)]
    asking = [
        asyncio.create_task(keep_asking(reader, TOO_LONG if number < 5 else SHORT))
        for number, reader in enumerate(readers)
    ]
    await asyncio.sleep(5)
    drain = 0.0
    for _ in range(5):
        for one in site.stack.processes:
            drain = max(drain, await _restarted(one))
    done.set()
    for reader in readers[:5]:
        for run in [run for who, run in crowd if who is reader and not reader.heard[run].over.is_set()]:
            await reader.stop(run)
    await asyncio.gather(*asking)
    await site.check(*readers)
    by_model = await ask_database(lambda: dict(Run.objects.values_list("pk", "model")))
    short = [(reader, run) for reader, run in crowd if by_model[UUID(run)] == SHORT]
    cut_though_short = sum(reader.heard[run].status != "complete" for reader, run in short)
    whole = [(reader, run) for reader, run in short if reader.heard[run].status == "complete"]
    interrupted = [(reader, run) for reader, run in crowd if reader.heard[run].status == "interrupted"]
    not_continued = 0
    for reader, run in interrupted:
        if not reader.heard[run].text:
            not_continued += 1
            continue
        again = (await reader.go_on(run))["runs"][0]["id"]
        await reader.heard_words(again)
        await reader.stop(again)
        not_continued += (await reader.over(again)).status != "stopped"
    assert interrupted, "no answer was too long for the drain"
    return {
        "failed_sends": failed,
        "changed": await site.changed(whole),
        "cut_though_short": cut_though_short,
        "not_continued": not_continued,
        "drain_s": drain,
        "answers": len(crowd),
        "interrupted": len(interrupted),
    }


async def _restarted(one: Process) -> float:
    """Restart as an operator does; seconds until it was gone."""
    begun = time.monotonic()
    one.terminate()
    code = await asyncio.to_thread(one.exit_code, 60)
    took = time.monotonic() - begun
    assert code == 0, f"{one.name} left with {code}"
    one.start()
    await asyncio.to_thread(one.wait_ready)
    return took


async def stops(site: Site) -> Measured:
    slowest = 0.0
    for (_, moment), model in MODELS.items():
        reader = await site.open()
        took, run = await stopped_after(site.witness, reader, reader, model, MOMENTS[moment][1])
        slowest = max(slowest, took)
        assert (await reader.over(run)).status == "stopped"
        await site.check(reader)
    return {"closed_s": slowest}


async def stalled(site: Site) -> Measured:
    """200 of them follow 1 MB at one web process, which 50 healthy streams share."""
    at, web = site.stack.addresses[0], site.stack.webs[0]
    before = await asyncio.to_thread(web.memory_at_rest)
    loud = [await site.open(person, at=at) for person in await people(4)]  # one person has at most 100 sockets
    huge = [(reader, (await reader.ask(HUGE))["runs"][0]["id"]) for reader in loud]
    healthy = await asyncio.gather(*(site.open(person, at=at) for person in await people(50)))
    async with stalled_readers(at, huge, 200):
        crowd = [(reader, (await reader.ask(MIDDLE))["runs"][0]["id"]) for reader in healthy]
        ends = await ends_of(crowd, 120)
        await ends_of(huge, 120)
        grown = web.memory - before
    gaps = [b - a for heard in ends for a, b in pairwise(moment for moment, _, _ in heard.events)]
    await site.check(*loud, *healthy)
    return {"memory_mb": grown / 2**20, "p99_ms": statistics.quantiles(gaps, n=100)[-1] * 1000}


async def limits(site: Site) -> Measured:
    """200 sends of one person at once, by way of every web process, when ten answers are left of the day."""
    await ask_database(lambda: Plan.objects.update(answers_a_day=10))
    await asyncio.sleep(1.5)  # processes read the plans once a second
    [person] = await people(1)
    readers = [await site.open(person, at=address) for address in site.stack.addresses for _ in range(4)]
    asking = (readers[number % len(readers)].ask(SHORT, follow=False) for number in range(200))
    results = await asyncio.gather(*asking, return_exceptions=True)
    refused = [result.frame["code"] for result in results if isinstance(result, Refused)]
    assert set(refused) == {"quota_exceeded:chat"}
    return {"admitted": len(results) - len(refused)}


async def new_chats(site: Site) -> Measured:
    readers = await asyncio.gather(*(site.open(person) for person in await people(200)))
    results = await asyncio.gather(*(reader.ask(TINY) for reader in readers), return_exceptions=True)
    refused = sum(isinstance(result, BaseException) for result in results) + sum(reader.retried for reader in readers)
    crowd = [(reader, run) for reader in readers for run in reader.heard]
    ends = await ends_of(crowd, 60)
    refused += sum(heard.status != "complete" for heard in ends)
    await site.check(*readers)
    return {"refused": refused}


async def comparing(site: Site) -> Measured:
    """200 people ask one model, then 50 ask four at once: as many answers a second, well below what saturates."""

    async def waited(reader: Reader, moment: float, lanes: int) -> list[float]:
        await asyncio.sleep(moment)
        asked = time.monotonic()
        turn = await reader.ask(*[BRIEF] * lanes)
        ends = await asyncio.gather(*(reader.over(run["id"], 60) for run in turn["runs"]))
        return [next(at for at, _, event in heard.events if event["type"] == "text.delta") - asked for heard in ends]

    async def crowd(number: int, lanes: int, per_second: float) -> list[list[float]]:
        readers = await asyncio.gather(*(site.open(person) for person in await people(number)))
        found = await asyncio.gather(*(waited(r, at / per_second, lanes) for at, r in enumerate(readers)))
        await site.check(*readers)
        return found

    single = [first for [first] in await crowd(200, 1, 8)]
    lanes = list(zip(*await crowd(50, 4, 2), strict=True))
    slowest = max(statistics.median(lane) for lane in lanes)
    p95 = max(statistics.quantiles(lane, n=20)[-1] for lane in lanes) / statistics.quantiles(single, n=20)[-1]
    return {"of_single": slowest / statistics.median(single), "of_single_p95": p95}


DRILLS: dict[str, Callable[[Site], Awaitable[Measured]]] = {
    drill.__name__: drill
    for drill in (cuts, web_killed, worker_killed, rolling, stops, stalled, limits, new_chats, comparing)
}


async def main(name: str, folder: Path) -> Measured:
    await ask_database(lambda: Plan.objects.update(answers_a_day=1_000_000, parallel_runs=10_000))
    async with AsyncExitStack() as exits:
        witness = exits.enter_context(process())
        url = settings.DATABASE_URL
        stack = exits.enter_context(Stack(url, folder, witness.url, gated=False))
        warm = await exits.enter_async_context(Reader(stack.addresses, (await people(1))[0]))
        for _ in range(2 * len(stack.workers)):  # whatever is imported late is imported now
            await warm.over((await warm.ask(TINY))["runs"][0]["id"], 60)
        return await DRILLS[name](Site(stack, witness, exits))


if __name__ == "__main__":
    print(json.dumps(asyncio.run(main(sys.argv[1], Path(sys.argv[2])))))
