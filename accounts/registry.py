"""What upper apps do when something happens to a person that only this app sees.

A guest who logs in to an account they already have brings their things along. Apps that keep things of
people register here how theirs move:

    registry.on_merge(move)     # move(guest, member), within the login's transaction
"""

from __future__ import annotations

from collections.abc import Callable

from django.db import transaction

from accounts.models import User

Merge = Callable[[User, User], None]

_merges: list[Merge] = []


def on_merge(move: Merge) -> None:
    _merges.append(move)


@transaction.atomic
def merge(guest: User, member: User) -> None:
    """Everything of `guest` becomes `member`'s, and nobody can enter as this guest any more.

    The row stays, suspended and unreachable: whatever no app moved is still there to be looked at.
    """
    guest = User.objects.select_for_update().get(pk=guest.pk)
    if not guest.is_guest or not guest.is_active or guest.pk == member.pk:
        return
    for move in _merges:
        move(guest, member)
    guest.is_active, guest.visitor = False, None
    guest.save(update_fields=["is_active", "visitor"])
    guest.end_all_logins()
