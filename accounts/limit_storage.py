"""Counters of `accounts.limits` in the database, for several processes without Redis."""

from __future__ import annotations

import time
from typing import Any

from django.db import connection
from limits.storage import Storage

from accounts.models import RateCounter


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
