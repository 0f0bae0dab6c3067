"""Prices and promotions over HTTP at a hub: ranks, limits, refusals that name the field."""

from __future__ import annotations

from typing import Any

import pytest

from tests.callers import Caller

SHOP = {"type": "store", "name": "Shop", "region": "east"}
SALE = {"benefit": {"type": "percentage", "percent": 20}, "applies_to": {"all": True}}
PRICE = {"amount": 199, "currency": "EUR"}


async def put(hub: Caller, path: str, value: Any) -> tuple[int, str | None]:
    """Write a document; return the status and the field that is wrong."""
    status, answer = await hub.write(f"/v1/documents/{path}", value, method="PUT")
    return status, answer.get("field")


async def test_a_store_overrides_the_price_of_the_chain_within_its_limits(hub: Caller) -> None:
    assert await put(hub, "location/store-1", SHOP) == (200, None)
    assert await put(hub, "price/cola", {**PRICE, "override": {"min": 150, "max": 250}}) == (200, None)
    assert await put(hub, "price/cola?rank=store&at=store-1", {**PRICE, "amount": 149}) == (422, "amount")
    assert await put(hub, "price/cola?rank=store&at=store-1", {**PRICE, "amount": 179}) == (200, None)
    assert await put(hub, "price/cola?rank=region&at=east", {**PRICE, "currency": "CHF"}) == (422, "currency")
    there = await hub.good("/v1/documents/price/cola?location=store-1")
    assert there["value"] == {**PRICE, "amount": 179}


async def test_a_time_is_stored_as_it_was_written(hub: Caller) -> None:
    value = {**PRICE, "scheduled": [{"amount": 209, "valid_from": "2027-01-01T00:00:00+01:00"}]}
    assert await put(hub, "price/cola", value) == (200, None)
    assert (await hub.good("/v1/documents/price/cola"))["value"] == value


async def test_exclusive_promotions_that_compete_are_refused(hub: Caller) -> None:
    assert await put(hub, "promotion/summer", SALE) == (200, None)
    assert await put(hub, "promotion/winter", SALE) == (422, "priority")
    assert await put(hub, "promotion/winter", {**SALE, "priority": 7}) == (200, None)


@pytest.mark.parametrize(
    ("path", "value", "field"),
    [
        ("price/cola", {**PRICE, "currency": "EUX"}, "currency"),
        ("price/cola", {**PRICE, "amount": -1}, "amount"),
        ("price/cola", {**PRICE, "amount": 1.5}, "amount"),
        ("price/cola", {**PRICE, "valid_from": "tomorrow"}, "valid_from"),
        ("price/cola", {**PRICE, "scheduled": [{"amount": 1}]}, "scheduled[0].valid_from"),
        ("promotion/sale", {**SALE, "benefit": {"type": "gift"}}, "benefit.type"),
        ("promotion/sale", {**SALE, "benefit": {"type": "percentage"}}, "benefit.percent"),
        ("promotion/sale", {"benefit": SALE["benefit"]}, "applies_to"),
        ("promotion/sale", {**SALE, "windows": [{"start": "8 am"}]}, "windows[0].start"),
        ("promotion/sale", {**SALE, "windows": [{"days": ["someday"]}]}, "windows[0].days[0]"),
    ],
)
async def test_a_wrong_field_is_named(hub: Caller, path: str, value: Any, field: str) -> None:
    assert await put(hub, path, value) == (422, field)


async def test_prices_and_promotions_have_a_schema(hub: Caller) -> None:
    for kind in ("price", "promotion"):
        schema = await hub.good(f"/v1/documents/{kind}/schema")
        assert schema["$ref"].lower().startswith(f"#/$defs/{kind}")


async def test_overrides_past_new_limits_are_listed_up_to_the_limit_of_the_page(hub: Caller) -> None:
    assert await put(hub, "location/store-1", SHOP) == (200, None)
    for sku in ("cola", "wine"):
        assert await put(hub, f"price/{sku}?rank=region&at=east", PRICE) == (200, None)
        assert await put(hub, f"price/{sku}", {**PRICE, "override": {"max": 189}}) == (200, None)
    page = await hub.good("/v1/exceptions?limit=1")
    row = {"sku": "cola", "rank": "region", "at": "east", "version": 1, "field": "amount", "limits": {"max": 189}}
    assert (page["price_conflicts"], page["truncated"]) == ([row], True)
    whole = await hub.good("/v1/exceptions")
    assert ([one["sku"] for one in whole["price_conflicts"]], whole["truncated"]) == (["cola", "wine"], False)


async def test_promotions_that_compete_after_a_change_of_attributes_are_listed(hub: Caller) -> None:
    by_brand = {"benefit": SALE["benefit"], "applies_to": {"attributes": {"brand": "acme"}}}
    listing = {"benefit": SALE["benefit"], "applies_to": {"skus": ["cola"]}}
    assert await put(hub, "promotion/summer", by_brand) == (200, None)
    assert await put(hub, "promotion/winter", listing) == (200, None)
    sku = {"recipe": {"cola": 1}, "attributes": {"brand": "acme"}}
    assert await put(hub, "sku/cola?new_items=true", sku) == (200, None)
    sides = [{"promotion": name, "rank": "chain", "at": "", "version": 1} for name in ("summer", "winter")]
    expected = [{"first": sides[0], "second": sides[1], "why": "same-priority"}]
    assert (await hub.good("/v1/exceptions"))["promotion_conflicts"] == expected
