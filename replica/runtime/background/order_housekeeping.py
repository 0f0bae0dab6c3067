"""The keeper: does what a node owes its orders without being asked.

Holds expire, parked events are retried or give up, other nodes' requests are answered, paid fulfilments go to the
node that keeps their location. The core says what is due and decides it; the keeper only brings the names, a few at a
time, so that a hundred thousand holds that expire at once are behind clients' writes and not before them.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable, Mapping

from replica.core.base.errors import Overloaded, Refused, Stopping, StorageFull
from replica.core.orders.requests import Housekeeping
from replica.core.state.commands import Command
from replica.core.state.decisions import Verdict
from replica.runtime.driver import Driver
from replica.runtime.ports import Clock

HOUSEKEEPING_BATCH = 32
"""Orders looked after in one turn of the driver: about 2 ms of work, which is what a till then waits longer."""

PAUSE_S = 0.25
"""How late something may be noticed that is due: an expiry, or an event of another node."""

OF_THE_MOMENT = (Overloaded, StorageFull)
"""Why something is not done now that may be done a little later."""

Met = Callable[[], tuple[Mapping[str, str], Iterable[str]]]
"""The stores met so far, by location, and the hubs."""


class OrderHousekeeping:
    """Looks after the orders of one node, for as long as it runs."""

    def __init__(self, driver: Driver, clock: Clock, met: Met) -> None:
        self._driver = driver
        self._clock = clock
        self._met = met

    async def run(self) -> None:
        """Do what is due, whenever it is due. Returns when the node stops."""
        while True:
            self._driver.replica.learn_location_owners(*self._met())
            names = self._driver.replica.orders.due(self._clock.now().wall_ms, HOUSEKEEPING_BATCH)
            if not names:
                await asyncio.sleep(PAUSE_S)
                continue
            verdicts: list[Verdict]
            try:
                verdicts = list(await self._driver.submit_all([Command("", Housekeeping(name), b"") for name in names]))
            except Stopping:
                return
            except Refused as refused:
                verdicts = [refused] * len(names)
            undone = [name for name, verdict in zip(names, verdicts, strict=True) if isinstance(verdict, OF_THE_MOMENT)]
            if undone:  # what is due stays due
                self._driver.replica.orders.remind(undone)
                await asyncio.sleep(PAUSE_S)
