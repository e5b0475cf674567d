"""Plans and what is used of them."""

from __future__ import annotations

from django.contrib import admin

from accounts.admin import RuledAdmin
from billing.models import Plan, Window


@admin.register(Plan)
class PlanAdmin(RuledAdmin):
    staff_may = ("view", "change")
    list_display = ("label", "answers_a_day", "parallel_runs")
    list_editable = ("answers_a_day", "parallel_runs")
    readonly_fields = ("name",)


@admin.register(Window)
class WindowAdmin(RuledAdmin):
    staff_may = ("view",)
    list_display = ("account", "kind", "used", "reserved", "opens_at", "renews_at")
    list_filter = ("kind",)
    search_fields = ("account",)
