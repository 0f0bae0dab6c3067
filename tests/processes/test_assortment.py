"""The sample goods of the demo are valid, because users look at them."""

from __future__ import annotations

import re
from collections import Counter

import pytest
from msgspec import convert

from replica.core.base.names import is_item
from replica.core.catalog.locations import LocationDocument
from replica.core.catalog.skus import SkuDocument
from replica.core.rights.policies import PolicyDocument
from shelfsync.assortment import ONLINE, REGIONS, documents, goods, region_of, scarce_good

PLU = re.compile(r"^9?4\d{3}$")


def check_digit(digits: str) -> int:
    """The check digit of a GTIN with these first digits (GS1 General Specifications, section 7.9)."""
    return -sum(int(digit) * (3, 1)[index % 2] for index, digit in enumerate(reversed(digits))) % 10


def test_sample_has_about_forty_goods_of_all_kinds() -> None:
    skus = [document for document in documents(3, 2) if document["kind"] == "sku"]
    kinds = Counter(document["value"]["attributes"]["kind"] for document in skus)
    assert 35 <= len(skus) <= 50
    assert set(kinds) == {"standard", "pack", "weighed", "portion", "bundle"}
    assert min(kinds.values()) >= 4


@pytest.mark.parametrize("good", goods(), ids=lambda good: good.sku)
def test_a_barcode_is_an_example_a_code_of_a_scale_or_a_plu(good: object) -> None:
    barcode = good.barcode  # type: ignore[attr-defined]
    if not PLU.match(barcode):
        assert re.match(r"^(\d?952\d{10}|21\d{5}0{5}\d)$", barcode), "GS1 reserves 952 for examples"
        assert int(barcode[-1]) == check_digit(barcode[:-1])


def test_barcodes_and_names_are_unique() -> None:
    sample = goods()
    assert len({good.barcode for good in sample}) == len({good.sku for good in sample}) == len(sample)


def test_every_item_can_be_received_by_itself() -> None:
    basic = {item for good in goods() if good.is_basic for item in good.recipe}
    assert {item for good in goods() for item in good.recipe} == basic


@pytest.mark.parametrize("regions", range(1, 5))
def test_a_hub_accepts_all_sample_documents(regions: int) -> None:
    for document in documents(12, regions):
        if document["kind"] == "sku":
            assert is_item(document["key"])
            convert(document["value"], SkuDocument)
        elif document["kind"] == "location":
            location = convert(document["value"], LocationDocument)
            assert location.region in REGIONS[:regions]


def test_every_region_of_a_large_chain_has_stores() -> None:
    for regions in range(1, len(REGIONS) + 1):
        assert {region_of(store, regions) for store in range(8)} == set(REGIONS[:regions])


def test_scarce_good_is_one_unit_that_no_shopper_buys() -> None:
    scarce = scarce_good()
    assert scarce.is_basic
    assert not scarce.is_loose
    assert scarce.names.keys() >= {"en", "zh"}
    assert all(scarce.recipe.keys().isdisjoint(good.recipe) for good in goods())
    assert scarce.sku in {document["key"] for document in documents(3, 2)}


def test_hubs_may_promise_half_of_the_stock() -> None:
    assert convert(ONLINE["value"], PolicyDocument).share == 0.5
