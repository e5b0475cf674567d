"""Servers to measure: started as people start them, on a port and with a database of their own."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import tempfile
import time
import urllib.request
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
_KEPT = ("PATH", "HOME", "LANG", "TMPDIR", "SSL_CERT_FILE", "NODE_EXTRA_CA_CERTS")
_MIRRORS = ("PIP_", "UV_", "NPM_CONFIG_", "npm_config_", "HTTP_PROXY", "HTTPS_PROXY", "http_proxy", "https_proxy")


def environment(**more: str) -> dict[str, str]:
    """A plain shell: no settings of ours, but whatever says where packages come from."""
    kept = {k: v for k, v in os.environ.items() if k in _KEPT or k.startswith(_MIRRORS)}
    return kept | {"PORT": str(free_port())} | more


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@contextmanager
def running(command: Sequence[str], *, cwd: Path, env: dict[str, str], patience_s: float) -> Iterator[float]:
    """Run `command` until the block ends; gives the seconds it took until the first page came."""
    with tempfile.TemporaryFile() as output:
        started = time.monotonic()
        # A session of its own: make starts children, and all of them have to end.
        process = subprocess.Popen(
            command, cwd=cwd, env=env, stdout=output, stderr=subprocess.STDOUT, start_new_session=True
        )
        try:
            while not answers(env):
                if process.poll() is not None or time.monotonic() - started > patience_s:
                    output.seek(0)
                    raise RuntimeError(f"{' '.join(command)} did not serve:\n{output.read().decode()[-4000:]}")
                time.sleep(0.02)
            yield time.monotonic() - started
        finally:
            if process.poll() is None:
                # As Ctrl-C does. At SIGTERM make would tell its children a second time, and they would hurry.
                os.killpg(process.pid, signal.SIGINT)
                process.wait(40)


def answers(env: dict[str, str]) -> bool:
    try:
        with urllib.request.urlopen(f"http://localhost:{env['PORT']}/", timeout=5) as page:
            return bool(page.status == 200)
    except OSError:
        return False
