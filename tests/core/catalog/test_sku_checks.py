"""What is checked when a SKU document is written."""

from __future__ import annotations

from typing import Any

import pytest
from msgspec import convert

from replica.core.base.errors import BarcodeConflict, Invalid, Refused
from replica.core.base.item_names import ItemNames
from replica.core.catalog.documents import pack_value
from replica.core.catalog.sku_checks import admit_sku, check_sku, tidy_sku
from replica.core.catalog.skus import Catalog, SkuDocument
from tests.core.catalog.test_skus import catalog_of, sku


def checked(**fields: Any) -> SkuDocument:
    """A SKU of one cola with these fields, tidied and checked."""
    document = tidy_sku(convert({"recipe": {"cola": 1}, **fields}, SkuDocument))
    check_sku(document)
    return document


def admit(catalog: Catalog, key: str, document: Any, moved: Any = (), *, has_new_items: bool = False) -> None:
    """Check a write of a SKU, and index it."""
    names = ItemNames()
    for item in moved:
        names.add(item)
    admit_sku(catalog, names, key, pack_value(document), has_new_items=has_new_items)
    assert catalog.put(sku(key, document))


def refusal(catalog: Catalog, key: str, document: Any, moved: Any = ()) -> Refused:
    """Why a write of a SKU is refused."""
    with pytest.raises(Refused) as refused:
        admit(catalog, key, document, moved)
    assert "None" not in refused.value.detail
    return refused.value


def test_a_recipe_that_names_a_sku_of_other_items_is_refused_with_the_items() -> None:
    catalog = catalog_of(cola={"recipe": {"cola": 1}})
    admit(catalog, "cola-6", {"recipe": {"cola": 6}})
    refused = refusal(catalog, "crate", {"recipe": {"cola-6": 4, "crate_deposit": 1}})
    assert (type(refused), refused.field) == (Invalid, "recipe.cola-6")
    assert refused.facts == {"sku": "cola-6", "items": {"cola": 24}}
    assert '{"cola": 24}' in refused.detail


def test_a_recipe_that_names_a_deleted_sku_of_other_items_is_refused() -> None:
    catalog = catalog_of(cola={"recipe": {"cola": 1}})
    catalog.put(sku("cola-6", None, version=2), sku("cola-6", {"recipe": {"cola": 6}}))
    refused = refusal(catalog, "crate", {"recipe": {"cola-6": 4}})
    assert (type(refused), refused.field) == (Invalid, "recipe.cola-6")
    assert refused.facts == {"sku": "cola-6", "items": {"cola": 24}}
    assert '{"cola": 24}' in refused.detail
    assert "new_items=true" in refused.detail
    admit(catalog, "cola-6", {"recipe": {"cola-6": 1}})


def test_a_recipe_names_an_item_with_the_name_of_a_deleted_sku_on_request() -> None:
    catalog = Catalog()
    catalog.put(sku("cola-6", None, version=2), sku("cola-6", {"recipe": {"cola": 6}}))
    catalog.put(sku("leaf", None, version=2), sku("leaf", {"recipe": {"leaf": 1}}))
    admit(catalog, "crate", {"recipe": {"cola-6": 4}}, has_new_items=True)
    admit(catalog, "tea", {"recipe": {"leaf": 4}})


def test_a_sku_that_would_turn_the_item_of_other_recipes_into_a_sku_is_refused() -> None:
    catalog = catalog_of(crate={"recipe": {"cola-6": 4}})
    refused = refusal(catalog, "cola-6", {"recipe": {"cola": 6}})
    assert (type(refused), refused.field, refused.facts["skus"]) == (Invalid, "recipe", ["crate"])
    admit(catalog, "cola-6", {"recipe": {"cola-6": 1}})


def test_a_sku_may_name_an_item_that_has_the_name_of_a_sku_of_itself() -> None:
    catalog = catalog_of(cola={"recipe": {"cola": 1}}, wings_g={"recipe": {"wings_g": 500}})
    admit(catalog, "menu", {"recipe": {"cola": 1, "wings_g": 200}})
    admit(catalog, "cola-6", {"recipe": {"cola": 6}})


def test_a_misspelt_item_is_refused_with_the_names_that_may_be_meant() -> None:
    catalog = catalog_of(cola={"recipe": {"cola": 1}})
    refused = refusal(catalog, "cola-6", {"recipe": {"colla": 6}})
    assert (type(refused), refused.field, refused.facts["known"]) == (Invalid, "recipe.colla", ["cola"])
    assert "new_items=true" in refused.detail
    admit(catalog, "cola-6", {"recipe": {"colla": 6}}, has_new_items=True)
    admit(catalog, "cola-12", {"recipe": {"colla": 12}})


def test_a_misspelt_item_is_found_after_a_correct_one() -> None:
    catalog = catalog_of(cola={"recipe": {"cola": 1}}, cole={"recipe": {"cole": 1}})
    refused = refusal(catalog, "mix", {"recipe": {"cola": 3, "colla": 3}})
    assert (refused.field, refused.facts["known"]) == ("recipe.colla", ["cola"])


def test_all_names_that_may_be_meant_are_listed() -> None:
    catalog = catalog_of(lemonades={"recipe": {"lemonades": 1}}, lemonadi={"recipe": {"lemonadi": 1}})
    refused = refusal(catalog, "six", {"recipe": {"lemonade": 6}})
    assert refused.facts["known"] == ["lemonades", "lemonadi"]
    assert "'lemonades' or 'lemonadi'" in refused.detail


def test_a_sku_of_other_items_may_become_one_of_the_item_of_its_name() -> None:
    catalog = catalog_of(cola={"recipe": {"cola_bottle": 1}})
    admit(catalog, "cola", {"recipe": {"cola": 1}}, has_new_items=True)
    assert catalog.recipe("cola", 0) == (("cola", 1),)


def test_a_misspelt_item_is_found_among_the_items_that_moved() -> None:
    assert refusal(Catalog(), "cola-6", {"recipe": {"colla": 6}}, {"cola": 1}).field == "recipe.colla"
    admit(Catalog(), "cola-6", {"recipe": {"colla": 6}}, {"cola": 1, "colla": 1})


def test_a_misspelt_item_is_found_among_the_items_of_deleted_skus() -> None:
    catalog = Catalog()
    catalog.put(sku("cola", None, version=2), sku("cola", {"recipe": {"cola": 1}}))
    assert refusal(catalog, "cola-6", {"recipe": {"colla": 6}}).field == "recipe.colla"
    admit(catalog, "cola-6", {"recipe": {"cola": 6}})


def test_the_first_sku_of_a_new_item_is_accepted() -> None:
    catalog = catalog_of(cola={"recipe": {"cola": 1}})
    admit(catalog, "wings-500", {"recipe": {"wings_g": 500}})
    admit(catalog, "colla", {"recipe": {"colla": 1}})
    for number in range(20):
        admit(catalog, f"pack-{number}", {"recipe": {f"item-{number}": 6}})


def test_a_second_claim_of_a_barcode_is_refused_naming_the_sku_that_has_it() -> None:
    catalog = catalog_of(cola={"recipe": {"cola": 1}, "barcodes": ["036000291452"]})
    refused = refusal(catalog, "leaf", {"recipe": {"leaf": 1}, "barcodes": ["4011", "0036000291452"]})
    assert (type(refused), refused.field) == (BarcodeConflict, "barcodes[1]")
    assert refused.facts == {"barcode": "0036000291452", "skus": ["cola"]}
    assert "'0036000291452'" in refused.detail
    assert "cola" in refused.detail


def test_a_sku_keeps_its_own_barcodes_and_takes_those_of_a_deleted_sku() -> None:
    catalog = catalog_of(cola={"recipe": {"cola": 1}, "barcodes": ["1"]})
    admit(catalog, "cola", {"recipe": {"cola": 1}, "barcodes": ["1", "2"]})
    catalog.put(sku("cola", None, version=3), sku("cola", {"recipe": {"cola": 1}, "barcodes": ["1", "2"]}))
    admit(catalog, "leaf", {"recipe": {"leaf": 1}, "barcodes": ["1"]})
    assert catalog.scan("1", "barcode") == catalog.scan("1", "barcode", is_fact=True) == "leaf"
    assert catalog.scan("2", "barcode", is_fact=True) == "cola"


@pytest.mark.parametrize(
    ("first", "second"), [("1", "1"), ("4006381333931", "4006381333931"), ("036000291452", "0036000291452")]
)
def test_a_sku_in_a_conflict_stays_editable(first: str, second: str) -> None:
    catalog = catalog_of(a={"recipe": {"b": 1}, "barcodes": [first]}, b={"recipe": {"c": 1}, "barcodes": [second]})
    assert catalog.recipe_conflicts() == [("b", ["a"])]
    admit(catalog, "a", {"recipe": {"b": 1}, "barcodes": [first], "names": {"en": "A"}})
    admit(catalog, "b", {"recipe": {"c": 1}, "barcodes": [second], "names": {"en": "B"}})
    admit(catalog, "a", {"recipe": {"c": 1}})
    assert (catalog.recipe_conflicts(), catalog.barcode_conflicts()) == ([], [])


def test_blanks_around_a_barcode_are_removed_when_it_is_written() -> None:
    assert checked(barcodes=[" 036000291452\t", "a b"]).barcodes == ("036000291452", "a b")


@pytest.mark.parametrize(
    ("barcode", "right"), [("4006381333932", "1"), ("036000291453", "2"), ("77777777", "5"), ("10012345678903", "2")]
)
def test_a_wrong_check_digit_is_refused_with_the_right_one(barcode: str, right: str) -> None:
    with pytest.raises(Invalid) as refused:
        checked(barcodes=["4011", barcode])
    assert (refused.value.field, refused.value.facts) == ("barcodes[1]", {"check_digit": right})
    assert barcode in refused.value.detail
    assert f"of {barcode[:-1]} is {right}." in refused.value.detail


def test_a_barcode_of_blanks_is_refused() -> None:
    with pytest.raises(Invalid) as refused:
        checked(barcodes=["  "])
    assert refused.value.field == "barcodes[0]"


@pytest.mark.parametrize("unit", ["bottle", "ea", "", "XYZ"])
def test_an_unknown_unit_is_refused_with_the_known_ones(unit: str) -> None:
    with pytest.raises(Invalid) as refused:
        checked(unit=unit)
    assert refused.value.field == "unit"
    assert all(code in refused.value.facts["known"] for code in ("EA", "H87", "KGM", "GRM", "LTR", "MTR", "MTK"))
    assert "KGM (kilogram)" in refused.value.detail


def test_an_older_document_with_a_wrong_barcode_or_unit_is_readable() -> None:
    catalog = catalog_of(cola={"recipe": {"cola": 1}, "unit": "XYZ", "barcodes": ["4006381333932", "77 "]})
    assert catalog.unit("cola") == "XYZ"
    assert catalog.scan("4006381333932", "barcode") == catalog.scan("77", "barcode") == "cola"
