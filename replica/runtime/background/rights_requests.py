"""Requests for rights: a node that is short of an item asks the richest holder it can reach.

A node has at most one request per item and location in flight. The next one asks for all that callers want by then.
After a denial the node does not ask that holder for a while, which doubles each time. A session carries a bounded
number of requests. Items beyond it are crowded out, and the node asks for them when answers have made room. Requests
are not stored: after a restart the node looks at its stock and asks again.
"""

from __future__ import annotations

import asyncio
from functools import partial

from msgspec import Struct

from replica.core.base.errors import Overloaded
from replica.core.base.limits import QUANTITY_MAX
from replica.core.base.names import FREE, account
from replica.core.state.batch import Batch
from replica.core.state.replica import Replica
from replica.core.sync.events import Answered, RightsWanted
from replica.core.sync.wire import Hello, Want
from replica.runtime.background.strategy import Pair, RebalancingStrategy
from replica.runtime.driver import Driver
from replica.runtime.peering.link import Link
from replica.runtime.peering.peers import Peer, Peers
from replica.runtime.peering.roles import serves_a_store
from replica.runtime.ports import Clock

COOLING_MIN_MS = 1_000
COOLING_MAX_MS = 60_000
"""How long a node does not ask a holder again for an item: after one denial, and at most. It doubles each time."""

COOLING_KEPT = 10_000
"""Denials that a node remembers. Past that it forgets the oldest, which costs a request each."""

DEMANDS_MAX = 1_024
"""Callers that may wait for rights. The node refuses further ones immediately."""

ARRIVAL_MAX_MS = 10_000
"""How long a granted unit may take to arrive before the node asks again. It notices a lost link sooner."""


class _Demand(Struct, eq=False):
    """A caller that waits until the node has `quantity` free units."""

    quantity: int
    clock: int
    news: asyncio.Event
    of_store: bool
    """Whether the caller is a store's request, for which only hubs are asked."""


class _Request(Struct, kw_only=True):
    """A request of this node to a holder, and its answer."""

    link: Link
    clock: int
    received: int
    """Units that the holder's writer had ever granted this node before the request."""
    asked_ms: int
    of_store: bool
    """Whether only requests of stores wait for it."""
    granted: int | None = None
    """Units that the holder granted; None until it answers. They are here once its cell has grown by this number."""


class _Cooling(Struct, frozen=True):
    until_ms: int
    wait_ms: int


class Survey(Struct, frozen=True):
    """One item at a location as this node sees it: its own free units, and other holders, richest first."""

    own: int
    holders: list[str]
    received: int


class RightsRequests:
    """The requests of one node."""

    def __init__(self, driver: Driver, peers: Peers, clock: Clock, strategy: RebalancingStrategy) -> None:
        self._driver = driver
        self._peers = peers
        self._clock = clock
        self._strategy = strategy
        self._demands: dict[Pair, list[_Demand]] = {}
        self._requests: dict[Pair, _Request] = {}
        self._cooling: dict[tuple[str, Pair], _Cooling] = {}
        self._crowded_out: dict[Pair, None] = {}
        """Items that a holder has, and that the node may ask for once the holder has answered another request."""
        peers.listeners.append(self)
        driver.on_durable.append(self._note)

    async def want(
        self, location: str, item: str, quantity: int, timeout_s: float, clock: int = 0, *, of_store: bool = False
    ) -> int:
        """Try to have `quantity` free units here, and ask others for the rest; return how many there are.

        Returns early if there are enough, or if no reachable node has any. The units are not reserved for the caller:
        another request may use them before the caller's own is decided.

        Args:
            clock: the stamp of a store's request, with `of_store`; 0 for a request that is made now.
        Raises:
            Refused: the node is stopping, or too many callers wait.
        """
        if self.waiting >= DEMANDS_MAX:
            raise Overloaded(f"{DEMANDS_MAX} callers wait for rights already")
        pair, own = (location, item), 0
        demand = _Demand(quantity, clock or self._stamp(), asyncio.Event(), of_store)
        self._demands.setdefault(pair, []).append(demand)
        try:
            async with asyncio.timeout(timeout_s):
                while True:
                    demand.news.clear()
                    survey = await self._driver.look(partial(self._survey, pair))
                    own = survey.own
                    lacking = sum(one.quantity for one in self._demands[pair]) - own
                    if own >= quantity or not self._pursue(pair, lacking, survey, self._oldest(pair)):
                        return own
                    await demand.news.wait()
        except TimeoutError:
            return own
        finally:
            self._demands[pair].remove(demand)
            if not self._demands[pair]:
                del self._demands[pair]

    async def ask(self, location: str, item: str, quantity: int) -> int | None:
        """Ask a holder for units, unless a request is in flight.

        Returns the milliseconds after which another try may help; None if a request is in flight, or if only an event
        can help. While every session is full, that is 0, and nobody looks at the item: a node may want thousands.
        """
        if self._is_crowded:
            return 0
        pair = (location, item)
        survey = await self._driver.look(partial(self._survey, pair))
        if self._pursue(pair, quantity, survey, self._stamp()):
            return 0 if pair in self._crowded_out else None
        now_ms = self._clock.now().elapsed_ms
        cooling = [self._cooling[name, pair].until_ms for name in survey.holders if (name, pair) in self._cooling]
        return max(0, min(cooling) - now_ms) if cooling else None

    @property
    def waiting(self) -> int:
        """Number of callers that wait for rights."""
        return sum(map(len, self._demands.values()))

    @property
    def _is_crowded(self) -> bool:
        """Whether every connected peer has as many requests as a session carries, so that none can be added now."""
        links = [peer.link for peer in self._peers.connected]
        return bool(links) and not any(link is not None and link.session.may_want for link in links)

    @property
    def arriving(self) -> list[Pair]:
        """Items of which a holder granted units that are not here yet."""
        replica = self._driver.replica
        return [
            pair
            for pair, one in self._requests.items()
            if one.granted is not None and _received(replica, pair, one.link) < one.received + one.granted
        ]

    def is_wanting(self, pair: Pair) -> bool:
        """Whether a caller waits for this item, or a holder has not answered a request for it yet."""
        request = self._requests.get(pair)
        return pair in self._demands or (request is not None and request.granted is None)

    def _survey(self, pair: Pair, replica: Replica) -> Survey:
        stock, node = replica.ledger.stock(*pair), replica.node
        free = {peer.name: stock.balance(account(peer.name, FREE)) for peer in self._askable(pair)}
        free = self._strategy.within_reach(stock, node, free)
        holders = sorted((name for name in free if free[name] > 0), key=lambda name: (-free[name], name))
        request = self._requests.get(pair)
        received = _received(replica, pair, request.link) if request is not None else 0
        return Survey(stock.balance(account(node, FREE)), holders, received)

    def _askable(self, pair: Pair) -> list[Peer]:
        """The peers that this node may ask for an item. For requests of stores: hubs only."""
        is_fetched = self._is_fetched(pair)
        return [
            peer
            for peer in self._peers.connected
            if peer.hello is not None
            and (peer.hello.scopes is None or (pair[0] in peer.hello.scopes and not is_fetched))
        ]

    def _is_fetched(self, pair: Pair) -> bool:
        demands = self._demands.get(pair)
        return demands is not None and all(demand.of_store for demand in demands)

    def _pursue(self, pair: Pair, units: int, survey: Survey, clock: int) -> bool:
        """Have a request for the item in flight, or wait for room for it; False if there is nobody to ask now."""
        now_ms = self._clock.now().elapsed_ms
        self._crowded_out.pop(pair, None)
        request = self._requests.get(pair)
        if request is not None:
            is_here = request.granted is not None and survey.received >= request.received + request.granted
            is_late = request.granted is not None and now_ms - request.asked_ms > ARRIVAL_MAX_MS
            if not (is_here or is_late):
                return True
            del self._requests[pair]
        for name in survey.holders:
            link, cooling = self._peers.known[name].link, self._cooling.get((name, pair))
            if link is None or (cooling is not None and now_ms < cooling.until_ms):
                continue
            if not link.session.may_want:
                self._crowded_out[pair] = None
                continue
            self._crowded_out.pop(pair, None)
            received = _received(self._driver.replica, pair, link)
            self._requests[pair] = _Request(
                link=link, clock=clock, received=received, asked_ms=now_ms, of_store=self._is_fetched(pair)
            )
            link.want(*pair, min(units, QUANTITY_MAX), clock)
            return True
        return pair in self._crowded_out

    def waits_longer(self, want: Want, peer: Hello) -> bool:
        """Whether this node waited longer for the item than a peer. Waits of stores do not count against a store."""
        pair, from_store = (want.location, want.item), serves_a_store(peer)
        own = [demand.clock for demand in self._demands.get(pair, ()) if not (from_store and demand.of_store)]
        request = self._requests.get(pair)
        if request is not None and request.granted is None and not (from_store and request.of_store):
            own.append(request.clock)
        return bool(own) and (min(own), self._driver.replica.writer) < (want.clock, peer.writer)

    def _stamp(self) -> int:
        return self._driver.replica.clock.next(self._clock.now().wall_ms)

    def _oldest(self, pair: Pair) -> int:
        return min(demand.clock for demand in self._demands[pair])

    def joined(self, link: Link) -> None:
        """Wake all callers, because the new peer may be a holder."""
        for pair in list(self._demands):
            self._wake(pair)

    def heard(self, link: Link, event: RightsWanted | Answered) -> None:
        """Note a peer's answer to a request of this node."""
        if isinstance(event, RightsWanted):
            return
        pair = (event.want.location, event.want.item)
        request = self._requests.get(pair)
        if request is None or request.link is not link:
            return
        name = link.peer.node
        if event.granted:
            request.granted = event.granted
            self._cooling.pop((name, pair), None)
        else:
            del self._requests[pair]
            self._cool(name, pair)
        self._wake(pair)
        self._wake_crowded_out()

    def left(self, link: Link) -> None:
        """Drop the requests on this link, and wake their callers to ask another holder."""
        for pair in [pair for pair, request in self._requests.items() if request.link is link]:
            del self._requests[pair]
            self._wake(pair)
        self._wake_crowded_out()

    def _cool(self, name: str, pair: Pair) -> None:
        now_ms, before = self._clock.now().elapsed_ms, self._cooling.pop((name, pair), None)
        wait_ms = min(2 * before.wait_ms, COOLING_MAX_MS) if before is not None else COOLING_MIN_MS
        if len(self._cooling) >= COOLING_KEPT:
            del self._cooling[next(iter(self._cooling))]
        self._cooling[name, pair] = _Cooling(now_ms + wait_ms, wait_ms)

    def _note(self, batch: Batch) -> None:
        if not self._demands:
            return
        for stocks in batch.cells.values():
            for stock in stocks:
                self._wake((stock.location, stock.item))

    def _wake_crowded_out(self) -> None:
        """Wake callers whose item was crowded out: there may be room for its request now."""
        for pair in self._crowded_out:
            self._wake(pair)

    def _wake(self, pair: Pair) -> None:
        for demand in self._demands.get(pair, ()):
            demand.news.set()


def _received(replica: Replica, pair: Pair, link: Link) -> int:
    """Units that this holder's writer ever granted this node."""
    route = (link.peer.writer, account(link.peer.node, FREE), account(replica.node, FREE))
    return replica.ledger.cell(*pair, route)
