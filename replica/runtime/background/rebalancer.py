"""The steward: keeps this node's free rights where the policies want them.

A store's steward hands to its hub what the policy does not leave the store, and asks for rights when they run low; a
hub's steward sets aside what is a channel's and passes on what is another region's. Every steward covers what others
lack to be at zero, when it is its turn (`settlement`), whoever is connected. It looks at an item after its stock or
policies changed, at most once per second, and acts only past the watermarks of `core.stewardship`: one grant per
change of mind, not one per sale. By policy rights go only to hubs that are connected, for those in the hands of a
silent node serve nobody.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from functools import partial
from itertools import islice

from msgspec import Struct

from replica.core.base.errors import Refused
from replica.core.base.limits import LINES_MAX, QUANTITY_MAX
from replica.core.base.names import FREE, account
from replica.core.ledger.cells import LocationStock, Stock
from replica.core.rights.policies import POLICY, Policy
from replica.core.rights.quotas import channel_account, channel_units, rebalance
from replica.core.rights.rebalancing import LOW_SHARE, Hub, deficit, parts_to_pass_on, store_gap, units_to_split
from replica.core.rights.requests import BREACH, Allotment, AllotmentLine, Grant, GrantLine
from replica.core.state.batch import Batch
from replica.core.state.commands import Command
from replica.core.state.replica import Replica
from replica.core.sync.session import Answered, RightsWanted
from replica.runtime.background.rights_exchange import Pair, RightsExchange
from replica.runtime.background.sales_history import SalesHistory
from replica.runtime.background.settlement import Settlement
from replica.runtime.driver import Driver
from replica.runtime.peering.link import Link
from replica.runtime.peering.peers import Peers
from replica.runtime.ports import Clock

SETTLE_S = 1.0
"""Between a change and the look at it, and so between two looks at one item: what happens meanwhile is one change."""

SETTLE_MS = int(1000 * SETTLE_S)

PAIRS_PER_TURN = 256
"""Items looked at in one turn of the driver: about a millisecond, so no till waits for the steward."""

assert PAIRS_PER_TURN <= LINES_MAX


class _Plan(Struct, frozen=True):
    """What one look found to be done."""

    arrival: int
    grants: dict[tuple[str, str, str], list[GrantLine]]
    """By location, receiver and reason."""
    wants: list[tuple[Pair, int]]
    allotments: dict[str, list[AllotmentLine]]
    """What is set aside for channels or freed again, by location."""

    def grant(self, location: str, to: str, reason: str, item: str, units: int) -> None:
        """Add one more thing to grant."""
        self.grants.setdefault((location, to, reason), []).append(GrantLine(item, min(units, QUANTITY_MAX)))


class RightsRebalancer:
    """Of one node. `run` must be running for rights to move."""

    def __init__(
        self, driver: Driver, peers: Peers, rights: RightsExchange, clock: Clock, sales_history: SalesHistory
    ) -> None:
        self._driver = driver
        self._peers = peers
        self._rights = rights
        self._clock = clock
        self._sales_history = sales_history
        sales_history.turned = self._turn
        self._turned: dict[Pair, object] = {}
        """Items not looked at since another time of the day began."""
        self._is_store = peers.identity.role == "edge"
        self.settlement = Settlement(peers.identity.node, clock)
        self._due: dict[Pair, None] = {}
        """Items to look at; each stands here once, so they are at most as many as there are."""
        self._moved: dict[Stock, int] = {}
        """What moved since `_due` was last added to, as batches have it: named once a look, not at every commit."""
        self._later: dict[Pair, int] = {}
        """Items to look at again at some elapsed time, for who was asked denied."""
        self._wake = asyncio.Event()
        peers.listeners.append(self)
        driver.on_durable.append(self._note)

    async def run(self) -> None:
        """Keep rights where they should be, for ever."""
        for place in list(self._driver.replica.ledger.places.values()):
            self._mark_location(place)
            await asyncio.sleep(0)  # what is below zero is found by going through all there is: others go on meanwhile
        while True:
            try:
                async with asyncio.timeout(self._rest_s()):
                    await self._wake.wait()
            except TimeoutError:
                pass  # somebody who denied may be asked again
            self._wake.clear()
            await asyncio.sleep(SETTLE_S)
            await self._review()

    def joined(self, link: Link) -> None:
        """A hub is reached that was not: all that waited for one is looked at."""
        if link.peer.role == "hub":
            self._mark_all()

    def heard(self, link: Link, event: RightsWanted | Answered) -> None:
        """An answer may call for another request."""
        if isinstance(event, Answered) and self._is_store:
            self._mark((event.want.location, event.want.item))

    def left(self, link: Link) -> None:
        """Who cannot be reached is granted nothing; `joined` comes back to it."""

    def _note(self, batch: Batch) -> None:
        if any(kind == POLICY for kind, *_ in batch.checkpoint.get("documents", ())):
            self._mark_all()
        acts, debts = self._acts, self.settlement.debts
        for route, stocks in batch.cells.items():
            due = stocks
            if not acts:
                due = {
                    stock: total
                    for stock, total in stocks.items()
                    if (stock.location, stock.item) in debts or (route.giver and stock.balance(route.source) < 0)
                }
            if due:
                self._moved |= due
                self._wake.set()

    @property
    def _acts(self) -> bool:
        """Whether policies call for anything here: a hub moves rights only where they name regions or channels."""
        return self._is_store or self._driver.replica.policies.splits

    def _mark(self, pair: Pair) -> None:
        self._mark_moved()
        self._due[pair] = None
        self._wake.set()

    def _mark_moved(self) -> None:
        if self._moved:
            self._due.update([((stock.location, stock.item), None) for stock in self._moved])
            self._moved = {}

    def _mark_all(self) -> None:
        for place in self._driver.replica.ledger.places.values():
            self._mark_location(place)

    def _turn(self) -> None:
        """Another time of the day has begun: stores fill up for what is foretold for it."""
        for name, place in self._driver.replica.ledger.places.items() if self._is_store else ():
            self._turned.update(dict.fromkeys((name, item) for item in place.items()))
        self._mark_all()

    def _low_share(self, pair: Pair, replica: Replica) -> int:
        """Below which part of what it should have a store asks for more."""
        if self._turned.pop(pair, self) is self:
            return LOW_SHARE
        policy = replica.policies.policy(*pair)
        return 1 if policy is not None and policy.quantile_ppm else LOW_SHARE

    def _mark_location(self, place: LocationStock) -> None:
        node, balances = self._driver.replica.node, place.balances()
        set_aside = any(units and name.startswith(channel_account(node, "")) for name, units in balances.items())
        acts = self._is_store or set_aside or (self._acts and balances.get(account(node, FREE), 0) > 0)
        for item in place.items() if acts else place.breaches():
            self._mark((place.name, item))

    def _rest_s(self) -> float | None:
        """How long nothing is due but by news; None: for ever."""
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
            except Refused:  # too busy, full or stopping: the rights stay, and are looked at again
                for pair in some:
                    self._mark(pair)

    def _plan(self, pairs: Sequence[Pair], replica: Replica) -> _Plan:
        plan = _Plan(replica.arrival, {}, [], {})
        hubs = self._hubs()
        home = next((hub.name for hub in hubs if hub.is_reachable), None)
        for location, item in pairs:
            stock, policy = replica.ledger.stock(location, item), self._sales_history.policy(replica, location, item)
            free = stock.free()
            is_below = deficit(free) > 0
            if is_below:
                self._settle(plan, (location, item), stock, free)
            else:
                self.settlement.settled((location, item))
            parts: dict[str, int] = {}
            if not self._is_store:
                parts = self._split(plan, stock, policy, free.get(replica.node, 0), hubs)
            if is_below:
                continue
            if self._is_store:
                low_share = self._low_share((location, item), replica)
                gap = store_gap(policy, free.get(replica.node, 0), stock.available, low_share)
                if gap < 0:
                    plan.wants.append(((location, item), -gap))
                elif gap > 0 and home is not None:
                    parts = {home: gap}
            for to, units in parts.items():
                plan.grant(location, to, POLICY, item, units)
        return plan

    def _split(
        self, plan: _Plan, stock: Stock, policy: Policy | None, free: int, hubs: Sequence[Hub]
    ) -> dict[str, int]:
        """What this hub passes on to hubs of other regions, after it set aside for channels what is theirs.

        What is to be passed on and not free is freed first, and passed on at the next look.
        """
        node, pair = self._driver.replica.node, (stock.location, stock.item)
        shares = policy.channels_ppm if policy is not None else {}
        quotas = channel_units(stock, node)
        if not shares and not any(quotas.values()) and (policy is None or not policy.regions_ppm):
            return {}
        rights, available, region = stock.rights_by_node(), stock.available, self._peers.identity.region
        parts: dict[str, int] = {}
        if self._rights.is_wanting(pair):
            self._later[pair] = self._clock.now().elapsed_ms + SETTLE_MS  # nothing may tell of it that the wait is over
        else:
            parts = parts_to_pass_on(policy, rights, available, node, region, hubs)
        own = units_to_split(policy, rights, available, node, hubs, sum(parts.values()))
        for channel, units in rebalance(shares, free, quotas, own).items():
            bounded = max(-QUANTITY_MAX, min(units, QUANTITY_MAX))
            plan.allotments.setdefault(stock.location, []).append(AllotmentLine(channel, stock.item, bounded))
        return parts if sum(parts.values()) <= free else {}

    def _settle(self, plan: _Plan, pair: Pair, stock: Stock, free: Mapping[str, int]) -> None:
        """Cover what others lack, when it is this node's turn. Until all are at zero nothing else moves there."""
        covered, wait_ms = self.settlement.cover(pair, stock, free)
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
            if peer.hello is not None and peer.hello.role == "hub"
        ]

    async def _act(self, plan: _Plan) -> None:
        """Grant and ask. What cannot be granted any more is looked at again.

        A crash between decision and answer grants nothing twice: a grant that became durable is in the balance that
        the next look reads, and moved the arrival on, which the key is made of; one that did not never was.
        """
        writer = self._driver.replica.writer
        commands = [
            Command(location, Grant(to, tuple(lines), reason), f"grant:{writer}:{plan.arrival:x}.{place}".encode())
            for place, ((location, to, reason), lines) in enumerate(plan.grants.items())
        ]
        lots = [
            (location, lines[start : start + LINES_MAX])
            for location, lines in plan.allotments.items()
            for start in range(0, len(lines), LINES_MAX)
        ]
        commands += [
            Command(location, Allotment(tuple(lines)), f"allot:{writer}:{plan.arrival:x}.{place}".encode())
            for place, (location, lines) in enumerate(lots)
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
