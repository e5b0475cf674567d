"""The environment, read in one place and refused when odd.

`config.settings` is the only caller. A name that ends up empty counts as not set. Every reader also
accepts `NAME_FILE`, a path whose content is the value, as container secrets are handed over.
"""

from __future__ import annotations

import os
import re
from pathlib import Path

from django.core.exceptions import ImproperlyConfigured

_environ = os.environ


def text(name: str, default: str = "", *, choices: tuple[str, ...] = ()) -> str:
    """The variable's text, stripped. Raises ImproperlyConfigured when it is not one of `choices`."""
    value = _raw(name)
    if value is None:
        return default
    if choices and value not in choices:
        raise ImproperlyConfigured(f"{name}={value!r} is not one of: {', '.join(choices)}.")
    return value


def flag(name: str, default: bool) -> bool:
    """1/true/yes/on or 0/false/no/off."""
    value = _raw(name)
    if value is None:
        return default
    if value.lower() in {"1", "true", "yes", "on"}:
        return True
    if value.lower() in {"0", "false", "no", "off"}:
        return False
    raise ImproperlyConfigured(f"{name}={value!r} is neither true nor false.")


def integer(name: str, default: int, *, at_least: int = 0, at_most: int | None = None) -> int:
    value = _raw(name)
    if value is None:
        return default
    try:
        number = int(value)
    except ValueError:
        raise ImproperlyConfigured(f"{name}={value!r} is not a whole number.") from None
    if number < at_least or (at_most is not None and number > at_most):
        bounds = f"at least {at_least}" + (f" and at most {at_most}" if at_most is not None else "")
        raise ImproperlyConfigured(f"{name}={number} must be {bounds}.")
    return number


def words(name: str, default: tuple[str, ...] = ()) -> tuple[str, ...]:
    """A comma-separated list without empty items."""
    value = _raw(name)
    return default if value is None else tuple(item.strip() for item in value.split(",") if item.strip())


def url(name: str, default: str = "", *, schemes: tuple[str, ...] = ("http", "https")) -> str:
    """An absolute address with one of `schemes`, without a closing slash.

    Never repeats it in an error: it may hold a password.
    """
    value = _raw(name)
    if value is None:
        return default
    scheme, mark, rest = value.partition("://")
    if not mark or scheme not in schemes or not rest:
        raise ImproperlyConfigured(f"{name} must start with one of: {', '.join(s + '://' for s in schemes)}.")
    return value.rstrip("/")


def rate(name: str, default: str) -> str:
    """`<number>/<s|m|h|d>`, such as 30/m."""
    value = _raw(name) or default
    if not re.fullmatch(r"[1-9][0-9]{0,8}/[smhd]", value):
        raise ImproperlyConfigured(f"{name}={value!r} must look like 30/m (s, m, h or d).")
    return value


def path(name: str, default: Path) -> Path:
    value = _raw(name)
    return default if value is None else Path(value).expanduser()


def _raw(name: str) -> str | None:
    if filename := _environ.get(f"{name}_FILE"):
        try:
            return Path(filename).read_text(encoding="utf-8").strip() or None
        except OSError as exc:
            raise ImproperlyConfigured(f"{name}_FILE cannot be read: {exc.strerror}.") from exc
    value = _environ.get(name, "").strip()
    return value or None
