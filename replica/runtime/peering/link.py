"""A link: one sync session over one socket, and the tasks that keep it going.

    receiver   socket -> session -> driver        acker    commits -> acknowledgements
    pump       journal -> session                 ticker   time -> session
    sender     session -> socket, the only one that sends, so frames keep their order

When one of them ends, all end. A fault of the peer ends only this link, and the node counts it by reason.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable

import structlog

from replica.core.base.errors import PeerFault, Refused
from replica.core.base.limits import FRAME_ENTRIES_MAX, HEARTBEAT_MS
from replica.core.log.entry import Entry
from replica.core.sync.events import (
    Acknowledged,
    Admission,
    Answered,
    Arrived,
    Asked,
    Diverged,
    Ended,
    Event,
    Greeted,
    RightsWanted,
)
from replica.core.sync.session import Phase, Session, plain_vectors
from replica.core.sync.wire import Hello
from replica.runtime.driver import Driver, Ingress
from replica.runtime.ports import Clock, Journal, Socket

log = structlog.get_logger(__name__)

PAGE = 1_024
"""Entries read from the journal at once: four frames."""

MERGES_WAITING_MAX = 8
"""Frames of one peer between their arrival and their commit."""

TICK_MIN_S, TICK_MAX_S = 0.01, HEARTBEAT_MS / 1000
"""Shortest and longest pause between two looks at the time. Without the minimum, the ticker would spin if the clock
reads slightly less than the ticker slept. Without the maximum, the first heartbeat after a greeting could be late."""

LAST_FRAMES_S = 1.0
"""How long the last frames may take to leave."""


class Link:
    """One session with one peer, from hello to bye."""

    def __init__(
        self,
        socket: Socket,
        hello: Hello,
        admit: Admission,
        driver: Driver,
        journal: Journal,
        clock: Clock,
        *,
        is_dialled: bool,
        greeted: Callable[[Link], None],
        diverged: Callable[[Link, Diverged], None],
        heard: Callable[[Link, Asked | Acknowledged | RightsWanted | Answered], None],
    ) -> None:
        self.session = Session(hello, driver.replica, admit, clock.now())
        self.is_dialled = is_dialled
        self.reason = ""
        """Why the link ended: a reason of this node or of the peer, or `hung-up`."""
        self._socket = socket
        self._driver = driver
        self._journal = journal
        self._clock = clock
        self._greeted = greeted
        self._diverged = diverged
        self._heard = heard
        self._leaving: deque[bytes] = deque()
        """Frames taken from the session and not yet given to the socket."""
        self._frames = asyncio.Event()
        self._room = asyncio.Event()
        self._asked = asyncio.Event()
        self._ingress = Ingress()
        self._merges: asyncio.Queue[tuple[int, asyncio.Future[int]]] = asyncio.Queue(MERGES_WAITING_MAX)

    @property
    def peer(self) -> Hello:
        """The peer's hello. There is none before the greeting."""
        assert self.session.peer is not None
        return self.session.peer

    async def run(self) -> str:
        """Run until either side ends the link; return the reason."""
        works = (self._send(), self._receive(), self._acknowledge(), self._pump(), self._tick())
        tasks = [asyncio.create_task(work) for work in works]
        try:
            await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
            for task in tasks:
                if task.done():
                    task.result()
            self.reason = self.reason or "hung-up"
        except PeerFault as fault:
            self.reason = self.reason or fault.reason
            log.warning("peer fault", peer=self._peer_name, reason=fault.reason, detail=fault.detail)
            self.session.close(fault.reason, fault.detail)
        except Refused as refused:
            self.reason = self.reason or refused.kind
            self.session.close(refused.kind, refused.detail)
        except (ConnectionError, TimeoutError):
            self.reason = self.reason or "hung-up"
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
            await self._send_last_frames()
        return self.reason

    def close(self, reason: str, detail: str = "") -> None:
        """End the link from this side."""
        self.reason = self.reason or reason
        self.session.close(reason, detail)
        self._frames.set()

    def want(self, location: str, item: str, quantity: int, clock: int) -> int:
        """Ask the peer for rights; return the number of the request, which the answer repeats."""
        number = self.session.want(location, item, quantity, clock)
        self._frames.set()
        return number

    def give(self, number: int, granted: int, reason: str = "") -> None:
        """Answer a request of the peer for rights."""
        self.session.give(number, granted, reason)
        self._frames.set()

    @property
    def merges_waiting(self) -> int:
        """Frames between their arrival and their commit."""
        return self._merges.qsize()

    @property
    def _peer_name(self) -> str:
        return self.session.peer.node if self.session.peer is not None else "?"

    async def _send_last_frames(self) -> None:
        try:
            async with asyncio.timeout(LAST_FRAMES_S):
                await self._flush()
                await self._socket.close()
        except (ConnectionError, TimeoutError):
            pass  # the peer is gone already

    async def _send(self) -> None:
        while True:
            await self._flush()
            if self.session.phase is Phase.CLOSED:
                return
            await self._frames.wait()
            self._frames.clear()

    async def _flush(self) -> None:
        """Send the waiting frames. After a cancellation `_send_last_frames` sends the rest, so no frame is missing."""
        self._leaving.extend(self.session.take_frames())
        while self._leaving:
            await self._socket.send(self._leaving.popleft())

    async def _receive(self) -> None:
        while not self._is_closed():
            packed = await self._socket.receive()
            if packed is None or self._is_closed():
                return  # a frame that crosses our bye is not a fault of the peer
            for event in self.session.receive(packed, self._clock.now()):
                await self._handle(event)
            if self.session.has_frames:
                self._frames.set()

    def _is_closed(self) -> bool:
        return self.session.phase is Phase.CLOSED

    async def _handle(self, event: Event) -> None:
        match event:
            case Greeted():
                self._greeted(self)
                scopes = self.session.accepted
                self.session.claim(await self._driver.look(lambda replica: plain_vectors(replica, scopes)))
            case Asked():
                self._asked.set()
                self._heard(self, event)
            case RightsWanted() | Answered():
                self._heard(self, event)
            case Arrived(number, runs):
                await self._merges.put((number, await self._driver.take_in(runs, self._ingress)))
            case Acknowledged():
                self._room.set()
                self._heard(self, event)
            case Diverged():
                self._diverged(self, event)
            case Ended(reason, detail):
                self.reason = self.reason or reason
                log.info("peer said bye", peer=self._peer_name, reason=reason, detail=detail)

    async def _acknowledge(self) -> None:
        """Acknowledge frames in order of arrival, each after its commit."""
        while True:
            number, merged = await self._merges.get()
            await merged
            self.session.merged(number)
            self._frames.set()

    async def _pump(self) -> None:
        """Send the entries that the peer lacks, then new ones as they become durable, until the link ends."""
        await self._asked.wait()
        session, scopes = self.session, self.session.offered
        vectors = await self._driver.look(lambda replica: plain_vectors(replica, scopes))
        is_first = True
        while True:
            arrival = self._driver.arrival
            lacking = session.lacking()
            stored = await self._journal.missing(lacking, arrival, PAGE) if lacking else []
            if session.phase is Phase.CLOSED:
                return  # no frame may follow bye
            if stored:
                await self._offer([(one.entry, one.previous) for one in stored])
                continue
            session.cover(vectors if is_first else None)
            is_first = False
            self._frames.set()
            await self._driver.moved_past(arrival, scopes)

    async def _offer(self, entries: list[tuple[Entry, bytes]]) -> None:
        """Send entries frame by frame, as the window allows. Other tasks run in between."""
        while entries:
            while not self.session.has_room:
                self._room.clear()
                await self._room.wait()
            sent = self.session.send(entries[:FRAME_ENTRIES_MAX])
            entries = entries[sent:]
            self._frames.set()
            await asyncio.sleep(0)

    async def _tick(self) -> None:
        session = self.session
        while True:
            idle_s = (session.due_ms - self._clock.now().elapsed_ms) / 1000
            await asyncio.sleep(min(max(idle_s, TICK_MIN_S), TICK_MAX_S))
            session.tick(self._clock.now())
            if session.has_frames:
                self._frames.set()
