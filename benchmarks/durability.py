"""Nothing is lost, whatever is cut, killed, frozen or restarted: the fault suite at full size.

Each drill runs in a process of its own, on a database of its own, and does not return when an invariant of
`tests.faults.invariants` is broken. PostgreSQL and Redis are found as `tests.gates` finds them.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from pathlib import Path

import psycopg

from benchmarks.prove import promise
from benchmarks.sites import ROOT, environment
from tests.gates import DATABASE_URL


@cache
def drill(name: str, *, scaled: bool) -> dict[str, float]:
    """What `benchmarks.drills` measured."""
    with _database(scaled=scaled) as url, tempfile.TemporaryDirectory(prefix="polylogue-drill-") as folder:
        env = environment(DATABASE_URL=url, MEDIA_ROOT=folder)
        subprocess.run([sys.executable, "manage.py", "migrate", "--verbosity", "0"], cwd=ROOT, env=env, check=True)
        command = [sys.executable, "-m", "benchmarks.drills", name, folder]
        done = subprocess.run(command, cwd=ROOT, env=env, stdout=subprocess.PIPE, text=True, check=True)
    measured: dict[str, float] = json.loads(done.stdout.splitlines()[-1])
    return measured


@contextmanager
def _database(*, scaled: bool) -> Iterator[str]:
    if not scaled:
        with tempfile.TemporaryDirectory(prefix="polylogue-drill-") as folder:
            yield f"sqlite:///{Path(folder) / 'drill.sqlite3'}"
        return
    name = f"drill_polylogue_{os.getpid()}"
    with psycopg.connect(DATABASE_URL, autocommit=True) as server:
        server.execute(f"DROP DATABASE IF EXISTS {name} WITH (FORCE)")
        server.execute(f"CREATE DATABASE {name}")
        try:
            yield DATABASE_URL.rpartition("/")[0] + f"/{name}"
        finally:
            server.execute(f"DROP DATABASE {name} WITH (FORCE)")


# --- 1,000 forced disconnects at random points over 50 parallel streams ---------------------------------


@promise("cuts_1000_answers_changed_sqlite", 0)
def cuts_sqlite() -> float:
    return drill("cuts", scaled=False)["changed"]


@promise("cuts_1000_answers_changed_scaled", 0)
def cuts_scaled() -> float:
    return drill("cuts", scaled=True)["changed"]


@promise("cuts_forced", 1000, at_least=True)
def cuts_forced() -> float:
    return min(drill("cuts", scaled=scaled)["cuts"] for scaled in (False, True))


@promise("cuts_without_resume_tokens_lost", 1, at_least=True)
def cuts_control() -> float:
    return min(drill("cuts", scaled=scaled)["control_lost"] for scaled in (False, True))


# --- one of two web processes is killed under 50 streams -------------------------------------------------


@promise("web_killed_answers_changed", 0)
def web_killed_changed() -> float:
    return drill("web_killed", scaled=True)["changed"]


@promise("web_killed_longest_gap_s", 3)
def web_killed_gap() -> float:
    return drill("web_killed", scaled=True)["gap_s"]


# --- a worker is killed 50 times ------------------------------------------------------------------------


@promise("worker_killed_50_settled_s", 10)
def worker_killed_settled() -> float:
    return drill("worker_killed", scaled=True)["settled_s"]


@promise("worker_killed_50_texts_missing", 0)
def worker_killed_missing() -> float:
    return drill("worker_killed", scaled=True)["missing"]


@promise("worker_killed_50_asked_twice", 0)
def worker_killed_twice() -> float:
    return drill("worker_killed", scaled=True)["asked_twice"]


@promise("worker_killed_50_still_reserved", 0)
def worker_killed_held() -> float:
    return drill("worker_killed", scaled=True)["still_held"]


# --- two web and two worker processes are restarted one after the other under 100 streams, five times ----


@promise("rolling_5_failed_sends", 0)
def rolling_failed() -> float:
    return drill("rolling", scaled=True)["failed_sends"]


@promise("rolling_5_answers_changed", 0)
def rolling_changed() -> float:
    return drill("rolling", scaled=True)["changed"]


@promise("rolling_5_cut_though_short", 0)
def rolling_cut() -> float:
    return drill("rolling", scaled=True)["cut_though_short"]


@promise("rolling_5_not_continued", 0)
def rolling_continued() -> float:
    return drill("rolling", scaled=True)["not_continued"]


@promise("rolling_5_slowest_drain_s", 25)
def rolling_drain() -> float:
    return drill("rolling", scaled=True)["drain_s"]


# --- stop, at four moments for four shapes of providers --------------------------------------------------


@promise("stop_connection_closed_s_sqlite", 1)
def stop_sqlite() -> float:
    return drill("stops", scaled=False)["closed_s"]


@promise("stop_connection_closed_s_scaled", 1)
def stop_scaled() -> float:
    return drill("stops", scaled=True)["closed_s"]


# --- 200 readers that stop reading, beside 50 healthy streams ---------------------------------------------


@promise("stalled_200_memory_mb", 64)
def stalled_memory() -> float:
    return drill("stalled", scaled=True)["memory_mb"]


@promise("stalled_200_healthy_p99_ms", 150)
def stalled_healthy() -> float:
    return drill("stalled", scaled=True)["p99_ms"]


# --- 200 sends at once against a limit that admits ten ------------------------------------------------------


@promise("sends_200_against_10_admitted_sqlite", 10)
def limits_sqlite() -> float:
    return drill("limits", scaled=False)["admitted"]


@promise("sends_200_against_10_admitted_scaled", 10)
def limits_scaled() -> float:
    return drill("limits", scaled=True)["admitted"]


@promise("sends_200_against_10_fewest_admitted", 10, at_least=True)
def limits_fewest() -> float:
    return min(drill("limits", scaled=scaled)["admitted"] for scaled in (False, True))


# --- 200 new chats at once --------------------------------------------------------------------------------


@promise("new_chats_200_refused_sqlite", 0)
def new_chats() -> float:
    return drill("new_chats", scaled=False)["refused"]


# --- 50 people who compare four models, beside as many answers that are asked for one at a time ------------------


@promise("comparing_50_by_4_ttft_of_single_p50", 1.2)
def comparing_p50() -> float:
    """Of the lane that waited longest."""
    return drill("comparing", scaled=False)["of_single"]


@promise("comparing_50_by_4_ttft_of_single_p95", 1.2)
def comparing_p95() -> float:
    return drill("comparing", scaled=False)["of_single_p95"]
