"""Connections over messages that get lost, overtake each other, or come twice: the network port under Maelstrom.

The lesser name of a pair dials. A connection has a number that is greater than that of any before it, so a late `open`
is told from a new one; each side numbers its frames from 1.

    dialler   open --------------------------> acceptor        frame 1, 2, 3 ...   both ways, as soon as either knows
              <------------------------ accept                 close               numbered, after the last frame

What comes twice is dropped; what comes early waits for what was sent before it. When that does not come within GAP_S
it is lost, and so is the connection: whoever notices says `reset`, the session on it ends, and the dialler dials again.
Whoever gets a message of a connection it does not know says `reset` too, so that no half of one lives on alone. When
every message is lost nothing is noticed here: then the session's own heartbeats end it.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable
from functools import partial

import structlog

from replica.runtime.ports import Clock
from simulations.maelstrom_node.messages import Accept, Between, Close, Frame, Open, Reset

log = structlog.get_logger(__name__)

GAP_S = 1.0
"""How long a message may be overtaken by later ones before it counts as lost: ten times a slow line's delay."""

WAITING_MAX = 8_192
"""Frames that may wait at one connection; a session has at most 512 KB of them on their way."""

Say = Callable[[str, Between], None]
"""Send a body to the node of this name; it may never arrive."""


class MessageSocket:
    """The socket port on one numbered connection."""

    def __init__(self, connection: int, say: Callable[[Between], None], ended: Callable[[MessageSocket], None]) -> None:
        self.connection = connection
        self.is_accepted = False
        self.is_over = False
        self._say = say
        self._ended = ended
        self._sent = 0
        self._taken = 0
        self._waiting: dict[int, bytes | None] = {}
        """Frames by number; None where the other side hung up."""
        self._changed = asyncio.Event()

    async def send(self, frame: bytes) -> None:
        if self.is_over:
            raise ConnectionError(f"connection {self.connection} is over")
        self._sent += 1
        self._say(Frame(connection=self.connection, number=self._sent, frame=frame))

    async def receive(self) -> bytes | None:
        await self._until(lambda: bool(self._waiting))
        try:
            async with asyncio.timeout(GAP_S):
                await self._until(lambda: self._taken + 1 in self._waiting)
        except TimeoutError:
            log.info("message lost", connection=self.connection, number=self._taken + 1)
            self.revoke()
        if self.is_over:
            return None
        self._taken += 1
        frame = self._waiting.pop(self._taken)
        if frame is None:
            self.end()
        return frame

    async def close(self) -> None:
        if not self.is_over:
            self._say(Close(connection=self.connection, number=self._sent + 1))
            self.end()

    async def accepted(self) -> None:
        """Wait until the other side answered. Raises ConnectionError when it does not want to."""
        await self._until(lambda: self.is_accepted)
        if self.is_over:
            raise ConnectionError(f"connection {self.connection} was turned down")

    def take(self, body: Accept | Frame | Close | Reset) -> None:
        """Take in what the other side says about this connection."""
        self.is_accepted = True  # a frame may overtake the acceptance
        match body:
            case Reset():
                self.end()
            case Frame(number=number, frame=frame):
                self._keep(number, frame)
            case Close(number=number):
                self._keep(number, None)
            case Accept():
                pass
        self._changed.set()

    def revoke(self) -> None:
        """End the connection at once, and tell the other side."""
        if not self.is_over:
            self._say(Reset(connection=self.connection))
            self.end()

    def end(self) -> None:
        """End the connection at once; nothing that waits is received any more."""
        self.is_over = True
        self._changed.set()
        self._ended(self)

    def _keep(self, number: int, frame: bytes | None) -> None:
        if number > self._taken and not self.is_over:
            self._waiting.setdefault(number, frame)
            if len(self._waiting) > WAITING_MAX:
                self.revoke()

    async def _until(self, condition: Callable[[], bool]) -> None:
        """Wait until the condition holds, or the connection is over."""
        while not (self.is_over or condition()):
            self._changed.clear()
            await self._changed.wait()


class MessageNetwork:
    """The network port of one node: peers are node names, at most one connection with each."""

    def __init__(self, name: str, names: Iterable[str], clock: Clock, say: Say) -> None:
        self.name = name
        self.names = tuple(names)
        """Every node's name, its own among them."""
        self._clock = clock
        self._say = say
        self._sockets: dict[str, MessageSocket] = {}
        self._newest: dict[str, int] = {}
        """The greatest number of a connection with each peer."""

    @property
    def dialled(self) -> list[str]:
        """Peers that this node dials: those whose names come after its own."""
        return sorted(peer for peer in set(self.names) if peer > self.name)

    async def dial(self, url: str) -> MessageSocket:
        # above the numbers of a process of this name before this one, too
        number = max(self._newest.get(url, 0) + 1, self._clock.now().wall_ms)
        socket = self._open(url, number)
        self._say(url, Open(connection=number))
        try:
            await socket.accepted()
        except asyncio.CancelledError:
            socket.revoke()  # the other side may have accepted what nobody waits for any more
            raise
        return socket

    async def is_ready(self, url: str) -> bool:
        return url in self._sockets

    def take(self, peer: str, body: Between) -> MessageSocket | None:
        """Take in what a peer says; return the socket when it connected."""
        if isinstance(body, Open):
            return self._accept(peer, body.connection)
        socket = self._sockets.get(peer)
        if socket is not None and socket.connection == body.connection:
            socket.take(body)
        elif not isinstance(body, Reset):  # or two resets would answer each other for ever
            self._say(peer, Reset(connection=body.connection))
        return None

    def _accept(self, peer: str, number: int) -> MessageSocket | None:
        if peer not in self.names or peer >= self.name:
            self._say(peer, Reset(connection=number))
            return None
        if number <= self._newest.get(peer, 0):
            return None  # late or twice: the dialler has gone on from it
        socket = self._open(peer, number)
        socket.is_accepted = True
        self._say(peer, Accept(connection=number))
        return socket

    def _open(self, peer: str, number: int) -> MessageSocket:
        standing = self._sockets.get(peer)
        if standing is not None:
            standing.end()  # the dialler has one connection at a time, so that one is dead
        self._newest[peer] = number
        socket = self._sockets[peer] = MessageSocket(number, partial(self._say, peer), partial(self._forget, peer))
        return socket

    def _forget(self, peer: str, socket: MessageSocket) -> None:
        if self._sockets.get(peer) is socket:
            del self._sockets[peer]
