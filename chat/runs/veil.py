"""Blind comparisons: what readers may know of an answer before they have judged it.

Until the vote nobody who reads (a page, a socket, a program) can tell which model gave which answer:

- Models are shuffled before lanes, ids and numbers are given out (`shuffle`).
- A blind run is written like any other, but nobody hears it while it speaks. When the last run of its turn has
  ended, all of them appear at once, so that speed tells nothing. To readers each consists of two events:
  1 `run.snapshot`, 2 `run.finished`. How many the log really has would tell how long it took.
- The snapshot leaves out what was thought: that somebody thinks, and how long, tells who it is. The end names
  neither tokens, cost nor times, and of an error only its code.
- A blind lane writes no documents: each is told of as it is written, and says when and by which run that was.
- `Message.veil` of the question says when this is over: a vote, or the wish to see the names, lifts it. Only
  then can a blind lane be asked again, continued or gone on with.

There are two doors. Events leave through `chat.runs.log`, whose readers (`read`, `pruned_end`, `so_far`, `states`,
`together`) keep to this; pages are made in `chat.transcripts`, where `_masked` does. What the writing model says
of itself ("As a model made by …") is its answer and stays. Which models somebody chose is no secret from them:
their list of models remembers the set, in the list's order.
"""

from __future__ import annotations

import random
from collections.abc import Collection, Iterable
from typing import Final, TypeVar
from uuid import UUID

from artifacts.tools import Tool, writing
from chat.models import Message, Run
from chat.parts import Part

LAST: Final = 2  # number of a blind run's last event

Item = TypeVar("Item")


def shuffle(items: Iterable[Item]) -> list[Item]:
    """In an order that nobody can guess."""
    mixed = list(items)
    random.SystemRandom().shuffle(mixed)
    return mixed


def said(parts: Iterable[Part]) -> list[Part]:
    """What an answer says, without what was thought before."""
    return [part for part in parts if part["type"] != "reasoning"]


def harmless(tools: Iterable[Tool]) -> tuple[Tool, ...]:
    """Those that a blind lane may use."""
    return tuple(tool for tool in tools if tool not in writing.TOOLS)


def is_down(run: Run) -> bool:
    """Whether a run's reader must not know who it is. Reads the run's question."""
    question = run.message.parent if run.message else None
    return run.blind and question is not None and question.veil == Message.Veil.DOWN


def speaking(turns: Collection[UUID]) -> set[UUID]:
    """Of these turns, those of which a run has not ended. One query, none for none."""
    if not turns:
        return set()
    return set(Run.objects.active().filter(turn__in=turns).values_list("turn", flat=True))
