"""What a person can do to the chain: cut and heal lines, kill and start nodes, sell and order.

Nothing here is simulated: a cut resets the connections of a proxy, a kill is SIGKILL to the process of a node, a sale
is a call of its API.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable, Coroutine, Iterable
from typing import Any

from replica.core.base.errors import Invalid, Refused
from shelfsync.assortment import Good
from shelfsync.chain import LocalChain, NodeDied, NodeProcess
from shelfsync.lab.records import Records
from shelfsync.lab.trade import Trade
from shelfsync.network import LocalNetwork, region_of_hub
from shelfsync.outages import AutomaticOutages
from shelfsync.proxy import Proxy

ANSWER_S = 1.0
"""How long the lab waits for a node before it says that a write still waits."""


class Controls:
    """The controls of one chain. `announce` prints a line."""

    def __init__(
        self,
        network: LocalNetwork,
        chain: LocalChain,
        trade: Trade,
        outages: AutomaticOutages,
        records: Records,
        announce: Callable[[str], None],
    ) -> None:
        self._network = network
        self._chain = chain
        self._trade = trade
        self._outages = outages
        self._records = records
        self._announce = announce
        self._turns = {name: asyncio.Lock() for name in chain.nodes}
        self._tasks: set[asyncio.Task[Any]] = set()
        self._writing: dict[str, asyncio.Task[Any]] = {}
        self.starting: set[str] = set()
        """Nodes that run and do not serve yet."""

    # ---- lines --------------------------------------------------------------------------------------------------

    def cut(self, dialler: str, dialled: str) -> None:
        """Cut one line. Raises Invalid if there is none."""
        self._line(dialler, dialled).cut()
        self._note("cut", f"the line from {dialler} to {dialled} is cut", dialler=dialler, dialled=dialled)

    def heal(self, dialler: str, dialled: str) -> None:
        """Heal one line. Raises Invalid if there is none."""
        self._line(dialler, dialled).heal()
        self._note("healed", f"the line from {dialler} to {dialled} works", dialler=dialler, dialled=dialled)

    def cut_store(self, store: str) -> None:
        """Cut all lines of a store. Raises Invalid."""
        _cut(self._lines_of_store(store))
        self._note("cut-store", f"{store} is cut off", store=store)

    def heal_store(self, store: str) -> None:
        """Heal all lines of a store. Raises Invalid."""
        _heal(self._lines_of_store(store))
        self._note("healed-store", f"the lines of {store} work", store=store)

    def cut_region(self, region: str) -> None:
        """Cut all lines between a region and the rest. Raises Invalid."""
        _cut(self._lines_of_region(region))
        self._note("cut-region", f"the region {region} is cut off", region=region)

    def heal_region(self, region: str) -> None:
        """Heal all lines between a region and the rest. Raises Invalid."""
        _heal(self._lines_of_region(region))
        self._note("healed-region", f"the lines of the region {region} work", region=region)

    def heal_all(self) -> None:
        """Heal all lines."""
        are_broken = not all(line.is_whole for line in self._network.lines.values())
        self._network.heal()
        if are_broken:
            self._note("healed-all", "all lines work")

    def take_over(self) -> None:
        """Let no outage come by itself any more, because a person drives."""
        if self._outages.are_on:
            self._outages.switch_off()
            self._note("outages-off", "automatic outages are off, because the lab is used")

    def let_outages(self, come: bool) -> None:
        """Switch automatic outages."""
        if come and not self._outages.are_on:
            self._outages.switch_on()
            self._note("outages-on", "automatic outages are on")
        elif not come:
            self.take_over()

    def _line(self, dialler: str, dialled: str) -> Proxy:
        line = self._network.lines.get((dialler, dialled))
        if line is None:
            raise Invalid(f"There is no line from {dialler!r} to {dialled!r}.", field="dialled")
        return line

    def _lines_of_store(self, store: str) -> list[Proxy]:
        if store not in self._network.stores:
            raise Invalid(f"There is no store {store!r}.", field="store")
        return [line for (dialler, _), line in self._network.lines.items() if dialler == store]

    def _lines_of_region(self, region: str) -> list[Proxy]:
        if region not in {region_of_hub(hub) for hub in self._network.hubs}:
            raise Invalid(f"There is no region {region!r}.", field="region")
        return [
            line
            for (dialler, dialled), line in self._network.lines.items()
            if (self._network.region(dialler) == region) != (self._network.region(dialled) == region)
        ]

    # ---- processes ----------------------------------------------------------------------------------------------

    async def kill(self, node: str) -> None:
        """Kill a node with SIGKILL. Raises Refused if it does not run."""
        process = self._node(node)
        async with self._turns[node]:
            if not process.is_running:
                raise Refused(f"{node} does not run.", field="node")
            await process.kill()
        self.starting.discard(node)
        self._note("killed", f"{node} is killed (kill -9)", node=node)

    async def start(self, node: str) -> None:
        """Start a node again, and return before it serves. Raises Refused if it runs."""
        process = self._node(node)
        async with self._turns[node]:
            if process.is_running:
                raise Refused(f"{node} runs already.", field="node")
            await process.start()
        self._note("starting", f"{node} starts again", node=node)
        self.starting.add(node)
        self._keep(self._until_ready(node))

    async def start_all(self) -> None:
        """Start all nodes that do not run, and wait until all serve."""
        for name, process in self._chain.nodes.items():
            async with self._turns[name]:  # a kill may be on its way
                is_running = process.is_running
            if not is_running:
                with contextlib.suppress(Refused):
                    await self.start(name)
        await asyncio.gather(*(self._chain.nodes[name].ready() for name in tuple(self.starting)))

    async def _until_ready(self, node: str) -> None:
        try:
            await self._chain.nodes[node].ready()
        except NodeDied:
            return  # killed again; if it died by itself, the demo ends and says why
        self.starting.discard(node)
        self._records.add("started", node=node)

    def _node(self, node: str) -> NodeProcess:
        process = self._chain.nodes.get(node)
        if process is None:
            raise Invalid(f"There is no node {node!r}.", field="node")
        return process

    # ---- trade --------------------------------------------------------------------------------------------------

    async def sell(self, store: str, good: Good, quantity: int, key: str) -> bool:
        """Sell units in a store. Returns whether the sale still waits for its node. Raises Refused."""
        self._lines_of_store(store)
        return await self._write(store, self._trade.sell(store, good, quantity, key))

    async def deliver(self, store: str, good: Good, quantity: int, key: str) -> bool:
        """Deliver units to a store. Returns whether this still waits for the node. Raises Refused."""
        self._lines_of_store(store)
        return await self._write(store, self._trade.deliver(store, good, quantity, key))

    async def order(self, hub: str, good: Good, quantity: int, store: str, key: str) -> bool:
        """Order units online at a hub. Returns whether the order still waits for the hub. Raises Refused."""
        if hub not in self._network.hubs:
            raise Invalid(f"There is no hub {hub!r}.", field="hub")
        if store:
            self._lines_of_store(store)
        return await self._write(hub, self._trade.order(hub, good, quantity, store, key))

    async def writes_end(self) -> None:
        """Wait until all writes have their answers."""
        await asyncio.gather(*self._writing.values(), return_exceptions=True)

    async def _write(self, node: str, write: Coroutine[Any, Any, Any]) -> bool:
        """Begin a write at a node, at most one at a time, and wait a while for its answer."""
        waiting = self._writing.get(node)
        if waiting is not None and not waiting.done():
            write.close()
            raise Refused(f"The last sale or order still waits for {node}. Start {node}, or wait.", field="node")
        task = self._writing[node] = asyncio.ensure_future(write)
        done, _ = await asyncio.wait([task], timeout=ANSWER_S)
        for one in done:
            one.result()
        return not done

    def _keep(self, work: Coroutine[Any, Any, Any]) -> None:
        task = asyncio.ensure_future(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    def _note(self, kind: str, text: str, **values: str) -> None:
        self._records.add(kind, **values)
        self._announce(f"lab: {text}")


def _cut(lines: Iterable[Proxy]) -> None:
    for line in lines:
        line.cut()


def _heal(lines: Iterable[Proxy]) -> None:
    for line in lines:
        line.heal()
