"""Changes touch what they name and nothing else."""

from __future__ import annotations

import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from artifacts import edits, merging, tables
from artifacts.edits import Change, Edit, Unfit

texts = st.text(alphabet="ab \n.é😀", max_size=60)
passages = st.lists(st.text(alphabet="abc\n", min_size=1, max_size=5), min_size=1, max_size=8)


@given(texts, texts)
def test_the_changes_between_two_texts_lead_from_one_to_the_other(old: str, new: str) -> None:
    assert edits.apply(old, edits.between(old, new)) == new


@given(texts, texts, st.integers(1, 4))
def test_large_texts_are_compared_from_what_is_there_once(old: str, new: str, most: int) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(edits, "MIDDLE_MAX", most)
        assert edits.apply(old, edits.between(old, new)) == new


def test_two_changes_far_apart_in_a_large_sheet_are_two() -> None:
    rows = [f"{number},x\n" for number in range(50_000)]
    old = "".join(rows)
    rows[3], rows[49_000] = "new\n", "other\n"
    assert [change.text for change in edits.between(old, "".join(rows))] == ["new\n", "other\n"]


@given(passages, st.data())
def test_targeted_edits_touch_nothing_else(pieces: list[str], data: st.DataObject) -> None:
    # Marks make every piece unique; what lies between them must stay as it is.
    marked = [f"<{number}:{piece}>" for number, piece in enumerate(pieces)]
    chosen = data.draw(st.lists(st.sampled_from(range(len(marked))), unique=True, max_size=len(marked)))
    new = {number: data.draw(st.text(alphabet="xyz", max_size=6)) for number in chosen}
    text = "-".join(marked)
    made = edits.apply(text, edits.locate(text, [Edit(marked[number], new[number]) for number in chosen]))
    assert made == "-".join(new.get(number, piece) for number, piece in enumerate(marked))


@pytest.mark.parametrize(
    ("asked", "index", "reason"),
    [
        ([Edit("one", "1"), Edit("three", "3")], 1, "missing"),
        ([Edit("o", "0")], 0, "ambiguous"),
        ([Edit("", "x")], 0, "empty"),
        ([Edit("one t", "x"), Edit("two", "y")], 1, "overlap"),
    ],
)
def test_an_edit_that_does_not_fit_says_which_and_why(asked: list[Edit], index: int, reason: str) -> None:
    with pytest.raises(Unfit) as refused:
        edits.locate("one two", asked)
    assert (refused.value.index, refused.value.reason) == (index, reason)


def test_a_passage_that_overlaps_itself_is_ambiguous() -> None:
    with pytest.raises(Unfit):
        edits.locate("aaa", [Edit("aa", "b")])


@given(texts, st.text(alphabet="ab", min_size=1, max_size=4), texts, texts, texts)
def test_a_passage_is_found_where_it_moved_to(before: str, passage: str, after: str, more: str, end: str) -> None:
    old, new = before + passage + after, more + before + passage + after + end
    place = edits.anchored(old, new, passage, len(before), edits.between(old, new))
    assert place is not None
    assert new[place : place + len(passage)] == passage


@given(texts, st.text(alphabet="xyz", min_size=1, max_size=4), texts, texts)
def test_a_passage_is_given_up_only_when_it_is_gone(before: str, passage: str, after: str, new: str) -> None:
    old = before + passage + after
    place = edits.anchored(old, new, passage, len(before), edits.between(old, new))
    assert (place is None) == (passage not in new)


def test_of_two_places_the_nearest_is_meant() -> None:
    old = "first\nthe end\nmore\n"
    new = "the end\nfirst\nthe end, rewritten\nmore\n"
    assert edits.anchored(old, new, "the end", 6, edits.between(old, new)) == 14


# --- Merging -----------------------------------------------------------------------------------------

cuts = st.sampled_from([merging.words, merging.lines])


@given(texts, texts, cuts)
def test_who_changed_nothing_loses_nothing(base: str, new: str, cut: merging.Cut) -> None:
    for merge in (
        merging.merge(base, new, base, cut),
        merging.merge(base, base, new, cut),
        merging.merge(base, new, new, cut),
    ):
        assert merge.clean
        assert merge.text == new


@given(texts, texts, texts, cuts)
def test_both_sides_can_be_read_out_of_every_merge(base: str, mine: str, theirs: str, cut: merging.Cut) -> None:
    merge, mirrored = merging.merge(base, mine, theirs, cut), merging.merge(base, theirs, mine, cut)
    assert merge.clean == mirrored.clean
    if merge.clean:
        assert merge.text == mirrored.text


@given(st.lists(st.sampled_from("abcdef"), min_size=3, max_size=8), st.data())
def test_changes_in_different_lines_are_both_kept(names: list[str], data: st.DataObject) -> None:
    base = [f"{name}{number}\n" for number, name in enumerate(names)]
    here = data.draw(st.integers(0, len(base) - 1))
    there = data.draw(st.integers(0, len(base) - 1).filter(lambda number: number != here))
    mine, theirs, both = base.copy(), base.copy(), base.copy()
    mine[here] = both[here] = "mine\n"
    theirs[there] = both[there] = "theirs\n"
    merge = merging.merge("".join(base), "".join(mine), "".join(theirs))
    assert merge.clean
    assert merge.text == "".join(both)


def test_different_changes_of_one_word_are_a_choice() -> None:
    merge = merging.merge("the red door", "the blue door", "the green door", merging.words)
    assert [(p.mine, p.theirs, p.base) for p in merge.pieces if p.conflict] == [("blue", "green", "red")]
    assert merge.text == "the blue door"


@given(st.text(max_size=200))
def test_taking_a_text_apart_loses_no_character(text: str) -> None:
    assert "".join(merging.words(text)) == "".join(merging.lines(text)) == text


# --- Sheets ------------------------------------------------------------------------------------------

cells = st.text(st.characters(codec="utf-8", exclude_characters="\x00"), max_size=8)
rows = st.lists(st.lists(cells, min_size=1, max_size=4), max_size=6)


@given(rows)
def test_rows_survive_csv(table: list[list[str]]) -> None:
    assert tables.read(tables.write(table)) == table


@given(st.text(max_size=80))
def test_reading_any_text_as_csv_raises_nothing_and_settles(text: str) -> None:
    once = tables.write(tables.read(text))
    assert tables.write(tables.read(once)) == once


def test_formulas_become_text_and_numbers_stay() -> None:
    row = ["=SUM(A1:A2)", "+1,5", "-3", "@cmd", "-2+3", "\t=1", "plain", "-"]
    assert tables.harmless([row]) == [["'=SUM(A1:A2)", "+1,5", "-3", "'@cmd", "'-2+3", "'\t=1", "plain", "'-"]]


def test_sheets_are_compared_cell_by_cell() -> None:
    lines = tables.compare("a,b\n1,2\n3,4\n", "a,b\n1,5\n3,4\n6,7\n")
    assert [line.kind for line in lines] == ["both", "changed", "both", "new"]
    assert [(cell.text, cell.was) for cell in lines[1].cells] == [("1", None), ("5", "2")]


def test_a_comparison_of_large_sheets_tells_what_is_new() -> None:
    table = [["n", "x"], *([str(number), "x"] for number in range(1_000))]
    old = tables.write(table)
    table[500][1] = "y"
    lines = tables.shortened(tables.compare(old, tables.write(table)))
    assert [line.kind for line in lines] == ["both", "skipped", "both", "both", "changed", "both", "both", "skipped"]
    assert sum(line.count or 1 for line in lines) == 1_001


@given(rows, rows)
def test_a_comparison_holds_every_row_of_the_new_sheet(one: list[list[str]], other: list[list[str]]) -> None:
    lines = tables.compare(tables.write(one), tables.write(other))
    new = [[cell.text for cell in line.cells] for line in lines if line.kind != "gone"]
    for written, row in itertools.zip_longest(new, other):
        assert written[: len(row)] == row


def test_changes_outside_of_the_text_are_refused() -> None:
    for wrong in ([Change(0, 9, "")], [Change(2, 1, "")], [Change(1, 2, ""), Change(0, 1, "")]):
        with pytest.raises(ValueError):
            edits.apply("abc", wrong)
