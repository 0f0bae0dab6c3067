"""A store and two hubs in virtual time, for tests of rights, shortages, orders and metrics."""

from __future__ import annotations

from typing import Any

from replica.core.catalog.documents import pack_value
from replica.core.log.entry import Entry
from replica.core.state.commands import Command, DocumentWrite
from replica.core.stock.requests import GoodsLine, GoodsReceipt, OnShortage, Sale, SkuLine
from replica.runtime.node import Node
from simulations.journal import SimulatedDisk
from tests.runtime.virtual import VirtualNetwork, hub, store, until

STORE = "store-1"
COLA = "cola"


class Region:
    """A store with a hub in the east, and a hub in the west."""

    def __init__(self) -> None:
        network = self.network = VirtualNetwork()
        self.east_disk = SimulatedDisk()
        self.east = hub("hub-east", network, disk=self.east_disk)
        self.west = hub("hub-west", network, region="west")
        self.disk = SimulatedDisk()
        """The disk of the store."""
        self.store = store(STORE, network, self.disk)
        self.nodes = [self.store, self.east, self.west]
        network.nodes = {node.replica.node: node for node in self.nodes}
        self.asked = 0

    async def open(self, units: int, *, connected: bool = True) -> None:
        self.east.start([], 0.0)
        self.west.start([["hub-east"]], 0.0)
        self.store.start([["hub-east"]] if connected else [], 0.0)
        if units:
            await self.do(self.store, GoodsReceipt((GoodsLine(units, item=COLA),)))
        if connected:
            await until(lambda: self.free(self.west, STORE) == units, 5)

    async def do(self, node: Node, request: Any) -> Entry:
        return await self.do_at(STORE, node, request)

    async def do_at(self, location: str, node: Node, request: Any) -> Entry:
        self.asked += 1
        return await node.driver.submit(Command(location, request, b"ask-%d" % self.asked))

    async def rule(self, selector: str = "default", **policy: Any) -> None:
        self.asked += 1
        value = pack_value(policy) if policy else None
        await self.east.driver.submit(DocumentWrite("policy", selector, value, b"ask-%d" % self.asked))

    async def sell(self, node: Node, units: int, on_shortage: OnShortage = OnShortage.REFUSE) -> Entry:
        return await self.do(node, Sale(lines=(SkuLine(units, COLA),), on_shortage=on_shortage))

    def free(self, viewer: Node, owner: str) -> int:
        return viewer.replica.ledger.stock(STORE, COLA).balance(f"{owner}/free")

    def rights(self) -> tuple[int, ...]:
        """The rights of store, east and west, each as the node itself knows them."""
        return tuple(self.free(node, node.replica.node) for node in self.nodes)

    async def grants(self) -> list[Entry]:
        page = await self.east.journal.read(0, 10_000)
        return [stored.entry for stored in page.stored if stored.entry.content.kind == "grant"]
