"""`python -m tests.faults.launch serve|work`: manage.py, with places to die at.

While the file CRASH_FILE holds `label` and a number, the process kills itself the way SIGKILL does when it
gets to that label for the n-th time. It never outlives whoever launched it. With PROFILE its main thread is watched,
and what took how long is left in `<PROFILE>.<role>` when it has ended in order.
"""

from __future__ import annotations

import cProfile
import os
import signal
import sys
import threading
import time
from collections import Counter
from pathlib import Path

from django.core.management import execute_from_command_line

from chat.runs import crashpoints


def die_at(file: Path) -> None:
    reached: Counter[str] = Counter()

    def on_reach(label: str) -> None:
        try:
            wanted, _, number = file.read_text(encoding="utf-8").partition("\n")
        except OSError:
            reached.clear()
            return
        reached[label] += 1
        if label == wanted and reached[label] >= int(number or 1):
            os.kill(os.getpid(), signal.SIGKILL)

    crashpoints.on_reach = on_reach


def die_with(parent: int) -> None:
    def watch() -> None:
        while os.getppid() == parent:
            time.sleep(1)
        os.kill(os.getpid(), signal.SIGKILL)

    threading.Thread(target=watch, name="parent", daemon=True).start()


if __name__ == "__main__":
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")
    die_with(os.getppid())
    die_at(Path(os.environ.pop("CRASH_FILE")))
    if profile := os.environ.pop("PROFILE", ""):
        cProfile.run('execute_from_command_line(["manage.py", *sys.argv[1:]])', f"{profile}.{sys.argv[1]}")
    else:
        execute_from_command_line(["manage.py", *sys.argv[1:]])
