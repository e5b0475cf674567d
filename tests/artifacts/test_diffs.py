"""Two answers word by word."""

from __future__ import annotations

from collections.abc import Callable
from itertools import pairwise

import pytest
from django.test import Client
from hypothesis import given
from hypothesis import strategies as st

from accounts.models import User
from artifacts.diffs import WORDS_MAX, compare
from chat import markdown
from chat.models import Message
from tests import cast

words = st.lists(
    st.sampled_from(["the", "river", "is", "long,", "and", "(wide)", "—", "don't", "x", "\n", "1.5"]), max_size=30
)


def shown(one: str, other: str) -> list[tuple[str, str]]:
    return [(piece.kind, piece.text) for piece in compare(one, other).pieces]


def test_what_only_one_says_is_marked() -> None:
    assert shown("The Nile is long.", "The Amazon is long.") == [
        ("both", "The "),
        ("gone", "Nile "),
        ("new", "Amazon "),
        ("both", "is long."),
    ]


def test_the_same_text_has_no_differences() -> None:
    assert shown("The same.\n\nTwice.", "The same.\n\nTwice.") == [("both", "The same.\n\nTwice.")]
    assert compare("a b", "a b").percent == 100


def test_nothing_and_something() -> None:
    assert shown("", "") == []
    assert shown("", "All of it.") == [("new", "All of it.")]
    assert shown("All of it.", "") == [("gone", "All of it.")]


def test_other_blanks_are_no_difference() -> None:
    assert shown("one  two\nthree", "one two three") == [("both", "one  two three")]


@given(words, words)
def test_each_text_is_in_the_pieces(one: list[str], other: list[str]) -> None:
    first, second = " ".join(one), " ".join(other)
    pieces = compare(first, second).pieces
    assert "".join(piece.text for piece in pieces if piece.kind != "gone").split() == second.split()
    assert "".join(piece.text for piece in pieces if piece.kind != "new").split() == first.split()
    assert all(a.kind != b.kind for a, b in pairwise(pieces))


def test_long_texts_are_compared_by_lines() -> None:
    lines = [f"line number {number} of many\n" for number in range(WORDS_MAX)]
    difference = compare("".join(lines), "".join([*lines[:500], "another one\n", *lines[501:]]))
    assert difference.by == "lines"
    assert "another one" in "".join(piece.text for piece in difference.pieces if piece.kind == "new")


def test_formatting_is_not_compared() -> None:
    text = "## Title\n\n- **one** and `two`\n- three\n\n```python\nx = 1\n```\n\n| a | b |\n|---|---|\n| 1 | 2 |"
    assert markdown.plain(text) == "Title\n\n• one and two\n• three\n\nx = 1\n\na b\n1 2"
    assert markdown.plain("1 < 2 & 3") == "1 < 2 & 3"


@pytest.mark.django_db
def test_the_page_and_its_part_compare_any_two_answers(ada: User, browser: Callable[..., Client]) -> None:
    chat = cast.make_chat(owner=ada, models=("demo", "demo/fast", "demo/slow"))
    for position, text in enumerate(("One river.", "One lake.", "One <b>sea</b>.")):
        Message.objects.filter(chat=chat, position=position, role="assistant").update(
            parts=[{"type": "text", "text": text}]
        )
    question = Message.objects.get(chat=chat, role="user")
    one, other, third = Message.objects.filter(chat=chat, role="assistant").order_by("position")
    address, client = f"/chat/{chat.pk}/messages/{question.pk}/difference", browser(ada)
    html = client.get(address).content.decode()
    assert "<del>river</del>" in html and "<ins>lake</ins>" in html and "<html" in html
    part = client.get(f"{address}?one={third.pk}&other={one.pk}", headers={"HX-Request": "true"}).content.decode()
    assert "&lt;b&gt;sea&lt;/b&gt;" in part and "<ins>river</ins>" in part and "<html" not in part
    assert client.get(f"{address}?one={chat.pk}").status_code == 404
    assert client.get(f"{address}?one=x").status_code == 400
    assert other.pk  # the second one is a choice as well


@pytest.mark.django_db
def test_an_earlier_version_of_an_answer_can_be_compared(ada: User, browser: Callable[..., Client]) -> None:
    chat = cast.make_chat(owner=ada, answer="One river.")
    question = Message.objects.get(chat=chat, role="user")
    first = Message.objects.get(chat=chat, role="assistant")
    second = Message.objects.create(
        chat=chat, parent=question, role="assistant", model="demo", parts=[{"type": "text", "text": "One lake."}]
    )
    address = f"/chat/{chat.pk}/messages/{question.pk}/difference"
    html = browser(ada).get(f"{address}?one={first.pk}&other={second.pk}").content.decode()
    assert "<del>river</del>" in html and "<ins>lake</ins>" in html
    elsewhere = Message.objects.get(chat=cast.make_chat(owner=ada), role="assistant")
    assert browser(ada).get(f"{address}?one={elsewhere.pk}").status_code == 404


@pytest.mark.django_db
def test_one_answer_has_nothing_to_be_compared_with(ada: User, browser: Callable[..., Client]) -> None:
    chat = cast.make_chat(owner=ada)
    question = Message.objects.get(chat=chat, role="user")
    assert browser(ada).get(f"/chat/{chat.pk}/messages/{question.pk}/difference").status_code == 400
