"""Settings come from the environment through one module, each with a word about what it changes."""

from __future__ import annotations

import ast
import re
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
SETTINGS = ROOT / "config" / "settings.py"
PACKAGES = ("config", "accounts", "billing", "providers", "artifacts", "chat", "api")

pytestmark = pytest.mark.once


def variables() -> set[str]:
    """The environment variables that config/settings.py reads."""
    found = set()
    for node in ast.walk(ast.parse(SETTINGS.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Call) and ast.unparse(node.func).startswith("env."):
            name = node.args[0]
            if isinstance(name, ast.Constant):
                found.add(str(name.value))
        elif isinstance(node, ast.Dict):  # providers with the names of their keys
            values = [value.value for value in node.values if isinstance(value, ast.Constant)]
            found |= {value for value in values if isinstance(value, str) and value.endswith("_API_KEY")}
    return found


def test_the_settings_are_found() -> None:
    assert {"ENVIRONMENT", "DATABASE_URL", "OPENAI_API_KEY", "LOG_LEVEL"} <= variables()


def test_each_variable_has_a_comment_that_says_what_it_changes() -> None:
    lines = SETTINGS.read_text(encoding="utf-8").splitlines()
    silent = []
    for number, line in enumerate(lines):
        if re.match(r"\s*[A-Z_]+ = .*\benv\.", line):
            above = [lines[i].strip() for i in range(max(0, number - 4), number)]
            if not any(text.startswith("#") for text in above):
                silent.append(line.strip())
    assert silent == []


def test_the_environment_is_read_in_one_place() -> None:
    """What is set there for others, such as the settings module or a switch of a library, is not reading."""
    readers = set()
    for package in PACKAGES:
        for file in (ROOT / package).rglob("*.py"):
            text = re.sub(r'os\.environ(\.setdefault\(|\["\w+"\] = )', "", file.read_text(encoding="utf-8"))
            if re.search(r"os\.environ|os\.getenv", text):
                readers.add(str(file.relative_to(ROOT)))
    assert readers == {"config/env.py"}
