"""Sellable quantities: one formula for each kind of SKU, and only the SKUs of moved items are computed anew."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from replica.core.catalog.documents import pack_value
from replica.core.catalog.registers import Register
from replica.core.catalog.skus import SKU, Catalog
from replica.core.ledger.cells import Ledger, Move
from replica.core.log.entry import DOCUMENT, Content
from replica.core.stock.sellable import UnitsAt, skus_moved_by, skus_written_by
from tests.core.stock.shop import VECTORS

HERE, NODE, WRITER = "store-1", "store-1", "store-1#0000000a"
ITEMS, SKUS = ("cola", "wings", "bread"), ("a", "b", "c", "d")


def content(*moves: Move, kind: str = "sale", facts: dict[str, Any] | None = None) -> Content:
    """An entry of these moves."""
    return Content(kind, 1, b"", "", "", "", moves, (), facts or {})


def catalog_of(recipes: dict[str, dict[str, int]], *, is_open: bool = False) -> Catalog:
    """A catalogue of these recipes."""
    catalog = Catalog(is_open)
    for version, (sku, recipe) in enumerate(recipes.items(), 1):
        catalog.put(written(sku, recipe, version))
    return catalog


def written(sku: str, recipe: dict[str, int] | None, version: int) -> Register:
    """A write of a SKU document; None deletes it."""
    value = None if recipe is None else pack_value({"recipe": recipe})
    return Register(SKU, sku, 0, "", version, version, WRITER, value)


def receive(ledger: Ledger, item: str, units: int) -> Move:
    """Bring units in, or sell them if the number is negative. Return the move."""
    ends = ("supplier", f"{NODE}/free") if units > 0 else (f"{NODE}/free", "customer")
    move = Move(item, *ends, abs(units))
    ledger.apply(HERE, WRITER, (move,))
    return move


def all_sellable(ledger: Ledger, catalog: Catalog) -> dict[str, int]:
    """How many of each SKU can be sold, computed for each from the beginning."""
    units = UnitsAt(ledger, HERE, NODE)
    return {sku: units.sellable(sku, known.recipe).sellable for sku, known in sorted(catalog.skus().items())}


@pytest.mark.parametrize("case", [case for case in VECTORS["cases"] if "sellable" in case])
def test_the_worked_examples_of_shared_stock(case: dict[str, Any]) -> None:
    ledger, catalog = Ledger(), catalog_of(VECTORS["recipes"])
    for item, units in VECTORS["items"].items():
        receive(ledger, item, units)
    for sku, quantity in case["sell"].items():
        for item, units in catalog.recipe(sku, 0):
            receive(ledger, item, -units * quantity)
    shown = all_sellable(ledger, catalog)
    assert {sku: shown[sku] for sku in case["sellable"]} == case["sellable"]


@given(
    st.dictionaries(st.sampled_from(SKUS), st.dictionaries(st.sampled_from(ITEMS), st.integers(1, 4), min_size=1)),
    st.lists(
        st.tuples(st.sampled_from(ITEMS), st.integers(-5, 9).filter(bool))
        | st.tuples(
            st.sampled_from(SKUS), st.none() | st.dictionaries(st.sampled_from(ITEMS), st.integers(1, 4), min_size=1)
        ),
        max_size=20,
    ),
)
def test_figures_kept_up_by_changes_are_those_computed_from_the_beginning(
    recipes: dict[str, dict[str, int]], steps: list[tuple[str, Any]]
) -> None:
    ledger, catalog = Ledger(), catalog_of(recipes)
    figures: dict[str, int | None] = dict(all_sellable(ledger, catalog))
    for version, (name, change) in enumerate(steps, 100):
        if name in ITEMS:
            changed = skus_moved_by([content(receive(ledger, name, change))], catalog)
        else:
            catalog.put(written(name, change, version))
            changed = skus_written_by([content(kind=DOCUMENT, facts={"kind": SKU, "key": name})])
        units = UnitsAt(ledger, HERE, NODE)
        for sku in changed:
            known = catalog.sku(sku)
            figures[sku] = units.sellable(sku, known.recipe).sellable if known is not None else None
    assert {sku: units for sku, units in figures.items() if units is not None} == all_sellable(ledger, catalog)


def test_an_item_that_is_not_there_makes_nothing() -> None:
    ledger = Ledger()
    receive(ledger, "wings", 9)
    assert UnitsAt(ledger, HERE, NODE).sellable("both", (("cola", 6), ("wings", 1))).sellable == 0


def test_a_breach_is_shown_as_zero() -> None:
    ledger = Ledger()
    receive(ledger, "cola", -3)
    found = UnitsAt(ledger, HERE, NODE).sellable("cola", (("cola", 1),))
    assert (found.sellable, found.guaranteed) == (0, 0)


def test_only_own_rights_are_guaranteed() -> None:
    ledger = Ledger()
    receive(ledger, "cola", 10)
    ledger.apply(HERE, WRITER, (Move("cola", f"{NODE}/free", "hub-east/free", 4),))
    found = UnitsAt(ledger, HERE, NODE).sellable("two", (("cola", 2),))
    assert (found.sellable, found.guaranteed) == (5, 3)


def test_an_open_catalogue_names_the_item_itself() -> None:
    move = Move("cola", "supplier", f"{NODE}/free", 1)
    assert skus_moved_by([content(move)], catalog_of({}, is_open=True)) == ["cola"]
    assert skus_moved_by([content(move)], catalog_of({})) == []


def test_only_documents_of_skus_change_which_skus_there_are() -> None:
    written_ones = [
        content(kind=DOCUMENT, facts={"kind": SKU, "key": "a"}),
        content(kind=DOCUMENT, facts={"kind": "price", "key": "b"}),
        content(facts={"kind": SKU, "key": "c"}),
        content(kind=DOCUMENT, facts={"kind": SKU, "key": "a"}),
    ]
    assert skus_written_by(written_ones) == ["a"]
