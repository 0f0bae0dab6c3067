"""Sellable quantities over HTTP: of one SKU, of many, of all, and live."""

from __future__ import annotations

import asyncio
import json
from typing import Any

import pytest

from tests.callers import Caller

RECIPES = {"cola": {"cola": 1}, "cola-6": {"cola": 6}, "party": {"cola": 2, "wings": 200}}


async def catalogue(hub: Caller) -> None:
    """Write SKUs that share items, and receive some of them."""
    documents = [{"kind": "sku", "key": sku, "value": {"recipe": recipe}} for sku, recipe in RECIPES.items()]
    await hub.good("/v1/documents:batch?new_items=true", {"documents": documents})
    await receive(hub, cola=13, wings=700)


async def receive(hub: Caller, **units: int) -> None:
    """Bring goods into the first warehouse."""
    lines = [{"item": item, "quantity": quantity} for item, quantity in units.items()]
    await hub.good("/v1/receipts?location=w-1", {"lines": lines})


def shown(sku: str, sellable: int) -> dict[str, Any]:
    """The figures of a SKU of which the hub holds all rights."""
    return {"location": "w-1", "sku": sku, "sellable": sellable, "guaranteed": sellable}


async def read_events(caller: Caller, path: str, number: int, headers: dict[str, str] | None = None) -> list[Any]:
    """The cursor and the data of the first events of a feed, without its beginning."""
    found: list[Any] = []
    async with asyncio.timeout(20), caller.client.get(path, headers=headers or {}) as response:
        assert response.status == 200
        block: dict[str, str] = {}
        while len(found) < number:
            line = (await response.content.readline()).decode().rstrip("\n")
            if line:
                name, _, value = line.partition(": ")
                block[name] = value
            else:
                if "data" in block:
                    found.append((block["id"], json.loads(block["data"])))
                block = {}
    return found


async def test_one_formula_gives_each_kind_of_sku(hub: Caller) -> None:
    await catalogue(hub)
    for sku, units in {"cola": 13, "cola-6": 2, "party": 3}.items():
        assert await hub.good(f"/v1/sellable/{sku}?location=w-1") == shown(sku, units)
    assert (await hub.good("/v1/sellable/cola?location=w-2"))["sellable"] == 0


async def test_many_skus_get_a_verdict_each(hub: Caller) -> None:
    await catalogue(hub)
    answer = await hub.good("/v1/sellable", {"skus": ["party", "nothing"], "location": "w-1"})
    first, second = answer["verdicts"]
    assert first == {"sku": "party", "sellable": shown("party", 3)}
    assert (second["problem"]["type"], second["problem"]["field"]) == ("unknown-sku", "sku")


async def test_all_skus_come_page_by_page(hub: Caller) -> None:
    await catalogue(hub)
    first = await hub.good("/v1/sellable?location=w-1&limit=2")
    assert first == {"skus": [shown("cola", 13), shown("cola-6", 2)], "next": "cola-6"}
    rest = await hub.good(f"/v1/sellable?location=w-1&limit=2&cursor={first['next']}")
    assert rest == {"skus": [shown("party", 3)], "next": None}


async def test_the_feed_sends_each_sku_that_shares_a_moved_item(hub: Caller) -> None:
    await catalogue(hub)
    listening = asyncio.create_task(read_events(hub, "/v1/sellable:feed?location=w-1", 2))
    await asyncio.sleep(0.05)
    await hub.good("/v1/receipts?location=w-2", {"lines": [{"item": "cola", "quantity": 99}]})
    await receive(hub, cola=5)
    heard = {data["sku"]: data["sellable"] for _, data in await listening}
    assert heard == {"cola": 18, "cola-6": 3}


async def test_the_feed_sends_null_for_a_deleted_sku(hub: Caller) -> None:
    await catalogue(hub)
    listening = asyncio.create_task(read_events(hub, "/v1/sellable:feed?location=w-1", 1))
    await asyncio.sleep(0.05)
    await hub.write("/v1/documents/sku/party", None, method="DELETE")
    ((_, data),) = await listening
    assert data == {"location": "w-1", "sku": "party", "sellable": None, "guaranteed": None}


async def test_a_reader_that_left_within_a_page_gets_all_of_it_again(hub: Caller) -> None:
    await catalogue(hub)
    path = "/v1/sellable:feed?location=w-1&after=0"
    events = await read_events(hub, path, 3)
    assert [data["sku"] for _, data in events] == ["cola", "cola-6", "party"]
    again = await read_events(hub, path, 3, {"Last-Event-ID": events[1][0]})
    assert [data for _, data in again] == [data for _, data in events]
    await receive(hub, wings=200)
    following = await read_events(hub, path, 1, {"Last-Event-ID": events[2][0]})
    assert [data["sku"] for _, data in following] == ["party"]


@pytest.mark.parametrize(("path", "status"), [("/v1/sellable/cola", 422), ("/v1/sellable/cola?location=nowhere", 404)])
async def test_a_missing_or_unknown_location_is_named(hub: Caller, path: str, status: int) -> None:
    await catalogue(hub)
    answered, problem = await hub.read(path)
    assert (answered, problem["field"]) == (status, "location")


async def test_a_store_answers_for_its_own_location_only(store: Caller) -> None:
    await store.good("/v1/receipts", {"lines": [{"item": "cola", "quantity": 3}]})
    own = await store.good("/v1/sellable/cola")
    assert own == {"location": "store-1", "sku": "cola", "sellable": 3, "guaranteed": 3}
    status, problem = await store.write("/v1/sellable", {"skus": ["cola"], "location": "store-2"})
    assert (status, problem["field"]) == (422, "location")
