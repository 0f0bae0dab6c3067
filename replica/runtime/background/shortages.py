"""Shortages at a hub: if no free units are left to cover a deficit, the hub selects holds to be revoked.

The core decides which holds (`core.orders.shortages`); this module decides which hub acts, and when. The hub to which
the location's store is connected selects first. If hubs write for the location themselves, they take turns in order of
names. Other hubs come after them. A later hub sees what earlier ones selected, and two hubs that do not reach each
other select the same holds. The hub looks at a few open orders at a time, so no other request waits long.
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
"""How late a hub may notice a shortage. The wait before it acts is added to that."""

SELECTION_MS = 5_000
"""How long the first hub waits before it selects holds, and each later hub after the one before it. An entry between
nodes that reach each other takes less."""

AGAIN_MAX_MS = 300_000
"""Longest wait before a hub looks at holds again. It doubles each time, because there may be none left to select."""

ORDERS_PER_TURN = 256
"""Orders looked at in one turn of the driver: about a millisecond or two."""


class _Shortage(Struct):
    since_ms: int
    """Elapsed time at which the hub first saw it."""
    next_ms: int
    wait_ms: int


class Shortages:
    """The shortages of one hub. `run` must be running for holds to be selected."""

    def __init__(self, driver: Driver, peers: Peers, settlement: Settlement, clock: Clock) -> None:
        self._driver = driver
        self._peers = peers
        self._settlement = settlement
        self._clock = clock
        self._short: dict[Pair, _Shortage] = {}

    async def run(self) -> None:
        """Select holds to be revoked until the node stops."""
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
            except Refused:  # a full inbox or disk: the shortage stays
                continue
            self._put_off(due, requests)

    def _due(self) -> dict[Pair, int]:
        """The missing units of each pair where it is this hub's turn."""
        now_ms, ledger = self._clock.now().elapsed_ms, self._driver.replica.ledger
        short = {pair: units for pair in self._settlement.debts if (units := short_by(ledger.stock(*pair)))}
        self._short = {
            pair: self._short.get(pair) or _Shortage(now_ms, now_ms + self._turn_ms(pair[0]), SELECTION_MS)
            for pair in short
        }
        return {pair: units for pair, units in short.items() if self._short[pair].next_ms <= now_ms}

    def _turn_ms(self, location: str) -> int:
        """How long this hub waits before it selects holds at a location."""
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
