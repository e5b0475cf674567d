"""Blind comparisons: before the vote nobody can tell who gave which answer, afterwards everybody can."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Awaitable, Callable
from datetime import timedelta
from typing import Any
from uuid import UUID

import orjson
import pytest
from asgiref.sync import sync_to_async
from django.test import Client
from django.utils import timezone

from accounts.actors import Actor
from accounts.models import User
from api.socket_schema import SERVER
from artifacts.models import Document
from chat import turns, votes
from chat.models import Chat, Message, Run, RunEvent, Worker
from chat.runs import log
from config.errors import Conflict
from config.ids import uuid7
from tests import cast
from tests.chat.tab import Json, Tab, numbers

OpenTab = Callable[[User], Awaitable[Tab]]
BLIND = {"blind": True}
# `count` says `w0001 w0002 …`, never its own name.
QUICK, SLOW, CUT = "demo/count@20", "demo/count@40", "demo/cut@12"
TELLING = re.compile(r"demo|count|cut@|provider|\d_ms|tokens|cost", re.IGNORECASE)


async def listen(tab: Tab, turn: Json) -> dict[str, list[Json]]:
    """Everything that each run of a turn says, followed at once as a page does."""
    heard: dict[str, list[Json]] = {run["id"]: [] for run in turn["runs"]}
    for run in heard:
        await tab.say("run.follow", run=run, after=0)
    while any(not events or events[-1]["event"]["type"] != "run.finished" for events in heard.values()):
        frame = await tab.hear("event", timeout=20)
        heard[frame["run"]].append(frame)
    return heard


def secrets_in(frame: Json) -> list[str]:
    """What a frame tells that would give a lane away: names, numbers, times."""
    told = [match for match in TELLING.findall(orjson.dumps(frame).decode()) if match not in ("tokens", "cost")]
    event = frame.get("event", {})
    numbers = [event.get(name) for name in ("cost", "ttft_ms", "duration_ms")] + list(event.get("tokens", {}).values())
    return [one for one in told if one != "n_ms" and one != "t_ms"] + [str(n) for n in numbers if n is not None]


# --- While it is written -----------------------------------------------------------------------------


@pytest.mark.django_db(transaction=True)
async def test_no_frame_tells_who_answers(ada: User, open_tab: OpenTab) -> None:
    tab, other = await open_tab(ada), await open_tab(ada)
    turn = await tab.ask("Which is it?", QUICK, CUT, SLOW, options=BLIND)
    await listen(tab, turn)
    await other.hear("notice")
    for frame in [*tab.seen, *other.seen]:
        if frame["type"] != "hello":
            assert secrets_in(frame) == [], frame
        SERVER.validate_python(frame)


@pytest.mark.django_db(transaction=True)
async def test_each_answer_comes_as_a_whole_and_its_end_says_no_more_than_that(ada: User, open_tab: OpenTab) -> None:
    tab = await open_tab(ada)
    heard = await listen(tab, await tab.ask("Which is it?", QUICK, CUT, options=BLIND))
    for events in heard.values():
        assert numbers(events) == [1, 2]
        assert events[0]["event"]["parts"][0]["text"]
        assert events[1]["event"]["status"] == "complete"


@pytest.mark.django_db(transaction=True)
async def test_nobody_is_heard_before_everybody_has_ended(ada: User, open_tab: OpenTab) -> None:
    tab, other = await open_tab(ada), await open_tab(ada)
    turn = await tab.ask("Which is it?", QUICK, "demo/silent", options=BLIND)
    for run in turn["runs"]:
        await tab.say("run.follow", run=run["id"], after=0)
    for _ in range(100):
        if await Run.objects.filter(status="complete").aexists():
            break
        await asyncio.sleep(0.1)
    await asyncio.sleep(1.3)  # longer than the hub's look at the database
    await tab.say("ping")
    await tab.hear("pong")
    assert [frame for frame in tab.seen if frame["type"] == "event"] == []
    assert [frame for frame in [*tab.seen, *other.seen] if frame.get("kind") == "run.state"] == []
    for run in turn["runs"]:
        await tab.say("run.stop", run=run["id"])
    ended = [await tab.hear("event") for _ in range(4)]
    assert {frame["event"]["type"] for frame in ended} == {"run.snapshot", "run.finished"}
    assert {await other.hear("notice") and other.seen[-1].get("kind") for _ in range(3)} >= {"run.state"}


@pytest.mark.django_db(transaction=True)
async def test_stopped_and_failed_lanes_end_with_the_others(ada: User, open_tab: OpenTab) -> None:
    tab = await open_tab(ada)
    turn = await tab.ask("Which is it?", "demo/fail@5", "demo/fail@0", QUICK, options={**BLIND, "fallback": False})
    ends = [events[-1]["event"] for events in (await listen(tab, turn)).values()]
    assert sorted(end["status"] for end in ends) == ["complete", "failed", "failed"]
    errors = [end["error"] for end in ends if end["error"]]
    assert all(error["code"].startswith("provider_") and error["message"] == "" for error in errors)


@pytest.mark.django_db(transaction=True)
async def test_what_was_thought_is_not_told(ada: User, open_tab: OpenTab) -> None:
    tab = await open_tab(ada)
    heard = await listen(tab, await tab.ask("Think.", "demo/reason@20", QUICK, options=BLIND))
    kinds = {part["type"] for events in heard.values() for part in events[0]["event"]["parts"]}
    assert kinds == {"text"}


@pytest.mark.django_db(transaction=True)
async def test_a_blind_lane_writes_no_document_that_would_tell_when_and_by_whom(ada: User, open_tab: OpenTab) -> None:
    tab = await open_tab(ada)
    text = "Write a short essay about rivers"
    await listen(tab, await tab.ask(text, "demo", QUICK, options=BLIND))
    assert not await Document.objects.aexists()
    assert [frame for frame in tab.seen if frame.get("kind") == "document.changed"] == []
    await listen(tab, await tab.ask(text, "demo"))
    assert await Document.objects.aexists()


@pytest.mark.django_db(transaction=True)
async def test_the_same_id_twice_is_one_turn_in_one_order(ada: User, open_tab: OpenTab) -> None:
    first, second = await open_tab(ada), await open_tab(ada)
    message = uuid7()
    models = ["demo/count@5"] * 2 + [QUICK, SLOW, CUT, "demo/count@7"]
    one = await first.ask("Once.", *models, id=message, options=BLIND)
    assert await second.ask("Once.", *models, id=message, options=BLIND) == one
    assert await Run.objects.acount() == 6


@pytest.mark.django_db(transaction=True)
async def test_after_the_vote_a_run_is_told_in_full(ada: User, open_tab: OpenTab) -> None:
    tab = await open_tab(ada)
    turn = await tab.ask("Which is it?", QUICK, CUT, options=BLIND)
    await listen(tab, turn)
    await sync_to_async(votes.cast)(await sync_to_async(cast.actor_of)(ada), UUID(turn["message"]), "tie")
    for events in (await listen(tab, turn)).values():
        assert numbers(events) == [1, 2]
        assert events[1]["event"]["tokens"]["output"] and events[1]["event"]["duration_ms"] is not None


@pytest.mark.django_db
def test_a_lane_whose_worker_is_gone_ends_like_any_other_and_tells_no_more(ada: User) -> None:
    chat = blind_chat(ada)
    one, other = Run.objects.filter(message__chat=chat).order_by("position")
    worker = Worker.objects.create(name="gone", seen_at=timezone.now() - timedelta(minutes=1))
    Run.objects.filter(pk=other.pk).update(status="streaming", worker=worker, epoch=1)
    RunEvent.objects.create(run=other, seq=1, body='{"type":"text.delta","text":"Half a"}')
    assert log.together(one.pk) == []
    [end] = log.reap()
    assert end.blind and end.run_id == other.pk
    told = log.together(other.pk)
    assert [said.run_id for said in told] == [one.pk, other.pk]
    assert [said.first for said in told] == [1, 1] and not any(said.blind for said in told)
    assert [orjson.loads(said.bodies[1])["status"] for said in told] == ["complete", "interrupted"]
    assert all(orjson.loads(said.bodies[1])["duration_ms"] is None for said in told)
    assert log.states([one.pk])[one.pk][1] == 2


# --- What is stored ----------------------------------------------------------------------------------


@pytest.mark.django_db
def test_the_order_is_drawn_anew_for_each_question(ada: User, actor_of: Callable[[User], Actor]) -> None:
    actor = actor_of(ada)
    orders = set()
    for _ in range(16):
        asked = turns.send(actor, turns.NewTurn(uuid7(), "Which?", ["demo/fast", "demo/slow"], options=BLIND))
        orders.add(tuple(run.model for run in asked.runs))
        Run.objects.update(status="stopped")
        log.release_forgotten(timedelta(0))
    assert len(orders) == 2


@pytest.mark.django_db
def test_one_answer_alone_is_never_blind(ada: User, actor_of: Callable[[User], Actor]) -> None:
    asked = turns.send(actor_of(ada), turns.NewTurn(uuid7(), "Which?", ["demo/fast"], options=BLIND))
    assert (asked.message.veil, asked.runs[0].blind) == ("", False)


# --- Pages -------------------------------------------------------------------------------------------


def blind_chat(owner: User, *, status: str = "complete", texts: tuple[str, ...] = ("One.", "Other.")) -> Chat:
    """A blind comparison of two answers that have ended, with figures that tell them apart."""
    chat = cast.make_chat(owner=owner, models=("demo/fast", "demo/slow"), title="Which?")
    Message.objects.filter(chat=chat, role="user").update(veil="down")
    chat.head = Message.objects.get(chat=chat, role="user")
    chat.save()
    for number, answer in enumerate(Message.objects.filter(chat=chat, role="assistant").order_by("position")):
        answer.parts = [
            {"type": "reasoning", "text": f"Thought {number}", "ms": 1234 + number},
            {"type": "text", "text": texts[number]},
        ]
        answer.save()
        give(answer, number)
    Run.objects.filter(message__chat=chat).update(blind=True, status=status)
    return chat


def give(answer: Message, number: int) -> None:
    """Let the answer be the work of model `number`, with that one's figures."""
    model, provider = [("demo/fast", "openai"), ("demo/slow", "anthropic")][number]
    Message.objects.filter(pk=answer.pk).update(model=model)
    Run.objects.filter(message=answer).update(
        model=model,
        provider=provider,
        tokens_in=(111, 222)[number],
        tokens_out=(3_333, 4_444)[number],
        cost_nano=(5_550_000, 6_660_000)[number],
        ttft_ms=(777, 888)[number],
        duration_ms=(9_100, 9_900)[number],
        last_seq=(41, 97)[number],
        started_at=timezone.now() - timedelta(seconds=100 * number),
        finished_at=timezone.now() - timedelta(seconds=50 * number),
        error_message=("Model fast broke", "Model slow broke")[number],
    )


def changeless(html: str) -> str:
    """A page without what differs between any two pages."""
    html = re.sub(r'name="csrfmiddlewaretoken" value="[^"]*"|nonce="[^"]*"|<p class="error__id">.*?</p>', "", html)
    return re.sub(r'name="id" value="[^"]*"', "", html)


def pages(client: Client, chat: Chat) -> list[str]:
    """Everything that can be read of a chat."""
    messages = Message.objects.filter(chat=chat).order_by("role", "position")
    parts = [f"/chat/{chat.pk}/messages/{message.pk}" for message in messages]
    paths = [f"/chat/{chat.pk}", *parts, "/sidebar", "/compare", "/compare/ranking"]
    question = f"/chat/{chat.pk}/messages/{messages.last().pk}"  # type: ignore[union-attr]  # there is one
    paths += [f"{question}/difference", *(f"{question}/comparison.{form}" for form in ("json", "csv", "md"))]
    return [changeless(client.get(path).content.decode()) for path in paths]


@pytest.mark.django_db
@pytest.mark.parametrize("status", ["complete", "failed", "stopped", "interrupted", "streaming", "queued"])
def test_every_page_is_the_same_whoever_gave_which_answer(
    status: str, ada: User, browser: Callable[..., Client]
) -> None:
    chat, client = blind_chat(ada, status=status), browser(ada)
    before = pages(client, chat)
    one, other = Message.objects.filter(chat=chat, role="assistant").order_by("position")
    give(one, 1)
    give(other, 0)
    assert pages(client, chat) == before


@pytest.mark.django_db
def test_every_page_is_the_same_whichever_answer_is_there_already(ada: User, browser: Callable[..., Client]) -> None:
    chat, client = blind_chat(ada), browser(ada)
    one, other = Run.objects.filter(message__chat=chat).order_by("position")

    def pages_when(first: str, second: str) -> list[str]:
        Run.objects.filter(pk=one.pk).update(status=first)
        Run.objects.filter(pk=other.pk).update(status=second)
        return pages(client, chat)

    assert pages_when("complete", "streaming") == pages_when("queued", "failed") == pages_when("streaming", "queued")


@pytest.mark.django_db
def test_while_one_answer_is_written_the_other_is_not_shown(ada: User, browser: Callable[..., Client]) -> None:
    chat = blind_chat(ada, texts=("This is there.", ""))
    late = Run.objects.get(message__position=1)
    Run.objects.filter(pk=late.pk).update(status="streaming")
    RunEvent.objects.create(run=late, seq=1, body='{"type":"text.delta","text":"So is this."}')
    html = browser(ada).get(f"/chat/{chat.pk}").content.decode()
    assert "This is there." not in html and "So is this." not in html
    assert html.count('data-status="queued" data-model=""') == 3  # two, and the template
    assert log.so_far([late.pk]) == {}


@pytest.mark.django_db
def test_the_turn_on_a_page_names_no_model_and_no_figure(ada: User, browser: Callable[..., Client]) -> None:
    chat = blind_chat(ada)
    question = Message.objects.get(chat=chat, role="user")
    html = browser(ada).get(f"/chat/{chat.pk}/messages/{question.pk}").content.decode()
    for told in (
        "demo",
        "fast",
        "slow",
        "openai",
        "anthropic",
        "3,333",
        "4,444",
        "777",
        "9.1",
        "$",
        "Thought",
        "41",
        "97",
    ):
        assert told.lower() not in re.sub(r"[0-9a-f]{8}-[0-9a-f-]{27}", "", changeless(html)).lower(), told
    assert "Answer A" in html and "Answer B" in html


@pytest.mark.django_db
@pytest.mark.parametrize("way", ["vote", "reveal"])
def test_after_the_vote_or_without_one_the_names_appear(way: str, ada: User, browser: Callable[..., Client]) -> None:
    chat, client = blind_chat(ada), browser(ada)
    question = Message.objects.get(chat=chat, role="user")
    client.post(f"/chat/{chat.pk}/messages/{question.pk}/{way}", {"choice": "tie"})
    html = client.get(f"/chat/{chat.pk}/messages/{question.pk}").content.decode()
    for told in ('data-model="demo/fast"', 'data-model="demo/slow"', "3,333", "$0.0067", "Thought for 1 s"):
        assert told in html
    assert "Answer A" not in html


# --- What has to wait for the vote -------------------------------------------------------------------


@pytest.mark.django_db
def test_nothing_goes_on_below_a_blind_comparison_until_the_names_are_shown(
    ada: User, actor_of: Callable[[User], Actor]
) -> None:
    chat, actor = blind_chat(ada, status="interrupted"), actor_of(ada)
    question, one, other = Message.objects.filter(chat=chat).order_by("-role", "position")
    run = Run.objects.get(message=one)

    def ways() -> list[Callable[[], Any]]:
        new = turns.NewTurn(uuid7(), "And then?", ["demo/fast"], chat=chat.pk)
        below = turns.NewTurn(uuid7(), "And then?", ["demo/fast"], chat=chat.pk, parent=other.pk)
        return [
            lambda: turns.send(actor, new),
            lambda: turns.send(actor, below),
            lambda: turns.answer(actor, uuid7(), question.pk, ["demo/fast"], {}),
            lambda: turns.resume(actor, uuid7(), run.pk),
        ]

    for way in ways():
        with pytest.raises(Conflict):
            way()
    votes.reveal(actor, question.pk)
    for way in ways():
        way()


@pytest.mark.django_db
def test_a_blind_question_can_be_edited_and_asked_anew(ada: User, actor_of: Callable[[User], Actor]) -> None:
    chat = blind_chat(ada)
    question = Message.objects.get(chat=chat, role="user")
    turns.send(actor_of(ada), turns.NewTurn(uuid7(), "Again?", ["demo/fast"], chat=chat.pk, edit=question.pk))
    assert Message.objects.filter(chat=chat, role="user", parent=None).count() == 2
