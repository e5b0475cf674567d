"""A witness in another process, seen from a test: the same methods as `Witness`, over HTTP."""

from __future__ import annotations

import contextlib
import json
import subprocess
import sys
import time
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from types import TracebackType
from typing import Any

import httpx

from .records import Record
from .server import Scripted

ROOT = Path(__file__).resolve().parents[2]


class WitnessClient:
    def __init__(self, url: str, pid: int | None = None) -> None:
        self.url, self.pid = url, pid
        self._http = httpx.Client(base_url=url, timeout=30, trust_env=False)

    def __enter__(self) -> WitnessClient:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._http.close()

    @property
    def openai_base(self) -> str:
        return f"{self.url}/v1"

    @property
    def anthropic_base(self) -> str:
        return self.url

    @property
    def gemini_base(self) -> str:
        return f"{self.url}/v1beta"

    @property
    def ollama_base(self) -> str:
        return self.url

    def requests(self, **filters: str) -> list[Record]:
        """Filters: model, user, marker (any text of the body), shape, kind ("answer", "other" or "all")."""
        return [Record.load(one) for one in self._get("/_witness/requests", filters)["requests"]]

    def request(self, number: int) -> Record:
        return Record.load(self._get(f"/_witness/requests/{number}", {}))

    def wait_for(self, predicate: Callable[[list[Record]], Any], timeout: float = 5.0, **filters: str) -> list[Record]:
        """The matching requests as soon as the predicate holds for them; raises TimeoutError showing them."""
        until = time.monotonic() + timeout
        while not predicate(records := self.requests(**filters)):
            if time.monotonic() > until:
                raise TimeoutError(f"the witness saw only {[(one.model, one.outcome) for one in records]}")
            time.sleep(0.02)
        return records

    def stats(self) -> dict[str, Any]:
        return self._get("/_witness/stats", {})

    def script(self, model: str, responses: Iterable[Scripted]) -> None:
        answer = self._http.post("/_witness/script", json={"model": model, "responses": list(responses)})
        answer.raise_for_status()

    def reset(self, *, disconnect: bool = False) -> None:
        self._http.post("/_witness/reset", params={"disconnect": "1"} if disconnect else {}).raise_for_status()

    def _get(self, path: str, params: dict[str, str]) -> dict[str, Any]:
        answer = self._http.get(path, params=params)
        answer.raise_for_status()
        data: dict[str, Any] = json.loads(answer.content)
        return data


@contextlib.contextmanager
def process(*arguments: str) -> Iterator[WitnessClient]:
    """A witness process of our own; it ends with the block, or with us."""
    command = [sys.executable, "-m", "tests.witness", "--port", "0", "--with-parent", *arguments]
    child = subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True)
    try:
        assert child.stdout is not None
        line = child.stdout.readline()
        if not line:
            raise RuntimeError(f"the witness did not start (exit code {child.wait()})")
        with WitnessClient(f"http://127.0.0.1:{json.loads(line)['port']}", child.pid) as client:
            yield client
    finally:
        child.terminate()
        try:
            child.wait(10)
        except subprocess.TimeoutExpired:
            child.kill()
            child.wait()
        if child.stdout is not None:
            child.stdout.close()
