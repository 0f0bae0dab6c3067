"""When each breach began, read from the journal, so that a restart does not make an old breach look new.

The balances of a pair are those after its newest entry. Going back entry by entry, the breach began with the last entry
before which no account was below zero. The order is the one in which this node received the entries.
"""

from __future__ import annotations

from collections.abc import Mapping

from msgspec import Struct

from replica.core.base.names import is_internal
from replica.core.ledger.cells import Move
from replica.core.log.times import recorded_text
from replica.core.state.replica import Replica
from replica.runtime.driver import Driver
from replica.runtime.ports import Journal

Pair = tuple[str, str]
"""A location and an item."""

PAGE = 256
ENTRIES_MAX = 4_096
"""Entries of one pair that are read to find the beginning of its breach. An older beginning is not searched."""


class _Found(Struct, frozen=True):
    balances: dict[str, int]
    since: str | None


class BreachTimes:
    """When the breaches of one node began. It reads a pair again only after the pair moved."""

    def __init__(self, driver: Driver, journal: Journal) -> None:
        self._driver = driver
        self._journal = journal
        self._found: dict[Pair, _Found] = {}

    async def read(self) -> dict[Pair, str | None]:
        """The time of the entry with which each present breach began; None if that was too long ago to be searched."""
        newest, breached = await self._driver.look(_breached)
        found: dict[Pair, _Found] = {}
        for pair, balances in breached.items():
            known = self._found.get(pair)
            if known is None or known.balances != balances:
                known = _Found(balances, await self._began(pair, balances, newest))
            found[pair] = known
        self._found = found
        return {pair: one.since for pair, one in found.items()}

    async def _began(self, pair: Pair, balances: Mapping[str, int], newest: int) -> str | None:
        left, before, since = dict(balances), newest + 1, None
        for _ in range(ENTRIES_MAX // PAGE):
            page = await self._journal.moves_of(*pair, before, PAGE)
            for stored in page.stored:
                if not _is_breached(left):
                    return since
                since = recorded_text(stored.entry.content)
                _undo(left, pair[1], stored.entry.content.moves)
            if not page.through or not _is_breached(left):
                return since
            before = page.through
        return None


def _breached(replica: Replica) -> tuple[int, dict[Pair, dict[str, int]]]:
    """The newest arrival number, and the balances of every pair with a breach."""
    return replica.arrival, {
        (location, item): stock.stocks[item].balances
        for location, stock in sorted(replica.ledger.at_location.items())
        for item in stock.breaches()
    }


def _is_breached(balances: Mapping[str, int]) -> bool:
    return any(units < 0 and is_internal(name) for name, units in balances.items())


def _undo(balances: dict[str, int], item: str, moves: tuple[Move, ...]) -> None:
    for move in moves:
        if move.item == item:
            balances[move.source] = balances.get(move.source, 0) + move.quantity
            balances[move.target] = balances.get(move.target, 0) - move.quantity
