"""Traces for whoever wants them: request or frame → run → call of a provider.

Nothing is made or imported unless OTEL_EXPORTER_OTLP_ENDPOINT is set. Spans hold ids, models, counts and
codes; never prompts, answers or keys. A run remembers where it was asked for (`carry`), so that its span
hangs below the request even when another process writes the answer.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from typing import TYPE_CHECKING, Any

from django.conf import settings

if TYPE_CHECKING:
    from opentelemetry.trace import Tracer


@contextmanager
def span(name: str, *, parent: str = "", **attributes: str | int) -> Iterator[dict[str, Any]]:
    """A span around a block. `parent` is what `carry` returned elsewhere. What is put into the dict is added."""
    tracer = _tracer()
    if tracer is None:
        yield {}
        return
    from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator

    context = TraceContextTextMapPropagator().extract({"traceparent": parent}) if parent else None
    with tracer.start_as_current_span(name, context=context, attributes=_named(attributes)) as current:
        found: dict[str, Any] = {}
        try:
            yield found
        finally:
            current.set_attributes(_named(found))


def carry() -> str:
    """The current span as a W3C traceparent, to be handed to another process. Empty without traces."""
    if _tracer() is None:
        return ""
    from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator

    carrier: dict[str, str] = {}
    TraceContextTextMapPropagator().inject(carrier)
    return carrier.get("traceparent", "")


def _named(attributes: dict[str, Any]) -> dict[str, Any]:
    return {f"polylogue.{key}": value for key, value in attributes.items() if value is not None}


@cache
def _tracer() -> Tracer | None:
    endpoint: str = settings.OTEL_EXPORTER_OTLP_ENDPOINT
    if not endpoint:
        return None
    # Imported here because most installations never trace, and the exporter takes a quarter of a second.
    from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
    from opentelemetry.sdk.resources import Resource
    from opentelemetry.sdk.trace import TracerProvider
    from opentelemetry.sdk.trace.export import BatchSpanProcessor

    provider = TracerProvider(resource=Resource.create({"service.name": "polylogue"}))
    provider.add_span_processor(BatchSpanProcessor(OTLPSpanExporter(f"{endpoint}/v1/traces")))
    return provider.get_tracer("polylogue")
