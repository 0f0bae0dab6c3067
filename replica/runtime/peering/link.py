"""A link: one sync session over one socket, and the tasks that keep it going.

    receiver   socket -> session -> driver        acker    commits -> acknowledgements
    pump       journal -> session                 ticker   time -> session
    sender     session -> socket, the only one that sends, so frames keep their order

When any of them ends, all end. A fault of the peer ends the link, is counted by reason, and harms nothing else.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable

import structlog

from replica.core.base.errors import PeerFault, Refused
from replica.core.base.limits import FRAME_ENTRIES_MAX, HEARTBEAT_MS
from replica.core.log.entry import Entry
from replica.core.sync.session import (
    Acknowledged,
    Admission,
    Answered,
    Arrived,
    Asked,
    Diverged,
    Ended,
    Event,
    Greeted,
    Phase,
    RightsWanted,
    Session,
    plain_vectors,
)
from replica.core.sync.wire import Hello
from replica.runtime.driver import Driver, Ingress
from replica.runtime.ports import Clock, Journal, Socket

log = structlog.get_logger(__name__)

PAGE = 1_024
"""Entries read from the journal at once: four frames."""

MERGES_WAITING_MAX = 8
"""Frames of one peer between their arrival and their commit."""

TICK_MIN_S, TICK_MAX_S = 0.01, HEARTBEAT_MS / 1000
"""Between two looks at the time: a clock that reads a hair less than was slept must not make it spin, and a session
that has just been greeted must not be late with its first heartbeat."""

FAREWELL_S = 1.0
"""How long a last frame may take to leave."""


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
        """Why it ended: our own fault reason, the peer's, or `hung-up`."""
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
        """Who is on the other side, once greeted."""
        assert self.session.peer is not None
        return self.session.peer

    async def run(self) -> str:
        """Run until either side ends it; return the reason."""
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
            await self._say_last_words()
        return self.reason

    def close(self, reason: str, detail: str = "") -> None:
        """End the link from our side."""
        self.reason = self.reason or reason
        self.session.close(reason, detail)
        self._frames.set()

    def want(self, location: str, item: str, quantity: int, clock: int) -> int:
        """Ask the peer for rights; return the number its answer will name."""
        number = self.session.want(location, item, quantity, clock)
        self._frames.set()
        return number

    def give(self, number: int, granted: int, reason: str = "") -> None:
        """Answer a want of the peer."""
        self.session.give(number, granted, reason)
        self._frames.set()

    @property
    def merges_waiting(self) -> int:
        """Frames between their arrival and their commit."""
        return self._merges.qsize()

    @property
    def _peer_name(self) -> str:
        return self.session.peer.node if self.session.peer is not None else "?"

    async def _say_last_words(self) -> None:
        try:
            async with asyncio.timeout(FAREWELL_S):
                await self._flush()
                await self._socket.close()
        except (ConnectionError, TimeoutError):
            pass  # nobody listens any more, which is what a farewell may find

    async def _send(self) -> None:
        while True:
            await self._flush()
            if self.session.phase is Phase.CLOSED:
                return
            await self._frames.wait()
            self._frames.clear()

    async def _flush(self) -> None:
        """Send what waits. Frames that a cancellation leaves behind go with the last words: a gap would spoil those."""
        self._leaving.extend(self.session.take_frames())
        while self._leaving:
            await self._socket.send(self._leaving.popleft())

    async def _receive(self) -> None:
        while not self._is_closed():
            packed = await self._socket.receive()
            if packed is None or self._is_closed():
                return  # what crosses our bye is nobody's fault
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
        """Acknowledge frames in the order they came, each once its commit is through."""
        while True:
            number, merged = await self._merges.get()
            await merged
            self.session.merged(number)
            self._frames.set()

    async def _pump(self) -> None:
        """Send what the peer lacks, then what becomes durable, for as long as the link lasts."""
        await self._asked.wait()
        session, scopes = self.session, self.session.offered
        vectors = await self._driver.look(lambda replica: plain_vectors(replica, scopes))
        is_first = True
        while True:
            arrival = self._driver.arrival
            lacking = session.lacking()
            stored = await self._journal.missing(lacking, arrival, PAGE) if lacking else []
            if session.phase is Phase.CLOSED:
                return  # bye is said, and it is the last word
            if stored:
                await self._offer([(one.entry, one.previous) for one in stored])
                continue
            session.cover(vectors if is_first else None)
            is_first = False
            self._frames.set()
            await self._driver.moved_past(arrival, scopes)

    async def _offer(self, entries: list[tuple[Entry, bytes]]) -> None:
        """Send entries a frame at a time, as the window allows; others have their turn in between."""
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
