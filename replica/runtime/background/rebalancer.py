"""The rights rebalancer: keeps this node's free rights where the policies want them.

The node's strategy decides what to grant, ask for and set aside (`strategy`): a store and a hub have one each. Every
node covers the deficits of others, when it is its turn (`settlement`). The rebalancer looks at an item after its stock
or policies changed, at most once per second. A strategy acts only past its watermarks, so that not every sale causes a
grant. By policy a node grants only to connected hubs, because nobody can sell the rights of an unreachable node.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from functools import partial
from itertools import islice

from msgspec import Struct

from replica.core.base.errors import Refused
from replica.core.base.limits import LINES_MAX, QUANTITY_MAX
from replica.core.catalog.locations import LOCATION
from replica.core.catalog.pools import POOL
from replica.core.ledger.cells import LocationStock, Stock
from replica.core.rights.policies import POLICY
from replica.core.rights.rebalancing import Hub, deficit
from replica.core.rights.requests import BREACH, Allotment, AllotmentLine, Grant, GrantLine
from replica.core.state.batch import Batch
from replica.core.state.commands import Command
from replica.core.state.replica import Replica
from replica.core.sync.events import Answered, RightsWanted
from replica.runtime.background.rights_requests import RightsRequests
from replica.runtime.background.settlement import Settlement
from replica.runtime.background.strategy import ItemView, Moves, Pair, RebalancingStrategy
from replica.runtime.driver import Driver
from replica.runtime.peering.link import Link
from replica.runtime.peering.peers import Peers
from replica.runtime.peering.roles import replicates_all
from replica.runtime.ports import Clock

SETTLE_S = 1.0
"""Pause between a change and the look at it, and so between two looks at an item. One look covers all changes."""

SETTLE_MS = int(1000 * SETTLE_S)

PAIRS_PER_TURN = 256
"""Items looked at in one turn of the driver: about a millisecond, so no sale waits for the rebalancer."""

assert PAIRS_PER_TURN <= LINES_MAX


class _Plan(Struct, frozen=True):
    """The work that one look found."""

    arrival: int
    grants: dict[tuple[str, str, str], list[GrantLine]]
    """By location, receiver and reason."""
    wants: list[tuple[Pair, int]]
    allotments: dict[str, list[AllotmentLine]]
    """Units to set aside for channels or to free again, by location."""

    def grant(self, location: str, to: str, reason: str, item: str, units: int) -> None:
        """Add units to grant."""
        self.grants.setdefault((location, to, reason), []).append(GrantLine(item, min(units, QUANTITY_MAX)))

    def add(self, pair: Pair, moves: Moves) -> None:
        """Add the moves of the strategy for one item."""
        location, item = pair
        for channel, units in moves.allotments.items():
            bounded = max(-QUANTITY_MAX, min(units, QUANTITY_MAX))
            self.allotments.setdefault(location, []).append(AllotmentLine(channel, item, bounded))
        if moves.wanted:
            self.wants.append((pair, moves.wanted))
        for to, units in moves.grants.items():
            self.grant(location, to, POLICY, item, units)


class RightsRebalancer:
    """The rebalancer of one node. `run` must be running for rights to move."""

    def __init__(
        self,
        driver: Driver,
        peers: Peers,
        rights: RightsRequests,
        clock: Clock,
        settlement: Settlement,
        strategy: RebalancingStrategy,
    ) -> None:
        self._driver = driver
        self._peers = peers
        self._rights = rights
        self._clock = clock
        self._settlement = settlement
        self.strategy = strategy
        self._due: dict[Pair, None] = {}
        """Items to look at, each once: at most as many as the node has."""
        self._moved: dict[Stock, int] = {}
        """Stocks that moved and are not in `_due` yet. Adding them once a look costs less than at each commit."""
        self._later: dict[Pair, int] = {}
        """Items to look at again, by elapsed time: a holder denied a request, or a strategy put them off."""
        self._wake = asyncio.Event()
        strategy.watch(self._mark_all)
        peers.listeners.append(self)
        driver.on_durable.append(self._note)

    async def run(self) -> None:
        """Rebalance rights, for ever."""
        for location_stock in list(self._driver.replica.ledger.at_location.values()):
            self._mark_location(location_stock)
            await asyncio.sleep(0)  # marking reads all items of a location: other tasks run in between
        while True:
            try:
                async with asyncio.timeout(self._rest_s()):
                    await self._wake.wait()
            except TimeoutError:
                pass  # an item in `_later` is due
            self._wake.clear()
            await asyncio.sleep(SETTLE_S)
            await self._review()

    @property
    def waiting(self) -> int:
        """Number of items to look at soon: none when nothing happens, except that a denied request is repeated."""
        soon_ms = self._clock.now().elapsed_ms + SETTLE_MS
        return len(self._due) + len(self._moved) + sum(at_ms <= soon_ms for at_ms in self._later.values())

    def joined(self, link: Link) -> None:
        """When a hub connects, look at all items: some waited for a hub."""
        if replicates_all(link.peer):
            self._mark_all()

    def heard(self, link: Link, event: RightsWanted | Answered) -> None:
        """If the strategy asks for rights, an answer may call for another request."""
        if isinstance(event, Answered) and self.strategy.asks:
            self._mark((event.want.location, event.want.item))

    def left(self, link: Link) -> None:
        """Nothing to do: a strategy grants only to connected hubs, and `joined` looks again."""

    def _note(self, batch: Batch) -> None:
        replica, debts = self._driver.replica, self._settlement.debts
        concerned = (POLICY, POOL, LOCATION) if replica.pools else (POLICY, POOL)
        if any(kind in concerned for kind, *_ in batch.checkpoint.get("documents", ())):
            self._mark_all()
        for route, stocks in batch.cells.items():
            due = stocks
            if not self.strategy.is_concerned(replica, route):
                due = {
                    stock: total
                    for stock, total in stocks.items()
                    if (stock.location, stock.item) in debts or (route.giver and stock.balance(route.source) < 0)
                }
            if due:
                self._moved |= due
                self._wake.set()

    def _mark(self, pair: Pair) -> None:
        self._mark_moved()
        self._due[pair] = None
        self._wake.set()

    def _mark_moved(self) -> None:
        if self._moved:
            self._due.update([((stock.location, stock.item), None) for stock in self._moved])
            self._moved = {}

    def _mark_all(self) -> None:
        for location_stock in self._driver.replica.ledger.at_location.values():
            self._mark_location(location_stock)

    def _mark_location(self, location_stock: LocationStock) -> None:
        is_concerned = self.strategy.concerns(self._driver.replica, location_stock)
        for item in location_stock.items() if is_concerned else location_stock.breaches():
            self._mark((location_stock.name, item))

    def _rest_s(self) -> float | None:
        """Seconds until an item in `_later` is due; None if there is none."""
        if not self._later:
            return None
        return max(0, min(self._later.values()) - self._clock.now().elapsed_ms) / 1000

    async def _review(self) -> None:
        now_ms = self._clock.now().elapsed_ms
        self._mark_moved()
        for pair in [pair for pair, at_ms in self._later.items() if at_ms <= now_ms]:
            del self._later[pair]
            self._due[pair] = None
        due, self._due = self._due, {}
        pairs = iter(due)
        while some := list(islice(pairs, PAIRS_PER_TURN)):
            try:
                await self._act(await self._driver.look(partial(self._plan, some)))
            except Refused:  # overloaded, full or stopping: the rights stay, and the next look includes these items
                for pair in some:
                    self._mark(pair)

    def _plan(self, pairs: Sequence[Pair], replica: Replica) -> _Plan:
        plan = _Plan(replica.arrival, {}, [], {})
        node, region, hubs = replica.node, self._peers.identity.region, self._hubs()
        for pair in pairs:
            stock = replica.ledger.stock(*pair)
            free = stock.free()
            is_short = deficit(free) > 0
            if is_short:
                self._settle(plan, pair, stock, free)
            else:
                self._settlement.settled(pair)
            view = ItemView(
                stock=stock,
                policy=self.strategy.policy(replica, *pair),
                free=free,
                is_short=is_short,
                is_wanting=self._rights.is_wanting(pair),
                node=node,
                region=region,
                hubs=hubs,
            )
            moves = self.strategy.moves(view)
            if moves.is_put_off:
                self._later[pair] = self._clock.now().elapsed_ms + SETTLE_MS
            plan.add(pair, moves)
        return plan

    def _settle(self, plan: _Plan, pair: Pair, stock: Stock, free: Mapping[str, int]) -> None:
        """Cover the deficits of others, when it is this node's turn."""
        covered, wait_ms = self._settlement.cover(pair, stock, free)
        if covered and wait_ms:
            self._later[pair] = self._clock.now().elapsed_ms + wait_ms
            return
        for to, units in covered.items():
            plan.grant(pair[0], to, BREACH, pair[1], units)

    def _hubs(self) -> list[Hub]:
        """The hubs met since the start, in order of names."""
        return [
            Hub(name, peer.hello.region, peer.is_connected)
            for name, peer in sorted(self._peers.known.items())
            if peer.hello is not None and replicates_all(peer.hello)
        ]

    async def _act(self, plan: _Plan) -> None:
        """Grant, set aside and ask. If a command is refused, the next look includes its items.

        A crash between decision and answer grants nothing twice. If a grant became durable, the next look reads the
        new balance, and its keys are new because they contain the arrival number. Otherwise nothing happened.
        """
        writer = self._driver.replica.writer
        commands = [
            Command(location, Grant(to, tuple(lines), reason), f"grant:{writer}:{plan.arrival:x}.{index}".encode())
            for index, ((location, to, reason), lines) in enumerate(plan.grants.items())
        ]
        lots = [
            (location, lines[start : start + LINES_MAX])
            for location, lines in plan.allotments.items()
            for start in range(0, len(lines), LINES_MAX)
        ]
        commands += [
            Command(location, Allotment(tuple(lines)), f"allot:{writer}:{plan.arrival:x}.{index}".encode())
            for index, (location, lines) in enumerate(lots)
        ]
        for pair, units in plan.wants:
            retry_ms = await self._rights.ask(*pair, units)
            if retry_ms is not None:
                self._later[pair] = self._clock.now().elapsed_ms + retry_ms
        verdicts = await self._driver.submit_all(commands) if commands else []
        for command, verdict in zip(commands, verdicts, strict=True):
            if isinstance(verdict, Refused) and isinstance(command.request, Grant | Allotment):
                for line in command.request.lines:
                    self._mark((command.location, line.item))
