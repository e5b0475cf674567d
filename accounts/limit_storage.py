"""Where `accounts.limits` counts: in this process, or in the database for several processes without Redis."""

from __future__ import annotations

import time
from threading import Lock
from typing import Any, Final

from django.db import connection
from limits.storage import Storage

from accounts.models import RateCounter

_SWEEP: Final = 10_000  # counters, before those of past windows are looked for


class ProcessStorage(Storage):
    """Fixed windows in a dictionary. The library's own starts a thread for nearly every hit, to remove old ones."""

    STORAGE_SCHEME = ["polylogue-process"]

    def __init__(self, uri: str | None = None, **options: Any) -> None:
        super().__init__(uri, **options)
        self._counters: dict[str, tuple[int, float]] = {}  # how many, until when
        self._lock = Lock()
        self._sweep_at = _SWEEP

    @property
    def base_exceptions(self) -> type[Exception]:
        return Exception

    def incr(self, key: str, expiry: float, amount: int = 1) -> int:
        """Count `amount` more and return the sum in the current window."""
        now = time.time()
        with self._lock:
            count, until = self._counters.get(key, (0, 0.0))
            counter = (count + amount, until) if until > now else (amount, now + expiry)
            self._counters[key] = counter
            if len(self._counters) > self._sweep_at:
                self._counters = {name: kept for name, kept in self._counters.items() if kept[1] > now}
                self._sweep_at = max(_SWEEP, 2 * len(self._counters))
        return counter[0]

    def get(self, key: str) -> int:
        count, until = self._counters.get(key, (0, 0.0))
        return count if until > time.time() else 0

    def get_expiry(self, key: str) -> float:
        return self._counters.get(key, (0, time.time()))[1]

    def check(self) -> bool:
        return True

    def reset(self) -> int | None:
        with self._lock:
            number, self._counters = len(self._counters), {}
        return number

    def clear(self, key: str) -> None:
        with self._lock:
            self._counters.pop(key, None)


class DatabaseStorage(Storage):
    """Fixed windows as rows. One upsert a hit; rows of past windows are removed by housekeeping."""

    STORAGE_SCHEME = ["polylogue-database"]

    @property
    def base_exceptions(self) -> type[Exception]:
        return Exception

    def incr(self, key: str, expiry: float, amount: int = 1) -> int:
        """Count `amount` more and return the sum in the current window."""
        now = time.time()
        table = RateCounter._meta.db_table
        with connection.cursor() as cursor:
            cursor.execute(
                f"INSERT INTO {table} AS c (key, count, expires_at) VALUES (%s, %s, %s) "  # noqa: S608  (a table name of ours)
                "ON CONFLICT (key) DO UPDATE SET "
                "count = CASE WHEN c.expires_at <= %s THEN excluded.count ELSE c.count + excluded.count END, "
                "expires_at = CASE WHEN c.expires_at <= %s THEN excluded.expires_at ELSE c.expires_at END "
                "RETURNING count",
                [key, amount, now + expiry, now, now],
            )
            return int(cursor.fetchone()[0])

    def get(self, key: str) -> int:
        row = RateCounter.objects.filter(key=key, expires_at__gt=time.time()).first()
        return row.count if row else 0

    def get_expiry(self, key: str) -> float:
        row = RateCounter.objects.filter(key=key).first()
        return row.expires_at if row else time.time()

    def check(self) -> bool:
        return True

    def reset(self) -> int | None:
        return RateCounter.objects.all().delete()[0]

    def clear(self, key: str) -> None:
        RateCounter.objects.filter(key=key).delete()

    def __init__(self, uri: str | None = None, **options: Any) -> None:
        super().__init__(uri, **options)
