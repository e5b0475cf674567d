"""Which provider serves a model: the shortest way that gives the same answer."""

from __future__ import annotations

import logging
from collections.abc import AsyncIterator, Mapping, Sequence
from typing import Final

from django.conf import settings

from providers import anthropic_shape, catalog, gateway, gemini_shape, ollama_shape, openai_shape, pool
from providers.base import ModelRequest, Provider, ToolSpec
from providers.demo import DemoProvider
from providers.direct import DirectProvider, Shape
from providers.events import Event
from providers.gateway import LiteLLMProvider
from providers.specs import ModelSpec

logger = logging.getLogger(__name__)

_DEMO: Final[Provider] = DemoProvider()
_SHAPES: Final[Mapping[str, Shape]] = {
    **dict.fromkeys(openai_shape.HOSTS, openai_shape),
    "anthropic": anthropic_shape,
    "gemini": gemini_shape,
    **dict.fromkeys(("ollama", "ollama_chat"), ollama_shape),
}
_DIRECT: Final[Mapping[str, Provider]] = {name: DirectProvider(shape) for name, shape in _SHAPES.items()}
_GATEWAY: Final[Provider] = LiteLLMProvider()


class _Shortest:
    """Direct where we know what to send, which depends on the request; LiteLLM for the rest."""

    def stream(self, request: ModelRequest) -> AsyncIterator[Sequence[Event]]:
        provider = _DIRECT[request.model.provider] if _served(request) else _GATEWAY
        return provider.stream(request)


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
    return not _served(ModelRequest(spec, (), tools))


def _served(request: ModelRequest) -> bool:
    shape = _SHAPES.get(request.model.provider)
    return shape is not None and shape.serves(request)
