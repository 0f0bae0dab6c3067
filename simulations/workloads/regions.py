"""Orders that must survive the loss of a region, and policies that split units over regions.

Clients at hubs place orders with durability `region`, with and without time to wait for rights, also while their region
is cut off from the others or is the only one.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from functools import partial

from msgspec.structs import replace

from replica.core.catalog.documents import pack_value
from simulations.ordering_clients import CHANNELS, OrderingClient, _offers

WAIT_MS = (0, 0, 200, 2_000)
"""How long orders wait for rights."""

LOCAL = 0.2
"""Share of orders that need no other region."""

QUIET_S = 4.0
"""Pause before and after the last change of a policy: longer than nodes take to look at what moved before."""

PAUSE_S = 0.8
"""Mean pause between two actions of a client."""


class RegionsClient(OrderingClient):
    """A client that works across regions."""

    async def run(self, until: float) -> None:
        """Work until this time. After a while without requests, change a policy: no movement makes up for a miss."""
        await super().run(until)
        if self._machine.role.role == "hub":
            await asyncio.sleep(QUIET_S)
            await self._split_over_regions()
            await asyncio.sleep(QUIET_S)  # the world is mended only after nodes have looked

    def _pause_s(self) -> float:
        return self._random.expovariate(1 / PAUSE_S)

    def _acts(self) -> list[tuple[Callable[[], Awaitable[object]], float]]:
        if self._machine.role.role == "edge":
            return [(self._receive, 3.0), (self._sell, 2.0)]
        return [
            (self._receive, 3.0),
            (self._order_durably, 10.0),
            (self._report_event, 3.0),
            (self._ask_again, 2.0),
            (self._split_over_regions, 3.0),
        ]

    async def _order_durably(self) -> None:
        """Order what was offered or not, and let the answer wait for another region."""
        channel = self._random.choice(CHANNELS)
        offers = await self._machine.look(partial(_offers, channel=channel), self._timeout_s) or []
        placement = replace(self._placement(offers, channel), wait_ms=self._random.choice(WAIT_MS))
        if self._random.random() >= LOCAL:
            placement = replace(placement, durability="region")
        await self._place(placement)

    async def _split_over_regions(self) -> None:
        """Put many units online, and split them over the regions of all hubs."""
        regions = dict.fromkeys(hub.role.region for hub in self._chain.hubs)
        policy = {
            "mode": "share",
            "share": self._random.choice((0.5, 1.0)),
            "regions": {region: round(1 / len(regions), 2) for region in regions},
        }
        selector = self._random.choice(("default", f"item:{self._item()}"))
        await self._put([self._begin_write("policy", selector, pack_value(policy))])
