"""Currencies: the table of ISO 4217, codes that are refused, and what is paid in cash."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from replica.core.base.errors import Invalid
from replica.core.catalog.currencies import CASH_INCREMENTS, MINOR_DIGITS, amount_text, cash_amount, check_currency


@pytest.mark.parametrize(
    ("code", "digits"),
    [("EUR", 2), ("CNY", 2), ("JPY", 0), ("ISK", 0), ("KWD", 3), ("TND", 3), ("HUF", 2), ("CLF", 4), ("UGX", 0)],
)
def test_the_minor_unit_of_a_currency_has_the_digits_of_iso_4217(code: str, digits: int) -> None:
    assert MINOR_DIGITS[code] == digits
    check_currency(code, "currency")


def test_the_table_has_each_code_once() -> None:
    assert len(MINOR_DIGITS) == 17 + 139 + 7 + 2
    assert all(len(code) == 3 and code.isupper() and code.isascii() for code in MINOR_DIGITS)


@pytest.mark.parametrize("code", ["EURO", "eur", "", "XAU", "XXX", "BGN", "€", "ЕUR"])
def test_what_is_no_currency_is_refused_with_its_field(code: str) -> None:
    with pytest.raises(Invalid) as refused:
        check_currency(code, "benefit.currency")
    assert refused.value.field == "benefit.currency"


def test_a_refused_code_comes_with_those_that_are_like_it() -> None:
    with pytest.raises(Invalid, match=r"Did you mean .*EUR"):
        check_currency("EUT", "currency")


@pytest.mark.parametrize(
    ("amount", "currency", "paid"),
    [
        (1_992, "CHF", 1_990),
        (1_993, "CHF", 1_995),
        (1_950, "SEK", 2_000),
        (1_949, "SEK", 1_900),
        (125, "DKK", 150),
        (124, "DKK", 100),
        (250, "HUF", 500),
        (249, "HUF", 0),
        (1_993, "EUR", 1_993),
        (7, "JPY", 7),
    ],
)
def test_cash_is_rounded_to_the_smallest_coin(amount: int, currency: str, paid: int) -> None:
    assert cash_amount(amount, currency) == paid


@given(st.integers(0, 10**15), st.sampled_from(sorted(MINOR_DIGITS)))
def test_cash_differs_from_the_amount_by_at_most_half_a_coin(amount: int, currency: str) -> None:
    increment = CASH_INCREMENTS.get(currency, 1)
    assert cash_amount(amount, currency) % increment == 0
    assert 2 * abs(cash_amount(amount, currency) - amount) <= increment


@pytest.mark.parametrize(
    ("amount", "code", "text"),
    [(1_250, "EUR", "12.50 EUR"), (5, "EUR", "0.05 EUR"), (150, "JPY", "150 JPY"), (1_005, "KWD", "1.005 KWD")],
)
def test_an_amount_is_written_with_the_digits_of_its_currency(amount: int, code: str, text: str) -> None:
    assert amount_text(amount, code) == text
