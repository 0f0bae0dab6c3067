"""Goods in hand sold past the rights: which node covers them, how much and when. Live nodes in virtual time."""

from __future__ import annotations

import asyncio

import pytest

from replica.core.base.errors import Invalid
from replica.core.rights.rebalancing import STEP_IN_MS
from replica.core.rights.requests import BREACH, Grant, GrantLine
from replica.core.stock.requests import Count, CountLine, GoodsLine, GoodsReceipt, OnShortage
from replica.runtime.background.rebalancer import SETTLE_S
from tests.runtime.region import COLA, STORE, Region
from tests.runtime.virtual import VirtualNetwork, elapsed_s, until

pytestmark = pytest.mark.virtual_time

RECORD = OnShortage.RECORD
STEP_IN_S = STEP_IN_MS / 1000


async def shared(east: int, west: int, store: int) -> Region:
    """A store and two hubs, each with these rights."""
    chain = Region()
    await chain.open(east + west + store)
    for name, units in (("hub-east", east), ("hub-west", west)):
        if units:
            await chain.do(chain.store, Grant(name, (GrantLine(COLA, units),)))
    await until(lambda: chain.rights() == (store, east, west), 5)
    await asyncio.sleep(2 * SETTLE_S)
    return chain


async def covering(chain: Region) -> list[tuple[str, int]]:
    """The nodes that granted units to cover a deficit, and how many, in order."""
    return [
        (entry.stream.writer.partition("#")[0], sum(move.quantity for move in entry.content.moves))
        for entry in await chain.grants()
        if entry.content.reason == BREACH
    ]


async def test_the_richest_node_covers_a_deficit_first_and_the_next_one_the_rest() -> None:
    chain = await shared(4, 6, 2)
    await chain.sell(chain.store, 10, RECORD)
    await until(lambda: chain.rights() == (0, 2, 0), 5 * SETTLE_S)
    await asyncio.sleep(3 * STEP_IN_S)
    assert await covering(chain) == [("hub-west", 6), ("hub-east", 2)]


async def test_hub_covers_the_deficit_of_a_store_that_is_not_connected_to_it() -> None:
    chain = await shared(0, 8, 2)
    await chain.sell(chain.store, 5, RECORD)
    await until(lambda: chain.rights() == (0, 0, 5), 5)
    assert chain.store.peers.known.get("hub-west") is None


async def test_hub_covers_the_deficit_of_another_hub_after_a_count() -> None:
    chain = Region()
    await chain.open(0)
    warehouse = chain.east.replica.node
    await chain.do_at(warehouse, chain.east, GoodsReceipt((GoodsLine(10, item=COLA),)))
    await chain.do_at(warehouse, chain.east, Grant("hub-west", (GrantLine(COLA, 7),)))
    await chain.do_at(warehouse, chain.east, Count((CountLine(COLA, 5),)))
    ledgers = [node.replica.ledger for node in (chain.east, chain.west)]
    assert ledgers[0].stock(warehouse, COLA).free() == {"hub-east": -2, "hub-west": 7}
    await until(lambda: all(one.stock(warehouse, COLA).free()["hub-east"] == 0 for one in ledgers), 5)
    assert ledgers[1].stock(warehouse, COLA).free() == {"hub-east": 0, "hub-west": 5}


async def test_next_node_covers_a_deficit_when_the_richest_is_gone() -> None:
    chain = await shared(4, 6, 2)
    await chain.west.stop()
    await chain.sell(chain.store, 5, RECORD)
    sold_s = elapsed_s()
    await until(lambda: chain.free(chain.store, STORE) == 0, 2 * STEP_IN_S)
    assert elapsed_s() - sold_s >= STEP_IN_S
    assert await covering(chain) == [("hub-east", 3)]


async def test_only_the_richest_node_covers_sales_that_continue_past_the_rights() -> None:
    chain = await shared(100, 200, 1)
    for _ in range(60):
        await chain.sell(chain.store, 1, RECORD)
        await asyncio.sleep(0.5)
    await until(lambda: chain.free(chain.store, STORE) == 0, 5 * SETTLE_S)
    granted = await covering(chain)
    assert {name for name, _ in granted} == {"hub-west"}
    assert sum(units for _, units in granted) == 59
    assert len(granted) <= 60 * 0.5 / SETTLE_S + 2


async def test_next_node_covers_a_deficit_in_its_turn_although_sales_past_the_rights_continue() -> None:
    chain = await shared(40, 60, 1)
    await chain.west.stop()
    sold_s = elapsed_s()
    while not await covering(chain):
        assert elapsed_s() - sold_s < STEP_IN_S + 5 * SETTLE_S
        await chain.sell(chain.store, 1, RECORD)
        await asyncio.sleep(0.5)
    assert elapsed_s() - sold_s >= STEP_IN_S


async def test_two_disconnected_nodes_that_cover_one_deficit_do_not_swap_units_later() -> None:
    chain = await shared(6, 6, 2)
    network = chain.east.peers.network
    assert isinstance(network, VirtualNetwork)
    await chain.sell(chain.store, 5, RECORD)
    await until(lambda: chain.free(chain.west, STORE) == -3, SETTLE_S)
    network.nodes = {}
    for peer in chain.west.peers.connected:
        assert peer.link is not None
        peer.link.close("stopping")
    await until(lambda: chain.rights()[1:] == (3, 3), 2 * STEP_IN_S)
    network.nodes = {node.replica.node: node for node in chain.nodes}
    await until(lambda: chain.rights() == (3, 3, 3), 10)
    assert await covering(chain) == [("hub-east", 3), ("hub-west", 3)]
    before = len(await chain.grants())
    await asyncio.sleep(5 * STEP_IN_S)
    assert len(await chain.grants()) == before


async def test_grant_that_exceeds_the_deficit_it_covers_is_refused() -> None:
    chain = await shared(4, 0, 2)
    with pytest.raises(Invalid) as refused:
        await chain.do(chain.east, Grant(STORE, (GrantLine(COLA, 1),), BREACH))
    assert refused.value.field == "lines[0].quantity"


async def test_goods_receipt_settles_a_deficit_without_a_grant() -> None:
    chain = await shared(0, 0, 2)
    await chain.sell(chain.store, 5, RECORD)
    await until(lambda: chain.free(chain.east, STORE) == -3, 5)
    await asyncio.sleep(2 * SETTLE_S)
    assert list(chain.east.settlement.debts) == [(STORE, COLA)]
    await chain.do(chain.store, GoodsReceipt((GoodsLine(10, item=COLA),)))
    await asyncio.sleep(3 * SETTLE_S)
    assert await covering(chain) == []
    assert chain.east.settlement.debts == {}
