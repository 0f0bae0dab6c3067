"""Peers: the nodes that this node is or was connected to, and how it makes and keeps connections.

`Peers` has a record per peer, and allows one live session per name. `Dialer` keeps a connection to the first peer of a
list that answers: a store's hubs in order of preference, or the one address of a hub's peer. If a peer does not answer,
it tries the next one within seconds. It goes back to the first one, the home hub, when that has answered for a while.
This wait doubles each time the home hub answers but does not serve the store.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Protocol

import structlog
from msgspec import Struct

from replica.core.base.errors import PeerFault
from replica.core.base.names import CHAIN
from replica.core.log.entry import Stream
from replica.core.state.replica import Replica
from replica.core.sync.events import (
    Acknowledged,
    Admission,
    Answered,
    Asked,
    ClockReading,
    Diverged,
    RightsWanted,
    Scopes,
)
from replica.core.sync.session import Phase
from replica.core.sync.wire import PROTOCOL_MAX, PROTOCOL_MIN, Hello
from replica.runtime.driver import Driver
from replica.runtime.peering.link import Link
from replica.runtime.peering.roles import replicates_all, serves_a_store
from replica.runtime.ports import Clock, Entropy, Journal, Network, Socket

log = structlog.get_logger(__name__)

DIAL_TIMEOUT_S = 2.0
RETRY_MIN_S = 0.2
RETRY_MAX_S = 2.0
"""Pause between two rounds through the list: it doubles from MIN to MAX, times a random number in 0.5..1.5."""

PROBE_INTERVAL_S = 2.0

HOME_AFTER_MAX_S = 3_600.0
"""Longest wait before a store tries to return to a home hub that did not serve it. Each try interrupts the service of
the other hub for a moment. But after somebody corrects the fault, the store should not stay away for a day."""

DIVERGENCES_KEPT = 100

PEERS_MAX = 10_000
"""Peers that a node keeps a record of: more than the stores of a large chain."""

REASONS = frozenset(
    [
        "clock",
        "corrupt",
        "duplicate-link",
        "fork",
        "gap",
        "going-home",
        "hung-up",
        "malformed",
        "name-taken",
        "out-of-sequence",
        "overloaded",
        "oversized",
        "own-stream",
        "replaced",
        "same-name",
        "silent",
        "stopping",
        "storage-full",
        "unauthorised",
        "version",
    ]
)
"""Why links end. The node counts other reasons of peers as `other`, so that the number of counters is bounded."""

UNREFUSED = frozenset(["duplicate-link", "going-home", "hung-up", "replaced", "silent", "stopping"])
"""Reasons that are not a refusal by the peer. After any other reason the dialer tries the next peer, and the pause
between two rounds grows: a hub that refuses a store must neither keep it nor be dialled many times a second."""


class Identity(Struct, frozen=True):
    """What this node tells its peers about itself. `scopes`: its subscriptions; None for all."""

    node: str
    writer: str
    nonce: bytes
    role: str
    region: str
    scopes: tuple[str, ...] | None
    software: str
    versions: tuple[int, int] = (PROTOCOL_MIN, PROTOCOL_MAX)
    """Least and greatest version of the protocol that it speaks."""


class Peer:
    """The record of one peer, connected or not."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.hello: Hello | None = None
        self.link: Link | None = None
        self.durable: dict[Stream, int] = {}
        self.seen_ms = 0
        """Wall time at which it was last connected."""
        self.reason = ""
        """Why the last link ended."""
        self.offered: Scopes = ()
        """Scopes that this node sends it; None for all."""

    @property
    def is_connected(self) -> bool:
        """Whether a session is live, past its greeting."""
        return self.link is not None and self.link.session.phase is Phase.STREAMING

    def entries_behind(self) -> int:
        """Entries that the peer is known to have and this node lacks."""
        return self.link.session.entries_behind() if self.link is not None else 0

    def unacknowledged(self, replica: Replica) -> int:
        """Entries of its scopes that the peer has not acknowledged as durable."""
        return sum(
            max(0, head.sequence - self.durable.get(Stream(writer, scope), 0))
            for scope in (replica.vectors if self.offered is None else self.offered)
            for writer, head in replica.vectors.get(scope, {}).items()
        )


class Listener(Protocol):
    """Gets the events of links: a link is up, a peer asks for rights or answers, a link is down."""

    def joined(self, link: Link) -> None:
        """Both sides of a session have sent their greetings."""

    def heard(self, link: Link, event: RightsWanted | Answered) -> None:
        """The peer asks for rights, or answers a request for some."""

    def left(self, link: Link) -> None:
        """A session ended after its greeting. Requests on it get no answer any more."""


class Peers:
    """Every peer of this node, and the links to them."""

    def __init__(
        self,
        identity: Identity,
        admit: Admission,
        driver: Driver,
        journal: Journal,
        clock: Clock,
        entropy: Entropy,
        network: Network,
    ) -> None:
        self.identity = identity
        self.known: dict[str, Peer] = {}
        self.divergences: list[dict[str, str]] = []
        """Digests that differed at equal version vectors, newest last."""
        self.ended: dict[str, int] = {}
        """How many links ended, by reason."""
        self.clock = clock
        self.entropy = entropy
        self.network = network
        self._admit = admit
        self._driver = driver
        self._journal = journal
        self._resent = 0
        """Entries that peers sent needlessly on links that ended."""
        self._live: list[Link] = []
        self._acknowledged = asyncio.Event()
        self.listeners: list[Listener] = []
        self.on_clock_read: Callable[[ClockReading], None] = lambda reading: None
        """Called with the clock of a peer when a session begins, or ends because of the clock."""

    async def converse(self, socket: Socket, *, is_dialled: bool, started: Callable[[Link], None] | None = None) -> str:
        """Run one link on a socket until it ends; return the reason."""
        link = Link(
            socket,
            self._hello(),
            self._admit,
            self._driver,
            self._journal,
            self.clock,
            is_dialled=is_dialled,
            greeted=self._enter,
            diverged=self._alarm,
            heard=self._hear,
        )
        self._live.append(link)
        if started is not None:
            started(link)
        try:
            return await link.run()
        finally:
            self._live.remove(link)
            self._resent += link.session.resent
            self._leave(link)

    def close(self) -> None:
        """End every link."""
        for link in list(self._live):
            link.close("stopping")

    async def held_elsewhere(self, reached: Mapping[Stream, int], timeout_s: float) -> bool:
        """Wait until a hub of another region has stored streams up to these numbers; False if that takes too long."""
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(timeout_s):
                while not self._is_elsewhere(reached):
                    self._acknowledged.clear()
                    await self._acknowledged.wait()
                return True
        return False

    def _is_elsewhere(self, reached: Mapping[Stream, int]) -> bool:
        return any(
            all(peer.durable.get(stream, 0) >= sequence for stream, sequence in reached.items())
            for peer in self.known.values()
            if peer.hello is not None and replicates_all(peer.hello) and peer.hello.region != self.identity.region
        )

    @property
    def connected(self) -> list[Peer]:
        """Peers with a live session, in order of names."""
        return [peer for _, peer in sorted(self.known.items()) if peer.is_connected]

    @property
    def live(self) -> int:
        """Number of links, also those before their greeting."""
        return len(self._live)

    @property
    def resent(self) -> int:
        """Entries that peers sent on any link, although this node had told them that it holds these entries."""
        return self._resent + sum(link.session.resent for link in self._live)

    def met(self) -> tuple[dict[str, str], list[str]]:
        """The stores met since the start, by location, and the hubs."""
        hellos = [peer.hello for peer in self.known.values() if peer.hello is not None]
        stores = {
            scope: hello.node
            for hello in hellos
            if serves_a_store(hello)
            for scope in hello.scopes or ()
            if scope != CHAIN
        }
        return stores, [hello.node for hello in hellos if replicates_all(hello)]

    def _hello(self) -> Hello:
        me = self.identity
        return Hello(
            versions=me.versions,
            node=me.node,
            writer=me.writer,
            nonce=me.nonce,
            role=me.role,
            region=me.region,
            scopes=me.scopes,
            clock_ms=self.clock.now().wall_ms,
            software=me.software,
        )

    def _enter(self, link: Link) -> None:
        """Keep one session per name of a peer. Raises PeerFault if another session stays."""
        hello = link.peer
        if hello.node not in self.known and len(self.known) >= PEERS_MAX:
            raise PeerFault("oversized", f"{PEERS_MAX} peers are known already")
        peer = self.known.setdefault(hello.node, Peer(hello.node))
        current = peer.link
        if current is not None:
            if current.peer.nonce != hello.nonce:
                raise PeerFault("name-taken", f"another process is connected as {hello.node}")
            if current.is_dialled != link.is_dialled and self._is_preferred(current):
                raise PeerFault("duplicate-link", f"{hello.node} and {self.identity.node} are connected already")
            current.close("replaced", "the same process connected again")
        peer.hello, peer.link = hello, link
        peer.offered, peer.durable = link.session.offered, link.session.durable
        log.info("peer connected", peer=hello.node, role=hello.role, region=hello.region, dialled=link.is_dialled)
        self._tell_clock(link)

    def _is_preferred(self, link: Link) -> bool:
        """If both sides dialled at once, the link stays that the node with the lesser name dialled."""
        return link.is_dialled == (self.identity.node < link.peer.node)

    def _leave(self, link: Link) -> None:
        reason = link.reason if link.reason in REASONS else "other"
        self.ended[reason] = self.ended.get(reason, 0) + 1
        if reason == "clock":
            self._tell_clock(link)
        hello = link.session.peer
        if hello is None:
            return
        peer = self.known.get(hello.node)
        if peer is not None and peer.link is link:
            peer.link, peer.reason, peer.seen_ms = None, link.reason, self.clock.now().wall_ms
            log.info("peer disconnected", peer=hello.node, reason=link.reason)
        for listener in self.listeners:
            listener.left(link)

    def _tell_clock(self, link: Link) -> None:
        reading = link.session.clock_read
        if reading is not None:
            self.on_clock_read(reading)

    def _hear(self, link: Link, event: Asked | Acknowledged | RightsWanted | Answered) -> None:
        if isinstance(event, Acknowledged):
            self._acknowledged.set()
            return
        for listener in self.listeners:
            if isinstance(event, Asked):
                listener.joined(link)
            else:
                listener.heard(link, event)

    def _alarm(self, link: Link, diverged: Diverged) -> None:
        log.error("digests differ at equal version vectors", peer=link.peer.node, scope=diverged.scope)
        alarm = {"peer": link.peer.node, "scope": diverged.scope, "ours": diverged.ours, "theirs": diverged.theirs}
        if alarm not in self.divergences:
            self.divergences = [*self.divergences, alarm][-DIVERGENCES_KEPT:]


class Dialer:
    """Keeps this node connected to the first of `urls` that answers."""

    def __init__(self, peers: Peers, urls: Sequence[str], home_after_s: float) -> None:
        self.urls = tuple(urls)
        self.url: str | None = None
        """Where it is connected now."""
        self.reason = ""
        """Why the last try or session ended."""
        self._peers = peers
        self._home_after_s = max(home_after_s, PROBE_INTERVAL_S)
        self.home_wait_s = self._home_after_s
        """How long the home hub must have answered before this node goes back to it."""
        self._name = ""

    async def run(self) -> None:
        """Dial for ever."""
        retry_s = RETRY_MIN_S
        while True:
            for url in self.urls:
                if await self._try(url):
                    retry_s = RETRY_MIN_S
                    if self.reason != "silent":
                        break  # after silence the line may stay bad, and the next hub has another line
            jitter = 0.5 + self._peers.entropy.fraction()
            await asyncio.sleep(retry_s * jitter)
            retry_s = min(RETRY_MAX_S, retry_s * 2)

    async def _try(self, url: str) -> bool:
        """Connect and stay connected; True if the session began and the peer did not refuse to continue it."""
        known = self._peers.known.get(self._name)
        if known is not None and known.is_connected:
            return False  # it dialled this node
        try:
            async with asyncio.timeout(DIAL_TIMEOUT_S):
                socket = await self._peers.network.dial(url)
        except (OSError, TimeoutError) as error:
            log.debug("peer does not answer", url=url, error=str(error))
            self.reason = f"{url} does not answer"
            return False
        started: list[Link] = []
        began_ms = self._peers.clock.now().elapsed_ms
        watch = asyncio.create_task(self._go_home(started)) if url != self.urls[0] else None
        try:
            self.url = url
            self.reason = await self._peers.converse(socket, is_dialled=True, started=started.append)
        finally:
            self.url = None
            if watch is not None:
                watch.cancel()
        hello = started[0].session.peer
        self._name = hello.node if hello is not None else self._name
        is_served = hello is not None and self.reason in UNREFUSED
        lasted_s = (self._peers.clock.now().elapsed_ms - began_ms) / 1000
        if url == self.urls[0] and (is_served or lasted_s >= self._home_after_s):
            self.home_wait_s = self._home_after_s
        return is_served

    async def _go_home(self, started: Iterable[Link]) -> None:
        """While connected to another hub: once the home hub has answered for a while, end this link to go back to it.

        The next wait is twice as long, unless the home hub serves the store this time. Otherwise a home hub that
        answers and refuses would make the store change its hub without end.
        """
        well_s = 0.0
        while well_s < self.home_wait_s:
            await asyncio.sleep(PROBE_INTERVAL_S)
            well_s = well_s + PROBE_INTERVAL_S if await self._peers.network.is_ready(self.urls[0]) else 0.0
        self.home_wait_s = min(2 * self.home_wait_s, max(HOME_AFTER_MAX_S, self._home_after_s))
        for link in started:
            link.close("going-home")
