"""Votes: one a person and message, changed and taken back, and what of them counts."""

from __future__ import annotations

from collections.abc import Callable
from uuid import UUID

import pytest
from django.test import Client

from accounts import registry
from accounts.actors import Actor
from accounts.models import User
from chat import standings, votes
from chat.models import Chat, Message, Run, Vote
from config.errors import BadRequest, Conflict, NotFound
from config.ids import uuid7
from tests import cast

pytestmark = pytest.mark.django_db
ActorOf = Callable[[User], Actor]
MODELS = ("demo/fast", "demo/slow", "demo/reason")


def compared(owner: User, models: tuple[str, ...] = MODELS, **fields: object) -> tuple[Message, list[Message]]:
    """A question that several models have answered."""
    chat = cast.make_chat(owner=owner, models=models, **fields)  # type: ignore[arg-type]  # passed on
    question = Message.objects.get(chat=chat, role="user")
    chat.head = question
    chat.save()
    return question, list(Message.objects.filter(parent=question).order_by("position"))


def address(message: Message, way: str) -> str:
    return f"/chat/{message.chat_id}/messages/{message.pk}/{way}"


def test_one_answer_is_better(ada: User, actor_of: ActorOf) -> None:
    question, answers = compared(ada)
    vote = votes.cast(actor_of(ada), question.pk, "better", answers[1].pk)
    assert vote and (vote.choice, vote.winner, vote.counts, vote.blind) == ("better", answers[1], True, False)
    assert [one["model"] for one in vote.compared] == list(MODELS)
    assert standings.judgement(vote).winner == 1


def test_a_vote_is_changed_and_taken_back_and_stays_one(ada: User, actor_of: ActorOf) -> None:
    question, answers = compared(ada)
    actor = actor_of(ada)
    for choice, winner in (("better", answers[0].pk), ("tie", None), ("bad", None), ("better", answers[2].pk)):
        votes.cast(actor, question.pk, choice, winner)
        assert Vote.objects.get().choice == choice
    assert votes.cast(actor, question.pk, "none") is None
    assert not Vote.objects.exists()
    assert votes.cast(actor, question.pk, "none") is None


def test_an_answer_is_voted_up_and_down_beside_the_comparison(ada: User, actor_of: ActorOf) -> None:
    question, answers = compared(ada)
    actor = actor_of(ada)
    votes.cast(actor, question.pk, "tie")
    votes.cast(actor, answers[0].pk, "up")
    votes.cast(actor, answers[1].pk, "down")
    assert {vote.message_id: vote.choice for vote in Vote.objects.all()} == {
        question.pk: "tie",
        answers[0].pk: "up",
        answers[1].pk: "down",
    }
    assert standings.read(actor).votes == 1


@pytest.mark.parametrize(
    ("choice", "about", "winner"),
    [
        ("splendid", "question", None),
        ("", "question", None),
        ("up", "question", None),
        ("tie", "answer", None),
        ("better", "question", None),
        ("better", "question", "stranger"),
        ("better", "question", "question"),
        ("tie", "question", "answer"),
    ],
)
def test_a_vote_that_makes_no_sense_is_refused(
    choice: str, about: str, winner: str | None, ada: User, actor_of: ActorOf
) -> None:
    question, answers = compared(ada)
    ids = {"question": question.pk, "answer": answers[0].pk, "stranger": compared(ada)[1][0].pk}
    with pytest.raises(BadRequest):
        votes.cast(actor_of(ada), ids[about], choice, ids[winner] if winner else None)
    assert not Vote.objects.exists()


def test_one_answer_alone_is_no_comparison(ada: User, actor_of: ActorOf) -> None:
    question, answers = compared(ada, ("demo",))
    with pytest.raises(BadRequest):
        votes.cast(actor_of(ada), question.pk, "better", answers[0].pk)
    Message.objects.filter(pk=compared(ada, ("demo", "demo/fast"))[1][0].pk).update(parts=[])
    with pytest.raises(BadRequest):
        votes.cast(actor_of(ada), Message.objects.filter(role="user").latest("created_at").pk, "tie")


def test_nobody_votes_while_answers_are_written(ada: User, actor_of: ActorOf) -> None:
    question, answers = compared(ada)
    Run.objects.filter(message=answers[2]).update(status="streaming")
    for message, choice in ((question, "tie"), (answers[2], "up")):
        with pytest.raises(Conflict):
            votes.cast(actor_of(ada), message.pk, choice)
    votes.cast(actor_of(ada), answers[0].pk, "up")


def test_a_silent_lane_is_not_compared(ada: User, actor_of: ActorOf) -> None:
    question, answers = compared(ada)
    Message.objects.filter(pk=answers[1].pk).update(parts=[])
    vote = votes.cast(actor_of(ada), question.pk, "tie")
    assert vote and [one["model"] for one in vote.compared] == ["demo/fast", "demo/reason"]


def test_only_the_owner_votes(ada: User, eve: User, grace: User, actor_of: ActorOf) -> None:
    question, _answers = compared(ada)
    for other in (eve, grace):
        for step in (votes.cast, votes.label):
            with pytest.raises(NotFound):
                step(actor_of(other), question.pk, "tie")
        with pytest.raises(NotFound):
            votes.reveal(actor_of(other), question.pk)


# --- What counts -------------------------------------------------------------------------------------


def blind(owner: User) -> tuple[Message, list[Message]]:
    question, answers = compared(owner)
    Message.objects.filter(pk=question.pk).update(veil="down")
    return question, answers


def test_a_blind_vote_counts_and_lifts_the_veil(ada: User, actor_of: ActorOf) -> None:
    question, answers = blind(ada)
    vote = votes.cast(actor_of(ada), question.pk, "better", answers[0].pk)
    question.refresh_from_db()
    assert vote and (vote.blind, vote.counts, question.veil) == (True, True, "lifted")


def test_a_vote_after_the_names_is_kept_and_does_not_count(ada: User, actor_of: ActorOf) -> None:
    question, _answers = blind(ada)
    actor = actor_of(ada)
    votes.reveal(actor, question.pk)
    vote = votes.cast(actor, question.pk, "tie")
    assert vote and (vote.blind, vote.counts) == (False, False)
    assert standings.read(actor).votes == 0


def test_a_blind_vote_that_is_changed_no_longer_counts(ada: User, actor_of: ActorOf) -> None:
    question, answers = blind(ada)
    actor = actor_of(ada)
    votes.cast(actor, question.pk, "better", answers[0].pk)
    same = votes.cast(actor, question.pk, "better", answers[0].pk)
    assert same and (same.blind, same.counts) == (True, True)
    other = votes.cast(actor, question.pk, "better", answers[1].pk)
    assert other and (other.blind, other.counts) == (False, False)
    back = votes.cast(actor, question.pk, "better", answers[0].pk)
    assert back and not back.counts


def test_taking_a_blind_vote_back_is_no_way_to_a_better_one(ada: User, actor_of: ActorOf) -> None:
    question, _answers = blind(ada)
    actor = actor_of(ada)
    votes.cast(actor, question.pk, "tie")
    votes.cast(actor, question.pk, "none")
    again = votes.cast(actor, question.pk, "tie")
    assert again and not again.counts


def test_the_names_stay_hidden_until_everybody_has_ended(ada: User, actor_of: ActorOf) -> None:
    question, answers = blind(ada)
    Run.objects.filter(message=answers[0]).update(status="streaming")
    with pytest.raises(Conflict):
        votes.reveal(actor_of(ada), question.pk)
    question.refresh_from_db()
    assert question.veil == "down"


def test_an_opinion_about_one_answer_lifts_no_veil(ada: User, actor_of: ActorOf) -> None:
    question, answers = blind(ada)
    votes.cast(actor_of(ada), answers[0].pk, "up")
    question.refresh_from_db()
    assert question.veil == "down"


# --- Words -------------------------------------------------------------------------------------------


def test_a_comparison_is_put_under_a_word(ada: User, actor_of: ActorOf) -> None:
    question, answers = compared(ada)
    actor = actor_of(ada)
    with pytest.raises(Conflict):
        votes.label(actor, question.pk, "code")
    votes.cast(actor, question.pk, "tie")
    assert votes.label(actor, answers[0].pk, "  Code\x00  Review ").tag == "code review"
    assert votes.tags(actor) == ["code review"]
    assert votes.label(actor, question.pk, "x" * 500).tag == "x" * votes.TAG_MAX
    votes.label(actor, question.pk, "")
    assert votes.tags(actor) == []


def test_a_word_outlives_a_changed_vote(ada: User, actor_of: ActorOf) -> None:
    question, _answers = compared(ada)
    actor = actor_of(ada)
    votes.cast(actor, question.pk, "tie")
    votes.label(actor, question.pk, "code")
    votes.cast(actor, question.pk, "bad")
    assert Vote.objects.get().tag == "code"


# --- The ranking -------------------------------------------------------------------------------------


def test_the_ranking_is_the_tenants_own(ada: User, eve: User, actor_of: ActorOf) -> None:
    question, answers = compared(ada)
    votes.cast(actor_of(ada), question.pk, "better", answers[1].pk)
    assert standings.read(actor_of(ada)).lines[0].model == "demo/slow"
    assert standings.read(actor_of(eve)).lines == ()
    assert standings.read(None).lines == ()


def test_the_ranking_is_filtered_by_word_and_by_blindness(ada: User, actor_of: ActorOf) -> None:
    actor = actor_of(ada)
    for word, hidden, winner in (("code", True, 0), ("code", False, 1), ("", False, 2)):
        question, answers = blind(ada) if hidden else compared(ada)
        votes.cast(actor, question.pk, "better", answers[winner].pk)
        votes.label(actor, question.pk, word)
    assert [standings.read(actor, tag=tag, blind=on).votes for tag in ("", "code") for on in (False, True)] == [
        3,
        1,
        2,
        1,
    ]
    assert standings.read(actor, tag="code", blind=True).lines[0].model == "demo/fast"


def test_recomputing_the_ranking_changes_nothing(ada: User, actor_of: ActorOf) -> None:
    actor = actor_of(ada)
    for number in range(12):
        question, answers = compared(ada)
        votes.cast(actor, question.pk, "better", answers[number % 5 % 3].pk)
    first = standings.read(actor)
    assert standings.read(actor) == first
    assert [line.place for line in first.lines] == [1, 2, 3]


def test_medians_stand_beside_the_score_and_leave_out_what_is_blind(ada: User, actor_of: ActorOf) -> None:
    actor = actor_of(ada)
    for cost in (1_000_000, 3_000_000, 50_000_000):
        question, _answers = compared(ada)
        Run.objects.filter(message__parent=question).update(cost_nano=cost, duration_ms=cost // 1000)
        votes.cast(actor, question.pk, "tie")
    hidden, _answers = blind(ada)
    runs = Run.objects.filter(message__parent=hidden)
    runs.update(cost_nano=1, duration_ms=1, blind=True)
    line = standings.read(actor).lines[0]
    assert (line.cost, line.duration) == ("$0.0030", "3.0 s")
    votes.reveal(actor, hidden.pk)
    assert standings.read(actor).lines[0].cost == "$0.0020"


def test_the_page_shows_table_and_chart(ada: User, actor_of: ActorOf, browser: Callable[..., Client]) -> None:
    client = browser(ada)
    assert "Compare models" in client.get("/compare/ranking").content.decode()
    question, answers = compared(ada)
    Run.objects.filter(message__parent=question).update(cost_nano=2_000_000, duration_ms=900)
    votes.cast(actor_of(ada), question.pk, "better", answers[2].pk)
    html = client.get("/compare/ranking").content.decode()
    assert html.count('<th scope="row"') == 3
    assert html.count('class="chart__point ') == 3 and "an answer." in html
    assert 'style="' not in html
    assert "No vote fits." in client.get("/compare/ranking?tag=nothing&blind=1").content.decode()


# --- Without a script, and with one ------------------------------------------------------------------


def test_a_form_votes_and_leads_back_to_the_turn(ada: User, browser: Callable[..., Client]) -> None:
    question, answers = compared(ada)
    client = browser(ada)
    response = client.post(address(question, "vote"), {"better": str(answers[1].pk)})
    assert response.status_code == 303
    assert response["Location"] == f"/chat/{question.chat_id}?at={question.pk}#t-{question.pk}"
    html = client.get(f"/chat/{question.chat_id}").content.decode()
    assert f'name="better" value="{answers[1].pk}" aria-pressed="true"' in html
    client.post(address(question, "vote"), {"choice": "none"})
    assert 'aria-pressed="true"' not in client.get(f"/chat/{question.chat_id}").content.decode()


def test_a_script_gets_the_thumbs_of_one_answer(ada: User, browser: Callable[..., Client]) -> None:
    _question, answers = compared(ada)
    html = browser(ada).post(address(answers[0], "vote"), {"choice": "up"}, headers={"HX-Request": "true"})
    assert html.status_code == 200 and b'value="none" aria-pressed="true"' in html.content
    assert Vote.objects.get().choice == "up"


@pytest.mark.parametrize("fields", [{}, {"choice": "best"}, {"better": "x"}, {"better": str(uuid7())}])
def test_an_odd_form_is_refused(fields: dict[str, str], ada: User, browser: Callable[..., Client]) -> None:
    question, _answers = compared(ada)
    assert browser(ada).post(address(question, "vote"), fields).status_code == 400


# --- Moving ------------------------------------------------------------------------------------------


def test_a_guests_votes_come_along_when_they_log_in(ada: User, guest: User, actor_of: ActorOf) -> None:
    question, _answers = compared(guest)
    votes.cast(actor_of(guest), question.pk, "tie")
    registry.merge(guest, ada)
    assert Vote.objects.visible_to(actor_of(ada)).count() == 1
    assert standings.read(actor_of(ada)).votes == 1


def test_the_owners_chat_takes_its_votes_with_it(ada: User, actor_of: ActorOf) -> None:
    question, _answers = compared(ada)
    votes.cast(actor_of(ada), question.pk, "tie")
    Chat.objects.get(pk=question.chat_id).delete()
    assert not Vote.objects.exists()


def test_an_older_version_of_a_lane_can_win(ada: User, actor_of: ActorOf) -> None:
    question, answers = compared(ada)
    newer = Message.objects.create(
        chat=question.chat, parent=question, role="assistant", model="demo", parts=answers[0].parts, position=0
    )
    vote = votes.cast(actor_of(ada), question.pk, "better", answers[0].pk)
    assert vote and UUID(vote.compared[0]["answer"]) == answers[0].pk
    tie = votes.cast(actor_of(ada), question.pk, "tie")
    assert tie and UUID(tie.compared[0]["answer"]) == newer.pk
