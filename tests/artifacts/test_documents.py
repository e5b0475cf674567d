"""Documents lose nothing, whoever writes and in whatever order."""

from __future__ import annotations

import itertools
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from django.utils import timezone
from hypothesis import HealthCheck, given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from accounts import registry
from accounts.actors import Actor
from accounts.models import User
from artifacts import documents, kinds
from artifacts.documents import Base, Origin, Typing
from artifacts.edits import Change
from artifacts.kinds import Compared, Kind
from artifacts.kinds.cleaning import Unwrapper
from artifacts.models import Document, Suggestion, Version
from config.errors import BadRequest, Conflict, NotFound, TooLarge
from config.ids import uuid7
from tests import cast

pytestmark = pytest.mark.django_db

TEXT = "The red door.\n\nThe old house.\n\nThe long road.\n"


@pytest.fixture
def actor(ada: User) -> Actor:
    return cast.actor_of(ada)


@pytest.fixture
def document(actor: Actor) -> Document:
    return documents.create(actor, "text", "A walk", TEXT)


def origin_of(actor: Actor) -> Origin:
    return Origin(actor.tenant_id, actor.id, uuid7())


def contents(document: Document) -> list[str]:
    return list(document.versions.values_list("content", flat=True))


def newest(document: Document) -> str:
    document.refresh_from_db()
    return documents.version(document).content


# --- Saving -----------------------------------------------------------------------------------------


def test_every_save_is_a_version(actor: Actor, document: Document) -> None:
    documents.save(actor, document.pk, "Second", Base(1))
    documents.save(actor, document.pk, "Third", Base(2))
    assert contents(document) == [TEXT, "Second", "Third"]
    assert [(v.number, v.base, v.author) for v in document.versions.all()] == [
        (1, None, "person"),
        (2, 1, "person"),
        (3, 2, "person"),
    ]


def test_saving_the_same_words_makes_no_version(actor: Actor, document: Document) -> None:
    assert documents.save(actor, document.pk, TEXT, Base(1)).number == 1
    assert contents(document) == [TEXT]


def test_changes_are_enough_to_save(actor: Actor, document: Document) -> None:
    documents.save(actor, document.pk, [Change(4, 7, "blue")], Base(1))
    assert newest(document) == TEXT.replace("red", "blue")
    with pytest.raises(BadRequest):
        documents.save(actor, document.pk, [Change(4, 700, "blue")], Base(2))


def test_a_stale_save_is_told_what_stands_there_and_how_to_merge(actor: Actor, document: Document) -> None:
    documents.save(actor, document.pk, TEXT.replace("red", "blue"), Base(1))
    with pytest.raises(Conflict) as refused:
        documents.save(actor, document.pk, TEXT.replace("long", "short"), Base(1))
    told = refused.value.details
    assert (told["version"], told["clean"]) == (2, True)
    assert "".join(piece["text"] for piece in told["pieces"]) == TEXT.replace("red", "blue").replace("long", "short")
    assert newest(document) == TEXT.replace("red", "blue")


def test_where_both_changed_the_same_word_there_is_a_choice(actor: Actor, document: Document) -> None:
    documents.save(actor, document.pk, TEXT.replace("red", "blue"), Base(1))
    with pytest.raises(Conflict) as refused:
        documents.save(actor, document.pk, TEXT.replace("red", "green"), Base(1))
    assert not refused.value.details["clean"]
    choices = [piece for piece in refused.value.details["pieces"] if "mine" in piece]
    assert choices == [{"mine": "green", "theirs": "blue", "base": "red"}]


def test_what_one_editor_types_is_one_version(actor: Actor, document: Document) -> None:
    session, now = uuid7(), timezone.now()
    for edit, words in enumerate(["T", "Ty", "Typed"], 1):
        number = 1 if edit == 1 else 2
        documents.save(actor, document.pk, words, Base(number), typing=Typing(session, edit), now=now)
    assert contents(document) == [TEXT, "Typed"]


def test_the_last_word_wins_whatever_arrives_late(actor: Actor, document: Document) -> None:
    """A tab that closes sends its last words while an earlier save is still on its way."""
    session = uuid7()
    documents.save(actor, document.pk, "Last words", Base(1), typing=Typing(session, 2))
    documents.save(actor, document.pk, "Earlier words", Base(1), typing=Typing(session, 1))
    assert newest(document) == "Last words"
    documents.save(actor, document.pk, "Very last words", Base(1), typing=Typing(session, 3))
    assert newest(document) == "Very last words"


def test_a_pause_begins_a_new_version(actor: Actor, document: Document) -> None:
    session, now = uuid7(), timezone.now()
    documents.save(actor, document.pk, "Before", Base(1), typing=Typing(session, 1), now=now)
    later = now + documents.OPEN + timedelta(seconds=1)
    documents.save(actor, document.pk, "After", Base(2), typing=Typing(session, 2), now=later)
    assert contents(document) == [TEXT, "Before", "After"]


def test_two_tabs_cannot_overwrite_each_other(actor: Actor, document: Document) -> None:
    one, other = uuid7(), uuid7()
    first = documents.save(actor, document.pk, "One", Base(1), typing=Typing(one, 1))
    read = Base(2, first.digest)
    documents.save(actor, document.pk, "One, more", Base(2), typing=Typing(one, 2))
    for base in (read, Base(2)):
        with pytest.raises(Conflict):
            documents.save(actor, document.pk, "Other", base, typing=Typing(other, 1))
    now_there = documents.version(document, 2)
    documents.save(actor, document.pk, "Other", Base(2, now_there.digest), typing=Typing(other, 2))
    assert contents(document) == [TEXT, "One, more", "Other"]


def test_after_a_model_wrote_an_open_version_stays_as_it_is(actor: Actor, document: Document) -> None:
    session = uuid7()
    documents.save(actor, document.pk, "Typed", Base(1), typing=Typing(session, 1))
    documents.write(origin_of(actor), 1, document.pk, "Model", 2)
    with pytest.raises(Conflict):
        documents.save(actor, document.pk, "Typed more", Base(2), typing=Typing(session, 2))
    assert contents(document) == [TEXT, "Typed", "Model"]


def test_versions_do_not_change_and_do_not_go_away(document: Document) -> None:
    version = documents.version(document)
    version.content = "Other"
    for change in (
        version.save,
        version.delete,
        lambda: Version.objects.update(content="Other"),
        lambda: Version.objects.all().delete(),
    ):
        with pytest.raises(TypeError):
            change()
    assert contents(document) == [TEXT]


def test_a_document_goes_with_its_owner(ada: User, document: Document) -> None:
    ada.delete()
    assert not Version.objects.exists()


def test_what_is_too_large_is_refused(actor: Actor, document: Document) -> None:
    with pytest.raises(TooLarge):
        documents.save(actor, document.pk, "x" * (kinds.CONTENT_MAX + 1), Base(1))


# --- Versions ---------------------------------------------------------------------------------------


def test_restoring_makes_a_new_version(actor: Actor, document: Document) -> None:
    documents.save(actor, document.pk, "Second", Base(1))
    documents.restore(actor, document.pk, 1)
    assert contents(document) == [TEXT, "Second", TEXT]


def test_what_was_never_there_cannot_be_restored(actor: Actor, document: Document) -> None:
    for number in (0, 2, 2**40):
        with pytest.raises(NotFound):
            documents.restore(actor, document.pk, number)


@hypothesis_settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=25)
@given(steps=st.lists(st.tuples(st.sampled_from(["save", "stale", "restore", "model"]), st.integers(1, 4)), max_size=8))
def test_the_count_of_versions_never_falls_and_none_changes(actor: Actor, steps: list[tuple[str, int]]) -> None:
    document = documents.create(actor, "text", "Steps", "0")
    before = contents(document)
    for index, (step, number) in enumerate(steps):
        document.refresh_from_db()
        base = max(1, document.version - number) if step == "stale" else document.version
        try:
            if step == "restore":
                documents.restore(actor, document.pk, min(number, document.version))
            elif step == "model":
                documents.write(origin_of(actor), 1, document.pk, f"{index} model", max(1, document.version - number))
            else:
                documents.save(actor, document.pk, f"{index} {step}", Base(base))
        except Conflict:
            pass
        after = contents(document)
        assert after[: len(before)] == before
        before = after


# --- A model's words --------------------------------------------------------------------------------


def test_a_model_and_a_person_are_merged(actor: Actor, document: Document) -> None:
    documents.save(actor, document.pk, TEXT.replace("red", "blue"), Base(1))
    written = documents.write(origin_of(actor), 1, document.pk, TEXT.replace("long", "short"), 1)
    assert (written.version, written.merged, written.aside) == (3, True, False)
    assert newest(document) == TEXT.replace("red", "blue").replace("long", "short")


def test_where_they_cannot_be_merged_the_persons_words_stand(actor: Actor, document: Document) -> None:
    documents.save(actor, document.pk, TEXT.replace("red", "blue"), Base(1))
    written = documents.write(origin_of(actor), 1, document.pk, TEXT.replace("red", "green"), 1)
    assert written.aside
    assert documents.version(document, written.version).content == TEXT.replace("red", "green")
    assert newest(document) == TEXT.replace("red", "blue")


def test_a_cut_version_is_kept_and_marked(actor: Actor) -> None:
    origin = origin_of(actor)
    begun = documents.begin(origin, "text", "A walk")
    written = documents.write(origin, 1, begun.pk, "The red", partial=True)
    assert written.status == "partial"
    begun.refresh_from_db()
    assert (documents.version(begun).status, begun.writer) == ("partial", None)


def test_writing_twice_is_one_version(actor: Actor) -> None:
    origin = origin_of(actor)
    begun = documents.begin(origin, "text", "A walk")
    assert documents.write(origin, 1, begun.pk, "Once") == documents.write(origin, 1, begun.pk, "Once", partial=True)
    assert contents(begun) == ["Once"]


# --- Suggestions ------------------------------------------------------------------------------------

CHANGES = [("red", "blue", "A calmer colour."), ("old", "ancient", ""), ("long", "winding", "")]


def suggested(actor: Actor, document: Document, found: list[tuple[str, str, str]] | None = None) -> list[Suggestion]:
    return documents.suggest(origin_of(actor), document.pk, 1, found or CHANGES)


def test_suggestions_are_accepted_one_by_one(actor: Actor, document: Document) -> None:
    red, old, _long = suggested(actor, document)
    documents.accept(actor, document.pk, red.pk)
    documents.accept(actor, document.pk, old.pk, "very old")
    assert newest(document) == TEXT.replace("red", "blue").replace("old", "very old")
    assert contents(document)[:2] == [TEXT, TEXT.replace("red", "blue")]
    assert [s.state for s in document.suggestions.order_by("created_at", "id")] == ["accepted", "accepted", "open"]


def test_all_are_accepted_each_as_a_version(actor: Actor, document: Document) -> None:
    suggested(actor, document)
    assert len(documents.accept_all(actor, document.pk)) == 3
    assert newest(document) == "The blue door.\n\nThe ancient house.\n\nThe winding road.\n"


def test_the_others_sit_right_after_edits_above_them(actor: Actor, document: Document) -> None:
    _red, _old, long = suggested(actor, document)
    documents.save(actor, document.pk, "A new beginning.\n\n" + TEXT, Base(1))
    documents.accept(actor, document.pk, long.pk)
    assert newest(document) == "A new beginning.\n\n" + TEXT.replace("long", "winding")


def test_a_suggestion_whose_passage_is_gone_is_out_of_date_until_it_comes_back(
    actor: Actor, document: Document
) -> None:
    [red, *_others] = suggested(actor, document)
    documents.save(actor, document.pk, TEXT.replace("red", "green"), Base(1))
    red.refresh_from_db()
    assert red.state == "stale"
    with pytest.raises(Conflict):
        documents.accept(actor, document.pk, red.pk)
    documents.restore(actor, document.pk, 1)
    documents.accept(actor, document.pk, red.pk)
    assert newest(document) == TEXT.replace("red", "blue")


def test_a_suggestion_is_settled_once(actor: Actor, document: Document) -> None:
    [red, *_others] = suggested(actor, document)
    documents.reject(actor, document.pk, red.pk)
    for again in (documents.accept, documents.reject):
        with pytest.raises(Conflict):
            again(actor, document.pk, red.pk)
    assert documents.reject_all(actor, document.pk) == 2
    assert newest(document) == TEXT


def test_what_does_not_fit_is_no_suggestion(actor: Actor, document: Document) -> None:
    found = [("The", "A", "stands there thrice"), ("gone", "x", ""), ("", "x", ""), ("red", "red", "says nothing new")]
    assert suggested(actor, document, found) == []
    assert len(suggested(actor, document, [("red door", "gate", ""), ("door", "gate", "overlaps")])) == 1


@hypothesis_settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=20)
@given(
    proposals=st.lists(st.text(alphabet="abc 012<>\n", max_size=6), min_size=2, max_size=4),
    order=st.permutations(range(4)),
)
def test_accepting_in_any_order_gives_the_same_text(actor: Actor, proposals: list[str], order: list[int]) -> None:
    originals = [f"<{number}>" for number in range(len(proposals))]
    text = "a b ".join(originals)
    document = documents.create(actor, "text", "Order", text)
    made = suggested(actor, document, [(old, new, "") for old, new in zip(originals, proposals, strict=True)])
    for number in order:
        if number < len(made):
            documents.accept(actor, document.pk, made[number].pk)
    expected = [new if new != old else old for old, new in zip(originals, proposals, strict=True)]
    assert newest(document) == "a b ".join(expected)


# --- Whose it is ------------------------------------------------------------------------------------


def test_strangers_and_colleagues_find_nothing(actor: Actor, eve: User, grace: User, document: Document) -> None:
    [red, *_others] = suggested(actor, document)
    for person in map(cast.actor_of, (eve, grace)):
        for act in (
            lambda who: documents.save(who, document.pk, "Mine", Base(1)),
            lambda who: documents.restore(who, document.pk, 1),
            lambda who: documents.rename(who, document.pk, title="Mine"),
            lambda who: documents.delete(who, document.pk),
            lambda who: documents.accept(who, document.pk, red.pk),
            lambda who: documents.reject(who, document.pk, red.pk),
            lambda who: documents.take_up(origin_of(who), document.pk),
        ):
            with pytest.raises(NotFound):
                act(person)
    assert newest(document) == TEXT


def test_a_suggestion_is_reached_only_through_its_own_document(actor: Actor, document: Document) -> None:
    [red, *_others] = suggested(actor, document)
    other = documents.create(actor, "text", "Other", TEXT)
    with pytest.raises(NotFound):
        documents.accept(actor, other.pk, red.pk)


def test_deleting_can_be_undone(actor: Actor, document: Document) -> None:
    documents.delete(actor, document.pk)
    assert not Document.objects.visible_to(actor).exists()
    with pytest.raises(NotFound):
        documents.delete(actor, document.pk)
    documents.undelete(actor, document.pk)
    assert newest(document) == TEXT


def test_a_guests_documents_move_to_the_account(guest: User, ada: User) -> None:
    document = documents.create(cast.actor_of(guest), "sheet", "Numbers", "a,b\n")
    registry.merge(guest, ada)
    assert Document.objects.visible_to(cast.actor_of(ada)).get() == document


def test_what_a_guests_run_writes_follows_them_into_their_account(guest: User, ada: User) -> None:
    origin = origin_of(cast.actor_of(guest))
    document = documents.begin(origin, "text", "A walk")
    registry.merge(guest, ada)
    assert documents.write(origin, 1, document.pk, TEXT).status == "complete"
    found = Document.objects.visible_to(cast.actor_of(ada)).get()
    assert newest(found) == TEXT


def test_a_title_is_one_line_of_reasonable_length(actor: Actor) -> None:
    assert documents.create(actor, "text", "  Two\n lines\x00 ").title == "Two lines"
    with pytest.raises(BadRequest):
        documents.create(actor, "text", " \n")
    with pytest.raises(TooLarge):
        documents.create(actor, "text", "x" * 201)


def test_a_further_kind_is_one_more_entry(actor: Actor, monkeypatch: pytest.MonkeyPatch) -> None:
    recipe = Kind("recipe", "Recipe", "text", "Write a recipe.", Unwrapper, lambda one, other: Compared("words"))
    monkeypatch.setitem(kinds.KINDS, "recipe", recipe)
    document = documents.create(actor, "recipe", "Soup", "Water.\n")
    documents.save(actor, document.pk, "Water, salt.\n", Base(1))
    assert contents(document) == ["Water.\n", "Water, salt.\n"]


def test_changes_are_told_to_who_listens(actor: Actor, document: Document, monkeypatch: pytest.MonkeyPatch) -> None:
    heard: list[Any] = []
    monkeypatch.setattr(documents, "_listeners", [lambda owner, told: heard.append((owner, told))])
    documents.save(actor, document.pk, "Second", Base(1))
    assert heard == [(actor.id, {"document": str(document.pk), "version": 2})]


def test_a_step_costs_few_queries(
    actor: Actor, document: Document, django_assert_max_num_queries: Callable[[int], Any]
) -> None:
    suggestion, *_others = suggested(actor, document)
    steps = itertools.count(1)
    for most, step in (
        (8, lambda: documents.save(actor, document.pk, TEXT + "More.\n", Base(1))),
        (8, lambda: documents.restore(actor, document.pk, 1)),
        (9, lambda: documents.accept(actor, document.pk, suggestion.pk)),
        (2, lambda: documents.rename(actor, document.pk, title=f"Walk {next(steps)}")),
        (1, lambda: documents.delete(actor, document.pk)),
    ):
        with django_assert_max_num_queries(most + 2):  # savepoints around it
            step()
