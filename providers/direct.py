"""Answers from the network to our events, without LiteLLM in between.

One transport, and a `Shape` for each way that providers speak: `openai_shape`, `anthropic_shape`, `gemini_shape`,
`ollama_shape`.
LiteLLM knows all of them too, but takes seconds to load, 5 ms a call and most of the time of a stream. The tests
send the same requests through both and compare what is asked and what is heard.

After the first token a stream is looked at once a beat, and everything that has arrived is read, parsed and
handed on as one batch. All streams have the same beat, so that a loop wakes up once for all of them. (Not to read
from the socket at all between two looks was tried: at 50 tokens a second it costs more than it saves.)
There is no task for a call: whoever takes the batches reads, and whoever stops taking stops the provider.

The events are those of the gateway, whatever happens; one contract suite runs over both. Its rules:

- A server-sent event counts when its empty line, or the end of the body, has come; comments and other fields
  say nothing.
- An event that is not a JSON object, or holds an `error`, ends the answer. What came before it in the same
  read is handed on first, with the half tag or half character that was kept back. So does one that lacks what
  its kind must have; one of an unknown kind is passed over.
- After a finish reason only usage is taken, a fault is only an end, and usage is waited for until the shape's
  closing mark, the end of the body or a second later.
- A body that ends without a finish reason is an answer that broke off, even if a closing mark was in it.
"""

from __future__ import annotations

import asyncio
import json
import logging
from collections.abc import AsyncIterator, Callable, Iterable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any, Final, Protocol

import orjson

from providers import failures, pool, prompts, sse
from providers.base import ModelRequest
from providers.chunks import ChunkReader
from providers.events import Event, joined

if TYPE_CHECKING:
    from aiohttp import ClientResponse, StreamReader

logger = logging.getLogger(__name__)

# Seconds between two looks at one stream.
_BEAT_S: Final = 0.03
_USAGE_S: Final = 1.0
# What is read of a refusal, in bytes and seconds.
_REFUSAL: Final = 64 << 10
_REFUSAL_S: Final = 5.0


class Refused(Exception):
    """An answer with an error status, and what the provider said about it."""

    def __init__(self, status: int, said: str) -> None:
        self.status_code = status
        super().__init__(said[:4000])


class Reader(Protocol):
    """Of one stream: `lines` finds the events in its bytes; `ended` once its closing mark has come, if it has one."""

    lines: sse.SseReader
    ended: bool

    def chunks(self, events: Iterable[bytes]) -> Iterator[Any]:
        """What the data of some events says, in the common shape (`chunks`). Raises whatever breaks the answer."""
        ...


class Shape(Protocol):
    """How a kind of provider is asked, and how it answers. A module can be one."""

    def serves(self, request: ModelRequest) -> bool:
        """Whether the other functions know exactly what to send."""
        ...

    def url(self, request: ModelRequest) -> str: ...

    def headers(self, request: ModelRequest) -> dict[str, str]: ...

    def body(self, request: ModelRequest) -> dict[str, Any]: ...

    @property
    def Reader(self) -> Callable[[], Reader]: ...


class DirectProvider:
    """For requests that its shape `serves`."""

    def __init__(self, shape: Shape) -> None:
        self._shape = shape

    async def stream(self, request: ModelRequest) -> AsyncIterator[Sequence[Event]]:
        shape = self._shape
        answer = _Answer(request, shape.Reader())
        response: ClientResponse | None = None
        try:
            headers = {"Content-Type": "application/json"} | shape.headers(request)
            response = await pool.post(shape.url(request), headers, encoded(shape.body(request)))
            if response.status >= 300:
                raise Refused(response.status, await _said(response.content))
            while batch := await answer.take(response.content):
                yield batch
        except Exception as exc:  # Whatever it is, the taker gets an error of ours.
            if rest := answer.rest():
                yield rest
            raise _translated(exc, response, started=answer.started) from exc
        finally:
            if response is not None:
                pool.leave(response, complete=answer.complete)


class _Answer:
    """One body, heard beat by beat. `complete` once the provider has said all that we need."""

    def __init__(self, request: ModelRequest, stream: Reader) -> None:
        self.started = self.complete = False
        self._stream = stream
        self._reader = ChunkReader(lambda: prompts.tokens(request))
        self._lines = stream.lines
        self._events: list[Event] = []
        self._over = False  # nothing that counts can come any more
        self._due = 0.0

    async def take(self, content: StreamReader) -> Sequence[Event]:
        """The next batch; empty after the last one. Raises whatever broke the answer, with `rest` still to be taken."""
        if self.complete:
            return ()
        while not (self._reader.finished or self._over):
            await self._beat()
            await self._hear(content)
            if self._events and not (self._over or self._reader.done):
                return self._taken()
        if not (self._reader.done or self._over):
            await self._wait_for_usage(content)
        self._events += self._reader.end()
        self.complete = True
        return self._taken()

    def rest(self) -> Sequence[Event]:
        """What was heard before a fault and not taken yet."""
        self._events += self._reader.rest()
        return self._taken()

    async def _beat(self) -> None:
        """Wait until this stream may be looked at again: at once before the first token."""
        if self._due:
            await asyncio.sleep(max(0.0, self._due - asyncio.get_running_loop().time()))
            self._due = 0.0

    async def _hear(self, content: StreamReader) -> None:
        """One read, taken apart. After the finish a fault is only an end."""
        piece, fault = await pool.read(content)
        try:
            events = self._lines.push(piece) if piece or fault else self._lines.flush()
            self._reader.read_all(self._stream.chunks(events), self._events)
            self._over = not piece or (self._reader.finished and self._stream.ended)
            if fault is not None:
                raise fault
        except Exception:
            self._over = True
            if not self._reader.finished:
                raise

    async def _wait_for_usage(self, content: StreamReader) -> None:
        try:
            async with asyncio.timeout(_USAGE_S):
                while not (self._reader.done or self._over):
                    await self._hear(content)
        except TimeoutError:
            logger.info("no usage after the finish")  # It is estimated.

    def _taken(self) -> Sequence[Event]:
        events, self._events = self._events, []
        self.started = self.started or bool(events)
        # A timer may come a millisecond early, and the beat that it came for is not the next one.
        now = asyncio.get_running_loop().time() + _BEAT_S / 10
        self._due = (now // _BEAT_S + 1) * _BEAT_S
        return joined(events)


def encoded(body: Mapping[str, Any]) -> bytes:
    try:
        return orjson.dumps(body)
    except TypeError:  # Half a surrogate pair, or a number beyond 64 bits.
        return json.dumps(body).encode()


async def _said(content: StreamReader) -> str:
    """The beginning of a refusal's body."""
    said = b""
    try:
        async with asyncio.timeout(_REFUSAL_S):
            while len(said) < _REFUSAL:
                piece, fault = await pool.read(content)
                said += piece
                if fault is not None or not piece:
                    break
    except TimeoutError:
        pass
    return said.decode("utf-8", "replace")


def _translated(exc: Exception, response: ClientResponse | None, *, started: bool) -> Exception:
    status: int | None = None
    headers: Mapping[str, str] | None = None
    if response is not None:
        status, headers = response.status, response.headers
    return failures.translate(exc, started=started, status=status, headers=headers)
