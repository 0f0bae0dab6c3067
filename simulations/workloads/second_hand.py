"""Second-hand goods: stores buy them from customers, hubs sell them online, and no supplier ever delivered any.

A hub learns who owns a location from goods that a supplier delivered there. So a hub that the store did not dial holds
paid orders without knowing to whom it should hand them over. At last a supplier delivers after all.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from functools import partial

from replica.core.catalog.documents import pack_value
from replica.core.orders.requests import PlacedLine, Placement
from replica.core.stock.requests import Disposition, Return, SkuLine
from simulations.ordering_clients import OrderingClient, _offers

USED = ("used-book", "used-lamp")
"""The items. No other workload moves them."""

UNITS_MAX = 6


class SecondHandClient(OrderingClient):
    """A clerk who buys used goods, or at a hub a shop that sells them."""

    async def run(self, until: float) -> None:
        """Trade until this time. Then a supplier delivers to the store."""
        await super().run(until)
        if self._machine.role.role == "edge":
            await self._receive(dict.fromkeys(USED, 1))

    def _acts(self) -> list[tuple[Callable[[], Awaitable[object]], float]]:
        if self._machine.role.role == "edge":
            return [(self._buy, 1.0)]
        return [(self._put_online, 1.0), (self._sell_online, 3.0)]

    async def _buy(self) -> None:
        """Take goods that no node sold, and put them on the shelf."""
        item, units = self._random.choice(USED), self._random.randint(1, UNITS_MAX)
        bought = Return(lines=(SkuLine(units, item),), disposition=Disposition.RESTOCK, till=self._name)
        await self._ask(bought, {item: units})

    async def _put_online(self) -> None:
        """Give all units of an item to the hubs, each region its part."""
        regions = dict.fromkeys(hub.role.region for hub in self._chain.hubs)
        policy = {"mode": "share", "regions": {region: round(1 / len(regions), 2) for region in regions}}
        await self._put([self._begin_write("policy", f"item:{self._random.choice(USED)}", pack_value(policy))])

    async def _sell_online(self) -> None:
        """Place a paid order of units that this hub may promise."""
        offers = await self._machine.look(partial(_offers, channel=""), self._timeout_s) or []
        found = [one for one in offers if one[1] in USED]
        if found:
            location, item, units = self._random.choice(found)
            line = PlacedLine(self._random.randint(1, units), item, location=location)
            await self._place(Placement(order=self._order_name(), lines=(line,), paid=True))
