"""Time, tokens, speed and money in few characters, in the reader's language."""

from __future__ import annotations

from decimal import ROUND_HALF_UP, Decimal

from django.utils.formats import number_format
from django.utils.translation import get_language, ngettext
from django.utils.translation import gettext as _

NANO = Decimal(1_000_000_000)


def number(value: Decimal | float, decimals: int = 0) -> str:
    """As static/js/lib/figures.js writes it. Rounded here, because Django cuts off."""
    rounded = Decimal(str(value)).quantize(Decimal(1).scaleb(-decimals), ROUND_HALF_UP)
    # Spanish leaves four digits together.
    return number_format(rounded, decimals, force_grouping=get_language() != "es" or abs(rounded) >= 10_000)


def duration(ms: int | None) -> str:
    """20 ms, 1.2 s, 48 s, 2 min 5 s; "" when unknown."""
    if ms is None:
        return ""
    if ms < 100:
        return _("%(number)s ms") % {"number": number(ms)}
    if ms < 10_000:
        return _("%(number)s s") % {"number": number(ms / 1000, 1)}
    minutes, seconds = divmod(round(ms / 1000), 60)
    if not minutes:
        return _("%(number)s s") % {"number": seconds}
    return _("%(minutes)s min %(seconds)s s") % {"minutes": minutes, "seconds": seconds}


def tokens(count: int | None) -> str:
    if count is None:
        return ""
    return ngettext("%(number)s token", "%(number)s tokens", count) % {"number": number(count)}


def speed(count: int | None, ms: int | None, first_ms: int | None) -> str:
    """Tokens a second while the answer was being written, not while it was waited for."""
    writing = (ms or 0) - (first_ms or 0)
    if not count or writing <= 0:
        return ""
    rate = count * 1000 / writing
    return _("%(number)s tok/s") % {"number": number(rate, 1 if rate < 10 else 0)}


def money(nano: int | None) -> str:
    """Nano-USD as dollars: two decimals from a dollar up, below it as many as show two digits of the price."""
    if nano is None:
        return ""
    usd = Decimal(nano) / NANO
    decimals = 0 if not usd else 2 if usd >= 1 else min(9, 1 - usd.adjusted())
    return _dollars(usd, max(decimals, 2) if usd else 0)


def price(nano: int) -> str:
    """Nano-USD as on a price list: every digit, and cents in pairs."""
    usd = (Decimal(nano) / NANO).normalize()
    decimals = max(0, -int(usd.as_tuple().exponent))
    return _dollars(usd, max(decimals, 2) if decimals else 0)


def size(count: int | None) -> str:
    """A context length: 8K, 128K, 1M; "" when unknown."""
    if not count:
        return ""
    if count >= 1_000_000:
        return _("%(number)sM") % {"number": number(count / 1_000_000, 0 if count % 1_000_000 < 50_000 else 1)}
    return _("%(number)sK") % {"number": number(round(count / 1000))} if count >= 1000 else number(count)


def _dollars(usd: Decimal, decimals: int) -> str:
    return _("$%(amount)s") % {"amount": number(usd, decimals)}
