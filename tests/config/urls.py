"""URLs whose views do what tests of the middleware need: raise, read, tell."""

from __future__ import annotations

from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest, HttpResponse, JsonResponse
from django.urls import include, path

from config import context
from config.errors import NotFound, ProviderAuth, RateLimited
from config.urls import handler400, handler403, handler404, handler500

__all__ = ["handler400", "handler403", "handler404", "handler500", "urlpatterns"]


def tell(request: HttpRequest) -> HttpResponse:
    body = {"request": context.request_id.get(), "address": request.META["REMOTE_ADDR"], "host": request.get_host()}
    return JsonResponse(body)


def read(request: HttpRequest) -> HttpResponse:
    return HttpResponse(str(len(request.body)))


def fail(request: HttpRequest, how: str) -> HttpResponse:
    match how:
        case "absent":
            raise NotFound("chat")
        case "limited":
            raise RateLimited("chat", details={"retry_after_s": 12})
        case "provider":
            raise ProviderAuth("chat", answer="sk-live-of-the-operator")
        case "bug":
            raise ZeroDivisionError("secret of the house")
        case "django-404":
            raise Http404
        case _:
            raise PermissionDenied("secret of the house")


urlpatterns = [
    path("tell", tell),
    path("api/tell", tell),
    path("api/read", read),
    path("read", read),
    path("fail/<how>", fail),
    path("api/fail/<how>", fail),
    # Error pages link to the rest of the site.
    path("", include("config.urls")),
]
