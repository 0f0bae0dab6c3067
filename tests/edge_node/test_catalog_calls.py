"""The catalogue at a store over HTTP: deleted SKUs and barcodes that two SKUs claim."""

from __future__ import annotations

from typing import Any

from replica.core.base.names import CHAIN
from replica.runtime.driver import Ingress
from tests.callers import Caller
from tests.core.chain import Node, hub

SIX = {"recipe": {"cola": 6}, "barcodes": ["4001"]}


async def deliver(store: Caller, *hubs: Node) -> None:
    """Deliver the documents that hubs wrote."""
    for one in hubs:
        one.commit()
        await (await store.node.driver.take_in(one.runs(CHAIN), Ingress()))


def of(**line: Any) -> dict[str, Any]:
    """A request with one line of one unit."""
    return {"lines": [{**line, "quantity": 1}]}


async def test_a_till_sells_and_takes_back_a_deleted_sku(store: Caller) -> None:
    east = hub("hub-east")
    east.write("six", SIX)
    east.write("six", None)
    await deliver(store, east)
    for line in ({"sku": "six"}, {"barcode": "4001"}):
        await store.good("/v1/receipts", of(**line))
        assert (await store.good("/v1/sales", of(**line)))["lines"][0]["breach"] == 0
        await store.good("/v1/returns", of(**line))
    batch = await store.good("/v1/sales:batch", {"sales": [{"key": "queued-1", **of(sku="six")}]})
    assert [verdict["status"] for verdict in batch["verdicts"]] == [201]
    stock = await store.good("/v1/stock/cola")
    assert (stock["on_hand"], stock["quarantined"]) == (6, 12)


async def test_a_promise_of_a_deleted_sku_is_refused_at_a_store(store: Caller) -> None:
    await store.good("/v1/receipts", of(sku="six"))
    east = hub("hub-east")
    east.write("six", SIX)
    east.write("six", None)
    await deliver(store, east)
    sale, hold = {**of(sku="six"), "on_shortage": "refuse"}, {"order": "o-1", **of(sku="six")}
    for path, body in (("/v1/sales", sale), ("/v1/holds", hold)):
        status, problem = await store.write(path, body)
        assert (path, status, problem["type"], problem["deleted"]) == (path, 404, "unknown-sku", True)


async def test_a_barcode_of_two_skus_is_refused_at_the_till_until_one_gives_way(store: Caller) -> None:
    east, west = hub("hub-east"), hub("hub-west")
    east.write("cola", {"recipe": {"cola": 1}, "barcodes": ["036000291452"]})
    west.write("leaf", {"recipe": {"leaf": 1}, "barcodes": ["0036000291452"]})
    await deliver(store, east, west)
    scanned = of(barcode="036000291452")
    bodies = {"sales": scanned, "returns": scanned, "receipts": scanned, "holds": {"order": "o-1", **scanned}}
    for path, body in bodies.items():
        status, problem = await store.write(f"/v1/{path}", body)
        assert (path, status, problem["type"]) == (path, 409, "barcode-conflict")
        assert (problem["field"], problem["skus"]) == ("lines[0].barcode", ["cola", "leaf"])
    found = await store.good("/v1/exceptions")
    assert found["barcode_conflicts"] == [{"barcode": "036000291452", "skus": ["cola", "leaf"]}]
    west.write("leaf", None)
    await deliver(store, west)
    assert (await store.good("/v1/sales", of(barcode="036000291452")))["lines"][0]["sku"] == "cola"
    assert (await store.good("/v1/exceptions"))["barcode_conflicts"] == []
