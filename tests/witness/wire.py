"""Writing an answer onto a connection: by an absolute schedule, or cut into bytes, or torn off."""

from __future__ import annotations

import asyncio
import os
import socket
import struct
import time
from collections.abc import Iterator
from itertools import islice

from aiohttp import web

from .behaviours import Behaviour
from .records import Exchange
from .shapes import Voice
from .shapes.base import dumps, quoted

# More than this unsent means that the client does not read; then the witness waits like any server.
HIGH_WATER = 256 * 1024
BATCH = 64
LONG = 4096
# Longer than any test; uvloop cannot sleep for an infinite time.
FOREVER = 86_400.0


async def silence(seconds: float = FOREVER) -> None:
    """Nothing, until the time is over or the handler is cancelled because the client left."""
    if seconds > 0:
        await asyncio.sleep(min(seconds, FOREVER))


class Gone(Exception):
    """The client closed the connection."""


class Wire:
    """A chunked body. aiohttp sends the headers and the end; between them the chunks go straight to the transport.

    `StreamResponse.write` and a task switch per token would cost three times as much, and with hundreds of
    streams in one loop the witness has to stay cheaper than what it measures.
    """

    def __init__(self, request: web.Request, exchange: Exchange, behaviour: Behaviour, media_type: str) -> None:
        assert request.transport is not None
        self.request, self.exchange = request, exchange
        self.transport = request.transport
        self.loop = asyncio.get_running_loop()
        self.response = web.StreamResponse(headers={"Content-Type": media_type, "Cache-Control": "no-cache"})
        self.response.enable_chunked_encoding()
        rate = behaviour.number("rate")
        self.interval = 1 / rate if rate else 0.0
        self.burst = int(behaviour.number("burst", 1)) or 1
        self.drip = "drip" in behaviour
        self.cut = 1 if self.drip else int(behaviour.number("bytes"))
        self.due = 0.0

    async def headers(self) -> None:
        await self.response.prepare(self.request)
        await self.response.write(b"")  # aiohttp keeps the headers back until the first write
        self.exchange.status = self.response.status
        self.exchange.headers_at = time.time()

    async def put(self, data: bytes) -> None:
        """One piece of the body, in as many chunks as the behaviour wants."""
        if not data:
            return
        if self.cut:
            for start in range(0, len(data), self.cut):
                self._write(_chunk(data[start : start + self.cut]), min(self.cut, len(data) - start))
                await asyncio.sleep(1 if self.drip else 0)
        else:
            self._write(_chunk(data), len(data))
        await self._room()

    async def say(self, voice: Voice, tokens: Iterator[str], said: list[str]) -> None:
        """Tokens, each written when it is due; a late one goes at once and moves no other."""
        if not self.due:
            self.due = self.loop.time()
        if self.cut:
            await self._say_cut(voice, tokens, said)
        elif self.interval:
            await self._say_paced(voice, tokens, said)
        else:
            await self._say_fast(voice, tokens, said)

    async def pause(self, seconds: float) -> None:
        """Silence after which the schedule begins anew."""
        await silence(seconds)
        self.due = self.loop.time()

    async def end(self) -> None:
        await self.response.write_eof()

    async def tear(self, *, reset: bool) -> None:
        """Close in the middle of the body: with a TCP reset, or in order but without the last chunk."""
        while self.transport.get_write_buffer_size():  # noqa: ASYNC110 - transports have no such event
            await asyncio.sleep(0.002)
        if not reset:
            self.transport.close()
            return
        await asyncio.sleep(0.02)  # a reset overtakes what still lies in the socket
        with socket.socket(fileno=os.dup(self.transport.get_extra_info("socket").fileno())) as twin:
            twin.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.transport.abort()

    async def _say_cut(self, voice: Voice, tokens: Iterator[str], said: list[str]) -> None:
        for token in tokens:
            await asyncio.sleep(max(0.0, self.due - self.loop.time()))
            self.due += self.interval
            await self.put(voice.head + dumps(token) + voice.tail)
            self._count(said, [token])

    async def _say_fast(self, voice: Voice, tokens: Iterator[str], said: list[str]) -> None:
        while batch := list(islice(tokens, BATCH)):
            self._send(voice, batch, said)
            await asyncio.sleep(0)
            await self._room()

    async def _say_paced(self, voice: Voice, tokens: Iterator[str], said: list[str]) -> None:
        done = self.loop.create_future()
        step = self.interval * self.burst
        handle: asyncio.TimerHandle | None = None

        def tick() -> None:
            nonlocal handle
            if done.done():
                return
            if self.transport.get_write_buffer_size() > HIGH_WATER:
                handle = self.loop.call_later(0.01, tick)
                return
            now, batch = self.loop.time() + 0.0005, 0
            while self.due <= now and batch < LONG:
                self.due += step
                batch += self.burst
            wanted = list(islice(tokens, batch))
            try:
                if wanted:
                    self._send(voice, wanted, said)
            except Gone as gone:
                done.set_exception(gone)
                return
            if len(wanted) < batch:
                done.set_result(None)
            else:
                handle = self.loop.call_at(self.due, tick)

        tick()
        try:
            await done
        finally:
            if handle is not None:
                handle.cancel()

    def _send(self, voice: Voice, tokens: list[str], said: list[str]) -> None:
        head, tail = voice.head, voice.tail
        fixed = len(head) + len(tail)
        out, size = [], 0
        for token in tokens:
            text = quoted(token) if len(token) < LONG else dumps(token)
            out.append(b"%x\r\n%b%b%b\r\n" % (fixed + len(text), head, text, tail))
            size += fixed + len(text)
        self._write(b"".join(out), size)
        self._count(said, tokens)

    def _count(self, said: list[str], tokens: list[str]) -> None:
        if self.exchange.first_token_at is None:
            self.exchange.first_token_at = time.time()
        said += tokens

    def _write(self, framed: bytes, size: int) -> None:
        if self.transport.is_closing():
            raise Gone
        self.transport.write(framed)
        if self.exchange.first_byte_at is None:
            self.exchange.first_byte_at = time.time()
        self.exchange.bytes += size

    async def _room(self) -> None:
        while self.transport.get_write_buffer_size() > HIGH_WATER:
            if self.transport.is_closing():
                raise Gone
            await asyncio.sleep(0.002)


def _chunk(data: bytes) -> bytes:
    return b"%x\r\n%b\r\n" % (len(data), data)
