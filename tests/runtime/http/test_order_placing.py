"""Placing an order that another region must have before the answer, among live hubs in virtual time."""

from __future__ import annotations

import pytest

from replica.core.log.entry import Stream
from replica.core.orders.requests import PlacedLine, Placement
from replica.core.rights.requests import Grant, GrantLine
from replica.core.state.commands import Command
from replica.core.stock.requests import GoodsLine, GoodsReceipt
from replica.runtime.http.order_placing import NotReplicated, _streams_of, place
from tests.core.shuffled import OrderTaker
from tests.runtime.region import COLA, Region
from tests.runtime.virtual import VirtualNetwork, hub, store, until

pytestmark = pytest.mark.virtual_time


async def test_a_store_that_has_an_order_is_no_other_region() -> None:
    network = VirtualNetwork()
    east, shop = hub("hub-east", network), store("store-1", network)
    network.nodes = {node.replica.node: node for node in (east, shop)}
    east.start([], 0.0)
    shop.start([["hub-east"]], 0.0)
    await shop.driver.submit(Command("store-1", GoodsReceipt((GoodsLine(2, item="cola"),)), b"goods"))
    await shop.driver.submit(Command("store-1", Grant("hub-east", (GrantLine("cola", 1),)), b"grant"))
    await until(lambda: east.replica.ledger.stock("store-1", "cola").balance("hub-east/free") == 1, 5)

    with pytest.raises(NotReplicated):
        await place(east, Placement(order="o-1", lines=(PlacedLine(1, "cola"),), durability="region"), b"o-1")

    assert shop.replica.orders.find("o-1") is not None


async def test_order_retried_at_another_hub_of_its_region_waits_for_another_region() -> None:
    network = VirtualNetwork()
    first, second = hub("hub-east", network), hub("hub-east-2", network)
    west = hub("hub-west", network, region="west")
    network.nodes = {node.replica.node: node for node in (first, second, west)}
    first.start([], 0.0)
    second.start([["hub-east"]], 0.0)
    goods = GoodsReceipt((GoodsLine(2, item="cola"),))
    await first.driver.submit(Command("hub-east", goods, b"goods"))
    placement = Placement(order="o-1", lines=(PlacedLine(1, "cola"),), durability="region")
    with pytest.raises(NotReplicated):
        await place(first, placement, b"o-1")
    await until(lambda: second.replica.orders.find("o-1") is not None, 5)

    with pytest.raises(NotReplicated):
        await place(second, placement, b"o-1")

    west.start([["hub-east"], ["hub-east-2"]], 0.0)
    placed = await place(second, placement, b"o-1")
    assert placed.stream.writer == first.replica.writer
    assert west.replica.orders.find("o-1") is not None


async def test_order_of_another_region_that_is_retried_here_is_there_already() -> None:
    network = VirtualNetwork()
    east, west = hub("hub-east", network), hub("hub-west", network, region="west")
    network.nodes = {node.replica.node: node for node in (east, west)}
    east.start([], 0.0)
    west.start([["hub-east"]], 0.0)
    await west.driver.submit(Command("hub-west", GoodsReceipt((GoodsLine(2, item="cola"),)), b"goods"))
    await until(lambda: east.replica.ledger.stock("hub-west", "cola").figures.on_hand == 2, 5)
    placement = Placement(order="o-1", lines=(PlacedLine(1, "cola"),), durability="region")
    await place(west, placement, b"o-1")
    await until(lambda: east.replica.orders.find("o-1") is not None, 5)

    placed = await place(east, placement, b"o-1")
    assert placed.stream.writer == west.replica.writer


async def test_order_over_several_locations_waits_for_all_streams_of_the_hub_that_placed_it() -> None:
    first, second = OrderTaker("hub-east", w_1={"cola": 2}, w_2={"tea": 2}), OrderTaker("hub-east-2", w_3={"cola": 2})
    lines = [PlacedLine(1, "cola", location="w-1"), PlacedLine(1, "tea", location="w-2")]
    placed = first.place("o-1", *lines)
    first.tell(second)
    expected = {Stream(first.writer, location): 2 for location in ("w-1", "w-2")}
    for taker in (first, second):
        assert _streams_of(taker.replica, "o-1", placed.stream) == expected


async def test_order_gets_exactly_the_units_that_it_lacks_from_another_hub() -> None:
    chain = Region()
    await chain.open(6)
    await chain.do(chain.store, Grant("hub-west", (GrantLine(COLA, 6),)))
    await until(lambda: chain.rights() == (0, 0, 6), 5)
    placement = Placement(order="web-1", lines=(PlacedLine(6, COLA),), wait_ms=5_000)
    await place(chain.east, placement, b"k1")
    order = chain.east.replica.orders.find("web-1")
    assert order is not None
    assert order.state == "held"
