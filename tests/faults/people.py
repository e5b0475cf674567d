"""People with a login, made where the processes look for them."""

from __future__ import annotations

from uuid import uuid4

from django.conf import settings

from tests import cast
from tests.faults.invariants import ask_database
from tests.faults.reader import Person


def _make(number: int) -> list[Person]:
    made = []
    for _ in range(number):
        user = cast.member(f"{uuid4().hex}@example.org")
        browser = cast.browser(user)
        made.append(Person(str(user.pk), browser.cookies[settings.SESSION_COOKIE_NAME].value))
    return made


async def people(number: int) -> list[Person]:
    return await ask_database(_make, number)
