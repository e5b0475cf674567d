"""Every frame does what its rule says, for everybody: the matrix of URLs, spoken over the socket."""

from __future__ import annotations

from typing import Any, get_args
from uuid import UUID

import pytest
from asgiref.sync import sync_to_async
from django.test import Client

from accounts.models import User
from chat.frames import FRAMES, ClientFrame
from chat.models import Message, Run
from chat.runs.engine import Engine
from config.ids import uuid7
from tests.accounts import matrix
from tests.accounts.matrix import Belongings
from tests.chat.tab import Closed, Tab

pytestmark = pytest.mark.django_db(transaction=True)

NO_LOGIN = 4401


@sync_to_async
def people() -> tuple[dict[str, Client | None], Belongings]:
    """Everybody's browser; the suspended person logged in before it happened. A visitor has no session."""
    users, belongings = matrix.scene()
    browsers: dict[str, Client | None] = {}
    for name, user in users.items():
        browsers[name] = Client() if user else None
        if user:
            browsers[name].force_login(user)  # type: ignore[union-attr]  # made in the line above
    User.objects.filter(email="sam@example.org").update(is_active=False)
    return browsers, belongings


def filled(kind: type[ClientFrame], ids: dict[str, UUID]) -> dict[str, Any]:
    """The frame's fields: those named after a thing get its id, the others something harmless."""
    harmless: dict[str, Any] = {
        "id": uuid7(),
        "version": 1,
        "text": "Hello",
        "models": ["demo/fast"],
        "after": 0,
        "seq": 0,
    }
    fields = {name: ids.get(name, harmless.get(name)) for name in kind.model_fields if name != "type"}
    return {name: value for name, value in fields.items() if value is not None}


async def tried(browser: Client | None, kind: type[ClientFrame], fields: dict[str, Any]) -> int | None:
    """The status of what came back, or None when nothing did."""
    [name] = get_args(kind.model_fields["type"].annotation)
    async with Tab(browser, greet=False) as tab:
        try:
            await tab.say("hello", version=1)
            await tab.hear("hello")
            await tab.say(name, **fields)
            await tab.say("ping")
            status = None
            while (frame := await tab.next())["type"] != "pong":
                if frame["type"] == "error":
                    status = int(frame["status"])
                elif frame["type"] in ("turn", "event", "hello"):
                    status = status or 200
        except Closed as closed:
            return 401 if closed.code == NO_LOGIN else 500
        return status


@pytest.mark.parametrize("name", FRAMES)
async def test_a_frame_admits_whom_its_rule_admits_and_touches_what_is_theirs(
    name: str, running_engine: Engine
) -> None:
    kind = FRAMES[name]
    browsers, belongings = await people()
    found = []
    for person in matrix.PEOPLE:
        status = await tried(browsers[person], kind, filled(kind, belongings.ids))
        if status is None and matrix.admitted(kind.rule, person):
            continue  # silence: nothing was told, and what it touched is checked below
        if wrong := matrix.complaint(kind.rule, person, status or 200):
            found.append(wrong)
    assert found == []
    assert await _untouched_by_strangers(belongings)


@pytest.mark.parametrize("name", [name for name, kind in FRAMES.items() if kind.rule.owns])
async def test_a_stranger_cannot_tell_what_exists(name: str, running_engine: Engine) -> None:
    kind = FRAMES[name]
    browsers, belongings = await people()
    absent = {thing: uuid7() for thing in belongings.ids}
    foreign = await tried(browsers["eve"], kind, filled(kind, belongings.ids))
    assert foreign == await tried(browsers["eve"], kind, filled(kind, absent))
    assert foreign in (404, None)


async def test_a_strangers_message_is_no_parent_in_ones_own_chat(running_engine: Engine) -> None:
    browsers, belongings = await people()
    mixed = {**belongings.eves, "parent": belongings.ids["message"]}
    assert await tried(browsers["eve"], FRAMES["chat.send"], filled(FRAMES["chat.send"], mixed)) == 404


@sync_to_async
def _untouched_by_strangers(belongings: Belongings) -> bool:
    """In Ada's chat only Ada has spoken and only her runs ran; the finished one is as it was."""
    run = Run.objects.get(pk=belongings.ids["run"])
    runs = Run.objects.filter(message__chat=belongings.ids["chat"])
    mine = all(other.owner_id == run.owner_id for other in runs)
    said = Message.objects.filter(chat=belongings.ids["chat"]).count()
    return mine and run.status == Run.Status.COMPLETE and run.stop_requested_at is None and said <= 4
