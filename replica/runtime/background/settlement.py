"""Settlement: the nodes this one sees below zero, since when, and when it is its turn to cover what they lack.

The core says who covers how much (`core.stewardship`); here is only the waiting. The clock of a deficit starts anew
whenever somebody granted anything there: as long as those whose turn it is act, nobody else steps in.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from msgspec import Struct

from replica.core.ledger.cells import Stock
from replica.core.rights.rebalancing import STEP_IN_MS, covers, settlement_rank
from replica.runtime.background.strategy import Pair
from replica.runtime.ports import Clock


class Debt(Struct):
    """Nodes are below zero at one pair."""

    seen_ms: int
    """Wall time at which this node first saw it, since it started."""
    waiting_ms: int
    """Elapsed time at which it was last seen that anybody granted anything."""
    granted: int
    """Units ever granted by anybody there, as last seen."""


class Settlement:
    """What one node knows of debts, its own and others'. Bounded by the pairs there are."""

    def __init__(self, node: str, clock: Clock) -> None:
        self._node = node
        self._clock = clock
        self.debts: dict[Pair, Debt] = {}

    def cover(self, pair: Pair, stock: Stock, free: Mapping[str, int]) -> tuple[dict[str, int], int]:
        """What this node should grant to whom, and how many milliseconds from now: 0 when it is its turn."""
        now = self._clock.now()
        granted = sum(total for route, total in stock.cells.items() if route.giver and route.taker)
        debt = self.debts.get(pair)
        if debt is None:
            debt = self.debts[pair] = Debt(now.wall_ms, now.elapsed_ms, granted)
        elif debt.granted != granted:
            debt.waiting_ms, debt.granted = now.elapsed_ms, granted
        wait_ms = settlement_rank(free, self._node) * STEP_IN_MS
        return covers(free, self._node), max(0, debt.waiting_ms + wait_ms - now.elapsed_ms)

    def settled(self, pair: Pair) -> None:
        """Nobody is below zero there any more."""
        self.debts.pop(pair, None)

    def touched(self, pairs: Iterable[Pair]) -> list[Pair]:
        """Those of some pairs that have a debt."""
        return [pair for pair in pairs if pair in self.debts] if self.debts else []
