"""Stock readers: shops and clerks who read what is available, and the figures of an item with what is behind them.

Most of them read right after their own request was answered: then the answer must show it.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable

from replica.core.log.entry import Entry
from replica.core.stock.requests import GoodsLine, GoodsReceipt
from simulations.ordering_clients import BOX, CHANNELS, OrderingClient

BOXES = 0.2
"""Share of reads of availability that are of a SKU of several units."""


class StockReader(OrderingClient):
    """A client that reads figures, and sometimes writes first."""

    def _acts(self) -> list[tuple[Callable[[], Awaitable[object]], float]]:
        everywhere: list[tuple[Callable[[], Awaitable[object]], float]] = [
            (self._explain, 4.0),
            (self._receive_and_read, 6.0),
        ]
        return [*everywhere, (self._look_for, 8.0)] if self._machine.role.role == "hub" else everywhere

    async def _receive_and_read(self) -> None:
        """Receive goods, and read the same item at the node that answered."""
        item, units = self._item(), self._quantity()
        ask = await self._ask(GoodsReceipt((GoodsLine(units, item=item),)), {item: units})
        if ask.entry is None or ask.machine != self._machine.name:
            return
        if self._machine.role.role == "hub" and self._random.random() < 0.5:
            await self._read_availability(item, ask.entry)
        else:
            await self._read_explained(self._location, item, ask.entry)

    async def _explain(self) -> None:
        where = self._location
        if self._machine.role.role == "hub" and self._chain.stores and self._random.random() < 0.5:
            where = self._random.choice(self._chain.stores).name
        await self._read_explained(where, self._item())

    async def _look_for(self) -> None:
        await self._read_availability(BOX if self._random.random() < BOXES else self._item())

    async def _read_explained(self, location: str, item: str, after: Entry | None = None) -> None:
        shown = await self._machine.explain(location, item, self._timeout_s)
        if shown is not None:
            self._history.show_figures(self._machine.name, shown, after)

    async def _read_availability(self, sku: str, after: Entry | None = None) -> None:
        shown = await self._machine.availability(sku, self._random.choice(CHANNELS), self._timeout_s)
        if shown is not None:
            self._history.show_figures(self._machine.name, shown, after)
