"""The list of stock over HTTP: names, what a text finds, and what needs a look."""

from __future__ import annotations

from typing import Any
from urllib.parse import quote

import pytest

from replica.core.catalog.documents import pack_value
from replica.core.state.commands import DocumentWrite
from tests.callers import Caller

SKUS: dict[str, dict[str, Any]] = {
    "cola": {"recipe": {"cola_bottle": 1}, "names": {"en": "Cola classic", "zh": "可口可乐"}},
    "cola-6": {"recipe": {"cola_bottle": 6}, "names": {"en": "Six pack"}},
    "gouda": {"recipe": {"gouda_g": 1}, "unit": "GRM", "names": {"en": "Gouda"}},
}


@pytest.fixture
async def shop(store: Caller) -> Caller:
    """A store with colas, a cheese, and goods that no SKU names."""
    for sku, value in SKUS.items():
        await store.node.driver.submit(DocumentWrite("sku", sku, pack_value(value), sku.encode(), True))
    lines = [{"item": item, "quantity": units} for item, units in (("cola_bottle", 20), ("gouda_g", 900), ("tea", 6))]
    await store.good("/v1/receipts", {"lines": lines})
    return store


async def items(caller: Caller, query: str) -> list[str]:
    return [one["item"] for one in (await caller.good(f"/v1/stock?{query}"))["items"]]


async def test_rows_have_the_names_of_the_sku_that_is_one_unit(shop: Caller) -> None:
    rows = {one["item"]: one["names"] for one in (await shop.good("/v1/stock"))["items"]}
    assert rows == {"cola_bottle": SKUS["cola"]["names"], "gouda_g": {"en": "Gouda"}, "tea": {}}
    assert (await shop.good("/v1/stock/cola_bottle"))["names"] == SKUS["cola"]["names"]


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("class", ["cola_bottle"]),
        ("可乐", ["cola_bottle"]),
        ("six", ["cola_bottle"]),  # an item of what is found, too
        ("bottle", ["cola_bottle"]),
        ("EA", ["tea"]),
        ("gouda", ["gouda_g"]),
        ("nothing", []),
    ],
)
async def test_a_text_finds_items_by_their_id_and_by_their_skus(shop: Caller, text: str, found: list[str]) -> None:
    assert await items(shop, f"q={quote(text)}") == found


async def test_few_units_are_low_by_the_unit_of_the_item(shop: Caller) -> None:
    assert await items(shop, "only=low") == ["gouda_g"]
    await shop.good("/v1/sales", {"lines": [{"sku": "tea", "quantity": 1}]})
    assert await items(shop, "only=low") == ["gouda_g", "tea"]
    assert await items(shop, "only=low&q=gouda") == ["gouda_g"]


async def test_breaches_quarantined_and_held_units_can_be_listed(shop: Caller) -> None:
    await shop.good("/v1/sales", {"lines": [{"sku": "tea", "quantity": 9}]})
    await shop.good("/v1/quarantine", {"lines": [{"item": "gouda_g", "quantity": 1, "action": "put"}]})
    await shop.good("/v1/holds", {"order": "h-1", "lines": [{"sku": "cola", "quantity": 1}]})
    shown = [await items(shop, f"only={only}") for only in ("breach", "quarantined", "reserved")]
    assert shown == [["tea"], ["gouda_g"], ["cola_bottle"]]


async def test_a_filtered_list_pages_through_each_item_that_fits_once(store: Caller) -> None:
    lines = [{"item": f"i-{number:03}", "quantity": 1 + 9 * (number % 2)} for number in range(30)]
    await store.good("/v1/receipts", {"lines": lines})
    seen: list[str] = []
    cursor: str | None = ""
    while cursor is not None:
        page = await store.good(f"/v1/stock?only=low&limit=4&cursor={cursor}")
        seen += [one["item"] for one in page["items"]]
        cursor = page["next"]
    assert seen == [f"i-{number:03}" for number in range(0, 30, 2)]


@pytest.mark.parametrize(("query", "field"), [("only=odd", "only"), ("q=%21", "q"), ("q=" + "a" * 300, "q")])
async def test_a_wrong_field_of_the_list_is_refused(shop: Caller, query: str, field: str) -> None:
    status, problem = await shop.read(f"/v1/stock?{query}")
    assert (status, problem["field"]) == (422, field)
