"""Chats and runs for operators: what happened and what it cost. Content can be read, never changed."""

from __future__ import annotations

from typing import Any

from django.contrib import admin
from django.db.models import Count, QuerySet
from django.http import HttpRequest
from django.utils.translation import gettext_lazy as _

from accounts.admin import RuledAdmin
from chat.models import Chat, Message, Run, Worker


class MessageInline(admin.TabularInline):  # type: ignore[type-arg]  # generic only in the stubs
    model = Message
    fk_name = "chat"
    extra = 0
    can_delete = False
    fields = readonly_fields = ("created_at", "role", "model", "said")
    ordering = ("created_at", "position")

    @admin.display(description=_("said"))
    def said(self, message: Message) -> str:
        return message.text[:2000]

    def has_add_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False


@admin.register(Chat)
class ChatAdmin(RuledAdmin):
    staff_may = ("view", "delete")
    list_display = ("__str__", "owner", "messages_count", "created_at", "updated_at")
    search_fields = ("title", "owner__email")
    date_hierarchy = "created_at"
    list_select_related = ("owner",)
    fields = ("title", "owner", "tenant", "created_at", "updated_at")
    inlines = (MessageInline,)

    def get_queryset(self, request: HttpRequest) -> QuerySet[Chat]:
        return super().get_queryset(request).annotate(messages_count=Count("messages"))

    @admin.display(description=_("messages"), ordering="messages_count")
    def messages_count(self, chat: Any) -> int:
        return int(chat.messages_count)


@admin.register(Run)
class RunAdmin(RuledAdmin):
    staff_may = ("view",)
    list_display = (
        "model",
        "status",
        "owner",
        "tokens_in",
        "tokens_out",
        "cost",
        "ttft_ms",
        "duration_ms",
        "error_code",
        "created_at",
    )
    list_filter = ("status", "provider", "usage_source")
    search_fields = ("id", "model", "owner__email", "error_code")
    date_hierarchy = "created_at"
    list_select_related = ("owner",)

    @admin.display(description=_("cost (USD)"), ordering="cost_nano")
    def cost(self, run: Run) -> str:
        return "" if run.cost_nano is None else f"{run.cost_nano / 1e9:.6f}"


@admin.register(Worker)
class WorkerAdmin(RuledAdmin):
    staff_may = ("view",)
    list_display = ("name", "started_at", "seen_at")


# The queue's own table says no more than "look at run X", and runs have their page.
for _model in [model for model in admin.site._registry if model._meta.app_label == "procrastinate"]:
    admin.site.unregister(_model)
