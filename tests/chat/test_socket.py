"""The WebSocket as a page speaks it."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Awaitable, Callable
from typing import Any
from uuid import UUID

import orjson
import pytest
from asgiref.sync import sync_to_async

from accounts.models import User
from api.socket_schema import SERVER
from billing import plans, quotas
from billing.models import Plan
from chat import frames
from chat.models import Chat, Message, Run
from chat.runs.engine import Engine
from config.ids import uuid7
from tests import cast
from tests.chat.tab import Closed, Tab, logged_in, numbers, text_of

pytestmark = pytest.mark.django_db(transaction=True)
OpenTab = Callable[[User], Awaitable[Tab]]


async def test_a_question_is_answered_event_by_event(ada: User, open_tab: OpenTab) -> None:
    tab = await open_tab(ada)
    turn = await tab.ask("Tell me something.")
    events = await tab.follow(turn["runs"][0]["id"])
    assert numbers(events) == list(range(1, len(events) + 1))
    assert events[0]["event"]["type"] == "run.started"
    assert events[-1]["event"]["status"] == "complete"
    message = await Message.objects.aget(pk=turn["runs"][0]["message"])
    assert message.text == text_of(events) != ""


async def test_every_frame_of_an_answer_fits_the_published_schema(ada: User, open_tab: OpenTab) -> None:
    tab = await open_tab(ada)
    for model in ("demo/reason", "demo/fail@3"):
        turn = await tab.ask("Think about it.", model)
        await tab.follow(turn["runs"][0]["id"])
    await tab.say("ping")
    await tab.hear("pong")
    for frame in tab.seen:
        SERVER.validate_python(frame)


async def test_several_models_answer_one_question_in_the_order_asked(ada: User, open_tab: OpenTab) -> None:
    tab = await open_tab(ada)
    models = ["demo/fast", "demo/reason", "demo/fast"]
    turn = await tab.ask("Compare.", *models)
    assert [run["model"] for run in turn["runs"]] == models
    assert len({run["message"] for run in turn["runs"]}) == 3


async def test_one_failing_model_leaves_its_sibling_alone(ada: User, open_tab: OpenTab) -> None:
    tab = await open_tab(ada)
    turn = await tab.ask("Compare.", "demo/fail@3", "demo/fast")
    failed = await tab.follow(turn["runs"][0]["id"])
    fine = await tab.follow(turn["runs"][1]["id"])
    assert failed[-1]["event"]["status"] == "failed"
    assert failed[-1]["event"]["error"]["code"].startswith("provider_")
    assert text_of(failed) != ""
    assert fine[-1]["event"]["status"] == "complete"


async def test_the_same_message_id_twice_at_once_is_one_turn(ada: User, open_tab: OpenTab) -> None:
    first, second = await open_tab(ada), await open_tab(ada)
    message_id = uuid7()
    one, two = await asyncio.gather(first.ask("Once.", id=message_id), second.ask("Once.", id=message_id))
    for turn in (one, two):
        turn["runs"][0].pop("status")  # the second one may find it streaming already
    assert one == two
    assert await Run.objects.acount() == 1


async def test_questions_that_arrive_together_do_not_depend_on_each_other(
    ada: User, eve: User, grace: User, open_tab: OpenTab, running_engine: Engine
) -> None:
    """Where they are stored together, too: one that is refused, in words of its own, leaves the others alone."""
    people = [ada, eve, grace] * 8
    tabs = [await open_tab(person) for person in people]
    earlier = await tabs[0].ask("Earlier")
    held, free = threading.Event(), threading.Event()

    def hold() -> None:
        held.set()
        free.wait(10)

    busy = asyncio.create_task(running_engine.database.write(hold))  # meanwhile all of them arrive
    await asyncio.to_thread(held.wait)
    ids = [uuid7() for _ in tabs]
    ids[3] = ids[0]  # Ada sends one of hers twice
    ids[4] = earlier["message"]  # and Eve one with an id that is taken
    for number, (tab, message_id) in enumerate(zip(tabs, ids, strict=True)):
        model = "nobody/knows" if number == 7 else "demo/fast"
        await tab.say("chat.send", id=message_id, text=f"Question {number}", models=[model])
    free.set()
    await busy
    turns = [await tab.hear("error" if number in (4, 7) else "turn") for number, tab in enumerate(tabs)]
    assert turns[0]["message"] == turns[3]["message"]
    assert [turns[4]["code"], turns[7]["code"]] == ["conflict:chat", "model_unknown:chat"]
    texts = {f"Question {number}" for number in range(24)} - {"Question 3", "Question 4", "Question 7"}
    stored = [message.text async for message in Message.objects.filter(role="user")]
    assert sorted(stored) in (
        sorted({"Earlier", *texts}),
        sorted({"Earlier", "Question 3", *texts} - {"Question 0"}),
    )


async def test_the_same_message_id_of_a_stranger_is_refused(ada: User, eve: User, open_tab: OpenTab) -> None:
    tab, theirs = await open_tab(ada), await open_tab(eve)
    message_id = uuid7()
    await tab.ask("Mine.", id=message_id)
    await theirs.say("chat.send", id=message_id, text="Mine too.", models=["demo/fast"])
    error = await theirs.hear("error")
    assert error["code"] == "conflict:chat"
    assert error["ref"] == str(message_id)
    assert await Message.objects.filter(role="user").acount() == 1


async def test_a_reader_that_comes_back_gets_exactly_the_rest(ada: User, open_tab: OpenTab) -> None:
    tab = await open_tab(ada)
    turn = await tab.ask("Tell me something long.", "demo/long@100")
    run = turn["runs"][0]["id"]
    head = await tab.follow(run, until=3)
    again = await open_tab(ada)
    tail = await again.follow(run, after=3)
    whole = await (await open_tab(ada)).follow(run)
    assert [e["event"] for e in head[:3] + tail] == [e["event"] for e in whole]


async def test_following_beyond_the_end_is_an_error(ada: User, open_tab: OpenTab) -> None:
    tab = await open_tab(ada)
    turn = await tab.ask("Hi.")
    run = turn["runs"][0]["id"]
    events = await tab.follow(run)
    await tab.say("run.follow", run=run, after=len(events) + 1)
    assert (await tab.hear("error"))["code"] == "bad_request:run"


async def test_stop_keeps_what_was_said(ada: User, open_tab: OpenTab) -> None:
    tab = await open_tab(ada)
    turn = await tab.ask("Slowly.", "demo/slow")
    run = turn["runs"][0]["id"]
    head = await tab.follow(run, until=4)
    await tab.say("run.stop", run=run)
    await tab.say("run.stop", run=run)
    rest = await tab.follow(run, after=4)
    assert rest[-1]["event"]["status"] == "stopped"
    message = await Message.objects.aget(pk=turn["runs"][0]["message"])
    assert message.text == text_of(head + rest)


async def test_a_second_question_waits_for_the_answer_it_hangs_on(ada: User, open_tab: OpenTab) -> None:
    tab = await open_tab(ada)
    first = await tab.ask("Slowly.", "demo/slow")
    await tab.follow(first["runs"][0]["id"], until=2)
    second = await tab.ask("And then?", chat=first["chat"])
    await asyncio.sleep(0.3)
    assert (await Run.objects.aget(pk=second["runs"][0]["id"])).status == "queued"
    await tab.say("run.stop", run=first["runs"][0]["id"])
    events = await tab.follow(second["runs"][0]["id"])
    assert events[-1]["event"]["status"] == "complete"


async def test_a_waiting_question_can_be_cancelled(ada: User, open_tab: OpenTab) -> None:
    tab = await open_tab(ada)
    first = await tab.ask("Slowly.", "demo/slow")
    second = await tab.ask("And then?", chat=first["chat"])
    await tab.say("run.stop", run=second["runs"][0]["id"])
    events = await tab.follow(second["runs"][0]["id"])
    assert [e["event"]["type"] for e in events] == ["run.finished"]
    assert events[0]["event"]["status"] == "stopped"


async def test_regenerating_adds_an_answer_beside_the_first(ada: User, open_tab: OpenTab) -> None:
    tab = await open_tab(ada)
    turn = await tab.ask("Hi.")
    await tab.follow(turn["runs"][0]["id"])
    await tab.say("chat.answer", id=uuid7(), message=turn["message"], models=["demo/reason"])
    again = await tab.hear("turn")
    await tab.follow(again["runs"][0]["id"])
    answers = [m async for m in Message.objects.filter(parent=turn["message"]).order_by("position")]
    assert [m.model for m in answers] == ["demo/fast", "demo/reason"]
    assert (await Chat.objects.aget(pk=turn["chat"])).head_id == answers[1].pk


async def test_an_edited_question_begins_a_branch_beside_the_old_one(ada: User, open_tab: OpenTab) -> None:
    tab = await open_tab(ada)
    first = await tab.ask("Hi.")
    await tab.follow(first["runs"][0]["id"])
    edited = await tab.ask("Hello.", chat=first["chat"], edit=first["message"])
    roots = [m.text async for m in Message.objects.filter(chat=first["chat"], parent=None).order_by("created_at")]
    assert roots == ["Hi.", "Hello."]
    assert (await Chat.objects.aget(pk=first["chat"])).head_id == UUID(edited["runs"][0]["message"])


async def test_only_a_question_of_this_chat_can_be_edited(ada: User, open_tab: OpenTab) -> None:
    tab = await open_tab(ada)
    one, two = await tab.ask("One."), await tab.ask("Two.")
    for foreign in (two["message"], one["runs"][0]["message"], uuid7()):
        await tab.say("chat.send", id=uuid7(), chat=one["chat"], edit=foreign, text="X.", models=["demo/fast"])
        assert (await tab.hear("error"))["code"] == "not_found:message"


async def test_a_cut_answer_goes_on_in_the_same_message(ada: User, open_tab: OpenTab) -> None:
    tab = await open_tab(ada)
    turn = await tab.ask("Hi.", "demo/fail@5")
    cut = await tab.follow(turn["runs"][0]["id"])
    before = text_of(cut)
    await Run.objects.filter(pk=turn["runs"][0]["id"]).aupdate(model="demo/fast")
    await tab.say("run.continue", id=uuid7(), run=turn["runs"][0]["id"])
    again = await tab.hear("turn")
    rest = await tab.follow(again["runs"][0]["id"])
    assert again["runs"][0]["message"] == turn["runs"][0]["message"]
    assert (await Message.objects.aget(pk=turn["runs"][0]["message"])).text == before + text_of(rest)


async def test_two_continues_at_once_write_one_answer(ada: User, open_tab: OpenTab) -> None:
    one, two = await open_tab(ada), await open_tab(ada)
    turn = await one.ask("Hi.", "demo/fail@5")
    run = turn["runs"][0]["id"]
    await one.follow(run)
    await Run.objects.filter(pk=run).aupdate(model="demo/slow")
    same = uuid7()
    await asyncio.gather(*(tab.say("run.continue", id=same, run=run) for tab in (one, two)))
    assert (await one.hear("turn"))["runs"][0]["id"] == (await two.hear("turn"))["runs"][0]["id"]
    await two.say("run.continue", id=uuid7(), run=run)
    assert (await two.hear("error"))["code"] == "conflict:run"
    assert await Run.objects.filter(status__in=Run.ACTIVE).acount() == 1


@pytest.mark.parametrize("kind", ["run.follow", "run.stop", "run.continue"])
async def test_a_strangers_run_does_not_exist(kind: str, ada: User, eve: User, open_tab: OpenTab) -> None:
    turn = await (await open_tab(ada)).ask("Mine.", "demo/slow")
    theirs = await open_tab(eve)
    await theirs.say(kind, id=uuid7(), run=turn["runs"][0]["id"])
    error = await theirs.hear("error")
    assert (error["code"], error["details"]) == ("not_found:run", {"run": turn["runs"][0]["id"]})


async def test_a_strangers_chat_does_not_exist(ada: User, eve: User, grace: User, open_tab: OpenTab) -> None:
    turn = await (await open_tab(ada)).ask("Mine.")
    for other in (eve, grace):
        theirs = await open_tab(other)
        await theirs.say("chat.send", id=uuid7(), chat=turn["chat"], text="Let me in.", models=["demo/fast"])
        assert (await theirs.hear("error"))["code"] == "not_found:chat"
        await theirs.say("chat.answer", id=uuid7(), message=turn["message"], models=["demo/fast"])
        assert (await theirs.hear("error"))["code"] == "not_found:message"


async def test_a_parent_from_another_chat_is_refused(ada: User, open_tab: OpenTab) -> None:
    tab = await open_tab(ada)
    one, two = await tab.ask("One."), await tab.ask("Two.")
    await tab.say("chat.send", id=uuid7(), chat=one["chat"], parent=two["message"], text="Mix.", models=["demo/fast"])
    assert (await tab.hear("error"))["code"] == "not_found:message"


BAD: list[tuple[dict[str, Any], str]] = [
    ({"models": ["openai/nothing"]}, "model_unknown:chat"),
    ({"models": []}, "bad_request:frame"),
    ({"models": ["demo"] * 7}, "bad_request:frame"),
    ({"text": "  \n "}, "bad_request:chat"),
    ({"text": "x" * 200_001}, "too_large:chat"),
    ({"id": "not-a-uuid"}, "bad_request:frame"),
    ({"options": {"temperature": 9}}, "bad_request:frame"),
]


@pytest.mark.parametrize(("change", "code"), BAD)
async def test_bad_input_gets_a_typed_error_and_the_socket_stays(
    change: dict[str, Any], code: str, ada: User, open_tab: OpenTab
) -> None:
    tab = await open_tab(ada)
    message_id = change.get("id", uuid7())
    await tab.say("chat.send", **{"id": message_id, "text": "Hi.", "models": ["demo/fast"], **change})
    error = await tab.hear("error")
    assert error["code"] == code
    assert error["ref"] == str(message_id)
    assert error["request_id"]
    assert await Message.objects.acount() == 0
    await tab.ask("Still here?")


async def test_an_unknown_frame_type_gets_an_error_and_the_socket_stays(ada: User, open_tab: OpenTab) -> None:
    tab = await open_tab(ada)
    await tab.say("chat.dance")
    assert (await tab.hear("error"))["code"] == "bad_request:frame"
    await tab.say("ping")
    await tab.hear("pong")


@pytest.mark.parametrize(
    ("text", "code"),
    [("{", 4400), ("[]", 4400), ('"hi"', 4400), (orjson.dumps({"type": "ping", "x": "y" * 263_000}).decode(), 4413)],
)
async def test_an_unreadable_frame_closes_the_socket(text: str, code: int, ada: User, open_tab: OpenTab) -> None:
    tab = await open_tab(ada)
    await tab.say_text(text)
    with pytest.raises(Closed) as closed:
        await tab.next()
    assert closed.value.code == code


async def test_a_flood_of_frames_closes_the_socket(ada: User, open_tab: OpenTab) -> None:
    tab = await open_tab(ada)

    async def flood() -> None:
        for _ in range(600):
            await tab.say("ping")
            await tab.next()

    with pytest.raises(Closed) as closed:
        await flood()
    assert closed.value.code == 4429


async def test_another_protocol_version_is_told_to_reload(ada: User, running_engine: Engine) -> None:
    async with Tab(await logged_in(ada), greet=False) as tab:
        await tab.say("hello", version=2)
        with pytest.raises(Closed) as closed:
            await tab.next()
    assert closed.value.code == 4409


async def test_without_a_login_the_socket_closes_with_4401(running_engine: Engine) -> None:
    async with Tab(None, greet=False) as tab:
        assert tab.accepted
        with pytest.raises(Closed) as closed:
            await tab.next()
    assert closed.value.code == 4401


@pytest.mark.parametrize("origin", [(b"origin", b"http://evil.example"), (b"origin", b"null"), None])
async def test_another_site_cannot_open_a_socket(
    origin: tuple[bytes, bytes] | None, ada: User, running_engine: Engine
) -> None:
    tab = Tab(await logged_in(ada), origin=origin, greet=False)
    accepted, _ = await tab._socket.connect(timeout=5)
    assert not accepted


async def test_logging_out_closes_the_socket_within_a_second(ada: User, running_engine: Engine) -> None:
    browser = await logged_in(ada)
    async with Tab(browser) as tab:
        await sync_to_async(browser.logout)()
        with pytest.raises(Closed) as closed:
            await tab.next(timeout=3)
    assert closed.value.code == 4401


async def test_suspension_closes_every_socket_of_a_person(ada: User, eve: User, open_tab: OpenTab) -> None:
    tab, other = await open_tab(ada), await open_tab(eve)
    await User.objects.filter(pk=ada.pk).aupdate(is_active=False)
    with pytest.raises(Closed) as closed:
        await tab.next(timeout=3)
    assert closed.value.code == 4401
    await other.say("ping")
    await other.hear("pong")


async def test_a_reader_that_does_not_acknowledge_is_paused_and_goes_on_after_an_ack(
    ada: User, open_tab: OpenTab, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("chat.consumers.CREDIT", 600)
    tab = await open_tab(ada)
    turn = await tab.ask("Long.", "demo/long@100")
    run = turn["runs"][0]["id"]
    await tab.say("run.follow", run=run, after=0)
    paused = await tab.hear("notice")
    while paused["kind"] != "paused":
        paused = await tab.hear("notice")
    seen = [f["seq"] for f in tab.seen if f["type"] == "event"]
    assert paused["seq"] == seen[-1]
    await asyncio.sleep(0.3)
    await tab.say("run.ack", run=run, seq=paused["seq"])
    assert (await tab.hear("event"))["seq"] == paused["seq"] + 1


async def test_other_tabs_hear_of_a_new_question(ada: User, open_tab: OpenTab) -> None:
    one, two = await open_tab(ada), await open_tab(ada)
    turn = await one.ask("Hi.")
    notice = await two.hear("notice")
    assert notice["kind"] == "message.added"
    assert notice["chat"] == turn["chat"]
    assert notice["message"] == turn["message"]


async def test_other_tabs_hear_how_an_answer_ended(ada: User, open_tab: OpenTab) -> None:
    one, two = await open_tab(ada), await open_tab(ada)
    turn = await one.ask("Hi.")
    notice = await two.hear("notice")
    while notice["kind"] != "run.state":
        notice = await two.hear("notice")
    assert notice == {
        "type": "notice",
        "kind": "run.state",
        "run": turn["runs"][0]["id"],
        "chat": turn["chat"],
        "status": "complete",
    }


async def test_too_many_messages_a_minute_are_refused_with_the_seconds_to_wait(
    ada: User, open_tab: OpenTab, settings: Any
) -> None:
    settings.RATE_LIMIT_MESSAGES = "2/m"
    tab = await open_tab(ada)
    await tab.ask("One.")
    await tab.ask("Two.")
    await tab.say("chat.send", id=uuid7(), text="Three.", models=["demo/fast"])
    error = await tab.hear("error")
    assert error["code"] == "rate_limited:chat"
    assert error["status"] == 429
    assert 0 < error["details"]["retry_after_s"] <= 60


async def test_near_the_end_of_the_day_the_page_is_told_and_over_it_the_question_is_refused(
    ada: User, open_tab: OpenTab
) -> None:
    await Plan.objects.filter(pk="member").aupdate(answers_a_day=2)
    plans.forget()
    tab = await open_tab(ada)
    await tab.ask("One.")
    await tab.ask("Two.")
    notice = await tab.hear("notice")
    while notice["kind"] != "quota":
        notice = await tab.hear("notice")
    assert (notice["window"], notice["used"], notice["limit"]) == ("messages_day", 2, 2)
    await tab.say("chat.send", id=uuid7(), text="Three.", models=["demo/fast"])
    error = await tab.hear("error")
    assert (error["code"], error["status"]) == ("quota_exceeded:chat", 402)
    assert error["details"]["used"] == 2
    assert error["details"]["actions"] == ["wait"]
    assert await Message.objects.filter(role="user").acount() == 2


async def test_failed_and_empty_answers_count_none(ada: User, open_tab: OpenTab) -> None:
    tab = await open_tab(ada)
    for model in ("demo/fail@3", "demo/empty", "demo/fast"):
        turn = await tab.ask("Hi.", model)
        await tab.follow(turn["runs"][0]["id"])
    actor = await sync_to_async(cast.actor_of)(ada)
    standing = await sync_to_async(quotas.standing)(actor)
    assert standing.used == 1


def test_every_client_frame_states_a_rule() -> None:
    assert all(kind.rule for kind in frames.FRAMES.values())
