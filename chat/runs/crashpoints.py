"""Labelled places where a process may die, so that a test can make it die exactly there.

`crashpoints.reach("run claimed")` does nothing. A test starts the process through a launcher that puts
something into `on_reach`. `labels` reads the source, so that a new place
is swept without anybody adding it to a list.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path

on_reach: Callable[[str], None] | None = None


def reach(label: str) -> None:
    if on_reach is not None:
        on_reach(label)


def labels() -> list[str]:
    """Every label in the chat app, in the order of files and lines."""
    root = Path(__file__).resolve().parent.parent
    found = re.compile(r'crashpoints\.reach\("([^"]+)"\)')
    sources = sorted(path for path in root.rglob("*.py") if path != Path(__file__).resolve())
    return [label for path in sources for label in found.findall(path.read_text(encoding="utf-8"))]
