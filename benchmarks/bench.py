"""How fast answers arrive and what they cost in CPU: `make bench`.

    python -m benchmarks.bench                            every load in every mode, a quarter of an hour
    python -m benchmarks.bench "1 stream" "200 at once"   loads whose name begins so
    python -m benchmarks.bench --mode relay --mode daphne modes whose name begins so
    python -m benchmarks.bench --provider anthropic       another shape than OpenAI's
    python -m benchmarks.bench --profile                  our server under a profiler; its figures are then useless

One witness, one machine, one run:

    direct     the client reads the provider itself: what nobody can beat
    relay      a loop of aiohttp that passes on what the provider says: the floor of any server
    litellm    LiteLLM's SDK alone, in the client's process
    daphne     our product, on SQLite, everything in one process; log, rights and ledger on
    uvicorn    the same on the other server
    scaled     one web and one worker process, on PostgreSQL and Redis
    workers    the same with two workers

TTFT runs from the send to the first text, seen by the client. CPU is that of the server's processes, not of the
client's (for litellm, whose client is the server, of all). Figures of one run compare with each other, not with
those of another machine, and say nothing while something else is running.
"""

from __future__ import annotations

import argparse
import json
import os
import pstats
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from statistics import median
from typing import Any

import psycopg

from benchmarks.sites import environment, running
from tests.faults import models
from tests.faults.stack import Stack
from tests.witness.client import WitnessClient, process

ROOT = Path(__file__).resolve().parent.parent
ADMIN_URL = os.environ.get("TEST_DATABASE_URL") or "postgres://postgres@127.0.0.1:5432/postgres"
_DATABASE = f"bench_polylogue_{os.getpid()}"
SCALED = ("scaled", "workers")
OURS = ("daphne", "uvicorn", *SCALED)
MODES = ("direct", "relay", "litellm", *OURS)
PROVIDERS = ("openai", "anthropic", "gemini")


@dataclass(frozen=True, slots=True)
class Load:
    """`behaviour` is the witness's: tokens of an answer, and how many it says a second. Short ones are repeated."""

    name: str
    streams: int
    behaviour: str
    per_second: float = 0
    repeats: int = 1

    @property
    def tokens(self) -> int:
        """Of one repetition."""
        return self.streams * int(self.behaviour.partition("tokens")[2].partition("-")[0])


LOADS = (
    Load("1 stream", 1, "w-tokens100-rate50", repeats=9),
    Load("25 at once", 25, "w-tokens250-rate50"),
    Load("50 at once", 50, "w-tokens250-rate50"),
    Load("200 at once", 200, "w-tokens300-rate50"),
    Load("200 at 25 a second", 200, "w-tokens300-rate50", per_second=25),
    Load("500 at once", 500, "w-tokens200-rate20"),
    # 10,000 tokens a second are on offer, from few streams: how many come through, and what does it cost?
    Load("as fast as possible", 20, "w-tokens5000-rate500"),
)
IDS = {(load.behaviour, provider): models.route(provider, load.behaviour) for load in LOADS for provider in PROVIDERS}


@dataclass(frozen=True, slots=True)
class Figures:
    """One load in one mode. `lost` and `doubled` are tokens, `refused` and `moved` answers."""

    mode: str
    load: str
    tokens: int
    cpu_s: float
    ttft_ms: list[float]
    seconds: float
    refused: int
    lost: int
    doubled: int
    moved: int

    @property
    def p50(self) -> float:
        return median(self.ttft_ms) if self.ttft_ms else float("nan")

    @property
    def p95(self) -> float:
        return self.ttft_ms[min(len(self.ttft_ms) - 1, int(len(self.ttft_ms) * 0.95))] if self.ttft_ms else float("nan")

    @property
    def cpu_us(self) -> float:
        """Microseconds of CPU for a token; ten of them are a second for 100,000 tokens."""
        return self.cpu_s / self.tokens * 1e6

    @property
    def per_second(self) -> float:
        """Tokens that came through."""
        return (self.tokens - self.lost) / self.seconds


@dataclass(frozen=True, slots=True)
class Rest:
    """What a server takes before anybody streams."""

    mode: str
    first_page_s: float
    memory_mib: float  # once it rests, after the first chats


@dataclass(slots=True)
class Report:
    figures: list[Figures] = field(default_factory=list)
    rests: list[Rest] = field(default_factory=list)

    def one(self, mode: str, load: str) -> Figures:
        return next(one for one in self.figures if (one.mode, one.load) == (mode, load))

    def rest(self, mode: str) -> Rest:
        return next(one for one in self.rests if one.mode == mode)


def measure(
    loads: Sequence[Load] = LOADS, modes: Sequence[str] = MODES, provider: str = "openai", *, profile: bool = False
) -> Report:
    """These loads in these modes, in one run."""
    report = Report()
    with process() as witness:
        for mode in modes:
            with _way(mode, witness, provider, report, profile=profile) as run:
                for load in loads:
                    one = run(load)
                    report.figures.append(one)
                    said = f"{mode}, {load.name}: {one.p50:.0f} ms, p95 {one.p95:.0f} ms, {one.cpu_us:.1f} µs a token"
                    print(said, flush=True, file=sys.stderr)  # the table comes at the end
    return report


@cache
def measured() -> Report:
    """`measure`, once for all promises that read from it."""
    return measure()


@contextmanager
def _way(mode: str, witness: WitnessClient, provider: str, report: Report, *, profile: bool) -> Iterator[Any]:
    """A function that runs a load in this mode."""

    def told(load: Load, kind: str, *urls: str, cookies: str = "", of: str = provider) -> dict[str, Any]:
        arguments = [kind, IDS[load.behaviour, of], load.streams, load.per_second, load.repeats, *urls]
        said = _run([sys.executable, "-W", "ignore", "-m", "benchmarks.load", *map(str, arguments)], stdin=cookies)
        answer: dict[str, Any] = json.loads(said.splitlines()[-1])
        return answer

    def figures(load: Load, told: dict[str, Any], cpu_s: float) -> Figures:
        return Figures(mode, load.name, load.tokens * load.repeats, **told | {"cpu_s": cpu_s})

    def ours(stack: Stack, cookies: str, load: Load) -> Figures:
        before = _cpu_s(*(p.pid for p in stack.processes))
        heard = told(load, "socket", *(f"ws://{address}/ws/" for address in stack.addresses), cookies=cookies)
        return figures(load, heard, _cpu_s(*(p.pid for p in stack.processes)) - before)

    match mode:
        case "direct":
            yield lambda load: figures(
                load, heard := told(load, "http", witness.openai_base, of="openai"), heard["cpu_s"]
            )
        case "litellm":
            base = witness.url + models.ROUTES[provider]
            yield lambda load: figures(load, heard := told(load, "sdk", base), heard["cpu_s"])
        case "relay":
            with _relay(witness) as (pid, url):

                def relayed(load: Load) -> Figures:
                    before = _cpu_s(pid)
                    heard = told(load, "http", url, of="openai")
                    return figures(load, heard, _cpu_s(pid) - before)

                yield relayed
        case _:
            with _product(mode, witness, profile=profile) as (stack, cookies, first_page_s):
                ours(stack, cookies, LOADS[0])  # the first questions warm pools and caches
                memory = sum(p.memory_at_rest() for p in stack.processes) / (1 << 20)
                report.rests.append(Rest(mode, first_page_s, memory))
                yield lambda load: ours(stack, cookies, load)


@contextmanager
def _relay(witness: WitnessClient) -> Iterator[tuple[int, str]]:
    command = [sys.executable, "-m", "benchmarks.relay", witness.openai_base]
    relay = subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True)
    try:
        assert relay.stdout is not None
        yield relay.pid, f"http://127.0.0.1:{relay.stdout.readline().strip()}"
    finally:
        relay.terminate()
        relay.wait(10)


@contextmanager
def _product(mode: str, witness: WitnessClient, *, profile: bool) -> Iterator[tuple[Stack, str, float]]:
    """Our server with 500 people who have a login, and the seconds to its first page."""
    with tempfile.TemporaryDirectory(prefix="polylogue-bench-") as folder:
        url, scaled = f"sqlite:///{folder}/bench.sqlite3", mode in SCALED
        if scaled:
            _administer(f'CREATE DATABASE "{_DATABASE}"')
            url = f"{ADMIN_URL.rpartition('/')[0]}/{_DATABASE}"
        try:
            env = os.environ | {"DATABASE_URL": url}
            server = "daphne" if scaled else mode
            _run([sys.executable, "-W", "ignore", "manage.py", "migrate", "-v0"], env)
            cookies = _run([sys.executable, "-W", "ignore", "-m", "benchmarks.people", "500"], env)
            plain = environment(DATABASE_URL=url, SERVER=server)
            with running([sys.executable, "manage.py", "serve"], cwd=ROOT, env=plain, patience_s=60) as first_page_s:
                pass
            quiet = {"LOG_LEVEL": "WARNING", "SERVER": server}
            if profile:
                quiet["PROFILE"] = f"{folder}/profile"
            workers = 2 if mode == "workers" else 1
            with Stack(url, Path(folder), witness.url, webs=1, workers=workers, gated=False, env=quiet) as stack:
                time.sleep(6)  # LiteLLM loads in the background; that is not what is measured here
                yield stack, cookies, first_page_s
                if profile:
                    _show_profiles(stack, Path(folder))
        finally:
            if scaled:
                _administer(f'DROP DATABASE "{_DATABASE}" WITH (FORCE)')


def _show_profiles(stack: Stack, folder: Path) -> None:
    for one in stack.processes:
        one.terminate()
        one.exit_code(60)
    for file in sorted(folder.glob("profile.*")):
        print(f"\n{file.suffix}")
        pstats.Stats(str(file)).sort_stats("tottime").print_stats(40)


def _administer(statement: str) -> None:
    with psycopg.connect(ADMIN_URL, autocommit=True) as connection:
        connection.execute(statement)  # type: ignore[call-overload]  # a name of ours


def _run(command: list[str], env: dict[str, str] | None = None, stdin: str = "") -> str:
    done = subprocess.run(command, cwd=ROOT, env=env, input=stdin, stdout=subprocess.PIPE, text=True, check=True)
    return done.stdout


def _cpu_s(*pids: int) -> float:
    """Seconds of processor time that these processes have taken so far."""
    total = 0
    for pid in pids:
        fields = Path(f"/proc/{pid}/stat").read_text(encoding="ascii").rpartition(")")[2].split()
        total += int(fields[11]) + int(fields[12])
    return total / os.sysconf("SC_CLK_TCK")


def show(report: Report) -> None:
    """The figures, and how they compare within the run: CPU with LiteLLM and the relay, TTFT with the direct way."""
    known = {(one.mode, one.load): one for one in report.figures}

    def ratio(one: Figures, mode: str) -> str:
        base = known.get((mode, one.load))
        return f"{one.cpu_us / base.cpu_us:.2f}" if base and base.cpu_us and one.mode != "direct" else "-"

    def over(one: Figures, of: str) -> str:
        base = known.get(("direct", one.load))
        return f"{getattr(one, of) - getattr(base, of):+.0f}" if base and one.mode != "direct" else "-"

    columns = (
        f"{'load':<21}{'mode':<9}{'TTFT p50':>9}{'p95 ms':>8}{'over direct':>14}"
        f"{'CPU µs/token':>14}{'of LiteLLM':>12}{'of relay':>10}{'s/100,000':>11}{'tokens/s':>10}"
        f"{'refused':>9}{'lost':>6}{'doubled':>9}{'moved':>7}"
    )
    print(columns)
    for one in sorted(report.figures, key=lambda one: [load.name for load in LOADS].index(one.load)):
        print(
            f"{one.load:<21}{one.mode:<9}{one.p50:>9.0f}{one.p95:>8.0f}{over(one, 'p50') + ' ' + over(one, 'p95'):>14}"
            f"{one.cpu_us:>14.1f}{ratio(one, 'litellm'):>12}{ratio(one, 'relay'):>10}{one.cpu_us / 10:>11.2f}"
            f"{one.per_second:>10.0f}{one.refused:>9}{one.lost:>6}{one.doubled:>9}{one.moved:>7}"
        )
    for rest in report.rests:
        print(
            f"{rest.mode}: first page {rest.first_page_s:.1f} s after the start of the process, "
            f"{rest.memory_mib:.0f} MiB at rest after the first chats"
        )


def main(arguments: Sequence[str]) -> None:
    parser = argparse.ArgumentParser(prog="benchmarks.bench", description="How fast answers arrive, and at what cost.")
    parser.add_argument("load", nargs="*", help=f"how names of loads begin: {', '.join(load.name for load in LOADS)}")
    parser.add_argument("--mode", action="append", default=[], help=f"how names of modes begin: {', '.join(MODES)}")
    parser.add_argument("--provider", choices=PROVIDERS, default=PROVIDERS[0])
    parser.add_argument("--profile", action="store_true", help="run our server under cProfile and print what took long")
    wanted = parser.parse_args(arguments)
    begins = tuple(f"{name} " for name in wanted.load)
    loads = [load for load in LOADS if not begins or f"{load.name} ".startswith(begins)]
    modes = [mode for mode in MODES if not wanted.mode or mode.startswith(tuple(wanted.mode))]
    if not loads or not modes:
        parser.error("there is no such load or mode")
    show(measure(loads, modes, wanted.provider, profile=wanted.profile))


if __name__ == "__main__":
    main(sys.argv[1:])
