"""Who may reach what: every URL, socket action and admin page states its rule here.

`@rules.allow(Who.ACTOR, owns="chat")` both states the rule and enforces its first half. The second half,
whose object it is, lies in the querysets (`visible_to`, `writable_by`): getting the object is the check.
`owns` names the object in the URL, so that the generated test matrix knows what to try with it.

Views of other packages are covered by `rules.declare` on their URL prefix. `accounts.checks` refuses to
start a server in which anything has no rule.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum
from functools import wraps
from typing import Any, TypeVar
from urllib.parse import urlencode

from django.http import HttpRequest, HttpResponseBase, HttpResponseRedirect

from config.errors import Forbidden, Unauthorized
from config.middleware import wants_json

View = TypeVar("View", bound=Callable[..., HttpResponseBase])


class Who(StrEnum):
    ANYONE = "anyone"  # also a visitor without a login
    ACTOR = "actor"  # guest or member
    MEMBER = "member"
    STAFF = "staff"


@dataclass(frozen=True, slots=True)
class Rule:
    who: Who
    owns: str | None = None


_declared: dict[str, Rule] = {}


def allow(who: Who, *, owns: str | None = None) -> Callable[[View], View]:
    """State a view's rule and turn away whoever it excludes: a page sends them to log in, a program gets 401."""
    rule = Rule(who, owns)

    def decorate(view: View) -> View:
        @wraps(view)
        def guarded(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
            actor = getattr(request, "actor", None)
            if who is Who.ANYONE:
                return view(request, *args, **kwargs)
            if actor is None:
                if request.method == "GET" and not wants_json(request):
                    return HttpResponseRedirect(f"/accounts/login/?{urlencode({'next': request.path})}")
                raise Unauthorized("page")
            if (who is Who.MEMBER and actor.kind != "member") or (who is Who.STAFF and not actor.is_staff):
                raise Forbidden("page")
            return view(request, *args, **kwargs)

        guarded.rule = rule  # type: ignore[attr-defined]  # read by rule_of
        return guarded  # type: ignore[return-value]  # wraps keeps the signature

    return decorate


def state(who: Who, *, owns: str | None = None) -> Callable[[View], View]:
    """State the rule of a view that enforces it itself, because it takes another credential as well."""

    def decorate(view: View) -> View:
        view.rule = Rule(who, owns)  # type: ignore[attr-defined]  # read by rule_of
        return view

    return decorate


def declare(prefix: str, who: Who) -> None:
    """State the rule of another package's URLs, by the route they start with. That package enforces it."""
    _declared[prefix] = Rule(who)


def rule_of(route: str, callback: Any) -> Rule | None:
    """The rule of a URL: its view's own, or the one declared for the longest matching prefix."""
    if rule := getattr(callback, "rule", None):
        return rule  # type: ignore[no-any-return]
    matches = [prefix for prefix in _declared if route.startswith(prefix)]
    return _declared[max(matches, key=len)] if matches else None
