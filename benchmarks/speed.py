"""As fast as the wire, nearly: what `make bench` measures, against what was promised.

Ratios within one run: with the CPU of LiteLLM's SDK alone and of a relay that only passes bytes on, and with
how soon a client that reads the provider itself hears the first word. One run serves all of them.
"""

from __future__ import annotations

from benchmarks.bench import OURS, measured
from benchmarks.prove import promise

ONE = ("daphne", "uvicorn")  # each of them is one process


def _cpu(load: str, of: str) -> float:
    """CPU of a token in one process, the worse server's, as a multiple of another mode's."""
    report = measured()
    return max(report.one(mode, load).cpu_us for mode in ONE) / report.one(of, load).cpu_us


@promise("cpu_of_litellm_50_streams", 0.2)
def cpu_of_litellm_50() -> float:
    return _cpu("50 at once", "litellm")


@promise("cpu_of_litellm_200_streams", 0.2)
def cpu_of_litellm_200() -> float:
    return _cpu("200 at once", "litellm")


@promise("cpu_of_relay_50_streams", 4)
def cpu_of_relay_50() -> float:
    return _cpu("50 at once", "relay")


@promise("cpu_of_relay_200_streams", 4)
def cpu_of_relay_200() -> float:
    return _cpu("200 at once", "relay")


@promise("cpu_s_per_100000_tokens", 1.7)
def cpu_s_per_100000_tokens() -> float:
    report = measured()
    return max(report.one(mode, "as fast as possible").cpu_us for mode in ONE) / 10


@promise("cpu_of_scaled_200_streams", 2)
def cpu_of_scaled() -> float:
    """Web and worker process together, as a multiple of one process."""
    report = measured()
    return report.one("scaled", "200 at once").cpu_us / report.one("daphne", "200 at once").cpu_us


@promise("cpu_of_two_workers_200_streams", 1.1)
def cpu_of_two_workers() -> float:
    """All processes with two workers, as a multiple of those with one."""
    report = measured()
    return report.one("workers", "200 at once").cpu_us / report.one("scaled", "200 at once").cpu_us


@promise("cpu_of_litellm_200_streams_scaled", 1.6)
def cpu_of_litellm_scaled() -> float:
    report = measured()
    return report.one("scaled", "200 at once").cpu_us / report.one("litellm", "200 at once").cpu_us


@promise("ttft_over_litellm_1_stream_ms", 15)
def ttft_over_litellm() -> float:
    """Of the worst of our modes."""
    report = measured()
    return max(report.one(mode, "1 stream").p50 for mode in OURS) - report.one("litellm", "1 stream").p50


@promise("ttft_p95_over_litellm_25_at_once_ms", 40)
def ttft_over_litellm_25() -> float:
    """Of the worst of our modes."""
    report = measured()
    return max(report.one(mode, "25 at once").p95 for mode in OURS) - report.one("litellm", "25 at once").p95


@promise("ttft_over_relay_1_stream_ms", 10)
def ttft_over_relay() -> float:
    report = measured()
    return max(report.one(mode, "1 stream").p50 for mode in ONE) - report.one("relay", "1 stream").p50


@promise("ttft_p95_200_at_once_ms", 600)
def ttft_200_at_once() -> float:
    return max(measured().one(mode, "200 at once").p95 for mode in ONE)


@promise("ttft_p95_over_direct_25_a_second_ms", 60)
def ttft_25_a_second() -> float:
    report = measured()
    load = "200 at 25 a second"
    return max(report.one(mode, load).p95 for mode in ONE) - report.one("direct", load).p95


@promise("answers_refused_or_wrong", 0)
def answers_wrong() -> float:
    """In all loads, 500 streams at once among them: answers refused, tokens lost or doubled, answers out of order."""
    ours = [one for one in measured().figures if one.mode in OURS]
    return sum(one.refused + one.lost + one.doubled + one.moved for one in ours)


@promise("throughput_of_direct_500_at_once", 0.5, at_least=True)
def throughput() -> float:
    report = measured()
    return (
        min(report.one(mode, "500 at once").per_second for mode in ONE) / report.one("direct", "500 at once").per_second
    )


@promise("first_page_after_start_s", 2)
def first_page() -> float:
    return max(measured().rest(mode).first_page_s for mode in ONE)


@promise("memory_after_first_chats_mib", 280)
def memory() -> float:
    return max(measured().rest(mode).memory_mib for mode in ONE)
