"""What every HTTP request gets: an id, a size limit, a client address, and errors in one shape."""

from __future__ import annotations

import logging
import re
from collections.abc import Callable
from typing import Any

from django.conf import settings
from django.core.exceptions import PermissionDenied, RequestDataTooBig, SuspiciousOperation
from django.http import Http404, HttpRequest, HttpResponse, JsonResponse
from django.template.loader import render_to_string
from django.utils.html import escape
from django.utils.translation import gettext as _

from config import context, traces
from config.errors import AppError, BadRequest, Forbidden, NotFound, TooLarge
from config.ids import uuid7

logger = logging.getLogger(__name__)

_REQUEST_ID = re.compile(r"[A-Za-z0-9._-]{8,64}")


class RequestMiddleware:
    """Outermost: names the request, then turns whatever was raised into an answer."""

    sync_capable, async_capable = True, False

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        given = request.headers.get("X-Request-Id", "")
        request_id = given if _REQUEST_ID.fullmatch(given) else str(uuid7())
        token = context.request_id.set(request_id)
        request.META["REMOTE_ADDR"] = client_address(request)
        for name in [name for name, value in request.COOKIES.items() if "\0" in value]:
            del request.COOKIES[name]  # we write no such cookie, and PostgreSQL cannot look for a session called so
        try:
            with traces.span("request", parent=request.headers.get("traceparent", ""), id=request_id) as span:
                response = self.get_response(request)
                span.update(method=request.method, path=request.path, status=response.status_code)
        finally:
            context.request_id.reset(token)
        response["X-Request-Id"] = request_id
        # A page that says nothing about it might be kept, and shown to whoever comes after.
        response.headers.setdefault("Cache-Control", "private, no-cache")
        return response

    def process_view(self, request: HttpRequest, view: object, args: object, kwargs: object) -> HttpResponse | None:
        """Nothing that is kept or looked for holds a NUL, and PostgreSQL would answer it with an error of its own."""
        if "\0" in request.path or "%00" in request.META.get("QUERY_STRING", ""):
            return render_error(request, BadRequest("request"))
        return None

    def process_exception(self, request: HttpRequest, exception: Exception) -> HttpResponse | None:
        """A view raised. Django shows what this returns."""
        if error := known(exception):
            if error.status >= 500:
                logger.warning("request failed", extra={"code": error.code, **error.context})
            return render_error(request, error)
        logger.error("view raised", exc_info=exception, extra={"path": request.path})
        return render_error(request, AppError("page"))


def known(exception: Exception) -> AppError | None:
    """Our name for what was raised, or None when nobody expected it."""
    match exception:
        case AppError():
            return exception
        case Http404():
            return NotFound("page")
        case PermissionDenied():
            return Forbidden("page")
        case RequestDataTooBig():
            return TooLarge("request")
        case SuspiciousOperation():
            return BadRequest("request")
    return None


def client_address(request: HttpRequest) -> str:
    """The address of the person, believing as many X-Forwarded-For hops as TRUSTED_PROXY_COUNT says."""
    count: int = settings.TRUSTED_PROXY_COUNT
    hops = [hop.strip() for hop in request.headers.get("X-Forwarded-For", "").split(",") if hop.strip()]
    if count and hops:
        return hops[-min(count, len(hops))]
    return str(request.META.get("REMOTE_ADDR") or "")


def error_body(error: AppError) -> dict[str, Any]:
    """The JSON that programs get, the same for every surface."""
    return {
        "error": {
            "code": error.code,
            "message": error.message,
            "type": error.reason,
            "param": error.param,
            "request_id": context.request_id.get(),
            "details": error.details,
        }
    }


def wants_json(request: HttpRequest) -> bool:
    return request.path.startswith(("/api/", "/v1/", "/graphql", "/guest")) or not request.accepts("text/html")


def render_error(request: HttpRequest, error: AppError) -> HttpResponse:
    if wants_json(request):
        response: HttpResponse = JsonResponse(error_body(error), status=error.status)
    else:
        response = HttpResponse(_error_page(request, error), status=error.status)
    if seconds := error.details.get("retry_after_s"):
        response["Retry-After"] = str(seconds)
    return response


def _error_page(request: HttpRequest, error: AppError) -> str:
    try:
        return render_to_string("error.html", {"error": error, "request_id": context.request_id.get()}, request=request)
    except Exception:  # an error page that fails must not hide the error
        logger.exception("error page failed")
        return escape(f"{error.message} ({context.request_id.get()})")


def csrf_failed(request: HttpRequest, reason: str = "") -> HttpResponse:
    """Django's CSRF check said no. The page offers to reload; nothing that was typed is taken."""
    return render_error(request, Forbidden("csrf", _("This page is out of date. Reload it and try again.")))


def bad_request(request: HttpRequest, exception: Exception) -> HttpResponse:
    """Raised before the view: a foreign host, a form over the limit."""
    return render_error(request, known(exception) or BadRequest("request"))


def permission_denied(request: HttpRequest, exception: Exception) -> HttpResponse:
    return render_error(request, Forbidden("page"))


def not_found(request: HttpRequest, exception: Exception) -> HttpResponse:
    return render_error(request, NotFound("page"))


def server_error(request: HttpRequest) -> HttpResponse:
    return render_error(request, AppError("page"))
