"""Whatever happens to the messages between worker and page, a follower hears everything once and in order."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from contextlib import aclosing
from typing import Any
from uuid import UUID

import orjson
import pytest
from hypothesis import given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from accounts.models import User
from chat.models import Run, RunEvent
from chat.runs import log
from chat.runs.engine import Engine, engine
from chat.runs.follow import follow
from chat.runs.hub import Batch, Hub
from tests.cast import make_chat
from tests.chat.tab import Tab, numbers, text_of

RUN = UUID(int=7)
END = '{"type":"run.finished","status":"complete"}'


class Row:
    """As much of a run as the hub looks at."""

    def __init__(self, *, is_active: bool) -> None:
        self.is_active = is_active


class Stored:
    """A log in memory, read through the functions that read the real one."""

    def __init__(self) -> None:
        self.bodies: list[str] = []

    def store(self, bodies: list[str]) -> Batch:
        self.bodies += bodies
        return Batch(RUN, len(self.bodies) - len(bodies) + 1, bodies)

    async def read(self, function: Callable[..., Any], *args: Any) -> Any:
        await asyncio.sleep(0)
        if function is log.read:
            _, after = args
            rows = list(enumerate(self.bodies, 1))[after : after + 3]  # short pages, so that there are several
            return rows, len(rows) < 3
        if function is log.states:
            return {RUN: (Row(is_active=END not in self.bodies), len(self.bodies))}
        return []


async def heard_by(hub: Hub, patience: int, cuts: list[int]) -> list[str]:
    """A page that is cut after so many events each time, and comes back with the number of the last one."""
    heard: list[str] = []
    while True:
        limit = cuts.pop(0) if cuts else patience
        before = len(heard)
        async with aclosing(follow(hub, RUN, len(heard))) as batches:
            async for batch in batches:
                assert batch.first == len(heard) + 1
                heard += batch.bodies
                if batch.finished:
                    return heard
                if len(heard) - before >= limit:
                    break


# What happens to each batch on its way: how often it arrives, and how many batches later.
ways = st.lists(st.tuples(st.integers(0, 3), st.integers(0, 5)), max_size=3)
scripts = st.lists(st.tuples(st.integers(1, 5), ways), min_size=1, max_size=12)


@given(script=scripts, cuts=st.lists(st.integers(1, 6), max_size=6))
@hypothesis_settings(max_examples=150)
def test_lost_late_and_doubled_messages_change_nothing(
    script: list[tuple[int, list[tuple[int, int]]]], cuts: list[int]
) -> None:
    async def play() -> None:
        stored = Stored()
        hub = Hub(stored, pulse_s=3600)  # type: ignore[arg-type]  # reads are all it does
        followers = [asyncio.create_task(heard_by(hub, 10**6, list(some))) for some in (cuts, [], cuts[::-1])]
        late: list[tuple[int, Batch]] = []
        for turn, (size, fates) in enumerate([*script, (1, [(1, 0)])]):
            last = turn == len(script)
            batch = stored.store(
                [END] if last else [f'{{"type":"text.delta","text":"{turn}.{i}"}}' for i in range(size)]
            )
            late += [(turn + delay, batch) for times, delay in fates for _ in range(times)]
            hub.publish([batch for due, batch in late if due <= turn])
            late = [(due, batch) for due, batch in late if due > turn]
            await asyncio.sleep(0)
        for _ in range(20):
            await hub._pulse()
            await asyncio.sleep(0)
        async with asyncio.timeout(5):
            for follower in followers:
                assert await follower == stored.bodies

    asyncio.run(play())


def test_whoever_begins_to_follow_while_the_hub_looks_is_not_sent_away() -> None:
    async def play() -> None:
        stored = Stored()
        stored.store(['{"type":"text.delta","text":"a"}'])
        other = UUID(int=8)
        asked = asyncio.Event()

        class Slow(Stored):
            async def read(self, function: Callable[..., Any], *args: Any) -> Any:
                if function is log.states:
                    known = list(args[0])
                    asked.set()
                    await asyncio.sleep(0.05)
                    return {run: (Row(is_active=True), 1) for run in known}
                return await stored.read(function, *args)

        hub = Hub(Slow(), pulse_s=3600)  # type: ignore[arg-type]
        with hub.following(other, None):
            looking = asyncio.create_task(hub._pulse())
            await asyncio.wait_for(asked.wait(), 5)
            with hub.following(RUN, None) as feed:
                await looking
                assert feed.failure is None

    asyncio.run(play())


@pytest.mark.django_db(transaction=True)
async def test_a_page_that_is_cut_after_any_event_gets_exactly_the_rest(ada: User, running_engine: Engine) -> None:
    bodies = [f'{{"type":"text.delta","text":"{n} "}}' for n in range(1, 300)] + [END]

    def make() -> UUID:
        chat = make_chat(owner=ada, models=["demo"])
        assert chat.head
        run = chat.head.runs.get()
        RunEvent.objects.bulk_create([RunEvent(run=run, seq=n, body=body) for n, body in enumerate(bodies, 1)])
        Run.objects.filter(pk=run.pk).update(last_seq=len(bodies))
        return run.pk

    run_id = await engine.database.write(make)
    for after in range(len(bodies)):
        heard: list[str] = []
        async with aclosing(follow(engine.hub, run_id, after)) as batches:
            async for batch in batches:
                assert batch.first == after + len(heard) + 1
                heard += batch.bodies
        assert heard == bodies[after:]


@pytest.mark.django_db(transaction=True)
async def test_a_page_that_has_everything_is_not_kept_waiting(ada: User, open_tab: Callable[[User], Any]) -> None:
    tab: Tab = await open_tab(ada)
    turn = await tab.ask("Hi.")
    run = turn["runs"][0]["id"]
    events = await tab.follow(run)
    async with asyncio.timeout(5):
        async with aclosing(follow(engine.hub, UUID(run), len(events))) as batches:
            assert [batch async for batch in batches] == []


@pytest.mark.django_db(transaction=True)
async def test_a_live_answer_survives_a_doorbell_that_drops_doubles_and_delays(
    ada: User, open_tab: Callable[[User], Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    tab: Tab = await open_tab(ada)
    publish, loop, count = engine.hub.publish, asyncio.get_running_loop(), 0

    def chaotic(batches: Any) -> None:
        nonlocal count
        for batch in list(batches):
            count += 1
            match count % 4:
                case 0:
                    publish([batch, batch])
                case 1:
                    loop.call_later(0.12, publish, [batch])
                case 2:
                    publish([batch])

    monkeypatch.setattr(engine.hub, "publish", chaotic)
    turn = await tab.ask("Long.", "demo/long@100")
    run = turn["runs"][0]["id"]
    head = await tab.follow(run, until=4)
    again: Tab = await open_tab(ada)  # the first may still hear what it had asked for
    events = head[:4] + await again.follow(run, after=4)
    assert numbers(events) == list(range(1, len(events) + 1))
    rows = [body async for body in RunEvent.objects.filter(run=run).order_by("seq").values_list("body", flat=True)]
    assert [e["event"] for e in events] == [orjson.loads(body) for body in rows]
    assert count > 4
    assert text_of(events)
