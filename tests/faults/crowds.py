"""Many people at once, each reading an answer."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence

from chat.models import Run, Worker
from tests.faults.invariants import ask_database
from tests.faults.people import people
from tests.faults.reader import Heard, Reader
from tests.faults.stack import Process, Stack

OpenReader = Callable[..., Awaitable[Reader]]
Crowd = list[tuple[Reader, str]]  # everybody with the run they read


async def crowd_of(open_reader: OpenReader, number: int, model: str, *, words: int = 1) -> Crowd:
    """So many people, each reading an answer of which so many pieces were shown."""
    readers = await asyncio.gather(*(open_reader(person) for person in await people(number)))
    turns = await asyncio.gather(*(reader.ask(model) for reader in readers))
    crowd = [(reader, turn["runs"][0]["id"]) for reader, turn in zip(readers, turns, strict=True)]
    if words:
        await asyncio.gather(*(reader.heard_words(run, words) for reader, run in crowd))
    return crowd


async def ends_of(crowd: Crowd, timeout: float = 60) -> list[Heard]:
    return await asyncio.gather(*(reader.over(run, timeout) for reader, run in crowd))


def readers_of(crowd: Sequence[tuple[Reader, str]]) -> list[Reader]:
    return [reader for reader, _ in crowd]


async def worker_of(stack: Stack, run: str) -> Process:
    """The process that is writing this answer."""

    def find() -> Process:
        held = Run.objects.get(pk=run)
        assert held.worker_id, f"nobody writes {run}"
        return stack.holder(Worker.objects.get(pk=held.worker_id).name)

    return await ask_database(find)
