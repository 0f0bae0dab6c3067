"""Orders that leave in parts: some units are shipped, collected or cancelled, and the rest goes on.

Clients at hubs order from several locations at once, clients in stores hold goods for customers. They change orders
that are not paid, exchange units for more of the same item, report events of some units and of the whole order, and
send them again, or to two hubs at once.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from functools import partial

from msgspec import UNSET

from replica.core.orders.requests import OrderEvent, OutsideEvent, PlacedLine, Placement
from replica.core.stock.requests import SkuLine
from simulations.history import Bought
from simulations.ordering_clients import HOLD_S, OrderingClient, _offers

UNITS_MAX = 6
"""At most this many units in one line, so that orders can be taken apart."""

BRIEF_TTL_S = (2, 5)
"""How long holds live."""


class OrderPartsClient(OrderingClient):
    """A client whose orders are taken apart."""

    def _acts(self) -> list[tuple[Callable[[], Awaitable[object]], float]]:
        return [
            (self._receive, 6.0),
            (self._order_parts, 12.0),
            (partial(self._report, "pay"), 5.0),
            (self._change, 8.0),
            (self._exchange_alike, 6.0),
            (self._part, 16.0),
            (partial(self._report, "cancel"), 4.0),
            (partial(self._report, "ship"), 4.0),
            (partial(self._report, "return"), 4.0),
            (self._return_some, 4.0),
            (self._ask_again, 4.0),
        ]

    async def _order_parts(self) -> None:
        """Order some units of an item, at a hub from one to three locations. Sometimes cancel the order soon."""
        if self._machine.role.role == "hub" and self._chain.stores and self._random.random() < 0.5:
            location, item = self._random.choice(self._chain.stores).name, self._item()
            self._history.demand((location, item))
            await self._machine.want(location, item, self._random.randint(1, UNITS_MAX), self._timeout_s)
        offers = await self._machine.look(partial(_offers, channel=""), self._timeout_s) or []
        is_store = self._machine.role.role == "edge"
        if is_store:
            offers = [one for one in offers if one[0] == self._location]
        if not offers:
            return
        chosen = self._random.sample(offers, min(len(offers), 1 if is_store else self._random.choice((1, 2, 2, 3))))
        lines = [
            PlacedLine(self._random.randint(1, min(units, UNITS_MAX)), item, location=location)
            for location, item, units in chosen
        ]
        placement = Placement(
            order=self._order_name(),
            lines=tuple(lines),
            ttl_s=self._random.choice((*BRIEF_TTL_S, HOLD_S)),
            paid=self._random.random() < 0.4,
            pickup_at=self._location if is_store else UNSET,
        )
        await self._place(placement)
        if len(lines) > 1 and self._random.random() < 0.4:
            await self._put_event(OrderEvent(order=placement.order, event="cancel"))

    async def _report(self, event: OutsideEvent) -> None:
        """Report an event of a whole order, or of all units of one fulfilment."""
        bought = self._any_order()
        if bought is not None:
            fulfilment = self._any_fulfilment(bought) if self._random.random() < 0.3 else ""
            await self._put_event(OrderEvent(order=bought.placement.order, event=event, fulfilment=fulfilment))

    async def _change(self) -> None:
        """Take a unit out of an order, which may not be paid yet."""
        await self._report_lines("adjust", 1)

    async def _exchange_alike(self) -> None:
        """Exchange some units for as many or one more of the same item."""
        bought = self._any_order()
        if bought is None:
            return
        line = self._random.choice(bought.placement.lines)
        units = self._random.randint(1, line.quantity)
        event = OrderEvent(
            order=bought.placement.order,
            event="exchange",
            fulfilment=self._any_fulfilment(bought),
            lines=(SkuLine(units, line.sku),),
            replacement=(SkuLine(units + self._random.choice((0, 1)), line.sku),),
        )
        await self._put_event(event, at_two_hubs=0.2)

    async def _part(self) -> None:
        """Ship, collect or cancel some units of an order."""
        events: tuple[OutsideEvent, ...] = ("ship", "collect", "cancel")
        await self._report_lines(self._random.choice(events), 2)

    async def _return_some(self) -> None:
        """Bring some units back, which may be of several parts."""
        await self._report_lines("return", UNITS_MAX)

    async def _report_lines(self, event: OutsideEvent, units_max: int) -> None:
        bought = self._any_order()
        if bought is None:
            return
        line = self._random.choice(bought.placement.lines)
        lines = (SkuLine(self._random.randint(1, min(line.quantity, units_max)), line.sku),)
        fulfilment = self._any_fulfilment(bought) if self._random.random() < 0.6 else ""
        about = OrderEvent(order=bought.placement.order, event=event, fulfilment=fulfilment, lines=lines)
        await self._put_event(about, at_two_hubs=0.2)

    def _any_order(self) -> Bought | None:
        """One of the latest orders that hold something, at a store one that it serves."""
        placed = [one for one in self._latest() if one.fulfilments]
        if self._machine.role.role == "edge":
            placed = [one for one in placed if any(at == self._location for _, at in one.fulfilments)]
        return self._random.choice(placed) if placed else None

    def _any_fulfilment(self, bought: Bought) -> str:
        is_store = self._machine.role.role == "edge"
        names = [name for name, at in bought.fulfilments if not is_store or at == self._location]
        return self._random.choice(names) if names else ""
