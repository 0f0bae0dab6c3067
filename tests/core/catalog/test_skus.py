"""The catalogue: SKUs, their recipes, and their sellable quantities."""

from __future__ import annotations

from itertools import permutations
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from replica.core.base.errors import BarcodeConflict, UnknownSku
from replica.core.catalog.documents import pack_value
from replica.core.catalog.registers import Register
from replica.core.catalog.skus import EACH, Catalog, listed, sellable


def sku(key: str, value: object, version: int = 1) -> Register:
    """The current write of a `sku` document."""
    return packed_sku(key, None if value is None else pack_value(value), version)


def packed_sku(key: str, value: bytes | None, version: int = 1, clock: int = 1) -> Register:
    """The same, with its value as bytes."""
    return Register(
        kind="sku", key=key, rank=0, at="", version=version, clock=clock, writer="hub-east#0000000a", value=value
    )


def catalog_of(**skus: Any) -> Catalog:
    """A closed catalogue of these SKUs."""
    catalog = Catalog()
    for key, value in skus.items():
        assert catalog.put(sku(key, value))
    return catalog


def test_a_recipe_is_ordered_by_item() -> None:
    catalog = catalog_of(menu={"recipe": {"wings": 200, "cola": 1}})
    assert catalog.recipe("menu", 0) == (("cola", 1), ("wings", 200))


def test_the_refusal_of_an_unknown_sku_has_its_line() -> None:
    with pytest.raises(UnknownSku) as refused:
        Catalog().recipe("cola", 3)
    assert refused.value.field == "lines[3].sku"
    assert refused.value.facts == {"sku": "cola"}


def test_an_open_catalogue_treats_an_unknown_sku_as_the_item_of_that_name() -> None:
    assert Catalog(is_open=True).recipe("cola", 0) == (("cola", 1),)


@pytest.mark.parametrize("name", ["a b", "a/b", "a\n", "", "ä", "x" * 65])
def test_an_open_catalogue_refuses_names_that_no_item_can_have(name: str) -> None:
    catalog = Catalog(is_open=True)
    with pytest.raises(UnknownSku):
        catalog.recipe(name, 0)
    with pytest.raises(UnknownSku) as refused:
        catalog.check_item(name, False, "lines[0].item")
    assert refused.value.field == "lines[0].item"


def test_a_sku_document_overrides_the_item_of_its_name() -> None:
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


def test_an_item_is_known_if_a_recipe_uses_it_or_it_moved_before() -> None:
    catalog = catalog_of(cola={"recipe": {"cola_bottle": 1}}, carrier={"recipe": {"cola_bottle": 6}})
    catalog.put(sku("cola", None, version=2))
    assert catalog.check_item("cola_bottle", False, "item") == "cola_bottle"
    catalog.put(sku("carrier", None, version=2))
    with pytest.raises(UnknownSku):
        catalog.check_item("cola_bottle", False, "item")
    assert catalog.check_item("cola_bottle", True, "item") == "cola_bottle"


def test_a_scan_finds_the_sku_and_refuses_an_unknown_barcode() -> None:
    catalog = catalog_of(cola={"recipe": {"cola_bottle": 1}, "barcodes": ["4006381333931"]})
    assert catalog.scan("4006381333931", "barcode") == "cola"
    with pytest.raises(UnknownSku) as refused:
        catalog.scan("999", "lines[2].barcode")
    assert refused.value.field == "lines[2].barcode"
    assert refused.value.facts == {"barcode": "999"}


def test_a_barcode_that_several_skus_claim_is_refused_naming_them_in_any_order() -> None:
    documents = [sku(key, {"recipe": {key: 1}, "barcodes": ["1"]}) for key in ("c", "a", "b")]
    for order in permutations(documents):
        catalog = Catalog()
        for document in order:
            catalog.put(document)
        assert catalog.barcode_conflicts() == [("1", ["a", "b", "c"])]
        with pytest.raises(BarcodeConflict) as refused:
            catalog.scan("1", "lines[0].barcode")
        assert refused.value.field == "lines[0].barcode"
        assert refused.value.facts == {"barcode": "1", "skus": ["a", "b", "c"]}
        assert "None" not in refused.value.detail


def test_a_sku_that_drops_a_barcode_leaves_it_to_the_other_sku() -> None:
    catalog = catalog_of(a={"recipe": {"a": 1}, "barcodes": ["1", "1"]}, b={"recipe": {"b": 1}, "barcodes": ["1"]})
    catalog.put(sku("a", {"recipe": {"a": 1}}, version=2))
    assert catalog.scan("1", "barcode") == "b"
    assert catalog.barcode_conflicts() == []


def test_an_item_has_the_unit_of_the_sku_that_is_one_unit_of_it() -> None:
    catalog = catalog_of(
        wings={"recipe": {"wings_gram": 1}, "unit": "GRM"}, bag={"recipe": {"wings_gram": 500}, "unit": "BG"}
    )
    assert catalog.unit("wings_gram") == "GRM"
    assert catalog.unit("cola_bottle") == EACH


def test_of_skus_that_give_an_item_a_unit_the_first_by_name_wins_in_any_order() -> None:
    documents = [
        sku(key, {"recipe": {"cola": 1}, "unit": unit}) for key, unit in (("c", "KGM"), ("a", "BO"), ("b", "GRM"))
    ]
    for order in permutations(documents):
        catalog = Catalog()
        for document in order:
            catalog.put(document)
        assert catalog.unit("cola") == "BO"


def test_an_item_takes_the_unit_of_the_next_sku_when_one_is_cleared() -> None:
    catalog = catalog_of(a={"recipe": {"cola": 1}, "unit": "BO"}, b={"recipe": {"cola": 1}, "unit": "GRM"})
    catalog.put(sku("a", None, version=2))
    assert catalog.unit("cola") == "GRM"
    catalog.put(sku("b", None, version=2))
    assert catalog.unit("cola") == EACH


def test_a_sku_with_a_field_of_a_later_version_is_known() -> None:
    catalog = Catalog()
    assert catalog.put(sku("cola", {"recipe": {"c": 1}, "new": 1}))
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
def test_an_invalid_sku_document_makes_the_sku_unknown(value: object) -> None:
    catalog = catalog_of(cola={"recipe": {"cola_bottle": 1}})
    assert not catalog.put(sku("cola", value, version=2))
    with pytest.raises(UnknownSku):
        catalog.recipe("cola", 0)


@given(st.binary(max_size=60))
def test_the_catalogue_survives_a_document_of_any_bytes(value: bytes) -> None:
    catalog = catalog_of(cola={"recipe": {"cola_bottle": 1}})
    catalog.put(packed_sku("cola", value, version=2))
    assert catalog.put(sku("cola", {"recipe": {"cola_bottle": 1}}, version=3))


NAMES = st.sampled_from(["a", "b", "c", "d"])


@given(st.lists(st.tuples(NAMES, st.none() | st.tuples(st.lists(NAMES, min_size=1, max_size=3), st.lists(NAMES)))))
def test_items_and_barcodes_have_the_skus_that_name_them_now(
    writes: list[tuple[str, tuple[list[str], list[str]] | None]],
) -> None:
    catalog, current = Catalog(), dict[str, tuple[list[str], list[str]]]()
    for version, (name, written) in enumerate(writes, 1):
        current.pop(name, None)
        value = None
        if written is not None:
            current[name] = written
            value = {"recipe": dict.fromkeys(written[0], 2), "barcodes": written[1]}
        catalog.put(sku(name, value, version=version))
    for one in ("a", "b", "c", "d"):
        assert catalog.users_of(one) == sorted(name for name, (items, _) in current.items() if one in items)
        assert catalog.holders_of(one) == sorted(name for name, (_, codes) in current.items() if one in codes)
    shared = {one for one in "abcd" if sum(one in codes for _, codes in current.values()) > 1}
    assert {code for code, _ in catalog.barcode_conflicts()} == shared


@pytest.mark.parametrize(
    ("recipe", "units", "number"),
    [
        ((("cola", 6),), {"cola": 17}, 2),
        ((("cola", 1), ("wings", 200)), {"cola": 5, "wings": 999}, 4),
        ((("cola", 1),), {"cola": 0}, 0),
        ((("cola", 6),), {"cola": -1}, -1),
    ],
)
def test_the_sellable_quantity_is_the_minimum_over_the_items_rounded_down(
    recipe: tuple[tuple[str, int], ...], units: dict[str, int], number: int
) -> None:
    assert sellable(recipe, units) == number


@pytest.mark.parametrize("registered", ["036000291452", "0036000291452", "00036000291452", "036000291452 "])
@pytest.mark.parametrize("scanned", ["036000291452", "0036000291452", "00036000291452", " 036000291452"])
def test_a_gtin_is_found_whatever_its_padding(registered: str, scanned: str) -> None:
    catalog = catalog_of(cola={"recipe": {"cola": 1}, "barcodes": [registered]})
    assert catalog.scan(scanned, "barcode") == "cola"


def test_two_forms_of_one_gtin_are_one_barcode() -> None:
    forms = {"a": "036000291452", "b": "0036000291452"}
    catalog = catalog_of(**{name: {"recipe": {name: 1}, "barcodes": [code]} for name, code in forms.items()})
    assert catalog.barcode_conflicts() == [("036000291452", ["a", "b"])]
    catalog.put(sku("a", None, version=2))
    assert catalog.barcode_conflicts() == []
    assert catalog.scan("00036000291452", "barcode") == "b"


def deleted(**skus: Any) -> Catalog:
    """A closed catalogue in which these SKUs are deleted."""
    catalog = catalog_of(**skus)
    for key, value in skus.items():
        assert catalog.put(sku(key, None, version=2), sku(key, value))
    return catalog


def test_a_deleted_sku_has_its_last_recipe_for_facts_only() -> None:
    catalog = deleted(six={"recipe": {"cola": 6}, "barcodes": ["4001"]})
    assert catalog.recipe("six", 0, is_fact=True) == (("cola", 6),)
    assert catalog.scan("4001", "barcode", is_fact=True) == "six"
    for promised, field, facts in (
        (lambda: catalog.recipe("six", 0), "lines[0].sku", {"sku": "six", "deleted": True}),
        (lambda: catalog.recipe_of("six", "sku"), "sku", {"sku": "six", "deleted": True}),
        (lambda: catalog.scan("4001", "barcode"), "barcode", {"barcode": "4001", "deleted": True}),
    ):
        with pytest.raises(UnknownSku, match="was deleted") as refused:
            promised()
        assert (refused.value.field, refused.value.facts) == (field, facts)


def test_an_open_catalogue_does_not_take_a_deleted_sku_for_an_item() -> None:
    catalog = Catalog(is_open=True)
    catalog.recipe("six", 0)
    catalog.put(sku("six", {"recipe": {"cola": 6}}))
    catalog.put(sku("six", None, version=2), sku("six", {"recipe": {"cola": 6}}))
    assert catalog.known_recipe("six") is None
    assert catalog.recipe("six", 0, is_fact=True) == (("cola", 6),)
    with pytest.raises(UnknownSku):
        catalog.recipe("six", 0)


def test_a_deleted_sku_that_is_written_again_has_its_new_recipe() -> None:
    catalog = deleted(six={"recipe": {"cola": 6}})
    assert catalog.put(sku("six", {"recipe": {"leaf": 6}}, version=3))
    assert catalog.recipe("six", 0) == catalog.recipe("six", 0, is_fact=True) == (("leaf", 6),)
    with pytest.raises(UnknownSku):
        catalog.check_item("cola", False, "item")


def test_the_items_of_a_deleted_sku_stay_known_and_keep_their_unit() -> None:
    catalog = deleted(wings={"recipe": {"wings_gram": 1}, "unit": "GRM"})
    assert catalog.check_item("wings_gram", False, "item") == "wings_gram"
    assert catalog.unit("wings_gram") == "GRM"


@pytest.mark.parametrize("first", ["a", "c"])
def test_a_barcode_of_two_deleted_skus_is_that_of_the_last_deleted_for_facts(first: str) -> None:
    former = {name: sku(name, {"recipe": {name: 1}, "barcodes": ["1"]}) for name in (first, "b")}
    deletions = [packed_sku(first, None, version=9, clock=7), packed_sku("b", None, version=2, clock=8)]
    for order in permutations(deletions):
        catalog = Catalog()
        for deletion in order:
            catalog.put(deletion, former[deletion.key])
        assert catalog.scan("1", "barcode", is_fact=True) == "b"
        assert catalog.barcode_conflicts() == []
        with pytest.raises(UnknownSku, match="was deleted"):
            catalog.scan("1", "barcode")


def test_a_barcode_of_deleted_skus_is_that_of_a_current_one_for_facts() -> None:
    catalog = deleted(a={"recipe": {"a": 1}, "barcodes": ["1"]}, b={"recipe": {"b": 1}, "barcodes": ["1"]})
    catalog.put(sku("c", {"recipe": {"c": 1}, "barcodes": ["1"]}))
    assert catalog.scan("1", "barcode") == catalog.scan("1", "barcode", is_fact=True) == "c"


@pytest.mark.parametrize("is_open", [True, False])
def test_a_sku_that_is_no_item_is_refused_as_an_item_naming_its_items(is_open: bool) -> None:
    catalog = Catalog(is_open)
    catalog.put(sku("six", {"recipe": {"cola": 6}}))
    with pytest.raises(UnknownSku, match="'six' is a SKU and not an item: name 'cola'") as refused:
        catalog.check_item("six", False, "lines[0].item")
    assert (refused.value.field, refused.value.facts) == ("lines[0].item", {"item": "six"})
    assert catalog.check_item("six", True, "lines[0].item") == "six"


def test_an_open_catalogue_takes_no_item_that_is_a_deleted_sku_of_others() -> None:
    catalog = Catalog(is_open=True)
    catalog.put(sku("six", None, version=2), sku("six", {"recipe": {"cola": 6}}))
    with pytest.raises(UnknownSku, match="'six' is a SKU and not an item: name 'cola'"):
        catalog.check_item("six", False, "lines[0].item")
    assert catalog.check_item("six", True, "lines[0].item") == "six"


def test_a_recipe_of_a_sku_of_other_items_is_a_conflict_in_any_order() -> None:
    documents = [sku("crate", {"recipe": {"six": 4}}), sku("six", {"recipe": {"cola": 6}})]
    for order in permutations(documents):
        catalog = Catalog()
        for document in order:
            catalog.put(document)
        assert catalog.recipe_conflicts() == [("six", ["crate"])]
        assert catalog.recipe("crate", 0) == (("six", 4),)
        catalog.put(sku("crate", {"recipe": {"cola": 24}}, version=2))
        assert catalog.recipe_conflicts() == []


@pytest.mark.parametrize(
    ("names", "text", "alternatives"),
    [
        (["a"], "'a'", "'a'"),
        (["a", "b"], "'a' and 'b'", "'a' or 'b'"),
        (["a", "b", "c"], "'a', 'b' and 'c'", "'a', 'b' or 'c'"),
    ],
)
def test_names_are_listed_as_in_a_sentence(names: list[str], text: str, alternatives: str) -> None:
    assert (listed(names), listed(names, "or")) == (text, alternatives)
