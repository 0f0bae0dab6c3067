"""The steward: keeps this node's free rights where the policies want them.

A store's steward hands to its hub what the policy does not leave the store, and asks for rights when they run low; a
hub's steward passes on what is another region's. It looks at an item after its stock or policies changed, at most
once per second, and acts only past the watermarks of `core.stewardship`: one grant per change of mind, not one per
sale. Rights go only to hubs that are connected, for rights in the hands of a silent node serve nobody.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from functools import partial
from itertools import islice

from msgspec import Struct

from replica.core.errors import Refused
from replica.core.limits import LINES_MAX, QUANTITY_MAX
from replica.core.names import FREE, account
from replica.core.policies import POLICY
from replica.core.replica import Batch, Command, Replica
from replica.core.requests import Grant, GrantLine
from replica.core.session import Answered, Wanted
from replica.core.stewardship import Hub, free_units, parts_to_pass_on, store_gap
from replica.runtime.driver import Driver
from replica.runtime.link import Link
from replica.runtime.peers import Peers
from replica.runtime.ports import Clock
from replica.runtime.rights import Pair, Rights

SETTLE_S = 1.0
"""Between a change and the look at it, and so between two looks at one item: what happens meanwhile is one change."""

PAIRS_PER_TURN = 256
"""Items looked at in one turn of the driver: about a millisecond, so no till waits for the steward."""

assert PAIRS_PER_TURN <= LINES_MAX


class _Plan(Struct, frozen=True):
    """What one look found to be done: units by location and receiver, and units to ask for."""

    arrival: int
    grants: dict[tuple[str, str], list[GrantLine]]
    wants: list[tuple[Pair, int]]


class Steward:
    """Of one node. `run` must be running for rights to move."""

    def __init__(self, driver: Driver, peers: Peers, rights: Rights, clock: Clock) -> None:
        self._driver = driver
        self._peers = peers
        self._rights = rights
        self._clock = clock
        self._is_store = peers.identity.role == "edge"
        self._due: dict[Pair, None] = {}
        """Items to look at; each stands here once, so they are at most as many as there are."""
        self._later: dict[Pair, int] = {}
        """Items to look at again at some elapsed time, for who was asked denied."""
        self._wake = asyncio.Event()
        peers.listeners.append(self)
        driver.on_durable.append(self._note)

    async def run(self) -> None:
        """Keep rights where they should be, for ever."""
        self._mark_all()
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

    def heard(self, link: Link, event: Wanted | Answered) -> None:
        """An answer may call for another request."""
        if isinstance(event, Answered) and self._is_store:
            self._mark((event.want.location, event.want.item))

    def left(self, link: Link) -> None:
        """Who cannot be reached is granted nothing; `joined` comes back to it."""

    def _note(self, batch: Batch) -> None:
        if any(register.kind == POLICY for register in batch.documents):
            self._mark_all()
        if self._acts:
            for stocks in batch.cells.values():
                for stock in stocks:
                    self._mark((stock.location, stock.item))

    @property
    def _acts(self) -> bool:
        """Whether anything is to be done here at all: a hub moves rights only where policies name regions."""
        return self._is_store or self._driver.replica.policies.splits_regions

    def _mark(self, pair: Pair) -> None:
        self._due[pair] = None
        self._wake.set()

    def _mark_all(self) -> None:
        replica = self._driver.replica
        for location, place in replica.ledger.places.items() if self._acts else ():
            if self._is_store or place.balances().get(account(replica.node, FREE), 0) > 0:
                for item in place.items():
                    self._mark((location, item))

    def _rest_s(self) -> float | None:
        """How long nothing is due but by news; None: for ever."""
        if not self._later:
            return None
        return max(0, min(self._later.values()) - self._clock.now().elapsed_ms) / 1000

    async def _review(self) -> None:
        now_ms = self._clock.now().elapsed_ms
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
        plan = _Plan(replica.arrival, {}, [])
        hubs = self._hubs()
        home = next((hub.name for hub in hubs if hub.is_reachable), None)
        for location, item in pairs:
            stock, policy = replica.ledger.stock(location, item), replica.policies.policy(location, item)
            parts: dict[str, int] = {}
            if self._is_store:
                own, available = stock.standing(account(replica.node, FREE))
                gap = store_gap(policy, own, available)
                if gap < 0:
                    plan.wants.append(((location, item), -gap))
                elif gap > 0 and home is not None:
                    parts = {home: gap}
            elif policy is not None and policy.regions_ppm and not self._rights.is_wanting((location, item)):
                region = self._peers.identity.region
                parts = parts_to_pass_on(policy, free_units(stock), stock.available, replica.node, region, hubs)
            for to, units in parts.items():
                plan.grants.setdefault((location, to), []).append(GrantLine(item, min(units, QUANTITY_MAX)))
        return plan

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
            Command(location, Grant(to, tuple(lines), POLICY), f"grant:{writer}:{plan.arrival:x}.{place}".encode())
            for place, ((location, to), lines) in enumerate(plan.grants.items())
        ]
        for pair, units in plan.wants:
            retry_ms = await self._rights.ask(*pair, units)
            if retry_ms is not None:
                self._later[pair] = self._clock.now().elapsed_ms + retry_ms
        verdicts = await self._driver.submit_all(commands) if commands else []
        for command, verdict in zip(commands, verdicts, strict=True):
            if isinstance(verdict, Refused) and isinstance(command.request, Grant):
                for line in command.request.lines:
                    self._mark((command.location, line.item))
