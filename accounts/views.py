"""A visitor becomes a guest. Everything else about accounts is allauth's."""

from __future__ import annotations

from django.http import HttpRequest, HttpResponse
from django.views.decorators.http import require_POST

from accounts import logins
from accounts.rules import Who, allow


@require_POST
@allow(Who.ANYONE)
def guest(request: HttpRequest) -> HttpResponse:
    """Log the visitor in, as the same guest for the same visitor cookie.

    403 where guests are not allowed, 429 when farmed.
    """
    logins.enter_as_guest(request)
    return HttpResponse(status=204)
