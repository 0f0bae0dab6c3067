"""Rights on request: a node that is short asks the richest holder it can reach, and answers those who ask it.

Of one item at a location one request is under way at a time; what is wanted meanwhile is asked together after it. A
holder answers with what it gives, all, a part or none; after a denial it is left alone for a while that doubles. A
node that waits for an item itself, and asked before the other did, gives none of it away, so that two short nodes
never swap the same units for ever. A store reaches one hub only: what that one lacks of what the store is due it
asks other hubs for, with the store's stamp, and answers then. Requests are not kept: whoever restarts looks at what
it holds and asks anew.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections import deque
from collections.abc import Sequence
from functools import partial

from msgspec import Struct

from replica.core.base.errors import Overloaded, Refused
from replica.core.base.limits import QUANTITY_MAX, WANTS_MAX
from replica.core.base.names import FREE, GIVEN_KEY, account
from replica.core.log.entry import Entry
from replica.core.rights.rebalancing import OLDER_REQUEST, WantAnswer, answer_want, units_to_fetch
from replica.core.rights.requests import Grant, GrantLine
from replica.core.state.batch import Batch
from replica.core.state.commands import Command
from replica.core.state.replica import Replica
from replica.core.sync.session import Answered, Phase, RightsWanted
from replica.core.sync.wire import Hello, Want
from replica.runtime.background.sales_history import SalesHistory
from replica.runtime.driver import Driver
from replica.runtime.peering.link import Link
from replica.runtime.peering.peers import Peer, Peers
from replica.runtime.ports import Clock

Pair = tuple[str, str]
"""A location and an item."""

COOLING_MIN_MS = 1_000
COOLING_MAX_MS = 60_000
"""For how long a holder is not asked for the same item again: after one denial, and at most, doubling in between."""

COOLING_KEPT = 10_000
"""Denials remembered; past that the oldest are forgotten, which costs a request each."""

DEMANDS_MAX = 1_024
"""Callers that may wait for rights; orders past that are told so at once."""

ARRIVAL_MAX_MS = 10_000
"""How long a granted unit may be on its way before it is asked for again: longer than a line takes to be noticed."""

FETCH_S = 3.0
"""How long a store waits for what its hub asks other hubs for, before it is given what there is."""

FETCHES_MAX = 512
"""Requests of stores for which other hubs are asked at a time: half of all that may wait, so orders have room too."""

assert 2 * FETCHES_MAX <= DEMANDS_MAX

WANTS_PER_TURN = WANTS_MAX
"""Requests of peers decided together, and made durable in one commit."""


class _Demand(Struct, eq=False):
    """A caller that waits until the node has so many free units; `of_store`: only hubs are asked, for a store is it."""

    quantity: int
    clock: int
    news: asyncio.Event
    of_store: bool


class _Request(Struct):
    """What was asked of a holder, and how far that is."""

    link: Link
    clock: int
    received: int
    """Units the holder's writer had ever granted us when we asked."""
    asked_ms: int
    of_store: bool
    """Nobody waits for it but a store."""
    granted: int | None = None
    """What it answered; the units are there once its cell has grown by so much."""


class _Cooling(Struct, frozen=True):
    until_ms: int
    wait_ms: int


class Survey(Struct, frozen=True):
    """One item at a location as this node sees it: its own free units, and who else has some, richest first."""

    own: int
    holders: list[str]
    received: int


class RightsExchange:
    """Both sides of requests for rights, of one node. `run` must be running for peers to be answered."""

    def __init__(self, driver: Driver, peers: Peers, clock: Clock, sales_history: SalesHistory) -> None:
        self._driver = driver
        self._peers = peers
        self._clock = clock
        self._sales_history = sales_history
        self._is_store = peers.identity.role == "edge"
        self._demands: dict[Pair, list[_Demand]] = {}
        self._requests: dict[Pair, _Request] = {}
        self._cooling: dict[tuple[str, Pair], _Cooling] = {}
        self._asked: deque[tuple[Link, Want]] = deque()
        self._fetches: dict[asyncio.Task[None], None] = {}
        """What is asked of other hubs for stores."""
        self._fetched: deque[tuple[Link, Want]] = deque()
        """Requests of stores for which that is over."""
        self._wake = asyncio.Event()
        peers.listeners.append(self)
        driver.on_durable.append(self._note)

    # asking ------------------------------------------------------------------------------------------------------

    async def want(
        self, location: str, item: str, quantity: int, timeout_s: float, clock: int = 0, *, of_store: bool = False
    ) -> int:
        """Try to have `quantity` free units here, asking others for what lacks; return how many there are.

        Returns early once there are enough, or once nobody who can be reached has any to give. Others may use the
        units before the caller does: it has them only once its own request is decided.

        Args:
            clock: the stamp of the request where a store made it, and `of_store` then; else it is made now.
        Raises:
            Refused: the node is stopping, or too many wait already.
        """
        if sum(map(len, self._demands.values())) >= DEMANDS_MAX:
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
        """Ask somebody for units, if nobody is asked already. Milliseconds until that may help, None when it was done
        or when only news can change anything."""
        pair = (location, item)
        survey = await self._driver.look(partial(self._survey, pair))
        if self._pursue(pair, quantity, survey, self._stamp()):
            return None
        now_ms = self._clock.now().elapsed_ms
        cooling = [self._cooling[name, pair].until_ms for name in survey.holders if (name, pair) in self._cooling]
        return max(0, min(cooling) - now_ms) if cooling else None

    def is_wanting(self, pair: Pair) -> bool:
        """Whether somebody here waits for this item, or was asked for some and has not answered yet."""
        request = self._requests.get(pair)
        return pair in self._demands or (request is not None and request.granted is None)

    def _survey(self, pair: Pair, replica: Replica) -> Survey:
        stock, node = replica.ledger.stock(*pair), replica.node
        free = {peer.name: stock.balance(account(peer.name, FREE)) for peer in self._askable(pair)}
        if self._is_store:
            beyond = sum(units for name, units in stock.free().items() if units > 0 and name not in (node, *free))
            free = {name: max(0, units) + beyond for name, units in free.items()}
        holders = sorted((name for name in free if free[name] > 0), key=lambda name: (-free[name], name))
        request = self._requests.get(pair)
        received = _received(replica, pair, request.link) if request is not None else 0
        return Survey(stock.balance(account(node, FREE)), holders, received)

    def _askable(self, pair: Pair) -> list[Peer]:
        """Who may be asked for an item: for stores, hubs only."""
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
        """Have a request for the item under way; False when there is nobody to ask now."""
        now_ms = self._clock.now().elapsed_ms
        request = self._requests.get(pair)
        if request is not None:
            is_here = request.granted is not None and survey.received >= request.received + request.granted
            is_late = request.granted is not None and now_ms - request.asked_ms > ARRIVAL_MAX_MS
            if not (is_here or is_late):
                return True
            del self._requests[pair]
        for name in survey.holders:
            link, cooling = self._peers.known[name].link, self._cooling.get((name, pair))
            if link is None or not link.session.may_want or (cooling is not None and now_ms < cooling.until_ms):
                continue
            received = _received(self._driver.replica, pair, link)
            self._requests[pair] = _Request(link, clock, received, now_ms, self._is_fetched(pair))
            link.want(*pair, min(units, QUANTITY_MAX), clock)
            return True
        return False

    def _stamp(self) -> int:
        return self._driver.replica.clock.next(self._clock.now().wall_ms)

    def _oldest(self, pair: Pair) -> int:
        return min(demand.clock for demand in self._demands[pair])

    # what happens on links ---------------------------------------------------------------------------------------

    def joined(self, link: Link) -> None:
        """There may be somebody new to ask."""
        for pair in list(self._demands):
            self._tell(pair)

    def heard(self, link: Link, event: RightsWanted | Answered) -> None:
        """Queue a peer's request, or take in its answer to ours."""
        if isinstance(event, RightsWanted):
            self._asked.append((link, event.want))
            self._wake.set()
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
        self._tell(pair)

    def left(self, link: Link) -> None:
        """Nothing asked on this link is answered any more: whoever waits looks for another holder."""
        for pair in [pair for pair, request in self._requests.items() if request.link is link]:
            del self._requests[pair]
            self._tell(pair)
        self._asked = deque(one for one in self._asked if one[0] is not link)
        self._fetched = deque(one for one in self._fetched if one[0] is not link)

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
                self._tell((stock.location, stock.item))

    def _tell(self, pair: Pair) -> None:
        for demand in self._demands.get(pair, ()):
            demand.news.set()

    @property
    def fetching(self) -> int:
        """Requests of stores for which other hubs are being asked."""
        return len(self._fetches)

    # answering ---------------------------------------------------------------------------------------------------

    async def run(self) -> None:
        """Answer peers for ever: each once what it is given is durable."""
        async with asyncio.TaskGroup() as fetches:
            while True:
                await self._wake.wait()
                self._wake.clear()
                while self._asked or self._fetched:
                    ready = [*(await self._put_off(_take(self._asked), fetches)), *_take(self._fetched)]
                    if ready:
                        await self._answer(ready)

    async def _put_off(self, asked: Sequence[tuple[Link, Want]], fetches: asyncio.TaskGroup) -> list[tuple[Link, Want]]:
        """Begin to fetch what lacks of what stores are due; return the requests that can be answered now."""
        try:
            lacking = await self._driver.look(partial(self._lacking, asked)) if asked else []
        except Refused:  # as the answer will be
            return list(asked)
        left: list[tuple[Link, Want]] = []
        for (link, want), units in zip(asked, lacking, strict=True):
            if units and len(self._fetches) < FETCHES_MAX:
                fetch = fetches.create_task(self._fetch(link, want, units))
                self._fetches[fetch] = None
                fetch.add_done_callback(self._fetches.pop)
            else:
                left.append((link, want))
        return left

    def _lacking(self, asked: Sequence[tuple[Link, Want]], replica: Replica) -> list[int]:
        hubs = [peer.name for peer in self._peers.connected if peer.hello and peer.hello.role == "hub"]
        lacking = []
        for link, want in asked:
            pair, units = (want.location, want.item), 0
            if link.peer.role == "edge" and not self._waits_longer(want, link.peer):
                free = replica.ledger.stock(*pair).free()
                units = units_to_fetch(
                    self._sales_history.policy(replica, *pair),
                    want.quantity,
                    free.get(replica.node, 0),
                    sum(max(0, free.get(name, 0)) for name in hubs),
                    replica.ledger.stock(*pair).available,
                    free.get(link.peer.node, 0),
                )
            lacking.append(units)
        return lacking

    async def _fetch(self, link: Link, want: Want, units: int) -> None:
        """Answer a store once this hub has so many units, or as many of them as it is given."""
        with contextlib.suppress(Refused):  # then the store is given what there is
            await self.want(want.location, want.item, units, FETCH_S, want.clock, of_store=True)
        if link.session.phase is Phase.STREAMING:  # whoever went asks anew
            self._fetched.append((link, want))
            self._wake.set()

    async def _answer(self, asked: Sequence[tuple[Link, Want]]) -> None:
        try:
            arrival, answers = await self._driver.look(partial(self._decide, asked))
        except Refused as refused:
            arrival, answers = 0, [WantAnswer(0, refused.kind)] * len(asked)
        given = [
            (link, want, answer) for (link, want), answer in zip(asked, answers, strict=True) if answer.granted > 0
        ]
        for (link, want), answer in zip(asked, answers, strict=True):
            if answer.granted == 0:
                link.give(want.number, 0, answer.reason)
        if not given:
            return
        writer = self._driver.replica.writer
        commands = [
            Command(want.location, _grant(link, want, answer), f"{GIVEN_KEY}{writer}:{arrival:x}.{place}".encode())
            for place, (link, want, answer) in enumerate(given)
        ]
        # The key is new each time: whatever of this was made durable has moved the arrival on, and a node that
        # starts again holds that much less, so a request that is asked again gets no unit twice.
        try:
            verdicts = await self._driver.submit_all(commands)
        except Refused as refused:
            verdicts = [refused] * len(commands)
        for (link, want, answer), verdict in zip(given, verdicts, strict=True):
            if isinstance(verdict, Entry):
                link.give(want.number, answer.granted)
            else:
                link.give(want.number, 0, verdict.kind)

    def _decide(self, asked: Sequence[tuple[Link, Want]], replica: Replica) -> tuple[int, list[WantAnswer]]:
        promised: dict[Pair, int] = {}
        answers = []
        for link, want in asked:
            pair, peer = (want.location, want.item), link.peer
            if self._waits_longer(want, peer):
                answers.append(WantAnswer(0, OLDER_REQUEST))
                continue
            stock = replica.ledger.stock(*pair)
            own = stock.balance(account(replica.node, FREE)) - promised.get(pair, 0)
            answer = answer_want(
                self._sales_history.policy(replica, *pair),
                want.quantity,
                own,
                stock.available - promised.get(pair, 0),
                is_store=self._is_store,
                held_by_store=stock.balance(account(peer.node, FREE)) if peer.role == "edge" else None,
            )
            promised[pair] = promised.get(pair, 0) + answer.granted
            answers.append(answer)
        return replica.arrival, answers

    def _waits_longer(self, want: Want, peer: Hello) -> bool:
        """Whether this node has an older unmet request for the item: its own, and as other hubs see it its store's."""
        pair, is_store = (want.location, want.item), peer.role == "edge"
        own = [demand.clock for demand in self._demands.get(pair, ()) if not (is_store and demand.of_store)]
        request = self._requests.get(pair)
        if request is not None and request.granted is None and not (is_store and request.of_store):
            own.append(request.clock)
        return bool(own) and (min(own), self._driver.replica.writer) < (want.clock, peer.writer)


def _take(waiting: deque[tuple[Link, Want]]) -> list[tuple[Link, Want]]:
    """As many requests as are decided in one turn, or as there are."""
    return [waiting.popleft() for _ in range(min(len(waiting), WANTS_PER_TURN))]


def _received(replica: Replica, pair: Pair, link: Link) -> int:
    """Units this holder's writer ever granted us."""
    route = (link.peer.writer, account(link.peer.node, FREE), account(replica.node, FREE))
    return replica.ledger.cell(*pair, route)


def _grant(link: Link, want: Want, answer: WantAnswer) -> Grant:
    return Grant(link.peer.node, (GrantLine(want.item, answer.granted),), "want")
