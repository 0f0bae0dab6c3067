"""Orders that locations decline: the node that began them begins them elsewhere.

Clients at hubs order goods of no location in particular, and pay. Clients at hubs and in stores decline all or some of
what their location was to send, send that again, or to two hubs at once, and report deliveries.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from functools import partial

from replica.core.orders.requests import PlacedLine, Placement
from simulations.ordering_clients import HOLD_S
from simulations.workloads.order_parts import BRIEF_TTL_S, UNITS_MAX, OrderPartsClient

RIGHTS_MAX = 3 * UNITS_MAX
"""At most this many units of a store are asked for at once, so that several locations could send an order."""


class DeclinedOrdersClient(OrderPartsClient):
    """A client whose orders are declined."""

    def _acts(self) -> list[tuple[Callable[[], Awaitable[object]], float]]:
        return [
            (self._receive, 8.0),
            (self._order_anywhere, 12.0),
            (partial(self._report, "pay"), 8.0),
            (partial(self._report, "pick"), 3.0),
            (partial(self._report, "decline"), 8.0),
            (self._decline_some, 8.0),
            (partial(self._report, "ship"), 4.0),
            (partial(self._report, "deliver"), 4.0),
            (partial(self._report, "cancel"), 2.0),
            (self._return_some, 2.0),
            (self._ask_again, 4.0),
        ]

    async def _order_anywhere(self) -> None:
        """Order some units of an item from any location, at a hub that asked a store for rights sometimes."""
        if self._machine.role.role != "hub":
            return
        item = self._item()
        if self._chain.stores and self._random.random() < 0.7:
            location = self._random.choice(self._chain.stores).name
            self._history.demand((location, item))
            await self._machine.want(location, item, self._random.randint(1, RIGHTS_MAX), self._timeout_s)
        placement = Placement(
            order=self._order_name(),
            lines=(PlacedLine(self._random.randint(1, UNITS_MAX), item),),
            ttl_s=self._random.choice((*BRIEF_TTL_S, HOLD_S)),
            paid=self._random.random() < 0.6,
        )
        await self._place(placement)

    async def _decline_some(self) -> None:
        """Decline some units, which a picker did not find."""
        await self._report_lines("decline", 2)
