"""Documents for operators: what there is. Content can be read, never changed."""

from __future__ import annotations

from django.contrib import admin

from accounts.admin import RuledAdmin
from artifacts.models import Document, Suggestion, Version


@admin.register(Document)
class DocumentAdmin(RuledAdmin):
    staff_may = ("view",)
    list_display = ("title", "kind", "owner", "version", "created_at", "updated_at", "deleted_at")
    list_filter = ("kind",)
    search_fields = ("title", "owner__email")
    date_hierarchy = "created_at"
    list_select_related = ("owner",)


@admin.register(Version)
class VersionAdmin(RuledAdmin):
    staff_may = ("view",)
    list_display = ("document", "number", "author", "status", "created_at")
    list_filter = ("author", "status")
    list_select_related = ("document",)
    ordering = ("-created_at",)


@admin.register(Suggestion)
class SuggestionAdmin(RuledAdmin):
    staff_may = ("view",)
    list_display = ("document", "version", "author", "state", "created_at")
    list_filter = ("state",)
    list_select_related = ("document",)
    ordering = ("-created_at",)
