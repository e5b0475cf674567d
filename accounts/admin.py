"""Admin pages. Each states what staff may do; contents of chats are never editable here."""

from __future__ import annotations

from typing import Any, ClassVar

from allauth.account.models import EmailAddress
from django.contrib import admin, messages
from django.contrib.auth.models import Group
from django.core.exceptions import ValidationError
from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils.translation import gettext as _

from accounts.models import Login, Membership, Tenant, User


class RuledAdmin(admin.ModelAdmin):  # type: ignore[type-arg]  # generic only in the stubs
    """`staff_may` lists what is possible at all: view, change, add, delete. Django's permissions still apply on top."""

    staff_may: ClassVar[tuple[str, ...]] = ()

    def has_view_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return "view" in self.staff_may and super().has_view_permission(request, obj)

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return "change" in self.staff_may and super().has_change_permission(request, obj)

    def has_add_permission(self, request: HttpRequest) -> bool:
        return "add" in self.staff_may and super().has_add_permission(request)

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return "delete" in self.staff_may and super().has_delete_permission(request, obj)

    def response_action(self, request: HttpRequest, queryset: QuerySet[Any], *args: Any, **kwargs: Any) -> Any:
        """Django answers 500 to an id that is none."""
        try:
            return super().response_action(request, queryset, *args, **kwargs)
        except (ValidationError, ValueError):
            self.message_user(request, _("Nothing was changed: these are no ids."), messages.ERROR)
            return None

    def lookup_allowed(self, lookup: str, value: Any, request: HttpRequest) -> bool:
        """Only what the list offers: asked often enough, `?password__startswith=` would tell a column nobody sees."""
        offered = {"id", self.date_hierarchy, *(name for name in self.list_filter if isinstance(name, str))}
        return (
            lookup.partition("__")[0] in offered
            and not lookup.endswith("regex")
            and super().lookup_allowed(lookup, value, request)
        )


class MembershipInline(admin.TabularInline):  # type: ignore[type-arg]  # generic only in the stubs
    model = Membership
    extra = 0
    autocomplete_fields = ("user", "tenant")


@admin.register(User)
class UserAdmin(RuledAdmin):
    staff_may = ("view", "change")
    list_display = ("__str__", "kind", "is_active", "is_staff", "created_at", "last_login")
    list_filter = ("kind", "is_active", "is_staff")
    search_fields = ("email", "name")
    ordering = ("-created_at",)
    fields = (
        "email",
        "name",
        "kind",
        "is_active",
        "is_staff",
        "is_superuser",
        "groups",
        "home",
        "created_at",
        "last_login",
    )
    readonly_fields = ("email", "kind", "home", "created_at", "last_login")
    filter_horizontal = ("groups",)

    def get_readonly_fields(self, request: HttpRequest, obj: Any = None) -> tuple[str, ...]:
        """Only a superuser hands out power."""
        fixed = tuple(self.readonly_fields)
        return fixed if request.user.is_superuser else (*fixed, "is_staff", "is_superuser", "groups")

    def has_change_permission(self, request: HttpRequest, obj: User | None = None) -> bool:
        """A superuser is changed only by another one."""
        above = obj is not None and obj.is_superuser and not request.user.is_superuser
        return not above and super().has_change_permission(request, obj)

    def save_model(self, request: HttpRequest, obj: User, form: Any, change: bool) -> None:
        super().save_model(request, obj, form, change)
        if "is_active" in form.changed_data and not obj.is_active:
            obj.end_all_logins()


@admin.register(Tenant)
class TenantAdmin(RuledAdmin):
    staff_may = ("view", "change", "add")
    list_display = ("name", "personal", "active", "created_at")
    list_filter = ("personal", "active")
    search_fields = ("name",)
    inlines = (MembershipInline,)


@admin.register(Login)
class LoginAdmin(RuledAdmin):
    staff_may = ("view",)
    list_display = ("user", "device", "created_at", "ended_at")
    search_fields = ("user__email",)


admin.site.unregister(Group)


@admin.register(Group)
class GroupAdmin(RuledAdmin):
    """A group is power: staff who could change theirs would have all of it."""

    staff_may = ("view", "change", "add", "delete")
    search_fields = ("name",)
    filter_horizontal = ("permissions",)

    def has_change_permission(self, request: HttpRequest, obj: Group | None = None) -> bool:
        return request.user.is_superuser and super().has_change_permission(request, obj)

    def has_add_permission(self, request: HttpRequest) -> bool:
        return request.user.is_superuser and super().has_add_permission(request)

    def has_delete_permission(self, request: HttpRequest, obj: Group | None = None) -> bool:
        return request.user.is_superuser and super().has_delete_permission(request, obj)


# Confirmed addresses keep their own page, under our rule.
if admin.site.is_registered(EmailAddress):
    admin.site.unregister(EmailAddress)
admin.site.register(EmailAddress, type("EmailAddressAdmin", (RuledAdmin,), {"staff_may": ("view",)}))
