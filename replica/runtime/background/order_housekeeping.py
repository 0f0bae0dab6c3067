"""Order housekeeping: has the driver do what a node owes its orders, without being asked.

The core says what is due and decides it (`core.state.housekeeping`). It is done a few orders at a time, in turns of
the driver, so that a hundred thousand holds that expire at once wait behind the writes of clients.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable, Mapping
from functools import partial

from replica.core.base.errors import Refused, Stopping
from replica.core.state.housekeeping import keep_orders
from replica.runtime.driver import Driver

HOUSEKEEPING_BATCH = 32
"""Orders kept in one turn of the driver: about 2 ms of work, by which a client then waits longer."""

PAUSE_S = 0.25
"""How late a node may notice that something is due: an expiry, or an event of another node."""

Met = Callable[[], tuple[Mapping[str, str], Iterable[str]]]
"""The stores met so far, by location, and the hubs."""


class OrderHousekeeping:
    """Keeps the orders of one node, for as long as it runs."""

    def __init__(self, driver: Driver, met: Met) -> None:
        self._driver = driver
        self._met = met

    async def run(self) -> None:
        """Do what is due, whenever it is due. Returns when the node stops."""
        while True:
            stores, hubs = self._met()
            try:
                kept = await self._driver.change(
                    partial(keep_orders, stores=stores, hubs=hubs, limit=HOUSEKEEPING_BATCH)
                )
            except Stopping:
                return
            except Refused:  # a full inbox or disk: what is due stays due
                kept = 0
            if not kept:
                await asyncio.sleep(PAUSE_S)
