"""Pages: what they show, to whom, at what cost, and asking without JavaScript."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import orjson
import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone, translation
from pytest_django import DjangoAssertNumQueries, Settings

from accounts.actors import Actor
from accounts.models import User
from chat import figures, history, transcripts, turns
from chat.branches import Switch
from chat.models import Chat, Message, Run, RunEvent
from chat.runs import log
from config.ids import uuid7
from providers import overrides
from tests import cast

Browser = Callable[..., Client]
Counted = Callable[[], CaptureQueriesContext]
Said = list[dict[str, Any]]


def _text(text: str) -> Said:
    return [{"type": "text", "text": text}]


def _ask(
    chat: Chat, text: str, parent: Message | None = None, *models: str, status: str = "complete", **run: Any
) -> list[Message]:
    """A question under `parent`, then one answer a model, "answer to …"; the branch moves to the first."""
    asked = Message.objects.create(chat=chat, parent=parent, role="user", parts=_text(text))
    return [asked, *_answers(asked, *(models or ("demo",)), turn=asked.id, status=status, **run)]


def _answers(asked: Message, *models: str, turn: UUID, status: str = "complete", **run: Any) -> list[Message]:
    answers = []
    for lane, model in enumerate(models):
        parts = _text(f"answer to {asked.text}") if status not in Run.ACTIVE else []
        answer = Message.objects.create(
            chat=asked.chat, parent=asked, role="assistant", model=model, position=lane, parts=parts
        )
        Run.objects.create(
            tenant=asked.chat.tenant,
            owner=asked.chat.owner,
            message=answer,
            turn=turn,
            position=lane,
            model=model,
            status=status,
            **run,
        )
        answers.append(answer)
    asked.chat.head = answers[0]
    asked.chat.save()
    return answers


def _long_chat(owner: User, rounds: int) -> tuple[Chat, list[Message]]:
    chat = Chat.objects.create(tenant=owner.home, owner=owner, title="Long")
    messages: list[Message] = []
    for number in range(rounds):
        messages += _ask(chat, f"question {number}.", messages[-1] if messages else None)
    return chat, messages


def _say(run: Run, *events: dict[str, Any]) -> None:
    for seq, event in enumerate(events, start=1):
        RunEvent.objects.create(run=run, seq=seq, body=orjson.dumps(event).decode())


@pytest.fixture
def counted(monkeypatch: pytest.MonkeyPatch) -> Counted:
    """Counts queries, without the one a second and process for what administrators changed of the models."""
    monkeypatch.setattr(overrides, "FRESH_S", 3600)
    overrides.current()
    return lambda: CaptureQueriesContext(connection)


def _form(html: str) -> dict[str, str]:
    return dict(re.findall(r'<input type="hidden" name="(id|chat|parent|csrfmiddlewaretoken)" value="([^"]*)"', html))


# --- A new chat ----------------------------------------------------------------------------------------


def test_a_visitor_sees_the_page_and_leaves_no_row(browser: Browser) -> None:
    client = browser()
    response = client.get("/")
    assert response.status_code == 200
    assert (User.objects.count(), Chat.objects.count()) == (0, 0)
    assert client.cookies["visitor"]["httponly"]
    assert "sessionid" not in client.cookies


def test_a_visitor_keeps_their_cookie(browser: Browser) -> None:
    client = browser()
    client.get("/")
    assert "visitor" not in client.get("/").cookies


def test_a_question_in_the_address_waits_in_the_composer(browser: Browser) -> None:
    html = browser().get("/", {"query": "Why <b>?"}).content.decode()
    assert "Why &lt;b&gt;?</textarea>" in html


def test_where_guests_are_not_allowed_a_visitor_logs_in_first(browser: Browser, settings: Settings) -> None:
    settings.ALLOW_GUESTS = False
    response = browser().get("/")
    assert (response.status_code, response["Location"]) == (302, "/accounts/login/")


def test_the_models_chosen_last_are_chosen_again(ada: User, browser: Browser) -> None:
    client = browser(ada)
    client.cookies["models"] = "demo%2Freason,no/such,demo"
    assert client.get("/").context["picker"].chosen == ("demo/reason", "demo")


def test_favourites_stand_on_top_and_nowhere_else(ada: User, browser: Browser) -> None:
    client = browser(ada)
    client.cookies["favourites"] = "demo%2Fslow,no%2Fsuch,openai%2Fgpt-4.1"
    picker = client.get("/").context["picker"]
    assert [entry.id for entry in picker.favourites] == ["demo/slow"], "only what can be used"
    assert "demo/slow" not in [entry.id for group in picker.groups for entry in group.entries]


def test_usable_models_come_first(ada: User, browser: Browser) -> None:
    groups = browser(ada).get("/").context["picker"].groups
    assert [group.usable for group in groups] == sorted((group.usable for group in groups), reverse=True)


def test_pages_belong_to_their_reader_alone(ada: User, browser: Browser) -> None:
    response = browser(ada).get("/")
    assert "private" in response["Cache-Control"] and "no-cache" in response["Cache-Control"]
    assert "Cookie" in response["Vary"] and "HX-Request" in response["Vary"]


# --- A chat --------------------------------------------------------------------------------------------


def test_a_chat_shows_its_questions_as_text_and_its_answers_as_markdown(ada: User, browser: Browser) -> None:
    chat = cast.make_chat(owner=ada, question="What is *this*?", answer="It is **bold**.")
    html = browser(ada).get(f"/chat/{chat.id}").content.decode()
    assert "What is *this*?" in html
    assert "It is <strong>bold</strong>." in html


def test_a_chat_of_somebody_else_does_not_exist(
    ada: User, grace: User, eve: User, guest: User, browser: Browser
) -> None:
    chat = cast.make_chat(owner=ada)
    answer = chat.messages.get(role="assistant")
    for stranger in (grace, eve, guest):
        for path in (f"/chat/{chat.id}", f"/chat/{chat.id}/messages/{answer.id}"):
            assert browser(stranger).get(path).status_code == 404
    assert browser(ada).get(f"/chat/{chat.id}").status_code == 200


def test_a_message_is_found_in_its_own_chat_only(ada: User, browser: Browser) -> None:
    one, other = cast.make_chat(owner=ada), cast.make_chat(owner=ada)
    answer = other.messages.get(role="assistant")
    client = browser(ada)
    assert client.get(f"/chat/{other.id}/messages/{answer.id}").status_code == 200
    assert client.get(f"/chat/{one.id}/messages/{answer.id}").status_code == 404
    assert client.get(f"/chat/{one.id}?before={answer.id}").status_code == 404
    assert client.get(f"/chat/{one.id}?at={answer.id}").status_code == 404


@pytest.mark.parametrize("query", ["at=x", "before=x", "before=1;drop"])
def test_an_odd_id_is_refused(ada: User, browser: Browser, query: str) -> None:
    chat = cast.make_chat(owner=ada)
    assert browser(ada).get(f"/chat/{chat.id}?{query}").status_code == 400


def test_a_running_answer_is_shown_up_to_an_event_and_followed_from_there(ada: User, browser: Browser) -> None:
    chat = cast.make_chat(owner=ada, status=Run.Status.STREAMING)
    run = Run.objects.get(message__chat=chat)
    _say(
        run,
        {"type": "run.started", "model": "demo"},
        {"type": "text.delta", "text": "So "},
        {"type": "text.delta", "text": "far"},
    )
    response = browser(ada).get(f"/chat/{chat.id}")
    (answer,) = response.context["turns"][0].answers
    assert (answer.active, answer.run_id, answer.seq, answer.markdown) == (True, run.id, 3, "So far")
    assert answer.raw == {"parts": _text("So far")}
    assert f'data-run="{run.id}" data-seq="3"' in response.content.decode()


def test_a_page_without_javascript_refreshes_itself_until_the_answer_ends(ada: User, browser: Browser) -> None:
    running, ended = cast.make_chat(owner=ada, status=Run.Status.QUEUED), cast.make_chat(owner=ada)
    refresh = '<noscript><meta http-equiv="refresh"'
    assert refresh in browser(ada).get(f"/chat/{running.id}").content.decode()
    assert refresh not in browser(ada).get(f"/chat/{ended.id}").content.decode()


def test_an_answer_that_ends_while_the_page_is_made_is_shown_whole(ada: User, monkeypatch: pytest.MonkeyPatch) -> None:
    """Otherwise it would be followed from its last event, after which nothing comes."""
    chat = cast.make_chat(owner=ada, status=Run.Status.STREAMING)
    run = Run.objects.get(message__chat=chat)
    _say(run, {"type": "text.delta", "text": "whole"})
    read = log.so_far

    def read_and_end(run_ids: Any) -> Any:
        found = read(run_ids)
        Run.objects.filter(pk=run.pk).update(status="complete", last_seq=2)
        Message.objects.filter(runs=run).update(parts=_text("whole and more"))
        return found

    monkeypatch.setattr(log, "so_far", read_and_end)
    (answer,) = transcripts.window(chat).turns[0].answers
    assert (answer.active, answer.markdown, answer.seq) == (False, "whole and more", 2)


def test_an_answer_that_goes_on_shows_what_it_held_before(ada: User) -> None:
    chat = cast.make_chat(owner=ada, status=Run.Status.INTERRUPTED, answer="Once ")
    first = Run.objects.get(message__chat=chat)
    second = Run.objects.create(
        tenant=ada.home, owner=ada, message=first.message, turn=uuid7(), model="demo", status=Run.Status.STREAMING
    )
    _say(
        second,
        {"type": "text.delta", "text": "upon"},
        {"type": "tool.call", "call": "1", "name": "n", "arguments": "{}"},
    )
    (answer,) = transcripts.window(chat).turns[0].answers
    assert (answer.run_id, answer.markdown, answer.seq) == (second.id, "Once upon", 2)
    assert [block.type for block in answer.blocks] == ["text", "tool"]


def test_what_went_wrong_is_said(ada: User, browser: Browser) -> None:
    chat = cast.make_chat(owner=ada, status=Run.Status.FAILED)
    Run.objects.update(error_code="provider_timeout:run", error_message="The model did not answer in time.")
    html = browser(ada).get(f"/chat/{chat.id}").content.decode()
    assert "The model did not answer in time." in html and "provider_timeout:run" in html


def test_the_figures_of_an_answer_follow_the_readers_language(ada: User, browser: Browser) -> None:
    chat = cast.make_chat(owner=ada)
    Run.objects.update(duration_ms=6_234, ttft_ms=534, tokens_out=1348, cost_nano=2_100_000)
    client = browser(ada)
    english = client.get(f"/chat/{chat.id}").context["turns"][0].answers[0].meta
    assert (english.duration, english.tokens, english.speed, english.cost) == (
        "6.2 s",
        "1,348 tokens",
        "236 tok/s",
        "$0.0021",
    )
    german = client.get(f"/chat/{chat.id}", headers={"Accept-Language": "de"}).context["turns"][0].answers[0].meta
    assert german.duration.startswith("6,2") and "1.348" in german.tokens and "0,0021" in german.cost


def test_an_answer_of_a_model_that_is_gone_keeps_its_name(ada: User, browser: Browser) -> None:
    chat = cast.make_chat(owner=ada, models=["gone/model-1"])
    assert "model-1" in browser(ada).get(f"/chat/{chat.id}").content.decode()


# --- Long chats, branches, comparisons -----------------------------------------------------------------


def test_a_long_chat_shows_its_end_and_the_way_up(ada: User, browser: Browser) -> None:
    chat, messages = _long_chat(ada, 70)
    client = browser(ada)
    page = client.get(f"/chat/{chat.id}").context
    assert [turn.question.text for turn in page["turns"]] == [f"question {n}." for n in range(40, 70)]
    assert page["earlier"] == messages[80].id
    html = client.get(
        f"/chat/{chat.id}", {"before": str(page["earlier"])}, headers={"HX-Request": "true"}
    ).content.decode()
    assert "question 10." in html and "question 39." in html
    assert "question 9." not in html and "question 40." not in html
    assert "<html" not in html


def test_the_first_messages_have_nothing_above_them(ada: User, browser: Browser) -> None:
    chat, messages = _long_chat(ada, 31)
    page = browser(ada).get(f"/chat/{chat.id}", {"before": str(messages[2].id)}).context
    assert [turn.question.text for turn in page["turns"]] == ["question 0."]
    assert page["earlier"] is None


def test_an_edited_question_keeps_the_other_branch_in_reach(ada: User, browser: Browser) -> None:
    chat = Chat.objects.create(tenant=ada.home, owner=ada)
    _first, answer = _ask(chat, "first")
    old, old_answer = _ask(chat, "old", answer)
    new, _new_answer = _ask(chat, "new", answer)
    client = browser(ada)
    turns_shown = client.get(f"/chat/{chat.id}").context["turns"]
    assert [turn.question.text for turn in turns_shown] == ["first", "new"]
    switch = turns_shown[1].question.switch
    assert (switch.number, switch.count, switch.previous, switch.next) == (2, 2, old.id, None)
    other = client.get(f"/chat/{chat.id}", {"at": str(switch.previous)}).context
    assert [turn.question.text for turn in other["turns"]] == ["first", "old"]
    assert other["turns"][1].question.switch.next == new.id
    assert other["head"] == old_answer.id
    chat.refresh_from_db()
    assert chat.head != old_answer, "looking at a branch does not choose it"


def test_questions_at_the_start_of_a_chat_can_be_branches_too(ada: User) -> None:
    chat = Chat.objects.create(tenant=ada.home, owner=ada)
    one, *_ = _ask(chat, "one")
    _ask(chat, "two")
    (turn,) = transcripts.window(chat).turns
    assert turn.question.switch == Switch(2, 2, one.id, None)


def test_an_answer_asked_for_again_is_a_branch(ada: User) -> None:
    chat = Chat.objects.create(tenant=ada.home, owner=ada)
    asked, first = _ask(chat, "q")
    (second,) = _answers(asked, "demo", turn=uuid7())
    (turn,) = transcripts.window(chat).turns
    (shown,) = turn.answers
    assert not turn.comparison
    assert (shown.id, shown.switch) == (second.id, Switch(2, 2, first.id, None))


def test_models_asked_at_once_stand_side_by_side(ada: User, browser: Browser) -> None:
    chat = cast.make_chat(owner=ada, models=["demo", "demo/fast", "demo"])
    page = browser(ada).get(f"/chat/{chat.id}").context
    (turn,) = page["turns"]
    assert turn.comparison
    assert [answer.model for answer in turn.answers] == ["demo", "demo/fast", "demo"]
    assert [answer.current for answer in turn.answers] == [False, False, True]
    assert page["picker"].chosen == ("demo", "demo/fast", "demo"), "the next question goes to the same models"


def test_one_answer_is_served_alone_and_a_question_with_its_answers(ada: User, browser: Browser) -> None:
    chat = cast.make_chat(owner=ada, models=["demo", "demo/fast"])
    asked, first, second = chat.messages.all()
    client = browser(ada)
    one = client.get(f"/chat/{chat.id}/messages/{first.id}").content.decode()
    assert str(first.id) in one and str(second.id) not in one
    whole = client.get(f"/chat/{chat.id}/messages/{asked.id}").content.decode()
    assert all(str(message.id) in whole for message in (asked, first, second))


def test_an_answer_that_is_not_chosen_is_served_too(ada: User, browser: Browser) -> None:
    chat = Chat.objects.create(tenant=ada.home, owner=ada)
    asked, first = _ask(chat, "q")
    _answers(asked, "demo", turn=uuid7())
    response = browser(ada).get(f"/chat/{chat.id}/messages/{first.id}")
    assert response.context["answer"].id == first.id


def test_a_chat_without_messages_is_a_page(ada: User, browser: Browser) -> None:
    chat = Chat.objects.create(tenant=ada.home, owner=ada)
    assert browser(ada).get(f"/chat/{chat.id}").status_code == 200


# --- Cost ----------------------------------------------------------------------------------------------


def test_a_page_costs_the_same_queries_however_long_the_chat_is(ada: User, browser: Browser, counted: Counted) -> None:
    client = browser(ada)
    counts = []
    for rounds in (1, 15, 40):
        chat, _messages = _long_chat(ada, rounds)
        with counted() as queries:
            client.get(f"/chat/{chat.id}")
        counts.append(len(queries))
    # One more whenever a second has passed and the plan is read anew.
    assert max(counts) - min(counts) <= 1 and max(counts) <= 11


def test_running_answers_cost_three_queries_more_however_many_they_are(ada: User, counted: Counted) -> None:
    ended = cast.make_chat(owner=ada, models=["demo"] * 6)
    with counted() as calm:
        transcripts.window(ended)
    for models in (["demo"], ["demo"] * 6):
        running = cast.make_chat(owner=ada, models=models, status=Run.Status.STREAMING)
        with counted() as busy:
            transcripts.window(running)
        assert len(busy) == len(calm) + 3


def test_the_sidebar_is_one_query(
    ada: User, actor_of: Callable[[User], Actor], django_assert_num_queries: DjangoAssertNumQueries
) -> None:
    for _number in range(30):
        cast.make_chat(owner=ada)
    actor = actor_of(ada)
    with django_assert_num_queries(1):
        history.read(actor, now=timezone.now(), zone=UTC)


@pytest.mark.parametrize("path", ["/health", "/robots.txt", "/manifest.webmanifest", "/sw.js"])
def test_what_everybody_may_ask_costs_no_query(
    path: str, browser: Browser, django_assert_num_queries: DjangoAssertNumQueries
) -> None:
    with django_assert_num_queries(0):
        response = browser().get(path)
    assert response.status_code == 200
    assert not response.cookies


def test_health_says_ok(browser: Browser) -> None:
    assert browser().get("/health").json() == {"ok": True}


def test_the_manifest_makes_an_app(browser: Browser) -> None:
    manifest = browser().get("/manifest.webmanifest")
    assert manifest["Content-Type"] == "application/manifest+json"
    icons = manifest.json()["icons"]
    assert {icon["sizes"] for icon in icons} == {"192x192", "512x512"}
    assert [icon.get("purpose") for icon in icons].count("maskable") == 1


# --- The sidebar ---------------------------------------------------------------------------------------

NOW = datetime(2026, 3, 10, 12, tzinfo=UTC)


def _chat_of(owner: User, title: str, updated_at: datetime) -> Chat:
    chat = Chat.objects.create(tenant=owner.home, owner=owner, title=title)
    Chat.objects.filter(pk=chat.pk).update(updated_at=updated_at)
    return chat


def test_chats_are_grouped_by_day_and_month(ada: User, actor_of: Callable[[User], Actor]) -> None:
    for title, age in (("a", 0), ("b", 1), ("c", 2), ("d", 7), ("e", 8), ("f", 40), ("g", 100)):
        _chat_of(ada, title, NOW - timedelta(days=age))
    found = history.read(actor_of(ada), now=NOW, zone=UTC)
    assert {group.label: "".join(row.title for row in group.chats) for group in found.groups} == {
        "Today": "a",
        "Yesterday": "b",
        "Last 7 days": "cd",
        "March": "e",
        "January": "f",
        "November 2025": "g",
    }
    assert found.next == ""


@pytest.mark.parametrize(
    ("cookie", "label"),
    [("", "Today"), ("UTC", "Today"), ("America/New_York", "Yesterday"), ("America%2FNew_York", "Yesterday")]
    + [(odd, "Today") for odd in ("Mars/Base", "../../etc/passwd", "America", "/etc/localtime", "\x00")],
)
def test_a_day_begins_when_the_readers_does(
    ada: User, browser: Browser, monkeypatch: pytest.MonkeyPatch, cookie: str, label: str
) -> None:
    monkeypatch.setattr(timezone, "now", lambda: datetime(2026, 3, 10, 12, tzinfo=UTC))
    client = browser(ada)
    _chat_of(ada, "late", datetime(2026, 3, 10, 2, tzinfo=UTC))
    client.cookies["tz"] = cookie
    assert [group.label for group in client.get("/sidebar").context["chat_groups"]] == [label]


def test_the_list_goes_on_where_the_page_before_ended(ada: User, eve: User, browser: Browser) -> None:
    for number in range(history.PAGE + 15):
        # Three share each moment: the cursor must not lose or repeat any of them.
        _chat_of(ada, f"chat {number}", timezone.now() - timedelta(days=400 + number // 3))
    _chat_of(eve, "Eve's", timezone.now())
    client = browser(ada)
    first = client.get("/sidebar").context
    second = client.get("/sidebar", {"after": first["chat_next"]}).context
    rows = [row.id for page in (first, second) for group in page["chat_groups"] for row in group.chats]
    assert len(rows) == len(set(rows)) == history.PAGE + 15
    assert second["chat_next"] == ""
    assert second["chat_groups"][0].continues == (first["chat_groups"][-1].label == second["chat_groups"][0].label)


@pytest.mark.parametrize("cursor", ["x", "_", "2026-01-01T00:00:00.000000Z_x", "0_0", "9" * 400])
def test_a_cursor_that_is_not_ours_is_refused(ada: User, browser: Browser, cursor: str) -> None:
    assert browser(ada).get("/sidebar", {"after": cursor}).status_code == 400


def test_the_sidebar_marks_what_is_open_and_what_is_running(ada: User, browser: Browser) -> None:
    running, opened = cast.make_chat(owner=ada, status=Run.Status.STREAMING), cast.make_chat(owner=ada)
    page = browser(ada).get(f"/chat/{opened.id}").context
    marks = {row.id: (row.running, row.current) for group in page["chat_groups"] for row in group.chats}
    assert marks == {running.id: (True, False), opened.id: (False, True)}


def test_chats_are_found_by_words_of_their_title(ada: User, eve: User, browser: Browser) -> None:
    for title in ("Bread for Sunday", "Sunday walk", "Sourdough"):
        _chat_of(ada, title, NOW)
    _chat_of(eve, "Sunday of somebody else", NOW)

    def found(query: str) -> list[str]:
        groups = browser(ada).get("/sidebar", {"query": query}).context["chat_groups"]
        return sorted(row.title for group in groups for row in group.chats)

    assert found("sunday") == ["Bread for Sunday", "Sunday walk"]
    assert found("walk sunday") == ["Sunday walk"]
    assert found("100%") == []
    assert len(found("")) == 3


def test_an_answer_is_unread_until_its_owner_has_seen_the_end(ada: User, browser: Browser) -> None:
    chat = cast.make_chat(owner=ada)
    client = browser(ada)

    def unread() -> bool:
        (group,) = client.get("/sidebar").context["chat_groups"]
        return bool(group.chats[0].unread)

    assert not unread(), "what nobody ever opened is not called new"
    Chat.objects.update(read_at=timezone.now() - timedelta(hours=1))
    assert unread()
    client.get(f"/chat/{chat.id}/messages/{chat.head_id}")
    assert unread(), "a page in the background reads nothing"
    client.get(f"/chat/{chat.id}/messages/{chat.head_id}?seen")
    assert not unread()
    Chat.objects.update(read_at=timezone.now() - timedelta(hours=1))
    client.get(f"/chat/{chat.id}")
    assert not unread()


def test_what_is_left_today_stands_beside_the_chats(guest: User, browser: Browser) -> None:
    client = browser(guest)
    assert "20 of 20 answers left today" in client.get("/sidebar").content.decode()
    assert b'id="today"' not in client.get("/sidebar?query=x").content
    assert b'id="today"' not in browser().get("/").content, "a visitor has used nothing and is nobody yet"


def test_months_have_names_in_the_readers_language() -> None:
    with translation.override("de"):
        assert history._label(NOW.date() - timedelta(days=40), NOW.date()) == "Januar"


# --- Asking without JavaScript ---------------------------------------------------------------------------


def test_a_visitor_asks_and_is_sent_to_the_answer(browser: Browser) -> None:
    client = browser(enforce_csrf_checks=True)
    form = _form(client.get("/").content.decode())
    response = client.post("/chat", form | {"text": "What is a monad?", "models": ["demo", "demo/fast"]})
    chat = Chat.objects.get()
    assert (response.status_code, response["Location"]) == (303, f"/chat/{chat.id}")
    assert [run.model for run in Run.objects.order_by("position")] == ["demo", "demo/fast"]
    assert User.objects.get().is_guest
    assert client.get(response["Location"]).status_code == 200


def test_the_same_form_sent_twice_is_one_question(browser: Browser) -> None:
    client = browser()
    form = _form(client.get("/").content.decode()) | {"text": "once", "models": ["demo"]}
    assert client.post("/chat", form)["Location"] == client.post("/chat", form)["Location"]
    assert Message.objects.filter(role="user").count() == 1
    assert Run.objects.count() == 1


def test_a_question_follows_the_branch_that_is_shown(ada: User, browser: Browser) -> None:
    chat = Chat.objects.create(tenant=ada.home, owner=ada)
    asked, first = _ask(chat, "q")
    _answers(asked, "demo", turn=uuid7())
    client = browser(ada)
    form = _form(client.get(f"/chat/{chat.id}", {"at": str(first.id)}).content.decode())
    client.post("/chat", form | {"text": "and then?", "models": ["demo"]})
    assert Message.objects.get(role="user", parent=first).text == "and then?"


def test_a_question_can_be_put_in_place_of_an_earlier_one(ada: User, browser: Browser) -> None:
    chat, (first, *_rest) = _long_chat(ada, 2)
    client = browser(ada)
    form = {"id": str(uuid7()), "chat": str(chat.id), "edit": str(first.id), "text": "otherwise", "models": "demo"}
    assert client.post("/chat", form).status_code == 303
    (turn,) = client.get(f"/chat/{chat.id}").context["turns"]
    assert (turn.question.text, turn.question.switch.number, turn.question.switch.count) == ("otherwise", 2, 2)


def test_a_page_of_another_branch_goes_on_there(ada: User, browser: Browser) -> None:
    chat, messages = _long_chat(ada, 2)
    _ask(chat, "otherwise", messages[1])
    page = browser(ada).get(f"/chat/{chat.id}?at={messages[2].id}")
    assert f'data-parent="{messages[3].id}"' in page.content.decode()
    assert "data-parent=" not in browser(ada).get(f"/chat/{chat.id}").content.decode().partition("<main")[0]


def test_without_a_chosen_model_the_usual_one_answers(ada: User, browser: Browser) -> None:
    browser(ada).post("/chat", {"text": "hello"})
    assert Run.objects.get().model == "demo"


@pytest.mark.parametrize(
    ("text", "models", "status", "words"),
    [
        ("  ", ["demo"], 400, "Write something first."),
        ("kept", ["no/such"], 400, "There is no such model here."),
        ("kept", ["demo"] * 7, 400, "Choose one to 6 models."),
        ("kept" + "x" * turns.TEXT_MAX, ["demo"], 413, "the limit is"),
    ],
)
def test_what_cannot_be_asked_comes_back_with_its_text(
    ada: User, browser: Browser, text: str, models: list[str], status: int, words: str
) -> None:
    response = browser(ada).post("/chat", {"text": text, "models": models})
    assert response.status_code == status
    html = response.content.decode()
    assert words in html
    assert f"{text}</textarea>" in html
    assert not Message.objects.exists()


def test_a_text_comes_back_on_the_page_of_its_chat(ada: User, browser: Browser) -> None:
    chat = cast.make_chat(owner=ada)
    response = browser(ada).post("/chat", {"text": "kept", "chat": str(chat.id), "models": ["no/such"]})
    assert response.context["chat"] == chat
    assert response.context["picker"].chosen == ("demo",)


def test_nobody_asks_in_a_foreign_chat_and_the_text_is_kept(ada: User, eve: User, browser: Browser) -> None:
    chat = cast.make_chat(owner=ada)
    response = browser(eve).post("/chat", {"text": "kept", "chat": str(chat.id), "models": ["demo"]})
    assert response.status_code == 404
    html = response.content.decode()
    assert "kept</textarea>" in html and "monad" not in html
    assert chat.messages.count() == 2


@pytest.mark.parametrize("field", ["id", "chat", "parent"])
def test_an_odd_field_comes_back_too(ada: User, browser: Browser, field: str) -> None:
    response = browser(ada).post("/chat", {"text": "kept", "models": ["demo"], field: "<x>"})
    assert response.status_code == 400
    assert "kept</textarea>" in response.content.decode()


def test_a_visitor_who_may_not_be_a_guest_keeps_the_text(browser: Browser, settings: Settings) -> None:
    settings.ALLOW_GUESTS = False
    response = browser().post("/chat", {"text": "kept", "models": ["demo"]})
    assert response.status_code == 403
    assert "kept</textarea>" in response.content.decode()


def test_asking_needs_the_pages_token(browser: Browser) -> None:
    client = browser(enforce_csrf_checks=True)
    client.get("/")
    assert client.post("/chat", {"text": "x", "models": ["demo"]}).status_code == 403
    assert not User.objects.exists()


def test_reloading_after_an_error_is_a_new_chat(browser: Browser) -> None:
    assert browser().get("/chat")["Location"] == "/"


# --- Preferences -----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("theme", "shown"), [("dark", "dark"), ("light", "light"), ("system", ""), ('"><script>', ""), ("", "")]
)
def test_the_first_paint_has_the_chosen_theme(browser: Browser, theme: str, shown: str) -> None:
    client = browser()
    client.cookies["theme"] = theme
    response = client.get("/")
    assert response.context["theme"] == shown
    assert (f'data-theme="{shown}"' in response.content.decode()) == bool(shown)


@pytest.mark.parametrize(("cookie", "state"), [("rail", "rail"), ("open", "open"), ("x", "open")])
def test_the_sidebar_stays_as_it_was(browser: Browser, cookie: str, state: str) -> None:
    client = browser()
    client.cookies["sidebar"] = cookie
    assert client.get("/").context["sidebar_state"] == state


def test_the_language_can_be_switched(browser: Browser) -> None:
    client = browser()
    client.get("/")
    response = client.post("/i18n/setlang/", {"language": "de", "next": "/"})
    assert response["Location"] == "/"
    assert '<html lang="de"' in client.get("/").content.decode()


def test_the_language_switch_leads_nowhere_else(browser: Browser) -> None:
    response = browser().post("/i18n/setlang/", {"language": "de", "next": "https://evil.example/"})
    assert response["Location"] == "/"


# --- Figures ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("shown", "expected"),
    [
        (figures.duration(None), ""),
        (figures.duration(40), "40 ms"),
        (figures.duration(100), "0.1 s"),
        (figures.duration(1_240), "1.2 s"),
        (figures.duration(48_400), "48 s"),
        (figures.duration(125_000), "2 min 5 s"),
        (figures.tokens(None), ""),
        (figures.tokens(1), "1 token"),
        (figures.tokens(1_348), "1,348 tokens"),
        (figures.speed(348, 6_200, 500), "61 tok/s"),
        (figures.speed(5, 1_500, 500), "5.0 tok/s"),
        (figures.speed(0, 1_000, 0), ""),
        (figures.speed(10, 500, 500), ""),
        (figures.money(None), ""),
        (figures.money(0), "$0"),
        (figures.money(55_200), "$0.000055"),
        (figures.money(2_100_000), "$0.0021"),
        (figures.money(12_345_000_000), "$12.35"),
        (figures.money(1), "$0.000000001"),
        (figures.size(None), ""),
        (figures.size(900), "900"),
        (figures.size(128_000), "128K"),
        (figures.size(1_000_000), "1M"),
        (figures.size(1_100_000), "1.1M"),
    ],
)
def test_figures_are_short(shown: str, expected: str) -> None:
    assert shown == expected
