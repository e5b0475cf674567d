"""What only the direct way promises; the rest is in the contract."""

from __future__ import annotations

import asyncio
import json
import subprocess
import sys
import time
from collections.abc import Callable
from typing import Any

import pytest
from django.conf import settings as django_settings
from hypothesis import given
from hypothesis import strategies as st

from providers import anthropic_shape, gemini_shape, openai_shape, pool, sse
from providers.chunks import ChunkReader
from providers.direct import Shape
from providers.events import Event, joined
from providers.registry import provider_for
from providers.specs import ModelSpec
from tests.providers.conftest import collect, provider_on, request_for
from tests.providers.test_same_answer import ANTHROPIC, GEMINI
from tests.witness.client import WitnessClient

Spec = Callable[[str, str], ModelSpec]

pytestmark = pytest.mark.once

ASK = """
import asyncio, sys, time
import django; django.setup()
from providers import calls
from providers.base import ModelRequest, PromptMessage
from providers.registry import provider_for
from providers.specs import ModelSpec

async def main():
    spec = ModelSpec("openai/w-tokens3", "W", api_base=sys.argv[1])
    request = ModelRequest(spec, [PromptMessage("user", "hi")])
    said = [event async for batch in provider_for(spec).stream(request) for event in batch]
    await calls.close()
    return said

said = asyncio.run(main())
print({"litellm", "openai"} & sys.modules.keys(), said[0])
"""


def test_a_first_question_waits_for_no_import_of_litellm(witness: WitnessClient) -> None:
    done = subprocess.run(
        [sys.executable, "-c", ASK, witness.openai_base],
        cwd=django_settings.BASE_DIR,
        env={"DJANGO_SETTINGS_MODULE": "config.settings", "PATH": ""},
        timeout=50,
        capture_output=True,
        text=True,
    )
    assert done.stdout == "set() TextDelta(text='t0001 t0002 t0003 ')\n", done.stderr


async def test_litellm_carries_everything_where_the_operator_wants_it(
    spec_for: Spec, settings: Any, witness: WitnessClient
) -> None:
    for number, only in ((71, False), (72, True)):
        settings.LITELLM_ONLY = only
        spec = spec_for("direct", f"w-tokens2-tag{number}")
        assert (await collect(provider_for(spec).stream(request_for(spec)))).finish == "stop"
        [record] = witness.requests(model=f"w-tokens2-tag{number}")
        assert ("OpenAI" in record.headers["user-agent"]) is only


async def test_the_first_token_comes_at_once_and_later_ones_together(spec_for: Spec) -> None:
    stream = provider_on("direct").stream(request_for(spec_for("direct", "w-tokens200-rate400")))
    batches = [(time.monotonic(), batch) async for batch in stream]
    assert 10 < len(batches) < 30  # half a second, in beats of 30 ms
    assert batches[1][0] - batches[0][0] < 0.1


async def test_what_arrived_between_two_beats_survives_a_reset(spec_for: Spec) -> None:
    answer = await collect(provider_on("direct").stream(request_for(spec_for("direct", "w-tokens90-rate1000-reset80"))))
    assert answer.error is not None
    assert answer.text.split() == [f"t{n:04d}" for n in range(1, 81)]


async def test_a_connection_is_used_again(spec_for: Spec) -> None:
    for _ in range(9):
        await collect(provider_on("direct").stream(request_for(spec_for("direct", "w-tokens2"))))
        await asyncio.sleep(0.03)  # The end of a body may come after the answer.
    kept = pool._session().connector
    assert kept is not None
    assert 1 <= sum(map(len, kept._conns.values())) < 5


# --- Reading many chunks at once is reading them one by one ------------------------------------------

DELTAS = st.one_of(
    st.text(st.sampled_from("ab <think></think>\ud83d\ude00\x00"), max_size=9).map(lambda text: {"content": text}),
    st.sampled_from(["<think>", "</think>", "<thi", "nk>", " "]).map(lambda text: {"content": text}),
    st.text("rs", max_size=3).map(lambda text: {"reasoning_content": text, "content": None}),
    st.text("rs", max_size=3).map(lambda text: {"reasoning": text, "content": ""}),
    st.just({"role": "assistant", "content": "both", "reasoning": "at once"}),
    st.just({"tool_calls": [{"index": 0, "id": "a", "function": {"name": "f", "arguments": "{"}}]}),
    st.sampled_from([None, [], "odd", {"content": 5}, {"content": [{"type": "text", "text": "part"}]}]),
)
CHUNKS = st.one_of(
    DELTAS.map(lambda delta: {"choices": [{"delta": delta, "finish_reason": None}]}),
    DELTAS.map(lambda delta: {"choices": [{"delta": delta, "finish_reason": "stop"}]}),
    st.sampled_from([{}, {"choices": []}, {"choices": None}, {"choices": [], "usage": {"prompt_tokens": 3}}]),
    st.sampled_from([b"{", b'"odd"', b'{"error": {"code": 500}}', b"[DONE]"]),
)


def heard(pieces: list[list[bytes]], shape: Shape = openai_shape) -> tuple[list[Event], str]:
    reader, events, stream = ChunkReader(lambda: 1), list[Event](), shape.Reader()
    fault = ""
    try:
        for piece in pieces:
            reader.read_all(stream.chunks(piece), events)
        events += reader.end()
    except Exception as exc:
        fault = type(exc).__name__
        events += reader.rest()
    return joined([event for event in events if getattr(event, "text", "x")]), fault


@given(st.lists(CHUNKS, max_size=12), st.integers(1, 12))
def test_how_chunks_arrive_together_does_not_matter(chunks: list[Any], size: int) -> None:
    events = [chunk if isinstance(chunk, bytes) else json.dumps(chunk).encode() for chunk in chunks]
    together = [events[i : i + size] for i in range(0, len(events), size)]
    assert heard(together) == heard([[event] for event in events]) == one_by_one(events)


@pytest.mark.parametrize("shape", [anthropic_shape, gemini_shape])
@given(data=st.data())
def test_how_other_events_arrive_together_does_not_matter(shape: Shape, data: st.DataObject) -> None:
    known = ANTHROPIC if shape is anthropic_shape else GEMINI
    said = [event for name in data.draw(st.lists(st.sampled_from(sorted(known)), max_size=3)) for event in known[name]]
    events = [event.encode() if isinstance(event, str) else json.dumps(event).encode() for event in said]
    size = data.draw(st.integers(1, 12))
    together = [events[i : i + size] for i in range(0, len(events), size)]
    assert heard(together, shape) == heard([[event] for event in events], shape)


def one_by_one(events: list[bytes]) -> tuple[list[Event], str]:
    """As the gateway reads."""
    reader, said = ChunkReader(lambda: 1), list[Event]()
    fault = ""
    try:
        for data in events:
            if data != sse.DONE:
                said += reader.read(sse.parsed(data))
        said += reader.end()
    except Exception as exc:
        fault = type(exc).__name__
        said += reader.rest()
    return joined([event for event in said if getattr(event, "text", "x")]), fault
