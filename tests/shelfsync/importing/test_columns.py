"""Columns: the document that a row describes, and that an export loses nothing, known or not."""

from __future__ import annotations

import csv
import io
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shelfsync.importing.columns import KINDS, LOCATIONS, POLICIES, PRICES, SKUS, Kind, WrongField, cells_of, value_of

TEXTS = st.text(st.characters(exclude_categories=("Cs",)), max_size=20)
ITEMS = st.text(st.characters(min_codepoint=33, max_codepoint=126), min_size=1, max_size=10)
VALUES = st.recursive(
    TEXTS | st.integers(-(2**63), 2**63) | st.booleans() | st.none() | st.floats(-1e6, 1e6),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(TEXTS, inner, max_size=3),
    max_leaves=8,
)


def read(kind: Kind, key: str, **cells: str) -> dict[str, Any]:
    """The value that cells describe."""
    named = {name.replace("__", "."): cell for name, cell in cells.items()}
    return value_of(kind, key, named, {name: place for name in named if (place := kind.place(name))})


def through_a_table(kind: Kind, value: dict[str, Any]) -> dict[str, Any]:
    """A value as an import reads it from the table that an export writes."""
    file = io.StringIO(newline="")
    cells = cells_of(kind, value)
    table = csv.DictWriter(file, list(cells))
    table.writeheader()
    table.writerow(cells)
    found = next(csv.DictReader(io.StringIO(file.getvalue(), newline=""))) if cells else {}
    return value_of(kind, "key", found, {name: kind.place(name) for name in found})  # type: ignore[misc]


def test_a_sku_without_a_recipe_is_the_item_of_its_name() -> None:
    assert read(SKUS, "cola", name__en="Cola") == {"recipe": {"cola": 1}, "names": {"en": "Cola"}}


def test_columns_of_a_group_are_joined() -> None:
    value = read(SKUS, "cup", recipe="cola:1 ice:2", name__en="Cup", name__zh="杯", attribute__size="2", barcodes="1 2")
    assert value == {
        "recipe": {"cola": 1, "ice": 2},
        "names": {"en": "Cup", "zh": "杯"},
        "attributes": {"size": 2},
        "barcodes": ["1", "2"],
    }


def test_an_address_has_a_column_for_each_part() -> None:
    value = read(
        LOCATIONS, "s-1", type="store", name="S", region="east", city="上海", lines="1 Road|Floor 2", lat="31.2"
    )
    assert value["address"] == {"city": "上海", "lines": ["1 Road", "Floor 2"]}
    assert value["lat"] == 31.2


def test_a_safety_stock_is_units_or_a_forecast() -> None:
    assert read(POLICIES, "default", mode="safety", safety_stock="5")["safety_stock"] == 5
    found = read(POLICIES, "default", mode="safety", safety_stock="forecast:0.95", channel__web="0.5")
    assert found["safety_stock"] == {"forecast": {"quantile": 0.95}}
    assert found["channels"] == {"web": 0.5}


@pytest.mark.parametrize(
    ("price", "currency", "amount"),
    [("1.99", "EUR", 199), ("2", "EUR", 200), ("150", "JPY", 150), ("0.125", "KWD", 125)],
)
def test_a_price_becomes_minor_units_by_the_digits_of_its_currency(price: str, currency: str, amount: int) -> None:
    assert read(PRICES, "cola", price=price, currency=currency) == {"amount": amount, "currency": currency}


@pytest.mark.parametrize(
    ("cells", "column"),
    [
        ({"price": "1.999", "currency": "EUR"}, "price"),
        ({"price": "1.5", "currency": "JPY"}, "price"),
        ({"price": "1.99"}, "currency"),
        ({"price": "1.99", "currency": "euro"}, "currency"),
        ({"price": "1e3", "currency": "EUR"}, "price"),
        ({"price": "1,99", "currency": "EUR"}, "price"),
        ({"price": "1.99", "amount": "199", "currency": "EUR"}, "price"),
        ({"amount": "1.99", "currency": "EUR"}, "amount"),
    ],
)
def test_a_price_that_is_not_exact_is_refused_by_its_column(cells: dict[str, str], column: str) -> None:
    with pytest.raises(WrongField) as refused:
        read(PRICES, "cola", **cells)
    assert refused.value.column == column


@pytest.mark.parametrize(
    ("path", "column"),
    [
        (["recipe", "cola"], "recipe"),
        (["barcodes", "0"], "barcodes"),
        (["names", "en"], "name.en"),
        (["attributes", "size"], "attribute.size"),
        (["nonsense"], None),
    ],
)
def test_each_field_of_a_document_has_its_column(path: list[str], column: str | None) -> None:
    assert SKUS.column_of(path) == column


def test_a_field_that_this_version_does_not_know_is_exported_as_json() -> None:
    value = {"recipe": {"cola": 1}, "cases": [{"code": "4001", "units": 24}]}
    assert cells_of(SKUS, value)["json.cases"] == '[{"code":"4001","units":24}]'
    assert through_a_table(SKUS, value) == value


@given(
    st.fixed_dictionaries(
        {"recipe": st.dictionaries(ITEMS, st.integers(1, 10**9), min_size=1, max_size=4)},
        optional={
            "unit": TEXTS,
            "barcodes": st.lists(TEXTS, max_size=4),
            "names": st.dictionaries(TEXTS, TEXTS, max_size=3),
            "attributes": st.dictionaries(
                TEXTS, TEXTS | st.integers(-5, 5) | st.booleans() | st.floats(-1, 1), max_size=3
            ),
            "later": VALUES,
        },
    )
)
def test_each_sku_survives_a_table(value: dict[str, Any]) -> None:
    assert through_a_table(SKUS, value) == value


@given(
    st.fixed_dictionaries(
        {"type": TEXTS, "name": TEXTS, "region": TEXTS},
        optional={
            "address": st.fixed_dictionaries({}, optional={"city": TEXTS, "lines": st.lists(TEXTS, max_size=3)}),
            "lat": st.floats(-90, 90),
            "hours": st.dictionaries(TEXTS, TEXTS, max_size=2),
        },
    )
)
def test_each_location_survives_a_table(value: dict[str, Any]) -> None:
    assert through_a_table(LOCATIONS, value) == value


@given(st.sampled_from([kind for kind in KINDS.values() if kind.document and kind.has_tables]), st.data())
def test_values_of_any_shape_survive_a_table(kind: Kind, data: st.DataObject) -> None:
    names = st.sampled_from([column.path[0] for column in kind.columns if column.name != "price"] + ["later"])
    value = data.draw(st.dictionaries(names, VALUES, max_size=4))
    if kind is SKUS:
        value.setdefault("recipe", {"key": 1})
    assert through_a_table(kind, value) == value
