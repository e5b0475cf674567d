from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator

import httpx
from hypothesis import given
from hypothesis import strategies as st

from providers.wire import _Escaped


class Pieces(httpx.AsyncByteStream):
    def __init__(self, pieces: list[bytes]) -> None:
        self._pieces = pieces

    async def __aiter__(self) -> AsyncIterator[bytes]:
        for piece in self._pieces:
            yield piece


@given(st.text(st.sampled_from('ab\u2028\u2029\x85é€â😀\\"')), st.integers(1, 5))
def test_characters_that_libraries_take_for_line_ends_become_escapes_of_the_same_text(text: str, size: int) -> None:
    sent = json.dumps(text, ensure_ascii=False).encode()

    async def received() -> bytes:
        pieces = [sent[i : i + size] for i in range(0, len(sent), size)]
        return b"".join([piece async for piece in _Escaped(Pieces(pieces))])

    body = asyncio.run(received()).decode()
    assert json.loads(body) == text
    assert len(body.splitlines()) == 1
