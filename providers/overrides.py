"""The administrators' changes, at most a second old.

The rule: one query a second and process at most, however many messages are sent; a change in another
process is seen after `FRESH_S`, one in this process at once after its commit. A coroutine must not wait
for the database, so there a stale snapshot is used once more while a thread reads the next.
"""

from __future__ import annotations

import asyncio
import logging
import threading
import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from django.apps import apps
from django.db import DatabaseError, connection

from providers.usage import Price

logger = logging.getLogger(__name__)

FRESH_S: Final = 1.0


@dataclass(frozen=True, slots=True)
class Override:
    enabled: bool
    label: str
    price: Price | None


_snapshot: Mapping[str, Override] = {}
_read_at = float("-inf")
_lock = threading.Lock()
_reading = False  # Only set and read by coroutines of one loop; two readers at once would do no harm.


def current() -> Mapping[str, Override]:
    if time.monotonic() - _read_at > FRESH_S:
        if _in_coroutine():
            _start_refresh()
        else:
            _refresh()
    return _snapshot


def forget() -> None:
    """The next look reads the database."""
    global _read_at
    _read_at = float("-inf")


def _refresh() -> None:
    global _snapshot, _read_at
    with _lock:
        if time.monotonic() - _read_at <= FRESH_S:
            return  # Read by somebody else while we waited.
        _read_at = time.monotonic()
        try:
            rows = list(apps.get_model("providers", "ModelOverride").objects.all())
        except DatabaseError:
            # Whoever called needs the database anyway and will say so.
            logger.warning("model settings could not be read", exc_info=True)
            return
        _snapshot = {row.model_id: Override(row.enabled, row.label, row.price()) for row in rows}


def _start_refresh() -> None:
    global _reading
    if not _reading:
        _reading = True
        threading.Thread(target=_refresh_apart, name="model-overrides", daemon=True).start()


def _refresh_apart() -> None:
    global _reading
    try:
        _refresh()
    finally:
        connection.close()
        _reading = False


def _in_coroutine() -> bool:
    try:
        asyncio.get_running_loop()
    except RuntimeError:
        return False
    return True
