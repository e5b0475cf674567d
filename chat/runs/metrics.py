"""What an operator watches, in Prometheus' terms. Counted in the process; states of runs are read when asked."""

from __future__ import annotations

import time
from collections.abc import Iterator
from typing import Final

from django.db.models import Count, Min
from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest
from prometheus_client.core import GaugeMetricFamily
from prometheus_client.registry import Collector

from chat.models import Run
from chat.runs import log

REGISTRY: Final = CollectorRegistry()

BEAT: Final = Histogram(
    "polylogue_beat_seconds",
    "Time to store what all runs of this worker said since the last beat.",
    buckets=(0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.25, 0.5, 1, 5),
    registry=REGISTRY,
)
BEAT_RUNS: Final = Counter("polylogue_beat_runs", "Runs that spoke in a beat, summed over beats.", registry=REGISTRY)
FIRST_TOKEN: Final = Histogram(
    "polylogue_first_token_seconds",
    "From claiming a run to its first visible text.",
    buckets=(0.1, 0.25, 0.5, 1, 2, 5, 10, 25),
    registry=REGISTRY,
)
RUNS_ENDED: Final = Counter("polylogue_runs_ended", "Runs that this worker ended.", ["status"], registry=REGISTRY)
TOKENS: Final = Counter("polylogue_tokens", "Tokens of ended runs.", ["direction"], registry=REGISTRY)
SOCKETS: Final = Gauge("polylogue_sockets", "Open WebSockets of this process.", registry=REGISTRY)
FOLLOWED: Final = Gauge("polylogue_followed_runs", "Runs that somebody follows in this process.", registry=REGISTRY)
LATE: Final = Counter(
    "polylogue_rings_missed", "Times the hub found stored text that no ring had announced.", registry=REGISTRY
)
LOOP_LAG: Final = Gauge(
    "polylogue_loop_lag_seconds", "How late the event loop woke up at the last pulse.", registry=REGISTRY
)


def ended(outcome: log.Outcome) -> None:
    RUNS_ENDED.labels(str(outcome.status)).inc()
    if outcome.ttft_ms is not None:
        FIRST_TOKEN.observe(outcome.ttft_ms / 1000)
    for direction in ("input", "output"):
        TOKENS.labels(direction).inc(outcome.tokens.get(direction) or 0)


class _Database(Collector):
    """Two queries a scrape."""

    def collect(self) -> Iterator[GaugeMetricFamily]:
        runs = GaugeMetricFamily("polylogue_runs", "Runs that wait or are being written.", labels=["status"])
        found = dict(Run.objects.active().values_list("status").annotate(count=Count("pk")))
        for status in Run.ACTIVE:
            runs.add_metric([str(status)], found.get(status, 0))
        yield runs
        oldest = Run.objects.filter(status=Run.Status.QUEUED).aggregate(oldest=Min("created_at"))["oldest"]
        age = time.time() - oldest.timestamp() if oldest else 0.0
        yield GaugeMetricFamily("polylogue_queue_age_seconds", "Age of the run that has waited longest.", value=age)
        yield GaugeMetricFamily("polylogue_workers", "Workers that say they are alive.", value=log.workers_alive())


_STATES: Final = CollectorRegistry()
_STATES.register(_Database())


def exposition() -> bytes:
    """Everything, as Prometheus reads it. Raises what the database raises when it is away."""
    return generate_latest(REGISTRY) + generate_latest(_STATES)
