"""Tills without a line: they sell, tell the node later when that was, and some of them have a wrong clock."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from datetime import UTC, datetime, timedelta

from replica.core.base.limits import OCCURRED_AGE_MAX_MS, OCCURRED_AHEAD_MAX_MS
from replica.core.stock.requests import OnShortage, Sale, SkuLine
from simulations.chain import SimulatedChain
from simulations.clients import Client
from simulations.history import Ask, History
from simulations.machine import Machine

QUEUE_MAX = 12
"""Sales that a till keeps at most before it delivers them."""

IMPOSSIBLE_MS = (
    OCCURRED_AHEAD_MAX_MS + 3_600_000,
    365 * 86_400_000,
    -OCCURRED_AGE_MAX_MS - 86_400_000,
    -20 * 365 * 86_400_000,
)
"""How far wrong clocks are ahead."""


class TillClient(Client):
    """A till that sells while it is offline, and delivers its sales after the shelf was counted."""

    def __init__(self, chain: SimulatedChain, history: History, machine: Machine, number: int) -> None:
        super().__init__(chain, history, machine, number)
        self._queue: list[Ask] = []

    async def run(self, until: float) -> None:
        """Sell and deliver until this time, then deliver the rest."""
        await super().run(until)
        await self._deliver()

    def _acts(self) -> list[tuple[Callable[[], Awaitable[object]], float]]:
        return [
            (self._sell_offline, 30.0),
            (self._count, 12.0),
            (self._deliver, 6.0),
            (self._sell_with_a_wrong_clock, 4.0),
            (self._receive, 4.0),
            (self._sell, 6.0),
        ]

    async def _sell_offline(self) -> None:
        """The goods leave the shelf now; the node learns of it later."""
        if len(self._queue) >= QUEUE_MAX:
            await self._deliver()
        item, units = self._item(), self._quantity()
        self._queue.append(self._history.move_untold(self._sale_at(item, units, self._chain.wall_ms)))

    async def _sell_with_a_wrong_clock(self) -> None:
        item, units = self._item(), self._quantity()
        ask = self._sale_at(item, units, self._chain.wall_ms + self._random.choice(IMPOSSIBLE_MS))
        ask.occurred_ms, ask.has_impossible_time = None, True  # it counts when it is recorded
        self._history.begin(ask)
        await self._put([ask])

    def _sale_at(self, item: str, units: int, at_ms: int) -> Ask:
        when = datetime(1970, 1, 1, tzinfo=UTC) + timedelta(milliseconds=at_ms)
        lines = (SkuLine(units, item),)
        sale = Sale(lines=lines, on_shortage=OnShortage.RECORD, till=self._name, occurred_at=when)
        ask = self._ask_of(sale, {item: -units})
        ask.occurred_ms = at_ms
        return ask

    async def _deliver(self) -> None:
        """Tell the node all sales of the queue."""
        asks, self._queue = self._queue, []
        for ask in asks:
            if not ask.tried:
                self._history.begin(ask)
        if asks:
            await self._put(asks)
        self._queue = [ask for ask in asks if not ask.is_settled] + self._queue
