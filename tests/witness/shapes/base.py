"""What a provider's shape has to be able to say, and the encoding all of them share."""

from __future__ import annotations

import json
import re
from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from functools import lru_cache
from typing import Any, ClassVar

from ..parts import Asked, Ending, Refusal, ToolCall, Usage, Whole


class Voice(ABC):
    """Encodes one stream. Between `enter` calls a token is `head + quoted(token) + tail`, so it costs one join."""

    head: bytes = b""
    tail: bytes = b""

    def __init__(self, number: int, model: str, usage: Usage | None, *, eol: str, comments: bool) -> None:
        self.number, self.model, self.usage, self.eol, self.comments = number, model, usage, eol, comments

    @abstractmethod
    def open(self) -> bytes: ...

    @abstractmethod
    def enter(self, channel: str) -> bytes:
        """Whatever has to stand before tokens of this channel; sets `head` and `tail`."""

    @abstractmethod
    def call(self, calls: Sequence[ToolCall]) -> bytes: ...

    @abstractmethod
    def close(self, ending: Ending) -> bytes: ...

    @abstractmethod
    def error(self) -> bytes:
        """The shape's error object in the middle of a stream."""

    def garbage(self) -> bytes:
        return f'data: {{"choices": [{{"delta": {{"content": "oops{self.eol * 2}'.encode()

    def comment(self) -> bytes:
        return f": keep-alive{self.eol * 2}".encode()

    def event(self, data: Mapping[str, Any]) -> bytes:
        """One event of server-sent events."""
        return b"data: " + dumps(data) + (self.eol * 2).encode()

    def template(self, data: Mapping[str, Any]) -> None:
        """Split an event at the text `@@`, where the tokens go."""
        self.head, self.tail = self.event(data).split(b'"@@"')
        if self.comments:
            self.head = self.comment() + self.head


class Shape(ABC):
    name: ClassVar[str]
    media_type: ClassVar[str] = "text/event-stream"
    voice: ClassVar[type[Voice]]

    @abstractmethod
    def read(self, body: Mapping[str, Any], path: str) -> Asked: ...

    @abstractmethod
    def whole(self, number: int, model: str, answer: Whole) -> dict[str, Any]: ...

    @abstractmethod
    def refuse(self, refusal: Refusal) -> dict[str, Any]: ...

    @abstractmethod
    def context(self) -> Refusal: ...

    @abstractmethod
    def quota(self) -> Refusal: ...


def dumps(value: Any) -> bytes:
    """JSON in UTF-8, multi-byte characters as they are; lone surrogates, which UTF-8 has not, as escapes."""
    text = json.dumps(value, ensure_ascii=False, separators=(",", ":"))
    try:
        return text.encode()
    except UnicodeEncodeError:
        return re.sub("[\ud800-\udfff]", lambda match: f"\\u{ord(match[0]):04x}", text).encode()


@lru_cache(maxsize=1 << 16)
def quoted(text: str) -> bytes:
    return dumps(text)


def text_of(content: Any) -> str:
    """The text of a message's content, be it a string or a list of parts."""
    if isinstance(content, str):
        return content
    if isinstance(content, list):
        return "".join(part.get("text") or "" for part in content if isinstance(part, dict))
    return ""


def words(*texts: str) -> int:
    return sum(len(text.split()) for text in texts)


def fragments(text: str, size: int = 7) -> list[str]:
    return [text[i : i + size] for i in range(0, len(text), size)]


def parsed(arguments: str) -> Any:
    """Arguments as an object, for the shapes that send one; the text itself where it is not JSON."""
    try:
        return json.loads(arguments)
    except ValueError:
        return arguments


def whole_number(value: Any) -> int | None:
    return value if isinstance(value, int) and not isinstance(value, bool) else None
