"""What a kind of document is."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, Final, Literal, Protocol

from artifacts import diffs, merging
from artifacts.merging import Cut
from config.errors import BadRequest, TooLarge
from providers.events import clean

CONTENT_MAX: Final = 2 * 1024 * 1024  # characters


class Parser(Protocol):
    """Makes a document out of what a model streams. How the stream was cut does not matter."""

    def push(self, piece: str) -> str:
        """What is now certain. Keeps back what may turn out to be no part of the document."""
        ...

    def flush(self) -> str:
        """What was kept back, once nothing more will come."""
        ...


@dataclass(frozen=True, slots=True)
class Compared:
    """Two versions: `pieces` of text, or `lines` of a sheet (`artifacts.tables.Line`). `by` says what was compared."""

    by: Literal["words", "lines", "cells"]
    pieces: tuple[diffs.Piece, ...] = ()
    lines: tuple[Any, ...] = ()


@dataclass(frozen=True, slots=True)
class Kind:
    """A kind of document: how it is written, checked, compared, merged and handed out.

    `label` is translated when read. `writing` tells a model what to write and in what form. `suffix` and `media_type`
    may depend on the document's language. `exported` is the content as a file of its own form.
    """

    name: str
    label: Any
    icon: str
    writing: str
    parser: Callable[[], Parser]
    compare: Callable[[str, str], Compared]
    cut: Cut = merging.lines
    media_type: Callable[[str], str] = field(default=lambda language: "text/plain")
    suffix: Callable[[str], str] = field(default=lambda language: "txt")
    exported: Callable[[str], bytes] = field(default=lambda content: content.encode())

    def check(self, content: str) -> None:
        """Raises TooLarge, or BadRequest when it is not what this kind holds."""
        if len(content) > CONTENT_MAX:
            raise TooLarge("document", details={"limit": CONTENT_MAX})
        if clean(content) != content:  # what no database keeps
            raise BadRequest("document", param="content")
