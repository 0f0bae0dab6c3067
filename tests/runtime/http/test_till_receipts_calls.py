"""One till receipt, and the SKUs of one item, over HTTP."""

from __future__ import annotations

from typing import Any
from urllib.parse import quote

from tests.callers import Caller


def basket(number: str, quantity: int = 1, **more: Any) -> dict[str, Any]:
    return {"lines": [{"sku": "cola", "quantity": quantity}], "till": "till-1", "receipt": number, **more}


async def receipt(caller: Caller, number: str, query: str = "") -> dict[str, Any]:
    return await caller.good(f"/v1/till_receipts?number={quote(number, safe='')}{query}")


async def test_a_receipt_leads_to_its_sale_and_to_what_came_back(store: Caller) -> None:
    await store.good("/v1/documents/price/cola?rank=store", {"amount": 99, "currency": "EUR"}, method="PUT")
    await store.good("/v1/receipts", {"lines": [{"item": "cola", "quantity": 10}]})
    sold = await store.good("/v1/sales", basket("2026/7", 3))
    await store.good("/v1/sales", basket("R-2"))
    back = await store.good("/v1/returns", basket("R-3", original="2026/7"))
    found = await receipt(store, "2026/7")
    assert [(one["kind"], one["hash"]) for one in found["entries"]] == [
        ("return", back["movement"]),
        ("sale", sold["movement"]),
    ]
    assert found["entries"][0]["quote"] is None
    assert found["entries"][1]["quote"]["totals"][0]["net_amount"] == 3 * 99
    assert (found["location"], found["number"], found["next"]) == ("store-1", "2026/7", None)
    assert [one["kind"] for one in (await receipt(store, "R-3"))["entries"]] == ["return"]


async def test_entries_of_a_receipt_are_paged_newest_first(store: Caller) -> None:
    for _ in range(5):
        await store.good("/v1/sales", basket("R-1"))
    seen: list[int] = []
    page = await receipt(store, "R-1", "&limit=2")
    while True:
        seen += [one["arrival"] for one in page["entries"]]
        if page["next"] is None:
            break
        page = await receipt(store, "R-1", f"&limit=2&before={page['next']}")
    assert seen == sorted(seen, reverse=True)
    assert len(seen) == 5


async def test_a_receipt_that_nobody_knows_has_no_entries(store: Caller) -> None:
    assert (await receipt(store, "R-9"))["entries"] == []
    status, problem = await store.read("/v1/till_receipts")
    assert (status, problem["field"]) == (422, "number")
    status, problem = await store.read("/v1/till_receipts?number=R-1&before=1")
    assert (status, problem["type"]) == (410, "cursor-unknown")


async def test_a_hub_reads_the_receipts_of_each_location(hub: Caller) -> None:
    status, problem = await hub.read("/v1/till_receipts?number=R-1&location=w-9")
    assert (status, problem["field"]) == (404, "location")
    assert (await receipt(hub, "R-1", "&location=w-1"))["entries"] == []


async def test_an_item_lists_the_skus_that_take_it(hub: Caller) -> None:
    for sku, recipe in (("cola", {"cola_bottle": 1}), ("cola-6", {"cola_bottle": 6}), ("water", {"water": 1})):
        value = {"recipe": recipe, "names": {"en": sku.title()}, "status": "ended" if sku == "cola-6" else "active"}
        await hub.good(f"/v1/documents/sku/{sku}?new_items=true", value, method="PUT")
    found = await hub.good("/v1/items/cola_bottle")
    assert (found["item"], found["unit"], found["names"], found["next"]) == ("cola_bottle", "EA", {"en": "Cola"}, None)
    assert [(one["sku"], one["recipe"], one["status"]) for one in found["skus"]] == [
        ("cola", {"cola_bottle": 1}, "active"),
        ("cola-6", {"cola_bottle": 6}, "ended"),
    ]
    first = await hub.good("/v1/items/cola_bottle?limit=1")
    assert ([one["sku"] for one in first["skus"]], first["next"]) == (["cola"], "cola")
    last = await hub.good("/v1/items/cola_bottle?limit=1&cursor=cola")
    assert ([one["sku"] for one in last["skus"]], last["next"]) == (["cola-6"], None)
    status, problem = await hub.read("/v1/items/juice")
    assert (status, problem["field"]) == (404, "item")
