"""A node at run time: one replica on one journal, its driver, its peers, and how they start and stop."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine, Iterable, Sequence
from typing import Any

import structlog

from replica.core.base.names import CHAIN
from replica.core.state.replica import Replica
from replica.core.sync.session import Admission
from replica.runtime.background.order_housekeeping import OrderHousekeeping
from replica.runtime.background.rebalancer import RightsRebalancer
from replica.runtime.background.rights_exchange import RightsExchange
from replica.runtime.background.sales_history import SalesHistory
from replica.runtime.background.shortages import Shortages
from replica.runtime.driver import Driver
from replica.runtime.peering.peers import Dialer, Identity, Peers
from replica.runtime.ports import Clock, Entropy, Journal, Network
from replica.version import VERSION

log = structlog.get_logger(__name__)

NONCE_BYTES = 16

STOP_S = 2.5
"""How long waiting work may take once a node was told to stop; SIGTERM promises 5 s in all."""

CLOSE_S = 1.0
"""How long the files may take to close. What is durable is durable: past that the process just ends."""


class Node:
    """What both kinds of node have in common at run time. Start it, use `driver`, stop it."""

    def __init__(
        self,
        replica: Replica,
        journal: Journal,
        *,
        role: str,
        region: str,
        scopes: tuple[str, ...] | None,
        admit: Admission,
        clock: Clock,
        entropy: Entropy,
        network: Network,
    ) -> None:
        self.replica = replica
        if scopes is not None:  # a store: what it cannot place is its own, for it sees no other location
            replica.home = replica.locations[0]
        replica.is_hub = role == "hub"
        self.journal = journal
        self.clock = clock
        self.driver = Driver(replica, journal, clock)
        nonce = entropy.random_bytes(NONCE_BYTES)
        identity = Identity(replica.node, replica.writer, nonce, role, region, scopes, VERSION)
        self.peers = Peers(identity, admit, self.driver, journal, clock, entropy, network)
        own = next((scope for scope in scopes or () if scope != CHAIN), "") if role == "edge" else ""
        self.sales_history = SalesHistory(self.driver, journal, clock, own)
        self.rights = RightsExchange(self.driver, self.peers, clock, self.sales_history)
        self.rebalancer = RightsRebalancer(self.driver, self.peers, self.rights, clock, self.sales_history)
        self.shortages = Shortages(self.driver, self.peers, self.rebalancer.settlement, clock)
        self.housekeeping = OrderHousekeeping(self.driver, clock, self.peers.met)
        self.dialers: list[Dialer] = []
        self.is_ready = False
        self._driving: asyncio.Task[None] | None = None
        self._working: list[asyncio.Task[None]] = []
        """What dials, answers requests for rights, moves rights and keeps orders; names holds to be given up, at a hub;
        reads what tills sold, at a store."""

    def start(self, dial: Iterable[Sequence[str]], home_after_s: float) -> list[asyncio.Task[None]]:
        """Begin to drive and to dial; each element of `dial` is one list of addresses, in order of preference.

        Returns the tasks a node lives by: when one ends by itself, the process has to end.
        """
        self._driving = asyncio.create_task(self.driver.run())
        self.dialers = [Dialer(self.peers, urls, home_after_s) for urls in dial if urls]
        works = [
            *(dialer.run() for dialer in self.dialers),
            self.rights.run(),
            self.rebalancer.run(),
            self.housekeeping.run(),
        ]
        if self.peers.identity.role == "hub":
            works.append(self.shortages.run())
        else:
            works.append(self.sales_history.run())
        self._working = [_begin(work) for work in works]
        self.is_ready = True
        return [self._driving, *self._working]

    def worker(self, name: str) -> asyncio.Task[None]:
        """The background worker of this class, e.g. "RightsExchange": whoever cancels it holds up its work alone."""
        return next(task for task in self._working if task.get_name() == name)

    async def stop(self) -> None:
        """Take nothing new in, answer what waits, end the links, close the journal."""
        self.is_ready = False
        for task in self._working:
            task.cancel()
        self.peers.close()
        self.driver.stop()
        if self._driving is not None:
            await asyncio.wait([self._driving, *self._working], timeout=STOP_S)
        try:
            async with asyncio.timeout(CLOSE_S):
                await self.journal.close()
        except TimeoutError:
            log.warning("the journal does not close, leaving it as it is: what is durable is durable")


def _begin(work: Coroutine[Any, Any, None]) -> asyncio.Task[None]:
    """Begin background work, under the name of the class whose `run` it is."""
    return asyncio.create_task(work, name=getattr(work, "__qualname__", "").removesuffix(".run"))


def store_scopes(location: str) -> tuple[str, ...]:
    """What a store subscribes to: its own location, and what concerns the whole chain."""
    return (location, CHAIN)
