"""Answers to requests for rights: a node grants a peer all units that it requests, some of them, or none.

If the node waits for the item itself and asked before the peer, it grants none. So two short nodes do not swap the same
units for ever. A store reaches one hub only. If that hub has less than the store is due, it asks other hubs for the
rest, with the stamp of the store. After that it answers.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections import deque
from collections.abc import Sequence
from functools import partial

from replica.core.base.errors import Refused
from replica.core.base.limits import WANTS_MAX
from replica.core.base.names import FREE, GIVEN_KEY, account
from replica.core.log.entry import Entry
from replica.core.rights.rebalancing import OLDER_REQUEST, WantAnswer, units_to_fetch
from replica.core.rights.requests import Grant, GrantLine
from replica.core.state.commands import Command
from replica.core.state.replica import Replica
from replica.core.sync.events import Answered, RightsWanted
from replica.core.sync.session import Phase
from replica.core.sync.wire import Want
from replica.runtime.background.rights_requests import DEMANDS_MAX, RightsRequests
from replica.runtime.background.strategy import Pair, RebalancingStrategy
from replica.runtime.driver import Driver
from replica.runtime.peering.link import Link
from replica.runtime.peering.peers import Peers
from replica.runtime.peering.roles import replicates_all, serves_a_store

FETCH_S = 3.0
"""How long a store waits while its hub asks other hubs. After that the hub grants what it has."""

FETCHES_MAX = 512
"""Requests of stores for which a hub asks other hubs at a time. The other half of `DEMANDS_MAX` is for orders."""

assert 2 * FETCHES_MAX <= DEMANDS_MAX

WANTS_PER_TURN = WANTS_MAX
"""Requests of peers that the node decides together, and makes durable in one commit."""


class RightsAnswers:
    """Answers the peers of one node. `run` must be running for peers to get answers."""

    def __init__(self, driver: Driver, peers: Peers, requests: RightsRequests, strategy: RebalancingStrategy) -> None:
        self._driver = driver
        self._peers = peers
        self._requests = requests
        self._strategy = strategy
        self._asked: deque[tuple[Link, Want]] = deque()
        self._fetches: dict[asyncio.Task[None], None] = {}
        """Requests to other hubs on behalf of stores."""
        self._fetched: deque[tuple[Link, Want]] = deque()
        """Requests of stores for which the hub asked other hubs, and which it can answer now."""
        self._wake = asyncio.Event()
        peers.listeners.append(self)

    def joined(self, link: Link) -> None:
        """Nothing to do: a new peer has asked for nothing yet."""

    def heard(self, link: Link, event: RightsWanted | Answered) -> None:
        """Queue a peer's request."""
        if isinstance(event, RightsWanted):
            self._asked.append((link, event.want))
            self._wake.set()

    def left(self, link: Link) -> None:
        """Drop the requests of this link, because no answer reaches the peer on it any more."""
        self._asked = deque(one for one in self._asked if one[0] is not link)
        self._fetched = deque(one for one in self._fetched if one[0] is not link)

    @property
    def fetching(self) -> int:
        """Requests of stores for which other hubs are being asked."""
        return len(self._fetches)

    @property
    def waiting(self) -> int:
        """Requests of peers that wait for their answer here."""
        return len(self._asked) + len(self._fetched) + len(self._fetches)

    async def run(self) -> None:
        """Answer peers for ever, each once its grant is durable."""
        async with asyncio.TaskGroup() as fetches:
            while True:
                await self._wake.wait()
                self._wake.clear()
                while self._asked or self._fetched:
                    ready = [*(await self._put_off(_take(self._asked), fetches)), *_take(self._fetched)]
                    if ready:
                        await self._answer(ready)

    async def _put_off(self, asked: Sequence[tuple[Link, Want]], fetches: asyncio.TaskGroup) -> list[tuple[Link, Want]]:
        """Start to fetch units that stores are due and this hub lacks; return the requests to answer now."""
        try:
            lacking = await self._driver.look(partial(self._lacking, asked)) if asked else []
        except Refused:  # the answers will be refused too
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
        hubs = [peer.name for peer in self._peers.connected if peer.hello and replicates_all(peer.hello)]
        lacking = []
        for link, want in asked:
            pair, units = (want.location, want.item), 0
            if serves_a_store(link.peer) and not self._requests.waits_longer(want, link.peer):
                free = replica.ledger.stock(*pair).free()
                units = units_to_fetch(
                    self._strategy.policy(replica, *pair),
                    wanted=want.quantity,
                    own=free.get(replica.node, 0),
                    elsewhere=sum(max(0, free.get(name, 0)) for name in hubs),
                    available=replica.ledger.stock(*pair).available,
                    held_by_store=free.get(link.peer.node, 0),
                )
            lacking.append(units)
        return lacking

    async def _fetch(self, link: Link, want: Want, units: int) -> None:
        """Try to have `units` here, with grants of other hubs. Then queue the answer to the store."""
        with contextlib.suppress(Refused):  # then the store gets what this hub has
            await self._requests.want(want.location, want.item, units, FETCH_S, want.clock, of_store=True)
        if link.session.phase is Phase.STREAMING:  # a peer that left asks again
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
            Command(want.location, _grant(link, want, answer), f"{GIVEN_KEY}{writer}:{arrival:x}.{index}".encode())
            for index, (link, want, answer) in enumerate(given)
        ]
        # Keys are new each time. If a grant became durable, the arrival number grew, and a node that starts again has
        # fewer units. So a peer that repeats its request gets no unit twice.
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
            if self._requests.waits_longer(want, peer):
                answers.append(WantAnswer(0, OLDER_REQUEST))
                continue
            stock = replica.ledger.stock(*pair)
            own = stock.balance(account(replica.node, FREE)) - promised.get(pair, 0)
            answer = self._strategy.answer(
                self._strategy.policy(replica, *pair),
                wanted=want.quantity,
                own=own,
                available=stock.available,  # a grant moves free units to another node, so they stay available
                held_by_store=stock.balance(account(peer.node, FREE)) if serves_a_store(peer) else None,
            )
            promised[pair] = promised.get(pair, 0) + answer.granted
            answers.append(answer)
        return replica.arrival, answers


def _take(waiting: deque[tuple[Link, Want]]) -> list[tuple[Link, Want]]:
    """Take the requests of one turn."""
    return [waiting.popleft() for _ in range(min(len(waiting), WANTS_PER_TURN))]


def _grant(link: Link, want: Want, answer: WantAnswer) -> Grant:
    return Grant(link.peer.node, (GrantLine(want.item, answer.granted),), "want")
