"""Order housekeeping of live nodes, in virtual time."""

from __future__ import annotations

import asyncio
from contextlib import suppress
from itertools import count

import pytest

from replica.core.base.errors import Overloaded
from replica.core.log.entry import Entry
from replica.core.orders.fold import held_differences
from replica.core.orders.order import Order
from replica.core.orders.requests import OrderEvent, OrderRequest, PlacedLine, Placement
from replica.core.rights.requests import Grant, GrantLine
from replica.core.state.commands import Command
from replica.core.stock.requests import GoodsLine, GoodsReceipt
from replica.runtime.background.order_housekeeping import PAUSE_S
from replica.runtime.node import Node
from simulations.journal import SimulatedDisk
from simulations.knobs import turned
from simulations.plan import Setting
from tests.runtime.virtual import VirtualNetwork, elapsed_s, hub, store, until

INBOX = 64

pytestmark = pytest.mark.virtual_time


async def ask(node: Node, request: OrderRequest, key: str) -> Entry:
    return await node.driver.submit(Command("", request, key.encode()))


def order(node: Node, name: str = "o-1") -> Order:
    found = node.replica.orders.find(name)
    assert found is not None
    return found


async def stock(node: Node, units: int = 10) -> None:
    await node.driver.submit(Command(node.replica.node, GoodsReceipt((GoodsLine(units, item="cola"),)), b"stock"))


async def grant(node: Node, to: str, units: int) -> None:
    """Grant rights, as an entry of the store."""
    await node.driver.submit(Command(node.replica.node, Grant(to, (GrantLine("cola", units),)), b"grant"))


async def test_hub_of_another_region_hands_paid_orders_to_the_store_also_after_a_restart() -> None:
    network = VirtualNetwork()
    disk = SimulatedDisk()
    west = hub("hub-west", network, region="west", disk=disk)
    east, shop = hub("hub-east", network), store("store-1", network)
    network.nodes = {"ws://hub-east": east}
    for node, dial in ((east, []), (west, [["ws://hub-east"]]), (shop, [["ws://hub-east"]])):
        node.start(dial, 60.0)
    await stock(shop)
    await grant(shop, "hub-west", 5)
    await until(lambda: west.replica.ledger.stock("store-1", "cola").balance("hub-west/free") == 5, 5)
    await ask(west, Placement(order="o-1", lines=(PlacedLine(1, "cola"),)), "o1")
    await ask(west, OrderEvent(order="o-1", event="pay"), "p1")
    await until(lambda: order(west).fulfilments["hub-west.1"].owner == "store-1", 5)
    await shop.stop()
    await ask(west, Placement(order="o-2", lines=(PlacedLine(1, "cola"),)), "o2")
    await west.stop()
    again = hub("hub-west", network, region="west", disk=disk)
    again.replica.restore(await again.journal.load())
    again.start([], 60.0)
    await ask(again, OrderEvent(order="o-2", event="pay"), "p2")
    await until(lambda: order(again, "o-2").fulfilments["hub-west.1"].owner == "store-1", 5)
    for node in (east, again):
        await node.stop()


async def test_hold_expires_at_its_time_and_a_paid_one_does_not() -> None:
    node = hub("hub-east", VirtualNetwork())
    node.start([], 0.0)
    await stock(node)
    started_s = elapsed_s()
    await ask(node, Placement(order="o-1", lines=(PlacedLine(2, "cola"),), ttl_s=60), "o1")
    await ask(node, Placement(order="o-2", lines=(PlacedLine(2, "cola"),), ttl_s=60), "o2")
    await ask(node, OrderEvent(order="o-2", event="pay"), "p2")
    await until(lambda: order(node).state == "expired", 70)
    assert 60 <= elapsed_s() - started_s <= 60 + 2 * PAUSE_S + 0.2
    assert order(node, "o-2").state == "reserved"
    assert node.replica.ledger.stock("hub-east", "cola").figures.reserved == 2
    await node.stop()


async def flood(node: Node, size: int, seconds: float) -> None:
    """Keep the inbox of a node full for some time, with callers that each send `size` requests."""
    end_s, numbers = elapsed_s() + seconds, count()
    while elapsed_s() < end_s:
        with suppress(Overloaded):
            while True:
                receipts = [GoodsReceipt((GoodsLine(1, item="cola"),)) for _ in range(size)]
                node.driver.submit_all([Command("hub-east", one, b"%d" % next(numbers)) for one in receipts])
        assert node.driver.waiting == INBOX
        await asyncio.sleep(0.01)


@pytest.mark.parametrize("size", [1, 8, INBOX])
async def test_a_hold_expires_although_the_inbox_was_full_at_its_time(size: int) -> None:
    disk = SimulatedDisk()
    node = hub("hub-east", VirtualNetwork(), disk=disk)
    node.start([], 0.0)
    await stock(node)
    await ask(node, Placement(order="o-1", lines=(PlacedLine(2, "cola"),), ttl_s=2), "o1")
    disk.write_s = lambda: 0.5
    with turned([Setting("inbox", INBOX)]):
        await flood(node, size, 5.0)
    assert node.driver.counters.overloaded > 20
    disk.write_s = lambda: 0.0
    await until(lambda: order(node).state == "expired", 2)
    assert node.replica.ledger.stock("hub-east", "cola").figures.reserved == 0
    await node.stop()


async def test_many_holds_that_expire_at_once_all_expire() -> None:
    node = hub("hub-east", VirtualNetwork())
    node.start([], 0.0)
    await stock(node, 1_000)
    for number in range(500):
        await ask(node, Placement(order=f"o-{number}", lines=(PlacedLine(2, "cola"),), ttl_s=5), f"k{number}")
    await until(lambda: all(one.state == "expired" for one in node.replica.orders), 10)
    assert node.replica.ledger.stock("hub-east", "cola").figures.available == 1_000
    assert held_differences(node.replica.ledger, node.replica.orders) == []
    await node.stop()


async def test_hold_that_ends_while_the_disk_is_full_expires_once_it_has_space() -> None:
    disk = SimulatedDisk()
    node = hub("hub-east", VirtualNetwork(), disk=disk)
    node.start([], 0.0)
    await stock(node)
    await ask(node, Placement(order="o-1", lines=(PlacedLine(2, "cola"),), ttl_s=5), "o1")
    disk.room_bytes, disk.read_s = 0, lambda: 0.5
    await asyncio.sleep(20.0)
    assert node.driver.counters.storage_full > 0
    assert order(node).state == "held"
    disk.room_bytes = None
    await until(lambda: order(node).state == "expired", 10)
    await node.stop()


async def test_hub_hands_a_paid_order_to_the_store_which_answers_a_cancellation() -> None:
    network = VirtualNetwork()
    east, shop = hub("hub-east", network), store("store-1", network)
    network.nodes["ws://hub-east"] = east
    for node, dial in ((east, []), (shop, [["ws://hub-east"]])):
        node.start(dial, 60.0)
    await stock(shop)
    await grant(shop, "hub-east", 5)
    await until(lambda: east.replica.ledger.stock("store-1", "cola").balance("hub-east/free") == 5, 5)
    for number in (1, 2, 3):
        await ask(east, Placement(order=f"o-{number}", lines=(PlacedLine(1, "cola"),)), f"o{number}")
    assert order(east).fulfilments["hub-east.1"].owner == "hub-east"
    for number in (1, 2):
        await ask(east, OrderEvent(order=f"o-{number}", event="pay"), f"p{number}")
    await until(lambda: shop.replica.ledger.stock("store-1", "cola").balance("store-1/held") == 2, 5)
    assert order(shop, "o-3").fulfilments["hub-east.1"].owner == "hub-east"
    await ask(shop, OrderEvent(order="o-1", event="collect"), "c1")
    for number in (1, 2):
        asked = await ask(east, OrderEvent(order=f"o-{number}", event="cancel"), f"x{number}")
        assert asked.content.facts["act"] == "ask" or order(east).state == "collected"
    await until(lambda: (order(east).state, order(east, "o-2").state) == ("collected", "cancelled"), 5)
    for node in (shop, east):
        await node.stop()
    assert east.replica.ledger.stock("store-1", "cola").balance("hub-east/free") == 3
    assert held_differences(east.replica.ledger, east.replica.orders) == []
