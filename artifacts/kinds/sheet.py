"""A table, as CSV."""

from __future__ import annotations

from typing import Final

from django.utils.translation import gettext_lazy as _

from artifacts import tables
from artifacts.kinds.base import Compared, Kind
from artifacts.kinds.cleaning import Unwrapper


def _compare(one: str, other: str) -> Compared:
    return Compared("cells", lines=tuple(tables.shortened(tables.compare(one, other))))


KIND: Final = Kind(
    name="sheet",
    label=_("Sheet"),
    icon="grid",
    writing=(
        "Write a spreadsheet as CSV: commas between cells, quotes around cells that hold commas, the first row names"
        " the columns. Write nothing but the CSV."
    ),
    parser=Unwrapper,
    compare=_compare,
    media_type=lambda language: "text/csv",
    suffix=lambda language: "csv",
    exported=lambda content: tables.write(tables.harmless(tables.read(content))).encode("utf-8-sig"),
)
