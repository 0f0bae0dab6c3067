"""`GET /v1/locations`: what a hub knows about each location, and what the rights stranded there cost."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from hub import stranded_costs
from hub.assembly import assemble
from replica.core.rights.requests import Grant, GrantLine
from replica.runtime.driver import Ingress
from replica.runtime.peering.websocket import HttpNetwork
from tests.callers import Caller, calling
from tests.core.chain import receipt, sale, store
from tests.hub.test_stores_that_left import HOUR_MS, LaterClock, visit
from tests.processes.asking import eventually

SHOP = {
    "type": "store",
    "name": "Shop 1",
    "region": "east",
    "lat": 0.0,
    "lon": 9.9,
    "address": {"city": "Hamburg"},
    "time_zone": "Europe/Berlin",
}


async def listed(hub: Caller) -> dict[str, dict[str, Any]]:
    """The locations by name."""
    page = await hub.good("/v1/locations?limit=1000")
    assert page["next"] is None
    return {one["location"]: one for one in page["locations"]}


async def deliver(hub: Caller, number: int = 1, **units: int) -> None:
    """A store received goods, granted this hub a unit of the first item, and went away."""
    away = store(number)
    away.ask(receipt(**units))
    away.ask(Grant("hub-east", (GrantLine(next(iter(units)), 1),)))
    away.commit()
    await (await hub.node.driver.take_in(away.runs(away.replica.node), Ingress()))
    await hub.node.housekeeping.learn()


async def test_a_location_shows_its_document_its_owner_and_its_figures(hub: Caller) -> None:
    await hub.good("/v1/documents/location/store-1", SHOP, method="PUT")
    await deliver(hub, cola=10)
    shop = (await listed(hub))["store-1"]
    document = {name: shop[name] for name in SHOP}
    assert document == {**SHOP, "address": {"city": "Hamburg"}}
    assert (shop["owner"], shop["connected"], shop["behind"], shop["software"]) == ("store-1", False, None, None)
    assert shop["last_seen"].startswith("2025-06-15T")
    assert (shop["on_hand"], shop["rights"], shop["breaches"]) == (10, 1, 0)
    assert shop["stranded"]["store-1"]["units"] == 9


async def test_a_location_that_the_hub_hosts_is_connected_and_up_to_date(hub: Caller) -> None:
    shown = await listed(hub)
    assert list(shown) == ["w-1", "w-2"]
    host = shown["w-1"]
    assert (host["owner"], host["connected"], host["behind"], host["unacknowledged"]) == ("hub-east", True, 0, 0)
    assert (host["name"], host["type"], host["address"], host["lat"]) == (None, None, None, None)
    assert (host["on_hand"], host["rights"], host["stranded"], host["breaches"]) == (0, 0, {}, 0)


async def test_a_location_without_a_known_owner_says_so(hub: Caller) -> None:
    await hub.good("/v1/documents/location/s-9", {**SHOP, "name": "Not open yet"}, method="PUT")
    shop = (await listed(hub))["s-9"]
    assert (shop["owner"], shop["connected"], shop["last_seen"], shop["unacknowledged"]) == (None, False, None, None)


async def test_locations_are_paged_by_name(hub: Caller) -> None:
    for name in ("a", "b", "c"):
        await hub.good(f"/v1/documents/location/{name}", SHOP, method="PUT")
    first = await hub.good("/v1/locations?limit=2")
    assert ([one["location"] for one in first["locations"]], first["next"]) == (["a", "b"], "b")
    last = await hub.good("/v1/locations?limit=3&cursor=b")
    assert ([one["location"] for one in last["locations"]], last["next"]) == (["c", "w-1", "w-2"], None)


async def test_stranded_rights_cost_what_their_items_cost_and_unpriced_units_are_apart(hub: Caller) -> None:
    for sku, recipe in (("cola", {"cola": 1}), ("cola-6", {"cola": 6}), ("wings", {"wings_g": 500})):
        await hub.good(f"/v1/documents/sku/{sku}?new_items=true", {"recipe": recipe}, method="PUT")
    await hub.good("/v1/documents/price/cola", {"amount": 99, "currency": "EUR"}, method="PUT")
    await hub.good("/v1/documents/price/cola-6", {"amount": 500, "currency": "EUR"}, method="PUT")
    await hub.good("/v1/documents/price/wings", {"amount": 701, "currency": "CHF"}, method="PUT")
    await deliver(hub, cola=10, wings_g=250, salt=7)
    stranded = (await listed(hub))["store-1"]["stranded"]["store-1"]
    assert stranded["units"] == 9 + 250 + 7
    assert stranded["cost"] == {"CHF": 351, "EUR": 9 * 99}
    assert stranded["unpriced"] == 7
    assert stranded["as_of"] is not None


async def test_cost_follows_the_prices_and_the_units(hub: Caller) -> None:
    await hub.good("/v1/documents/sku/cola?new_items=true", {"recipe": {"cola": 1}}, method="PUT")
    await deliver(hub, cola=10)
    assert (await listed(hub))["store-1"]["stranded"]["store-1"]["cost"] == {}
    await hub.good("/v1/documents/price/cola", {"amount": 99, "currency": "EUR"}, method="PUT")
    assert (await listed(hub))["store-1"]["stranded"]["store-1"]["cost"] == {"EUR": 9 * 99}
    price = {"amount": 50, "currency": "EUR"}
    await hub.good("/v1/documents/price/cola?rank=store&at=store-1", price, method="PUT")
    assert (await listed(hub))["store-1"]["stranded"]["store-1"]["cost"] == {"EUR": 9 * 50}
    await deliver(hub, 2, cola=4)
    shown = await listed(hub)
    assert [shown[name]["stranded"][name]["cost"] for name in ("store-1", "store-2")] == [{"EUR": 450}, {"EUR": 297}]


async def test_breached_item_does_not_lower_the_cost_of_the_others(hub: Caller) -> None:
    for sku in ("cola", "water"):
        await hub.good(f"/v1/documents/sku/{sku}?new_items=true", {"recipe": {sku: 1}}, method="PUT")
        await hub.good(f"/v1/documents/price/{sku}", {"amount": 10, "currency": "EUR"}, method="PUT")
    away = store(1)
    away.ask(receipt(cola=5, water=1))
    away.ask(sale(water=3))
    away.commit()
    await (await hub.node.driver.take_in(away.runs(away.replica.node), Ingress()))
    shop = (await listed(hub))["store-1"]
    assert (shop["on_hand"], shop["breaches"]) == (3, 1)
    assert shop["stranded"]["store-1"] == {**shop["stranded"]["store-1"], "units": 3, "cost": {"EUR": 50}}


async def test_cost_is_null_until_it_is_counted_in_the_background(hub: Caller, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(stranded_costs, "ITEMS_PER_CALL_MAX", 1)
    await deliver(hub, 1, cola=10)
    await deliver(hub, 2, cola=10)
    shown = await listed(hub)
    assert shown["store-1"]["stranded"]["store-1"]["unpriced"] == 9
    assert shown["store-2"]["stranded"]["store-2"] == {"units": 9, "cost": None, "unpriced": None, "as_of": None}

    async def is_counted() -> bool:
        return (await listed(hub))["store-2"]["stranded"]["store-2"]["cost"] is not None

    await eventually(is_counted, "the cost of the second store is counted")


async def test_cost_is_by_the_prices_in_force_when_it_is_counted(tmp_path: Path) -> None:
    clock = LaterClock()
    assembly = await assemble(
        HttpNetwork(),
        name="hub-east",
        region="east",
        data=tmp_path / "hub",
        host="127.0.0.1",
        hosts=("w-1",),
        open_catalog=True,
        clock=clock,
    )
    async with calling(assembly) as hub:
        soon = datetime.fromtimestamp(clock.now().wall_ms / 1000 + 1800, UTC).isoformat()
        scheduled = {"amount": 99, "currency": "EUR", "scheduled": [{"amount": 50, "valid_from": soon}]}
        await hub.good("/v1/documents/price/tea", {"amount": 10, "currency": "EUR"}, method="PUT")
        await hub.good("/v1/documents/price/cola", scheduled, method="PUT")
        await deliver(hub, 1, tea=3)
        assert (await listed(hub))["store-1"]["stranded"]["store-1"]["cost"] == {"EUR": 20}
        clock.ahead_ms = HOUR_MS
        await deliver(hub, 2, cola=3)
        assert (await listed(hub))["store-2"]["stranded"]["store-2"]["cost"] == {"EUR": 100}
        clock.ahead_ms = 0
        assert (await listed(hub))["store-2"]["stranded"]["store-2"]["cost"] == {"EUR": 198}


async def test_a_store_that_was_connected_shows_when_it_left(left: Caller) -> None:
    shop = (await listed(left))["store-1"]
    assert (shop["connected"], shop["owner"], shop["behind"]) == (False, "store-1", None)
    assert shop["software"] is not None
    assert shop["unacknowledged"] == 0
    (node,) = (await left.good("/v1/nodes"))["nodes"]
    assert (shop["last_seen"], shop["software"]) == (node["last_seen"], node["software"])
    assert shop["stranded"]["store-1"]["units"] == node["stranded"]["store-1"]


@pytest.fixture
async def left(tmp_path: Path, hub: Caller) -> Caller:
    """A hub to which a store with 10 colas was connected, and which it left."""
    await visit(hub, tmp_path / "store")
    await hub.node.housekeeping.learn()
    return hub
