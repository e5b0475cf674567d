from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from providers.events import Event, ReasoningDelta, TextDelta
from providers.thinking import ThinkSplitter

pieces = st.lists(
    st.one_of(
        st.sampled_from(["<think>", "</think>", "<thinking>", "</thinking>", "<th", "ink>", " ", "\n", "`"]),
        st.text(max_size=6),
    )
)


def split(parts: list[str]) -> list[tuple[str, str]]:
    splitter = ThinkSplitter()
    events: list[Event] = []
    for part in parts:
        events += splitter.push(part)
    events += splitter.flush()
    joined: list[tuple[str, str]] = []
    for event in events:
        assert isinstance(event, TextDelta | ReasoningDelta)
        kind = "text" if isinstance(event, TextDelta) else "reasoning"
        if joined and joined[-1][0] == kind:
            joined[-1] = (kind, joined[-1][1] + event.text)
        else:
            joined.append((kind, event.text))
    return joined


@given(pieces)
def test_how_the_text_was_cut_does_not_matter(parts: list[str]) -> None:
    assert split(parts) == split(["".join(parts)]) == split(list("".join(parts)))


@given(pieces)
def test_nothing_but_tags_is_lost(parts: list[str]) -> None:
    whole, kept = "".join(parts), "".join(text for _, text in split(parts))
    tags = len(re.findall("</?think(?:ing)?>", whole))
    assert len(whole) - len("</thinking>") * tags <= len(kept) <= len(whole)
    remaining = iter(whole)
    assert all(character in remaining for character in kept)  # `kept` is `whole` with something left out


def test_reasoning_stands_apart() -> None:
    assert split(["<think>why</think>because"]) == [("reasoning", "why"), ("text", "because")]


def test_a_tag_in_mid_text_opens_after_white_space() -> None:
    assert split(["a <thinking>b</thinking>c"]) == [("text", "a "), ("reasoning", "b"), ("text", "c")]


@pytest.mark.parametrize("text", ["Use `<think>` here", '"<think>" is a tag', "x<think>y", "< think>", "<thin"])
def test_an_answer_may_talk_about_the_tags(text: str) -> None:
    assert split([text]) == [("text", text)]


def test_reasoning_without_an_end_stays_reasoning() -> None:
    assert split(["<think>on and o", "n </thi"]) == [("reasoning", "on and on </thi")]
