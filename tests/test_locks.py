"""Lock files pin everything by hash and name no registry: whoever installs chooses a mirror."""

from __future__ import annotations

import json
import re
import tomllib
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
LOCKS = ("requirements-uv.txt", "requirements.txt", "requirements-dev.txt")
EVERYTHING = (
    *LOCKS,
    "package-lock.json",
    ".npmrc",
    "package.json",
    "pyproject.toml",
    "Makefile",
    ".ci/run",
    "Dockerfile",
)

pytestmark = pytest.mark.once


def pins(name: str) -> dict[str, str]:
    """Each requirement of a lock file with its version."""
    lines = (ROOT / name).read_text(encoding="utf-8").splitlines()
    found = [re.match(r"([a-z0-9._-]+)==([^ ;\\]+)", line) for line in lines]
    return {match[1]: match[2] for match in found if match}


@pytest.mark.parametrize("name", EVERYTHING)
def test_no_registry_is_recorded_in(name: str) -> None:
    text = (ROOT / name).read_text(encoding="utf-8")
    assert not re.search(r"(?m)^\s*(--(extra-)?index-url|--find-links|-i |-f )", text)
    assert not re.search(
        r"registry\s*=|\"resolved\":|://[^/\s\"]*(pypi|npmjs|pythonhosted|yarnpkg|simple|artifactory)", text
    )


@pytest.mark.parametrize("name", LOCKS)
def test_every_requirement_has_an_exact_version_and_hashes(name: str) -> None:
    text = (ROOT / name).read_text(encoding="utf-8")
    requirements = re.split(r"(?m)^(?=[A-Za-z0-9])", re.sub(r"(?m)^\s*#.*\n", "", text))
    loose = [line for line in requirements if line.strip() and not ("==" in line and "--hash=sha256:" in line)]
    assert loose == []


def test_what_develops_has_the_same_versions_as_what_runs() -> None:
    run, develop = pins("requirements.txt"), pins("requirements-dev.txt")
    assert {name: (version, develop.get(name)) for name, version in run.items() if develop.get(name) != version} == {}


def test_what_is_asked_for_is_what_is_locked() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    asked = [*project["dependencies"], *project["optional-dependencies"]["dev"]]
    exact = [re.match(r"([A-Za-z0-9._-]+)(?:\[[^]]*\])?==([^ ;]+)", line) for line in asked]
    locked = pins("requirements-dev.txt")
    assert {m[1].lower(): m[2] for m in exact if m}.items() <= locked.items()


def test_every_node_package_has_a_hash() -> None:
    lock = json.loads((ROOT / "package-lock.json").read_text(encoding="utf-8"))
    packages = {name: entry for name, entry in lock["packages"].items() if name}
    assert packages
    assert [name for name, entry in packages.items() if not entry.get("integrity", "").startswith("sha512-")] == []


def test_node_packages_run_no_scripts_while_they_are_installed() -> None:
    assert "ignore-scripts=true" in (ROOT / ".npmrc").read_text(encoding="utf-8").splitlines()
