"""What comparing opens to strangers, and what it would cost: nothing, and little."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from functools import partial
from typing import Any

import pytest
from django.test import Client

from accounts.models import User
from artifacts import diffs
from chat import markdown, ranking, turns, votes
from chat.models import Chat, Message, Run
from chat.parts import fold
from chat.ranking import Judgement
from chat.runs import prompts
from config.errors import AppError, BadRequest, Conflict
from config.ids import uuid7
from providers.chunks import ChunkReader
from tests import cast
from tests.chat.tab import Tab

Browser = Callable[..., Client]
MakeChat = Callable[..., Chat]
OpenTab = Callable[[User], Awaitable[Tab]]
BLIND = {"blind": True}


def _answer_of(chat: Chat) -> Message:
    return Message.objects.filter(chat=chat, role=Message.Role.ASSISTANT).latest("created_at")


# --- Foreign words ----------------------------------------------------------------------------------


def test_a_question_combines_no_answers_and_least_of_all_foreign_ones(
    ada: User, eve: User, make_chat: MakeChat
) -> None:
    secret = _answer_of(make_chat(owner=ada, models=["demo"]))
    options = {"synthesis": [secret.pk, secret.pk]}
    with pytest.raises(BadRequest):
        turns.send(cast.actor_of(eve), turns.NewTurn(uuid7(), "Hi", ["demo/fast"], options=options))


def test_a_run_that_names_foreign_answers_reads_none_of_them(ada: User, eve: User, make_chat: MakeChat) -> None:
    secret = _answer_of(make_chat(owner=ada, models=["demo"]))
    Message.objects.filter(pk=secret.pk).update(parts=[{"type": "text", "text": "my pin is 4711"}])
    mine = _answer_of(make_chat(owner=eve, models=["demo"]))
    run = mine.runs.get()
    Run.objects.filter(pk=run.pk).update(options={"synthesis": [str(secret.pk), str(secret.pk)]})
    read = prompts.build(Run.objects.select_related("message__parent").get(pk=run.pk))
    assert "4711" not in "".join(message.text for message in read)


# --- Whose answer is whose --------------------------------------------------------------------------


@pytest.fixture
def blind(ada: User) -> turns.Turn:
    """Two blind lanes, of which nobody has written a word yet."""
    return turns.send(
        cast.actor_of(ada), turns.NewTurn(uuid7(), "Hi", ["demo/count@20", "demo/count@40"], options=BLIND)
    )


def _end(run: Run, status: Run.Status) -> None:
    assert run.message_id
    Run.objects.filter(pk=run.pk).update(status=status)
    Message.objects.filter(pk=run.message_id).update(parts=[{"type": "text", "text": "w0001"}])


@pytest.mark.parametrize("ask", ["continue", "thumb"])
def test_a_blind_lane_that_is_ready_and_one_that_is_not_say_the_same(ask: str, ada: User, blind: turns.Turn) -> None:
    ready, writing = blind.runs
    _end(ready, Run.Status.COMPLETE)
    actor = cast.actor_of(ada)
    said = []
    for run in (ready, writing):
        assert run.message_id
        question = partial(turns.resume, actor, uuid7(), run.pk)
        thumb = partial(votes.cast, actor, run.message_id, "up")
        with pytest.raises(AppError) as refused:
            (question if ask == "continue" else thumb)()
        said.append((refused.value.code, refused.value.message))
    assert said[0] == said[1]


def test_who_stops_blind_answers_on_their_way_has_seen_who_is_fast(ada: User, blind: turns.Turn) -> None:
    _end(blind.runs[0], Run.Status.COMPLETE)
    _end(blind.runs[1], Run.Status.STOPPED)
    vote = votes.cast(cast.actor_of(ada), blind.message.pk, "tie")
    assert vote
    assert vote.blind
    assert not vote.counts


def test_nothing_blind_is_asked_where_each_lane_goes_on_with_its_own_known_words(ada: User) -> None:
    actor = cast.actor_of(ada)
    known = turns.send(actor, turns.NewTurn(uuid7(), "Hi", ["demo/count@20", "demo/count@40"]))
    for run in known.runs:
        _end(run, Run.Status.COMPLETE)
    below = turns.NewTurn(uuid7(), "Again?", ["demo/fast", "demo/fast"], known.chat.pk, options=BLIND)
    with pytest.raises(Conflict):
        turns.send(actor, below)


def test_the_list_of_comparisons_does_not_say_which_blind_lanes_are_of_one_model(ada: User, browser: Browser) -> None:
    models = ["demo/count@20", "demo/count@20", "demo/count@40"]
    turn = turns.send(cast.actor_of(ada), turns.NewTurn(uuid7(), "Hi", models, options=BLIND))
    for run in turn.runs:
        _end(run, Run.Status.COMPLETE)
    page = browser(ada).get("/compare").content.decode()
    assert page.count("×3") == 1
    assert "×2" not in page


# --- What it costs: each of these would take minutes if it grew with the square, and a test has its time limit -----


@pytest.mark.parametrize("blanks", [" ", "\t", " \t", "\n "])
def test_blanks_are_read_in_time_that_grows_with_their_number(blanks: str) -> None:
    markdown.plain(f"```\n{blanks * 200_000}x\n```")


def test_words_that_repeat_do_not_keep_a_processor_busy() -> None:
    words = [f"u{number} " + " ".join(f"w{number * 7 % 101}" for _ in range(3)) for number in range(1_400)]
    one, other = " ".join(words), " ".join(reversed(words))
    difference = diffs.compare(one, other)
    assert "".join(piece.text for piece in difference.pieces if piece.kind != "gone").split() == other.split()


def test_invented_names_make_no_ranking_expensive() -> None:
    invented = [Judgement([f"demo/count@{n}", f"demo/count@{n + 1}"], 0) for n in range(0, 2_000, 2)]
    real = [Judgement(["a", "b"], 0), Judgement(["a", "b"], 0)]
    kept = ranking.among_most_compared([*invented, *real], 60)
    assert len({model for judgement in kept for model in judgement.models}) == 60
    assert {rating.model for rating in ranking.rank(kept)} >= {"a", "b"}


def test_a_flood_of_tool_calls_is_no_answer() -> None:
    function = {"name": "get_weather", "arguments": "{}"}
    calls = [{"index": number, "id": f"call-{number}", "function": function} for number in range(1_000)]
    with pytest.raises(AppError) as broken:
        ChunkReader(lambda: 0).read({"choices": [{"delta": {"tool_calls": calls}}]})
    assert broken.value.code == "provider_broken:provider"


def test_results_of_many_calls_are_folded_in_time_that_grows_with_their_number() -> None:
    events: list[dict[str, Any]] = []
    for number in range(20_000):
        events.append({"type": "tool.call", "call": str(number), "name": "t", "arguments": "{}"})
        events.append({"type": "tool.result", "call": str(number), "ok": True, "result": number})
    assert len(fold(events)) == 20_000


@pytest.mark.parametrize("path", ["/chat"])
def test_the_limit_on_questions_holds_without_a_socket_too(
    path: str, ada: User, browser: Browser, settings: Any
) -> None:
    settings.RATE_LIMIT_MESSAGES = "3/m"
    client = browser(ada)
    statuses = [client.post(path, {"text": "Hi", "models": "demo/fail@1"}).status_code for _ in range(5)]
    assert statuses == [303, 303, 303, 429, 429]
