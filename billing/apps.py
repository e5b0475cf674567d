from __future__ import annotations

from typing import Any

from django.apps import AppConfig
from django.db.models.signals import post_migrate


class BillingConfig(AppConfig):
    """Money: plans, quotas, the ledger."""

    name = "billing"

    def ready(self) -> None:
        from accounts import registry
        from billing import quotas

        registry.on_merge(lambda guest, member: quotas.move(guest.account, member.account))
        post_migrate.connect(_create_plans, sender=self)


def _create_plans(sender: Any, using: str, **kwargs: Any) -> None:
    """Every database has a plan for each kind of person, with the numbers we begin with. Those that exist stay."""
    from billing.models import Plan

    for name, label, answers, parallel in (("guest", "Guest", 20, 6), ("member", "Member", 100, 24)):
        defaults = {"label": label, "answers_a_day": answers, "parallel_runs": parallel}
        Plan.objects.using(using).get_or_create(name=name, defaults=defaults)
