"""A node at run time: one replica, its journal, its driver and its peers, and how they start and stop."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine, Iterable, Sequence
from typing import Any

import structlog
from msgspec import Struct

from replica.core.orders.context import OrderPolicy
from replica.core.state.replica import Replica
from replica.core.sync.events import Admission, Scopes
from replica.runtime.background.clock_notices import ClockNotices
from replica.runtime.background.order_housekeeping import OrderHousekeeping
from replica.runtime.background.rebalancer import RightsRebalancer
from replica.runtime.background.rights_answers import RightsAnswers
from replica.runtime.background.rights_requests import RightsRequests
from replica.runtime.background.settlement import Settlement
from replica.runtime.background.strategy import RebalancingStrategy
from replica.runtime.driver import Driver
from replica.runtime.peering.peers import Dialer, Identity, Peers
from replica.runtime.ports import Clock, Entropy, Journal, Network
from replica.version import VERSION

log = structlog.get_logger(__name__)

NONCE_BYTES = 16

STOP_S = 2.5
"""How long waiting work may take after a node is asked to stop. A node promises to end within 5 s of SIGTERM."""

CLOSE_S = 1.0
"""How long the files may take to close. After that the process ends anyway, because durable entries are safe."""

Work = Callable[[], Coroutine[Any, Any, None]]
"""Background work that runs as long as the node."""


class NodeParts(Struct, frozen=True, kw_only=True):
    """The parts of a node that its background work uses."""

    driver: Driver
    peers: Peers
    journal: Journal
    clock: Clock
    settlement: Settlement


class Background(Struct, frozen=True):
    """The background work of one node that differs between stores and hubs."""

    strategy: RebalancingStrategy
    works: tuple[Work, ...]


class NodeRole(Struct, frozen=True, kw_only=True):
    """What differs between stores and hubs. `edge_node.role` and `hub.role` make it; no shared module asks the role."""

    name: str
    """The role in the hello."""
    scopes: Scopes
    """The scopes the node subscribes to; None means all."""
    admit: Admission
    """Which peers it admits, and for which scopes."""
    order_policy: OrderPolicy
    """The order policy. The node's replica must have an equal one."""
    background: Callable[[NodeParts], Background]


class Node:
    """A store or hub at run time. Start it, use `driver`, stop it."""

    def __init__(
        self,
        replica: Replica,
        journal: Journal,
        role: NodeRole,
        *,
        region: str,
        clock: Clock,
        entropy: Entropy,
        network: Network,
    ) -> None:
        assert replica.order_policy == role.order_policy
        self.replica = replica
        self.journal = journal
        self.clock = clock
        self.driver = Driver(replica, journal, clock)
        nonce = entropy.random_bytes(NONCE_BYTES)
        identity = Identity(
            node=replica.node,
            writer=replica.writer,
            nonce=nonce,
            role=role.name,
            region=region,
            scopes=role.scopes,
            software=VERSION,
        )
        self.peers = Peers(identity, role.admit, self.driver, journal, clock, entropy, network)
        self.settlement = Settlement(replica.node, clock)
        parts = NodeParts(
            driver=self.driver, peers=self.peers, journal=journal, clock=clock, settlement=self.settlement
        )
        self._background = role.background(parts)
        self.works: list[Work] = [*self._background.works]
        """The background work of its role. Whoever assembles the node may add some before it starts."""
        strategy = self._background.strategy
        self.rights = RightsRequests(self.driver, self.peers, clock, strategy)
        self.rights_answers = RightsAnswers(self.driver, self.peers, self.rights, strategy)
        self.rebalancer = RightsRebalancer(self.driver, self.peers, self.rights, clock, self.settlement, strategy)
        self.housekeeping = OrderHousekeeping(self.driver, self.peers.met)
        self.clock_notices = ClockNotices(self.driver, self.peers)
        self.dialers: list[Dialer] = []
        self.is_ready = False
        self._driving: asyncio.Task[None] | None = None
        self._working: list[asyncio.Task[None]] = []
        """The dialers and the background work."""

    def start(self, dial: Iterable[Sequence[str]], home_after_s: float) -> list[asyncio.Task[None]]:
        """Start the driver, the dialers and the background work.

        Each element of `dial` is one list of addresses, in order of preference. Returns the tasks that a node needs:
        if one ends by itself, the process has to end.
        """
        self._driving = asyncio.create_task(self.driver.run())
        self.dialers = [Dialer(self.peers, urls, home_after_s) for urls in dial if urls]
        works = [
            *(dialer.run() for dialer in self.dialers),
            self.rights_answers.run(),
            self.rebalancer.run(),
            self.housekeeping.run(),
            self.clock_notices.run(),
            *(work() for work in self.works),
        ]
        self._working = [_begin(work) for work in works]
        self.is_ready = True
        return [self._driving, *self._working]

    async def meet(self, location: str) -> str:
        """Return the location, after the replica learned of it: a connected store may have announced it just now.

        An unknown location has no figures, not even zeros. So whoever reads some checks the location afterwards.
        """
        if location not in self.replica.known_locations and location in self.peers.met()[0]:
            await self.housekeeping.learn()
        return location

    def worker(self, name: str) -> asyncio.Task[None]:
        """The task of a background worker, by class name, e.g. "RightsAnswers". Cancelling it stops only this work."""
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
            log.warning("the journal did not close in time, ending without it: durable entries are safe")


def _begin(work: Coroutine[Any, Any, None]) -> asyncio.Task[None]:
    """Start background work as a task. Its name is the class that `run` belongs to."""
    return asyncio.create_task(work, name=getattr(work, "__qualname__", "").removesuffix(".run"))
