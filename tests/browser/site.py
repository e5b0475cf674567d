"""A real Polylogue as processes of its own, and a scripted model provider behind it.

On SQLite it is one process; given PostgreSQL and Redis it is `serve` and `work`, with a database of its own.
"""

from __future__ import annotations

import fcntl
import json
import os
import shutil
import socket
import sqlite3
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from functools import cached_property
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from typing import Any, Final
from urllib.parse import urlsplit, urlunsplit

import httpx
import psycopg
import redis
from psycopg import sql

from config import translations
from tests.witness.client import WitnessClient

ROOT: Final = Path(__file__).resolve().parents[2]
CHROMIUM: Final = os.environ.get("CHROMIUM") or shutil.which("chromium") or shutil.which("chromium-browser")
FLAGS: Final = ["--no-sandbox", "--disable-quic", "--disable-background-networking", "--disable-component-update"]
SIZES: Final[dict[str, dict[str, Any]]] = {
    "desktop": {"viewport": {"width": 1440, "height": 900}},
    "phone": {
        "viewport": {"width": 390, "height": 844},
        "is_mobile": True,
        "has_touch": True,
        "device_scale_factor": 2,
    },
}
# What the witness is asked to do, by the name a story gives it.
WITNESSES: Final = {
    "Quick": "w-tokens40-rate400",
    "Steady": "w-tokens200-rate80",
    "Endless": "w-forever-rate200",
    "Plodder": "w-tokens260-rate20",
    "Broken": "w-tokens60-rate200-reset30",
    "Refuser": "w-http400",
    "Mute": "w-hang",
    "Pensive": "w-reason30-tokens40-rate100",
    "Ponderer": "w-reason4000-rate40",
    "Author": "w-markdown-rate200",
    "Villain": "w-hostile-rate400",
    "Meteorologist": "w-tools-tokens12-rate200",
    "Bungler": "w-tools-badjson-tokens12-rate200",
}
TOOLS: Final = ("Meteorologist", "Bungler")


@dataclass(frozen=True)
class Site:
    """A running Polylogue. `member` can log in."""

    url: str
    member: dict[str, Any]
    database: str

    @cached_property
    def long_chat(self) -> str:
        """The id of a chat of the member's with 2,000 messages. Made when somebody asks."""
        return long_chat(self.database, self.member["email"], 1_000)

    def cloud(self, seconds: float) -> None:
        """From now on the weather service takes so long."""
        _Sky.clouds_s = seconds

    def execute(self, statement: str, *values: object) -> None:
        """What no visitor can do: change the stored truth behind a page. Written for SQLite."""
        with sqlite3.connect(self.database.removeprefix("sqlite:///"), timeout=10) as connection:
            connection.execute(statement, values)


@contextmanager
def running(
    witness: WitnessClient,
    folder: Path,
    *,
    database_url: str = "",
    redis_url: str = "",
    models: Mapping[str, str] = WITNESSES,
) -> Iterator[Site]:
    """The site until the block ends: on SQLite, or on a database of its own on the server that `database_url` names."""
    with ExitStack() as stack:
        scaled = database_url.startswith("postgres")
        database = (
            stack.enter_context(_own_database(database_url)) if scaled else f"sqlite:///{folder}/polylogue.sqlite3"
        )
        if scaled:
            with redis.Redis.from_url(redis_url) as store:
                store.flushdb()
        port = free_port()
        env = {
            **{name: value for name, value in os.environ.items() if not name.endswith("_API_KEY")},
            "DATABASE_URL": database,
            "REDIS_URL": redis_url if scaled else "",
            "MEDIA_ROOT": str(folder / "media"),
            "MODELS_FILE": str(_models(folder / "models.toml", witness, models)),
            "WEATHER_URL": stack.enter_context(_weather()),
            "WITNESS_KEY": "sk-witness",
            "PORT": str(port),
            "RATE_LIMIT_GUESTS": "10000/h",
            "RATE_LIMIT_MESSAGES": "10000/m",
            "FIRST_TOKEN_TIMEOUT_S": "12",
        }
        manage = [sys.executable, "manage.py"]
        subprocess.run([*manage, "migrate", "--verbosity", "0"], cwd=ROOT, env=env, check=True)
        seeded = subprocess.run([*manage, "seed", "--json"], cwd=ROOT, env=env, check=True, capture_output=True)
        for role in ("serve", "work") if scaled else ("serve",):
            stack.enter_context(_process([*manage, role], env, folder / f"{role}.log"))
        url = f"http://localhost:{port}"
        _wait_for(url, folder / "serve.log")
        yield Site(url, json.loads(seeded.stdout), database)


def build() -> None:
    """As `_build`, by one process at a time: the workers of a parallel run begin together."""
    lock = ROOT / "build" / ".building"
    lock.parent.mkdir(exist_ok=True)
    with lock.open("w") as held:
        fcntl.flock(held, fcntl.LOCK_EX)
        _build()


def _build() -> None:
    """`make test` has built already; whoever runs pytest alone gets a fresh bundle and the words of the tree."""
    translations.compile_all()
    bundle = ROOT / "build" / "bundle" / "style.css"
    sources = [path for path in (ROOT / "static").rglob("*") if path.is_file()]
    manifest = ROOT / "build" / "static" / "staticfiles.json"
    newest = max(path.stat().st_mtime for path in sources)
    if bundle.exists() and manifest.exists() and min(bundle.stat().st_mtime, manifest.stat().st_mtime) > newest:
        return
    node = shutil.which("node", path=f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}")
    assert node, "Node is needed to bundle static/; `make build` brings it."
    subprocess.run([node, "static/build.mjs"], cwd=ROOT, check=True)
    subprocess.run(
        [sys.executable, "manage.py", "collectstatic", "--no-input", "--verbosity", "0"], cwd=ROOT, check=True
    )


def long_chat(database_url: str, email: str, rounds: int) -> str:
    """A chat with so many questions and answers, in the database of a running site. Returns its id."""
    done = subprocess.run(
        [sys.executable, "-m", "tests.browser.long_chat", email, str(rounds)],
        cwd=ROOT,
        env={**os.environ, "DATABASE_URL": database_url, "REDIS_URL": ""},
        check=True,
        capture_output=True,
        text=True,
    )
    return done.stdout.strip()


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def _models(path: Path, witness: WitnessClient, models: Mapping[str, str]) -> Path:
    entries = [
        f'[[model]]\nid = "openai/{name}"\nlabel = "{label}"\napi_base = "{witness.openai_base}"\n'
        f'api_key_env = "WITNESS_KEY"\ncontext = 128000\nprice = {{input = 1, output = 2}}\n'
        f"abilities = {['tools'] if label in TOOLS else []}\n"
        for label, name in models.items()
    ]
    path.write_text("\n".join(entries), encoding="utf-8")
    return path


class _Sky(BaseHTTPRequestHandler):
    """The same fine morning, whatever is asked."""

    clouds_s = 0.0

    def do_GET(self) -> None:
        time.sleep(self.clouds_s)
        hours = [f"2026-05-04T{9 + number:02}:00" for number in range(12)]
        body = {
            "current": {"time": hours[0], "temperature_2m": 14.2, "weather_code": 2, "wind_speed_10m": 9, "is_day": 1},
            "hourly": {"time": hours, "temperature_2m": [14 + number % 7 for number in range(12)], "weather_code": []},
        }
        self.send_response(200)
        self.end_headers()
        self.wfile.write(json.dumps(body).encode())

    def log_message(self, *_args: object) -> None:
        pass


@contextmanager
def _weather() -> Iterator[str]:
    with ThreadingHTTPServer(("127.0.0.1", 0), _Sky) as server:
        Thread(target=server.serve_forever, name="weather", daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}/forecast"
        server.shutdown()


@contextmanager
def _own_database(server: str) -> Iterator[str]:
    """Named after this process, so that what a killed run leaves behind is found."""
    name = f"test_polylogue_{os.getpid()}_browser"
    with psycopg.connect(server, autocommit=True) as connection:
        connection.execute(sql.SQL("DROP DATABASE IF EXISTS {} WITH (FORCE)").format(sql.Identifier(name)))
        connection.execute(sql.SQL("CREATE DATABASE {}").format(sql.Identifier(name)))
        try:
            yield urlunsplit(urlsplit(server)._replace(path=f"/{name}"))
        finally:
            connection.execute(sql.SQL("DROP DATABASE {} WITH (FORCE)").format(sql.Identifier(name)))


@contextmanager
def _process(command: list[str], env: dict[str, str], log: Path) -> Iterator[None]:
    with log.open("wb") as output:
        process = subprocess.Popen(command, cwd=ROOT, env=env, stdout=output, stderr=output)
        try:
            yield
        finally:
            # Nothing here is worth waiting for: a second signal skips the grace that answers would have.
            process.terminate()
            try:
                process.wait(0.5)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()


def _wait_for(url: str, log: Path) -> None:
    until = time.monotonic() + 40
    while time.monotonic() < until:
        try:
            if httpx.get(f"{url}/health", trust_env=False).status_code == 200:
                return
        except httpx.HTTPError:
            time.sleep(0.1)
    raise RuntimeError(f"the server did not start:\n{log.read_text()}")
