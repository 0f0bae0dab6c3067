"""Returns long before or long after their sales, so that only the journal of a node knows the other entry.

Some tills are offline all day: the service desk takes goods back, and the sale is told when the shop closes. Other
goods come back at closing whose sale was one of the first.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any

from replica.core.stock.requests import GoodsLine, GoodsReceipt, Sale
from simulations.workloads.returns import PARTS, ReturnsClient

UNTOLD_MAX = 6
"""Sales that a till keeps until the shop closes."""

FIRST = 4
"""Of the first sales, some come back when the shop closes."""

PLENTY = 40
"""Units of each part that are delivered before the shop closes, so that the rights cover most of the kept sales."""


class LateReturnsClient(ReturnsClient):
    """A till whose sales are told long after their returns, or come back late."""

    def __init__(self, *arguments: Any) -> None:
        super().__init__(*arguments)
        self._untold: list[Sale] = []
        self._first: list[Sale] = []

    async def run(self, until: float) -> None:
        """Sell and take goods back until this time. Then tell the kept sales, and take goods of the first ones back."""
        await super().run(until)
        if self._machine.role.role == "edge":
            await self._ask_for_kits(GoodsReceipt(tuple(GoodsLine(PLENTY, item=part) for part in PARTS)))
            for sale in self._untold:
                self._history.tally("sale told long after its return")
                await self._ask_for_kits(sale)
            for sale in self._first:
                await self._ask_for_kits(self._taken_back(sale))

    def _acts(self) -> list[tuple[Callable[[], Awaitable[object]], float]]:
        if self._machine.role.role == "hub":
            return [(self._change_kit, 1.0), (self._deliver, 2.0)]
        return [(self._return_untold, 3.0), (self._sell_first, 3.0), (self._sell_kit, 4.0), (self._deliver, 4.0)]

    async def _return_untold(self) -> None:
        """Take goods back whose sale nobody tells before the shop closes."""
        if len(self._untold) < UNTOLD_MAX:
            self._untold.append(self._kits_sold())
            await self._ask_for_kits(self._taken_back(self._untold[-1]))

    async def _sell_first(self) -> None:
        sale = self._kits_sold()
        self._first = [*self._first, sale][:FIRST]
        await self._ask_for_kits(sale)
