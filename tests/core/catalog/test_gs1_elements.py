"""GS1 element strings and links: round trips, the table of identifiers, and the century of dates."""

from __future__ import annotations

from datetime import date
from urllib.parse import quote

import pytest
from hypothesis import given
from hypothesis import strategies as st

from replica.core.base.errors import Invalid
from replica.core.catalog.barcodes import check_digit
from replica.core.catalog.digital_links import read_link
from replica.core.catalog.gs1_elements import SEPARATOR, Element, read_elements
from replica.core.catalog.gs1_identifiers import IDENTIFIERS, Identifier, date_of, read_table

SET_82 = "!\"%&'()*+,-./0123456789:;<=>?ABCDEFGHIJKLMNOPQRSTUVWXYZ_abcdefghijklmnopqrstuvwxyz"
DIGITS = "0123456789"


@st.composite
def values(draw: st.DrawFn, identifier: Identifier) -> str:
    """A value that has the form of an identifier."""
    head = draw(st.text(DIGITS, min_size=identifier.digits, max_size=identifier.digits))
    if identifier.is_date:
        head = draw(st.sampled_from(["991231", "260100", "280229"])) + head[6:]
    if identifier.checked:
        head = head[: identifier.checked - 1] + check_digit(head[: identifier.checked - 1]) + head[identifier.checked :]
    alphabet = DIGITS if identifier.tail == "N" else SET_82
    return head + draw(st.text(alphabet, min_size=identifier.tail_min, max_size=identifier.tail_max))


@st.composite
def elements(draw: st.DrawFn) -> list[Element]:
    """Elements with different identifiers, in any order."""
    chosen = draw(st.lists(st.sampled_from(list(IDENTIFIERS.values())), min_size=1, max_size=6, unique=True))
    return [Element(one.ai, draw(values(one))) for one in chosen]


def scanned(written: list[Element]) -> str:
    """The elements as a scanner sends them: a separator after each value whose length is not predefined."""
    parts = [one.ai + one.value + ("" if IDENTIFIERS[one.ai].is_predefined else SEPARATOR) for one in written]
    return "".join(parts).removesuffix(SEPARATOR)


@given(written=elements())
def test_elements_are_read_as_they_were_scanned(written: list[Element]) -> None:
    assert list(read_elements(scanned(written), "barcode")) == written


@given(written=elements())
def test_a_separator_after_each_value_changes_nothing(written: list[Element]) -> None:
    text = "".join(SEPARATOR + one.ai + one.value for one in written)
    assert list(read_elements(text + SEPARATOR, "barcode")) == written


@given(written=elements().filter(lambda some: not any("(" in one.value for one in some)))
def test_elements_are_read_as_they_are_written_with_parentheses(written: list[Element]) -> None:
    text = "".join(f"({one.ai}){one.value}" for one in written)
    assert list(read_elements(text, "barcode")) == written


@given(lot=values(IDENTIFIERS["10"]), serial=values(IDENTIFIERS["21"]), expiry=values(IDENTIFIERS["17"]))
def test_a_link_has_the_elements_of_its_path_and_its_query(lot: str, serial: str, expiry: str) -> None:
    path = f"/shop/01/09506000134352/10/{quote(lot, safe='')}/21/{quote(serial, safe='')}"
    found = read_link(f"https://shop.example{path}?lang=de&17={expiry}", "barcode")
    assert found == (
        Element("01", "09506000134352"),
        Element("10", lot),
        Element("21", serial),
        Element("17", expiry),
    )


@given(written=elements(), place=st.integers(0, 30), character=st.characters(codec="ascii"))
def test_a_changed_element_string_is_read_or_refused_with_its_position(
    written: list[Element], place: int, character: str
) -> None:
    text = scanned(written)
    changed = text[:place] + character + text[place + 1 :]
    try:
        read_elements(changed, "barcode")
    except Invalid as refused:
        assert 1 <= refused.facts["position"] <= len(changed) + 1


@pytest.mark.parametrize(
    ("ai", "digits", "tail"),
    [
        ("00", 18, (0, 0)),
        ("10", 0, (1, 20)),
        ("17", 6, (0, 0)),
        ("253", 13, (0, 17)),
        ("3105", 6, (0, 0)),
        ("37", 0, (1, 8)),
        ("3909", 0, (1, 15)),
        ("3932", 3, (1, 15)),
        ("421", 3, (1, 9)),
        ("7040", 1, (3, 3)),
        ("8008", 8, (0, 4)),
        ("99", 0, (1, 90)),
    ],
)
def test_the_table_has_the_form_of_each_identifier(ai: str, digits: int, tail: tuple[int, int]) -> None:
    found = IDENTIFIERS[ai]
    assert (found.digits, (found.tail_min, found.tail_max)) == (digits, tail)


@pytest.mark.parametrize(
    ("row", "identifiers"),
    [
        ("00           N18*           SSCC", [Identifier("00", "SSCC", 18, 18, False, "X", 0, 0)]),
        ("11           D              made on", [Identifier("11", "made on", 6, 0, True, "X", 0, 0)]),
        ("253          N13* X0..17    type", [Identifier("253", "type", 13, 13, False, "X", 0, 17)]),
        ("37           N1..8          count", [Identifier("37", "count", 0, 0, False, "N", 1, 8)]),
        ("8006         N14* N4        piece", [Identifier("8006", "piece", 18, 14, False, "X", 0, 0)]),
        ("8008         D N2 N0..4     time", [Identifier("8008", "time", 8, 0, True, "N", 0, 4)]),
    ],
)
def test_a_row_of_the_table_says_the_form_of_the_values(row: str, identifiers: list[Identifier]) -> None:
    assert list(read_table(row).values()) == identifiers


@pytest.mark.parametrize(
    ("ais", "expanded"),
    [
        ("00", "00"),
        ("02-04", "02 03 04"),
        ("410-412", "410 411 412"),
        ("310n", "3100 3101 3102 3103 3104 3105"),
        ("310n-311n", "3100 3101 3102 3103 3104 3105 3110 3111 3112 3113 3114 3115"),
        ("390n", "3900 3901 3902 3903 3904 3905 3906 3907 3908 3909"),
        ("3940-3941", "3940 3941"),
    ],
)
def test_a_row_of_the_table_is_about_several_identifiers(ais: str, expanded: str) -> None:
    assert list(read_table(f"{ais:13}N6             name")) == expanded.split()


@pytest.mark.parametrize(
    ("text", "form"),
    [
        ("011234", "14 characters"),
        ("10", "1 to 20 characters"),
        ("421528", "4 to 12 characters"),
        ("3103ABCDEF", "only digits"),
        ("37A", "only digits"),
        ("2559501101530003A", "only digits"),
        ("421ABC1234", "3 digits"),
    ],
)
def test_a_value_of_another_form_is_refused_with_the_form_of_its_identifier(text: str, form: str) -> None:
    with pytest.raises(Invalid, match=rf"which (has|begins with) {form}\."):
        read_elements(text, "barcode")


def test_no_identifier_begins_with_another_one() -> None:
    assert [ai for ai in IDENTIFIERS for other in IDENTIFIERS if ai != other and ai.startswith(other)] == []


def test_identifiers_of_predefined_length_are_those_of_the_specification() -> None:
    stems = sorted({ai[:2] for ai, identifier in IDENTIFIERS.items() if identifier.is_predefined})
    assert " ".join(stems) == "00 01 02 03 11 12 13 15 16 17 20 31 32 33 34 35 36 41"
    assert all(one.tail_max == 0 for one in IDENTIFIERS.values() if one.is_predefined)


@pytest.mark.parametrize(
    ("digits", "year", "expected"),
    [
        ("261231", 2026, date(2026, 12, 31)),
        ("760101", 2026, date(2076, 1, 1)),
        ("770101", 2026, date(1977, 1, 1)),
        ("010101", 2098, date(2101, 1, 1)),
        ("100101", 2110, date(2110, 1, 1)),
        ("490101", 2098, date(2049, 1, 1)),
        ("480101", 2098, date(2148, 1, 1)),
        ("280200", 2026, date(2028, 2, 29)),
        ("270200", 2026, date(2027, 2, 28)),
        ("261200", 2026, date(2026, 12, 31)),
        ("261300", 2026, None),
        ("260000", 2026, None),
        ("260431", 2026, None),
    ],
)
def test_a_date_is_in_the_nearest_century_and_day_zero_ends_the_month(
    digits: str, year: int, expected: date | None
) -> None:
    assert date_of(digits, year) == expected


@pytest.mark.parametrize(
    "text", ["https://shop.example/offers", "https://shop.example", "mailto:01/09506000134352", "/01/09506000134352"]
)
def test_an_address_without_a_primary_key_is_no_link(text: str) -> None:
    assert read_link(text, "barcode") is None


def test_an_error_counts_the_position_from_the_first_character() -> None:
    with pytest.raises(Invalid) as refused:
        read_elements("0109506000134352" + "17261332", "barcode", position=4)
    assert (refused.value.facts["ai"], refused.value.facts["position"]) == ("17", 22)


def test_a_position_is_counted_from_one_if_nothing_stands_before() -> None:
    for read, text in ((read_elements, "0109506000134353"), (read_link, "https://id.gs1.org/01/09506000134353")):
        with pytest.raises(Invalid) as refused:
            read(text, "barcode")
        assert refused.value.facts["position"] == text.index("095") + 1
