"""Traces reach a collector, hang together, and hold no text."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

from accounts.models import User
from chat.runs.engine import Engine
from config import traces
from tests.chat.conftest import open_tab, running_engine

__all__ = ["open_tab", "running_engine"]


@pytest.fixture
def collector(monkeypatch: pytest.MonkeyPatch) -> Iterator[InMemorySpanExporter]:
    """What would be sent to the collector, kept instead."""
    kept = InMemorySpanExporter()
    provider = TracerProvider()
    provider.add_span_processor(SimpleSpanProcessor(kept))
    monkeypatch.setattr(traces, "_tracer", lambda: provider.get_tracer("test"))
    yield kept
    provider.shutdown()


@pytest.mark.django_db(transaction=True)
async def test_a_run_hangs_below_the_frame_that_asked_for_it(
    ada: User, open_tab: Any, running_engine: Engine, collector: InMemorySpanExporter
) -> None:
    tab = await open_tab(ada)
    turn = await tab.ask("My secret question.")
    await tab.follow(turn["runs"][0]["id"])
    await running_engine.stop(grace_s=5)
    await running_engine.start()
    spans = {span.name: span for span in collector.get_finished_spans()}
    frame = next(s for s in collector.get_finished_spans() if (s.attributes or {}).get("polylogue.type") == "chat.send")
    assert spans["run"].parent is not None and spans["run"].parent.span_id == frame.context.span_id
    assert spans["provider"].parent is not None and spans["provider"].parent.span_id == spans["run"].context.span_id
    assert "secret" not in "".join(span.to_json() for span in collector.get_finished_spans())


def test_without_an_endpoint_nothing_is_traced() -> None:
    with traces.span("request") as found:
        found["status"] = 200
    assert traces.carry() == ""
