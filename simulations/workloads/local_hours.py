"""Local hours: the stores of daily goods are in time zones, and their documents change while they trade.

The tills also tell past sales some minutes before and after those of the other workload. So a node that counts in the
hours of another zone counts other sales: zones differ by hours and quarters of an hour.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable

from replica.core.catalog.documents import pack_value
from simulations.workloads.forecasts import LATER_MS, ForecastsClient

ZONES = ("Asia/Kathmandu", "Atlantic/Azores", "America/St_Johns", "Europe/Berlin", "Pacific/Chatham", "Nowhere/At_All")
"""With quarters and halves of hours, shortly after midnight, with summer time, and one that no machine knows."""

WITHOUT = 0.2
"""Share of documents that name no zone."""

PLENTY = 8.0
"""Weight of more deliveries: with too few units a store keeps them all, whatever its forecast is."""

AROUND_MS = tuple(minutes * 60_000 for minutes in (-20, 20, 50, 80))


class LocalHoursClient(ForecastsClient):
    """A till of daily goods in some time zone; at a hub, also somebody who writes the zones."""

    later_ms = (*LATER_MS, *AROUND_MS)

    def _acts(self) -> list[tuple[Callable[[], Awaitable[object]], float]]:
        if self._machine.role.role == "hub":
            return [*super()._acts(), (self._write_zone, 0.5)]
        return [*super()._acts(), (self._deliver, PLENTY)]

    async def _write_zone(self) -> None:
        """Move a store to a time zone."""
        if not self._chain.stores:
            return
        store = self._random.choice(self._chain.stores).name
        document = {"type": "store", "name": store, "region": self._machine.role.region}
        if self._random.random() >= WITHOUT:
            document["time_zone"] = self._random.choice(ZONES)
        self._history.tally("time zone written")
        await self._put([self._begin_write("location", store, pack_value(document))])
