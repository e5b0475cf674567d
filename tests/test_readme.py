"""The README is true: its tables are the code's, and its commands and its example run."""

from __future__ import annotations

import os
import re
import shlex
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.config.test_errors import FAMILY
from tests.test_settings import variables

ROOT = Path(__file__).resolve().parent.parent
README = (ROOT / "README.md").read_text(encoding="utf-8")

# Commands of the README that are not run here, and where they are.
ELSEWHERE = {
    "make run": "benchmarks/prove.py starts it in a fresh clone",
    "OPENAI_API_KEY=sk-… make run": "the same, with a key",
    "make test": "is what runs this",
    "make states": "is run by hand, for eyes",
    "make prove": "takes most of an hour",
    "make messages": "would change the catalogs",
    "make lock": "would change the lock files",
    ".venv/bin/python -m tests.gates lint types": "is part of what runs this",
    ".venv/bin/python manage.py createsuperuser --email you@example.org": "asks for a password",
}

pytestmark = [pytest.mark.once, pytest.mark.timeout(180)]


def section(title: str) -> str:
    match = re.search(rf"^## {title}$(.*?)(?=^## |\Z)", README, re.MULTILINE | re.DOTALL)
    assert match, title
    return match[1]


def fences(language: str) -> list[str]:
    return re.findall(rf"^```{language}\n(.*?)^```$", README, re.MULTILINE | re.DOTALL)


def rows(text: str) -> list[list[str]]:
    lines = [line for line in text.splitlines() if line.startswith("| `")]
    return [[cell.strip() for cell in line.strip("|").split(" | ")] for line in lines]


COMMANDS = [line for block in fences("sh") for line in block.splitlines() if line]


@pytest.fixture(scope="module")
def environment(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """A shell in which a command touches nobody's data."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    environment = {k: v for k, v in os.environ.items() if k in ("PATH", "HOME", "LANG", "PYTHONDONTWRITEBYTECODE")}
    environment["DATABASE_URL"] = f"sqlite:///{tmp_path_factory.mktemp('readme') / 'readme.sqlite3'}"
    environment["PORT"], environment["SITE_URL"] = str(port), f"http://localhost:{port}"
    manage = [sys.executable, "manage.py", "migrate", "--verbosity", "0"]
    subprocess.run(manage, cwd=ROOT, env=environment, check=True, timeout=120)
    return environment


@pytest.fixture(scope="module")
def site(environment: dict[str, str], tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The real server, on a port of its own."""
    log = tmp_path_factory.mktemp("server") / "log"
    with log.open("wb") as output:
        server = subprocess.Popen(
            [sys.executable, "manage.py", "serve"], cwd=ROOT, env=environment, stdout=output, stderr=subprocess.STDOUT
        )
    try:
        for _ in range(300):
            try:
                urllib.request.urlopen(environment["SITE_URL"] + "/health", timeout=2).close()
                break
            except OSError:
                assert server.poll() is None, log.read_text()
                time.sleep(0.1)
        else:
            raise AssertionError(log.read_text())
        yield environment["SITE_URL"]
    finally:
        server.terminate()
        server.wait(40)


def test_every_setting_is_in_the_table_and_nothing_else() -> None:
    named = {name for row in rows(section("Settings")) for name in re.findall(r"`([A-Z][A-Z0-9_]+)`", row[0])}
    assert named == variables()


def test_every_error_is_in_the_table_with_its_status() -> None:
    written = {row[0].strip("`"): (int(row[1]), row[3].strip("| ") == "yes") for row in rows(section("Errors"))}
    assert written == {kind.reason: (kind.status, kind.retryable) for kind in FAMILY}


def test_every_command_is_run_here_or_known_to_be_run_elsewhere() -> None:
    assert set(ELSEWHERE) <= set(COMMANDS), "a command that the README no longer has"


@pytest.mark.parametrize("command", [command for command in COMMANDS if command not in ELSEWHERE])
def test_a_command_of_the_readme_works(command: str, environment: dict[str, str]) -> None:
    program, *arguments = shlex.split(command)
    assert program == ".venv/bin/python"
    done = subprocess.run(
        [sys.executable, *arguments], cwd=ROOT, env=environment, capture_output=True, text=True, timeout=120
    )
    assert done.returncode == 0, done.stdout + done.stderr


def test_every_target_of_make_that_is_named_exists() -> None:
    targets = set(re.findall(r"^([a-z]+):", (ROOT / "Makefile").read_text(encoding="utf-8"), re.MULTILINE))
    assert set(re.findall(r"\bmake ([a-z]+)", README)) - {"python"} <= targets


def test_every_file_that_is_named_exists() -> None:
    named = re.findall(r"`((?:config|tests|chat|accounts|providers|api|artifacts|billing)/[\w/.]*)`", README)
    assert named
    assert [name for name in named if not (ROOT / name).exists()] == []


def test_the_example_for_the_websocket_gets_an_answer(site: str, environment: dict[str, str]) -> None:
    [example] = [block for block in fences("python") if "websockets" in block]
    done = subprocess.run(
        [sys.executable, "-c", example], cwd=ROOT, env=environment, capture_output=True, text=True, timeout=60
    )
    assert done.returncode == 0, done.stderr
    assert re.search(r"\ncomplete, \d+ tokens\n$", done.stdout), done.stdout


def test_the_example_of_a_models_file_can_be_read(environment: dict[str, str], tmp_path: Path) -> None:
    [example] = fences("toml")
    file = tmp_path / "models.toml"
    file.write_text(example, encoding="utf-8")
    tell = "from providers import catalog; print(catalog.get('openai/my-model').label)"
    done = subprocess.run(
        [sys.executable, "manage.py", "shell", "--no-imports", "-c", tell],
        cwd=ROOT,
        env=environment | {"MODELS_FILE": str(file), "MY_MODEL_KEY": "sk-test"},
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert done.stdout.strip() == "My model", done.stderr
