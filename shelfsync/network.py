"""Hubs and stores as real processes, with a proxy between each connected pair, so that the demo can cut it."""

from __future__ import annotations

from contextlib import AsyncExitStack
from itertools import combinations
from pathlib import Path

from shelfsync.assortment import REGIONS, region_of, store_names
from shelfsync.chain import LocalChain, NodeProcess
from shelfsync.outages import Lines
from shelfsync.proxy import Proxy


class LocalNetwork:
    """A chain with these numbers of stores and regions. All its processes end with the exit stack of `start`."""

    def __init__(self, stores: int, regions: int) -> None:
        self.stores = store_names(stores)
        self.hubs = [f"hub-{region}" for region in REGIONS[:regions]]
        self.home_hub = {name: f"hub-{region_of(index, regions)}" for index, name in enumerate(self.stores)}
        """The hub that each store dials first, by store."""
        self.lines: Lines = {}
        self.urls: dict[str, str] = {}
        """The address of each node for callers, hubs first; not through a proxy."""
        self.nodes: dict[str, NodeProcess] = {}
        """The process of each node, by name."""

    async def start(self, directory: Path, stack: AsyncExitStack, home_after_s: float) -> LocalChain:
        """Start all processes and wait until they serve. Raises NodeDied."""
        chain = await stack.enter_async_context(LocalChain(directory))
        pairs = list(combinations(self.hubs, 2))
        for name in reversed(self.hubs):
            peers = [await self._line(chain, stack, name, other) for first, other in pairs if first == name]
            await chain.hub(name, region=region_of_hub(name), peers=peers)
        await chain.ready()  # a store that does not reach its home hub connects to another one
        for name in self.stores:
            in_order = sorted(self.hubs, key=lambda hub: hub != self.home_hub[name])
            urls = [await self._line(chain, stack, name, hub) for hub in in_order]
            flags = ["--home-after", str(home_after_s)]
            await chain.store(name, hubs=urls, region=self.region(name), more=flags)
        await chain.ready()
        self.nodes = chain.nodes
        self.urls = {name: chain.nodes[name].url for name in (*self.hubs, *self.stores)}
        return chain

    def region(self, node: str) -> str:
        """The region of a node: for a store, that of its home hub."""
        return region_of_hub(self.home_hub.get(node, node))

    def heal(self) -> None:
        """Heal all lines."""
        for line in self.lines.values():
            line.heal()

    async def _line(self, chain: LocalChain, stack: AsyncExitStack, dialler: str, dialled: str) -> str:
        line = await stack.enter_async_context(Proxy(chain.nodes[dialled].port))
        self.lines[dialler, dialled] = line
        return line.url


def region_of_hub(hub: str) -> str:
    """The region of a hub of such a chain."""
    return hub.removeprefix("hub-")
