"""Shortages at a hub: where nothing free is left to cover what was sold past it, holds are named to be given up.

The core says which (`core.shortages`); here is who does it and when. The hub that the location's store is connected
to names first; where a hub writes for the location itself, hubs take turns in order of names; others come after them.
Whoever comes later finds named what those before it named, and two that do not reach each other name the same holds.
Open orders are gone through a few at a time, so a shortage among many orders keeps nobody waiting.
"""

from __future__ import annotations

import asyncio
from functools import partial

from msgspec import Struct

from replica.core.base.errors import Refused, Stopping
from replica.core.orders.requests import Revocation
from replica.core.orders.shortages import Candidate, candidates, select, short_by
from replica.core.state.commands import Command
from replica.core.state.replica import Replica
from replica.runtime.background.settlement import Settlement
from replica.runtime.background.strategy import Pair
from replica.runtime.driver import Driver
from replica.runtime.peering.peers import Peers
from replica.runtime.peering.roles import replicates_all, serves_a_store
from replica.runtime.ports import Clock

PAUSE_S = 1.0
"""How late a shortage may be noticed, beside the wait before it is acted on."""

SELECTION_MS = 5_000
"""For how long something is short before the first hub names holds, and between one hub's turn and the next one's:
longer than anything is on its way between nodes that reach each other."""

AGAIN_MAX_MS = 300_000
"""Longest wait before holds are gone through again, which doubles each time: there may be nothing left to name."""

ORDERS_PER_TURN = 256
"""Orders looked at in one turn of the driver: about a millisecond or two."""


class _Shortage(Struct):
    since_ms: int
    """Elapsed time at which it was first seen."""
    next_ms: int
    wait_ms: int


class Shortages:
    """Of one hub. `run` must be running for holds to be named."""

    def __init__(self, driver: Driver, peers: Peers, settlement: Settlement, clock: Clock) -> None:
        self._driver = driver
        self._peers = peers
        self._settlement = settlement
        self._clock = clock
        self._short: dict[Pair, _Shortage] = {}

    async def run(self) -> None:
        """Name what is to be given up, for ever. Returns when the node stops."""
        while True:
            await asyncio.sleep(PAUSE_S)
            due = self._due() if self._settlement.debts or self._short else {}
            if not due:
                continue
            try:
                requests = select(await self._candidates(due), due)
                await self._driver.submit_all([Command("", request, b"") for request in requests])
            except Stopping:
                return
            except Refused:  # a full inbox or disk: what is short stays short
                continue
            self._put_off(due, requests)

    def _due(self) -> dict[Pair, int]:
        """Units lacking at each pair that it is this hub's turn to do something about."""
        now_ms, ledger = self._clock.now().elapsed_ms, self._driver.replica.ledger
        short = {pair: units for pair in self._settlement.debts if (units := short_by(ledger.stock(*pair)))}
        self._short = {
            pair: self._short.get(pair) or _Shortage(now_ms, now_ms + self._turn_ms(pair[0]), SELECTION_MS)
            for pair in short
        }
        return {pair: units for pair, units in short.items() if self._short[pair].next_ms <= now_ms}

    def _turn_ms(self, location: str) -> int:
        """How long this hub waits before it names holds at a location."""
        hellos = [peer.hello for peer in self._peers.connected if peer.hello is not None]
        if any(serves_a_store(hello) and location in (hello.scopes or ()) for hello in hellos):
            return SELECTION_MS
        node = self._driver.replica.node
        names = sorted([node, *(hello.node for hello in hellos if replicates_all(hello))])
        is_host = location in self._driver.replica.locations
        return SELECTION_MS * (1 + names.index(node) + (0 if is_host else 1))

    async def _candidates(self, short: dict[Pair, int]) -> list[Candidate]:
        found: list[Candidate] = []
        names = await self._driver.look(lambda replica: replica.orders.open_names())
        for start in range(0, len(names), ORDERS_PER_TURN):
            some = names[start : start + ORDERS_PER_TURN]
            found += await self._driver.look(partial(_candidates, some, short))
        return found

    def _put_off(self, due: dict[Pair, int], requests: list[Revocation]) -> None:
        now_ms = self._clock.now().elapsed_ms
        for pair in due:
            one = self._short[pair]
            one.wait_ms = SELECTION_MS if requests else min(2 * one.wait_ms, AGAIN_MAX_MS)
            one.next_ms = now_ms + one.wait_ms


def _candidates(names: list[str], short: dict[Pair, int], replica: Replica) -> list[Candidate]:
    return candidates(replica.orders.look_at(names), short)
