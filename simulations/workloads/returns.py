"""Returns of goods whose recipe changes, and goods that break or are put aside past the rights.

A client sells kits under till receipts of its own and takes some of them back: all or a part, before the sale is
recorded, and sometimes more than it sold. Meanwhile clients at hubs change what a kit contains. Only this workload
moves the items of kits, so their stock shows which items came back (`ReturnsChecker`).
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

from replica.core.catalog.documents import pack_value
from replica.core.state.kinds import LocationRequest
from replica.core.stock.requests import (
    Action,
    Adjustment,
    AdjustmentLine,
    Disposition,
    GoodsLine,
    GoodsReceipt,
    Quarantine,
    QuarantineLine,
    Return,
    Sale,
    SkuLine,
)
from simulations.chain import SimulatedChain
from simulations.clients import Client
from simulations.history import History
from simulations.machine import Machine

KITS = ("gift-cup", "gift-tea")
PARTS = tuple(f"part-{letter}" for letter in "abcd")
"""The SKUs of this workload, and the items that they may contain."""


class ReturnsClient(Client):
    """A till that takes kits back."""

    def __init__(self, chain: SimulatedChain, history: History, machine: Machine, number: int) -> None:
        super().__init__(chain, history, machine, number)
        self._receipts: list[Sale] = []

    def _acts(self) -> list[tuple[Callable[[], Awaitable[object]], float]]:
        everywhere = [(self._sell_kit, 8.0), (self._return_kit, 8.0), (self._return_first, 3.0), (self._deliver, 2.0)]
        if self._machine.role.role == "hub":
            policies = [(self._write_policy, 2.0)] if self._trade.online and self._chain.stores else []
            return [*everywhere, (self._change_kit, 6.0), *policies]
        return [*everywhere, (self._break, 4.0), (self._put_aside, 4.0)]

    async def _change_kit(self) -> None:
        parts = self._random.sample(PARTS, self._random.randint(1, 2))
        recipe = {part: self._random.randint(1, 3) for part in sorted(parts)}
        await self._put([self._begin_write("sku", self._random.choice(KITS), pack_value({"recipe": recipe}))])

    def _kits_sold(self) -> Sale:
        self._number += 1
        kits = KITS if self._random.random() < 0.3 else (self._random.choice(KITS),)
        lines = tuple(SkuLine(self._random.randint(1, 3), kit) for kit in kits)
        sale = Sale(lines=lines, till=self._name, receipt=f"{self._name}/{self._number}")
        self._receipts = [*self._receipts[-20:], sale]
        return sale

    async def _sell_kit(self) -> None:
        await self._ask_for_kits(self._kits_sold())

    async def _return_kit(self) -> None:
        """Take kits of an earlier sale back, mostly by the same till, and sometimes more than were sold."""
        if self._receipts:
            await self._ask_for_kits(self._taken_back(self._random.choice(self._receipts)))

    async def _return_first(self) -> None:
        """Take kits back whose sale still waits at an offline till."""
        sale = self._kits_sold()
        await self._ask_for_kits(self._taken_back(sale))
        await asyncio.sleep(self._random.uniform(0.0, 1.0))
        await self._ask_for_kits(sale)

    def _taken_back(self, sale: Sale) -> Return:
        lines = sale.lines
        if len(lines) == 1 and self._random.random() < 0.8:
            lines = (SkuLine(self._random.randint(1, lines[0].quantity), lines[0].sku),)
        return Return(
            lines=lines,
            original=sale.receipt,
            disposition=self._random.choice(list(Disposition)),
            till=self._random.choice((self._name, "service-desk")),
        )

    async def _deliver(self) -> None:
        part = self._random.choice(PARTS)
        await self._ask_for_kits(GoodsReceipt((GoodsLine(self._random.randint(1, 9), item=part),)))

    async def _ask_for_kits(self, request: LocationRequest) -> None:
        ask = self._begin(request, {})
        ask.is_by_recipe = True
        await self._put([ask])

    async def _break(self) -> None:
        """Goods break, whatever rights the node has left."""
        item, units = self._item(), self._quantity()
        await self._ask(Adjustment((AdjustmentLine(item, -units, "broken"),)), {item: -units})

    async def _put_aside(self) -> None:
        """Goods are put aside, whatever rights the node has left."""
        item = self._item()
        await self._ask(Quarantine((QuarantineLine(item, self._quantity(), Action.PUT),)), {item: 0})
