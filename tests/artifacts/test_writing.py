"""Models write, change and judge documents, and all of it arrives as events of the run."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Iterable
from contextlib import aclosing
from typing import Any

import pytest
from asgiref.sync import sync_to_async
from hypothesis import given
from hypothesis import strategies as st

from accounts.actors import Actor
from accounts.models import User
from artifacts import documents, edits, streams, tools
from artifacts.documents import Base, Origin
from artifacts.models import Document, Version
from artifacts.tools import Context, Cut, Result
from config.errors import ProviderUnavailable
from config.ids import uuid7
from providers import demo_documents
from providers.base import PromptMessage
from providers.events import ToolCall
from tests import cast

pytestmark = pytest.mark.django_db(transaction=True)

CODE = "".join(f"line_{number} = {number}\n" for number in range(2_000))


class Run:
    """A run of somebody, whose second model says `says` and remembers what it was asked."""

    def __init__(self, actor: Actor, says: Iterable[str] = (), error: Exception | None = None) -> None:
        self.actor, self.says, self.error = actor, says, error
        self.asked: list[PromptMessage] = []
        self.events: list[dict[str, Any]] = []
        self.meanwhile: Callable[[], object] | None = None
        self._heard = streams.Heard()
        self._origin = Origin(actor.tenant_id, actor.id, uuid7())

    async def _ask(self, role: str, messages: Any) -> AsyncGenerator[str, None]:
        assert role == "artifact"
        self.asked = list(messages)
        for piece in self.says:
            yield piece
        if self.meanwhile:
            await self._store(self.meanwhile)
        if self.error:
            raise self.error

    async def _store(self, function: Any, *args: Any, **kwargs: Any) -> Any:
        return await sync_to_async(function)(*args, **kwargs)

    async def use(self, name: str, **arguments: Any) -> Result:
        call = ToolCall("c", name, json.dumps(arguments, default=str))
        context = Context(self._origin, self._ask, self._store, lambda: self._heard.opened + 1)
        async with aclosing(tools.use(call, tools.TOOLS, context)) as steps:
            async for step in steps:
                if isinstance(step, Result):
                    return step
                self._heard.push(step)
                self.events.append(step)
        raise AssertionError("a tool ends with its result")

    @property
    def open(self) -> list[streams.Open]:
        return self._heard.open()

    def kinds(self) -> list[str]:
        return [event["type"] for event in self.events]


@pytest.fixture
def actor(ada: User) -> Actor:
    return cast.actor_of(ada)


@pytest.fixture
def program(actor: Actor) -> Document:
    return documents.create(actor, "code", "Lines", CODE, language="python")


def shown(events: Iterable[dict[str, Any]], text: str = "") -> str:
    """What a reader of the events has before them at the end."""
    for event in events:
        if event["type"] == "artifact.delta":
            start, end = event.get("from", len(text)), event.get("to", len(text))
            text = text[:start] + event["text"] + text[end:]
    return text


async def newest(document: Document) -> Version:
    await document.arefresh_from_db()
    return await Version.objects.aget(document=document, number=document.version)


async def test_a_new_document_streams_and_is_kept(actor: Actor) -> None:
    run = Run(actor, ["```py", "thon\nx = 1\n", "``", "`\nDone!"])
    ok, found = await run.use("create_document", kind="code", title="X", language="python", instructions="Set x.")
    assert ok
    document = await Document.objects.aget()
    assert (document.title, document.kind, document.language, document.writer) == ("X", "code", "python", None)
    assert run.events[0] == streams.opened(1, document)
    assert run.events[-1] == {"type": "artifact.close", "n": 1, "version": 1, "status": "complete"}
    assert shown(run.events) == (await newest(document)).content == "x = 1\n"
    assert found["document"] == str(document.pk)
    assert "python" in run.asked[0].text and "Set x." in run.asked[1].text


async def test_a_small_change_streams_only_the_change(actor: Actor, program: Document) -> None:
    run = Run(actor)
    ok, _found = await run.use(
        "update_document",
        document=program.pk,
        edits=[{"old": "line_7 = 7\n", "new": "line_7 = 'seven'\n"}],
        instructions="Say seven.",
    )
    assert ok
    assert run.asked == []
    changed = CODE.replace("line_7 = 7\n", "line_7 = 'seven'\n")
    assert shown(run.events, CODE) == (await newest(program)).content == changed
    assert sum(len(event.get("text", "")) for event in run.events) < len(CODE) / 20


@pytest.mark.parametrize("old", ["gone", "line_1"])
async def test_a_passage_that_does_not_fit_makes_it_written_anew(old: str, actor: Actor, program: Document) -> None:
    run = Run(actor, ["x = 2\n"])
    ok, _found = await run.use(
        "update_document", document=program.pk, edits=[{"old": old, "new": "new"}], instructions="Change it."
    )
    assert ok
    assert old in run.asked[1].text and CODE in run.asked[1].text
    assert run.events[0]["mode"] == "replace"
    assert (await newest(program)).content == "x = 2\n"


async def test_what_a_person_types_while_a_model_writes_is_still_there(actor: Actor, program: Document) -> None:
    run = Run(actor, [CODE.replace("line_7 = 7\n", "line_7 = 'seven'\n")])
    mine = CODE.replace("line_1900 = 1900\n", "line_1900 = 'mine'\n")
    run.meanwhile = lambda: documents.save(actor, program.pk, mine, Base(1))
    ok, _found = await run.use("update_document", document=program.pk, instructions="Say seven.")
    assert ok
    assert run.events[-1] == {"type": "artifact.close", "n": 1, "version": 3, "status": "complete", "merged": True}
    content = (await newest(program)).content
    assert "line_7 = 'seven'\n" in content and "line_1900 = 'mine'\n" in content


async def test_what_breaks_off_stays_open_for_the_run_to_keep(actor: Actor) -> None:
    for error in (ProviderUnavailable("provider"), Cut()):
        run = Run(actor, ["The first words"], error)
        ok, _found = await run.use("create_document", kind="text", title="X", instructions="Write.")
        assert not ok
        [begun] = run.open
        assert begun.text.rstrip("\n") == "The first words"


async def test_suggestions_arrive_one_by_one(actor: Actor) -> None:
    text = "The red door is old.\n\nThe house and the road.\n"
    document = await sync_to_async(documents.create)(actor, "text", "A walk", text)
    said = [
        'Here you are:\n```json\n{"original": "The red door is old.", "proposal": "The door is red.", "rea',
        'son": "Plain."},\n{"original": "not there", "proposal": "x", "reason": ""}\n[1]\n{"original": 7}\n',
        '{"original": "The house and the road.", "proposal": "House and road.", "reason": "Short."}',
    ]
    run = Run(actor, said)
    ok, found = await run.use("request_suggestions", document=document.pk)
    assert ok and found["suggestions"] == 2
    assert run.kinds() == ["suggestion.add", "suggestion.add"]
    assert [event["proposal"] for event in run.events] == ["The door is red.", "House and road."]
    assert await document.suggestions.acount() == 2


async def test_nobody_elses_document_is_changed(actor: Actor, eve: User, program: Document) -> None:
    run = Run(await sync_to_async(cast.actor_of)(eve), ["mine\n"])
    for name in ("update_document", "request_suggestions"):
        ok, found = await run.use(name, document=program.pk, instructions="Take it.")
        assert not ok and found["error"] == "not_found"
    assert run.events == [] and run.asked == []


@pytest.mark.parametrize(
    ("name", "arguments"),
    [
        ("create_document", {"kind": "sculpture", "title": "X", "instructions": ""}),
        ("create_document", {"title": "X"}),
        ("update_document", {"document": "no id", "instructions": "x"}),
        ("update_document", {"document": str(uuid7()), "edits": 7, "instructions": "x"}),
        ("request_suggestions", {}),
    ],
)
async def test_odd_arguments_are_told_to_the_model(name: str, arguments: dict[str, Any], actor: Actor) -> None:
    run = Run(actor)
    ok, found = await run.use(name, **arguments)
    assert not ok and found["error"] == "bad_arguments"
    assert not await Document.objects.aexists()


# --- On the wire -------------------------------------------------------------------------------------


async def pieces_of(text: str, size: int, wait_s: float = 0) -> AsyncIterator[str]:
    for start in range(0, len(text), size):
        if wait_s:
            await asyncio.sleep(wait_s)
        yield text[start : start + size]


async def test_fast_text_travels_in_large_pieces() -> None:
    pieces = [piece async for piece in streams.paced(pieces_of("x" * 10_000, 7))]
    assert "".join(pieces) == "x" * 10_000
    assert len(pieces) == 5


async def test_slow_text_does_not_wait_for_more() -> None:
    pieces = [piece async for piece in streams.paced(pieces_of("abcd", 1, 0.05), wait_s=0.01)]
    assert pieces == ["a", "b", "c", "d"]


async def test_a_reader_that_goes_away_closes_what_it_read() -> None:
    closed = asyncio.Event()

    async def endless() -> AsyncIterator[str]:
        try:
            while True:
                await asyncio.sleep(0)
                yield "x" * 100
        finally:
            closed.set()

    async with aclosing(streams.paced(endless())) as pieces:
        await anext(pieces)
    async with asyncio.timeout(5):
        await closed.wait()


async def test_what_was_said_before_an_error_arrives_before_it() -> None:
    async def breaking() -> AsyncIterator[str]:
        yield "said"
        raise ProviderUnavailable("provider")

    async with aclosing(streams.paced(breaking())) as pieces:
        assert await anext(pieces) == "said"
        with pytest.raises(ProviderUnavailable):
            await anext(pieces)


words = st.text(alphabet="ab\n😀é", max_size=30)


@given(words, words)
def test_edits_as_events_lead_to_the_new_text(old: str, new: str) -> None:
    events = list(streams.replaced(1, edits.between(old, new)))
    assert shown(events, old) == new


def test_a_long_replacement_travels_in_pieces() -> None:
    events = list(streams.replaced(1, [edits.Change(1, 2, "x" * 5_000)]))
    assert max(len(event["text"]) for event in events) == streams.SIZE
    assert shown(events, "abc") == "a" + "x" * 5_000 + "c"


def test_the_demo_reads_the_documents_it_is_shown() -> None:
    listed = (
        "Change it\n\n<documents>\nThey are material.\n\n"
        f'<document id="{uuid7()}" kind="text" title="A &quot;walk&quot;" version="2">\nThe red door.\n</document>'
        "\n\n</documents>"
    )
    [document] = demo_documents.listed(listed)
    assert (document.title, document.content) == ('A "walk"', "The red door.")
    assert demo_documents.without(listed) == "Change it"
    assert demo_documents.change('replace "red" with "blue"', document) == [{"old": "red", "new": "blue"}]
