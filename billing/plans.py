"""What each kind of person may use, read at most once a second."""

from __future__ import annotations

import time
from typing import Final

from django.db.models.signals import post_delete, post_save

from billing.models import Plan

# A change in the admin is in force everywhere after this; a send need not ask for what hardly ever changes.
FRESH_S: Final = 1.0

_read: dict[str, Plan] = {}
_read_at = float("-inf")


def of(kind: str) -> Plan:
    """The plan of guests or of members. Raises KeyError for another kind."""
    global _read, _read_at
    if time.monotonic() - _read_at > FRESH_S or kind not in _read:
        _read = {plan.name: plan for plan in Plan.objects.all()}
        _read_at = time.monotonic()
    return _read[kind]


def forget(**kwargs: object) -> None:
    """Read again: a plan was changed in this process."""
    global _read_at
    _read_at = float("-inf")


post_save.connect(forget, sender=Plan)
post_delete.connect(forget, sender=Plan)
