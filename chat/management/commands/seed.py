"""`manage.py seed`: a demo member with a few chats, so that nobody starts before an empty page.

It lives in this app and not in `accounts`, because it makes chats and imports go down only.
"""

from __future__ import annotations

import json
import secrets
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID, uuid5

from allauth.account.models import EmailAddress
from django.conf import settings
from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.db import transaction
from django.utils import timezone

from accounts.models import User
from chat.management.demo_chats import CHATS, Answer, DemoChat
from chat.models import Chat, Message, Run

EMAIL = "demo@polylogue.example"


class Command(BaseCommand):
    help = "Fill the database with a demo member and chats. May run again and again; refuses in production."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--json", action="store_true", help="Print how to log in as one JSON object.")

    def handle(self, *args: Any, **options: Any) -> None:
        if settings.PRODUCTION:
            raise CommandError("seed makes an account with a known password and refuses to in production.")
        member, password = fill(timezone.now())
        if options["json"]:
            access = {"email": EMAIL, "password": password, "tenant": str(member.home_id), "api_key": None}
            self.stdout.write(json.dumps(access))
        else:
            self.stdout.write(f"Demo account: {EMAIL}, password {password}")


def is_filled() -> bool:
    return User.objects.filter(email=EMAIL).exists()


@transaction.atomic
def fill(now: datetime) -> tuple[User, str]:
    """The demo member, complete, and a new password of theirs. What already exists is left as it is."""
    password = secrets.token_urlsafe(12)
    member = User.objects.filter(email=EMAIL).first() or User.objects.create_user(EMAIL, name="Demo")
    member.set_password(password)
    member.is_active = True
    member.save()
    EmailAddress.objects.update_or_create(user=member, email=EMAIL, defaults={"verified": True, "primary": True})
    for chat in CHATS:
        _write(chat, member, now)
    return member, password


def _write(demo: DemoChat, owner: User, now: datetime) -> None:
    """One chat under an id that follows from its owner and key, unless it is already there."""
    chat_id = uuid5(owner.pk, demo.key)
    if Chat.objects.filter(pk=chat_id).exists():
        return
    chat = Chat.objects.create(id=chat_id, tenant=owner.home, owner=owner, title=demo.title)
    said_at = now - demo.age
    for number, (question, answers) in enumerate(demo.turns):
        asked = Message.objects.create(
            id=uuid5(chat_id, f"question {number}"),
            chat=chat,
            parent=chat.head,
            role=Message.Role.USER,
            parts=[{"type": "text", "text": question}],
        )
        messages = [asked]
        for position, answer in enumerate(answers):
            messages.append(_answer(answer, asked, position))
            _run(answer, messages[-1], owner, said_at)
        chat.head = asked if len(answers) > 1 else messages[1]
        Message.objects.filter(pk__in=[m.pk for m in messages]).update(created_at=said_at)
        said_at += timedelta(minutes=1)
    chat.save()
    # Both columns set themselves on creation.
    Chat.objects.filter(pk=chat.pk).update(created_at=now - demo.age, updated_at=said_at)


def _answer(answer: Answer, asked: Message, position: int) -> Message:
    reasoning = [{"type": "reasoning", "text": answer.reasoning, "ms": 2_400}] if answer.reasoning else []
    return Message.objects.create(
        id=uuid5(asked.pk, f"answer {position}"),
        chat=asked.chat,
        parent=asked,
        role=Message.Role.ASSISTANT,
        model=answer.model,
        position=position,
        parts=[*reasoning, {"type": "text", "text": answer.text}],
    )


def _run(answer: Answer, message: Message, owner: User, said_at: datetime) -> None:
    """The finished run behind an answer: what the meta line under it shows."""
    tokens = max(1, len(answer.text) // 4)
    run_id: UUID = uuid5(message.pk, "run")
    asked: Any = message.parent_id
    Run.objects.create(
        id=run_id,
        tenant=owner.home,
        owner=owner,
        message=message,
        turn=asked,
        position=message.position,
        model=answer.model,
        provider="demo",
        status=Run.Status.COMPLETE,
        finish_reason="stop",
        tokens_in=40,
        tokens_out=tokens,
        tokens_reasoning=len(answer.reasoning) // 4,
        usage_source="estimated",
        cost_nano=0,
        ttft_ms=120,
        duration_ms=120 + tokens * 12,
        started_at=said_at,
        finished_at=said_at + timedelta(milliseconds=120 + tokens * 12),
    )
    Run.objects.filter(pk=run_id).update(created_at=said_at)
