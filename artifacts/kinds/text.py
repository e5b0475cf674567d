"""Text with Markdown inside."""

from __future__ import annotations

from typing import Final

from django.utils.translation import gettext_lazy as _

from artifacts import diffs, merging
from artifacts.kinds.base import Compared, Kind
from artifacts.kinds.cleaning import Unwrapper

WRAPPINGS: Final = frozenset({"markdown", "md"})


def _compare(one: str, other: str) -> Compared:
    found = diffs.compare(one, other)
    return Compared(found.by, found.pieces)


KIND: Final = Kind(
    name="text",
    label=_("Text"),
    icon="text",
    writing=(
        "Write the content of a document on the given subject. Use Markdown, with headings where they help."
        " Write nothing but the document itself: no introduction, no comment about it."
    ),
    parser=lambda: Unwrapper(WRAPPINGS),
    compare=_compare,
    cut=merging.words,
    media_type=lambda language: "text/markdown",
    suffix=lambda language: "md",
)
