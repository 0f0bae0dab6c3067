"""Settlement: the deficits that this node sees, and when it is its turn to cover them.

The core decides who covers how much (`core.rights.rebalancing`); this module only waits. The wait for a deficit begins
again after each grant there. So no other node steps in while the nodes whose turn it is act.
"""

from __future__ import annotations

from collections.abc import Mapping

from msgspec import Struct

from replica.core.ledger.cells import Stock
from replica.core.rights.rebalancing import STEP_IN_MS, covers, settlement_rank
from replica.runtime.background.strategy import Pair
from replica.runtime.ports import Clock


class Debt(Struct):
    """A pair at which nodes are below zero."""

    waiting_ms: int
    """Elapsed time at which this node last saw a grant there."""
    granted: int
    """Units ever granted there by any node, as last seen."""


class Settlement:
    """The debts that one node knows, its own and others'. There is at most one per pair."""

    def __init__(self, node: str, clock: Clock) -> None:
        self._node = node
        self._clock = clock
        self.debts: dict[Pair, Debt] = {}

    def cover(self, pair: Pair, stock: Stock, free: Mapping[str, int]) -> tuple[dict[str, int], int]:
        """Units that this node should grant, by receiver, and in how many milliseconds: 0 when it is its turn."""
        now = self._clock.now()
        granted = sum(total for route, total in stock.cells.items() if route.giver and route.taker)
        debt = self.debts.get(pair)
        if debt is None:
            debt = self.debts[pair] = Debt(now.elapsed_ms, granted)
        elif debt.granted != granted:
            debt.waiting_ms, debt.granted = now.elapsed_ms, granted
        wait_ms = settlement_rank(free, self._node) * STEP_IN_MS
        return covers(free, self._node), max(0, debt.waiting_ms + wait_ms - now.elapsed_ms)

    def settled(self, pair: Pair) -> None:
        """Forget the debt of a pair, because no node is below zero there any more."""
        self.debts.pop(pair, None)
