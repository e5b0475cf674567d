"""A browser tab without a browser: one WebSocket of one person, spoken frame by frame."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Self
from uuid import UUID

import orjson
from asgiref.sync import sync_to_async
from channels.testing import WebsocketCommunicator
from django.conf import settings
from django.test import Client

from chat.consumers import ChatConsumer
from config.ids import uuid7

Json = dict[str, Any]
ORIGIN = (b"origin", b"http://testserver")


class Closed(Exception):
    """The server closed the socket; `code` says why."""

    def __init__(self, code: int) -> None:
        self.code = code
        super().__init__(code)


class Tab:
    """`async with Tab(browser) as tab:` is connected and greeted. `browser` is a logged-in test client, or None."""

    def __init__(
        self, browser: Client | None, *, origin: tuple[bytes, bytes] | None = ORIGIN, greet: bool = True
    ) -> None:
        headers = [(b"host", b"testserver"), *([origin] if origin else [])]
        if browser is not None:
            morsel = browser.cookies[settings.SESSION_COOKIE_NAME]
            headers.append((b"cookie", f"{settings.SESSION_COOKIE_NAME}={morsel.value}".encode()))
        self._socket = WebsocketCommunicator(ChatConsumer.as_asgi(), "/ws/", headers=headers)
        self._greet = greet
        self.accepted = False
        self.seen: list[Json] = []

    async def __aenter__(self) -> Self:
        self.accepted, _ = await self._socket.connect(timeout=5)
        if self._greet:
            await self.say("hello", version=1)
            await self.hear("hello")
        return self

    async def __aexit__(self, *exc_info: object) -> None:
        await self._socket.disconnect(timeout=5)

    async def say(self, kind: str, **fields: Any) -> None:
        await self.say_text(orjson.dumps({"type": kind, **fields}, default=str).decode())

    async def say_text(self, text: str) -> None:
        await self._socket.send_to(text_data=text)

    async def hear(self, kind: str, *, timeout: float = 10) -> Json:
        """The next frame of this kind; others are put aside in `seen`."""
        while True:
            frame = await self.next(timeout=timeout)
            if frame["type"] == kind:
                return frame
            if frame["type"] == "error" and kind != "error":
                raise AssertionError(f"heard {frame} instead of {kind}")

    async def next(self, *, timeout: float = 10) -> Json:
        """The next frame. Raises Closed when there is none."""
        message = await self._socket.receive_output(timeout=timeout)
        if message["type"] == "websocket.close":
            raise Closed(message["code"])
        frame: Json = orjson.loads(message["text"])
        self.seen.append(frame)
        return frame

    async def ask(self, text: str, *models: str, **fields: Any) -> Json:
        """Send a question; returns the `turn` frame."""
        await self.say(
            "chat.send",
            **{"id": uuid7(), "chat": None, "parent": None, "text": text, "models": models or ["demo/fast"], **fields},
        )
        return await self.hear("turn")

    async def follow(self, run: str | UUID, after: int = 0, *, until: int | None = None) -> list[Json]:
        """Every event of a run after a number, to its end or to number `until`. Acknowledges as a page does."""
        await self.say("run.follow", run=run, after=after)
        events: list[Json] = []
        while True:
            frame = await self.hear("event", timeout=20)
            if frame["run"] != str(run):
                continue
            events.append(frame)
            await self.say("run.ack", run=run, seq=frame["seq"])
            if frame["event"]["type"] == "run.finished" or frame["seq"] == until:
                return events


def text_of(events: Sequence[Json]) -> str:
    """The visible text in `event` frames."""
    return "".join(e["event"]["text"] for e in events if e["event"]["type"] == "text.delta")


def numbers(events: Sequence[Json]) -> list[int]:
    return [e["seq"] for e in events]


async def logged_in(user: Any) -> Client:
    """A browser in which `user` is logged in."""
    browser = Client()
    await sync_to_async(browser.force_login)(user)
    return browser
