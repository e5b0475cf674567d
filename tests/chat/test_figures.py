"""Figures of the server and figures of the page are the same figures."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path

import pytest
from django.conf import settings
from django.utils import formats, translation

from chat import figures

ROOT = Path(__file__).resolve().parents[2]
LANGUAGES = [code for code, _name in settings.LANGUAGES]
SAMPLES = [
    *[(value, 0) for value in (0, 1, 12, 999, 1_000, 1_348, 9_999, 10_000, 123_456, 1_234_567, 12_345_678)],
    *[(value, 1) for value in (0.04, 0.05, 1.25, 6.234, 9.95, 1_234.5, 98_765.45)],
    *[(value, 4) for value in (0.0021, 0.00005, 12.34567)],
]
SCRIPT = """
import { number } from "./static/js/lib/figures.js"
const [languages, samples] = JSON.parse(process.argv[1])
const table = languages.map(language => [language, samples.map(([value, digits]) => number(language, value, digits))])
console.log(JSON.stringify(Object.fromEntries(table)))
"""

pytestmark = pytest.mark.once


def test_a_number_looks_the_same_whoever_writes_it() -> None:
    node = shutil.which("node", path=f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}")
    assert node, "Node is needed; `make build` brings it."
    said = subprocess.run(
        [node, "--input-type=module", "-e", SCRIPT, json.dumps([LANGUAGES, SAMPLES])],
        cwd=ROOT,
        check=True,
        capture_output=True,
        text=True,
    )
    ours = {}
    for language in LANGUAGES:
        with translation.override(language):
            ours[language] = [figures.number(value, digits) for value, digits in SAMPLES]
    assert ours == json.loads(said.stdout)


@pytest.mark.parametrize(
    ("language", "count", "cost", "price"),
    [
        ("en", "12,345 tokens", "$0.0021", "$2.50"),
        ("de", "12.345 Tokens", "0,0021\xa0$", "2,50\xa0$"),
        ("es", "12.345 tokens", "0,0021\xa0$", "2,50\xa0$"),
        ("fr", "12\u202f345 tokens", "0,0021\xa0$", "2,50\xa0$"),
        ("ru", "12\xa0345 токенов", "0,0021\xa0$", "2,50\xa0$"),
        ("hi", "12,345 टोकन", "$0.0021", "$2.50"),
        ("zh-hans", "12,345 token", "$0.0021", "$2.50"),
        ("ar", "12,345 رمزًا", "\u200e$0.0021", "\u200e$2.50"),
    ],
)
@pytest.mark.usefixtures("catalogs")
def test_tokens_and_money_are_written_as_people_write_them(language: str, count: str, cost: str, price: str) -> None:
    with translation.override(language):
        assert figures.tokens(12_345) == count
        assert figures.money(2_100_000) == cost
        assert figures.price(2_500_000_000) == price


@pytest.mark.usefixtures("catalogs")
def test_plurals_follow_the_language() -> None:
    with translation.override("ru"):
        assert [figures.tokens(count) for count in (1, 3, 5, 11, 21)] == [
            "1 токен",
            "3 токена",
            "5 токенов",
            "11 токенов",
            "21 токен",
        ]
    with translation.override("ar"):
        assert [figures.tokens(count) for count in (3, 11, 100)] == ["3 رموز", "11 رمزًا", "100 رمز"]


@pytest.mark.parametrize(
    ("nano", "shown"),
    [(0, "$0"), (15_000_000_000, "$15"), (150_000_000, "$0.15"), (2_500_000_000, "$2.50"), (28_000_000, "$0.028")],
)
def test_a_price_has_every_digit(nano: int, shown: str) -> None:
    assert figures.price(nano) == shown


@pytest.mark.parametrize(
    ("language", "month"),
    [("en", "March 2025"), ("de", "März 2025"), ("zh-hans", "2025年3月"), ("ru", "Март 2025 г."), ("ar", "مارس 2025")],
)
def test_a_month_is_called_as_people_call_it(language: str, month: str) -> None:
    with translation.override(language):
        assert formats.date_format(datetime(2025, 3, 5, tzinfo=UTC), "YEAR_MONTH_FORMAT") == month
