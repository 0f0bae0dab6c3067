"""Pools: the stock of some locations, sold by a channel as one."""

from __future__ import annotations

from typing import Any

from replica.core.base.names import account
from replica.core.rights.quotas import channel_account
from tests.callers import Caller

PLACES = {"w-1": "south", "w-2": "north"}


async def chain(hub: Caller, **pool: Any) -> None:
    """Two warehouses of this hub in two regions, each with 10 colas."""
    for name, region in PLACES.items():
        value = {"type": "warehouse", "name": name, "region": region, "lat": 30.0, "lon": 120.0}
        await hub.good(f"/v1/documents/location/{name}", value, method="PUT")
    await hub.good("/v1/documents/sku/cola?new_items=true", {"recipe": {"cola": 1}}, method="PUT")
    for name in PLACES:
        await hub.good(f"/v1/receipts?location={name}", {"lines": [{"sku": "cola", "quantity": 10}]})
    await hub.good("/v1/documents/pool/south", {"regions": ["south"], "channels": ["web"], **pool}, method="PUT")


def listed(answer: dict[str, Any]) -> dict[str, int]:
    return {one["location"]: one["guaranteed"] for one in answer["locations"]}


async def order(hub: Caller, name: str, quantity: int, **more: Any) -> tuple[int, dict[str, Any]]:
    line = {"sku": "cola", "quantity": quantity, **more.pop("line", {})}
    return await hub.write("/v1/orders", {"order": name, "lines": [line], **more})


async def test_a_channel_shows_the_sum_of_its_pool(hub: Caller) -> None:
    await chain(hub)
    web = await hub.good("/v1/availability/cola?channel=web")
    assert (web["guaranteed"], listed(web)) == (10, {"w-1": 10})
    assert (await hub.good("/v1/availability/cola?channel=app"))["guaranteed"] == 20
    assert listed(await hub.good("/v1/availability/cola?pool=south")) == {"w-1": 10}
    status, problem = await hub.read("/v1/availability/cola?pool=east")
    assert (status, problem["type"]) == (404, "not-found")
    async with hub.client.post("/v1/availability", json={"skus": ["cola"], "pool": "south"}) as response:
        answer = await response.json()
    assert answer["verdicts"][0]["availability"]["guaranteed"] == 10


async def test_orders_of_a_channel_take_only_from_its_pool(hub: Caller) -> None:
    await chain(hub)
    status, problem = await order(hub, "o-1", 11, channel="web")
    assert (status, problem["type"]) == (409, "insufficient-rights")
    status, problem = await order(hub, "o-2", 1, channel="web", line={"location": "w-2"})
    assert (status, problem["type"]) == (409, "insufficient-rights")
    status, answer = await order(hub, "o-3", 10, channel="web")
    assert (status, [one["location"] for one in answer["fulfilments"]]) == (201, ["w-1"])
    status, answer = await order(hub, "o-4", 10, channel="app")
    assert (status, [one["location"] for one in answer["fulfilments"]]) == (201, ["w-2"])


async def test_orders_to_an_address_take_only_from_the_pool(hub: Caller) -> None:
    await chain(hub)
    address = {"country": "CN", "lat": 30.0, "lon": 120.0}
    body = {"lines": [{"sku": "cola", "quantity": 12}], "ship_to": address, "channel": "web"}
    async with hub.client.post("/v1/source", json=body) as response:
        answer = await response.json()
    assert answer["short"] == [{"line": 0, "sku": "cola", "wanted": 12, "free": 10}]
    assert {one["location"]: one["reason"] for one in answer["candidates"]}["w-2"] == "not-in-pool"


async def test_a_pool_follows_the_regions_of_locations(hub: Caller) -> None:
    await chain(hub)
    value = {"type": "warehouse", "name": "w-2", "region": "south"}
    await hub.good("/v1/documents/location/w-2", value, method="PUT")
    assert (await hub.good("/v1/availability/cola?channel=web"))["guaranteed"] == 20


async def quotas(hub: Caller) -> dict[str, int]:
    def look(replica: Any) -> dict[str, int]:
        web = channel_account("hub-east", "web")
        return {name: replica.ledger.stock(name, "cola").balance(web) for name in PLACES}

    return await hub.node.driver.look(look)


async def test_quotas_are_set_aside_only_in_the_pool(hub: Caller) -> None:
    await chain(hub)
    await hub.good("/v1/documents/policy/default", {"mode": "share", "channels": {"web": 0.5}}, method="PUT")
    while (await quotas(hub))["w-1"] != 5:
        await hub.read("/healthz")
    assert await quotas(hub) == {"w-1": 5, "w-2": 0}
    await hub.good("/v1/documents/pool/south", {"locations": ["w-2"], "channels": ["web"]}, method="PUT")
    while (await quotas(hub))["w-1"] != 0 or (await quotas(hub))["w-2"] != 5:
        await hub.read("/healthz")
    stock = await hub.node.driver.look(lambda replica: replica.ledger.stock("w-1", "cola"))
    assert stock.balance(account("hub-east", "free")) == 10


async def test_wrong_pools_are_refused(hub: Caller) -> None:
    await chain(hub)
    for key, value, field in (
        ("north", {"channels": ["app"]}, "regions"),
        ("north", {"regions": ["west"]}, "regions[0]"),
        ("north", {"locations": ["w-9"]}, "locations[0]"),
        ("north", {"regions": ["north"], "channels": ["web"]}, "channels[0]"),
    ):
        status, problem = await hub.write(f"/v1/documents/pool/{key}", value, method="PUT")
        assert (status, problem["field"]) == (422, field)
