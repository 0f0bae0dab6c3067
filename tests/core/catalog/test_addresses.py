"""Addresses: what people write differently, and the mark by which a retry with another address is noticed."""

from __future__ import annotations

import re

from replica.core.catalog.addresses import Destination, mark_of, plain, plain_postcode, where


def test_names_are_compared_without_capitals_accents_blanks_dots_and_hyphens() -> None:
    assert [plain(name) for name in ("Köln ", "St. Gallen", "Saint-Étienne", "STRASSE", "Straße", "浦东 新区")] == [
        "koln",
        "stgallen",
        "saintetienne",
        "strasse",
        "strasse",
        "浦东新区",
    ]


def test_postcodes_are_compared_in_capitals_without_blanks_and_hyphens() -> None:
    assert [plain_postcode(text) for text in ("sw1a 1aa", "12345-6789", " 10 115 ")] == [
        "SW1A1AA",
        "123456789",
        "10115",
    ]


def test_only_addresses_in_china_have_a_code() -> None:
    codes = [where(Destination(country, "上海"), "ship_to").code for country in ("CN", "cn", "DE")]
    assert codes == ["310000", "310000", ""]


def test_mark_of_an_address_has_one_byte() -> None:
    assert re.fullmatch("#[0-9a-f]{2}", mark_of(Destination("DE", postcode="10115"), "order-1"))


def test_mark_depends_on_the_order_and_on_each_field_of_the_address() -> None:
    """A byte is the same for one of 256 addresses, so each field is tried with several values."""

    def marks(*some: tuple[Destination, str]) -> int:
        return len({mark_of(*one) for one in some})

    assert marks(*((Destination("DE"), f"order-{number}") for number in range(9))) > 5
    for field in ("province", "city", "district", "postcode"):
        assert marks(*((Destination("DE", **{field: str(number)}), "order-1") for number in range(9))) > 5
    assert marks(*((Destination("DE", lat=1.0, lon=float(number)), "order-1") for number in range(9))) > 5
    assert marks((Destination("DE", city="Bonn"), "order-1"), (Destination("DE", city="Bonn"), "order-1")) == 1
