"""What every kind of document promises, whichever it is."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from artifacts import kinds
from artifacts.kinds import Kind
from artifacts.kinds.cleaning import Unwrapper
from artifacts.kinds.text import WRAPPINGS
from config.errors import BadRequest, TooLarge

everywhere = pytest.mark.parametrize("kind", kinds.KINDS.values(), ids=list(kinds.KINDS))
streams = st.lists(
    st.sampled_from(["```", "`", "``", "python", "md", "\n", "\r", "\r\n", " ", "    ", "x = 1", "a,b", "# T", "😀"]),
    max_size=14,
)


def parsed(kind: Kind, pieces: list[str]) -> str:
    parser = kind.parser()
    return "".join([*map(parser.push, pieces), parser.flush()])


def test_the_kinds_stand_in_their_order() -> None:
    assert list(kinds.KINDS)[:3] == ["text", "code", "sheet"]


@everywhere
@given(pieces=streams)
def test_how_the_stream_was_cut_does_not_matter(kind: Kind, pieces: list[str]) -> None:
    whole = "".join(pieces)
    assert parsed(kind, pieces) == parsed(kind, [whole]) == parsed(kind, list(whole))


@everywhere
@given(pieces=streams)
def test_a_clean_document_stays_as_it_is(kind: Kind, pieces: list[str]) -> None:
    once = parsed(kind, ["x", *pieces])
    assert parsed(kind, [once]) == once


@pytest.mark.parametrize(
    ("streamed", "expected"),
    [
        ("```python\nx = 1\n```\nThis sets x.\n", "x = 1\n"),
        ("\n\n```\nx = 1\n\n```", "x = 1\n"),
        ("x = 1", "x = 1\n"),
        ("x = '''\n```\n'''\n", "x = '''\n```\n'''\n"),
        ("    x = 1\n\n\n    y = 2\n\n", "    x = 1\n\n\n    y = 2\n"),
        ("", ""),
    ],
)
def test_code_loses_its_fence_and_nothing_else(streamed: str, expected: str) -> None:
    assert parsed(kinds.get("code"), [streamed]) == expected


def test_text_keeps_the_code_it_begins_with() -> None:
    example = "```python\nx = 1\n```\n\nThat was code.\n"
    assert parsed(kinds.get("text"), [example]) == example
    assert parsed(kinds.get("text"), [f"```markdown\n{example}```\n"]) == example


def test_a_parser_gives_what_is_certain_at_once() -> None:
    parser = Unwrapper(WRAPPINGS)
    assert parser.push("The first wor") == "The first wor"
    assert parser.push("ds\n\n") == "ds"
    assert parser.push("go on") == "\n\ngo on"
    assert parser.flush() == "\n"


@everywhere
@given(one=st.text(alphabet="ab,\n ", max_size=40), other=st.text(alphabet="ab,\n ", max_size=40))
def test_a_comparison_names_what_was_compared(kind: Kind, one: str, other: str) -> None:
    found = kind.compare(one, other)
    assert found.by in ("words", "lines", "cells")
    same = kind.compare(one, one)
    assert all(piece.kind == "both" for piece in same.pieces)
    assert all(line.kind in ("both", "skipped") for line in same.lines)


@everywhere
def test_what_cannot_be_kept_is_refused(kind: Kind) -> None:
    kind.check("Ünïcode 😀\n")
    with pytest.raises(TooLarge):
        kind.check("x" * (kinds.CONTENT_MAX + 1))
    for wrong in ("a\x00b", "\ud800"):
        with pytest.raises(BadRequest):
            kind.check(wrong)


def test_a_sheet_is_handed_out_without_formulas() -> None:
    assert b"'=1+1" in kinds.get("sheet").exported("a\n=1+1\n")
    assert kinds.get("code").suffix("Python") == "py"


def test_an_unknown_kind_is_refused() -> None:
    with pytest.raises(BadRequest):
        kinds.get("sculpture")
