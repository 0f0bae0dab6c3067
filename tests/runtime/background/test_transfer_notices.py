"""Live nodes in virtual time: both ends of a transfer hear of it in seconds, from one hub or the other."""

from __future__ import annotations

import asyncio

import pytest

from replica.core.stock.requests import GoodsLine, GoodsReceipt
from replica.core.stock.transfer import State
from replica.core.stock.transfer_requests import (
    Arrival,
    NewTransfer,
    ReceiveTransfer,
    RequestTransfer,
    Shipment,
    ShipTransfer,
    new_transfer,
)
from replica.core.stock.transfers import NOTICE
from replica.runtime.background.transfer_notices import TURN_MS
from replica.runtime.node import Node
from tests.runtime.region import COLA, STORE, Region
from tests.runtime.virtual import elapsed_s, store, until

OTHER = "store-2"


def state(node: Node, transfer: str) -> State | None:
    found = node.replica.transfers.find(transfer)
    return found.state if found is not None else None


def notices(chain: Region) -> int:
    return sum(stored.entry.content.kind == NOTICE for stored in chain.east_disk.stored)


async def two_stores(hub: str = "hub-east") -> tuple[Region, Node]:
    """A region with a second store that is connected to one of the hubs."""
    chain = Region()
    await chain.open(20)
    other = store(OTHER, chain.network)
    chain.network.nodes[OTHER] = other
    other.start([[hub]], 0.0)
    await chain.do_at(OTHER, other, GoodsReceipt((GoodsLine(1, item="water"),)))
    return chain, other


async def shipped(chain: Region, number: int = 1) -> RequestTransfer:
    new = NewTransfer(OTHER, (GoodsLine(10, item=COLA),), STORE, approve=True)
    request = new_transfer(b"r-%d" % number, new, STORE)
    await chain.do(chain.store, request)
    await chain.do(chain.store, ShipTransfer(request.transfer, Shipment()))
    return request


@pytest.mark.virtual_time
@pytest.mark.parametrize("hub", ["hub-east", "hub-west"])
async def test_the_receiver_hears_of_a_shipment_in_seconds(hub: str) -> None:
    chain, other = await two_stores(hub)
    transfer = (await shipped(chain)).transfer
    await until(lambda: state(other, transfer) is State.SHIPPED, TURN_MS / 1000 + 3)
    await chain.do_at(OTHER, other, ReceiveTransfer(transfer, Arrival()))
    await until(lambda: state(chain.store, transfer) is State.RECEIVED, TURN_MS / 1000 + 3)
    await until(lambda: state(chain.west, transfer) is State.RECEIVED, 3)


@pytest.mark.virtual_time
async def test_hubs_that_reach_each_other_tell_each_fact_once() -> None:
    chain, other = await two_stores()
    for number in range(4):
        request = await shipped(chain, number) if number < 2 else await requested(chain, number)
        await until(lambda one=request.transfer: state(other, one) is not None, 10)  # type: ignore[misc]
    await asyncio.sleep(3 * TURN_MS / 1000)
    told = [
        fact
        for stored in chain.east_disk.stored
        if stored.entry.content.kind == NOTICE
        for fact in stored.entry.content.facts["told"]
    ]
    assert len(told) == len({bytes(fact[0]) for fact in told}) == 6


async def requested(chain: Region, number: int) -> RequestTransfer:
    new = NewTransfer(OTHER, (GoodsLine(1, item=COLA),), STORE)
    request = new_transfer(b"r-%d" % number, new, STORE)
    await chain.do(chain.store, request)
    return request


@pytest.mark.virtual_time
async def test_a_hub_that_is_alone_does_not_wait_for_others() -> None:
    chain, other = await two_stores()
    await chain.west.stop()
    await asyncio.sleep(5)
    for number in range(4):
        began_s = elapsed_s()
        request = await requested(chain, number)
        await until(lambda one=request.transfer: state(other, one) is not None, 2)  # type: ignore[misc]
        assert elapsed_s() - began_s < TURN_MS / 1000
    assert notices(chain) == 4
