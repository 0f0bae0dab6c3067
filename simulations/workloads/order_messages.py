"""Orders whose events come through queues: numbered, before the order, at two hubs, and with goods of several parts.

Each act tells one short story of an order, so that its end is known: `OrderMessagesChecker` looks at the ends.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from functools import partial
from typing import Any

from replica.core.catalog.documents import pack_value
from replica.core.orders.requests import OrderEvent, OutsideEvent, PlacedLine, Placement
from replica.core.stock.requests import SkuLine
from simulations.clients import try_once
from simulations.history import Ask
from simulations.ordering_clients import BOX, BOX_UNITS_MAX, Offer, OrderingClient, _offers

UNITS_MAX = 6
"""At most this many units of a line."""

BOXES = 0.3
"""Share of returned orders that are of boxes. Their recipe changes before they come back."""

NUMBERED: tuple[OutsideEvent, ...] = ("collect", "return")
"""Events of an order with two locations, by their numbers. The first location was collected before."""

USED = 0.3
"""Share of returns with the number of an event that happened before."""


class OrderMessagesClient(OrderingClient):
    """A client whose messages about orders take many ways."""

    def _acts(self) -> list[tuple[Callable[[], Awaitable[object]], float]]:
        if self._machine.role.role == "edge":
            return [(self._receive, 4.0)]
        return [
            (self._receive, 6.0),
            (self._tell_numbered, 10.0),
            (self._return_together, 10.0),
            (self._tell_early, 8.0),
            (self._cancel_early, 10.0),
        ]

    async def _tell_numbered(self) -> None:
        """Number the events of an order at two locations. At one of them the first event is impossible."""
        order = self._order_name()
        names = await self._hold(order, await self._offers_at_two())
        if len(names) < 2:
            return
        collected = self._begin_order(self._message(order, "collect", fulfilment=names[0]))
        numbered = [self._begin_order(self._message(order, event, number)) for number, event in enumerate(NUMBERED, 1)]
        self._history.numbered[order] = [collected, *numbered]
        for ask in [collected, *self._random.sample(numbered, len(numbered))]:
            await self._put_here(ask)

    async def _return_together(self) -> None:
        """Ship the units of an order in several parts, and bring units of all parts to a store, in one go."""
        if not self._chain.stores:
            return
        offers = [one for one in await self._offered() if one[0] == self._location and one[2] > 1]
        if not offers:
            return
        _, item, free = self._random.choice(offers)
        is_box = item == self._items[0] and free > 2 * BOX_UNITS_MAX and self._random.random() < BOXES
        sku, units = (BOX, 2) if is_box else (item, self._random.randint(2, min(free, UNITS_MAX)))
        order = self._order_name()
        if not await self._place_alone(order, [PlacedLine(units, sku, location=self._location)], paid=True):
            return
        first = self._random.randint(1, units - 1)
        for number, part in enumerate((first, units - first), 1):
            await self._tell(order, "ship", number, lines=(SkuLine(part, sku),))
        if is_box:
            recipe = {self._items[0]: self._random.randint(1, BOX_UNITS_MAX)}
            await self._put([self._begin_write("sku", BOX, pack_value({"recipe": recipe}))])
        number = 1 if self._random.random() < USED else 0
        ask = self._begin_order(self._message(order, "return", number, lines=(SkuLine(units, sku),)))
        ask.machine = self._random.choice(self._chain.stores).name
        await self._put_here(ask)

    async def _tell_early(self) -> None:
        """Tell a return of some units before the order is placed, and collect it at one location after the other."""
        offers = await self._offers_at_two()
        if not offers:
            return
        order, units = self._order_name(), min(units for *_, units in offers)
        returned = SkuLine(self._random.randint(1, min(units, UNITS_MAX)), offers[0][1])
        await self._put_event(self._message(order, "return", lines=(returned,)), at_two_hubs=0.5)
        for name in await self._hold(order, offers, returned.quantity):
            await self._tell(order, "collect", fulfilment=name)

    async def _cancel_early(self) -> None:
        """Cancel an order at another hub at the moment in which it is placed at the location of a store, and paid."""
        hubs = [hub.name for hub in self._chain.hubs if hub.name != self._machine.name]
        stores = [store.name for store in self._chain.stores]
        offers = [one for one in await self._offered() if one[0] in stores]
        if not hubs or not offers:
            return
        location, item, units = self._random.choice(offers)
        order = self._order_name()
        cancelled = self._begin_order(self._message(order, "cancel"))
        where = self._random.choice(hubs)
        await try_once(self._chain, self._history, [cancelled], self._timeout_s, where)
        line = PlacedLine(self._random.randint(1, min(units, UNITS_MAX)), item, location=location)
        await self._place_alone(order, [line], paid=True)

    # ------------------------------------------------------------------------------------------------------------

    async def _offered(self) -> list[Offer]:
        return await self._machine.look(partial(_offers, channel=""), self._timeout_s) or []

    async def _offers_at_two(self) -> list[Offer]:
        """Units of one item at two locations; empty if there are none."""
        offers = await self._offered()
        for item in self._random.sample(self._items, len(self._items)):
            found = [one for one in offers if one[1] == item]
            if len(found) > 1:
                return self._random.sample(found, 2)
        return []

    async def _hold(self, order: str, offers: Sequence[Offer], units: int = 1) -> list[str]:
        """Hold some units at each of two locations; return the fulfilments."""
        lines = [PlacedLine(min(units, free), item, location=location) for location, item, free in offers]
        return await self._place_alone(order, lines) if lines else []

    async def _place_alone(self, order: str, lines: Sequence[PlacedLine], *, paid: bool = False) -> list[str]:
        """Place an order of which no other client knows; return its fulfilments, if the answer came."""
        ask = self._begin_order(Placement(order=order, lines=tuple(lines), paid=paid))
        await self._put_here(ask)
        return [name for name, *_ in ask.entry.content.facts["shown"]] if ask.entry is not None else []

    def _message(self, order: str, event: OutsideEvent, number: int = 0, **more: Any) -> OrderEvent:
        return OrderEvent(order=order, event=event, number=number, **more)

    async def _tell(self, order: str, event: OutsideEvent, number: int = 0, **more: Any) -> None:
        await self._put_here(self._begin_order(self._message(order, event, number, **more)))

    async def _put_here(self, ask: Ask) -> None:
        """Send a request to its machine only, as often as `patience` permits."""
        for _ in range(self._trade.patience + 1):
            await try_once(self._chain, self._history, [ask], self._timeout_s)
            if ask.is_settled:
                return
