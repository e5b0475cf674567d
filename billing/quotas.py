"""Reserve, settle, release. Every step is a conditional update, so parallel requests never pass a limit.

All three want to be called inside the caller's transaction: what they change stands or falls with the
message or the end of the run that it belongs to.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, Final
from uuid import UUID

from django.db import connection
from django.db.models import DateTimeField, F, UUIDField
from django.utils import timezone
from django.utils.translation import gettext as _

from accounts.actors import Actor
from billing import plans
from billing.models import Hold, Window
from config.errors import QuotaExceeded

Kind = Window.Kind
_FOREVER: Final = datetime(2000, 1, 1, tzinfo=UTC)  # when windows that never renew opened


@dataclass(frozen=True, slots=True)
class Standing:
    """How much of a window is gone. `used` counts what is reserved as well."""

    window: str
    used: int
    limit: int
    renews_at: datetime | None

    @property
    def near_its_end(self) -> bool:
        """Time to tell the person: a fifth or less is left."""
        return self.used * 5 >= self.limit * 4

    @property
    def left(self) -> int:
        return max(0, self.limit - self.used)

    def told(self) -> dict[str, Any]:
        renews = self.renews_at.isoformat().replace("+00:00", "Z") if self.renews_at else None
        return {"window": self.window, "used": self.used, "limit": self.limit, "renews_at": renews}


def reserve(actor: Actor, run_ids: Sequence[UUID], *, surface: str, now: datetime | None = None) -> Standing:
    """Hold one answer and one place for each run. Returns how the day stands then.

    Raises QuotaExceeded, which says what is left and when it renews.

    Three statements when the windows are open already, whatever the number of runs, and the plan once a second.
    """
    now = now or timezone.now()
    taken: dict[Kind, tuple[int, int]] = {}
    limits = _limits(actor)
    for kind, limit in limits.items():
        window = _take(actor.account_id, kind, limit, len(run_ids), now)
        if window is None:
            raise _refusal(actor, kind, limit, len(run_ids), surface, now)
        taken[kind] = window
    Hold.objects.bulk_create(
        [Hold(run=run_id, window_id=window_id, amount=1) for window_id, _used in taken.values() for run_id in run_ids]
    )
    day = Kind.MESSAGES_DAY
    return Standing(str(day), taken[day][1], limits[day], _bounds(day, now)[1])


def settle(answers: Mapping[UUID, int]) -> None:
    """Runs have ended: give back what they hold and count `answers[run]` (1, or 0 for what costs nothing).

    A run without holds was settled before, or never reserved anything.
    """
    holds = list(
        Hold.objects.filter(run__in=answers)
        .select_related("window")
        .order_by("window_id", "run")
        .select_for_update(of=("self",))
    )
    if not holds:
        return
    Hold.objects.filter(pk__in=[hold.pk for hold in holds]).delete()
    given: dict[int, list[int]] = {}
    for hold in holds:
        sums = given.setdefault(hold.window_id, [0, 0])
        sums[0] += hold.amount
        sums[1] += answers[hold.run] if hold.window.kind == Kind.MESSAGES_DAY else 0
    for window_id, (reserved, used) in given.items():
        Window.objects.filter(pk=window_id).update(reserved=F("reserved") - reserved, used=F("used") + used)


def held(older_than: timedelta) -> list[UUID]:
    """Runs that have held something for longer. The caller knows which of them still go on."""
    return list(
        Hold.objects.filter(created_at__lt=timezone.now() - older_than).values_list("run", flat=True).distinct()[:500]
    )


def standing(actor: Actor, now: datetime | None = None) -> Standing:
    """What is gone of today's answers. Two queries."""
    now = now or timezone.now()
    kind = Kind.MESSAGES_DAY
    return _standing(actor.account_id, kind, _limits(actor)[kind], now)


def move(source: UUID, target: UUID) -> None:
    """A guest became somebody who was a member already: what the guest used counts for both.

    Otherwise a visitor would get a fresh allowance with each login.
    """
    for window in Window.objects.filter(account=source).exclude(used=0, reserved=0):
        theirs, _created = Window.objects.get_or_create(
            account=target, kind=window.kind, opens_at=window.opens_at, defaults={"renews_at": window.renews_at}
        )
        Window.objects.filter(pk=theirs.pk).update(
            used=F("used") + window.used, reserved=F("reserved") + window.reserved
        )
        Hold.objects.filter(window=window).update(window=theirs)
        Window.objects.filter(pk=window.pk).update(used=0, reserved=0)


def _limits(actor: Actor) -> dict[Kind, int]:
    plan = plans.of(actor.kind)
    return {Kind.MESSAGES_DAY: plan.answers_a_day, Kind.PARALLEL: plan.parallel_runs}


def _take(account: UUID, kind: Kind, limit: int, amount: int, now: datetime) -> tuple[int, int] | None:
    """Add `amount` to the open window if it fits. The window's id and what is gone of it then, or None."""
    if amount > limit:
        return None
    opens_at, renews_at = _bounds(kind, now)
    taken = _add(account, kind, limit, amount, now)
    if taken is None:
        window = Window(account=account, kind=kind, opens_at=opens_at, renews_at=renews_at)
        Window.objects.bulk_create([window], ignore_conflicts=True)  # one statement, whether it is open already or not
        taken = _add(account, kind, limit, amount, now)
    return taken


def _add(account: UUID, kind: Kind, limit: int, amount: int, now: datetime) -> tuple[int, int] | None:
    """One statement: the database decides whether it fits. The ORM cannot say RETURNING with an update."""
    stored_account = UUIDField().get_db_prep_value(account, connection)
    stored_now = DateTimeField().get_db_prep_value(now, connection)
    with connection.cursor() as cursor:
        cursor.execute(
            f"UPDATE {Window._meta.db_table} SET reserved = reserved + %s"  # noqa: S608  (our table's name)
            " WHERE account = %s AND kind = %s AND opens_at <= %s AND (renews_at IS NULL OR renews_at > %s)"
            " AND used + reserved + %s <= %s RETURNING id, used + reserved",
            [
                amount,
                stored_account,
                str(kind),
                stored_now,
                stored_now,
                amount,
                limit,
            ],
        )
        row = cursor.fetchone()
    return (row[0], row[1]) if row else None


def _open(account: UUID, kind: Kind, now: datetime) -> Any:
    windows = Window.objects.filter(account=account, kind=kind, opens_at__lte=now)
    return windows.filter(renews_at__gt=now) if kind == Kind.MESSAGES_DAY else windows


def _bounds(kind: Kind, now: datetime) -> tuple[datetime, datetime | None]:
    if kind == Kind.PARALLEL:
        return _FOREVER, None
    day = now.astimezone(UTC).replace(hour=0, minute=0, second=0, microsecond=0)
    return day, day + timedelta(days=1)


def _standing(account: UUID, kind: Kind, limit: int, now: datetime) -> Standing:
    window = _open(account, kind, now).first()
    used = window.used + window.reserved if window else 0
    return Standing(str(kind), used, limit, window.renews_at if window else _bounds(kind, now)[1])


def _refusal(actor: Actor, kind: Kind, limit: int, wanted: int, surface: str, now: datetime) -> QuotaExceeded:
    standing = _standing(actor.account_id, kind, limit, now)
    if kind == Kind.PARALLEL:
        message = _("At most %(limit)s answers are written at once. Wait for one to finish, or stop one.") % {
            "limit": limit
        }
        actions = ["wait", "stop"]
    else:
        message = _("%(used)s of %(limit)s answers are used today, and this needs %(wanted)s.") % {
            "used": standing.used,
            "limit": limit,
            "wanted": wanted,
        }
        actions = ["sign_up", "wait"] if actor.kind == "guest" else ["wait"]
    return QuotaExceeded(surface, message, details={**standing.told(), "actions": actions})


def release(run_ids: Iterable[UUID]) -> None:
    """Give back what these runs hold and count nothing."""
    settle(dict.fromkeys(run_ids, 0))
