from allauth.account.decorators import secure_admin_login
from django.contrib import admin
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.urls import include, path

from accounts import rules

rules.declare("accounts/", rules.Who.ANYONE)
rules.declare("admin/", rules.Who.STAFF)

# One door for everybody: the login page with its limits against guessing, not a second one of the admin's.
admin.site.login = secure_admin_login(admin.site.login)  # type: ignore[method-assign]  # as allauth documents it


def _new_password(request: HttpRequest, extra_context: object = None) -> HttpResponse:
    """Nor a second place for a new password: this one would not end the logins of whoever knew the old one."""
    return redirect("account_change_password")


admin.site.password_change = _new_password  # type: ignore[method-assign,assignment]  # as above

urlpatterns = [
    path("", include("accounts.urls")),
    path("", include("chat.urls")),
    path("", include("api.urls")),
    path("accounts/", include("allauth.account.urls")),
    path("admin/", admin.site.urls),
]

handler400 = "config.middleware.bad_request"
handler403 = "config.middleware.permission_denied"
handler404 = "config.middleware.not_found"
handler500 = "config.middleware.server_error"
