from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from providers.events import Cleaner, clean

any_text = st.text(st.characters())  # surrogates included


def cleaned(pieces: list[str]) -> str:
    cleaner = Cleaner()
    return "".join([*map(cleaner.push, pieces), cleaner.flush()])


def test_nul_is_dropped_and_a_lone_surrogate_replaced() -> None:
    assert clean("a\x00b\ud800c") == "ab\ufffdc"


def test_ordinary_text_stays_as_it_is() -> None:
    assert clean("Grüße 👩‍👩‍👧 مرحبا\u2028\x07") == "Grüße 👩‍👩‍👧 مرحبا\u2028\x07"


def test_a_character_cut_between_its_surrogates_stays_whole() -> None:
    assert cleaned(["smile \ud83d", "\ude00!"]) == "smile 😀!"


@given(st.lists(any_text))
def test_how_the_text_was_cut_does_not_matter(pieces: list[str]) -> None:
    whole = "".join(pieces)
    assert cleaned(pieces) == cleaned([whole]) == cleaned(list(whole))


@given(any_text)
def test_cleaned_text_can_be_stored(text: str) -> None:
    assert "\x00" not in cleaned([text])
    cleaned([text]).encode()
