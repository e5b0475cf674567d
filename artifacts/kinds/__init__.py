"""The kinds of documents, one file each: every module here that holds a `KIND` is one, in the order of `ORDER`.

A further kind is a further file; those that `ORDER` does not name come last.
"""

from __future__ import annotations

from collections.abc import Iterator
from importlib import import_module
from pkgutil import iter_modules
from typing import Final

from artifacts.kinds.base import CONTENT_MAX, Compared, Kind, Parser
from config.errors import BadRequest

__all__ = ["CONTENT_MAX", "KINDS", "Compared", "Kind", "Parser", "get"]

ORDER: Final = ("text", "code", "sheet")


def _found() -> Iterator[Kind]:
    for module in iter_modules(__path__):
        kind = getattr(import_module(f"{__name__}.{module.name}"), "KIND", None)
        if isinstance(kind, Kind):
            yield kind


def _place(kind: Kind) -> tuple[int, str]:
    return (ORDER.index(kind.name) if kind.name in ORDER else len(ORDER), kind.name)


KINDS: Final[dict[str, Kind]] = {kind.name: kind for kind in sorted(_found(), key=_place)}


def get(name: str) -> Kind:
    """Raises BadRequest."""
    kind = KINDS.get(name)
    if kind is None:
        raise BadRequest("document", f"There is no kind of document named {name[:40]!r}.", param="kind")
    return kind
