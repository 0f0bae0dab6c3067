"""Orders that move: units of a numbered order break, a hub moves the order elsewhere, and the next number comes.

The message with the next number comes late enough for the move. It must not wait for a number that was told before.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from functools import partial
from typing import Any

from replica.core.catalog.documents import pack_value
from replica.core.orders.requests import OutsideEvent, PlacedLine, Placement
from replica.core.state.replica import Replica
from replica.core.stock.requests import Adjustment, AdjustmentLine, SkuLine
from simulations.workloads.order_messages import OrderMessagesClient

PARCEL = "parcel"
"""The item. No other workload moves it."""

UNITS_MAX = 4

DELIVERED = 12
"""Units in one goods receipt: enough for an order that moves there."""

PAUSE_S = {"hub": 0.6, "edge": 6.0}
"""Mean pause between two actions: goods that arrive too often would cover each shortage."""

BROKEN = 0.4
"""Share of orders whose location loses all units. The others stay where they are, or move later."""

HELD = 8
"""Units that break besides the free ones, at most: those of a few orders."""

MOVED_S = 14.0
"""After this time most of the orders moved whose units broke: two hubs waited for their turns."""

LAST: tuple[OutsideEvent, ...] = ("pay", "cancel")


class MovedOrdersClient(OrderMessagesClient):
    """A shop whose orders move to other locations; in a store, somebody who receives goods."""

    async def run(self, until: float) -> None:
        """Place orders and break their units until this time. At last tell the next number of each order."""
        self._moving: list[str] = []
        await self._deliver()
        if self._machine.role.role == "hub":
            await self._put([self._begin_write("policy", f"item:{PARCEL}", pack_value({"mode": "share"}))])
        await super().run(until)
        if self._moving:
            await asyncio.sleep(MOVED_S)
        for order in self._moving:
            ask = self._begin_order(self._message(order, self._random.choice(LAST), 2))
            self._history.going_on[order].append(ask)
            await self._put_here(ask)

    def _acts(self) -> list[tuple[Callable[[], Awaitable[object]], float]]:
        if self._machine.role.role == "edge":
            return [(self._deliver, 1.0)]
        return [(self._deliver, 1.0), (self._order_and_break, 8.0)]

    def _pause_s(self) -> float:
        return self._random.expovariate(1 / PAUSE_S[self._machine.role.role])

    async def _deliver(self) -> None:
        await self._receive({PARCEL: DELIVERED})

    async def _order_and_break(self) -> None:
        """Order units anywhere, tell the first number, and let more units break there than are free.

        The order is not paid yet, so the hub still owns it, and may move it to any location.
        """
        order, units = self._order_name(), self._random.randint(2, UNITS_MAX)
        placed = self._begin_order(Placement(order=order, lines=(PlacedLine(units, PARCEL),)))
        await self._put_here(placed)
        shown: Sequence[Any] = placed.entry.content.facts["shown"] if placed.entry is not None else ()
        if len(shown) != 1:
            return  # each fulfilment counts its own numbers
        name, where = shown[0][:2]
        first = self._begin_order(self._message(order, "adjust", 1, fulfilment=name, lines=(SkuLine(1, PARCEL),)))
        self._history.going_on[order] = [first]
        await self._put_here(first)
        self._moving.append(order)
        if self._random.random() >= BROKEN:
            return
        free = await self._machine.look(partial(_available, location=where), self._timeout_s)
        lost = max(0, free or 0) + self._random.randint(1, HELD)
        broken = self._begin(Adjustment((AdjustmentLine(PARCEL, -lost, "broken"),)), {PARCEL: -lost}, location=where)
        if where != self._location:
            broken.machine = where  # the store at which they broke
        await self._put_here(broken)


def _available(replica: Replica, location: str) -> int:
    return replica.ledger.stock(location, PARCEL).available
