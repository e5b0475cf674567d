"""Real processes on the two ways to run, each of which can be killed, frozen and started again."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, Self
from urllib.parse import urlsplit

from django.conf import settings

from tests.faults import models
from tests.faults.services import Gate, OwnRedis, Way, free_port

ROOT = Path(settings.BASE_DIR)
READY_S = 60.0
NAME = "faults"  # what the processes call themselves to PostgreSQL
_KEPT = ("PATH", "HOME", "LANG", "TMPDIR", "LD_LIBRARY_PATH", "SERVER")


class Process:
    """One `serve` or `work`. Its log is a file that survives it."""

    def __init__(self, role: str, name: str, folder: Path, env: Mapping[str, str]) -> None:
        self.role, self.name = role, name
        self.port = free_port() if role == "serve" else 0
        self._log = folder / f"{name}.log"
        self._crash = folder / f"{name}.crash"
        self._env = dict(env) | {"CRASH_FILE": str(self._crash), **({"PORT": str(self.port)} if self.port else {})}
        self._child: subprocess.Popen[bytes] | None = None
        self._read_from = 0

    @property
    def pid(self) -> int:
        assert self._child
        return self._child.pid

    @property
    def alive(self) -> bool:
        return self._child is not None and self._child.poll() is None

    @property
    def memory(self) -> int:
        """Resident bytes."""
        pages = Path(f"/proc/{self.pid}/statm").read_text(encoding="ascii").split()[1]
        return int(pages) * os.sysconf("SC_PAGE_SIZE")

    def memory_at_rest(self) -> int:
        """Resident bytes once they stay: what is imported in the background is imported."""
        known = [self.memory]
        until = time.monotonic() + READY_S
        while len(known) < 9 or max(known[-8:]) - min(known[-8:]) > 1024 * 1024:
            assert time.monotonic() < until, f"{self.name} does not come to rest"
            time.sleep(0.25)
            known.append(self.memory)
        return known[-1]

    @property
    def log(self) -> str:
        return self._log.read_text(encoding="utf-8", errors="replace") if self._log.exists() else ""

    def start(self, *prefix: str, env: Mapping[str, str] | None = None) -> None:
        """Launch; `prefix` goes before the interpreter (`faketime …`)."""
        self.spare()
        self._read_from = self._log.stat().st_size if self._log.exists() else 0
        with self._log.open("ab") as log:
            self._child = subprocess.Popen(
                [*prefix, sys.executable, "-m", "tests.faults.launch", self.role],
                cwd=ROOT,
                env=self._env | dict(env or {}),
                stdout=log,
                stderr=log,
            )

    def wait_ready(self) -> None:
        until = time.monotonic() + READY_S
        while not self._is_ready():
            if not self.alive or time.monotonic() > until:
                raise RuntimeError(f"{self.name} did not start:\n{self.log[-3000:]}")
            time.sleep(0.05)

    def _is_ready(self) -> bool:
        said = self.log[self._read_from :] if self._read_from else self.log
        return ("Polylogue is on" if self.role == "serve" else "Polylogue works.") in said

    def kill(self) -> None:
        """As the kernel does when memory is short."""
        assert self._child
        self._child.kill()
        self._child.wait()

    def terminate(self) -> None:
        assert self._child
        self._child.terminate()

    def freeze(self) -> None:
        assert self._child
        self._child.send_signal(signal.SIGSTOP)

    def thaw(self) -> None:
        assert self._child
        self._child.send_signal(signal.SIGCONT)

    def exit_code(self, timeout: float) -> int:
        """Wait for the end. Raises TimeoutExpired."""
        assert self._child
        return self._child.wait(timeout)

    def die_at(self, label: str, number: int = 1) -> None:
        """Die when it gets to this crash point for the n-th time from now."""
        part = self._crash.with_suffix(".part")
        part.write_text(f"{label}\n{number}", encoding="utf-8")
        part.replace(self._crash)

    def spare(self) -> None:
        self._crash.unlink(missing_ok=True)

    def logged(self, level: str = "error") -> list[dict[str, Any]]:
        """Log lines of this level, whole."""
        found = []
        for line in self.log.splitlines():
            with contextlib.suppress(ValueError):
                entry = json.loads(line)
                if isinstance(entry, dict) and entry.get("level") == level:
                    found.append(entry)
        return found

    def close(self) -> None:
        if self.alive:
            assert self._child
            self._child.send_signal(signal.SIGCONT)
            self._child.kill()
            self._child.wait()


class Stack:
    """`with Stack(...) as stack:` runs until the block ends. `database_url` is migrated already."""

    def __init__(
        self,
        database_url: str,
        folder: Path,
        witness_url: str,
        *,
        webs: int = 2,
        workers: int = 2,
        gated: bool = True,
        env: Mapping[str, str] | None = None,
    ) -> None:
        self.folder = folder
        self.scaled = not database_url.startswith("sqlite")
        self._exits = contextlib.ExitStack()
        self.gate: Gate | None = None
        self.redis: OwnRedis | None = None
        models_file = folder / "models.toml"
        models.write(models_file, witness_url)
        self._env = {key: value for key, value in os.environ.items() if key in _KEPT} | {
            "PYTHONPATH": str(ROOT),
            "PGAPPNAME": NAME,
            "MODELS_FILE": str(models_file),
            "MEDIA_ROOT": str(folder / "media"),
            "WITNESS_KEY": models.KEY,
            "WEATHER_URL": f"{witness_url}/weather",
            "LOG_LEVEL": "INFO",
            "RATE_LIMIT_MESSAGES": "100000/m",
            **(env or {}),
        }
        if self.scaled:
            self.redis = OwnRedis(folder)
            parts = urlsplit(database_url)
            self.gate = Gate(parts.hostname or "127.0.0.1", parts.port or 5432) if gated else None
            host = f"{parts.username or 'postgres'}{':' + parts.password if parts.password else ''}@127.0.0.1"
            port = self.gate.port if self.gate else parts.port or 5432
            self._env |= {"DATABASE_URL": f"postgres://{host}:{port}{parts.path}", "REDIS_URL": self.redis.url}
        else:
            self._env["DATABASE_URL"] = database_url
        self.webs = [
            Process("serve", f"web{number}", folder, self._env) for number in range(webs if self.scaled else 1)
        ]
        self.workers = [
            Process("work", f"worker{number}", folder, self._env) for number in range(workers if self.scaled else 0)
        ] or self.webs[:1]

    def __enter__(self) -> Self:
        with contextlib.ExitStack() as exits:
            if self.redis:
                self.redis.start()
                exits.callback(self.redis.kill)
            if self.gate:
                exits.enter_context(self.gate)
            for process in self.processes:
                exits.callback(process.close)
            self.ensure()
            self._exits = exits.pop_all()
        return self

    def __exit__(self, *exc_info: object) -> None:
        self._exits.close()

    @property
    def processes(self) -> list[Process]:
        return list(dict.fromkeys([*self.webs, *self.workers]))

    @property
    def addresses(self) -> list[str]:
        """Where pages may connect, as a load balancer knows it."""
        return [f"127.0.0.1:{web.port}" for web in self.webs]

    def ensure(self) -> None:
        """Everything is as it should be: services answer, every process runs."""
        if self.gate and self.gate.way is not Way.OPEN:
            self.gate.set(Way.OPEN)
        if self.redis and not self.redis.answers():
            self.redis.restart()
        dead = [process for process in self.processes if not process.alive]
        for process in self.processes:
            process.spare()
        for process in dead:
            process.start()
        for process in dead:
            process.wait_ready()
        for web in (process for process in dead if process.role == "serve"):
            with urllib.request.urlopen(f"http://127.0.0.1:{web.port}/health", timeout=30):
                pass

    def holder(self, worker_name: str) -> Process:
        """The process that signed up under this name (`host:pid`)."""
        pid = int(worker_name.rpartition(":")[2])
        return next(process for process in self.workers if process.pid == pid)

    def errors(self) -> list[dict[str, Any]]:
        """What any process logged as an error, since it was started the first time."""
        return [entry for process in self.processes for entry in process.logged()]


@contextlib.contextmanager
def frozen(process: Process) -> Iterator[None]:
    process.freeze()
    try:
        yield
    finally:
        process.thaw()
