"""When each breach began, read from the journal, so that a restart does not make an old breach look new.

The balances of a pair are those after its newest entry. Going back entry by entry, the breach began with the last entry
before which no account was below zero. The order is the one in which this node received the entries.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Mapping
from itertools import islice

from msgspec import Struct

from replica.core.base.names import is_internal
from replica.core.ledger.cells import Move
from replica.core.log.times import recorded_text
from replica.core.state.replica import Replica
from replica.runtime.driver import Driver
from replica.runtime.http.shortage_answers import breached_pairs
from replica.runtime.ports import Journal

Pair = tuple[str, str]
"""A location and an item."""

PAGE = 256
PAGE_GROWTH = 4
"""The first page is one entry, and each further one is this much longer. Most breaches began a few entries ago, and the
search for an entry that is not there reads the whole journal."""
ENTRIES_MAX = 4_096
"""Entries of one pair that are read to find the beginning of its breach. An older beginning is not searched."""


class _Breach(Struct, frozen=True):
    """The balances of a pair, and all units that were ever moved: a pair that moved may have its old balances again."""

    balances: dict[str, int]
    moved: int


class _Found(Struct, frozen=True):
    moved: int
    since: str | None


class BreachTimes:
    """When the breaches of one node began. It reads a pair again only after the pair moved.

    Readers take turns, so that several of them cost one search for each pair.
    """

    def __init__(self, driver: Driver, journal: Journal) -> None:
        self._driver = driver
        self._journal = journal
        self._found: dict[Pair, _Found] = {}
        self._turn = asyncio.Lock()

    async def read(self, limit: int) -> dict[Pair, str | None]:
        """The time of the entry with which each of the first breaches began, at most `limit` of them.

        None if that was too long ago to be searched.
        """
        async with self._turn:
            newest, breached, ended = await self._driver.look(lambda replica: _breached(replica, limit, self._found))
            for pair in ended:
                del self._found[pair]
            for pair, breach in breached.items():
                known = self._found.get(pair)
                if known is None or known.moved != breach.moved:
                    self._found[pair] = _Found(breach.moved, await self._began(pair, breach.balances, newest))
            return {pair: self._found[pair].since for pair in breached}

    async def _began(self, pair: Pair, balances: Mapping[str, int], newest: int) -> str | None:
        left, before, since = dict(balances), newest + 1, None
        unread, size = ENTRIES_MAX, 1
        while unread > 0:
            page = await self._journal.moves_of(*pair, before, min(size, unread))
            unread, size = unread - size, min(size * PAGE_GROWTH, PAGE)
            for stored in page.stored:
                if not _is_breached(left):
                    return since
                since = recorded_text(stored.entry.content)
                _undo(left, pair[1], stored.entry.content.moves)
            if not page.through or not _is_breached(left):
                return since
            before = page.through
        return None


def _breached(replica: Replica, limit: int, known: Iterable[Pair]) -> tuple[int, dict[Pair, _Breach], list[Pair]]:
    """The newest arrival number, the first pairs with a breach, and known pairs that have none."""
    stocks = {pair: replica.ledger.stock(*pair) for pair in islice(breached_pairs(replica.ledger), limit)}
    breached = {pair: _Breach(stock.balances, sum(stock.cells.values())) for pair, stock in stocks.items()}
    ended = [pair for pair in known if not replica.ledger.stock(*pair).breach]
    return replica.arrival, breached, ended


def _is_breached(balances: Mapping[str, int]) -> bool:
    return any(units < 0 and is_internal(name) for name, units in balances.items())


def _undo(balances: dict[str, int], item: str, moves: tuple[Move, ...]) -> None:
    for move in moves:
        if move.item == item:
            balances[move.source] = balances.get(move.source, 0) + move.quantity
            balances[move.target] = balances.get(move.target, 0) - move.quantity
