"""Whose answer each model goes on with: the rule as properties, then what models are sent in mixed chats."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from typing import Any
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from accounts.actors import Actor
from accounts.models import User
from chat import lanes, transcripts, turns
from chat.lanes import Said, follow
from chat.models import Chat, Message, Run
from chat.runs import prompts
from chat.turns import NewTurn, Turn
from config.errors import BadRequest, NotFound
from config.ids import uuid7

ActorOf = Callable[[User], Actor]

A, B, C, D = "demo/fast", "demo/slow", "demo/reason", "demo"
names = st.sampled_from(["a", "b", "c", "d"])
asked = st.lists(names, min_size=1, max_size=6)


@st.composite
def comparisons(draw: st.DrawFn) -> list[Said]:
    """Up to six lanes, each with up to three versions, in the order they came."""
    answers = [Said(uuid7(), lane, draw(names), draw(st.booleans())) for lane in range(draw(st.integers(1, 6)))]
    for lane in draw(st.lists(st.integers(0, len(answers) - 1), max_size=6)):
        answers.append(Said(uuid7(), lane, draw(names), draw(st.booleans())))
    return answers


# --- The rule ------------------------------------------------------------------------------------------


@given(asked, st.randoms())
def test_the_same_models_in_any_order_go_on_with_their_own_answers(models: list[str], random: Any) -> None:
    earlier = [Said(uuid7(), lane, model) for lane, model in enumerate(models)]
    again = random.sample(models, len(models))
    followed = follow(again, earlier)
    assert Counter(followed) == Counter(said.id for said in earlier), "nobody's answer is lost, none is read twice"
    by_id = {said.id: said for said in earlier}
    assert [by_id[one].model for one in followed if one] == again
    for model in models:
        lane_numbers = [by_id[one].lane for one in followed if one and by_id[one].model == model]
        assert lane_numbers == sorted(lane_numbers), "the first stays the first, the second the second"


@given(asked, comparisons())
def test_a_model_that_was_there_reads_itself_and_every_other_reads_one_that_spoke(
    models: list[str], earlier: list[Said]
) -> None:
    by_id = {said.id: said for said in earlier}
    for model, followed in zip(models, follow(models, earlier), strict=True):
        assert followed is not None
        if any(said.model == model for said in earlier):
            assert by_id[followed].model == model
        elif not all(said.silent for said in earlier):
            newest = {said.lane: said for said in earlier if not said.silent}
            assert by_id[followed] == newest[min(newest)]


@given(asked, asked, comparisons())
def test_lanes_asked_one_by_one_read_what_they_would_have_read_together(
    first: list[str], more: list[str], earlier: list[Said]
) -> None:
    assert follow([*first, *more], earlier) == [*follow(first, earlier), *follow(more, earlier, beside=first)]


@given(comparisons(), st.integers(0, 5), names)
def test_a_version_without_a_word_takes_the_place_of_none_that_spoke(
    earlier: list[Said], lane: int, model: str
) -> None:
    spoke = Said(uuid7(), lane, model)
    silent = Said(uuid7(), lane, model, silent=True)
    assert follow([model], [*earlier, spoke, silent]) == follow([model], [*earlier, spoke])


def test_what_failed_at_once_goes_on_with_its_own_silence() -> None:
    fine, broken = Said(uuid7(), 0, "a"), Said(uuid7(), 1, "b", silent=True)
    assert follow(["a", "b", "c"], [broken, fine]) == [fine.id, broken.id, fine.id]


def test_below_nothing_there_is_nothing_to_follow() -> None:
    assert follow(["a", "b"], []) == [None, None]


# --- What models are sent ------------------------------------------------------------------------------


class Talk:
    """A chat of Ada's in which every answer is written at once: `<model>#<lane> to <question>`."""

    def __init__(self, actor: Actor) -> None:
        self.actor = actor
        self.chat: UUID | None = None

    def ask(self, text: str, *models: str, parent: UUID | None = None, edit: UUID | None = None) -> Turn:
        turn = turns.send(self.actor, NewTurn(uuid7(), text, models, chat=self.chat, parent=parent, edit=edit))
        self.chat = turn.chat.pk
        return self.told(turn)

    def more(self, turn: Turn, *models: str, lane: Any = None) -> Turn:
        return self.told(turns.answer(self.actor, uuid7(), turn.message.pk, models, {}, lane))

    def told(self, turn: Turn) -> Turn:
        """What each was sent is looked at before it answers."""
        for run in turn.runs:
            said = f"{run.model}#{Message.objects.get(pk=answer_of(run)).position} to {turn.message.text}"
            Message.objects.filter(pk=answer_of(run)).update(parts=[{"type": "text", "text": said}])
            Run.objects.filter(pk=run.pk).update(status=Run.Status.COMPLETE)
        return turn

    @property
    def shown(self) -> Chat:
        """The chat as it is stored now."""
        assert self.chat
        return Chat.objects.get(pk=self.chat)

    @property
    def head(self) -> UUID | None:
        return self.shown.head_id


def answer_of(run: Run) -> UUID:
    assert run.message_id
    return run.message_id


@pytest.fixture
def talk(ada: User, actor_of: ActorOf) -> Talk:
    return Talk(actor_of(ada))


def read(turn: Turn) -> list[list[str]]:
    """What each run of a turn was sent, without the words that are the same for all."""
    runs = {run.pk: run for run in Run.objects.select_related("message__parent")}
    sent: list[Sequence[Any]] = []
    for run in turn.runs:
        stored = runs[run.pk]
        assert stored.message
        stored.message.parts = []
        sent.append(prompts.build(stored))
    return [[message.text for message in one] for one in sent]


def test_each_lane_goes_on_with_what_it_said_itself(talk: Talk) -> None:
    talk.ask("one", A, B, A)
    two = talk.ask("two", A, B, A)
    three = talk.ask("three", A, B, A)
    assert read(two) == [["one", f"{model}#{lane} to one", "two"] for lane, model in enumerate((A, B, A))]
    assert read(three) == [
        ["one", f"{model}#{lane} to one", "two", f"{model}#{lane} to two", "three"]
        for lane, model in enumerate((A, B, A))
    ]


def test_lanes_keep_their_history_when_their_order_changes(talk: Talk) -> None:
    talk.ask("one", A, B, A)
    assert read(talk.ask("two", B, A, A)) == [
        ["one", f"{B}#1 to one", "two"],
        ["one", f"{A}#0 to one", "two"],
        ["one", f"{A}#2 to one", "two"],
    ]


def test_one_model_then_three_then_one(talk: Talk) -> None:
    talk.ask("one", A)
    two = talk.ask("two", A, B, C)
    assert read(two) == [["one", f"{A}#0 to one", "two"]] * 3
    three = talk.ask("three", B)
    assert read(three) == [["one", f"{A}#0 to one", "two", f"{B}#1 to two", "three"]]
    four = talk.ask("four", A, B)
    history = ["one", f"{A}#0 to one", "two", f"{B}#1 to two", "three", f"{B}#0 to three", "four"]
    assert read(four) == [history, history], "everybody goes on from the one answer there is"


def test_a_model_that_comes_new_reads_the_first_lane(talk: Talk) -> None:
    talk.ask("one", A, B)
    assert read(talk.ask("two", C)) == [["one", f"{A}#0 to one", "two"]]


def test_the_chosen_answer_is_read_by_all(talk: Talk) -> None:
    one = talk.ask("one", A, B, C)
    turns.choose(talk.actor, talk.shown, answer_of(one.runs[1]))
    assert read(talk.ask("two", A, B, C)) == [["one", f"{B}#1 to one", "two"]] * 3


def test_an_answer_named_as_the_parent_is_chosen_too(talk: Talk) -> None:
    one = talk.ask("one", A, B, C)
    two = talk.ask("two", A, C, parent=answer_of(one.runs[1]))
    assert read(two) == [["one", f"{B}#1 to one", "two"]] * 2


def test_a_choice_can_be_taken_back(talk: Talk) -> None:
    one = talk.ask("one", A, B)
    turns.choose(talk.actor, talk.shown, answer_of(one.runs[1]))
    turns.choose(talk.actor, talk.shown, one.message.pk)
    assert read(talk.ask("two", A, B))[0] == ["one", f"{A}#0 to one", "two"]


def test_choosing_an_earlier_answer_leaves_what_came_after_it_in_reach(talk: Talk) -> None:
    one = talk.ask("one", A, B)
    two = talk.ask("two", A, B)
    turns.choose(talk.actor, talk.shown, answer_of(one.runs[1]))
    three = talk.ask("three", A, B)
    assert read(three) == [["one", f"{B}#1 to one", "three"]] * 2
    shown = transcripts.window(talk.shown).turns
    assert [turn.question.text for turn in shown] == ["one", "three"]
    assert shown[0].chosen == answer_of(one.runs[1])
    assert shown[1].question.switch
    assert shown[1].question.switch.previous == two.message.pk
    other = transcripts.window(talk.shown, at=two.message.pk)
    assert ([turn.question.text for turn in other.turns], other.turns[0].chosen) == (["one", "two"], None)
    assert other.head == two.message.pk, "nobody was chosen there"


def test_an_edited_question_reads_what_the_first_one_read(talk: Talk) -> None:
    talk.ask("one", A, B)
    two = talk.ask("two", A, B)
    edited = talk.ask("two, better", A, B, edit=two.message.pk)
    assert read(edited) == [["one", f"{A}#0 to one", "two, better"], ["one", f"{B}#1 to one", "two, better"]]


def test_an_added_lane_gets_the_same_question_and_its_own_history(talk: Talk) -> None:
    talk.ask("one", A, B, A)
    two = talk.ask("two", A)
    assert read(talk.more(two, B, lane="new")) == [["one", f"{B}#1 to one", "two"]]
    assert read(talk.more(two, A, lane="new")) == [["one", f"{A}#2 to one", "two"]], "the second lane of this model"
    assert read(talk.more(two, C)) == [["one", f"{A}#0 to one", "two"]]


def test_a_lane_added_to_a_single_answer_makes_a_comparison_that_goes_on_by_lanes(talk: Talk) -> None:
    one = talk.ask("one", A)
    assert talk.head == answer_of(one.runs[0])
    talk.more(one, B, lane="new")
    assert talk.head == one.message.pk
    assert read(talk.ask("two", A, B)) == [["one", f"{A}#0 to one", "two"], ["one", f"{B}#1 to one", "two"]]


def test_a_lane_added_further_up_moves_nothing(talk: Talk) -> None:
    one = talk.ask("one", A)
    two = talk.ask("two", A)
    talk.more(one, B, lane="new")
    assert talk.head == answer_of(two.runs[0])
    shown = transcripts.window(talk.shown).turns
    assert [turn.question.text for turn in shown] == ["one", "two"]
    assert [len(turn.answers) for turn in shown] == [2, 1]


def test_an_answer_asked_for_again_is_what_its_lane_goes_on_with(talk: Talk) -> None:
    one = talk.ask("one", A, B)
    again = talk.more(one, A, lane=answer_of(one.runs[0]))
    assert read(again) == [["one"]]
    (first, second) = transcripts.turn(talk.shown, one.message.pk).answers
    assert (first.id, second.id) == (answer_of(again.runs[0]), answer_of(one.runs[1]))
    assert (first.switch and first.switch.number, second.switch) == (2, None)
    Message.objects.filter(pk=answer_of(again.runs[0])).update(parts=[{"type": "text", "text": "again"}])
    assert read(talk.ask("two", A, B)) == [["one", "again", "two"], ["one", f"{B}#1 to one", "two"]]


def test_an_answer_given_already_keeps_what_it_read(talk: Talk) -> None:
    one = talk.ask("one", A, B)
    two = talk.ask("two", A, B)
    talk.more(one, A, lane=answer_of(one.runs[0]))
    Message.objects.filter(pk=answer_of(one.runs[0])).update(parts=[{"type": "text", "text": "the old one"}])
    assert read(two)[0] == ["one", "the old one", "two"]
    assert read(talk.more(two, C, lane=answer_of(two.runs[0])))[0] == ["one", "the old one", "two"]


def test_another_model_in_a_lane_takes_over_its_history(talk: Talk) -> None:
    one = talk.ask("one", A, B)
    talk.more(one, C, lane=answer_of(one.runs[0]))
    assert read(talk.ask("two", C, B, A)) == [
        ["one", f"{C}#0 to one", "two"],
        ["one", f"{B}#1 to one", "two"],
        ["one", f"{A}#0 to one", "two"],
    ]


def test_the_chosen_answer_asked_for_again_stays_the_chosen_one(talk: Talk) -> None:
    one = talk.ask("one", A, B)
    turns.choose(talk.actor, talk.shown, answer_of(one.runs[1]))
    again = talk.more(one, B, lane=answer_of(one.runs[1]))
    assert talk.head == answer_of(again.runs[0])


def test_what_failed_without_a_word_reads_only_its_questions(talk: Talk) -> None:
    one = talk.ask("one", A, B)
    Message.objects.filter(pk=answer_of(one.runs[1])).update(parts=[])
    assert read(talk.ask("two", A, B)) == [["one", f"{A}#0 to one", "two"], ["one", "two"]]


def test_a_lane_waits_for_its_own_answer_and_for_no_other(talk: Talk) -> None:
    one = talk.ask("one", A, B, C)
    Run.objects.filter(pk=one.runs[1].pk).update(status=Run.Status.STREAMING)
    two = turns.send(talk.actor, NewTurn(uuid7(), "two", [A, B, C, D], chat=talk.chat))
    waiting = set(Run.objects.claimable().values_list("model", flat=True))
    assert waiting == {A, C, D}
    Run.objects.filter(pk=one.runs[1].pk).update(status=Run.Status.COMPLETE)
    assert {run.pk for run in Run.objects.claimable()} == {run.pk for run in two.runs}


def test_at_most_six_lanes_stand_side_by_side(talk: Talk) -> None:
    one = talk.ask("one", A, A, A, A, A)
    talk.more(one, B)
    with pytest.raises(BadRequest):
        talk.more(one, B)
    assert len(lanes.of(one.message.pk)) == 6
    talk.more(one, B, lane=answer_of(one.runs[0]))


def test_only_an_answer_to_this_question_names_a_lane(talk: Talk) -> None:
    one, two = talk.ask("one", A, B), talk.ask("two", A, B)
    for foreign in (answer_of(two.runs[0]), one.message.pk, uuid7()):
        with pytest.raises(NotFound):
            talk.more(one, C, lane=foreign)


def test_a_stranger_chooses_nothing(talk: Talk, eve: User, actor_of: ActorOf) -> None:
    one = talk.ask("one", A, B)
    with pytest.raises(NotFound):
        turns.choose(actor_of(eve), talk.shown, answer_of(one.runs[1]))
    assert talk.head == one.message.pk


def test_the_version_that_is_looked_at_is_what_its_lane_goes_on_with(talk: Talk) -> None:
    one = talk.ask("one", A, B)
    first = answer_of(one.runs[0])
    talk.more(one, A, lane=first)
    Message.objects.filter(pk=first).update(parts=[{"type": "text", "text": "the old one"}])
    turn = turns.send(talk.actor, NewTurn(uuid7(), "two", [A, B], chat=talk.chat, shown=[first]))
    assert read(turn) == [["one", "the old one", "two"], ["one", f"{B}#1 to one", "two"]]
