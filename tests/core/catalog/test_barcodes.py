"""Barcodes: one GTIN is one number whatever its padding, and its check digit is known."""

from __future__ import annotations

import pytest

from replica.core.catalog.barcodes import canonical, check_digit, expanded_upc_e


@pytest.mark.parametrize("padded", ["036000291452", "0036000291452", "00036000291452", " 036000291452 "])
def test_one_gtin_has_one_form_whatever_its_padding(padded: str) -> None:
    assert canonical(padded) == "00036000291452"


def test_a_gtin_of_eight_digits_is_the_same_number_in_thirteen() -> None:
    assert canonical("96385074") == canonical("0000096385074") == "00000096385074"


@pytest.mark.parametrize("code", ["4011", "77777777", "036000291453", "A36000291452", "٤006381333931", "cola's"])
def test_a_code_that_is_no_gtin_is_compared_as_it_is_written(code: str) -> None:
    assert canonical(f" {code}\t") == code


@pytest.mark.parametrize(
    ("digits", "digit"),
    [("03600029145", "2"), ("400638133393", "1"), ("9638507", "4"), ("1001234567890", "2"), ("0000000", "0")],
)
def test_the_check_digit_of_a_gtin_is_the_one_that_gs1_computes(digits: str, digit: str) -> None:
    assert check_digit(digits) == digit


def test_a_variable_measure_code_is_a_gtin_like_any_other() -> None:
    assert canonical("2112345012346") == "2112345012346".zfill(14)


@pytest.mark.parametrize(
    ("short", "long"),
    [
        ("04252614", "042100005264"),
        ("01234523", "012200003453"),
        ("01234531", "012300000451"),
        ("01234543", "012340000053"),
        ("01234565", "012345000065"),
        ("11234562", "112345000062"),
    ],
)
def test_a_upc_e_stands_for_its_upc_a(short: str, long: str) -> None:
    assert expanded_upc_e(short) == long


@pytest.mark.parametrize("code", ["04252615", "24252614", "4252614", "0425261x", "0x252614", "٠4252614", ""])
def test_a_code_that_is_no_upc_e_is_not_expanded(code: str) -> None:
    assert expanded_upc_e(code) is None
