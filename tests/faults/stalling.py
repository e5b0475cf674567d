"""Readers that stop reading: they follow a run, take next to nothing off the wire and acknowledge nothing."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import AsyncIterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from itertools import cycle, islice

from websockets.asyncio.client import ClientConnection, connect

from tests.faults.reader import Person, Reader


@asynccontextmanager
async def stalled(
    address: str, runs: Sequence[tuple[Reader, str]], number: int
) -> AsyncIterator[list[ClientConnection]]:
    """So many of them at one web process, dealt out to the people whose runs these are."""
    async with AsyncExitStack() as exits:
        yield [
            await exits.enter_async_context(_one(address, reader.person, run))
            for reader, run in islice(cycle(runs), number)
        ]


@asynccontextmanager
async def _one(address: str, person: Person, run: str) -> AsyncIterator[ClientConnection]:
    host, _, port = address.partition(":")
    raw = socket.socket()
    # What the kernel holds for us would hide what the server holds.
    raw.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    raw.setblocking(False)
    await asyncio.get_running_loop().sock_connect(raw, (host, int(port)))
    ours = await connect(
        f"ws://{address}/ws/",
        sock=raw,
        origin=f"http://{address}",  # type: ignore[arg-type]  # a NewType of str
        additional_headers={"Cookie": f"sessionid={person.cookie}"},
        compression=None,
        max_queue=1,
        proxy=None,
        ping_interval=None,
        close_timeout=0.1,
    )
    try:
        await ours.send('{"type":"hello","version":1}')
        await ours.recv()
        await ours.send(f'{{"type":"run.follow","run":"{run}","after":0}}')
        yield ours
    finally:
        ours.transport.abort()
