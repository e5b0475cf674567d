"""Every URL does what its rule says, for everybody; and the test that says so bites."""

from __future__ import annotations

import re

import pytest
from django.urls import URLPattern, get_resolver

from accounts.checks import endpoints
from accounts.rules import Rule, Who
from tests.accounts import holes, matrix

ROUTES = list(endpoints())
HOLES = {route: pattern for route, pattern in endpoints(get_resolver(holes.__name__)) if "hole/" in route}


@pytest.mark.django_db
@pytest.mark.parametrize(("route", "pattern"), ROUTES, ids=[route or "/" for route, _ in ROUTES])
def test_a_url_admits_whom_its_rule_admits_and_shows_what_is_theirs(route: str, pattern: URLPattern) -> None:
    assert matrix.complaints(route, pattern) == []


def test_no_url_goes_without_a_csrf_token() -> None:
    """Those that take keys and no cookies will be listed here, by name."""
    exempt = {route for route, pattern in ROUTES if getattr(pattern.callback, "csrf_exempt", False)}
    assert exempt == set()


@pytest.mark.django_db
@pytest.mark.urls(holes.__name__)
@pytest.mark.parametrize("view", holes.FOUND_FOR, ids=lambda view: view.__name__)
def test_the_matrix_finds_a_view_that(view: holes.View) -> None:
    [(route, pattern)] = [(route, p) for route, p in HOLES.items() if p.callback is view]
    found = matrix.complaints(route, pattern)
    blamed = {name for text in found for name in re.findall(r"(?:: |her own \w+ )(\w+) (?:must|gets|is|reaches)", text)}
    assert blamed == holes.FOUND_FOR[view], found


@pytest.mark.django_db
@pytest.mark.urls(holes.__name__)
def test_the_matrix_finds_a_view_without_a_rule() -> None:
    [(route, pattern)] = [(route, p) for route, p in HOLES.items() if p.callback is holes.states_nothing]
    assert matrix.complaints(route, pattern) == [f"{route} states no rule"]


@pytest.mark.parametrize(
    ("rule", "person", "status", "fine"),
    [
        (Rule(Who.ANYONE), "visitor", 200, True),
        (Rule(Who.ACTOR), "visitor", 302, True),
        (Rule(Who.ACTOR), "visitor", 200, False),
        (Rule(Who.ACTOR), "suspended", 200, False),
        (Rule(Who.MEMBER), "guest", 403, True),
        (Rule(Who.STAFF), "ada", 200, False),
        (Rule(Who.ACTOR, owns="chat"), "ada", 200, True),
        (Rule(Who.ACTOR, owns="chat"), "ada", 404, False),
        (Rule(Who.ACTOR, owns="chat"), "grace", 200, False),
        (Rule(Who.ACTOR, owns="chat"), "eve", 403, False),
        (Rule(Who.ACTOR, owns="chat"), "staff", 200, False),
        (Rule(Who.ANYONE), "ada", 500, False),
    ],
)
def test_an_answer_is_judged_by_the_rule(rule: Rule, person: str, status: int, fine: bool) -> None:
    assert (matrix.complaint(rule, person, status) is None) is fine
