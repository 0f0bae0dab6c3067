"""`POST /v1/balance`: which goods should move between locations."""

from __future__ import annotations

import asyncio
from datetime import timedelta
from typing import Any

from hub.balance_plans import Plans
from hub.balance_schedule import BalanceSchedule
from hub.sales_rates import SalesRates
from replica.core.base.clock import time_text
from replica.core.log.entry_run import ReceivedRun
from replica.core.planning.transport import cheapest_flow
from replica.core.rights.requests import Grant, GrantLine
from replica.core.state.replica import Replica
from replica.core.stock.transfer import State
from replica.core.stock.transfer_requests import Arrival, ReceiveTransfer, Shipment, ShipTransfer
from replica.runtime.driver import Ingress
from replica.runtime.http.long_reads import LongReads
from tests.callers import Caller
from tests.core.chain import Node, receipt, sale, store

PLACES = {"store-1": (22.6, 114.1), "store-2": (23.1, 113.3), "store-3": (22.3, 113.6)}
STORM = [(22.9, 113.9), (22.9, 114.6), (22.1, 114.6), (22.1, 113.9)]
"""Contains store-1 only."""

DAY_MS = 86_400_000


async def write(hub: Caller, kind: str, key: str, value: Any) -> None:
    await hub.good(f"/v1/documents/{kind}/{key}", value, method="PUT")


async def chain(hub: Caller, *there: int) -> dict[str, Node]:
    """Three stores with some cola, each of which sold 2 a day on the last days."""
    for name, (lat, lon) in PLACES.items():
        await write(hub, "location", name, {"type": "store", "name": name, "region": "south", "lat": lat, "lon": lon})
    await hub.good("/v1/documents/sku/cola?new_items=true", {"recipe": {"cola": 1}}, method="PUT")
    now_ms = hub.node.clock.now().wall_ms
    stores = {name: store(number) for number, name in enumerate(PLACES, 1)}
    for one, units in zip(stores.values(), there, strict=True):
        one.ask(receipt(cola=units + 8), now_ms=now_ms - 5 * DAY_MS)
        for day in range(4, 0, -1):
            one.ask(sale(cola=2), now_ms=now_ms - day * DAY_MS)
        await send(hub, one)
    await hub.node.housekeeping.learn()
    return stores


async def send(hub: Caller, away: Node) -> None:
    """What a store wrote arrives at the hub."""
    away.commit()
    await (await hub.node.driver.take_in(away.runs(away.name), Ingress()))


async def storm(hub: Caller, **more: Any) -> None:
    corners = [{"lat": lat, "lon": lon} for lat, lon in STORM]
    value = {"covers": [{"type": "polygon", "corners": corners}], "reasons": {"en": "Storm"}, **more}
    await write(hub, "incident", "storm", value)


async def plan(hub: Caller, **body: Any) -> dict[str, Any]:
    """Make a plan. A busy machine may answer 202 first."""
    async with hub.client.post("/v1/balance", json={"region": "south", **body}) as response:
        answer: dict[str, Any] = await response.json()
        assert response.status in (200, 202), answer
    async with asyncio.timeout(60):
        while answer["state"] == "planning":
            await asyncio.sleep(0.05)
            answer = await hub.good(f"/v1/balance/{answer['id']}")
    assert answer["state"] == "ready"
    return answer


def moves(answer: dict[str, Any]) -> dict[tuple[str, str], int]:
    assert answer["cost"] == int(sum(one["km"] * one["quantity"] for one in answer["moves"]))
    assert answer["units"] == sum(one["quantity"] for one in answer["moves"])
    return {(one["from"], one["to"]): one["quantity"] for one in answer["moves"]}


async def test_a_plan_evens_the_days_of_cover(hub: Caller) -> None:
    await chain(hub, 60, 0, 0)
    answer = await plan(hub)
    assert moves(answer) == {("store-1", "store-2"): 20, ("store-1", "store-3"): 20}
    assert {(one["why"], one["from_cover_days"], one["to_cover_days"]) for one in answer["moves"]} == {
        ("cover", 30.0, 0.0)
    }
    assert {one["location"]: one["cover_days_after"] for one in answer["locations"]} == dict.fromkeys(PLACES, 10.0)


async def test_a_plan_can_be_read_page_by_page(hub: Caller) -> None:
    await chain(hub, 60, 0, 0)
    made = await plan(hub)
    first = await hub.good(f"/v1/balance/{made['id']}?limit=1")
    second = await hub.good(f"/v1/balance/{made['id']}?limit=1&cursor={first['next']}")
    assert first["moves"] + second["moves"] == made["moves"]
    assert second["next"] is None
    assert [one["id"] for one in (await hub.good("/v1/balance"))["plans"]] == [made["id"]]


async def test_rules_bound_what_a_location_gets(hub: Caller) -> None:
    await chain(hub, 60, 0, 0)
    await write(hub, "balancing", "item:cola", {"case_pack": 6})
    await write(hub, "balancing", "location:store-2,item:cola", {"capacity": 7})
    assert moves(await plan(hub)) == {("store-1", "store-2"): 6, ("store-1", "store-3"): 24}


async def test_safety_stock_and_holds_stay(hub: Caller) -> None:
    stores = await chain(hub, 60, 0, 0)
    await write(hub, "policy", "location:store-1", {"mode": "safety", "safety_stock": 30})
    assert sum(moves(await plan(hub)).values()) == 60 - 30
    stores["store-1"].ask(Grant("hub-east", (GrantLine("cola", 25),)))
    await send(hub, stores["store-1"])
    order = {"order": "o-1", "lines": [{"sku": "cola", "quantity": 25, "location": "store-1"}]}
    await hub.good("/v1/orders", order)
    assert sum(moves(await plan(hub)).values()) == 60 - 30 - 25


async def test_a_location_whose_sales_are_unknown_gives_nothing(hub: Caller) -> None:
    await chain(hub, 0, 0, 0)
    await write(
        hub, "location", "store-4", {"type": "warehouse", "name": "store-4", "region": "south", "lat": 22, "lon": 114}
    )
    answer = await plan(hub)
    assert answer["unknown"] == ["store-4"]


async def test_an_area_is_emptied(hub: Caller) -> None:
    await chain(hub, 50, 10, 0)
    await storm(hub)
    answer = await plan(hub, mode="evacuate", incident="storm")
    assert moves(answer) == {("store-1", "store-2"): 20, ("store-1", "store-3"): 30}
    left = {one["location"]: one["units"] - one["out"] + one["into"] for one in answer["locations"]}
    assert left == {"store-1": 0, "store-2": 30, "store-3": 30}


async def test_an_area_is_filled_from_what_others_do_not_need(hub: Caller) -> None:
    await chain(hub, 1, 40, 15)
    await storm(hub)
    body = {"mode": "prestock", "incident": "storm", "cover_days": 14, "keep_days": 7}
    assert moves(await plan(hub, **body)) == {("store-2", "store-1"): 26, ("store-3", "store-1"): 1}


async def test_a_location_in_an_incident_sends_no_orders_until_it_ends(hub: Caller) -> None:
    stores = await chain(hub, 9, 9, 9)
    for one in stores.values():
        one.ask(Grant("hub-east", (GrantLine("cola", 5),)))
        await send(hub, one)

    async def reasons() -> dict[str, str]:
        address = {"country": "CN", "lat": 22.6, "lon": 114.1}
        body = {"lines": [{"sku": "cola", "quantity": 1}], "ship_to": address}
        async with hub.client.post("/v1/source", json=body) as response:
            answer = await response.json()
        return {one["location"]: one["reason"] for one in answer["candidates"]}

    assert (await reasons())["store-1"] == "chosen"
    await storm(hub)
    assert (await reasons())["store-1"] == "incident"
    later = hub.node.clock.now().wall_ms + timedelta(days=1) / timedelta(milliseconds=1)
    await storm(hub, valid_from=time_text(int(later)))
    assert (await reasons())["store-1"] == "chosen"
    await storm(hub, sends=True)
    assert (await reasons())["store-1"] == "chosen"
    await storm(hub)
    await hub.write("/v1/documents/incident/storm", None, method="DELETE")
    assert (await reasons())["store-1"] == "chosen"


async def test_last_units_go_where_the_item_sells(hub: Caller) -> None:
    stores = await chain(hub, 1, 0, 30)
    assert moves(await plan(hub, mode="last_units")) == {}
    yesterday_ms = hub.node.clock.now().wall_ms - DAY_MS
    stores["store-2"].ask(receipt(cola=8), now_ms=yesterday_ms)
    stores["store-2"].ask(sale(cola=8), now_ms=yesterday_ms)
    await send(hub, stores["store-2"])
    while not moves(answer := await plan(hub, mode="last_units")):  # the hub reads new sales a little later
        assert answer["moves"] == []
    assert moves(answer) == {("store-1", "store-2"): 1}


async def test_wrong_requests_say_which_field_is_wrong(hub: Caller) -> None:
    await chain(hub, 0, 0, 0)
    for body, field in (
        ({"mode": "evacuate"}, "incident"),
        ({"mode": "evacuate", "incident": "none"}, "incident"),
        ({"locations": ["store-9"]}, "locations[0]"),
        ({"region": "north"}, "region"),
    ):
        async with hub.client.post("/v1/balance", json=body) as response:
            assert (response.status, (await response.json())["field"]) == (422, field)
    status, problem = await hub.read("/v1/balance/none")
    assert (status, problem["type"].rpartition("/")[2]) == (404, "not-found")


async def test_rules_of_an_item_at_one_location_are_refused(hub: Caller) -> None:
    await chain(hub, 0, 0, 0)
    status, problem = await hub.write("/v1/documents/balancing/location:store-1", {"case_pack": 6}, method="PUT")
    assert (status, problem["field"]) == (422, "case_pack")


async def test_an_approved_plan_becomes_transfers_that_show_its_progress(hub: Caller) -> None:
    stores = await chain(hub, 60, 0, 0)
    made = await plan(hub)
    approved = await hub.good(f"/v1/balance/{made['id']}/approve", {})
    assert (approved["state"], approved["transfers"]) == ("approved", {"approved": 2})
    transfers = (await hub.good(f"/v1/transfers?plan={made['id']}"))["transfers"]
    assert {(one["from"], one["to"]) for one in transfers} == {("store-1", "store-2"), ("store-1", "store-3")}
    first = stores["store-1"]
    number = transfers[0]["transfer"]
    full = await hub.node.driver.look(lambda replica: replica.transfers.find(number))
    assert full is not None
    assert {item: one.requested for item, one in full.units().items()} == {"cola": 20}
    assert first.replica.transfers.find(number) is None


async def test_a_repeated_approval_requests_nothing_twice(hub: Caller) -> None:
    await chain(hub, 60, 0, 0)
    made = await plan(hub)
    for _ in range(2):
        assert (await hub.good(f"/v1/balance/{made['id']}/approve", {}))["transfers"] == {"approved": 2}
    assert len((await hub.good("/v1/transfers"))["transfers"]) == 2


async def test_a_plan_counts_what_approved_transfers_will_bring(hub: Caller) -> None:
    await chain(hub, 60, 0, 0)
    first = await plan(hub)
    await hub.good(f"/v1/balance/{first['id']}/approve", {})
    assert moves(await plan(hub)) == {}


async def test_a_plan_from_before_an_approved_one_is_refused(hub: Caller) -> None:
    await chain(hub, 60, 0, 0)
    first, second = await plan(hub), await plan(hub)
    await hub.good(f"/v1/balance/{second['id']}/approve", {})
    status, problem = await hub.write(f"/v1/balance/{first['id']}/approve", {})
    assert (status, problem["type"]) == (409, "invalid-transition")
    assert len((await hub.good("/v1/transfers"))["transfers"]) == 2


async def test_a_schedule_makes_its_plan_once_a_day_and_approves_it(hub: Caller) -> None:
    await chain(hub, 60, 0, 0)
    now = time_text(hub.node.clock.now().wall_ms)[11:16]
    schedule = {"at": now, "mode": "even", "region": "south", "approve": True}
    await write(hub, "balancing_schedule", "other", {**schedule, "hub": "hub-west"})
    await write(hub, "balancing_schedule", "night", {**schedule, "hub": "hub-east"})
    reads, rates = LongReads(hub.node.driver), SalesRates(hub.node)
    reading = asyncio.create_task(rates.run())
    nightly = BalanceSchedule(hub.node, Plans(hub.node, reads, rates, cheapest_flow))
    for _ in range(2):
        await nightly.look()
    reading.cancel()
    assert len((await hub.good("/v1/transfers"))["transfers"]) == 2


async def test_scarce_goods_are_shared_out_where_they_earn_most(hub: Caller) -> None:
    await chain(hub, 10, 0, 0)
    price = {"amount": 199, "currency": "CNY"}
    await write(hub, "price", "cola", price)
    body = {"mode": "allocate", "source": "store-1", "cover_days": 4}
    assert moves(await plan(hub, **body)) == {("store-1", "store-2"): 5, ("store-1", "store-3"): 5}
    assert moves(await plan(hub, **body, by="margin")) == {("store-1", "store-2"): 8, ("store-1", "store-3"): 2}
    await hub.good("/v1/documents/price/cola?rank=store&at=store-3", {**price, "amount": 300}, method="PUT")
    assert moves(await plan(hub, **body, by="margin")) == {("store-1", "store-3"): 8, ("store-1", "store-2"): 2}
    place = {"type": "store", "name": "3", "region": "south", "lat": 22.3, "lon": 113.6, "margin_percent": 40}
    await write(hub, "location", "store-3", place)
    assert moves(await plan(hub, **body, by="margin")) == {("store-1", "store-2"): 8, ("store-1", "store-3"): 2}
    for wrong, named in (({"mode": "allocate"}, "source"), ({"by": "margin"}, "by")):
        async with hub.client.post("/v1/balance", json=wrong) as response:
            assert (response.status, (await response.json())["field"]) == (422, named)


async def test_goods_that_do_not_sell_get_a_lower_price_within_the_limits(hub: Caller) -> None:
    await chain(hub, 400, 0, 0)
    await write(hub, "price", "cola", {"amount": 200, "currency": "CNY", "override": {"min": 170, "max": 250}})
    answer = await hub.good("/v1/markdowns/store-1")
    (found,) = answer["markdowns"]
    assert (found["sku"], found["cover_days"], found["proposed"], found["limited"]) == ("cola", 200.0, 170, True)
    assert (await hub.good("/v1/markdowns/store-2"))["markdowns"] == []


async def hear(hub: Caller, away: Node) -> None:
    """What the hub wrote for a store arrives there."""
    page = await hub.node.journal.read(0, 1_000)
    now_ms = hub.node.clock.now().wall_ms
    for stored in page.stored:
        entry = stored.entry
        if entry.stream.scope == away.name and entry.stream.writer == hub.node.replica.writer:
            away.replica.take_in(ReceivedRun(entry.stream, entry.sequence, stored.previous, [entry]), now_ms, {})
    away.commit()


async def test_an_approved_plan_loses_no_unit_while_a_store_is_cut_off(hub: Caller) -> None:
    stores = await chain(hub, 60, 0, 0)
    made = await plan(hub)
    await hub.good(f"/v1/balance/{made['id']}/approve", {})
    sender, reached = stores["store-1"], stores["store-2"]  # store-3 is cut off from now on
    await hear(hub, sender)
    for number in sender.replica.transfers.of_plan(made["id"]):
        sender.ask(ShipTransfer(number, Shipment()), now_ms=hub.node.clock.now().wall_ms)
    await send(hub, sender)
    while not any(one.state is State.SHIPPED for one in reached.replica.transfers):
        await hear(hub, reached)  # the hub tells a store of the shipment a little later
    (coming,) = [one for one in reached.replica.transfers if one.target == "store-2"]
    reached.ask(ReceiveTransfer(coming.id, Arrival()), now_ms=hub.node.clock.now().wall_ms)
    await send(hub, reached)
    found = await hub.good(f"/v1/balance/{made['id']}")
    assert found["transfers"] == {"received": 1, "shipped": 1}

    def units(replica: Replica) -> tuple[int, int]:
        underway = sum(sum(one.values()) for one in replica.transfers.incoming.values())
        return sum(replica.ledger.stock(name, "cola").figures.on_hand for name in PLACES), underway

    assert await hub.node.driver.look(units) == (40, 20)
    again = await plan(hub)
    assert again["moves"] == []
