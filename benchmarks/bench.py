"""How fast answers arrive and what they cost in CPU: `make bench`.

    python -m benchmarks.bench                  every load in every mode
    python -m benchmarks.bench "25 streams"     loads whose name begins so

One witness, one machine, one run: LiteLLM's SDK alone in a process, our product in one process on SQLite, and
scaled out (one web and one worker process on PostgreSQL and Redis), all of them with log, rights and ledger on.
TTFT runs from the send to the first text, seen by the client. CPU is that of our processes, not of the
client's; figures of one run compare with each other, not with those of another machine.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from statistics import median
from typing import Any

import psycopg

from tests.faults import models
from tests.faults.stack import Stack
from tests.witness.client import WitnessClient, process

ROOT = Path(__file__).resolve().parent.parent
ADMIN_URL = os.environ.get("TEST_DATABASE_URL") or "postgres://postgres@127.0.0.1:5432/postgres"
_DATABASE = f"bench_polylogue_{os.getpid()}"


@dataclass(frozen=True, slots=True)
class Load:
    name: str
    streams: int
    model: str
    per_second: float = 0

    @property
    def tokens(self) -> int:
        return self.streams * int(self.model.partition("tokens")[2].partition("-")[0])


LOADS = (
    Load("1 stream", 1, models.openai("w-tokens100-rate50")),
    Load("25 streams at once", 25, models.openai("w-tokens250-rate50")),
    Load("200 streams at once", 200, models.openai("w-tokens300-rate50")),
)
# The shortest answers are repeated: one of them says little.
REPEATS = {"1 stream": 9}


@dataclass(frozen=True, slots=True)
class Figures:
    mode: str
    load: str
    ttft_ms: list[float]
    cpu_s: float
    tokens: int
    seconds: float
    refused: int
    wrong: int

    @property
    def p50(self) -> float:
        return median(self.ttft_ms) if self.ttft_ms else float("nan")

    @property
    def p95(self) -> float:
        return self.ttft_ms[min(len(self.ttft_ms) - 1, int(len(self.ttft_ms) * 0.95))] if self.ttft_ms else float("nan")

    @property
    def cpu_us(self) -> float:
        """Microseconds of CPU per token."""
        return self.cpu_s / self.tokens * 1e6


class Bench:
    """One witness and one stack per mode, kept for all loads."""

    def __init__(self, witness: WitnessClient) -> None:
        self.witness = witness

    def alone(self, load: Load) -> Figures:
        told = _client("sdk", load, self.witness.openai_base)
        return _figures("LiteLLM SDK alone", load, told, told["cpu_s"])

    def through(self, mode: str, stack: Stack, cookies: str, load: Load) -> Figures:
        urls = [f"ws://{address}/ws/" for address in stack.addresses]
        before = sum(_cpu_s(p.pid) for p in stack.processes)
        told = _client("socket", load, *urls, cookies=cookies)
        return _figures(mode, load, told, sum(_cpu_s(p.pid) for p in stack.processes) - before)


def measure(loads: tuple[Load, ...] = LOADS) -> list[Figures]:
    """Every load in every mode, in one run."""
    found: list[Figures] = []
    with process() as witness:
        bench = Bench(witness)
        found += [bench.alone(load) for load in loads for _ in range(REPEATS.get(load.name, 1))]
        for mode, scaled in (("one process", False), ("scaled", True)):
            with _stack(witness, scaled=scaled) as (stack, cookies):
                bench.through(mode, stack, cookies, loads[0])  # the first question warms pools and caches
                found += [
                    bench.through(mode, stack, cookies, load)
                    for load in loads
                    for _ in range(REPEATS.get(load.name, 1))
                ]
    return _merged(found)


@cache
def measured() -> list[Figures]:
    """`measure`, once for all promises that read from it."""
    return measure()


def _merged(found: list[Figures]) -> list[Figures]:
    """Repeats of one load as one row."""
    rows: dict[tuple[str, str], list[Figures]] = {}
    for one in found:
        rows.setdefault((one.mode, one.load), []).append(one)
    return [
        Figures(
            mode,
            load,
            sorted(ms for one in same for ms in one.ttft_ms),
            sum(one.cpu_s for one in same),
            sum(one.tokens for one in same),
            sum(one.seconds for one in same),
            sum(one.refused for one in same),
            sum(one.wrong for one in same),
        )
        for (mode, load), same in rows.items()
    ]


@contextmanager
def _stack(witness: WitnessClient, *, scaled: bool) -> Iterator[tuple[Stack, str]]:
    with tempfile.TemporaryDirectory(prefix="polylogue-bench-") as folder:
        url = f"sqlite:///{folder}/bench.sqlite3"
        if scaled:
            _administer(f'CREATE DATABASE "{_DATABASE}"')
            url = f"{ADMIN_URL.rpartition('/')[0]}/{_DATABASE}"
        try:
            env = os.environ | {"DATABASE_URL": url}
            _run([sys.executable, "-W", "ignore", "manage.py", "migrate", "-v0"], env)
            cookies = _run([sys.executable, "-W", "ignore", "-m", "benchmarks.people", "500"], env)
            quiet = {"LOG_LEVEL": "WARNING"}
            with Stack(url, Path(folder), witness.url, webs=1, workers=1, gated=False, env=quiet) as stack:
                time.sleep(6)  # LiteLLM loads in the background; that is not what is measured here
                yield stack, cookies
        finally:
            if scaled:
                _administer(f'DROP DATABASE "{_DATABASE}" WITH (FORCE)')


def _administer(statement: str) -> None:
    with psycopg.connect(ADMIN_URL, autocommit=True) as connection:
        connection.execute(statement)  # type: ignore[call-overload]  # a name of ours


def _client(kind: str, load: Load, *urls: str, cookies: str = "") -> dict[str, Any]:
    arguments = [kind, load.model, str(load.streams), str(load.per_second), *urls]
    told = _run([sys.executable, "-W", "ignore", "-m", "benchmarks.load", *arguments], dict(os.environ), cookies)
    answer: dict[str, Any] = json.loads(told.splitlines()[-1])
    return answer


def _run(command: list[str], env: dict[str, str], stdin: str = "") -> str:
    done = subprocess.run(command, cwd=ROOT, env=env, input=stdin, stdout=subprocess.PIPE, text=True, check=True)
    return done.stdout


def _cpu_s(pid: int) -> float:
    fields = Path(f"/proc/{pid}/stat").read_text(encoding="ascii").rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def _figures(mode: str, load: Load, told: dict[str, Any], cpu_s: float) -> Figures:
    return Figures(
        mode, load.name, told["ttft_ms"], cpu_s, load.tokens, told["seconds"], told["refused"], told["wrong"]
    )


def main(wanted: list[str]) -> None:
    loads = tuple(load for load in LOADS if not wanted or any(load.name.startswith(name) for name in wanted))
    found = measure(loads)
    floors = {one.load: one for one in found if one.mode == "LiteLLM SDK alone"}
    print(f"{'load':<22}{'mode':<20}{'TTFT p50':>10}{'p95':>9}{'CPU/token':>11}{'ratio':>8}{'refused':>9}{'wrong':>7}")
    for one in sorted(found, key=lambda one: [load.name for load in loads].index(one.load)):
        ratio = one.cpu_us / floors[one.load].cpu_us
        print(
            f"{one.load:<22}{one.mode:<20}{one.p50:>7.0f} ms{one.p95:>6.0f} ms{one.cpu_us:>8.0f} µs"
            f"{ratio:>8.2f}{one.refused:>9}{one.wrong:>7}"
        )


if __name__ == "__main__":
    main(sys.argv[1:])
