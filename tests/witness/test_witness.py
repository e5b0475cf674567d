"""The witness tells the truth about itself."""

from __future__ import annotations

import asyncio
import json
import re
import socket
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import aiohttp
import httpx
import pytest

import tests.witness
from tests.witness import (
    GIANT,
    GrammarError,
    Record,
    Witness,
    expected_content,
    expected_reasoning,
    expected_text,
    in_thread,
    parse,
)
from tests.witness.behaviours import OPTIONS
from tests.witness.client import WitnessClient, process

SHAPES = ("openai", "anthropic", "gemini", "ollama")
TOOLS = {"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]}


@dataclass
class Heard:
    """What a client understood."""

    text: str = ""
    reasoning: str = ""
    calls: dict[int, list[str]] = field(default_factory=dict)
    finishes: list[str] = field(default_factory=list)
    usages: list[tuple[int, int]] = field(default_factory=list)
    errors: list[Any] = field(default_factory=list)
    unreadable: int = 0


def request_for(
    shape: str, model: str, prompt: str = "hello", *, stream: bool = True, tool: str = ""
) -> dict[str, Any]:
    """Arguments for httpx: a request in this shape; with `tool`, one in which the tool has already answered."""
    messages: list[dict[str, Any]] = [{"role": "user", "content": prompt}]
    body: dict[str, Any] = {"model": model, "messages": messages, "stream": stream}
    function: dict[str, Any] = {"name": "get_weather", "parameters": TOOLS}
    match shape:
        case "openai":
            path = "/v1/chat/completions"
            body |= {"stream_options": {"include_usage": True}, "user": "ada"}
            body["tools"] = [{"type": "function", "function": function}]
            if tool:
                call = {"id": "c", "type": "function", "function": {"name": "get_weather", "arguments": "{}"}}
                messages += [{"role": "assistant", "tool_calls": [call]}, {"role": "tool", "content": tool}]
        case "anthropic":
            path = "/v1/messages"
            body |= {"max_tokens": 10, "metadata": {"user_id": "ada"}}
            if tool:
                use = {"type": "tool_use", "id": "c", "name": "get_weather", "input": {}}
                result = {"type": "tool_result", "tool_use_id": "c", "content": tool}
                messages += [{"role": "assistant", "content": [use]}, {"role": "user", "content": [result]}]
        case "gemini":
            path = f"/v1beta/models/{model}:" + ("streamGenerateContent?alt=sse" if stream else "generateContent")
            contents: list[dict[str, Any]] = [{"role": "user", "parts": [{"text": prompt}]}]
            if tool:
                response = {"functionResponse": {"name": "get_weather", "response": {"content": tool}}}
                contents += [
                    {"role": "model", "parts": [{"functionCall": {"name": "get_weather", "args": {}}}]},
                    {"role": "user", "parts": [response]},
                ]
            body = {"contents": contents, "tools": [{"functionDeclarations": [function]}]}
        case _:
            path = "/api/chat"
            if tool:
                call = {"function": {"name": "get_weather", "arguments": {}}}
                messages += [{"role": "assistant", "tool_calls": [call]}, {"role": "tool", "content": tool}]
    return {"method": "POST", "url": path, "json": body, "headers": {"Authorization": "Bearer sk-ada"}}


def understand(shape: str, raw: bytes) -> Heard:
    heard = Heard()
    for line in re.split(r"\r?\n", raw.decode()):  # splitlines would also split at U+2028, which JSON may hold
        data = line if shape == "ollama" else line.removeprefix("data: ")
        if not data or data == "[DONE]" or (shape != "ollama" and data == line):
            continue
        try:
            event = json.loads(data)
        except ValueError:
            heard.unreadable += 1
            continue
        if "error" in event:
            heard.errors.append(event["error"])
        else:
            HEAR[shape](heard, event)
    return heard


def _openai(heard: Heard, event: dict[str, Any]) -> None:
    for choice in event["choices"]:
        delta = choice["delta"]
        heard.text += delta.get("content") or ""
        heard.reasoning += delta.get("reasoning_content") or ""
        for call in delta.get("tool_calls", ()):
            slot = heard.calls.setdefault(call["index"], ["", ""])
            slot[0] += call["function"].get("name", "")
            slot[1] += call["function"]["arguments"]
        if choice["finish_reason"]:
            heard.finishes.append(choice["finish_reason"])
    if usage := event.get("usage"):
        heard.usages.append((usage["prompt_tokens"], usage["completion_tokens"]))


def _anthropic(heard: Heard, event: dict[str, Any]) -> None:
    match event:
        case {"delta": {"type": "text_delta", "text": text}}:
            heard.text += text
        case {"delta": {"type": "thinking_delta", "thinking": text}}:
            heard.reasoning += text
        case {"delta": {"type": "input_json_delta", "partial_json": text}, "index": index}:
            heard.calls[index][1] += text
        case {"content_block": {"type": "tool_use", "name": name}, "index": index}:
            heard.calls[index] = [name, ""]
        case {"type": "message_delta"}:
            heard.finishes.append(event["delta"]["stop_reason"])
            if usage := event.get("usage"):
                heard.usages.append((usage["input_tokens"], usage["output_tokens"]))


def _gemini(heard: Heard, event: dict[str, Any]) -> None:
    if not event["candidates"]:
        heard.finishes.append(event["promptFeedback"]["blockReason"])
        return
    candidate = event["candidates"][0]
    for part in candidate["content"]["parts"]:
        if "functionCall" in part:
            args = part["functionCall"]["args"]
            text = args if isinstance(args, str) else json.dumps(args)
            heard.calls[len(heard.calls)] = [part["functionCall"]["name"], text]
        elif part.get("thought"):
            heard.reasoning += part["text"]
        else:
            heard.text += part["text"]
    if "finishReason" in candidate:
        heard.finishes.append(candidate["finishReason"])
    usage = event.get("usageMetadata")
    if usage and "finishReason" in candidate:  # Before that it is a running count.
        output = usage["candidatesTokenCount"] + usage.get("thoughtsTokenCount", 0)
        heard.usages.append((usage["promptTokenCount"], output))


def _ollama(heard: Heard, event: dict[str, Any]) -> None:
    message = event["message"]
    heard.text += message["content"]
    heard.reasoning += message.get("thinking", "")
    for call in message.get("tool_calls", ()):
        args = call["function"]["arguments"]
        text = args if isinstance(args, str) else json.dumps(args)
        heard.calls[len(heard.calls)] = [call["function"]["name"], text]
    if event["done"]:
        heard.finishes.append(event["done_reason"])
        if "eval_count" in event:
            heard.usages.append((event["prompt_eval_count"], event["eval_count"]))


HEAR = {"openai": _openai, "anthropic": _anthropic, "gemini": _gemini, "ollama": _ollama}


def ask(witness: WitnessClient, shape: str, model: str, prompt: str = "hello", **more: Any) -> tuple[Heard, str]:
    """What was understood, and how the body ended: "end", or the name of httpx's error."""
    raw, ended = b"", "end"
    request = request_for(shape, model, prompt, **more)
    with (
        httpx.Client(base_url=witness.url, timeout=20, trust_env=False) as client,
        client.stream(**request) as response,
    ):
        assert response.status_code == 200, response.read()
        try:
            for piece in response.iter_raw():
                raw += piece
        except httpx.HTTPError as error:
            ended = type(error).__name__
    return understand(shape, raw[: raw.rfind(b"\n") + 1]), ended


def only(witness: WitnessClient, model: str, shape: str | None = None) -> Record:
    """The last request for this model, once it has ended."""
    if shape:
        return witness.wait_for(lambda records: records and not records[-1].open, model=model, shape=shape)[-1]
    return witness.wait_for(lambda records: records and not records[-1].open, model=model)[-1]


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize(
    "model",
    [
        "w-tokens300",
        "w-tokens30-rate100",
        "w-tokens20-rate200-burst5",
        "w-unicode-tokens24-bytes1",
        "w-unicode-tokens50-bytes7-crlf",
        "w-markdown",
        "w-markdown-chars3-comments",
        "w-hostile-crlf",
        "w-nulls",
        "w-echo",
        "w-reason10-tokens20-tag7",
        "w-reason5-tokens5-think",
        "w-empty",
        "w-tokens5-garbage2",
        "w-tokens5-reason2-giant3",
        "w-tokens10-stall5-pause50",
    ],
)
def test_every_shape_streams_the_expected_text(witness: WitnessClient, shape: str, model: str) -> None:
    prompt = "Say “grüß dich” 👋 and\n\nleave"
    heard, ended = ask(witness, shape, f"some/{model}", prompt)
    record = only(witness, model, shape)
    assert ended == "end"
    assert heard.text == record.text == expected_content(model, prompt=prompt)
    if "think" not in model:
        assert heard.text == expected_text(model, prompt=prompt)
        assert heard.reasoning == record.reasoning == expected_reasoning(model, prompt=prompt)
        assert heard.usages[-1][1] == record.tokens + record.reasoning_tokens
    assert len(heard.finishes) == 1
    assert heard.unreadable == ("garbage" in model)
    assert record.finished
    assert record.outcome == "finished"
    assert not record.disconnected
    assert record.usage is not None
    assert record.usage["output"] == record.tokens + record.reasoning_tokens


@pytest.mark.parametrize("shape", SHAPES)
def test_every_shape_answers_in_one_piece(witness: WitnessClient, shape: str) -> None:
    answer = httpx.request(**_at(witness, request_for(shape, "w-unicode-reason3-tokens12", stream=False)))
    assert expected_text("w-unicode-tokens12") in json.dumps(answer.json(), ensure_ascii=False)
    assert expected_reasoning("w-reason3") in answer.text
    record = only(witness, "w-unicode-reason3-tokens12", shape)
    assert (record.tokens, record.reasoning_tokens, record.stream, record.finished) == (12, 3, False, True)


@pytest.mark.parametrize("shape", SHAPES)
def test_tools_are_called_until_their_result_is_there(witness: WitnessClient, shape: str) -> None:
    heard, _ = ask(witness, shape, "w-tools2")
    assert list(heard.calls.values()) == [["get_weather", '{"city": "Paris"}']] * 2
    assert heard.text == ""
    heard, _ = ask(witness, shape, "w-tools2-tokens3", tool="17 degrees, rain")
    assert not heard.calls
    assert heard.text == expected_text("w-tools2-tokens3", results=["17 degrees, rain"])
    assert "17 degrees, rain" in heard.text
    heard, _ = ask(witness, shape, "w-endless", tool="17 degrees")
    assert len(heard.calls) == 1
    assert [call["name"] for call in only(witness, "w-endless", shape).calls] == ["get_weather"]


@pytest.mark.parametrize("shape", SHAPES)
def test_tool_calls_can_be_wrong(witness: WitnessClient, shape: str) -> None:
    heard, _ = ask(witness, shape, "w-tools-badjson")
    with pytest.raises(ValueError):
        json.loads(next(iter(heard.calls.values()))[1])
    heard, _ = ask(witness, shape, "w-unknown")
    assert next(iter(heard.calls.values()))[0] == "no_such_tool"
    heard, _ = ask(witness, shape, "w-tools-half")
    assert next(iter(heard.calls.values()))[1] == '{"city":'[:8]
    assert heard.finishes[0].lower().endswith(("length", "max_tokens"))


def test_arguments_fit_the_schema_of_the_request(witness: WitnessClient) -> None:
    request = request_for("openai", "w-tools")
    number = {"type": "number"}
    schema = {"properties": {"latitude": number, "days": {"type": "integer"}, "unit": {"enum": ["f", "c"]}}}
    request["json"]["tools"][0]["function"]["parameters"] = schema
    httpx.request(**_at(witness, request))
    assert json.loads(only(witness, "w-tools").calls[0]["arguments"]) == {"latitude": 48.8566, "days": 1, "unit": "f"}


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize(
    ("fault", "ends"), [("reset", "ReadError"), ("cut", "RemoteProtocolError"), ("eof", "end"), ("error", "end")]
)
def test_a_fault_comes_after_exactly_n_tokens(witness: WitnessClient, shape: str, fault: str, ends: str) -> None:
    model = f"w-reason3-tokens20-rate200-{fault}10"
    heard, ended = ask(witness, shape, model)
    record = only(witness, model, shape)
    assert ended == ends
    assert heard.reasoning == expected_reasoning(model)
    assert len(heard.reasoning) == 3 * 6
    assert heard.text == record.text == expected_text(model) == expected_text("w-tokens7")
    assert (record.tokens, record.outcome, record.finished, heard.finishes) == (7, fault, False, [])
    assert bool(heard.errors) == (fault == "error")
    assert not record.disconnected


def test_a_fault_stands_before_or_after_the_tool_calls(witness: WitnessClient) -> None:
    assert not ask(witness, "openai", "w-tools-reset0")[0].calls
    assert ask(witness, "openai", "w-tools-reset")[0].calls
    assert ask(witness, "openai", "w-tools-reset")[1] == "ReadError"


@pytest.mark.parametrize("shape", SHAPES)
def test_endings_can_be_odd(witness: WitnessClient, shape: str) -> None:
    assert len(ask(witness, shape, "w-doublefinish")[0].finishes) == 2
    assert ask(witness, shape, "w-late")[0].text == expected_text("w-late") + "LATE "
    assert ask(witness, shape, "w-nousage")[0].usages == []
    assert ask(witness, shape, "w-zerousage")[0].usages == [(0, 0)]
    assert ask(witness, shape, "w-negusage")[0].usages == [(-5, -7)]
    assert ask(witness, shape, "w-doubleusage-input9")[0].usages == [(9, 20)] * 2
    reasons = [ask(witness, shape, f"w-{word}")[0].finishes[0] for word in ("empty", "length", "filter", "toolcalls")]
    assert (
        reasons
        == {
            "openai": ["stop", "length", "content_filter", "tool_calls"],
            "anthropic": ["end_turn", "max_tokens", "refusal", "tool_use"],
            "gemini": ["STOP", "MAX_TOKENS", "SAFETY", "STOP"],
            "ollama": ["stop", "length", "stop", "stop"],
        }[shape]
    )


@pytest.mark.parametrize("shape", SHAPES)
def test_a_refusal_has_the_shape_of_its_provider(witness: WitnessClient, shape: str) -> None:
    def refused(model: str, **more: Any) -> httpx.Response:
        return httpx.request(**_at(witness, {**request_for(shape, model), **more}))

    busy = refused("w-http429-retry7")
    assert (busy.status_code, busy.headers["retry-after"]) == (429, "7")
    assert "retry-after" not in refused("w-http429").headers
    assert refused("w-http503").status_code == 503
    assert "sk-ada" in refused("w-http401").text
    assert refused("w-http400").status_code == refused("w-context").status_code == 400
    assert refused("w-quota").status_code in (400, 429)
    assert refused("w-tokens3", headers={"Authorization": "Bearer sk-bad-1"}).status_code == 401
    page = refused("w-html")
    assert (page.status_code, page.headers["content-type"][:9]) == (200, "text/html")
    assert all("error" in one.json() for one in (busy, refused("w-context"), refused("w-quota")))
    assert refused("w-tokns3").status_code == 400
    assert only(witness, "w-http503", shape).outcome == "refused"


def test_faults_heal_after_as_many_calls_as_times_says(witness: WitnessClient) -> None:
    witness.reset()
    request = _at(witness, request_for("openai", "w-http500-times2"))
    assert [httpx.request(**request).status_code for _ in range(4)] == [500, 500, 200, 200]
    assert ask(witness, "openai", "w-eof3-times1")[0].finishes == []
    assert (
        ask(witness, "openai", "w-eof3-times1")[0].text == expected_text("w-eof3-times1") == expected_text("w-tokens20")
    )


def test_a_script_goes_before_the_name(witness: WitnessClient) -> None:
    calls = [{"name": "create_document", "arguments": {"title": "Poem"}}]
    spoken = {"text": "Exactly this.\n", "reasoning": "hm well"}
    witness.script("gpt-x", ["w-http500", {"calls": calls}, {**spoken, "behaviour": "w-bytes3"}])
    assert httpx.request(**_at(witness, request_for("openai", "openai/gpt-x"))).status_code == 500
    assert ask(witness, "anthropic", "gpt-x")[0].calls == {0: ["create_document", '{"title": "Poem"}']}
    heard, _ = ask(witness, "gemini", "gpt-x")
    assert (heard.text, heard.reasoning) == ("Exactly this.\n", "hm well")
    assert ask(witness, "ollama", "gpt-x")[0].text == expected_text("gpt-x") == expected_text("w-tokens20")
    with pytest.raises(httpx.HTTPStatusError):
        witness.script("gpt-x", ["w-nonsense"])


def test_a_body_can_be_given_word_for_word(witness: WitnessClient) -> None:
    said = {"type": "content_block_delta", "index": 0, "delta": {"type": "text_delta", "text": "as it is"}}
    witness.script("claude-x", [{"raw": f"data: {json.dumps(said)}\n\n"}])
    heard, ended = ask(witness, "anthropic", "claude-x")
    assert (heard.text, heard.finishes, ended) == ("as it is", [], "end")


@pytest.mark.parametrize(
    ("shape", "word"),
    [("openai", "content_filter"), ("anthropic", "refusal"), ("gemini", "PROHIBITED_CONTENT"), ("ollama", "stop")],
)
def test_a_prompt_can_be_blocked(witness: WitnessClient, shape: str, word: str) -> None:
    heard, _ = ask(witness, shape, "w-blocked")
    assert (heard.text, heard.finishes) == ("", [word])


def test_the_record_keeps_who_asked_what(witness: WitnessClient) -> None:
    ask(witness, "openai", "w-tokens2", "the marker is m-4711")
    (record,) = witness.requests(marker="m-4711")
    assert witness.request(record.id) == record
    assert record.header("Authorization") == "Bearer sk-ada"
    assert record.key == "sk-ada"
    assert (record.shape, record.path, record.user) == ("openai", "/v1/chat/completions", "ada")
    assert record.body["messages"][0]["content"] == "the marker is m-4711"
    assert record.headers_at
    assert record.first_byte_at
    assert record.first_token_at
    assert record.ended_at
    assert record.started_at <= record.headers_at <= record.first_byte_at <= record.first_token_at <= record.ended_at
    assert witness.requests(user="eve") == []
    assert record in witness.requests(user="ada")


def test_lists_of_models_are_recorded_apart(witness: WitnessClient) -> None:
    witness.reset()
    for path in ("/v1/models", "/v1beta/models", "/api/tags", "/api/version"):
        assert httpx.get(witness.url + path).status_code == 200
    assert "w-any" in httpx.post(f"{witness.url}/api/show", json={"model": "w-any"}).text
    assert httpx.get(f"{witness.url}/v1/models", headers={"x-api-key": "sk-bad"}).status_code == 401
    assert httpx.get(f"{witness.url}/nowhere").status_code == 404
    assert witness.requests() == []
    assert len(witness.requests(kind="other")) == 7
    assert witness.stats()["requests"] == 0


def test_bytes_arrive_through_the_middle_of_characters(witness: WitnessClient) -> None:
    request = request_for("openai", "w-unicode-tokens6-bytes1")
    with httpx.Client(base_url=witness.url, trust_env=False) as client, client.stream(**request) as response:
        pieces = list(response.iter_raw())
    assert any(piece[:1] >= b"\x80" and len(piece) < 4 for piece in pieces)
    assert understand("openai", b"".join(pieces)).text == expected_text("w-unicode-tokens6")


@pytest.fixture(params=["uvloop process", "asyncio thread"])
def either(request: pytest.FixtureRequest, witness: WitnessClient) -> Iterator[WitnessClient]:
    if request.param == "uvloop process":
        yield witness
    else:
        with in_thread() as inside, WitnessClient(inside.url) as client:
            yield client


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize(
    "model",
    ["w-hang", "w-wait9000", "w-mute", "w-first9000", "w-stall0", "w-stall5", "w-rate2", "w-drip", "w-linger"],
)
def test_a_client_that_leaves_is_noticed_at_once(either: WitnessClient, shape: str, model: str) -> None:
    either.reset()
    left = asyncio.run(_leave_after(either, shape, model, 0.25))
    record = either.wait_for(lambda records: records and records[-1].disconnected, 2, model=model, shape=shape)[-1]
    assert record.disconnected_at is not None
    assert record.disconnected_at - left < 1.5  # milliseconds on an idle machine
    assert record.finished == (model == "w-linger")
    assert (record.headers_at is None) == (model in ("w-hang", "w-wait9000"))
    assert record.tokens == {"w-stall5": 5, "w-linger": 20, "w-rate2": 1}.get(model, 0)
    assert either.stats()["open"] == 0


def test_a_client_that_stopped_reading_is_noticed_when_it_leaves(either: WitnessClient) -> None:
    either.reset()
    body = json.dumps(request_for("openai", "w-forever")["json"]).encode()
    head = f"POST /v1/chat/completions HTTP/1.1\r\nHost: w\r\nContent-Length: {len(body)}\r\n\r\n"
    with socket.create_connection(("127.0.0.1", int(either.url.rsplit(":", 1)[1]))) as client:
        client.sendall(head.encode() + body)
        size = -1
        while size != (size := either.stats()["bytes"]):
            time.sleep(0.2)
    left = time.time()
    record = either.wait_for(lambda records: records[-1].disconnected, 2, model="w-forever")[-1]
    assert record.disconnected_at is not None
    assert record.disconnected_at - left < 1.5  # milliseconds on an idle machine
    assert record.text == expected_text("w-forever", first=record.tokens)


async def _leave_after(witness: WitnessClient, shape: str, model: str, seconds: float) -> float:
    request = request_for(shape, model)
    async with aiohttp.ClientSession(witness.url) as session:
        task = asyncio.create_task(_read(session, request["url"], request["json"]))
        await asyncio.sleep(seconds)
        assert not task.done()
        left = time.time()
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
    return left


async def _read(session: aiohttp.ClientSession, path: str, body: Any) -> bytes:
    async with session.post(path, json=body) as response:
        return await response.read()


def test_the_schedule_does_not_drift(witness: WitnessClient) -> None:
    ask(witness, "openai", "w-tokens100-rate100-stamps")
    times = [int(token.split("@")[1]) for token in only(witness, "w-tokens100-rate100-stamps").text.split()]
    assert 0.97 < (times[-1] - times[0]) / 1e6 < 1.2


def test_it_runs_inside_a_loop_and_lets_go_of_everything() -> None:
    async def scenario() -> None:
        async with Witness() as witness, aiohttp.ClientSession(witness.url) as session:
            task = asyncio.create_task(_read(session, "/v1/chat/completions", {"model": "w-mute", "stream": True}))
            (record,) = await witness.wait_for(lambda records: records and records[0].headers_at)
            assert record.open
            assert witness.stats()["open"] == 1
            witness.reset(disconnect=True)
            assert isinstance((await asyncio.gather(task, return_exceptions=True))[0], aiohttp.ClientError)
            assert witness.requests() == []

    asyncio.run(scenario())


def test_a_misspelt_name_is_refused() -> None:
    for name in ("w-tokns5", "w-tokens", "w-crlf3", "w-", "w-5", "w-tokens5--rate3"):
        with pytest.raises(GrammarError):
            parse(name)
    assert parse("openai/gpt-5:latest").name == "gpt-5"


def test_every_option_is_in_the_documentation() -> None:
    page = str(tests.witness.__doc__)
    assert [word for word in OPTIONS if f"`{word}" not in page] == []


def test_the_limit_of_the_request_is_obeyed_when_asked(witness: WitnessClient) -> None:
    heard, _ = ask(witness, "anthropic", "w-tokens50-obey")
    assert heard.text == expected_text("w-tokens50-obey", limit=10) == expected_text("w-tokens10")
    assert heard.finishes == ["max_tokens"]


def test_the_expected_text_of_a_giant_is_two_mebibytes_longer() -> None:
    assert expected_text("w-tokens4-giant2") == "t0001 t0002 " + GIANT + "t0003 t0004 "
    assert expected_text("w-forever", first=3) == "t0001 t0002 t0003 "
    assert expected_text("w-http500") == ""


@pytest.mark.slow
def test_two_hundred_streams_are_counted_right(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    """Prints what they cost; nothing here depends on the clock."""
    with process() as witness:
        before = witness.stats()["cpu_seconds"]
        began = time.monotonic()
        asyncio.run(_drain(witness.url, 200, "w-tokens250-rate50"))
        took = time.monotonic() - began
        stats = witness.stats()
    with capsys.disabled():
        used = stats["cpu_seconds"] - before
        print(f"\n200 streams, 50 tokens/s, {took:.1f} s: {used:.2f} CPU s, {used / took:.0%} of a core")
    assert stats["tokens"] == 200 * 250
    assert stats["outcomes"] == {"finished": 200}
    assert stats["peak_open"] == 200


async def _drain(url: str, streams: int, model: str) -> None:
    connector = aiohttp.TCPConnector(limit=0)
    body = request_for("openai", model)["json"]
    async with aiohttp.ClientSession(url, connector=connector) as session:
        await asyncio.gather(*(_read(session, "/v1/chat/completions", body) for _ in range(streams)))


def _at(witness: WitnessClient, request: dict[str, Any]) -> dict[str, Any]:
    return {**request, "url": witness.url + request["url"], "trust_env": False}
