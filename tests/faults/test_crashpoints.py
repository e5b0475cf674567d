"""A process that dies at each labelled place between a question and the end of its answer."""

from __future__ import annotations

import asyncio

import pytest

from chat.models import Message, Run
from chat.runs import crashpoints
from tests.faults.crowds import OpenReader
from tests.faults.invariants import ask_database, check_invariants, until
from tests.faults.models import openai
from tests.faults.stack import Stack
from tests.witness.client import WitnessClient

STREAMING = openai("w-stamps-tokens40-rate40")
CALLING = openai("w-tools-tokens20-rate20")
# Labels that only some models pass.
MODELS = {"tool called": CALLING}


@pytest.mark.parametrize("label", crashpoints.labels())
async def test_a_crash_loses_nothing_that_was_acknowledged_or_shown(
    label: str, stack: Stack, witness: WitnessClient, open_reader: OpenReader
) -> None:
    reader = await open_reader()
    for process in stack.processes:
        process.die_at(label)
    asking = asyncio.create_task(reader.ask(MODELS.get(label, STREAMING)))
    await until(lambda: not all(process.alive for process in stack.processes), 40)
    for process in stack.processes:
        process.spare()
    await asyncio.to_thread(stack.ensure)
    turn = await asking
    run = turn["runs"][0]["id"]
    heard = await reader.over(run)
    assert heard.status in ("complete", "interrupted")
    if heard.status == "interrupted":
        assert heard.text or any(event["type"] == "tool.call" for _, _, event in heard.events)
    assert await ask_database(Message.objects.filter(chat=turn["chat"]).count) == 2
    assert await ask_database(Run.objects.filter(turn=turn["ref"]).count) == 1
    await check_invariants(stack, witness, reader)
