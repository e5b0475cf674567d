"""The family of demo models: what their ids mean.

demo            reads the request: answers in prose or markdown, calls the fitting tool
demo/fast       the same at 400 tokens/s          demo/fast@N    at N tokens/s
demo/slow       the same at 8 tokens/s            demo/slow@N    at N tokens/s
demo/reason     thinks aloud first                demo/reason@N  for N tokens
demo/long       2,000 tokens                      demo/long@N    N tokens
demo/count@N    `w0001 w0002 …`, N tokens as fast as they can be read
demo/late@N     silent for N seconds, then an answer
demo/silent     never says anything               demo/silent@N  falls silent after N tokens
demo/fail@N     the provider fails after N tokens (0: before any)
demo/break@N    the connection ends after N tokens, without an end of the answer
demo/busy       too many requests                 demo/busy@N    come back in N seconds
demo/cut@N      the token limit is reached after N tokens
demo/filter@N   a content policy stops the answer after N tokens
demo/empty      ends without a word
demo/tool       calls the first tool it is offered, whatever is asked
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final

from providers.specs import ModelSpec
from providers.usage import FREE

NORMAL_RATE: Final = 60.0

# behaviour: the number it has when none is written; None where one must be written.
_DEFAULTS: Final[dict[str, int | None]] = {
    "fast": 400,
    "slow": 8,
    "reason": 60,
    "long": 2000,
    "count": 500,
    "late": 10,
    "silent": 0,
    "fail": None,
    "break": None,
    "busy": 5,
    "cut": None,
    "filter": None,
    "empty": 0,
    "tool": 0,
}
_ID: Final = re.compile(r"demo(?:/(?P<kind>[a-z]+)(?:@(?P<number>\d{1,6}))?)?")
_LABELS: Final = {"fast": "fast", "slow": "slow", "reason": "thinks first", "long": "long answer"}


@dataclass(frozen=True, slots=True)
class Behaviour:
    kind: str = ""
    number: int = 0

    @property
    def rate(self) -> float:
        """Tokens a second; infinite for `count`."""
        if self.kind in {"fast", "slow"}:
            return float(max(1, self.number))
        return float("inf") if self.kind == "count" else NORMAL_RATE


def behaviour(model_id: str) -> Behaviour | None:
    found = _ID.fullmatch(model_id)
    if found is None:
        return None
    kind, number = found["kind"], found["number"]
    if kind is None:
        return Behaviour()
    if kind not in _DEFAULTS:
        return None
    written = int(number) if number else _DEFAULTS[kind]
    return None if written is None else Behaviour(kind, written)


def parse(model_id: str) -> ModelSpec | None:
    """The demo model of that id, or None."""
    asked = behaviour(model_id)
    return None if asked is None else _spec(model_id, asked)


def _spec(model_id: str, asked: Behaviour) -> ModelSpec:
    name = _LABELS.get(asked.kind, asked.kind)
    return ModelSpec(
        id=model_id,
        label=f"Demo, {name} – not an AI" if name else "Demo – not an AI",
        context=128_000,
        max_output=200_000,
        price=FREE,
        abilities=frozenset({"vision", "tools", "reasoning"} if asked.kind == "reason" else {"vision", "tools"}),
        roles=_roles(asked),
        listed=model_id == "demo" or (asked.kind in _LABELS and "@" not in model_id),
    )


def _roles(asked: Behaviour) -> tuple[str, ...]:
    """Those that only differ in speed write documents themselves, each at its own."""
    if not asked.kind:
        return ("chat", "title", "artifact")
    return ("chat", "artifact") if asked.kind in {"fast", "slow", "reason"} else ("chat",)


LISTED: Final = tuple(
    _spec(name, behaviour(name) or Behaviour())
    for name in ("demo", "demo/reason", "demo/fast", "demo/slow", "demo/long")
)
DEFAULT: Final = LISTED[0]
