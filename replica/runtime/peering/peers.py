"""Peers: who is connected, who was, and how the connections are made and kept.

`Peers` holds a record per peer and lets one live session stand under a name. `Dialer` keeps a connection to the first
peer of a list that answers: an edge's hubs in order of preference, or the one address of a hub's peer. It moves on
within seconds when one does not answer, and goes back to the first when that has been well for a while: a while that
doubles each time home, although it is well, does not serve it.
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
from replica.core.sync.session import Acknowledged, Admission, Answered, Asked, Diverged, Phase, RightsWanted, Scopes
from replica.core.sync.wire import PROTOCOL_MAX, PROTOCOL_MIN, Hello
from replica.runtime.driver import Driver
from replica.runtime.peering.link import Link
from replica.runtime.peering.roles import replicates_all, serves_a_store
from replica.runtime.ports import Clock, Entropy, Journal, Network, Socket

log = structlog.get_logger(__name__)

DIAL_TIMEOUT_S = 2.0
RETRY_MIN_S = 0.2
RETRY_MAX_S = 2.0
"""Between two rounds through the list: doubles from the first to the second, times 0.5 to 1.5 by chance."""

PROBE_INTERVAL_S = 2.0

HOME_AFTER_MAX_S = 3_600.0
"""Longest wait before a home that did not serve is tried again: every try takes a node that is well served elsewhere
off its hub for a moment, and whoever mends what home had against it should not have to wait for a day."""

DIVERGENCES_KEPT = 100

PEERS_MAX = 10_000
"""Peers a node keeps a record of: a large chain's stores, and then some."""

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
"""Why links end. Anything else a peer says is counted as `other`, so that nobody makes up counters without end."""


UNREFUSED = frozenset(["duplicate-link", "going-home", "hung-up", "replaced", "silent", "stopping"])
"""Why a link ends that the peer had nothing against. After any other end the next peer of the list is tried, and the
wait between two rounds grows: a hub that refuses a store must neither keep it nor be dialled many times a second."""


class Identity(Struct, frozen=True):
    """Who this node is to its peers. `scopes` is what it subscribes to, None meaning all."""

    node: str
    writer: str
    nonce: bytes
    role: str
    region: str
    scopes: tuple[str, ...] | None
    software: str
    versions: tuple[int, int] = (PROTOCOL_MIN, PROTOCOL_MAX)
    """Least and greatest version of the protocol it speaks."""


class Peer:
    """What is known of one peer, connected or not."""

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
        """Scopes we have to bring it; None for all."""

    @property
    def is_connected(self) -> bool:
        """Whether a session is live, past its greeting."""
        return self.link is not None and self.link.session.phase is Phase.STREAMING

    def entries_behind(self) -> int:
        """Entries it is known to hold that we lack."""
        return self.link.session.entries_behind() if self.link is not None else 0

    def unacknowledged(self, replica: Replica) -> int:
        """Entries we have to bring it that it has not told us it holds durably."""
        return sum(
            max(0, head.sequence - self.durable.get(Stream(writer, scope), 0))
            for scope in (replica.vectors if self.offered is None else self.offered)
            for writer, head in replica.vectors.get(scope, {}).items()
        )


class Listener(Protocol):
    """Who wants to know of links: when one is up, what is said about rights on it, when it is down."""

    def joined(self, link: Link) -> None:
        """A session is past its greeting, both ways."""

    def heard(self, link: Link, event: RightsWanted | Answered) -> None:
        """The peer asks for rights, or answers a request for some."""

    def left(self, link: Link) -> None:
        """A session that was past its greeting is over; nothing asked on it is answered any more."""


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
        self._live: list[Link] = []
        self._acknowledged = asyncio.Event()
        self.listeners: list[Listener] = []

    async def converse(self, socket: Socket, *, is_dialled: bool, started: Callable[[Link], None] | None = None) -> str:
        """Run one link on a socket until it ends; return why it did."""
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
            self._leave(link)

    def close(self) -> None:
        """End every link."""
        for link in list(self._live):
            link.close("stopping")

    async def held_elsewhere(self, reached: Mapping[Stream, int], timeout_s: float) -> bool:
        """Wait until a hub of another region holds streams durably as far as this; False when that takes too long."""
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

    def met(self) -> tuple[dict[str, str], list[str]]:
        """The stores met since the start, by the location each keeps, and the hubs."""
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
        """Let one session stand under a peer's name. Raises PeerFault when it is not this one."""
        hello = link.peer
        if hello.node not in self.known and len(self.known) >= PEERS_MAX:
            raise PeerFault("oversized", f"{PEERS_MAX} peers are known already")
        peer = self.known.setdefault(hello.node, Peer(hello.node))
        standing = peer.link
        if standing is not None:
            if standing.peer.nonce != hello.nonce:
                raise PeerFault("name-taken", f"another process is connected as {hello.node}")
            if standing.is_dialled != link.is_dialled and self._is_preferred(standing):
                raise PeerFault("duplicate-link", f"{hello.node} and {self.identity.node} are connected already")
            standing.close("replaced", "the same process connected again")
        peer.hello, peer.link = hello, link
        peer.offered, peer.durable = link.session.offered, link.session.durable
        log.info("peer connected", peer=hello.node, role=hello.role, region=hello.region, dialled=link.is_dialled)

    def _is_preferred(self, link: Link) -> bool:
        """Of two links that both sides dialled at once, the one stays that the lesser name dialled."""
        return link.is_dialled == (self.identity.node < link.peer.node)

    def _leave(self, link: Link) -> None:
        reason = link.reason if link.reason in REASONS else "other"
        self.ended[reason] = self.ended.get(reason, 0) + 1
        hello = link.session.peer
        if hello is None:
            return
        peer = self.known.get(hello.node)
        if peer is not None and peer.link is link:
            peer.link, peer.reason, peer.seen_ms = None, link.reason, self.clock.now().wall_ms
            log.info("peer disconnected", peer=hello.node, reason=link.reason)
        for listener in self.listeners:
            listener.left(link)

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
        """How long home must have been well before this node goes back to it."""
        self._name = ""

    async def run(self) -> None:
        """Dial for ever."""
        retry_s = RETRY_MIN_S
        while True:
            for url in self.urls:
                if await self._try(url):
                    retry_s = RETRY_MIN_S
                    if self.reason != "silent":
                        break  # after silence the line may be bad for good, and the next hub has another line
            jitter = 0.5 + self._peers.entropy.fraction()
            await asyncio.sleep(retry_s * jitter)
            retry_s = min(RETRY_MAX_S, retry_s * 2)

    async def _try(self, url: str) -> bool:
        """Connect and stay connected; True when a session got past its greeting and nobody refused to go on with it."""
        known = self._peers.known.get(self._name)
        if known is not None and known.is_connected:
            return False  # it dialled us
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
        """While connected elsewhere: once the first hub has answered for a while, end this link to go back to it.

        The next wait is twice as long, unless home serves now: one that answers and refuses would have us for ever
        on the way.
        """
        well_s = 0.0
        while well_s < self.home_wait_s:
            await asyncio.sleep(PROBE_INTERVAL_S)
            well_s = well_s + PROBE_INTERVAL_S if await self._peers.network.is_ready(self.urls[0]) else 0.0
        self.home_wait_s = min(2 * self.home_wait_s, max(HOME_AFTER_MAX_S, self._home_after_s))
        for link in started:
            link.close("going-home")
