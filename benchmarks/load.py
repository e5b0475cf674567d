"""A crowd that asks at once or in turn, and what each of them waited for. Prints one JSON object.

    python -m benchmarks.load socket <model> <streams> <per second, 0 = at once> <ws url> …   session keys on stdin
    python -m benchmarks.load sdk <model> <streams> <per second> <provider base>

`socket` speaks to our server as a page does; `sdk` calls LiteLLM's SDK directly, in this process, and also
reports its own CPU. Both check every token against what the witness is known to send.
"""

from __future__ import annotations

import asyncio
import json
import os
import resource
import sys
import time
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


@dataclass(slots=True)
class Heard:
    ttft_ms: float
    seconds: float
    right: bool  # every token, once, in order


async def crowd(asks: list[Ask], per_second: float) -> dict[str, Any]:
    """Let everybody ask, at once or so many a second, and gather what they heard."""
    begun = time.perf_counter()

    async def one(number: int, ask: Ask) -> Heard | None:
        if per_second:
            await asyncio.sleep(max(0.0, begun + number / per_second - time.perf_counter()))
        try:
            return await ask()
        except Exception as exc:
            print(f"{type(exc).__name__}: {exc}"[:200], file=sys.stderr)
            return None

    heard = await asyncio.gather(*(one(number, ask) for number, ask in enumerate(asks)))
    told = [h for h in heard if h]
    return {
        "ttft_ms": sorted(h.ttft_ms for h in told),
        "seconds": time.perf_counter() - begun,
        "refused": len(heard) - len(told),
        "wrong": sum(not h.right for h in told),
    }


async def sockets(model: str, streams: int, per_second: float, urls: list[str]) -> dict[str, Any]:
    cookies = sys.stdin.read().split()[:streams]
    right = expected_text(model)
    opened: list[ClientConnection] = []
    for number, cookie in enumerate(cookies):
        url = urls[number % len(urls)]
        headers = {"Cookie": f"sessionid={cookie}"}
        socket = await connect(
            url,
            origin=Origin(f"http://{urlsplit(url).netloc}"),
            additional_headers=headers,
            compression=None,
            max_size=None,
        )
        await socket.send('{"type":"hello","version":1}')
        await socket.recv()
        opened.append(socket)

    async def ask(socket: ClientConnection) -> Heard:
        began = time.perf_counter()
        first = 0.0
        pieces: list[str] = []
        frame = {"type": "chat.send", "id": str(uuid4()), "text": "Count.", "models": [model]}
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
        return Heard((first - began) * 1000, time.perf_counter() - began, "".join(pieces) == right)

    try:
        return await crowd([lambda socket=socket: ask(socket) for socket in opened], per_second)  # type: ignore[misc]  # the default binds the loop's value
    finally:
        await asyncio.gather(*(socket.close() for socket in opened))


async def sdk(model: str, streams: int, per_second: float, base: str) -> dict[str, Any]:
    os.environ["LITELLM_LOCAL_MODEL_COST_MAP"] = "True"
    import litellm

    litellm.suppress_debug_info = True
    right = expected_text(model)

    async def ask() -> Heard:
        began = time.perf_counter()
        first = 0.0
        pieces: list[str] = []
        stream = await litellm.acompletion(
            model=model, messages=[{"role": "user", "content": "Count."}], stream=True, api_base=base, api_key="sk-x"
        )
        async for chunk in stream:
            if text := chunk.choices[0].delta.content:
                first = first or time.perf_counter()
                pieces.append(text)
        return Heard((first - began) * 1000, time.perf_counter() - began, "".join(pieces) == right)

    await crowd([ask], 0)  # the first call loads what later ones have
    before = resource.getrusage(resource.RUSAGE_SELF)
    result = await crowd([ask] * streams, per_second)
    after = resource.getrusage(resource.RUSAGE_SELF)
    result["cpu_s"] = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    return result


def main(kind: str, model: str, streams: str, per_second: str, *urls: str) -> None:
    if kind == "sdk":
        work = sdk(model, int(streams), float(per_second), urls[0])
    else:
        work = sockets(model, int(streams), float(per_second), list(urls))
    print(json.dumps(asyncio.run(work)))


if __name__ == "__main__":
    main(*sys.argv[1:])
