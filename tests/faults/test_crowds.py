"""Many at once, and some of them rude."""

from __future__ import annotations

import asyncio
from uuid import uuid4

import pytest
from django.conf import settings
from django.db.models import F
from websockets.asyncio.client import ClientConnection
from websockets.exceptions import ConnectionClosed

from accounts.models import User
from billing.models import Plan, Window
from chat.models import Message, Run
from tests.faults.crowds import OpenReader, crowd_of, ends_of, readers_of
from tests.faults.invariants import ask_database, check_invariants, until
from tests.faults.models import openai
from tests.faults.reader import Refused
from tests.faults.stack import Stack
from tests.faults.stalling import stalled
from tests.witness.client import WitnessClient

MIB = 1024 * 1024
MEMORY = 64 * MIB
# Six times the credit of one connection.
HUGE = openai("w-tokens130000-burst200-rate30000")
STEADY = openai("w-stamps-tokens120-rate20")
SHORT = openai("w-tokens5")
NEVER_ENDS = openai("w-tokens900000-burst400")


async def test_readers_that_stop_reading_cost_little_and_hold_up_nobody(
    stack: Stack, witness: WitnessClient, open_reader: OpenReader
) -> None:
    web, at = stack.webs[0], stack.addresses[0]
    before = await asyncio.to_thread(web.memory_at_rest)
    loud = await open_reader(at=at)
    run = (await loud.ask(HUGE, follow=False))["runs"][0]["id"]
    healthy = await crowd_of(open_reader, 5, STEADY)
    async with stalled(at, [(loud, run)], 80):
        heard = await loud.follow(run)
        assert (await loud.over(run, 90)).status == "complete"
        assert len(heard.text) > 5 * 128 * 1024
        assert {end.status for end in await ends_of(healthy)} == {"complete"}
        assert web.memory - before < MEMORY
    await check_invariants(stack, witness, loud, *readers_of(healthy))


async def test_many_new_chats_at_once_are_all_taken(
    stack: Stack, witness: WitnessClient, open_reader: OpenReader
) -> None:
    crowd = await crowd_of(open_reader, 60, SHORT, words=0)
    assert {end.status for end in await ends_of(crowd)} == {"complete"}
    assert not any(reader.retried for reader in readers_of(crowd))
    await check_invariants(stack, witness, *readers_of(crowd))


async def test_the_same_message_sent_twice_at_once_is_one_question(
    stack: Stack, witness: WitnessClient, open_reader: OpenReader
) -> None:
    one = await open_reader(at=stack.addresses[0])
    two = await open_reader(one.person, at=stack.addresses[-1])
    message, text = str(uuid4()), f"q-{uuid4().hex[:12]}"
    turns = await asyncio.gather(*(r.ask(SHORT, id=message, text=text) for r in (one, two) for _ in range(3)))
    assert len({turn["runs"][0]["id"] for turn in turns}) == 1
    assert await ask_database(Message.objects.filter(pk=message).count) == 1
    assert await ask_database(Run.objects.filter(turn=message).count) == 1
    run = turns[0]["runs"][0]["id"]
    assert (await one.over(run)).status == (await two.over(run)).status == "complete"
    assert len(witness.requests(marker=text)) == 1


async def test_a_second_device_and_a_reload_see_the_same_answer(
    stack: Stack, witness: WitnessClient, open_reader: OpenReader
) -> None:
    tab = await open_reader(at=stack.addresses[0])
    run = (await tab.ask(STEADY))["runs"][0]["id"]
    await tab.heard_words(run, 3)
    device = await open_reader(tab.person, at=stack.addresses[-1])
    device.prompts[run] = tab.prompts[run]
    await device.follow(run)
    for _ in range(4):  # a reload: the socket goes, another one asks for what it lacks
        tab.cut()
        await asyncio.sleep(0.7)
    assert (await tab.over(run)).text == (await device.over(run)).text
    assert tab.connections > 3
    await check_invariants(stack, witness, tab, device)


async def test_cutting_sockets_at_random_loses_nothing_and_without_resuming_it_would(
    stack: Stack, witness: WitnessClient, open_reader: OpenReader
) -> None:
    crowd = await crowd_of(open_reader, 8, STEADY)
    control = await open_reader(resume=False)
    theirs = (await control.ask(STEADY))["runs"][0]["id"]
    await control.heard_words(theirs)
    for round_ in range(6):
        for number, reader in enumerate([control, *readers_of(crowd)]):
            if (number + round_) % 2 or reader is control:
                reader.cut()
        await asyncio.sleep(0.5)
    assert {end.status for end in await ends_of(crowd)} == {"complete"}
    assert sum(reader.connections - 1 for reader in readers_of(crowd)) >= 20
    await check_invariants(stack, witness, *readers_of(crowd))
    # It may have been away when the end came, and never hears of it.
    await until(lambda: not Run.objects.get(pk=theirs).is_active)
    whole = await ask_database(lambda: Run.objects.select_related("message").get(pk=theirs))
    assert whole.message
    assert len(control.heard[theirs].text) < len(whole.message.text)


async def test_an_answer_that_never_ends_is_cut_at_a_length_and_kept(
    stack: Stack, witness: WitnessClient, open_reader: OpenReader
) -> None:
    reader = await open_reader()
    heard = await reader.over((await reader.ask(NEVER_ENDS))["runs"][0]["id"], 60)
    assert heard.status == "complete"
    assert heard.end["finish_reason"] == "length"
    assert 4 * MIB <= len(heard.text) < 5 * MIB
    (record,) = witness.requests(marker=heard.prompt)
    assert record.disconnected


async def test_a_day_that_runs_out_in_mid_stream_cuts_no_answer_and_refuses_the_next(
    stack: Stack, witness: WitnessClient, open_reader: OpenReader
) -> None:
    reader = await open_reader()
    run = (await reader.ask(STEADY))["runs"][0]["id"]
    await reader.heard_words(run)
    await ask_database(_use_up, reader.person.id)
    with pytest.raises(Refused) as refusal:
        await reader.ask(SHORT)
    assert refusal.value.frame["code"] == "quota_exceeded:chat"
    assert (await reader.over(run)).status == "complete"
    await ask_database(_use_up, reader.person.id, False)
    await check_invariants(stack, witness, reader)


async def _ask_again(socket: ClientConnection, run: str) -> None:
    for _ in range(2000):
        await socket.send(f'{{"type":"run.follow","run":"{run}","after":0}}')
        await asyncio.sleep(0.012)  # no faster than a page may


def _use_up(person: str, all_of_it: bool = True) -> None:
    """As many other answers as the day has left, or none of them."""
    limit = Plan.objects.get(name="member").answers_a_day
    window = Window.objects.filter(account=User.objects.get(pk=person).account, kind=Window.Kind.MESSAGES_DAY)
    change = limit - 1 if all_of_it else 1 - limit
    assert window.update(used=F("used") + change) == 1


@pytest.mark.skipif(settings.SERVER != "daphne", reason="uvicorn waits for its readers by itself")
async def test_a_reader_that_asks_for_everything_again_and_never_reads_is_cut_off(
    stack: Stack, witness: WitnessClient, open_reader: OpenReader
) -> None:
    web, at = stack.webs[0], stack.addresses[0]
    loud = await open_reader(at=at)
    run = (await loud.ask(HUGE))["runs"][0]["id"]
    assert (await loud.over(run, 90)).status == "complete"
    before = await asyncio.to_thread(web.memory_at_rest)
    async with stalled(at, [(loud, run)], 1) as (greedy,):
        with pytest.raises(ConnectionClosed):
            await _ask_again(greedy, run)
    assert web.memory - before < MEMORY
    await check_invariants(stack, witness, loud)
