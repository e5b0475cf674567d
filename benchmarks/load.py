"""A crowd that asks at once or in turn, and what each of them waited for. Prints one JSON object.

    python -m benchmarks.load socket <model> <streams> <per second, 0 = at once> <repeats> <ws url> …
    python -m benchmarks.load sdk    <model> <streams> <per second, 0 = at once> <repeats> <provider base>
    python -m benchmarks.load http   <model> <streams> <per second, 0 = at once> <repeats> <provider base>

`socket` speaks to our server as a page does, with session keys on stdin; `sdk` calls LiteLLM's SDK directly, in
this process; `http` reads an OpenAI-shaped stream and nothing more. All report their own CPU, and compare
every token with what the witness is known to send.
"""

from __future__ import annotations

import asyncio
import json
import os
import resource
import sys
import time
from collections import Counter
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit
from uuid import uuid4

import orjson
from websockets.asyncio.client import ClientConnection, connect
from websockets.typing import Origin

from tests.witness.texts import expected_text

Ask = Callable[[], Awaitable["Heard"]]
_CONNECTING = 20  # at a time: arriving is not what is measured


@dataclass(frozen=True, slots=True)
class Heard:
    """`lost` and `doubled` are tokens; `moved` when all are there, in another order."""

    ttft_ms: float
    lost: int
    doubled: int
    moved: bool


@dataclass(frozen=True, slots=True)
class Load:
    model: str
    streams: int
    per_second: float
    repeats: int


def heard(began: float, first: float, text: str, right: str) -> Heard:
    if text == right:
        return Heard((first - began) * 1000, 0, 0, moved=False)
    got, wanted = Counter(text.split()), Counter(right.split())
    lost, doubled = (wanted - got).total(), (got - wanted).total()
    return Heard((first - began) * 1000, lost, doubled, moved=not (lost or doubled))


async def crowd(asks: list[Ask], load: Load) -> dict[str, Any]:
    """Let everybody ask, at once or so many a second, and gather what they heard; that several times."""
    told: list[Heard] = []
    refused = 0
    seconds = 0.0
    before = resource.getrusage(resource.RUSAGE_SELF)
    for _ in range(load.repeats):
        begun = time.perf_counter()
        answers = await asyncio.gather(*(_one(number, ask, begun, load) for number, ask in enumerate(asks)))
        seconds += time.perf_counter() - begun
        told += [answer for answer in answers if answer]
        refused += sum(answer is None for answer in answers)
    after = resource.getrusage(resource.RUSAGE_SELF)
    return {
        "ttft_ms": sorted(h.ttft_ms for h in told),
        "seconds": seconds,
        "refused": refused,
        "lost": sum(h.lost for h in told),
        "doubled": sum(h.doubled for h in told),
        "moved": sum(h.moved for h in told),
        "cpu_s": after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime,
    }


async def _one(number: int, ask: Ask, begun: float, load: Load) -> Heard | None:
    if load.per_second:
        await asyncio.sleep(max(0.0, begun + number / load.per_second - time.perf_counter()))
    try:
        return await ask()
    except Exception as exc:  # It counts as refused.
        print(f"{type(exc).__name__}: {exc}"[:200], file=sys.stderr)
        return None


async def sockets(load: Load, urls: list[str]) -> dict[str, Any]:
    cookies = sys.stdin.read().split()[: load.streams]
    right = expected_text(load.model)
    door = asyncio.Semaphore(_CONNECTING)

    async def arrive(number: int, cookie: str) -> ClientConnection:
        url = urls[number % len(urls)]
        async with door:
            socket = await connect(
                url,
                origin=Origin(f"http://{urlsplit(url).netloc}"),
                additional_headers={"Cookie": f"sessionid={cookie}"},
                compression=None,
                max_size=None,
            )
            await socket.send('{"type":"hello","version":1}')
            await socket.recv()
        return socket

    async def ask(socket: ClientConnection) -> Heard:
        began = time.perf_counter()
        first = 0.0
        pieces: list[str] = []
        frame = {"type": "chat.send", "id": str(uuid4()), "text": "Count.", "models": [load.model]}
        await socket.send(orjson.dumps(frame).decode())
        async for raw in socket:
            frame = orjson.loads(raw)
            match frame["type"]:
                case "turn":
                    await socket.send(
                        orjson.dumps({"type": "run.follow", "run": frame["runs"][0]["id"], "after": 0}).decode()
                    )
                case "error":
                    raise RuntimeError(frame["code"])
                case "notice" if frame["kind"] == "paused":
                    await socket.send(
                        orjson.dumps({"type": "run.ack", "run": frame["run"], "seq": frame["seq"]}).decode()
                    )
                case "event":
                    event: dict[str, Any] = frame["event"]  # type: ignore[assignment]  # as the schema says
                    if event["type"] == "text.delta":
                        first = first or time.perf_counter()
                        pieces.append(event["text"])
                    elif event["type"] == "run.finished":
                        break
        return heard(began, first, "".join(pieces), right)

    opened = await asyncio.gather(*(arrive(number, cookie) for number, cookie in enumerate(cookies)))
    try:
        return await crowd([lambda socket=socket: ask(socket) for socket in opened], load)  # type: ignore[misc]  # the default binds the loop's value
    finally:
        await asyncio.gather(*(socket.close() for socket in opened))


async def sdk(load: Load, base: str) -> dict[str, Any]:
    os.environ["LITELLM_LOCAL_MODEL_COST_MAP"] = "True"
    import litellm

    litellm.suppress_debug_info = True
    right = expected_text(load.model)

    async def ask() -> Heard:
        began = time.perf_counter()
        first = 0.0
        pieces: list[str] = []
        prompt = [{"role": "user", "content": "Count."}]
        stream = await litellm.acompletion(
            model=load.model, messages=prompt, stream=True, api_base=base, api_key="sk-x"
        )
        async for chunk in stream:
            if text := chunk.choices[0].delta.content:
                first = first or time.perf_counter()
                pieces.append(text)
        return heard(began, first, "".join(pieces), right)

    await ask()  # the first call loads what later ones have
    return await crowd([ask] * load.streams, load)


async def http(load: Load, base: str) -> dict[str, Any]:
    import aiohttp

    right = expected_text(load.model)
    body = {"model": load.model.partition("/")[2], "messages": [{"role": "user", "content": "Count."}], "stream": True}

    async with aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=0)) as session:

        async def ask() -> Heard:
            began = time.perf_counter()
            first = 0.0
            pieces: list[str] = []
            async with session.post(f"{base}/chat/completions", json=body) as response:
                response.raise_for_status()
                async for line in response.content:
                    if not line.startswith(b"data: {"):
                        continue
                    choices = orjson.loads(line[6:])["choices"]
                    if choices and (text := choices[0]["delta"].get("content")):
                        first = first or time.perf_counter()
                        pieces.append(text)
            return heard(began, first, "".join(pieces), right)

        await ask()
        return await crowd([ask] * load.streams, load)


def main(kind: str, model: str, streams: str, per_second: str, repeats: str, *urls: str) -> None:
    load = Load(model, int(streams), float(per_second), int(repeats))
    work = {"sdk": lambda: sdk(load, urls[0]), "http": lambda: http(load, urls[0])}
    print(json.dumps(asyncio.run(work.get(kind, lambda: sockets(load, list(urls)))())))


if __name__ == "__main__":
    main(*sys.argv[1:])
