"""What a scanner sends: the vectors, which SKU a scan leads to, and that nothing a scanner sends is a crash."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import msgspec
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from replica.core.base.errors import BarcodeConflict, Invalid, UnknownSku
from replica.core.base.limits import SCAN_LENGTH_MAX
from replica.core.catalog.barcodes import check_digit
from replica.core.catalog.gs1_elements import Element
from replica.core.catalog.scale_codes import (
    NO_SCALE_CODES,
    ScaleCodes,
    ScaleCodesDocument,
    UsedTemplate,
    check_scale_codes,
)
from replica.core.catalog.scans import Scanned, read_scan, scanned_sku, sku_of
from replica.core.catalog.skus import Catalog
from tests.core.catalog.test_skus import catalog_of, sku

VECTORS = json.loads((Path(__file__).parents[2] / "vectors" / "barcodes.json").read_text())
YEAR = VECTORS["year"]


def scale_codes(*names: str) -> ScaleCodes:
    """These templates, in use."""
    return check_scale_codes(ScaleCodesDocument(use=tuple([UsedTemplate(name) for name in names])))


def shown(scanned: Scanned) -> dict[str, Any]:
    """A scan as JSON shows it, with the elements as pairs."""
    fields: dict[str, Any] = json.loads(msgspec.json.encode(scanned))
    elements = [[element["ai"], element["value"]] for element in fields.get("elements", [])]
    return {"codes": [], "gtin": "", "is_organic": False, **fields, "elements": elements}


def name_of(vector: dict[str, Any]) -> str:
    """What pytest calls a vector."""
    return vector["scan"][:40].encode("unicode_escape").decode()


@pytest.mark.parametrize("vector", VECTORS["read"], ids=name_of)
def test_a_scan_is_read_as_the_vector_says(vector: dict[str, Any]) -> None:
    expected = {name: value for name, value in vector.items() if name not in ("scan", "templates")}
    found = shown(read_scan(vector["scan"], YEAR, scale_codes(*vector.get("templates", ()))))
    assert {name: found.get(name) for name in expected} == expected


@pytest.mark.parametrize("vector", VECTORS["refused"], ids=name_of)
def test_a_broken_scan_is_refused_as_the_vector_says(vector: dict[str, Any]) -> None:
    with pytest.raises(Invalid) as refused:
        read_scan(vector["scan"], YEAR, scale_codes(*vector.get("templates", ())), "lines[0].barcode")
    facts = {name: value for name, value in vector.items() if name not in ("scan", "templates", "why")}
    assert refused.value.field == "lines[0].barcode"
    assert dict(refused.value.facts) == facts
    assert "lines[0].barcode" in refused.value.detail
    assert all(facts[name] in refused.value.detail for name in ("ai", "check_digit") if name in facts)
    assert set(re.findall(r"at position (-?\d+)", refused.value.detail)) <= {str(facts.get("position"))}


@pytest.mark.parametrize(("scan", "lengths"), [("]E0123", ["13", "12", "8"]), ("]E3123", ["15", "18"]), ("]E112", [])])
def test_a_code_of_a_wrong_length_is_refused_with_the_possible_ones(scan: str, lengths: list[str]) -> None:
    with pytest.raises(Invalid) as refused:
        read_scan(scan, YEAR)
    assert re.findall(r"\d+", refused.value.detail.partition("After it")[2]) == lengths
    assert ("add-on alone" in refused.value.detail) is (not lengths)


def test_a_scan_of_the_greatest_length_is_read() -> None:
    code = "x" * SCAN_LENGTH_MAX
    assert read_scan(code, YEAR) == Scanned("plain", (code,))


def test_an_element_string_says_nothing_about_what_it_has_no_element_of() -> None:
    gtin = "09506000134352"
    assert read_scan(f"]C101{gtin}", YEAR) == Scanned("element_string", (gtin,), "C1", gtin, (Element("01", gtin),))


def test_a_scan_of_eight_digits_with_two_meanings_keeps_both() -> None:
    codes = [f"0{number:06}" for number in range(2_000)]
    both = [code for code in (code + check_digit(code) for code in codes) if len(read_scan(code, YEAR).codes) > 1]
    assert both
    for code in both:
        upc, gtin = read_scan(code, YEAR).codes
        assert gtin == f"000000{code}"
        assert read_scan(f"]E4{code}", YEAR).codes == (gtin,)
        assert read_scan(f"]E0{code}", YEAR).codes == (upc,)


AMBIGUOUS = next(
    code
    for code in (f"0{number:06}{check_digit(f'0{number:06}')}" for number in range(1, 2_000))
    if len(read_scan(code, YEAR).codes) > 1
)


def found(catalog: Catalog, text: str, *, is_fact: bool = False, codes: ScaleCodes = NO_SCALE_CODES) -> str:
    """The SKU that a scan leads to."""
    return sku_of(catalog, read_scan(text, YEAR, codes), text, "barcode", is_fact)


@pytest.mark.parametrize("place", [0, 1])
def test_a_scan_with_two_meanings_leads_to_the_only_sku_that_has_one(place: int) -> None:
    code = read_scan(AMBIGUOUS, YEAR).codes[place]
    assert found(catalog_of(gum={"recipe": {"gum": 1}, "barcodes": [code]}), AMBIGUOUS) == "gum"


def test_a_scan_with_two_meanings_that_are_two_skus_is_a_conflict() -> None:
    upc, gtin = read_scan(AMBIGUOUS, YEAR).codes
    catalog = catalog_of(
        gum={"recipe": {"gum": 1}, "barcodes": [gtin]}, mints={"recipe": {"mints": 1}, "barcodes": [upc]}
    )
    with pytest.raises(BarcodeConflict) as refused:
        found(catalog, AMBIGUOUS)
    assert refused.value.facts["skus"] == ["gum", "mints"]
    assert found(catalog, f"]E4{AMBIGUOUS}") == "gum"
    assert found(catalog, f"]E0{AMBIGUOUS}") == "mints"


@pytest.mark.parametrize("is_fact", [False, True])
def test_a_line_with_two_meanings_that_are_two_skus_is_a_conflict(is_fact: bool) -> None:
    upc, gtin = read_scan(AMBIGUOUS, YEAR).codes
    catalog = catalog_of(
        gum={"recipe": {"gum": 1}, "barcodes": [gtin]}, mints={"recipe": {"mints": 1}, "barcodes": [upc]}
    )
    with pytest.raises(BarcodeConflict) as refused:
        scanned_sku(catalog, AMBIGUOUS, "lines[0].barcode", is_fact)
    assert refused.value.field == "lines[0].barcode"
    assert refused.value.facts == {"barcode": AMBIGUOUS, "skus": ["gum", "mints"]}
    assert all(name in refused.value.detail for name in (gtin, upc, "gum", "mints"))


@pytest.mark.parametrize(
    "text",
    ["4006381333931", "]C10104006381333931", "https://shop.example/01/04006381333931/10/A", "(01)04006381333931(10)A"],
)
def test_each_form_of_one_gtin_leads_to_its_sku(text: str) -> None:
    assert found(catalog_of(pen={"recipe": {"pen": 1}, "barcodes": ["4006381333931"]}), text) == "pen"


def test_a_price_in_a_code_leads_to_the_sku_that_registered_zeros() -> None:
    catalog = catalog_of(wings={"recipe": {"wings_g": 1}, "barcodes": ["2212345000005"]})
    assert found(catalog, "2212345012589", codes=scale_codes("cn-2-price")) == "wings"
    with pytest.raises(UnknownSku):
        found(catalog, "2212345012589")


def test_the_lot_of_a_plain_code_is_not_guessed() -> None:
    assert read_scan("10LOT7", YEAR) == Scanned("plain", ("10LOT7",))


def test_a_fact_finds_a_deleted_sku_and_a_promise_does_not() -> None:
    catalog = catalog_of()
    catalog.put(sku("pen", None, version=2), sku("pen", {"recipe": {"pen": 1}, "barcodes": ["4006381333931"]}))
    assert found(catalog, "4006381333931", is_fact=True) == "pen"
    with pytest.raises(UnknownSku) as refused:
        sku_of(catalog, read_scan("4006381333931", YEAR), "4006381333931", "barcode")
    assert refused.value.facts["deleted"] is True


def test_a_fact_with_two_meanings_prefers_the_sku_that_is_not_deleted() -> None:
    upc, gtin = read_scan(AMBIGUOUS, YEAR).codes
    catalog = catalog_of(mints={"recipe": {"mints": 1}, "barcodes": [upc]})
    catalog.put(sku("gum", None, version=2), sku("gum", {"recipe": {"gum": 1}, "barcodes": [gtin]}))
    assert found(catalog, AMBIGUOUS, is_fact=True) == "mints"
    assert scanned_sku(catalog, AMBIGUOUS, "barcode", is_fact=True) == "mints"


@pytest.mark.parametrize("text", ["4006381333931", "(01)04006381333931", "2212345012589"])
def test_a_line_finds_a_deleted_sku_only_if_it_is_a_fact(text: str) -> None:
    catalog = catalog_of()
    codes = ["4006381333931", "2212345012589"]
    catalog.put(sku("pen", None, version=2), sku("pen", {"recipe": {"pen": 1}, "barcodes": codes}))
    catalog.scale_codes = scale_codes("cn-2-price")
    assert scanned_sku(catalog, text, "barcode", is_fact=True) == "pen"
    with pytest.raises(UnknownSku) as refused:
        scanned_sku(catalog, text, "lines[0].barcode")
    assert (refused.value.field, refused.value.facts["barcode"]) == ("lines[0].barcode", text)


@pytest.mark.parametrize("code", ["]E1", "é", "2212345012589"])
def test_a_line_finds_what_is_registered_although_no_scanner_sends_it(code: str) -> None:
    catalog = catalog_of(pen={"recipe": {"pen": 1}, "barcodes": [code]})
    catalog.scale_codes = scale_codes("cn-2-price")
    assert scanned_sku(catalog, code, "barcode") == "pen"


@pytest.mark.parametrize(
    ("text", "facts"),
    [
        ("4011", {}),
        ("04011", {"codes": ["04011", "4011"]}),
        ("]A0STORE7", {"codes": ["STORE7"]}),
        ("]C100106141412345678908", {"codes": []}),
    ],
)
def test_an_unknown_scan_is_refused_with_its_text_and_its_codes(text: str, facts: dict[str, Any]) -> None:
    with pytest.raises(UnknownSku) as refused:
        found(catalog_of(), text)
    assert (refused.value.field, refused.value.facts) == ("barcode", {"barcode": text, **facts})
    assert ("names no trade item" in refused.value.detail) is (facts == {"codes": []})
    assert not refused.value.detail.endswith(". ")


def test_an_unknown_code_with_a_wrong_check_digit_says_which_is_right() -> None:
    with pytest.raises(UnknownSku, match="check digit 1"):
        found(catalog_of(), "4006381333932")


def test_a_pallet_label_without_a_trade_item_is_unknown() -> None:
    with pytest.raises(UnknownSku, match="names no trade item"):
        found(catalog_of(), "]C100106141412345678908")


@pytest.mark.parametrize("code", ["4006381333932", "77777777", "04252614", "(01)04006381333931"])
def test_a_code_of_an_earlier_release_is_found_as_it_was_registered(code: str) -> None:
    assert found(catalog_of(pen={"recipe": {"pen": 1}, "barcodes": [code]}), code) == "pen"


def test_a_whole_code_of_a_scale_that_is_registered_does_not_get_its_price() -> None:
    catalog = catalog_of(other={"recipe": {"other": 1}, "barcodes": ["2212345012589"]})
    assert found(catalog, "2212345012589") == "other"
    with pytest.raises(UnknownSku):
        found(catalog, "2212345012589", codes=scale_codes("cn-2-price"))


def test_a_plu_leads_to_its_sku_and_the_organic_one_to_another() -> None:
    catalog = catalog_of(
        bananas={"recipe": {"bananas_g": 1}, "barcodes": ["4011"]},
        organic={"recipe": {"organic_g": 1}, "barcodes": ["94011"]},
    )
    assert [found(catalog, code) for code in ("4011", "04011", "94011")] == ["bananas", "bananas", "organic"]


ALL_LENGTHS = scale_codes("cn-4-price", "cn-8", "cn-18-price-weight", "us-price")
PIECES = [
    "]C1",
    "]E0",
    "]E3",
    "]Q1",
    "\x1d",
    "(01)",
    "(",
    "%",
    "01",
    "17",
    "3103",
    "https://",
    "/01/",
    "?17=",
    "&",
    "22",
]
garbage = st.one_of(
    st.text(max_size=SCAN_LENGTH_MAX + 9),
    st.lists(st.one_of(st.sampled_from(PIECES), st.text("0123456789AB%/\x1d", max_size=20)), max_size=12).map("".join),
    st.text("0123456789", max_size=20),
)


@given(text=garbage)
@example(text="]")
@example(text="٤006381333931")
@example(text="²" * 13)
@example(text="(0000)")
@example(text="https:///01/")
def test_garbage_is_read_or_refused_and_never_a_crash(text: str) -> None:
    try:
        scanned = read_scan(text, YEAR, ALL_LENGTHS)
    except Invalid as refused:
        assert refused.field == "barcode"
    else:
        assert all(code.isascii() and len(code) <= SCAN_LENGTH_MAX for code in scanned.codes)
        msgspec.json.encode(scanned)
