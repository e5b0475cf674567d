"""What every HTTP request gets: an id, a size limit, a client address, and errors in one shape."""

from __future__ import annotations

import logging
from uuid import UUID

import pytest
from django.test import Client
from pytest_django.fixtures import Settings

pytestmark = [pytest.mark.django_db, pytest.mark.urls("tests.config.urls")]

HTML = {"Accept": "text/html,application/xhtml+xml"}


# --- The request's id ------------------------------------------------------------------------------


def test_a_request_is_named_and_the_view_knows_the_name(client: Client) -> None:
    answer = client.get("/tell")
    assert UUID(answer["X-Request-Id"]).version == 7
    assert answer.json()["request"] == answer["X-Request-Id"]


def test_a_proxys_name_for_the_request_is_kept(client: Client) -> None:
    answer = client.get("/tell", headers={"X-Request-Id": "edge-12345678"})
    assert answer["X-Request-Id"] == answer.json()["request"] == "edge-12345678"


@pytest.mark.parametrize("odd", ["short", "x" * 65, "with space in it", "semi;colon;inside", "<script>alert(1)"])
def test_an_odd_name_is_replaced(odd: str, client: Client) -> None:
    answer = client.get("/tell", headers={"X-Request-Id": odd})
    assert answer["X-Request-Id"] != odd


def test_an_error_carries_the_same_id_in_header_and_body(client: Client) -> None:
    answer = client.get("/api/fail/absent")
    assert answer.json()["error"]["request_id"] == answer["X-Request-Id"]


# --- The client's address --------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("proxies", "forwarded", "expected"),
    [
        (0, "6.6.6.6", "127.0.0.1"),
        (1, "6.6.6.6, 198.51.100.7", "198.51.100.7"),
        (2, "6.6.6.6, 198.51.100.7, 10.0.0.2", "198.51.100.7"),
        (2, "198.51.100.7", "198.51.100.7"),
        (1, "", "127.0.0.1"),
        (1, " , ", "127.0.0.1"),
    ],
)
def test_only_the_operators_proxies_are_believed(
    proxies: int, forwarded: str, expected: str, client: Client, settings: Settings
) -> None:
    settings.TRUSTED_PROXY_COUNT = proxies
    assert client.get("/tell", headers={"X-Forwarded-For": forwarded}).json()["address"] == expected


# --- The host --------------------------------------------------------------------------------------


@pytest.mark.parametrize("host", ["evil.example", "localhost.evil.example", "localhost@evil.example", "a b", ""])
def test_a_foreign_host_header_is_refused_and_not_repeated(host: str, client: Client) -> None:
    answer = client.get("/tell", headers={"Host": host} | HTML)
    if host:  # the test client fills in an empty one
        assert answer.status_code == 400
        assert "evil.example" not in answer.content.decode()


def test_a_forwarded_host_is_not_believed(client: Client) -> None:
    answer = client.get("/tell", headers={"X-Forwarded-Host": "evil.example"})
    assert answer.json()["host"] == "testserver"


# --- The address -----------------------------------------------------------------------------------


@pytest.mark.parametrize("path", ["/api/fail/%00", "/api/tell?chat=%00", "/api/tell?a=1&b=x%00y"])
def test_a_nul_in_the_address_is_a_bad_request(path: str, client: Client) -> None:
    answer = client.get(path)
    assert (answer.status_code, answer.json()["error"]["code"]) == (400, "bad_request:request")


# --- The body --------------------------------------------------------------------------------------


@pytest.mark.parametrize("path", ["/api/read", "/read"])
def test_a_body_over_the_limit_is_413(path: str, client: Client, settings: Settings) -> None:
    settings.DATA_UPLOAD_MAX_MEMORY_SIZE = 1024
    fits = client.post(path, b"x" * 1024, content_type="application/octet-stream")
    assert fits.content == b"1024"
    over = client.post(path, b"x" * 1025, content_type="application/octet-stream", headers={"Accept": "*/*"})
    assert over.status_code == 413


def test_a_form_over_the_limit_is_413(settings: Settings) -> None:
    settings.DATA_UPLOAD_MAX_MEMORY_SIZE = 1024
    checked = Client(enforce_csrf_checks=True)  # reads the form before any view does
    checked.cookies["csrftoken"] = "a" * 32
    assert checked.post("/api/read", {"text": "x" * 2000}).status_code == 413


# --- Errors ----------------------------------------------------------------------------------------


def test_a_program_gets_one_shape_of_error(client: Client) -> None:
    answer = client.get("/api/fail/absent")
    assert answer.status_code == 404
    error = answer.json()["error"]
    assert set(error) == {"code", "message", "type", "param", "request_id", "details"}
    assert (error["code"], error["type"]) == ("not_found:chat", "not_found")


def test_a_browser_gets_a_page_with_the_request_id(client: Client) -> None:
    answer = client.get("/fail/absent", headers=HTML)
    assert answer.status_code == 404
    assert answer["Content-Type"].startswith("text/html")
    assert answer["X-Request-Id"] in answer.content.decode()


@pytest.mark.parametrize(
    ("path", "code", "status"),
    [
        ("/api/fail/django-404", "not_found:page", 404),
        ("/api/nowhere", "not_found:page", 404),
        ("/api/fail/denied", "forbidden:page", 403),
        ("/api/fail/bug", "internal:page", 500),
        ("/api/fail/provider", "provider_auth:chat", 502),
    ],
)
def test_whatever_was_raised_has_a_code(path: str, code: str, status: int, client: Client) -> None:
    client.raise_request_exception = False
    answer = client.get(path)
    assert (answer.status_code, answer.json()["error"]["code"]) == (status, code)


@pytest.mark.parametrize("path", ["/fail/bug", "/api/fail/bug", "/fail/denied", "/fail/provider", "/api/fail/provider"])
def test_internals_are_logged_and_never_shown(path: str, client: Client, caplog: pytest.LogCaptureFixture) -> None:
    client.raise_request_exception = False
    with caplog.at_level(logging.WARNING):
        answer = client.get(path, headers=HTML)
    shown = answer.content.decode()
    for internal in ("secret of the house", "ZeroDivisionError", "Traceback", "sk-live"):
        assert internal not in shown
    if "bug" in path:
        assert [record.exc_info for record in caplog.records if record.exc_info], "the traceback is in the log"


def test_a_limit_says_when_to_come_back(client: Client) -> None:
    answer = client.get("/api/fail/limited")
    assert (answer.status_code, answer["Retry-After"]) == (429, "12")


@pytest.mark.parametrize("path", ["/api/read", "/read"])
def test_a_post_without_a_token_is_a_typed_refusal(path: str) -> None:
    answer = Client(enforce_csrf_checks=True).post(path, headers={"Accept": "application/json"})
    assert answer.status_code == 403
    assert answer.json()["error"]["code"] == "forbidden:csrf"


def test_pages_forbid_foreign_scripts_and_frames(client: Client) -> None:
    answer = client.get("/fail/absent", headers=HTML)
    policy = answer["Content-Security-Policy"]
    assert "default-src 'none'" in policy
    assert "frame-ancestors 'none'" in policy
    assert "unsafe" not in policy
    assert answer["X-Content-Type-Options"] == "nosniff"
    assert answer["Referrer-Policy"] == "same-origin"
