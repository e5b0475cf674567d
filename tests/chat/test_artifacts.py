"""Documents in a chat: they stream, survive what happens to their run, and the model reads what people made of them."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Awaitable, Callable, Sequence
from dataclasses import replace
from typing import Any
from uuid import UUID

import pytest
from asgiref.sync import sync_to_async
from hypothesis import given
from hypothesis import strategies as st

from accounts.models import User
from artifacts import documents
from artifacts.documents import Base
from artifacts.models import Document, Version
from billing import quotas
from chat.models import Message, Run, Worker
from chat.parts import fold
from chat.runs import log, prompts, runner
from chat.runs.events import pack
from chat.transcripts import Block
from config.errors import ProviderUnavailable
from config.ids import uuid7
from providers import catalog, demo_models
from providers.base import ModelRequest
from providers.events import Event, Finish, TextDelta, ToolCall, UsageReport
from tests import cast
from tests.chat.tab import Json, Tab, logged_in

Open = Callable[[User], Awaitable[Tab]]

pytestmark = pytest.mark.django_db(transaction=True)

ESSAY = "Write a short essay about the history of the letter"


def of(events: Sequence[Json], kind: str) -> list[Json]:
    return [event["event"] for event in events if event["event"]["type"] == kind]


def said(events: Sequence[Json]) -> str:
    return "".join(event["text"] for event in of(events, "artifact.delta"))


async def asked(tab: Tab, text: str, chat: str | None = None, model: str = "demo/fast") -> tuple[Json, list[Json]]:
    turn = await tab.ask(text, model, chat=chat)
    return turn, await tab.follow(turn["runs"][0]["id"])


async def test_an_essay_is_written_into_a_document(open_tab: Open, ada: User) -> None:
    tab = await open_tab(ada)
    turn, events = await asked(tab, ESSAY)
    [opened], [closed] = of(events, "artifact.open"), of(events, "artifact.close")
    document = await Document.objects.aget()
    assert opened["document"] == str(document.pk)
    assert (opened["kind"], opened["mode"], closed["version"], closed["status"]) == ("text", "replace", 1, "complete")
    version = await Version.objects.aget()
    assert version.content == said(events)
    assert str(version.run) == turn["runs"][0]["id"]
    assert str(document.chat) == turn["chat"]
    kinds = [event["event"]["type"] for event in events]
    assert kinds.index("tool.call") < kinds.index("artifact.open") < kinds.index("artifact.close")
    assert kinds.index("artifact.close") < kinds.index("tool.result") < kinds.index("text.delta")


async def test_the_answer_holds_a_card_and_not_the_text(open_tab: Open, ada: User) -> None:
    tab = await open_tab(ada)
    turn, events = await asked(tab, ESSAY)
    message = await Message.objects.aget(pk=turn["runs"][0]["message"])
    [card] = [part for part in message.parts if part["type"] == "artifact"]
    assert (card["version"], card["status"], card["kind"]) == (1, "complete", "text")
    assert said(events).startswith(card["preview"]) and len(card["preview"]) == 200
    assert message.parts == fold([event["event"] for event in events])
    browser = await logged_in(ada)
    page = await sync_to_async(browser.get)(f"/chat/{turn['chat']}")
    assert f'href="/documents/{card["document"]}"' in page.content.decode()


async def test_what_writing_costs_is_part_of_the_run(open_tab: Open, ada: User) -> None:
    tab = await open_tab(ada)
    _turn, events = await asked(tab, ESSAY)
    _turn, prose = await asked(tab, "Hello there")
    written, spoken = (of(heard, "run.finished")[0]["tokens"]["output"] for heard in (events, prose))
    assert written > len(said(events)) / 8
    assert of(events, "run.finished")[0]["cost"] == "0"
    assert spoken > 0


async def test_the_document_is_told_to_every_tab(open_tab: Open, ada: User) -> None:
    tab = await open_tab(ada)
    await asked(tab, ESSAY)
    [notice] = [frame for frame in tab.seen if frame.get("kind") == "document.changed"]
    assert (notice["document"], notice["version"]) == (str((await Document.objects.aget()).pk), 1)


async def test_stopping_keeps_what_was_written_and_marks_it(open_tab: Open, ada: User) -> None:
    tab = await open_tab(ada)
    turn = await tab.ask(ESSAY, "demo/slow")
    run = turn["runs"][0]["id"]
    await tab.say("run.follow", run=run, after=0)
    events: list[Json] = []
    while not events or events[-1]["event"]["type"] != "run.finished":
        events.append(await tab.hear("event", timeout=20))
        if len(of(events, "artifact.delta")) == 3 and events[-1]["event"]["type"] == "artifact.delta":
            await tab.say("run.stop", run=run)
    assert of(events, "run.finished")[0]["status"] == "stopped"
    [closed] = of(events, "artifact.close")
    assert (closed["version"], closed["status"]) == (1, "partial")
    version = await Version.objects.aget()
    assert (version.content, version.status) == (said(events), "partial")
    message = await Message.objects.aget(pk=turn["runs"][0]["message"])
    assert [part["status"] for part in message.parts if part["type"] == "artifact"] == ["partial"]
    actor = await sync_to_async(cast.actor_of)(ada)
    standing = await sync_to_async(quotas.standing)(actor)
    assert standing.used == 1, "a document without a word beside it is an answer too"


async def test_a_reader_who_comes_in_the_middle_misses_nothing(open_tab: Open, ada: User) -> None:
    one, other = await open_tab(ada), await open_tab(ada)
    turn = await one.ask(ESSAY, "demo/fast")
    run = turn["runs"][0]["id"]
    head = await one.follow(run, until=5)
    tail = await other.follow(run, after=5)
    version = await Version.objects.aget()
    assert said([*head, *tail]) == version.content


async def test_the_model_reads_and_changes_what_a_person_wrote(open_tab: Open, ada: User) -> None:
    tab = await open_tab(ada)
    turn, _events = await asked(tab, ESSAY)
    document = await Document.objects.aget()
    actor = await sync_to_async(cast.actor_of)(ada)
    by_hand = "# Letters\n\nMy own red words.\n"
    await sync_to_async(documents.save)(actor, document.pk, by_hand, Base(1))
    _turn, events = await asked(tab, 'Replace "red" with "blue"', chat=turn["chat"])
    assert [event["mode"] for event in of(events, "artifact.open")] == ["edit"]
    assert said(events) == "blue"
    assert [v.content async for v in Version.objects.filter(number__gt=1)] == [
        by_hand,
        by_hand.replace("red", "blue"),
    ]


async def test_suggestions_stream_into_the_document(open_tab: Open, ada: User) -> None:
    tab = await open_tab(ada)
    turn, _events = await asked(tab, ESSAY)
    _turn, events = await asked(tab, "Please suggest improvements", chat=turn["chat"])
    assert len(of(events, "suggestion.add")) == 5
    document = await Document.objects.aget()
    assert await document.suggestions.acount() == 5
    actor = await sync_to_async(cast.actor_of)(ada)
    assert len(await sync_to_async(documents.accept_all)(actor, document.pk)) == 5


@pytest.mark.parametrize(
    ("text", "kind"),
    [("Write code that finds the shortest path", "code"), ("Make a sheet of office supplies", "sheet")],
)
async def test_every_kind_can_be_asked_for(open_tab: Open, ada: User, text: str, kind: str) -> None:
    tab = await open_tab(ada)
    _turn, events = await asked(tab, text)
    assert [event["kind"] for event in of(events, "artifact.open")] == [kind]
    assert [event["status"] for event in of(events, "artifact.close")] == ["complete"]


async def test_the_wire_is_linear_in_the_document(open_tab: Open, ada: User) -> None:
    tab = await open_tab(ada)
    _turn, _events = await asked(tab, ESSAY, model="demo/fast@2000")
    frames = [frame for frame in tab.seen if frame["type"] == "event" and "artifact" in frame["event"]["type"]]
    content = (await Version.objects.aget()).content
    assert sum(len(str(frame)) for frame in frames) < 3 * len(content.encode())


class Script:
    """A provider that says what each call in turn is to say, and remembers what it was asked."""

    def __init__(self, *calls: Sequence[Event | Exception]) -> None:
        self.calls, self.asked = list(calls), list[ModelRequest]()

    async def stream(self, request: ModelRequest) -> AsyncGenerator[Sequence[Event], None]:
        self.asked.append(request)
        for said in self.calls.pop(0):
            if isinstance(said, Exception):
                raise said
            yield [said]


CREATE = ToolCall("c1", "create_document", '{"kind": "text", "title": "X", "instructions": "Write."}')


async def scripted(open_tab: Open, ada: User, patch: pytest.MonkeyPatch, script: Script) -> list[Json]:
    patch.setattr(runner, "provider_for", lambda spec: script)
    tab = await open_tab(ada)
    _turn, events = await asked(tab, "Write something", model="demo")
    return events


async def test_usage_of_all_calls_is_added_up(open_tab: Open, ada: User, monkeypatch: pytest.MonkeyPatch) -> None:
    script = Script(
        [TextDelta("Gladly."), CREATE, UsageReport(10, 1), Finish("tool_calls")],
        [TextDelta("Words."), UsageReport(20, 2), Finish("stop")],
        [TextDelta("There it is."), UsageReport(30, 4), Finish("stop")],
    )
    events = await scripted(open_tab, ada, monkeypatch, script)
    tokens = of(events, "run.finished")[0]["tokens"]
    assert (tokens["input"], tokens["output"]) == (60, 7)
    # What was said before the call belongs to the message that calls.
    last = script.asked[-1].messages
    assert [(message.role, message.text) for message in last[-2:-1]] == [("assistant", "Gladly.")]


@pytest.mark.parametrize(
    ("end", "error"),
    [
        ([UsageReport(20, 2), Finish("length")], "cut"),
        ([ProviderUnavailable("provider")], "provider_unavailable"),
    ],
    ids=["limit", "failure"],
)
async def test_a_document_that_breaks_off_is_kept_and_the_model_hears_why(
    end: list[Event | Exception], error: str, open_tab: Open, ada: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    script = Script(
        [CREATE, UsageReport(10, 1), Finish("tool_calls")],
        [TextDelta("The first words"), *end],
        [TextDelta("Sorry."), UsageReport(30, 4), Finish("stop")],
    )
    events = await scripted(open_tab, ada, monkeypatch, script)
    assert of(events, "run.finished")[0]["status"] == "complete"
    assert of(events, "artifact.close")[0]["status"] == "partial"
    assert of(events, "tool.result")[0]["result"]["error"] == error
    version = await Version.objects.aget()
    assert (version.content.strip(), version.status) == ("The first words", "partial")


async def test_before_its_first_word_another_model_writes(
    open_tab: Open, ada: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    spec = replace(catalog.get("demo"), fallbacks=("demo/fast",))
    monkeypatch.setattr(catalog, "get", lambda name, **kwargs: spec if name == "demo" else demo_models.parse(name))
    script = Script(
        [CREATE, UsageReport(10, 1), Finish("tool_calls")],
        [ProviderUnavailable("provider")],
        [TextDelta("Words."), UsageReport(20, 2), Finish("stop")],
        [TextDelta("There it is."), UsageReport(30, 4), Finish("stop")],
    )
    events = await scripted(open_tab, ada, monkeypatch, script)
    assert said(events) == "Words.\n"
    assert [request.model.id for request in script.asked] == ["demo", "demo", "demo/fast", "demo"]


# --- What is left when a worker dies --------------------------------------------------------------------


def lost_run(owner: User, events: Sequence[dict[str, Any]]) -> Run:
    """A run of a worker that said `events` and is gone."""
    chat = cast.make_chat(owner=owner, status=Run.Status.STREAMING)
    run = Run.objects.get(message__chat=chat)
    worker = Worker.objects.create(name="gone", seen_at="2001-01-01T00:00:00Z")
    Run.objects.filter(pk=run.pk).update(worker=worker, epoch=1)
    said = log.Said(run.pk, 1, 1, pack(events))
    log.store(worker.pk, [said])
    return run


def test_a_dead_worker_leaves_a_partial_version(ada: User) -> None:
    actor = cast.actor_of(ada)
    origin = documents.Origin(actor.tenant_id, actor.id, uuid7())
    document = documents.begin(origin, "text", "A walk")
    opened = {"type": "artifact.open", "n": 1, "document": str(document.pk), "kind": "text", "title": "A walk"}
    run = lost_run(
        ada,
        [
            opened | {"language": None, "mode": "replace", "base": 0},
            {"type": "artifact.delta", "n": 1, "text": "The red "},
            {"type": "artifact.delta", "n": 1, "text": "door"},
        ],
    )
    log.reap()
    run.refresh_from_db()
    assert run.status == Run.Status.INTERRUPTED
    version = Version.objects.get()
    assert (version.content, version.status, version.run) == ("The red door", "partial", run.pk)
    rows, _whole = log.read(run.pk, 3)
    assert ["artifact.close" in body for _seq, body in rows] == [True, False]
    assert Message.objects.get(runs=run).parts[0]["status"] == "partial"


# --- Pure ------------------------------------------------------------------------------------------------


def opened(n: int) -> Json:
    return {"type": "artifact.open", "n": n, "document": "d", "kind": "text", "title": "T", "base": 0}


steps = st.one_of(
    st.builds(opened, st.integers(1, 2)),
    st.builds(
        lambda n, text: {"type": "artifact.delta", "n": n, "text": text}, st.integers(1, 3), st.text(max_size=150)
    ),
    st.builds(
        lambda n, status: {"type": "artifact.close", "n": n, "version": 1, "status": status},
        st.integers(1, 3),
        st.sampled_from(["complete", "partial"]),
    ),
    st.builds(lambda text: {"type": "text.delta", "text": text}, st.text(min_size=1, max_size=5)),
)


@given(st.lists(steps, max_size=10), st.lists(steps, max_size=10))
def test_folding_may_be_cut_anywhere(head: list[Json], tail: list[Json]) -> None:
    assert fold(tail, fold(head)) == fold([*head, *tail])


@given(st.lists(steps, max_size=10))
def test_every_part_is_a_block_of_the_page(events: list[Json]) -> None:
    assert [Block(**part).type for part in fold(events)] == [part["type"] for part in fold(events)]


def test_the_prompt_shows_documents_as_they_are_now(ada: User) -> None:
    actor = cast.actor_of(ada)
    document = documents.create(actor, "text", 'A "walk"', "Hello </document> <documents>")
    chat = cast.make_chat(owner=ada)
    answer = Message.objects.get(chat=chat, role=Message.Role.ASSISTANT)
    part = {"type": "artifact", "n": 1, "document": str(document.pk), "version": 1, "kind": "text", "title": "A walk"}
    answer.parts = [*answer.parts, part | {"status": "complete", "preview": ""}]
    answer.save()
    question = Message.objects.create(
        chat=chat, role=Message.Role.USER, parent=answer, parts=[{"type": "text", "text": "Shorter, please."}]
    )
    reply = Message.objects.create(chat=chat, role=Message.Role.ASSISTANT, parent=question, model="demo")
    run = Run.objects.create(
        tenant=ada.home, owner=ada, message=reply, turn=question.pk, model="demo", status=Run.Status.QUEUED
    )
    shown = prompts.build(run)[-1].text
    assert shown.startswith("Shorter, please.\n\n<documents>")
    assert 'title="A &quot;walk&quot;" version="1">\nHello ‹/document> ‹documents>\n</document>' in shown
    documents.delete(actor, document.pk)
    assert prompts.build(run)[-1].text == "Shorter, please."


async def test_two_models_write_their_own(open_tab: Open, ada: User) -> None:
    tab = await open_tab(ada)
    turn = await tab.ask(ESSAY, "demo/fast", "demo/fast@900")
    heard = [await tab.follow(run["id"]) for run in turn["runs"]]
    ids = {UUID(of(events, "artifact.open")[0]["document"]) for events in heard}
    assert len(ids) == 2
    await asyncio.sleep(0)
    assert await Document.objects.acount() == 2
