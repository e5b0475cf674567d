"""Which models the operator's Ollama has. A page never waits for it."""

from __future__ import annotations

import logging
import threading
import time
from dataclasses import dataclass
from typing import Final

import httpx

logger = logging.getLogger(__name__)

# Seconds an answer is believed, and seconds Ollama has to give one.
_FRESH_S: Final = 15.0
_TIMEOUT_S: Final = 2.0


@dataclass(frozen=True, slots=True)
class Installed:
    """`names` is None while nothing is known yet or Ollama does not answer; `asked` tells which."""

    names: tuple[str, ...] | None = None
    asked: bool = False
    at: float = 0.0


_known: dict[str, Installed] = {}
_asking: set[str] = set()
_lock = threading.Lock()


def installed(url: str) -> Installed:
    """What was last heard from `url`; asks again in the background when that is old."""
    known = _known.get(url, Installed())
    with _lock:
        stale = not known.asked or time.monotonic() - known.at > _FRESH_S
        if stale and url not in _asking:
            _asking.add(url)
            threading.Thread(target=_ask, args=(url,), name="ollama-tags", daemon=True).start()
    return known


def _ask(url: str) -> None:
    try:
        # The operator's own address, from the settings; `trust_env` would send it through a proxy.
        with httpx.Client(timeout=_TIMEOUT_S, trust_env=False) as client:
            reply = client.get(f"{url}/api/tags").raise_for_status().json()
        names: tuple[str, ...] | None = tuple(sorted(str(model["name"]) for model in reply["models"]))
    except (httpx.HTTPError, httpx.InvalidURL, ValueError, KeyError, TypeError) as exc:
        logger.info("ollama does not answer", extra={"reason": type(exc).__name__})
        names = None
    with _lock:
        _known[url] = Installed(names, asked=True, at=time.monotonic())
        _asking.discard(url)
