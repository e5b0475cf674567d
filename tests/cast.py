"""The people of the tests, and what belongs to them.

Ada owns it, Grace shares her tenant, Eve is a stranger, a guest has no account. `tests.conftest` hands
them out as fixtures; a test that needs a crowd calls the functions here.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache
from typing import Any

from allauth.account.models import EmailAddress
from django.contrib.auth.hashers import make_password
from django.test import Client
from django.utils import timezone

from accounts.actors import Actor
from accounts.models import Login, Membership, User
from chat.models import Chat, Message, Run
from config.ids import uuid7

PASSWORD = "correct horse battery staple"


def member(email: str, **fields: Any) -> User:
    """A member with PASSWORD and a confirmed address."""
    user = User.objects.create_user(email, **fields)
    # Hashed once for everybody: it is slow on purpose.
    User.objects.filter(pk=user.pk).update(password=_hashed())
    user.refresh_from_db()
    EmailAddress.objects.create(user=user, email=user.email, verified=True, primary=True)
    return user


def colleague(of: User, email: str, **fields: Any) -> User:
    """A member who also belongs to the tenant of `of`."""
    user = member(email, **fields)
    Membership.objects.create(user=user, tenant=of.home)
    return user


def guest() -> User:
    return User.objects.create_guest(uuid7())


def browser(user: User | None = None, **options: Any) -> Client:
    """A test client, logged in as `user`. `options` go to the client: `enforce_csrf_checks=True`."""
    client = Client(**options)
    if user is not None:
        client.force_login(user)
    return client


def actor_of(user: User) -> Actor:
    login = Login.objects.create(user=user, device="test")
    return Actor(
        user.pk,
        User.Kind(user.kind),
        user.home_id,
        login.pk,
        user.auth_epoch,
        user.account,
        user.is_staff,
    )


def make_chat(
    *,
    owner: User,
    models: Sequence[str] = ("demo",),
    question: str = "What is a monad?",
    answer: str = "A monoid in the category of endofunctors.",
    title: str = "Monads",
    status: Run.Status = Run.Status.COMPLETE,
) -> Chat:
    """A chat with one question and one answer for each of `models`, each with its run."""
    chat = Chat.objects.create(tenant=owner.home, owner=owner, title=title)
    asked = Message.objects.create(chat=chat, role=Message.Role.USER, parts=[{"type": "text", "text": question}])
    ended = status not in Run.ACTIVE
    for position, model in enumerate(models):
        message = Message.objects.create(
            chat=chat,
            role=Message.Role.ASSISTANT,
            parent=asked,
            position=position,
            model=model,
            parts=[{"type": "text", "text": answer}] if ended else [],
        )
        Run.objects.create(
            tenant=owner.home,
            owner=owner,
            message=message,
            turn=asked.pk,
            position=position,
            model=model,
            status=status,
            finished_at=timezone.now() if ended else None,
        )
        chat.head = message
    chat.save(update_fields=["head"])
    return chat


@cache
def _hashed() -> str:
    return make_password(PASSWORD)
