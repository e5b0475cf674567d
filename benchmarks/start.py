"""A fresh clone serves its first page after one command, and a second start takes seconds."""

from __future__ import annotations

import shutil
import subprocess
import tempfile
import time
from functools import cache
from pathlib import Path

from benchmarks.prove import promise
from benchmarks.sites import ROOT, environment, running


@cache
def _started() -> tuple[float, float, float]:
    """Seconds of the first and the second `make run` in a fresh clone, and of a third after one source changed."""
    with tempfile.TemporaryDirectory(prefix="polylogue-clone-") as folder:
        clone = Path(folder) / "polylogue"
        copy(clone)
        env = environment()
        with running(["make", "run"], cwd=clone, env=env, patience_s=900) as first:
            pass
        with running(["make", "run"], cwd=clone, env=env, patience_s=60) as second:
            pass
        time.sleep(1)  # file times have whole seconds on some systems
        (clone / "static" / "js" / "app.js").touch()
        with running(["make", "run"], cwd=clone, env=env, patience_s=60) as third:
            pass
        return first, second, third


def copy(target: Path) -> None:
    """What a clone would hold, with changes that are not committed yet."""
    listed = subprocess.run(
        ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    )
    for name in listed.stdout.split("\0"):
        if name and (ROOT / name).is_file():
            (target / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(ROOT / name, target / name)


@promise("first_start_s", 300)
def first_start() -> float:
    return _started()[0]


@promise("second_start_s", 6)
def second_start() -> float:
    return _started()[1]


@promise("start_after_a_change_s", 12)
def start_after_a_change() -> float:
    return _started()[2]
