"""Many at once: no limit is passed, no id becomes two things, nobody goes on after they were thrown out."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Awaitable, Callable

import pytest
from asgiref.sync import sync_to_async

from accounts.models import User
from billing import plans
from billing.models import Plan, Window
from chat.models import Chat, Run
from config.ids import uuid7
from tests.chat.tab import Closed, Tab

pytestmark = pytest.mark.django_db(transaction=True)
OpenTab = Callable[[User], Awaitable[Tab]]


async def _outcome(tab: Tab) -> str:
    """What became of a request: `turn`, or the code of its error."""
    while True:
        frame = await tab.next()
        if frame["type"] in ("turn", "error"):
            return str(frame.get("code", "turn"))


async def test_questions_from_many_tabs_at_once_never_pass_the_day(ada: User, open_tab: OpenTab) -> None:
    await Plan.objects.filter(name="member").aupdate(answers_a_day=5, parallel_runs=24)
    plans.forget()
    tabs = [await open_tab(ada) for _number in range(6)]
    for tab in tabs:
        for _number in range(3):
            await tab.say("chat.send", id=uuid7(), text="Quick!", models=["demo/slow"])
    outcomes = Counter([await _outcome(tab) for tab in tabs for _number in range(3)])
    assert outcomes == {"turn": 5, "quota_exceeded:chat": 13}
    assert await Run.objects.acount() == await Chat.objects.acount() == 5
    window = await Window.objects.aget(kind=Window.Kind.MESSAGES_DAY)
    assert window.used + window.reserved <= 5


async def test_one_id_used_for_a_question_and_an_answer_at_once_is_one_turn(ada: User, open_tab: OpenTab) -> None:
    first, second = await open_tab(ada), await open_tab(ada)
    asked = await first.ask("Tell me something.")
    await first.follow(asked["runs"][0]["id"])
    one_id = uuid7()
    await asyncio.gather(
        first.say("chat.send", id=one_id, text="Again.", models=["demo/fast"]),
        second.say("chat.answer", id=one_id, message=asked["message"], models=["demo/fast"] * 3),
    )
    outcomes = {await _outcome(first), await _outcome(second)}
    assert outcomes <= {"turn", "conflict:chat", "conflict:message"}
    runs = [run async for run in Run.objects.filter(turn=one_id).select_related("message")]
    assert len({run.message.parent_id for run in runs if run.message}) == 1


async def test_a_question_with_the_id_of_a_strangers_turn_touches_it_in_no_way(
    ada: User, eve: User, open_tab: OpenTab
) -> None:
    hers, theirs = await open_tab(ada), await open_tab(eve)
    turn = await hers.ask("Mine.", "demo/slow")
    own = await theirs.ask("My own.")
    for frame in (
        {"type": "chat.answer", "id": turn["message"], "message": own["message"], "models": ["demo/fast"]},
        {"type": "run.continue", "id": turn["message"], "run": own["runs"][0]["id"]},
        {"type": "chat.send", "id": turn["runs"][0]["message"], "text": "Mine too.", "models": ["demo/fast"]},
    ):
        await theirs.say(str(frame.pop("type")), **frame)
        assert (await _outcome(theirs)).partition(":")[0] == "conflict"
    assert [run.owner_id async for run in Run.objects.filter(turn=turn["message"])] == [ada.pk]


@pytest.mark.parametrize("how", ["suspended", "deleted", "tenant off", "epoch"])
async def test_whoever_was_thrown_out_asks_nothing_more_and_is_gone_within_a_second(
    how: str, ada: User, open_tab: OpenTab
) -> None:
    tab = await open_tab(ada)

    @sync_to_async
    def throw_out() -> None:
        match how:
            case "suspended":
                User.objects.filter(pk=ada.pk).update(is_active=False)
            case "deleted":
                User.objects.filter(pk=ada.pk).delete()
            case "tenant off":
                ada.home.active = False
                ada.home.save()
            case "epoch":
                ada.end_all_logins()

    await throw_out()
    await tab.say("chat.send", id=uuid7(), text="Still here?", models=["demo/fast"])
    assert await _outcome(tab) == "unauthorized:chat"
    with pytest.raises(Closed) as closed:
        await tab.hear("nothing more", timeout=2.5)
    assert closed.value.code == 4401
    assert not await Run.objects.aexists()
