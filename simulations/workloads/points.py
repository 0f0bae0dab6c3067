"""Points: hubs learn where locations are, and shops ask what is available near a customer.

Points are few, so that customers are often where a location is, and two locations are often at one point. Some
locations have no point, and some lose it again.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any

from replica.core.catalog.documents import pack_value
from simulations.ordering_clients import CHANNELS
from simulations.workloads.stock_readers import StockReader

LATITUDES = (-33.9, 0.0, 48.1, 90.0)
LONGITUDES = (-179.9, 0.0, 11.6, 179.9)

NOWHERE = 0.2
"""Share of documents that name no point."""


class PointsClient(StockReader):
    """A shop that asks for what is near; at a hub, also somebody who writes where locations are."""

    def _acts(self) -> list[tuple[Callable[[], Awaitable[object]], float]]:
        if self._machine.role.role == "edge":
            return [(self._receive, 1.0)]
        return [(self._receive, 2.0), (self._write_point, 3.0), (self._look_near, 12.0)]

    async def _write_point(self) -> None:
        """Say where a location is, or write its document without a point."""
        location = self._random.choice((self._location, *(store.name for store in self._chain.stores)))
        document: dict[str, Any] = {"type": "store", "name": location, "region": self._machine.role.region}
        if self._random.random() >= NOWHERE:
            document |= dict(zip(("lat", "lon"), self._point(), strict=True))
        await self._put([self._begin_write("location", location, pack_value(document))])

    async def _look_near(self) -> None:
        near, since = self._point(), self._machine.durable.entries
        channel = self._random.choice(CHANNELS)
        shown = await self._machine.availability(self._item(), channel, self._timeout_s, near)
        if shown is not None:
            self._history.tally("asked near a point")
            self._history.show_figures(self._machine.name, {**shown, "near": near, "since": since})

    def _point(self) -> tuple[float, float]:
        return self._random.choice(LATITUDES), self._random.choice(LONGITUDES)
