"""Order housekeeping: steps of orders that no client requests, such as the expiry of a hold.

The core finds and decides the steps that are due (`core.state.housekeeping`). The driver processes a few orders in each
turn. So if a hundred thousand holds expire at once, the writes of clients still come first.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable, Mapping
from functools import partial

from replica.core.base.errors import Refused, Stopping
from replica.core.state.housekeeping import keep_orders
from replica.runtime.driver import Driver

HOUSEKEEPING_BATCH = 32
"""Orders processed in one turn of the driver. A client may wait for it: about 2 ms."""

PAUSE_S = 0.25
"""How late a node may notice a step that is due: an expiry, or an event of another node."""

Met = Callable[[], tuple[Mapping[str, str], Iterable[str]]]
"""The stores met so far, by location, and the hubs."""


class OrderHousekeeping:
    """The order housekeeping of one node."""

    def __init__(self, driver: Driver, met: Met) -> None:
        self._driver = driver
        self._met = met

    async def run(self) -> None:
        """Process due steps until the node stops."""
        while True:
            try:
                kept = await self._keep(HOUSEKEEPING_BATCH)
            except Stopping:
                return
            except Refused:  # a full inbox or disk: the steps stay due
                kept = 0
            if not kept:
                await asyncio.sleep(PAUSE_S)

    async def learn(self) -> None:
        """Learn now which nodes were met, and process no steps. Raises Refused."""
        await self._keep(0)

    async def _keep(self, limit: int) -> int:
        stores, hubs = self._met()
        return await self._driver.change(partial(keep_orders, stores=stores, hubs=hubs, limit=limit))
