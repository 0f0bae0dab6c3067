"""Codes of scales: which documents are refused with which field, the check digit of a value, and round trips."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec import ValidationError, convert
from msgspec.json import schema

from replica.core.base.errors import Invalid
from replica.core.catalog.barcodes import canonical, check_digit
from replica.core.catalog.documents import pack_value
from replica.core.catalog.measures import Measure, PrintedPrice
from replica.core.catalog.registers import Register
from replica.core.catalog.scale_codes import (
    NAMED,
    NO_SCALE_CODES,
    ScaleCodes,
    ScaleCodesDocument,
    check_scale_codes,
    read_scale_codes,
    value_check_digit,
)
from replica.core.catalog.scans import read_scan


def checked(**fields: Any) -> ScaleCodes:
    """The templates of a document with these fields."""
    return check_scale_codes(convert(fields, ScaleCodesDocument))


def template(layout: str = "IIIIIPPPPPC", first: str = "21", last: str = "", **fields: Any) -> dict[str, Any]:
    """A template as a document has it."""
    return {"first": first, "last": last or first, "layout": layout, **fields}


@pytest.mark.parametrize(
    ("fields", "field"),
    [
        ({"use": [{"template": "xx-price"}]}, "use[0].template"),
        ({"use": [{"template": "gb-price"}, {"template": "cn-item", "first": "19"}]}, "use[1].first"),
        ({"use": [{"template": "cn-item", "first": "21", "last": "31"}]}, "use[0].last"),
        ({"use": [{"template": "cn-item", "first": "211"}]}, "use[0].first"),
        ({"use": [{"template": "cn-item"}, {"template": "gb-price"}]}, "use[1].first"),
        ({"use": [{"template": "gb-price"}], "templates": {"own": template(first="20")}}, "templates.own.first"),
        (
            {"templates": {"own": template(first="21"), "part": template("IIIIPPPPPC", "215", "218")}},
            "templates.part.first",
        ),
        ({"templates": {"own": template(first="69")}}, "templates.own.first"),
        ({"templates": {"own": template(first="01")}}, "templates.own.first"),
        ({"templates": {"own": template(first="02", last="04")}}, "templates.own.last"),
        ({"templates": {"own": template(first="02", last="29")}}, "templates.own.last"),
        ({"templates": {"own": template(first="22", last="21")}}, "templates.own.last"),
        ({"templates": {"own": template(first="22", last="2")}}, "templates.own.last"),
        ({"templates": {"own": template("IIIIIPPPPC")}}, "templates.own.layout"),
        ({"templates": {"own": template("IIIIIPPPPPP")}}, "templates.own.layout"),
        ({"templates": {"own": template("IIIIPPPPPCC")}}, "templates.own.layout"),
        ({"templates": {"own": template("XXXXXPPPPPC")}}, "templates.own.layout"),
        ({"templates": {"own": template("IIIPPPPPIIC")}}, "templates.own.layout"),
        ({"templates": {"own": template("IIIPPPPPPPC")}}, "templates.own.layout"),
        ({"templates": {"own": template("IIIIIIKPPPC")}}, "templates.own.layout"),
        ({"templates": {"own": template("IIIIKKPPPPC")}}, "templates.own.layout"),
        ({"templates": {"own": template("IIIIKXXXXXC")}}, "templates.own.layout"),
        ({"templates": {"own": template("KIIIIIPPPPC")}}, "templates.own.layout"),
        ({"templates": {"own": template("PPPPPWWWWWIIIIIC")}}, "templates.own.layout"),
    ],
)
def test_an_impossible_template_is_refused_with_its_field(fields: dict[str, Any], field: str) -> None:
    with pytest.raises(Invalid) as refused:
        checked(**fields)
    assert refused.value.field == field
    assert field in refused.value.detail


def test_an_unknown_template_is_refused_with_those_that_are_known() -> None:
    with pytest.raises(Invalid) as refused:
        checked(use=[{"template": "xx-price"}])
    assert refused.value.facts == {"known": list(NAMED)}


def test_two_templates_for_the_same_codes_are_refused_with_the_other() -> None:
    with pytest.raises(Invalid) as refused:
        checked(use=[{"template": "gb-price"}], templates={"own": template(first="20")})
    assert refused.value.facts == {"other": "use[0]"}


@pytest.mark.parametrize(
    "own",
    [
        template("IIIIIIC", first="0", last="0"),
        template("IIIIIC", first="01"),
        template(first="04"),
        template("IIIIPPPPPC", first="021", last="029"),
        template("IPPPPPPNNNC"),
        template("IIIXXXXXXXC"),
        template("XIIIIXPPPPC"),
    ],
)
def test_an_unusual_template_is_read(own: dict[str, Any]) -> None:
    layout = own["first"] + own["layout"]
    code = (own["first"] + "13579246801")[: len(layout) - 1]
    reading = checked(templates={"own": own}).read(code + check_digit(code), "barcode")
    assert reading is not None
    assert reading.item == "".join(digit for digit, letter in zip(code, layout, strict=False) if letter == "I")


def test_templates_whose_longer_and_shorter_prefixes_differ_do_not_overlap() -> None:
    long = "IIIIPPPPPC"
    assert checked(templates={"own": template(first="22", last="23"), "part": template(long, "215", "218")})
    assert checked(templates={"own": template(first="21"), "part": template(long, "221", "225")})


def test_the_key_of_a_code_of_eight_digits_has_seven_before_its_check_digit() -> None:
    reading = checked(templates={"own": template("IIIPPPC", first="2")}).read("2123456" + check_digit("2123456"), "")
    assert reading is not None
    assert reading.codes == (canonical("2123000" + check_digit("2123000")),)


@pytest.mark.parametrize(
    "field", [{"first": "2x"}, {"layout": "IIIIIZZZZZC"}, {"price_decimals": 5}, {"kind": "price"}]
)
def test_a_template_of_another_form_is_refused_by_its_schema(field: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        checked(templates={"own": {**template(), **field}})


def test_templates_with_the_same_prefixes_for_other_lengths_do_not_overlap() -> None:
    names = [{"template": name} for name in ("cn-2-price", "cn-18-price-weight", "cn-8", "us-price")]
    found = checked(use=names)
    assert [found.read(code, "barcode") is not None for code in ("2212345012589", "20123451")] == [True, True]


def test_a_template_for_a_part_of_its_prefixes_reads_only_these() -> None:
    found = checked(
        use=[{"template": "cn-2-price", "first": "21"}, {"template": "cn-item", "first": "22", "last": "24"}]
    )
    codes = [code + check_digit(code) for code in ("201234501258", "211234501258", "241234501258", "251234501258")]
    readings = [found.read(code, "barcode") for code in codes]
    assert [reading and reading.template for reading in readings] == [None, "cn-2-price", "cn-item", None]


@pytest.mark.parametrize("name", NAMED)
def test_each_named_template_can_be_used_alone(name: str) -> None:
    assert checked(use=[{"template": name}]) is not NO_SCALE_CODES


@given(name=st.sampled_from(list(NAMED)), digits=st.text("0123456789", min_size=18, max_size=18), data=st.data())
def test_a_code_made_by_a_template_is_read_by_it(name: str, digits: str, data: st.DataObject) -> None:
    used = NAMED[name]
    code = data.draw(st.sampled_from([used.first, used.last])) + digits[: len(used.layout) - 1]
    layout = " " * len(used.first) + used.layout

    def part(letter: str) -> str:
        return "".join(digit for digit, place in zip(code, layout, strict=False) if place == letter)

    if "K" in layout:
        at = layout.index("K")
        code = code[:at] + value_check_digit(part("P") + part("W") + part("N")) + code[at + 1 :]
    code += check_digit(code)
    found = read_scan(code, 2026, checked(use=[{"template": name}]))
    assert (found.form, found.template, found.item) == ("scale_code", name, part("I"))
    assert found.price == (PrintedPrice(int(part("P")), used.price_decimals) if part("P") else None)
    assert found.weight == (Measure(int(part("W")), used.weight_decimals, "KGM") if part("W") else None)
    (key,) = found.codes
    assert canonical(key) == key and code[: len(used.first)] + found.item in key


@given(
    name=st.sampled_from(["cn-3-price", "cn-4-weight", "de-price"]), place=st.integers(7, 11), other=st.integers(1, 9)
)
def test_a_misread_digit_of_a_value_is_refused(name: str, place: int, other: int) -> None:
    used = NAMED[name]
    at = len(used.first) + used.layout.index("K")
    head = (used.first + "1234567")[:at]
    value = "2875" if used.layout.count("I") == 5 else "14685"
    code = head + value_check_digit(value) + value
    wrong = code[:place] + str((int(code[place]) + other) % 10) + code[place + 1 :]
    found = checked(use=[{"template": name}])
    assert found.read(code + check_digit(code), "barcode") is not None
    with pytest.raises(Invalid):
        found.read(wrong + check_digit(wrong), "barcode")


@pytest.mark.parametrize(
    ("value", "digit"), [("2875", "9"), ("14685", "6"), ("0000", "0"), ("00000", "0"), ("00012", "9")]
)
def test_the_check_digit_of_a_value_is_the_one_that_gs1_computes(value: str, digit: str) -> None:
    assert value_check_digit(value) == digit


def test_the_key_of_a_code_has_zeros_also_for_digits_before_the_item() -> None:
    found = checked(templates={"own": template("XXIIIPPPPPC")})
    reading = found.read("217712312345" + check_digit("217712312345"), "barcode")
    assert reading is not None and reading.item == "123"
    assert reading.codes == ("0210012300000" + check_digit("210012300000"),)


def test_an_item_number_that_is_a_plu_leads_to_it_as_well() -> None:
    found = checked(templates={"fruit": template("IIIIIWWWWWC", is_plu=True)})
    code = "21" + "04011" + "00750"
    assert read_scan(code + check_digit(code), 2026, found).codes[1:] == ("4011",)


def test_the_schema_of_the_document_lists_the_templates() -> None:
    assert '"cn-3-price"' in json.dumps(schema(ScaleCodesDocument))


def register(value: object) -> Register:
    """The newest write of the document."""
    packed = None if value is None else pack_value(value)
    return Register(
        kind="scale_codes", key="default", rank=0, at="", version=1, clock=1, writer="hub-east#0000000a", value=packed
    )


def test_a_document_of_a_later_release_is_read_without_its_new_fields() -> None:
    found = read_scale_codes(register({"use": [{"template": "gb-price", "later": 1}], "later": 1}))
    assert found is not None and found.read("2011122912346", "barcode") is not None


@pytest.mark.parametrize("value", [{"use": [{"template": "xx"}]}, {"use": 1}, [1]])
def test_a_document_that_this_version_cannot_use_is_told_apart_from_none(value: object) -> None:
    assert read_scale_codes(register(value)) is None
    assert read_scale_codes(register(None)) is read_scale_codes(None) is NO_SCALE_CODES
