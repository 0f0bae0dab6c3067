"""Policies whose safety stock is a forecast, and tills that sell the same items at the same time of each day.

A till tells late what it sold on the days before: in the present half hour, and in the one in which the run ends. So a
store has a forecast from its first second on. Some tills give a date years ahead, and some stores have a wrong clock
while they sell. Only this workload moves these items, and nobody counts them.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from datetime import UTC, datetime, timedelta
from typing import Any

from replica.core.catalog.documents import pack_value
from replica.core.stock.requests import OnShortage, Sale, SkuLine
from simulations.clients import Client

DAILY = ("bread", "milk")
"""The items that are sold each day."""

DAY_MS = 86_400_000

DAYS = 5
"""Past days with sales of each item that a till tells at first."""

AGO_MAX = 20
"""At most this many days ago, within the days that count."""

LATER_MS = (0, 61 * 60_000)
"""Past sales are in the half hour of now, and in that of the end of a run, when an hour has passed."""

YEARS_AHEAD_MS = (365 * DAY_MS, 74 * 365 * DAY_MS)

UNITS_MAX = 6
DELIVERED = 12
"""Units of each item in a goods receipt."""

QUANTILES = (0.5, 0.9, 1.0)


class ForecastsClient(Client):
    """A till of daily goods; at a hub, somebody who writes their policies."""

    later_ms: tuple[int, ...] = LATER_MS

    async def run(self, until: float) -> None:
        """Tell the past days first, then work until this time."""
        if self._machine.role.role == "edge":
            for _ in range(DAYS):
                await self._deliver()
            for ago in range(1, DAYS + 1):
                for item in DAILY:
                    for later_ms in self.later_ms:
                        await self._sell_at(item, later_ms - ago * DAY_MS)
        await super().run(until)

    def _acts(self) -> list[tuple[Callable[[], Awaitable[object]], float]]:
        if self._machine.role.role == "hub":
            return [(self._write_daily_policy, 1.0)]
        return [
            (self._deliver, 4.0),
            (self._sell_today, 8.0),
            (self._tell_late, 4.0),
            (self._sell_with_a_wrong_date, 2.0),
        ]

    async def _deliver(self) -> None:
        await self._receive(dict.fromkeys(DAILY, DELIVERED))

    async def _sell_today(self) -> None:
        await self._ask(*self._daily_sale(self._random.choice(DAILY)))

    async def _tell_late(self) -> None:
        ago = self._random.randint(1, AGO_MAX)
        await self._sell_at(self._random.choice(DAILY), self._random.choice(self.later_ms) - ago * DAY_MS)

    async def _sell_with_a_wrong_date(self) -> None:
        await self._sell_at(self._random.choice(DAILY), self._random.choice(YEARS_AHEAD_MS), is_impossible=True)

    async def _sell_at(self, item: str, later_ms: int, *, is_impossible: bool = False) -> None:
        """Tell a sale of another time. Nobody counts these goods, so it does not matter when they left the shelf."""
        when = datetime(1970, 1, 1, tzinfo=UTC) + timedelta(milliseconds=self._chain.wall_ms + later_ms)
        ask = self._begin(*self._daily_sale(item, occurred_at=when))
        ask.has_impossible_time = is_impossible
        await self._put([ask])

    def _daily_sale(self, item: str, **more: Any) -> tuple[Sale, dict[str, int]]:
        units = self._random.randint(1, UNITS_MAX)
        lines = (SkuLine(units, item),)
        return Sale(lines=lines, on_shortage=OnShortage.RECORD, till=self._name, **more), {item: -units}

    async def _write_daily_policy(self) -> None:
        """Let a store keep what it will sell, sometimes a fixed number or everything."""
        if not self._chain.stores:
            return
        store, item = self._random.choice(self._chain.stores).name, self._random.choice(DAILY)
        policy: dict[str, Any] = {"mode": self._random.choice(("safety", "safety", "safety", "both", "keep"))}
        if self._random.random() < 0.9:
            policy["safety_stock"] = {"forecast": {"quantile": self._random.choice(QUANTILES)}}
        if policy["mode"] != "keep" and self._random.random() < 0.3:
            policy["regions"] = {hub.role.region: 1 / len(self._chain.hubs) for hub in self._chain.hubs}
        await self._put([self._begin_write("policy", f"location:{store},item:{item}", pack_value(policy))])
