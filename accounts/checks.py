"""System checks that keep the door closed: nothing is reachable without a stated rule."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from django.contrib import admin
from django.core.checks import CheckMessage, Error, Tags, register
from django.urls import URLPattern, URLResolver, get_resolver

from accounts.rules import rule_of


def endpoints(resolver: URLResolver | None = None, prefix: str = "") -> Iterator[tuple[str, URLPattern]]:
    """Every (route, pattern) of the site."""
    for item in (resolver or get_resolver()).url_patterns:
        route = prefix + str(item.pattern)
        if isinstance(item, URLResolver):
            yield from endpoints(item, route)
        else:
            yield route, item


@register(Tags.security)
def every_url_has_a_rule(app_configs: Any, **kwargs: Any) -> list[CheckMessage]:
    return [
        Error(
            f"The URL '{route}' states no rule.",
            hint="Decorate its view with accounts.rules.allow(...), or declare its prefix in config/urls.py.",
            id="accounts.E001",
        )
        for route, pattern in endpoints()
        if rule_of(route, pattern.callback) is None
    ]


@register(Tags.security)
def every_admin_page_has_a_rule(app_configs: Any, **kwargs: Any) -> list[CheckMessage]:
    return [
        Error(
            f"The admin of {model._meta.label} states no rule.",
            hint="Derive it from accounts.admin.RuledAdmin and name what staff may do.",
            id="accounts.E002",
        )
        for model, model_admin in admin.site._registry.items()
        if not getattr(model_admin, "staff_may", None)
    ]
