"""Everything that a node shows follows from its journal, and is the same after kill -9.

Two hubs and a store have a day with each kind of exception that requests can lead to. Then all views of each node are
read, all pages of each list, before and after the process is killed.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Mapping, Sequence
from typing import Any

import aiohttp
import pytest

from replica.core.base.limits import LOST_EDITS_MAX
from shelfsync.chain import LocalChain, NodeProcess
from shelfsync.proxy import Proxy
from simulations.reference.view_faults import ViewFaults
from simulations.reference.view_reading import read_entries, read_views
from tests.processes.asking import agree, connected_to, eventually, get, post, status

pytestmark = pytest.mark.processes

WAREHOUSE = "w-1"

REST_S = 3.0
"""Longer than the nodes need to see that rights are to move."""


async def test_all_views_follow_from_the_journal_before_and_after_kill_9(
    chain: LocalChain, client: aiohttp.ClientSession
) -> None:
    hosted = ["--hosts", WAREHOUSE, "--open-catalog"]
    west = await chain.hub("hub-west", region="west", more=hosted)
    async with Proxy(west.port) as between:
        east = await chain.hub("hub-east", peers=[between.url], more=hosted)
        store = await chain.store("store-1", hubs=[east.url], more=["--open-catalog"])
        await chain.ready()
        await eventually(lambda: connected_to(client, store.url, "hub-east"), "the store has a hub")
        await _trade(client, east, store)
        between.cut()
        for hub, quantity in ((east, 2), (west, 3)):
            await _accept_alone(client, hub, quantity)
        between.heal()
        stores = {"store-1": store.url}
        await eventually(lambda: agree(client, [east.url, west.url], stores), "all nodes have the same state")
        nodes = (east, west, store)
        await eventually(lambda: _are_at_rest(client, nodes), "all rights are where the policies want them")
        listed = await get(client, f"{east.url}/v1/exceptions")
        assert [name for name, rows in listed.items() if rows == []] == [
            "shortages",
            "price_conflicts",
            "promotion_conflicts",
            "differences",
            "clocks",
            "late_transfers",
            "transfer_discrepancies",
        ]
        before = {node.name: await _views(client, node) for node in nodes}
        for node in nodes:
            await node.kill()
            await node.start()
            await node.ready()
        for node in nodes:
            assert await _views(client, node) == before[node.name]


async def _trade(client: aiohttp.ClientSession, east: NodeProcess, store: NodeProcess) -> None:
    """Sell more than there is, tell receipts twice, and let events come early and in vain."""
    for item in ("beer", "cola", "wine"):
        await _write(client, f"{store.url}/v1/receipts", {"lines": [{"sku": item, "quantity": 20}]})
        await _write(client, f"{east.url}/v1/receipts?location={WAREHOUSE}", {"lines": [{"sku": item, "quantity": 30}]})
    await _write(client, f"{store.url}/v1/sales", _sale("wine", 23))
    for _ in range(2):
        await _write(client, f"{store.url}/v1/sales", {**_sale("cola", 1), "till": "3", "receipt": "R-1"})
    await _write(client, f"{store.url}/v1/returns", {**_sale("cola", 5), "original": "R-2", "disposition": "restock"})
    await _write(client, f"{store.url}/v1/sales", {**_sale("cola", 1), "till": "3", "receipt": "R-2"})
    await _write(client, f"{store.url}/v1/sales", {**_sale("cola", 1), "occurred_at": "2001-01-01T00:00:00Z"})
    await _write(client, f"{store.url}/v1/counts", {"lines": [{"item": "cola", "counted": 9}]})
    for number in range(3):
        await _write(client, f"{store.url}/v1/holds", {"order": f"shop-{number}", "lines": [_line("beer", 2)]})
        await _write(client, f"{east.url}/v1/orders/late-{number}/events", {"event": "ship"})
    await _write(client, f"{store.url}/v1/orders/shop-0/events", {"event": "cancel"})
    await _write(client, f"{store.url}/v1/orders/shop-0/events", {"event": "collect"}, expected=(409,))


async def _accept_alone(client: aiohttp.ClientSession, hub: NodeProcess, quantity: int) -> None:
    """Accept what the other hub, which is cut off, accepts too: the same requests, and others under the same names."""
    receipts, orders = f"{hub.url}/v1/receipts?location={WAREHOUSE}", f"{hub.url}/v1/orders"
    await _write(client, receipts, {"lines": [{"sku": "beer", "quantity": 4}]}, "twice")
    await _write(client, receipts, {"lines": [{"sku": "beer", "quantity": quantity}]}, "same-key")
    await _write(client, orders, {"order": "web-1", "lines": [_line("beer", 1)], "paid": True}, "placed-twice")
    await _write(client, orders, {"order": "web-2", "lines": [_line("beer", quantity)], "paid": True})
    documents = {
        f"sku/crate-{quantity}": {"recipe": {"beer": quantity, "cola": 1}, "barcodes": ["4006381333931"]},
        "policy/default": {"mode": "both", "safety_stock": quantity, "share": 0.5, "channels": {"web": 0.5}},
    }
    named_by_one = ("sku/tasting", {"wine": 1, "cola": 1}) if quantity == 2 else ("sku/wine", {"beer": 1})
    documents[named_by_one[0]] = {"recipe": named_by_one[1]}
    for name, value in documents.items():
        await _write(client, f"{hub.url}/v1/documents/{name}", value, method="PUT", expected=(200,))


async def _are_at_rest(client: aiohttp.ClientSession, nodes: Sequence[NodeProcess]) -> bool:
    """Whether no node gets an entry for a while."""
    before = [(await status(client, node.url))["entries"] for node in nodes]
    await asyncio.sleep(REST_S)
    return before == [(await status(client, node.url))["entries"] for node in nodes]


async def _views(client: aiohttp.ClientSession, node: NodeProcess) -> Mapping[str, Any]:
    """All views of a node, after they were compared with its entries."""
    is_store = node.name.startswith("store")

    async def read(path: str) -> Any:
        return await get(client, f"{node.url}{path}")

    async def read_at_rest() -> tuple[dict[str, Any], list[str]] | None:
        entries = await read_entries(read, size=7)
        model = ViewFaults(
            node.name,
            () if is_store else (WAREHOUSE,),
            entries,
            now_ms=int(time.time() * 1000),
            edits_max=LOST_EDITS_MAX,
        )
        views = await read_views(read, model, node.name if is_store else "")
        is_at_rest = (await status(client, node.url))["entries"] == len(entries)
        return (views, [*model.find(views)]) if is_at_rest else None

    found = await eventually(read_at_rest, f"{node.name} writes nothing while it is read")
    assert found is not None
    views, faults = found
    assert faults == []
    return views


async def _write(
    client: aiohttp.ClientSession,
    url: str,
    body: Any,
    key: str = "new",
    *,
    method: str = "POST",
    expected: tuple[int, ...] = (200, 201, 202),
) -> None:
    reply = await post(client, url, body, key, method=method)
    assert reply.status in expected, f"{url}: {reply}"


def _line(sku: str, quantity: int) -> dict[str, Any]:
    return {"sku": sku, "quantity": quantity}


def _sale(sku: str, quantity: int) -> dict[str, Any]:
    return {"lines": [_line(sku, quantity)]}
