from __future__ import annotations

from typing import Any

import pytest

from config.errors import ProviderBroken
from providers.chunks import ChunkReader
from providers.events import Event, Finish, ReasoningDelta, TextDelta, ToolCall, UsageReport
from providers.sse import SseReader


def chunk(finish: str | None = None, usage: dict[str, Any] | None = None, **delta: Any) -> dict[str, Any]:
    return {"choices": [{"delta": delta, "finish_reason": finish}], "usage": usage}


def call(index: int, call_id: str | None = None, name: str | None = None, arguments: str = "") -> dict[str, Any]:
    return {"index": index, "id": call_id, "function": {"name": name, "arguments": arguments}}


def read(*chunks: dict[str, Any]) -> list[Event]:
    reader = ChunkReader(lambda: 7)
    return [event for one in chunks for event in reader.read(one)] + reader.end()


def calls(*pieces: dict[str, Any]) -> list[tuple[str, str]]:
    events = read(*(chunk(tool_calls=[piece]) for piece in pieces), chunk("tool_calls"))
    return [(event.name, event.arguments) for event in events if isinstance(event, ToolCall)]


def test_pieces_of_calls_are_joined_by_index() -> None:
    assert calls(
        call(0, "a", "f", '{"x"'), call(1, "b", "g", "{"), call(0, arguments=": 1}"), call(1, arguments="}")
    ) == [
        ("f", '{"x": 1}'),
        ("g", "{}"),
    ]


def test_calls_that_share_an_index_are_told_apart_by_id() -> None:
    assert calls(call(0, "a", "f"), call(0, "b", "g")) == [("f", ""), ("g", "")]


def test_a_call_without_an_id_gets_one() -> None:
    [event] = [
        event for event in read(chunk("stop", tool_calls=[call(0, None, "f", "{}")])) if isinstance(event, ToolCall)
    ]
    assert event.id


def test_calls_make_the_finish_tool_calls() -> None:
    assert read(chunk("stop", tool_calls=[call(0, "a", "f", "{}")]))[-1] == Finish("tool_calls")


def test_a_stream_without_a_finish_is_broken() -> None:
    with pytest.raises(ProviderBroken):
        read(chunk(content="half an ans"))


def test_text_after_the_finish_is_not_part_of_the_answer() -> None:
    assert [
        event for event in read(chunk("stop", content="all"), chunk(content=" more")) if isinstance(event, TextDelta)
    ] == [TextDelta("all")]


def test_the_last_usage_counts() -> None:
    first, last = {"prompt_tokens": 5, "completion_tokens": 1}, {"prompt_tokens": 5, "completion_tokens": 9}
    assert UsageReport(5, 9) in read(chunk(content="a", usage=first), chunk("stop"), {"choices": [], "usage": last})


def test_reasoning_that_is_counted_beside_the_output_is_part_of_it() -> None:
    usage = {"prompt_tokens": 5, "completion_tokens": 2, "total_tokens": 17}
    beside = usage | {"completion_tokens_details": {"reasoning_tokens": 10}}
    assert UsageReport(5, 12, 0, 10) in read(chunk("stop", content="a", usage=beside))
    within = beside | {"completion_tokens": 12}
    assert UsageReport(5, 12, 0, 10) in read(chunk("stop", content="a", usage=within))


def test_text_in_parts_is_text_and_thoughts_in_parts_are_reasoning() -> None:
    parts = [{"type": "thinking", "thinking": [{"type": "text", "text": "hm"}]}, {"type": "text", "text": "Yes"}]
    assert read(chunk(content=parts), chunk("stop"))[:2] == [ReasoningDelta("hm"), TextDelta("Yes")]


def test_arguments_without_an_end_are_broken() -> None:
    with pytest.raises(ProviderBroken):
        calls(call(0, "a", "f", "x" * (1 << 20)), call(0, arguments="y"))


@pytest.mark.parametrize("size", [1, 2, 3, 7, 1000])
@pytest.mark.parametrize("end", ["\n", "\r\n"])
def test_events_are_the_same_however_the_bytes_were_cut(size: int, end: str) -> None:
    body = end.join(
        [": comment", "event: x", "data: one", "", "data:two", "data: 2", "", "", "id: 5", "data: last"]
    ).encode()
    reader = SseReader()
    events = [event for i in range(0, len(body), size) for event in reader.push(body[i : i + size])] + reader.flush()
    assert events == [b"one", b"two\n2", b"last"]
