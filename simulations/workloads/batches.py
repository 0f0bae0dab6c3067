"""Batches of sales that are retried in another form: in part, in other groups, together with answered or new ones.

A till that was offline sends its sales in batches. After a timeout it may send the rest of a batch, put sales of two
batches into one, or send everything again in another order. Each sale keeps its key, so it happens once.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence

from replica.core.state.commands import Command
from replica.core.stock.requests import Sale
from simulations.clients import Client, try_once
from simulations.history import Ask

SALES_MAX = 8
"""Sales that a till begins at once."""

ROUNDS_MAX = 3
"""How often a till sends its open sales before it turns to others."""

ANSWERED = 0.4
"""Share of rounds with sales that have an answer already."""

PAUSE_S = 0.6
"""Mean pause between two actions of a client."""


class BatchesClient(Client):
    """A till that regroups its batches. At a hub, a client that receives goods."""

    def _pause_s(self) -> float:
        return self._random.expovariate(1 / PAUSE_S)

    def _acts(self) -> list[tuple[Callable[[], Awaitable[object]], float]]:
        if self._machine.role.role == "hub":
            return [(self._receive, 1.0)]
        return [(self._receive, 2.0), (self._sell_in_groups, 8.0)]

    async def _sell_in_groups(self) -> None:
        """Sell several times, and send all sales without an answer in new groups, a few times."""
        begun = [self._begin(*self._sale()) for _ in range(self._random.randint(1, SALES_MAX))]
        for _ in range(self._random.randint(1, ROUNDS_MAX)):
            earlier = [ask for ask in self._asks[-3 * SALES_MAX :] if is_sale(ask)]
            sent = [ask for ask in earlier if ask.entry is None and ask.tried] + begun
            if self._random.random() < ANSWERED:
                sent += [ask for ask in earlier if ask.entry is not None]
            for group in self._grouped(list(dict.fromkeys(sent))):
                await try_once(self._chain, self._history, group, self._timeout_s)
            begun = [ask for ask in begun if not ask.is_settled]
        self._history.tally("sold in groups")

    def _grouped(self, asks: list[Ask]) -> Sequence[list[Ask]]:
        """Divide requests into groups of random sizes, in a random order. Some of them are left for later."""
        self._random.shuffle(asks)
        groups = []
        while asks:
            size = self._random.randint(1, SALES_MAX)
            groups.append(asks[:size])
            asks = asks[size:]
        return groups[: self._random.randint(1, len(groups))] if groups else []


def is_sale(ask: Ask) -> bool:
    """Whether a request can be part of a batch: only sales can."""
    return isinstance(ask.asked, Command) and isinstance(ask.asked.request, Sale)
