"""Services one may break: a Redis of our own, and a gate in front of PostgreSQL."""

from __future__ import annotations

import asyncio
import contextlib
import os
import shutil
import signal
import socket
import struct
import subprocess
import threading
import time
from enum import Enum, auto
from pathlib import Path
from typing import Self

import redis


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


class OwnRedis:
    """A redis-server without persistence, as a child process."""

    def __init__(self, folder: Path) -> None:
        self._folder, self.port = folder, free_port()
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def url(self) -> str:
        return f"redis://127.0.0.1:{self.port}/0"

    @property
    def pid(self) -> int | None:
        return self._process.pid if self._process else None

    def start(self) -> None:
        program = shutil.which("redis-server")
        assert program, "redis-server is not installed"
        self._process = subprocess.Popen(
            [program, "--port", str(self.port), "--bind", "127.0.0.1", "--save", "", "--appendonly", "no"],
            cwd=self._folder,
            stdout=subprocess.DEVNULL,
        )
        until = time.monotonic() + 20
        while not self.answers():
            assert time.monotonic() < until, "Redis did not start"
            time.sleep(0.05)

    def answers(self) -> bool:
        try:
            with redis.Redis.from_url(self.url, socket_timeout=1) as client:
                return bool(client.ping())
        except redis.RedisError:
            return False

    def flush(self) -> int:
        """Forget everything; returns how many keys it was."""
        with redis.Redis.from_url(self.url) as client:
            keys = int(client.dbsize())  # type: ignore[arg-type]  # the stubs know only one of both kinds
            client.flushall()
            return keys

    def cut_connections(self) -> int:
        """Close every other client's connection."""
        with redis.Redis.from_url(self.url) as client:
            return int(client.execute_command("CLIENT", "KILL", "TYPE", "normal", "SKIPME", "yes"))

    def kill(self) -> None:
        if self._process:
            with contextlib.suppress(ProcessLookupError):
                os.kill(self._process.pid, signal.SIGCONT)
            self._process.kill()
            self._process.wait()
            self._process = None

    def restart(self) -> None:
        self.kill()
        self.start()

    def freeze(self) -> None:
        assert self._process
        self._process.send_signal(signal.SIGSTOP)

    def thaw(self) -> None:
        assert self._process
        self._process.send_signal(signal.SIGCONT)


class Way(Enum):
    OPEN = auto()
    HELD = auto()  # nothing passes, nothing breaks: packets that get lost
    SHUT = auto()  # what was open is cut, new connections are closed at once
    FULL = auto()  # what was open is cut, new connections hear that there are too many


# What PostgreSQL says, as its protocol writes it.
_TOO_MANY = b"SFATAL\0VFATAL\0C53300\0Msorry, too many clients already\0\0"
_ENCRYPTION = {80877103, 80877104}  # SSLRequest, GSSENCRequest


class Gate:
    """A TCP proxy in a thread of its own, in front of PostgreSQL."""

    def __init__(self, host: str, port: int) -> None:
        self._target = (host, port)
        self.port = free_port()
        self.way = Way.OPEN
        self.refused = 0  # connections that were turned away
        self.cuts = 0  # connections that were cut
        self._passing = asyncio.Event()
        self._writers: set[asyncio.StreamWriter] = set()
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name="gate", daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        self._do(self._listen())
        self.set(Way.OPEN)
        return self

    def __exit__(self, *exc_info: object) -> None:
        self.set(Way.SHUT)
        self._do(self._close())
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(10)
        self._loop.close()

    @property
    def connections(self) -> int:
        return len(self._writers) // 2

    def set(self, way: Way) -> None:
        self._do(self._set(way))

    def _do(self, coroutine: object) -> None:
        asyncio.run_coroutine_threadsafe(coroutine, self._loop).result(10)  # type: ignore[arg-type]

    async def _listen(self) -> None:
        self._server = await asyncio.start_server(self._meet, "127.0.0.1", self.port, backlog=256)

    async def _close(self) -> None:
        self._server.close()
        for task in asyncio.all_tasks() - {asyncio.current_task()}:
            task.cancel()
        await asyncio.sleep(0)

    async def _set(self, way: Way) -> None:
        self.way = way
        if way is Way.HELD:
            self._passing.clear()
        else:
            self._passing.set()
        if way in (Way.SHUT, Way.FULL):
            self.cuts += self.connections
            for writer in list(self._writers):
                writer.transport.abort()

    async def _meet(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await self._passing.wait()
        if self.way is not Way.OPEN:
            self.refused += 1
            with contextlib.suppress(OSError, asyncio.IncompleteReadError):
                if self.way is Way.FULL:
                    await _say_too_many(reader, writer)
            writer.close()
            return
        try:
            there, back = await asyncio.open_connection(*self._target)
        except OSError:
            writer.close()
            return
        self._writers |= {writer, back}
        try:
            await asyncio.gather(self._pass(reader, back), self._pass(there, writer))
        finally:
            for end in (writer, back):
                self._writers.discard(end)
                end.transport.abort()

    async def _pass(self, source: asyncio.StreamReader, target: asyncio.StreamWriter) -> None:
        with contextlib.suppress(OSError):
            while data := await source.read(65536):
                await self._passing.wait()
                target.write(data)
                await target.drain()
        target.transport.abort()


async def _say_too_many(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    while True:
        length, code = struct.unpack("!II", await reader.readexactly(8))
        await reader.readexactly(length - 8)
        if code not in _ENCRYPTION:
            break
        writer.write(b"N")
    writer.write(b"E" + struct.pack("!I", len(_TOO_MANY) + 4) + _TOO_MANY)
    await writer.drain()
