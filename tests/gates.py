"""Everything that `make test` checks, in the order in which it is cheapest to be wrong.

    python -m tests.gates               all of it
    python -m tests.gates lint types    only these

PostgreSQL and Redis are used when TEST_DATABASE_URL and TEST_REDIS_URL name them, or else when they answer
on 127.0.0.1:5432 (user postgres, no password) and 127.0.0.1:6379. What cannot run is skipped and said at
the end; with CI=true a skip is a failure. The last line counts: a test is one, a tool is one.
"""

from __future__ import annotations

import base64
import os
import secrets
import shutil
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from xml.etree import ElementTree

import psycopg
import redis
from psycopg import sql

ROOT = Path(__file__).resolve().parent.parent
REPORTS = ROOT / "build" / "reports"
DATABASE_URL = os.environ.get("TEST_DATABASE_URL") or "postgres://postgres@127.0.0.1:5432/postgres"
REDIS_URL = os.environ.get("TEST_REDIS_URL") or "redis://127.0.0.1:6379/0"
CI = os.environ.get("CI", "").lower() in {"1", "true", "yes"}

PYTHON = sys.executable
TOOLS = Path(PYTHON).parent
PYTEST = (PYTHON, "-m", "pytest", "-q")
SUITES = (*PYTEST, "-n", "2", "--ignore=tests/browser", "--ignore=tests/faults")
# Alone: they start processes, kill them and wait for leases; beside other tests they would time the others.
FAULTS = (*PYTEST, "tests/faults", "--junitxml={report}")
SERVERS = {"DATABASE_URL": DATABASE_URL, "REDIS_URL": REDIS_URL}
PRODUCTION = {
    "ENVIRONMENT": "production",
    "SECRET_KEY": secrets.token_urlsafe(64),
    "DATABASE_URL": "postgres://polylogue@db/polylogue",
    "KEY_ENCRYPTION_KEYS": f"2025:{base64.b64encode(secrets.token_bytes(32)).decode()}",
    "SITE_URL": "https://chat.example.org",
}


@dataclass(frozen=True, slots=True)
class Gate:
    """One check. `needs` are services it is skipped without; `{report}` in the command counts its tests. One that is
    `beside` the next runs at the same time: both mostly wait."""

    name: str
    command: tuple[str | Path, ...]
    env: Mapping[str, str] = field(default_factory=dict)
    needs: tuple[str, ...] = ()
    beside: bool = False


GATES = (
    Gate("lint", (TOOLS / "ruff", "check", ".")),
    Gate("format", (TOOLS / "ruff", "format", "--check", ".")),
    Gate("layers", (TOOLS / "lint-imports",)),
    Gate("migrations", (PYTHON, "manage.py", "makemigrations", "--check", "--dry-run")),
    Gate("deploy", (PYTHON, "manage.py", "check", "--deploy", "--fail-level", "WARNING"), env=PRODUCTION),
    Gate("types", (TOOLS / "mypy", ".")),
    Gate(
        "javascript",
        (
            *(TOOLS / "node", "--test", "--test-reporter=spec", "--test-reporter-destination=stdout"),
            *("--test-reporter=junit", "--test-reporter-destination={report}", "tests/js/**/*.test.js"),
        ),
    ),
    Gate("sqlite", (*SUITES, "--junitxml={report}")),
    Gate("postgresql", (*SUITES, "--junitxml={report}"), env=SERVERS, needs=("PostgreSQL", "Redis")),
    Gate("faults", FAULTS, beside=True),
    Gate("faults-scaled", FAULTS, env=SERVERS, needs=("PostgreSQL", "Redis")),
    Gate("browser", (*PYTEST, "-n", "2", "tests/browser", "--junitxml={report}"), needs=("Chromium",)),
    Gate(
        "browser-scaled",
        (*PYTEST, "-n", "2", "tests/browser", "--junitxml={report}"),
        env=SERVERS,
        needs=("PostgreSQL", "Redis", "Chromium"),
    ),
)


def main(names: list[str]) -> int:
    """Run the gates called `names`, or all. 0 when nothing failed, and in CI nothing was skipped either."""
    if unknown := set(names) - {gate.name for gate in GATES}:
        print(f"No such gate: {', '.join(sorted(unknown))}. There are: {', '.join(gate.name for gate in GATES)}.")
        return 2
    shutil.rmtree(REPORTS, ignore_errors=True)
    REPORTS.mkdir(parents=True)
    total: Counter[str] = Counter(passed=0, failed=0, skipped=0)
    notes: list[str] = []
    missing = missing_services()
    runnable = []
    for gate in (gate for gate in GATES if not names or gate.name in names):
        if away := [missing[service] for service in gate.needs if service in missing]:
            print(f"{gate.name:<14}        SKIPPED", flush=True)
            total["skipped"] += 1
            notes += [f"{gate.name}: {how}" for how in away]
        else:
            runnable.append(gate)
    for group in side_by_side(runnable):
        with ThreadPoolExecutor(len(group)) as pool:
            for gate, (counts, reasons) in zip(group, pool.map(run, group), strict=True):
                total += counts  # keeps only what is positive; missing keys read as 0
                notes += [f"{gate.name}: {reason}" for reason in reasons]
    if notes:
        print("\nSKIPPED, SO NOT CHECKED:")
        print("\n".join(f"  {note}" for note in dict.fromkeys(notes)))
    if CI and total["skipped"]:
        print("\nCI=true, and nothing may be skipped there: this run has FAILED.")
    print(f"\n{total['passed']} passed, {total['failed']} failed, {total['skipped']} skipped")
    return 1 if total["failed"] or (CI and total["skipped"]) else 0


def side_by_side(gates: Iterable[Gate]) -> Iterator[list[Gate]]:
    """In order, those that run at the same time together."""
    group: list[Gate] = []
    for gate in gates:
        group.append(gate)
        if not gate.beside:
            yield group
            group = []
    if group:
        yield group


def missing_services() -> dict[str, str]:
    """What is not here, each with the reason and how to get it."""
    missing = {}
    try:
        with psycopg.connect(DATABASE_URL, connect_timeout=3, autocommit=True) as connection:
            _drop_left_behind(connection)
    except psycopg.Error as exc:
        reason = str(exc).strip().splitlines()[0]
        missing["PostgreSQL"] = f"no PostgreSQL ({reason}). Start one on 127.0.0.1:5432 or set TEST_DATABASE_URL."
    try:
        with redis.Redis.from_url(REDIS_URL, socket_timeout=3) as server:
            server.ping()
    except redis.RedisError as exc:
        missing["Redis"] = f"no Redis ({exc}). Start one on 127.0.0.1:6379 or set TEST_REDIS_URL."
    if not any(shutil.which(name) for name in ("chromium", "chromium-browser", "google-chrome")):
        missing["Chromium"] = "no Chromium. Install the package chromium."
    return missing


def _drop_left_behind(connection: psycopg.Connection) -> None:
    """Test databases are named after their process. Those of processes that were killed stay behind."""
    rows = connection.execute("SELECT datname FROM pg_database WHERE datname LIKE 'test\\_polylogue\\_%'").fetchall()
    for (name,) in rows:
        pid = name.split("_")[2]
        if pid.isdigit() and not Path(f"/proc/{pid}").exists() and Path("/proc/self").exists():
            with suppress(psycopg.errors.ObjectInUse):  # of another machine
                connection.execute(sql.SQL("DROP DATABASE IF EXISTS {}").format(sql.Identifier(name)))


def run(gate: Gate) -> tuple[Counter[str], list[str]]:
    """Run one gate, show what it said if it failed, and count. Also the reasons of tests that were skipped."""
    report = REPORTS / f"{gate.name}.xml"
    command = [str(part).replace("{report}", str(report)) for part in gate.command]
    environment = {k: v for k, v in os.environ.items() if k not in ("DATABASE_URL", "REDIS_URL")}
    started = time.monotonic()
    done = subprocess.run(
        command, cwd=ROOT, env={**environment, **gate.env}, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
    )
    ok = done.returncode == 0
    print(f"{gate.name:<14} {time.monotonic() - started:5.1f} s {'ok' if ok else 'FAILED'}", flush=True)
    (REPORTS / f"{gate.name}.log").write_text(done.stdout, encoding="utf-8")
    if not ok:
        print(done.stdout, flush=True)
    counts, reasons = read(report) if report.exists() else (Counter(passed=int(ok)), [])
    if not ok and not counts["failed"]:
        counts["failed"] = 1
    return counts, reasons


def read(report: Path) -> tuple[Counter[str], list[str]]:
    """Counts and reasons of skips in a JUnit file, as pytest and node write it."""
    counts: Counter[str] = Counter()
    reasons = []
    for case in ElementTree.parse(report).iter("testcase"):
        if case.find("failure") is not None or case.find("error") is not None:
            counts["failed"] += 1
        elif (skip := case.find("skipped")) is not None:
            counts["skipped"] += 1
            reasons.append(f"{case.get('name')}: {skip.get('message') or 'no reason given'}")
        else:
            counts["passed"] += 1
    return counts, reasons


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
