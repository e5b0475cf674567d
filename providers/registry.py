"""Which provider serves a model: the shortest way that gives the same answer."""

from __future__ import annotations

import logging
from collections.abc import AsyncIterator, Sequence
from typing import Final

from django.conf import settings

from providers import catalog, gateway, openai_shape, pool
from providers.base import ModelRequest, Provider, ToolSpec
from providers.demo import DemoProvider
from providers.direct import DirectProvider
from providers.events import Event
from providers.gateway import LiteLLMProvider
from providers.specs import ModelSpec

logger = logging.getLogger(__name__)

_DEMO: Final[Provider] = DemoProvider()
_DIRECT: Final[Provider] = DirectProvider()
_GATEWAY: Final[Provider] = LiteLLMProvider()


class _Shortest:
    """Direct where we know what to send, which depends on the request; LiteLLM for the rest."""

    def stream(self, request: ModelRequest) -> AsyncIterator[Sequence[Event]]:
        return (_DIRECT if openai_shape.serves(request) else _GATEWAY).stream(request)


_SHORTEST: Final[Provider] = _Shortest()


def provider_for(spec: ModelSpec) -> Provider:
    if spec.provider == "demo":
        return _DEMO
    return _GATEWAY if settings.LITELLM_ONLY else _SHORTEST


def warm() -> None:
    """What the first question would wait for. For a background thread, once the server listens; never fails.

    LiteLLM, 140 MB and seconds, only where a model may need it; a stored key may open any provider.
    """
    try:
        pool.warm()
        needed = settings.LITELLM_ONLY or settings.KEY_ENCRYPTION_KEYS or any(map(_needs_litellm, catalog.reachable()))
    except Exception:  # The first call tries again, and says so.
        logger.exception("connections cannot be prepared")
        needed = True
    if needed:
        gateway.warm()


def _needs_litellm(spec: ModelSpec) -> bool:
    if spec.provider == "demo":
        return False
    tools = [ToolSpec("any", "", {})] if spec.can("tools") else []
    return not openai_shape.serves(ModelRequest(spec, (), tools))
