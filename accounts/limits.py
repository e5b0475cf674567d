"""How often something may happen: counters in Redis when there is one, else in this process.

The library `limits` counts; this module names the counters. In the scaled mode without Redis, or while it is
away, the counters live in the database, so that two web processes share them: limits never switch off.
"""

from __future__ import annotations

import ipaddress
import logging
import math
import time
from functools import cache
from typing import Final

from django.conf import settings
from limits import RateLimitItem, parse
from limits.storage import Storage, storage_from_string
from limits.strategies import FixedWindowRateLimiter, RateLimiter
from redis import RedisError

from accounts.limit_storage import DatabaseStorage, ProcessStorage

logger = logging.getLogger(__name__)

_UNITS = {"s": "second", "m": "minute", "h": "hour", "d": "day"}
# A Redis that does not answer holds up a thread that others wait for, so it is not waited for, nor asked again at once.
_PATIENCE_S: Final = 0.3
_PAUSE_S: Final = 5.0
_away_until = 0.0


def hit(name: str, rate: str, key: str) -> int:
    """Count one more `name` for `key`. Returns 0, or the seconds to wait when `rate` (30/m) is used up."""
    global _away_until
    if not settings.REDIS_URL or time.monotonic() >= _away_until:
        try:
            return _hit(_limiter(), name, rate, key)
        except RedisError as exc:
            _away_until = time.monotonic() + _PAUSE_S
            logger.warning("limits without Redis", extra={"error": type(exc).__name__})
    return _hit(_limiter_without_redis(), name, rate, key)


def _hit(limiter: RateLimiter, name: str, rate: str, key: str) -> int:
    item = _item(rate)
    if limiter.hit(item, name, key):
        return 0
    window = limiter.get_window_stats(item, name, key)
    return max(1, math.ceil(window.reset_time - time.time()))


def source(address: str) -> str:
    """What to count an address as. Who has one of IPv6 has 2⁶⁴ of them, so there the network counts."""
    try:
        number = ipaddress.ip_address(address)
    except ValueError:
        return address[:100]
    if isinstance(number, ipaddress.IPv4Address):
        return str(number)
    if number.ipv4_mapped:
        return str(number.ipv4_mapped)
    return str(ipaddress.ip_network((number, 64), strict=False).network_address)


@cache
def _item(rate: str) -> RateLimitItem:
    count, _, unit = rate.partition("/")
    return parse(f"{count} per {_UNITS[unit]}")


@cache
def _limiter() -> RateLimiter:
    if settings.REDIS_URL:
        waits = {"socket_timeout": _PATIENCE_S, "socket_connect_timeout": _PATIENCE_S}
        return FixedWindowRateLimiter(storage_from_string(settings.REDIS_URL, **waits))
    return _limiter_without_redis()


@cache
def _limiter_without_redis() -> RateLimiter:
    storage: Storage = ProcessStorage() if settings.DATABASE_IS_SQLITE else DatabaseStorage()
    return FixedWindowRateLimiter(storage)
