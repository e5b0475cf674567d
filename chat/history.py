"""The list of chats beside every page: newest first, grouped by the reader's days, a page at a time."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, tzinfo
from itertools import groupby
from uuid import UUID

from django.db.models import Q
from django.urls import reverse
from django.utils import formats
from django.utils.text import capfirst
from django.utils.translation import gettext as _

from accounts.actors import Actor
from chat.models import Chat
from config.errors import BadRequest

PAGE = 40
MOST_WORDS = 8


@dataclass(frozen=True, slots=True)
class Row:
    id: UUID
    title: str
    running: bool
    unread: bool
    current: bool
    updated_at: datetime

    @property
    def url(self) -> str:
        return reverse("chat", args=[self.id])


@dataclass(frozen=True, slots=True)
class Group:
    """Chats of one day or month. `continues` the last group of the page before: it needs no second heading."""

    label: str
    continues: bool
    chats: tuple[Row, ...]


@dataclass(frozen=True, slots=True)
class History:
    """`next`: the cursor of the following page, or ""."""

    groups: tuple[Group, ...] = ()
    next: str = ""


def read(
    actor: Actor | None,
    *,
    now: datetime,
    zone: tzinfo,
    after: str = "",
    current: UUID | None = None,
    words: str = "",
) -> History:
    """A page of the actor's chats, of those only whose title holds every one of `words`. One query.

    Raises BadRequest for a cursor that is not ours.
    """
    if actor is None:
        return History()
    chats = Chat.objects.visible_to(actor).recent().with_running().with_unread().only("id", "title", "updated_at")
    for word in words.split()[:MOST_WORDS]:
        chats = chats.filter(title__icontains=word)
    before = _before(after) if after else None
    if before:
        time, chat_id = before
        chats = chats.filter(Q(updated_at__lt=time) | Q(updated_at=time, id__lt=chat_id))
    found = list(chats[: PAGE + 1])
    page, more = found[:PAGE], len(found) > PAGE
    today = now.astimezone(zone).date()
    last_label = _label(before[0].astimezone(zone).date(), today) if before else None
    return History(_groups(page, today, zone, current, last_label), _cursor(page[-1]) if more else "")


def _groups(
    chats: Sequence[Chat], today: date, zone: tzinfo, current: UUID | None, last_label: str | None
) -> tuple[Group, ...]:
    return tuple(
        Group(
            label,
            label == last_label,
            tuple(
                Row(
                    chat.id,
                    str(chat),
                    getattr(chat, "running", False),
                    getattr(chat, "unread", False),
                    chat.id == current,
                    chat.updated_at,
                )
                for chat in members
            ),
        )
        for label, members in groupby(chats, key=lambda chat: _label(chat.updated_at.astimezone(zone).date(), today))
    )


def _label(day: date, today: date) -> str:
    """Today, Yesterday, Last 7 days, else the month in the reader's language."""
    match (today - day).days:
        case age if age <= 0:
            return _("Today")
        case 1:
            return _("Yesterday")
        case age if age <= 7:
            return _("Last 7 days")
    return capfirst(formats.date_format(day, "F" if day.year == today.year else "YEAR_MONTH_FORMAT"))


def _cursor(chat: Chat) -> str:
    return f"{chat.updated_at.astimezone(UTC):%Y-%m-%dT%H:%M:%S.%fZ}_{chat.id}"


def _before(cursor: str) -> tuple[datetime, UUID]:
    written, _mark, chat_id = cursor.partition("_")
    try:
        time = datetime.strptime(written, "%Y-%m-%dT%H:%M:%S.%fZ").replace(tzinfo=UTC)
        if not 2000 <= time.year < 3000:  # the ends of time have no name in every zone
            raise ValueError
        return time, UUID(chat_id)
    except ValueError:
        raise BadRequest("sidebar", param="after") from None
