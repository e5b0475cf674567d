"""Comparisons as pages tell of them: who stands out, which were made, whom to ask, and sets of models."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from django.test import Client

from accounts import registry
from accounts.actors import Actor
from accounts.models import User
from chat import comparisons, pickers, transcripts
from chat.models import Chat, Message, ModelSet, Run
from providers import catalog
from providers.specs import ModelSpec
from providers.usage import Price
from tests import cast

Browser = Callable[..., Client]
ActorOf = Callable[[User], Actor]

MINE = {"name": "Everyday", "models": ["demo", "demo", "demo/fast"]}


def compared(owner: User, *figures: dict[str, Any], title: str = "Which?") -> Chat:
    """A finished comparison; `figures` are those of the runs, lane by lane."""
    chat = cast.make_chat(owner=owner, models=["demo/fast", "demo/reason", "demo"][: len(figures)], question=title)
    for lane, values in enumerate(figures):
        Run.objects.filter(message__chat=chat, position=lane).update(**values)
    asked = Message.objects.get(chat=chat, role=Message.Role.USER)
    Chat.objects.filter(pk=chat.pk).update(head=asked)
    chat.refresh_from_db()
    return chat


def marks(chat: Chat) -> dict[str, int]:
    (turn,) = transcripts.window(chat).turns
    return {mark.kind: mark.lane for mark in turn.marks}


# --- Who stands out -------------------------------------------------------------------------------------


def test_the_fastest_the_cheapest_and_the_longest_are_named(ada: User) -> None:
    chat = compared(
        ada,
        {"duration_ms": 900, "cost_nano": 500, "tokens_out": 10},
        {"duration_ms": 300, "cost_nano": 900, "tokens_out": 12},
        {"duration_ms": 700, "cost_nano": 100, "tokens_out": 40},
    )
    assert marks(chat) == {"fastest": 2, "cheapest": 3, "longest": 3}


def test_nobody_stands_out_where_all_are_equal_or_unknown(ada: User) -> None:
    same = {"duration_ms": 300, "cost_nano": 0, "tokens_out": None}
    assert marks(compared(ada, same, same)) == {}


def test_an_answer_that_broke_off_is_no_winner(ada: User) -> None:
    quick = {"duration_ms": 10, "cost_nano": 0, "tokens_out": 1, "status": "failed"}
    chat = compared(ada, quick, {"duration_ms": 900, "tokens_out": 5}, {"duration_ms": 800, "tokens_out": 7})
    assert marks(chat) == {"fastest": 3, "longest": 3}


def test_while_an_answer_is_written_nothing_is_decided(ada: User) -> None:
    running = {"status": "streaming", "finished_at": None}
    assert marks(compared(ada, running, {"duration_ms": 5}, {"duration_ms": 6})) == {}


# --- Which were made -------------------------------------------------------------------------------------


def test_the_list_has_the_comparisons_of_its_reader_and_nothing_else(
    ada: User, eve: User, browser: Browser, actor_of: ActorOf
) -> None:
    first, second = compared(ada, {}, {}, title="first"), compared(ada, {}, {}, {"status": "failed"}, title="second")
    cast.make_chat(owner=ada, question="one model alone")
    compared(eve, {}, {}, title="hers")
    found = browser(ada).get("/compare").context["comparisons"]
    assert [one.prompt for one in found] == ["second", "first"]
    assert [one.chat_id for one in found] == [second.pk, first.pk]
    assert found[0].models == ("demo/fast", "demo/reason", "demo")
    assert [lane.status for lane in found[0].lanes] == ["complete", "complete", "failed"]
    assert comparisons.recent(actor_of(eve), str)[0][0].prompt == "hers"


def test_a_long_list_goes_on_where_the_page_ended(ada: User, browser: Browser, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(comparisons, "PAGE", 2)
    for number in range(5):
        compared(ada, {}, {}, title=f"number {number}")
    client, prompts, before = browser(ada), [], ""
    for _page in range(3):
        context = client.get("/compare", {"before": before}).context
        prompts.append([one.prompt for one in context["comparisons"]])
        before = context["comparisons_next"] or ""
    assert prompts == [["number 4", "number 3"], ["number 2", "number 1"], ["number 0"]]
    assert before == ""


def test_a_foreign_place_in_the_list_is_no_place(ada: User, eve: User, browser: Browser) -> None:
    hers = compared(eve, {}, {})
    assert browser(ada).get("/compare", {"before": str(hers.head_id)}).status_code == 404


def test_opening_a_comparison_shows_its_own_branch(ada: User, browser: Browser) -> None:
    chat = compared(ada, {}, {})
    (one,) = browser(ada).get("/compare").context["comparisons"]
    shown = browser(ada).get(one.url).context
    assert [len(turn.answers) for turn in shown["turns"]] == [2]
    assert shown["head"] == chat.head_id
    assert not shown["aside"]


# --- Whom to ask -----------------------------------------------------------------------------------------


@pytest.fixture
def listed(monkeypatch: pytest.MonkeyPatch) -> list[ModelSpec]:
    """What the catalog offers, as long as the test says so."""
    specs: list[ModelSpec] = []
    monkeypatch.setattr(catalog, "entries", lambda **_options: tuple(catalog.Entry(spec) for spec in specs))
    return specs


def spec(name: str, price: int | None, *abilities: str) -> ModelSpec:
    known = Price(price, price * 4) if price is not None else None
    return ModelSpec(name, name, price=known, abilities=frozenset(abilities))


def test_a_fast_a_strong_and_a_cheap_model_are_suggested(listed: list[ModelSpec]) -> None:
    listed += [
        spec("a/strong", 900, "reasoning"),
        spec("a/middle", 300, "reasoning"),
        spec("b/cheap", 10, "reasoning"),
        spec("b/swift", 50),
        spec("c/small", 60),
    ]
    assert pickers.suggested() == ("c/small", "a/strong", "b/cheap")


def test_with_one_model_the_suggestion_is_that_model_twice(listed: list[ModelSpec]) -> None:
    listed.append(spec("a/only", 10))
    assert pickers.suggested() == ("a/only", "a/only")


def test_without_real_models_the_demo_models_stand_in(browser: Browser) -> None:
    html = browser().get("/compare")
    assert html.context["picker"].chosen and set(html.context["picker"].chosen) == set(pickers.suggested())
    assert all(model.startswith("demo") for model in pickers.suggested())


def test_an_address_names_the_models_to_ask(browser: Browser) -> None:
    picker = browser().get("/compare", {"models": "demo,demo,no/such,demo/fast"}).context["picker"]
    assert picker.chosen == ("demo", "demo", "demo/fast")


# --- Sets --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("who", ["ada", "guest"])
def test_a_set_is_kept_and_offered(who: str, browser: Browser, request: pytest.FixtureRequest) -> None:
    client = browser(request.getfixturevalue(who))
    html = client.post("/sets", MINE, headers={"HX-Request": "true"}).content.decode()
    assert 'data-set="demo,demo,demo/fast"' in html
    offered = client.get("/compare").context["sets"]
    assert [one.name for one in offered] == ["", "Everyday"]
    assert client.get("/sets", headers={"HX-Request": "true"}).content.decode() == html


def test_the_same_name_replaces_the_set(ada: User, browser: Browser) -> None:
    client = browser(ada)
    client.post("/sets", MINE)
    client.post("/sets", {**MINE, "models": ["demo/reason"]})
    assert [one.members for one in ModelSet.objects.all()] == [["demo/reason"]]


@pytest.mark.parametrize("wrong", [{"name": " "}, {"models": ["no/such"]}], ids=["no name", "no model"])
def test_a_set_needs_a_name_and_a_model(wrong: dict[str, Any], ada: User, browser: Browser) -> None:
    assert browser(ada).post("/sets", {**MINE, **wrong}).status_code == 400
    assert ModelSet.objects.count() == 0


def test_sets_are_not_without_end(ada: User, browser: Browser) -> None:
    client = browser(ada)
    answers = [client.post("/sets", {**MINE, "name": f"Set {number}"}).status_code for number in range(21)]
    assert (answers[19], answers[20]) == (302, 400)


def test_a_model_that_is_gone_is_not_offered_in_a_set(ada: User, browser: Browser) -> None:
    ModelSet.objects.create(tenant=ada.home, owner=ada, name="Old", members=["no/such", "demo"])
    ModelSet.objects.create(tenant=ada.home, owner=ada, name="Gone", members=["no/such"])
    offered = browser(ada).get("/compare").context["sets"]
    assert [(one.name, one.models) for one in offered[1:]] == [("Old", ("demo",))]


def test_a_guests_sets_come_along_to_the_account(guest: User, ada: User) -> None:
    for name, owner in (("Mine", guest), ("Both", guest), ("Both", ada)):
        ModelSet.objects.create(tenant=owner.home, owner=owner, name=name, members=["demo"])
    registry.merge(guest, ada)
    assert sorted(ModelSet.objects.filter(owner=ada).values_list("name", flat=True)) == ["Both", "Mine"]


# --- What everybody goes on with ---------------------------------------------------------------------------


def test_the_chosen_answer_is_marked_and_can_be_given_up(ada: User, browser: Browser) -> None:
    chat = compared(ada, {}, {})
    chosen = Message.objects.get(chat=chat, position=1)
    client = browser(ada)
    response = client.post(f"/chat/{chat.pk}/messages/{chosen.pk}/choose")
    assert (response.status_code, response["Location"]) == (303, f"/chat/{chat.pk}")
    (turn,) = client.get(f"/chat/{chat.pk}").context["turns"]
    assert turn.goes_on_with and turn.goes_on_with.id == chosen.pk
    client.post(f"/chat/{chat.pk}/messages/{turn.question.id}/choose")
    (turn,) = client.get(f"/chat/{chat.pk}").context["turns"]
    assert turn.goes_on_with is None


def test_a_message_of_another_chat_cannot_be_chosen(ada: User, browser: Browser) -> None:
    here, there = compared(ada, {}, {}), compared(ada, {}, {})
    response = browser(ada).post(f"/chat/{here.pk}/messages/{there.head_id}/choose")
    assert response.status_code == 404


def test_the_second_lane_of_a_model_is_called_so(ada: User) -> None:
    chat = cast.make_chat(owner=ada, models=["demo", "demo/fast", "demo"])
    (turn,) = transcripts.window(chat).turns
    first, _other, second = (answer.label for answer in turn.answers)
    assert second == f"{first} (2)"
