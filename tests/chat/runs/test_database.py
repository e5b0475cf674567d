"""The engine's own connections."""

from __future__ import annotations

import time

import pytest
from django.db import transaction

from accounts.models import User
from chat.models import Chat
from chat.runs import database
from chat.runs.database import AWAY, Database

pytestmark = pytest.mark.postgresql


def _rename(chat: Chat, title: str) -> str:
    """Returns what it was called."""
    with transaction.atomic():
        locked = Chat.objects.select_for_update().get(pk=chat.pk)
        Chat.objects.filter(pk=chat.pk).update(title=title)
        return locked.title


@pytest.mark.django_db(transaction=True)
async def test_a_process_that_freezes_in_a_transaction_loses_its_locks_and_goes_on(
    ada: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(database, "IDLE_MAX_MS", 200)
    chat = await Chat.objects.acreate(tenant_id=ada.home_id, owner=ada, title="Before")

    def freeze() -> None:
        with transaction.atomic():
            _rename(chat, "Frozen")
            time.sleep(1)
            Chat.objects.filter(pk=chat.pk).update(title="Late")

    ours = Database()
    try:
        with pytest.raises(AWAY):
            await ours.write(freeze)
        assert await ours.write(_rename, chat, "After") == "Before"
    finally:
        await ours.close()
