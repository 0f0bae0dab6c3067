"""What stranded rights cost: the last known figure of each location and node, counted again when it changed.

The rights of a node that is away seldom move, and to value them costs a pass over all items of the location. So each
cost is kept with the totals that it was counted from. If a unit moved, a price changed, or a price that was written
earlier came into force, it is counted again: a few at once while a caller waits, the others in the background. Until
then callers see the last figure and its time.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Sequence

from msgspec import Struct

from replica.core.base.errors import Refused
from replica.core.base.names import CHAIN
from replica.core.catalog.item_prices import Cost, ItemPrices, cost_of, sum_of
from replica.core.catalog.locations import region_of
from replica.core.ledger.cells import Stock
from replica.core.rights.stranded import Directions, RouteName, directions_of, moved_along, units_of
from replica.core.state.replica import Replica
from replica.runtime.http.long_reads import LongReads
from replica.runtime.node import Node

ITEMS_PER_CALL_MAX = 20_000
"""Items that are valued while a caller waits: about 50 ms."""

PLACES_KEPT = 16
"""Regions, and locations with prices of their own, of which the prices of all items are kept: 1 MB for 10,000 items."""

Pair = tuple[str, str]
"""A location, and a node with rights there."""


class KnownCost(Struct, frozen=True):
    """The cost of the rights of a node at a location, and what it was counted from."""

    cost: Cost
    counted_ms: int
    moved: dict[RouteName, int]
    documents: tuple[int, int]
    until_ms: int


class _Count(Struct, frozen=True):
    """A count that begins."""

    stocks: list[Stock]
    directions: Directions
    moved: dict[RouteName, int]
    documents: tuple[int, int]
    prices: ItemPrices


class StrandedCosts:
    """The costs that one hub knows. `run` must be running, so that all of them become known."""

    def __init__(self, node: Node, long_reads: LongReads) -> None:
        self._node = node
        self._long_reads = long_reads
        self._known: dict[str, dict[str, KnownCost]] = {}
        """By location and node, for nodes that were away when somebody asked last."""
        self._prices: dict[tuple[str, str], tuple[tuple[int, int], ItemPrices]] = {}
        """By region, and by location if it has prices of its own, with the documents that they were read from."""
        self._due: dict[Pair, None] = {}
        self._wake = asyncio.Event()
        self._is_counting = False

    def known(self, location: str, node: str) -> KnownCost | None:
        """The last known cost; None if it was not counted yet."""
        return self._known.get(location, {}).get(node)

    async def refresh(self, pairs: Sequence[Pair]) -> list[Pair]:
        """Count again what changed, as far as a caller can wait for it; return what was counted.

        `run` counts the rest, and while it is at it a caller waits for nothing.
        """
        left = 0 if self._is_counting else ITEMS_PER_CALL_MAX
        due: dict[Pair, None] = {}
        changed = await self._long_reads.collect(pairs, self._changed)
        for pair in changed:
            if left > 0:
                left -= await self._count(pair)
            else:
                due[pair] = None
        self._due |= due
        if due:
            self._wake.set()
        return [pair for pair in changed if pair not in due]

    async def run(self) -> None:
        """Count what callers did not wait for, as long as the node runs."""
        while True:
            await self._wake.wait()
            self._wake.clear()
            due, self._due = self._due, {}
            self._is_counting = True
            try:
                for pair in due:
                    if await self._long_reads.collect([pair], self._changed):  # nobody counted it meanwhile
                        await self._count(pair)
            except Refused:  # the node is overloaded or stopping: the next caller asks again
                continue
            finally:
                self._is_counting = False

    def forget_others(self, location: str, nodes: Iterable[str]) -> None:
        """Forget the costs of nodes that are not away any more."""
        kept = {node: one for node in nodes if (one := self.known(location, node)) is not None}
        if kept:
            self._known[location] = kept
        else:
            self._known.pop(location, None)

    def _changed(self, replica: Replica, pairs: Sequence[Pair]) -> list[Pair]:
        """Those of some pairs whose cost may be another one now."""
        return [pair for pair in pairs if not self._is_current(replica, *pair)]

    def _is_current(self, replica: Replica, location: str, node: str) -> bool:
        known, stock, now_ms = self.known(location, node), replica.location_stock(location), self._now_ms
        if known is None or stock is None or known.documents != _documents_of(replica, location):
            return False
        if not known.counted_ms <= now_ms < known.until_ms:
            return False
        return moved_along(stock, directions_of(stock, node)) == known.moved

    async def _count(self, pair: Pair) -> int:
        """Count one cost; return the number of items that were read."""
        location, node = pair
        begun = await self._node.driver.look(lambda replica: self._begin(replica, location, node))
        if begun is None:
            return 0
        costs = await self._long_reads.collect(
            begun.stocks, lambda _, some: [cost_of(units_of(some, begun.directions), begun.prices)]
        )
        self._known.setdefault(location, {})[node] = KnownCost(
            cost=sum_of(costs),
            counted_ms=self._now_ms,
            moved=begun.moved,
            documents=begun.documents,
            until_ms=begun.prices.until_ms,
        )
        return len(begun.stocks)

    def _begin(self, replica: Replica, location: str, node: str) -> _Count | None:
        stock = replica.location_stock(location)
        if stock is None:
            return None
        directions, documents = directions_of(stock, node), _documents_of(replica, location)
        prices = self._prices_at(replica, location, documents)
        return _Count(list(stock.stocks.values()), directions, moved_along(stock, directions), documents, prices)

    def _prices_at(self, replica: Replica, location: str, documents: tuple[int, int]) -> ItemPrices:
        """The prices at a location. Those of locations without documents of their own are those of their region."""
        region, own = region_of(replica.documents, location), location if documents[1] else ""
        known = self._prices.get((region, own))
        if known is not None and known[0] == documents and known[1].advance(self._now_ms):
            return known[1]
        prices = ItemPrices(replica.documents, replica.catalog, own, region, self._now_ms)
        self._prices[region, own] = (documents, prices)
        while len(self._prices) > PLACES_KEPT:
            del self._prices[next(iter(self._prices))]
        return prices

    @property
    def _now_ms(self) -> int:
        return self._node.clock.now().wall_ms


def _documents_of(replica: Replica, location: str) -> tuple[int, int]:
    """Which documents count at a location: while equal, nobody wrote one. The second is 0 without any of its own."""
    return replica.documents.digest(CHAIN), replica.documents.digest(location)
