"""Cells: what is read, what is refused, and that everything written is read as the same value."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shelfsync.importing.cells import (
    ATTRIBUTE,
    LINES,
    LIST,
    NUMBER,
    RECIPE,
    TEXT,
    WHOLE,
    Cell,
    WrongCell,
    read_attribute,
    read_decimal,
    read_flag,
    read_json,
    read_list,
    read_number,
    read_recipe,
    read_text,
    read_whole,
)

TEXTS = st.text(st.characters(exclude_categories=("Cs",)))
NUMBERS = st.integers(-(2**63), 2**64 - 1) | st.floats(allow_nan=False, allow_infinity=False)


def same(cell: Cell, value: Any) -> bool:
    """Whether a value is read from its own text, with its type."""
    found = cell.read(cell.write(value))
    return bool(found == value) and type(found) is type(value)


@pytest.mark.parametrize("cell", ["1e3", "1.5", "1" * 30, "１２", "0x10", "1_000", "1,000", "twelve", "--1", "1.", "∞"])
def test_what_is_not_plainly_a_whole_number_is_refused(cell: str) -> None:
    with pytest.raises(WrongCell):
        read_whole(cell)


def test_a_whole_number_may_have_blanks_around_it_and_zeros_behind_it() -> None:
    assert [read_whole(cell) for cell in (" 12 ", "12.0", "12.000", "-3", "007")] == [12, 12, 12, -3, 7]


@pytest.mark.parametrize("cell", ["1e3", "1,5", "nan", "inf", "1.2.3", "5 kg", "1" * 30])
def test_what_is_not_plainly_a_number_is_refused(cell: str) -> None:
    for read in (read_number, read_decimal):
        with pytest.raises(WrongCell):
            read(cell)


def test_a_recipe_names_items_with_their_units() -> None:
    assert read_recipe("cola:6") == {"cola": 6}
    assert read_recipe(" cola:1, ice:2;straw ") == {"cola": 1, "ice": 2, "straw": 1}
    assert read_recipe("a:b:3") == {"a:b": 3}
    assert read_recipe('{"cola": 6}') == {"cola": 6}


@pytest.mark.parametrize("cell", ["cola:", "cola:1.5", "cola:1e3", "cola:1 cola:2", ",", "cola:" + "9" * 30])
def test_a_recipe_that_cannot_be_meant_is_refused(cell: str) -> None:
    with pytest.raises(WrongCell):
        read_recipe(cell)


def test_barcodes_stand_between_blanks_semicolons_or_bars() -> None:
    for cell in ("1 2", "1;2", "1|2", " 1 ; 2 ", '["1", "2"]'):
        assert read_list(cell) == ["1", "2"]


def test_an_attribute_is_a_number_or_a_flag_only_if_it_looks_like_one() -> None:
    values = {"12": 12, "1.50": 1.5, "true": True, "007": "007", "1e3": "1e3", "True": "True", '"12"': "12"}
    for cell, value in values.items():
        found = read_attribute(cell)
        assert (found, type(found)) == (value, type(value))
    assert read_attribute("9" * 30) == "9" * 30


def test_a_text_in_quotes_is_exact_and_any_other_loses_blanks_around_it() -> None:
    assert read_text("  cola ") == "cola"
    assert read_text('" cola"') == " cola"
    assert read_text('"Best" cola "2"') == '"Best" cola "2"'


def test_a_flag_is_true_or_false() -> None:
    assert [read_flag(cell) for cell in ("true", "NO", "1")] == [True, False, True]
    with pytest.raises(WrongCell):
        read_flag("maybe")


def test_a_json_cell_says_where_it_is_broken() -> None:
    with pytest.raises(WrongCell, match="is not JSON"):
        read_json('{"a": ')


def test_a_message_shows_no_more_than_the_start_of_a_huge_cell() -> None:
    with pytest.raises(WrongCell) as refused:
        read_whole("x" * 100_000)
    assert len(str(refused.value)) < 200


@given(TEXTS)
def test_each_text_is_read_as_it_was_written(text: str) -> None:
    assert same(TEXT, text)


@given(TEXTS | NUMBERS | st.booleans())
def test_each_attribute_is_read_as_it_was_written(value: Any) -> None:
    assert same(ATTRIBUTE, value)


@given(st.lists(TEXTS))
def test_each_list_is_read_as_it_was_written(values: list[str]) -> None:
    assert same(LIST, values) and same(LINES, values)


@given(st.dictionaries(st.text(st.characters(min_codepoint=33, max_codepoint=126), min_size=1), st.integers(1, 10**9)))
def test_each_recipe_is_read_as_it_was_written(recipe: dict[str, int]) -> None:
    assert same(RECIPE, recipe)


@given(st.floats(-180, 180), st.integers(-(10**15) + 1, 10**15 - 1))
def test_each_number_is_read_as_it_was_written(number: float, whole: int) -> None:
    assert same(NUMBER, number) and same(WHOLE, whole)


@given(st.text())
def test_no_text_makes_a_reader_fail_in_another_way(cell: str) -> None:
    readers: list[Callable[[str], Any]] = [read_whole, read_number, read_decimal, read_recipe, read_list, read_json]
    for read in readers:
        try:
            read(cell)
        except WrongCell as refused:
            assert str(refused)
