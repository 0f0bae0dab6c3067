"""What a node knows of its peers: which entries they stored. Real sessions over queues, in virtual time."""

from __future__ import annotations

import pytest

from replica.core.log.entry import Entry
from replica.core.stock.requests import GoodsLine, GoodsReceipt
from replica.runtime.node import Node
from replica.runtime.peering.link import Link
from tests.runtime.region import COLA, STORE, Region
from tests.runtime.virtual import hub, until

pytestmark = pytest.mark.virtual_time


def waiting(node: Node, peer: str) -> int:
    """How many entries of its own the node does not know to be stored at the peer."""
    return node.peers.known[peer].unacknowledged(node.replica)


async def receive(chain: Region, units: int = 5) -> Entry:
    """Goods arrive at the store."""
    return await chain.do(chain.store, GoodsReceipt((GoodsLine(units, item=COLA),)))


async def test_a_node_knows_of_each_entry_that_its_peer_stores_while_connected() -> None:
    chain = Region()
    await chain.open(5)
    for _ in range(2):
        await receive(chain)
        assert waiting(chain.store, "hub-east") == 1
        await until(lambda: waiting(chain.store, "hub-east") == 0, 5)


async def test_a_node_goes_on_knowing_what_its_peer_stores_over_a_second_link() -> None:
    chain = Region()
    await chain.open(5)
    chain.store.peers.close()
    await receive(chain)
    assert waiting(chain.store, "hub-east") == 1
    await until(lambda: chain.store.peers.known["hub-east"].is_connected, 60)
    await until(lambda: waiting(chain.store, "hub-east") == 0, 5)
    await receive(chain)
    await until(lambda: waiting(chain.store, "hub-east") == 0, 5)


async def test_a_wait_for_another_region_ends_when_that_region_stores_the_entry() -> None:
    chain = Region()
    await chain.open(5)
    entry = await receive(chain)
    assert await chain.east.peers.held_elsewhere({entry.stream: entry.sequence}, 5)
    assert chain.free(chain.west, STORE) == 10
    assert not await chain.east.peers.held_elsewhere({entry.stream: entry.sequence + 1}, 5)


class Noting:
    """Notes at the begin of each session how many entries the peer does not have."""

    def __init__(self, node: Node) -> None:
        self.node = node
        self.noted: list[int] = []

    def joined(self, link: Link) -> None:
        self.noted.append(waiting(self.node, link.peer.node))

    def heard(self, link: Link, event: object) -> None:
        """Nobody asks for rights here."""

    def left(self, link: Link) -> None:
        """How a session ends does not matter here."""


async def test_a_peer_that_comes_back_with_an_empty_disk_has_no_entries() -> None:
    chain = Region()
    await chain.open(5)
    await until(lambda: waiting(chain.store, "hub-east") == 0, 5)
    await chain.east.stop()
    noting = Noting(chain.store)
    chain.store.peers.listeners.append(noting)
    again = chain.network.nodes["hub-east"] = hub("hub-east", chain.network)
    again.start([], 0.0)
    await until(lambda: bool(noting.noted), 60)
    assert noting.noted == [1]
    await again.stop()
