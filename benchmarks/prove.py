"""What the project promises, measured at full size: `make prove`.

    python -m benchmarks.prove                  everything
    python -m benchmarks.prove second_start     only measurements whose name contains this

Each line is `name value limit PASS|FAIL`; the unit is part of the name. A measurement is a function that
returns its value, decorated with `@promise(name, limit)` in a module that PROMISES lists; those that share
an expensive beginning take it from a cached function. The exit status is 1 when anything failed.
"""

from __future__ import annotations

import importlib
import sys
import time
import traceback
from collections.abc import Callable
from dataclasses import dataclass

# In this order: what is quick comes first.
PROMISES = (
    "benchmarks.start",
    "benchmarks.first_page",
    "benchmarks.closing",
    "benchmarks.reading",
    "benchmarks.durability",
    "benchmarks.speed",
)

Measure = Callable[[], float]


@dataclass(frozen=True, slots=True)
class Promise:
    """`limit` is the most that is allowed, or the least with `at_least`."""

    name: str
    limit: float
    at_least: bool
    measure: Measure

    def holds(self, value: float) -> bool:
        return value >= self.limit if self.at_least else value <= self.limit


REGISTRY: list[Promise] = []


def promise(name: str, limit: float, *, at_least: bool = False) -> Callable[[Measure], Measure]:
    def register(measure: Measure) -> Measure:
        REGISTRY.append(Promise(name, limit, at_least, measure))
        return measure

    return register


def main(wanted: list[str]) -> int:
    for module in PROMISES:
        importlib.import_module(module)
    # Run as a module, this file exists twice; what was registered is in the one that others import.
    registry = importlib.import_module("benchmarks.prove").REGISTRY
    chosen = [p for p in registry if not wanted or any(word in p.name for word in wanted)]
    started, failed = time.monotonic(), 0
    for one in chosen:
        try:
            value = one.measure()
            ok, shown = one.holds(value), f"{value:.4g}"
        except Exception:  # the other promises are measured all the same
            traceback.print_exc()
            ok, shown = False, "-"
        failed += not ok
        print(f"{one.name:<36} {shown:>9} {one.limit:>9g} {'PASS' if ok else 'FAIL'}", flush=True)
    print(f"\n{len(chosen) - failed} kept, {failed} broken, in {time.monotonic() - started:.0f} s")
    return 1 if failed or not chosen else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
