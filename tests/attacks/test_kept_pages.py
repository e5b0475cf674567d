"""What browsers and proxies may keep of a private page: nothing that they show again without asking."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from django.test import Client

from accounts.checks import endpoints
from accounts.models import User
from tests.accounts import matrix

Browser = Callable[..., Client]
ROUTES = [route for route, _pattern in endpoints() if not route.startswith("admin/")]
# What is the same for everybody.
PUBLIC = {"/health", "/ready", "/robots.txt", "/manifest.webmanifest"}


@pytest.mark.parametrize("route", ROUTES, ids=[route or "/" for route in ROUTES])
def test_no_page_of_a_person_is_kept_by_others_or_shown_again_unasked(route: str, ada: User, browser: Browser) -> None:
    path = matrix.fill(route, matrix._things(ada))
    answer = browser(ada, raise_request_exception=False).get(path)
    if answer.status_code != 200 or path in PUBLIC or "cookie" not in answer.get("Vary", "").lower():
        assert b"ada@example.org" not in answer.content
        return
    if not answer["Content-Type"].startswith("text/html"):
        return
    kept = answer.get("Cache-Control", "")
    assert "private" in kept or "no-store" in kept, kept
    assert "no-cache" in kept or "no-store" in kept, kept


@pytest.mark.parametrize(
    "path", ["/", "/accounts/login/", "/nothing-here", "/guest", "/health", "/manifest.webmanifest"]
)
def test_every_answer_forbids_guessing_its_kind_and_framing_it(path: str, browser: Browser) -> None:
    answer = browser().get(path)
    assert answer["X-Content-Type-Options"] == "nosniff"
    assert answer["X-Frame-Options"] == "DENY"
    assert answer["Referrer-Policy"] == "same-origin"
    assert answer["Cross-Origin-Opener-Policy"] == "same-origin"
    policy = answer["Content-Security-Policy"]
    for part in ("default-src 'none'", "frame-ancestors 'none'", "base-uri 'none'", "form-action 'self'"):
        assert part in policy
    assert "unsafe" not in policy and "*" not in policy and "http:" not in policy


@pytest.mark.parametrize("method", ["GET", "POST"])
def test_a_refusal_repeats_nothing_of_the_address(method: str, browser: Browser) -> None:
    attack = "<script>alert(1)</script>"
    answer = browser().generic(method, f"/{attack}", headers={"Accept": "text/html"})
    assert answer.status_code in (403, 404)
    assert attack not in answer.content.decode()


def test_cookies_that_let_somebody_in_are_out_of_reach_for_scripts_and_other_sites(browser: Browser) -> None:
    client = browser()
    client.get("/")
    client.post("/guest")
    for name in ("sessionid", "csrftoken", "visitor"):
        cookie = client.cookies[name]
        assert cookie["httponly"] is True
        assert cookie["samesite"] == "Lax"
        assert cookie["domain"] == ""
