"""Channel quotas at live hubs: policies set them, only their channel sells them, and the hub frees them on demand."""

from __future__ import annotations

import asyncio
from functools import partial
from typing import Any

import pytest

from replica.core.base.errors import RightsExhausted
from replica.core.orders.requests import PlacedLine, Placement
from replica.core.state.commands import Command
from replica.core.stock.requests import OnShortage
from replica.runtime.node import Node
from tests.callers import Caller
from tests.hub.test_hub_calls import stocked
from tests.processes.asking import eventually
from tests.runtime.region import COLA, STORE, Region
from tests.runtime.virtual import until

HALVES = {"mall": 0.5, "web": 0.5}


def quotas(node: Node, name: str = "hub-east") -> dict[str, int]:
    """The free units of a hub, and those set aside by channel."""
    balances = node.replica.ledger.stock(STORE, COLA).balances
    names = {"free": f"{name}/free", "mall": f"{name}/channel.mall", "web": f"{name}/channel.web"}
    return {short: units for short, account in names.items() if (units := balances.get(account, 0))}


async def has_quota(node: Node, location: str, item: str) -> bool:
    return node.replica.ledger.stock(location, item).balance("hub-east/channel.web") > 0


async def order(node: Node, name: str, units: int, channel: str) -> None:
    placement = Placement(order=name, lines=(PlacedLine(units, COLA),), channel=channel, paid=True)
    await node.driver.submit(Command("", placement, name.encode()))


async def shared(units: int = 20, **policy: Any) -> Region:
    """A store that keeps half of its units, and a hub that splits the other half over two marketplaces."""
    chain = Region()
    await chain.open(units)
    await chain.rule(**{"mode": "share", "share": 0.5, "channels": HALVES, **policy})
    return chain


@pytest.mark.virtual_time
async def test_hub_sets_units_aside_for_each_channel_once_and_then_stops() -> None:
    chain = await shared()
    await until(lambda: quotas(chain.east) == {"mall": 5, "web": 5}, 10)
    before = chain.east.replica.arrival
    await asyncio.sleep(60)
    assert chain.east.replica.arrival == before
    assert quotas(chain.store) == quotas(chain.west) == {"mall": 5, "web": 5}


@pytest.mark.virtual_time
async def test_hub_sets_aside_no_unit_twice_if_some_stay_free() -> None:
    chain = await shared(channels={"mall": 0.3, "web": 0.2})
    await until(lambda: quotas(chain.east) == {"free": 5, "mall": 3, "web": 2}, 10)
    await asyncio.sleep(5)
    stored = (await chain.east.journal.read(0, 1_000)).stored
    moves = [move for one in stored for move in one.entry.content.moves]
    assert [move.quantity for move in moves if move.target == "hub-east/channel.web"] == [2]


@pytest.mark.virtual_time
async def test_two_marketplaces_never_sell_the_same_unit() -> None:
    chain = await shared(20, share=1.0)
    await until(lambda: quotas(chain.east) == {"mall": 10, "web": 10}, 10)
    sold = 0
    for number in range(16):
        for channel in HALVES:
            try:
                await order(chain.east, f"{channel}-{number}", 2, channel)
                sold += 2
            except RightsExhausted:
                pass
        await asyncio.sleep(0.3)
    await asyncio.sleep(5)
    stock = chain.store.replica.ledger.stock(STORE, COLA)
    assert sold == 20 == stock.figures.reserved
    assert stock.figures.available == stock.breach == 0


@pytest.mark.virtual_time
async def test_hub_splits_the_remaining_units_again_after_a_channel_sold_its_quota() -> None:
    chain = await shared(20, share=1.0)
    await until(lambda: quotas(chain.east) == {"mall": 10, "web": 10}, 10)
    await order(chain.east, "w", 10, "web")
    with pytest.raises(RightsExhausted):
        await order(chain.east, "w-2", 1, "web")
    await until(lambda: quotas(chain.east) == {"mall": 5, "web": 5}, 5)


@pytest.mark.virtual_time
async def test_hub_frees_quotas_when_the_store_needs_units_or_the_policy_is_cleared() -> None:
    chain = await shared()
    await until(lambda: quotas(chain.east) == {"mall": 5, "web": 5}, 10)
    await chain.sell(chain.store, 9)
    await until(lambda: chain.free(chain.store, STORE) == 6, 20)
    assert quotas(chain.east) == {"mall": 3, "web": 2}
    await chain.rule()
    await until(lambda: quotas(chain.east) == {"free": 5}, 10)


@pytest.mark.virtual_time
async def test_hub_frees_quotas_if_its_only_policy_is_cleared_when_nothing_else_happens() -> None:
    chain = await shared()
    await until(lambda: quotas(chain.east) == {"mall": 5, "web": 5}, 10)
    await asyncio.sleep(60)
    await chain.rule()
    await until(lambda: quotas(chain.east) == {"free": 10}, 10)


@pytest.mark.virtual_time
async def test_hub_frees_units_that_a_hold_gives_back_to_a_channel_without_a_share() -> None:
    chain = await shared()
    await until(lambda: quotas(chain.east) == {"mall": 5, "web": 5}, 10)
    placement = Placement(order="o-1", lines=(PlacedLine(3, COLA),), channel="web", ttl_s=60)
    await chain.east.driver.submit(Command("", placement, b"o-1"))
    await chain.rule(mode="share", share=0.5)
    await until(lambda: list(quotas(chain.east)) == ["free"], 10)
    await until(lambda: chain.east.replica.ledger.stock(STORE, COLA).figures.reserved == 0, 90)
    await until(lambda: list(quotas(chain.east)) == ["free"], 10)


@pytest.mark.virtual_time
async def test_hub_covers_the_deficit_of_a_store_from_channel_quotas() -> None:
    chain = await shared(10, share=1.0)
    await until(lambda: quotas(chain.east) == {"mall": 5, "web": 5}, 10)
    await chain.sell(chain.store, 4, OnShortage.RECORD)
    await until(lambda: chain.free(chain.east, STORE) == 0, 10)
    await until(lambda: quotas(chain.east) == {"mall": 3, "web": 3}, 5)


@pytest.mark.virtual_time
async def test_other_regions_get_their_units_before_channels_do() -> None:
    chain = await shared(20, share=1.0, regions={"west": 0.5})
    await until(lambda: quotas(chain.east) == {"mall": 5, "web": 5}, 20)
    await until(lambda: quotas(chain.west, "hub-west") == {"mall": 5, "web": 5}, 20)
    before = chain.east.replica.arrival
    await asyncio.sleep(60)
    assert chain.east.replica.arrival == before


async def test_orders_and_availability_of_a_channel_over_http(hub: Caller) -> None:
    await stocked(hub)
    policy = {"mode": "safety", "safety_stock": 4, "channels": {"web": 0.5}}
    await hub.good("/v1/documents/policy/location:w-1", policy, method="PUT")
    await eventually(partial(has_quota, hub.node, "w-1", "cola_bottle"), "there is a quota")
    shown = {}
    for query in ("", "&channel=web", "&channel=app"):
        shown[query] = (await hub.good(f"/v1/availability/cola?location=w-1{query}"))["guaranteed"]
    assert shown == {"": 16, "&channel=web": 8, "&channel=app": 8}
    (verdict,) = (await hub.good("/v1/availability", {"skus": ["cola"], "location": "w-1", "channel": "web"}))[
        "verdicts"
    ]
    assert verdict["availability"]["guaranteed"] == 8
    line = {"sku": "cola", "quantity": 9, "location": "w-1"}
    status, problem = await hub.write("/v1/orders", {"order": "o-1", "channel": "web", "lines": [line]})
    assert (status, problem["type"], problem["lines"][0]["free"]) == (409, "insufficient-rights", 8)
    await hub.good("/v1/orders", {"order": "o-2", "channel": "web", "lines": [{**line, "quantity": 8}]})
    status, problem = await hub.write("/v1/orders", {"order": "o-3", "channel": "app", "lines": [line]})
    assert (status, problem["lines"][0]["free"]) == (409, 8)
    accounts = (await hub.good("/v1/stock/w-1/cola_bottle"))["accounts"]
    assert (accounts["hub-east/held"], accounts["hub-east/free"], accounts["hub-east/channel.web"]) == (8, 12, 0)
