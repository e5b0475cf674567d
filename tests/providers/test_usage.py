from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from providers.events import UsageReport
from providers.usage import ABSURD, FREE, Price, cost, estimate, sane

counts = st.integers(0, 10_000_000)
prices = st.integers(0, 200_000_000_000)


def test_cost_is_tokens_times_price() -> None:
    price = Price(input=150_000_000, output=600_000_000)  # 0.15 and 0.60 USD per million
    assert cost(UsageReport(1000, 500), price) == 450_000  # 0.00045 USD


def test_cached_input_has_its_own_price() -> None:
    price = Price(input=2_000_000_000, output=0, cached=500_000_000)
    assert cost(UsageReport(1_000_000, 0, cached=400_000), price) == 1_400_000_000


def test_a_fraction_is_rounded_up_once() -> None:
    assert cost(UsageReport(1, 1), Price(1, 1)) == 1


def test_what_is_free_costs_nothing() -> None:
    assert cost(UsageReport(12345, 678, 90), FREE) == 0


@given(counts, counts, counts, prices, prices, prices)
def test_cost_is_never_below_the_exact_price_nor_a_nano_dollar_above(
    i: int, o: int, c: int, pi: int, po: int, pc: int
) -> None:
    c = min(c, i)
    exact = (i - c) * pi + c * pc + o * po
    assert exact <= cost(UsageReport(i, o, c), Price(pi, po, pc)) * 1_000_000 < exact + 1_000_000


@pytest.mark.parametrize(
    ("input", "output"),
    [
        (None, 5),
        (5, None),
        (-1, 5),
        (5, -1),
        (0, 0),
        (0, 7),
        (ABSURD + 1, 1),
        (1, ABSURD + 1),
        ("5", 5),
        (1.5, 2),
        (True, 1),
    ],
)
def test_impossible_usage_counts_as_missing(input: object, output: object) -> None:
    assert sane(input, output) is None


def test_parts_never_exceed_the_whole() -> None:
    assert sane(10, 5, cached=99, reasoning=99) == UsageReport(10, 5, 10, 5)


def test_strange_parts_do_not_spoil_good_totals() -> None:
    assert sane(10, 5, cached=-3, reasoning=None) == UsageReport(10, 5)


# Counted with o200k_base.
@pytest.mark.parametrize(
    ("text", "tokens"),
    [
        (
            (
                "The quick brown fox jumps over the lazy dog, "
                "while the committee considered whether the proposal was reasonable. "
            )
            * 5,
            101,
        ),
        (" ".join(f"w{i:04d}" for i in range(300)), 900),
        ("\n".join(f"{i},{i * 37 % 101},{i * 3.7:.2f},name{i}" for i in range(100)), 999),
        ("政府昨晚宣布了一系列新措施，旨在支持受能源危机影响的企业，并帮助家庭应对不断上涨的生活费用。", 30),
    ],
)
def test_an_estimate_is_within_ten_per_cent(text: str, tokens: int) -> None:
    assert abs(estimate(text) - tokens) <= 0.1 * tokens


def test_no_text_is_no_token() -> None:
    assert estimate("") == 0
    assert estimate("?") == 1
