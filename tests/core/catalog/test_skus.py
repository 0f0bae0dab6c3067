"""The catalogue: SKUs, what they are made of, and what can be sold of them."""

from __future__ import annotations

from itertools import permutations
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from replica.core.base.errors import UnknownSku
from replica.core.catalog.documents import Register, pack_value
from replica.core.catalog.skus import EACH, Catalog, sellable


def sku(key: str, value: object, version: int = 1) -> Register:
    """The standing write of a `sku` document."""
    return Register("sku", key, 0, "", version, 1, "hub-east#0000000a", None if value is None else pack_value(value))


def catalog_of(**skus: Any) -> Catalog:
    """A closed catalogue of these SKUs."""
    catalog = Catalog()
    for key, value in skus.items():
        assert catalog.put(sku(key, value))
    return catalog


def test_a_recipe_is_ordered_by_item() -> None:
    catalog = catalog_of(menu={"recipe": {"wings": 200, "cola": 1}})
    assert catalog.recipe("menu", 0) == (("cola", 1), ("wings", 200))


def test_an_unknown_sku_is_refused_with_the_line_it_stood_in() -> None:
    with pytest.raises(UnknownSku) as refused:
        Catalog().recipe("cola", 3)
    assert refused.value.field == "lines[3].sku"
    assert refused.value.facts == {"sku": "cola"}


def test_an_open_catalogue_takes_an_unknown_sku_for_the_item_of_that_name() -> None:
    assert Catalog(is_open=True).recipe("cola", 0) == (("cola", 1),)


@pytest.mark.parametrize("name", ["a b", "a/b", "a\n", "", "ä", "x" * 65])
def test_an_open_catalogue_takes_nothing_that_could_not_be_an_item(name: str) -> None:
    catalog = Catalog(is_open=True)
    with pytest.raises(UnknownSku):
        catalog.recipe(name, 0)
    with pytest.raises(UnknownSku) as refused:
        catalog.check_item(name, False, "lines[0].item")
    assert refused.value.field == "lines[0].item"


def test_a_written_sku_counts_more_than_the_item_of_its_name() -> None:
    catalog = Catalog(is_open=True)
    assert catalog.recipe("cola", 0) == (("cola", 1),)
    catalog.put(sku("cola", {"recipe": {"cola_bottle": 1}}))
    assert catalog.recipe("cola", 0) == (("cola_bottle", 1),)


def test_a_cleared_sku_is_unknown_again() -> None:
    catalog = catalog_of(cola={"recipe": {"cola_bottle": 1}, "barcodes": ["123"]})
    assert catalog.put(sku("cola", None, version=2))
    with pytest.raises(UnknownSku):
        catalog.recipe("cola", 0)
    with pytest.raises(UnknownSku):
        catalog.scan("123", "barcode")
    with pytest.raises(UnknownSku):
        catalog.check_item("cola_bottle", False, "item")


def test_an_item_is_known_while_any_recipe_uses_it_or_once_it_moved() -> None:
    catalog = catalog_of(cola={"recipe": {"cola_bottle": 1}}, carrier={"recipe": {"cola_bottle": 6}})
    catalog.put(sku("cola", None, version=2))
    assert catalog.check_item("cola_bottle", False, "item") == "cola_bottle"
    catalog.put(sku("carrier", None, version=2))
    with pytest.raises(UnknownSku):
        catalog.check_item("cola_bottle", False, "item")
    assert catalog.check_item("cola_bottle", True, "item") == "cola_bottle"


def test_a_barcode_names_its_sku_and_an_unknown_one_is_refused() -> None:
    catalog = catalog_of(cola={"recipe": {"cola_bottle": 1}, "barcodes": ["4006381333931"]})
    assert catalog.scan("4006381333931", "barcode") == "cola"
    with pytest.raises(UnknownSku) as refused:
        catalog.scan("999", "lines[2].barcode")
    assert refused.value.field == "lines[2].barcode"
    assert refused.value.facts == {"barcode": "999"}


def test_a_barcode_that_two_skus_claim_names_the_first_by_name_in_any_order() -> None:
    documents = [sku(key, {"recipe": {key: 1}, "barcodes": ["1"]}) for key in ("c", "a", "b")]
    for order in permutations(documents):
        catalog = Catalog()
        for document in order:
            catalog.put(document)
        assert catalog.scan("1", "barcode") == "a"


def test_a_barcode_that_moves_to_another_sku_leaves_the_old_one() -> None:
    catalog = catalog_of(a={"recipe": {"a": 1}, "barcodes": ["1", "1"]}, b={"recipe": {"b": 1}, "barcodes": ["1"]})
    catalog.put(sku("a", {"recipe": {"a": 1}}, version=2))
    assert catalog.scan("1", "barcode") == "b"


def test_the_unit_of_an_item_is_that_of_the_sku_which_is_one_of_it() -> None:
    catalog = catalog_of(
        wings={"recipe": {"wings_gram": 1}, "unit": "GRM"}, bag={"recipe": {"wings_gram": 500}, "unit": "BG"}
    )
    assert catalog.unit("wings_gram") == "GRM"
    assert catalog.unit("cola_bottle") == EACH


def test_an_item_that_two_skus_give_a_unit_has_that_of_the_first_by_name_in_any_order() -> None:
    documents = [
        sku(key, {"recipe": {"cola": 1}, "unit": unit}) for key, unit in (("c", "KGM"), ("a", "BO"), ("b", "GRM"))
    ]
    for order in permutations(documents):
        catalog = Catalog()
        for document in order:
            catalog.put(document)
        assert catalog.unit("cola") == "BO"


def test_an_item_keeps_the_unit_of_another_sku_when_one_is_cleared() -> None:
    catalog = catalog_of(a={"recipe": {"cola": 1}, "unit": "BO"}, b={"recipe": {"cola": 1}, "unit": "GRM"})
    catalog.put(sku("a", None, version=2))
    assert catalog.unit("cola") == "GRM"
    catalog.put(sku("b", None, version=2))
    assert catalog.unit("cola") == EACH


def test_field_that_a_later_version_added_leaves_the_sku_known() -> None:
    catalog = Catalog()
    assert catalog.put(Register("sku", "cola", 0, "", 1, 1, "hub#00000000", pack_value({"recipe": {"c": 1}, "new": 1})))
    assert catalog.recipe_of("cola", "sku") == (("c", 1),)


@pytest.mark.parametrize(
    "value",
    [
        {},
        7,
        {"recipe": {}},
        {"recipe": {"cola": 0}},
        {"recipe": {"cola": 1.5}},
        {"recipe": {"a b": 1}},
        {"recipe": {"cola\n": 1}},
        {"recipe": {"cola": 1}, "unit": "bottle"},
        {"recipe": {f"item-{number}": 1 for number in range(101)}},
    ],
)
def test_a_document_that_is_no_sku_makes_the_sku_unknown(value: object) -> None:
    catalog = catalog_of(cola={"recipe": {"cola_bottle": 1}})
    assert not catalog.put(sku("cola", value, version=2))
    with pytest.raises(UnknownSku):
        catalog.recipe("cola", 0)


@given(st.binary(max_size=60))
def test_no_bytes_in_a_document_harm_the_catalogue(value: bytes) -> None:
    catalog = catalog_of(cola={"recipe": {"cola_bottle": 1}})
    catalog.put(Register("sku", "cola", 0, "", 2, 1, "hub-east#0000000a", value))
    assert catalog.put(sku("cola", {"recipe": {"cola_bottle": 1}}, version=3))


@pytest.mark.parametrize(
    ("recipe", "units", "number"),
    [
        ((("cola", 6),), {"cola": 17}, 2),
        ((("cola", 1), ("wings", 200)), {"cola": 5, "wings": 999}, 4),
        ((("cola", 1),), {"cola": 0}, 0),
        ((("cola", 6),), {"cola": -1}, -1),
    ],
)
def test_what_can_be_sold_is_the_least_over_the_items_rounded_down(
    recipe: tuple[tuple[str, int], ...], units: dict[str, int], number: int
) -> None:
    assert sellable(recipe, units) == number
