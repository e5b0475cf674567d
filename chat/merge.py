"""A guest's chats, sets of models, votes and answers, also those being written, move to the account they log in to."""

from __future__ import annotations

from accounts.models import User
from chat.models import Chat, ModelSet, Run, Vote


def move(guest: User, member: User) -> None:
    """Needs a transaction. Rows are locked in the order in which the engine locks them."""
    theirs = {"tenant_id": member.home_id, "owner_id": member.pk}
    Chat.objects.filter(owner=guest).update(**theirs)
    known = ModelSet.objects.filter(**theirs).values("name")
    ModelSet.objects.filter(owner=guest).exclude(name__in=known).update(**theirs)
    runs = list(Run.objects.filter(owner=guest).order_by("pk").select_for_update().values_list("pk", flat=True))
    Run.objects.filter(pk__in=runs).update(**theirs)
    Vote.objects.filter(person=guest).update(tenant_id=member.home_id, person_id=member.pk)
