"""A misspelt location is told as unknown by each call, and never looks like an empty shop."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from edge_node.assembly import assemble
from replica.runtime.peering.websocket import HttpNetwork
from tests.callers import Caller

SHOP = {"type": "store", "name": "Shop 1", "region": "east"}


async def stocked(hub: Caller) -> None:
    await hub.good("/v1/documents/sku/cola", {"recipe": {"cola": 1}}, method="PUT")
    await hub.good("/v1/receipts?location=w-1", {"lines": [{"sku": "cola", "quantity": 20}]})


@pytest.mark.parametrize(
    "path", ["/v1/stock/v-1/cola", "/v1/stock/v-1", "/v1/explain/v-1/cola", "/v1/availability/cola?location=v-1"]
)
async def test_a_read_of_an_unknown_location_is_not_found(hub: Caller, path: str) -> None:
    await stocked(hub)
    status, problem = await hub.read(path)
    assert (status, problem["type"], problem["field"]) == (404, "unknown-location", "location")
    assert problem["location"] == "v-1"
    assert "w-1" in problem["detail"]


@pytest.mark.parametrize("location", ["*", "@hubs", "W-1", "w-1%20"])
async def test_no_other_name_passes_for_a_location(hub: Caller, location: str) -> None:
    await stocked(hub)
    status, problem = await hub.read(f"/v1/stock/{location}/cola")
    assert (status, problem["type"]) == (404, "unknown-location")


async def test_a_known_location_without_stock_shows_zeros(hub: Caller) -> None:
    await stocked(hub)
    assert (await hub.good("/v1/stock/w-2/cola"))["on_hand"] == 0
    assert (await hub.good("/v1/stock/w-2"))["items"] == []
    await hub.good("/v1/documents/location/s-1", SHOP, method="PUT")
    assert (await hub.good("/v1/availability/cola?location=s-1"))["optimistic"] == 0


async def test_an_item_that_nobody_knows_is_not_found_anywhere(hub: Caller) -> None:
    await stocked(hub)
    for path in ("/v1/stock/w-1/colla", "/v1/stock/w-2/colla"):
        status, problem = await hub.read(path)
        assert (status, problem["type"], problem["field"]) == (404, "unknown-sku", "item")


async def test_bulk_availability_at_an_unknown_location_is_refused(hub: Caller) -> None:
    await stocked(hub)
    status, problem = await hub.write("/v1/availability", {"skus": ["cola"], "location": "v-1"})
    assert (status, problem["field"]) == (422, "location")


@pytest.mark.parametrize(
    ("path", "body"),
    [
        ("/v1/receipts", {"lines": [{"sku": "cola", "quantity": 1}]}),
        ("/v1/counts", {"lines": [{"item": "cola", "counted": 1}]}),
        ("/v1/adjustments", {"lines": [{"item": "cola", "delta": 1, "reason": "found"}]}),
        ("/v1/returns", {"lines": [{"sku": "cola", "quantity": 1}]}),
        ("/v1/grants", {"to": "hub-west", "lines": [{"item": "cola", "quantity": 1}]}),
    ],
)
async def test_a_write_at_an_unknown_location_is_not_found(hub: Caller, path: str, body: dict[str, Any]) -> None:
    await stocked(hub)
    status, problem = await hub.write(f"{path}?location=v-1", body)
    assert (status, problem["type"], problem["field"]) == (404, "unknown-location", "location")


@pytest.mark.parametrize(
    ("order", "field"),
    [
        ({"lines": [{"sku": "cola", "quantity": 1, "location": "v-1"}]}, "lines[0].location"),
        (
            {"lines": [{"sku": "cola", "quantity": 1}, {"sku": "cola", "quantity": 1, "location": "v-1"}]},
            "lines[1].location",
        ),
        ({"lines": [{"sku": "cola", "quantity": 1}], "pickup_at": "v-1"}, "pickup_at"),
        ({"lines": [{"sku": "cola", "quantity": 1}], "pickup_at": "v-1", "partial": True}, "pickup_at"),
        ({"lines": [{"sku": "cola", "quantity": 1}], "pickup_at": "v-1", "wait_ms": 1_000}, "pickup_at"),
    ],
)
async def test_an_order_for_an_unknown_location_is_refused(hub: Caller, order: dict[str, Any], field: str) -> None:
    await stocked(hub)
    status, problem = await hub.write("/v1/orders", {"order": "o-1", "channel": "web", **order})
    assert (status, problem["type"], problem["field"]) == (422, "invalid-request", field)


async def test_a_known_location_without_units_still_lacks_rights(hub: Caller) -> None:
    await stocked(hub)
    order = {"order": "o-1", "channel": "web", "lines": [{"sku": "cola", "quantity": 1, "location": "w-2"}]}
    status, problem = await hub.write("/v1/orders", order)
    assert (status, problem["type"]) == (409, "insufficient-rights")


@pytest.mark.parametrize("selector", ["location:v-1", "location:v-1,item:cola"])
async def test_a_policy_for_an_unknown_location_is_refused(hub: Caller, selector: str) -> None:
    path = f"/v1/documents/policy/{selector}"
    status, problem = await hub.write(path, {"mode": "keep"}, method="PUT")
    assert (status, problem["type"], problem["field"]) == (422, "invalid-request", "key")
    assert "w-1" in problem["detail"]


async def test_a_policy_of_a_location_that_went_away_can_be_cleared_and_repeated(hub: Caller) -> None:
    await hub.good("/v1/documents/location/s-1", SHOP, method="PUT")
    policy = "/v1/documents/policy/location:s-1"
    written = await hub.good(policy, {"mode": "keep"}, method="PUT", key="first")
    async with hub.client.delete("/v1/documents/location/s-1", headers={"Idempotency-Key": "gone"}) as response:
        assert response.status == 200
    assert await hub.good(policy, {"mode": "keep"}, method="PUT", key="first") == written
    async with hub.client.delete(policy, headers={"Idempotency-Key": "clear"}) as response:
        assert response.status == 200


async def test_a_batch_may_write_a_location_and_then_its_policy(hub: Caller) -> None:
    documents = [
        {"kind": "policy", "key": "location:s-1", "value": {"mode": "keep"}},
        {"kind": "location", "key": "s-1", "value": SHOP},
        {"kind": "policy", "key": "location:s-1", "value": {"mode": "keep"}},
    ]
    answer = await hub.good("/v1/documents:batch", {"documents": documents})
    assert [verdict["status"] for verdict in answer["verdicts"]] == [422, 200, 200]


async def test_a_time_zone_that_does_not_exist_is_refused_with_names_like_it(hub: Caller) -> None:
    path = "/v1/documents/location/s-1"
    status, problem = await hub.write(path, {**SHOP, "time_zone": "Europe/Berln"}, method="PUT")
    assert (status, problem["field"]) == (422, "time_zone")
    assert "Europe/Berlin" in problem["detail"]
    for zone in ("Europe/Berlin", "Asia/Shanghai", "UTC"):
        await hub.good(path, {**SHOP, "time_zone": zone}, method="PUT")


async def test_a_store_is_known_as_soon_as_it_connects(hub: Caller, tmp_path: Path) -> None:
    network = HttpNetwork()
    assembly = await assemble(
        network,
        name="s-9",
        location="s-9",
        data=tmp_path / "s-9",
        host="127.0.0.1",
        hubs=("hub",),
        region="east",
        open_catalog=True,
    )
    assembly.node.start([[str(hub.client.make_url("/")).rstrip("/")]], 0.0)
    try:
        while "s-9" not in hub.node.peers.met()[0]:
            assert (await hub.read("/readyz"))[0] == 200
        await hub.good("/v1/documents/policy/location:s-9", {"mode": "keep"}, method="PUT")
        assert (await hub.good("/v1/stock/s-9"))["items"] == []
    finally:
        await assembly.node.stop()
        await network.close()
