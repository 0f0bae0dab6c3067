"""Connections over messages that are lost, doubled or overtaken: the network port under Maelstrom.

The node with the lesser name dials. The number of a connection is greater than all earlier ones, so a late `open` is
recognised. Each side numbers its frames from 1.

    dialler   open --------------------------> acceptor        frame 1, 2, 3 ...   both ways, as soon as either knows
              <------------------------ accept                 close               numbered, after the last frame

A message that comes twice is dropped. An early message waits for the messages before it. If one of these does not come
within GAP_S, it is lost, and the connection with it: the receiver sends `reset`, the session ends, and the dialler
dials again. A node that gets a message of an unknown connection sends `reset` too, so that no half of a connection
lives on. If every message is lost, nothing here notices that; the heartbeats of the session end it.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable
from functools import partial

import structlog

from replica.runtime.ports import Clock
from simulations.maelstrom_node.messages import AcceptMessage, Between, Close, FrameMessage, Open, ResetMessage

log = structlog.get_logger(__name__)

GAP_S = 1.0
"""A message that is overtaken for this time counts as lost: ten times the delay of a slow line."""

WAITING_MAX = 8_192
"""Frames that may wait at one connection. A session has at most 512 KB of frames under way."""

Say = Callable[[str, Between], None]
"""Send a body to the node with this name. It may be lost."""


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
        """Frames by number; None if the other side closed the connection."""
        self._changed = asyncio.Event()

    async def send(self, frame: bytes) -> None:
        if self.is_over:
            raise ConnectionError(f"connection {self.connection} is over")
        self._sent += 1
        self._say(FrameMessage(connection=self.connection, number=self._sent, frame=frame))

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
        """Wait until the other side accepts. Raises ConnectionError if it refuses."""
        await self._until(lambda: self.is_accepted)
        if self.is_over:
            raise ConnectionError(f"connection {self.connection} was refused")

    def take(self, body: AcceptMessage | FrameMessage | Close | ResetMessage) -> None:
        """Take a message of the other side about this connection."""
        self.is_accepted = True  # a frame may overtake `accept`
        match body:
            case ResetMessage():
                self.end()
            case FrameMessage(number=number, frame=frame):
                self._keep(number, frame)
            case Close(number=number):
                self._keep(number, None)
            case AcceptMessage():
                pass
        self._changed.set()

    def revoke(self) -> None:
        """End the connection at once, and send `reset`."""
        if not self.is_over:
            self._say(ResetMessage(connection=self.connection))
            self.end()

    def end(self) -> None:
        """End the connection at once. Waiting frames are dropped."""
        self.is_over = True
        self._changed.set()
        self._ended(self)

    def _keep(self, number: int, frame: bytes | None) -> None:
        if number > self._taken and not self.is_over:
            self._waiting.setdefault(number, frame)
            if len(self._waiting) > WAITING_MAX:
                self.revoke()

    async def _until(self, condition: Callable[[], bool]) -> None:
        """Wait until the condition holds or the connection is over."""
        while not (self.is_over or condition()):
            self._changed.clear()
            await self._changed.wait()


class MessageNetwork:
    """The network port of one node. Peers are node names, with at most one connection to each."""

    def __init__(self, name: str, names: Iterable[str], clock: Clock, say: Say) -> None:
        self.name = name
        self.names = tuple(names)
        """The names of all nodes, including its own."""
        self._clock = clock
        self._say = say
        self._sockets: dict[str, MessageSocket] = {}
        self._newest: dict[str, int] = {}
        """By peer: the greatest number of a connection."""

    @property
    def dialled(self) -> list[str]:
        """The peers that this node dials: those with a name after its own."""
        return sorted(peer for peer in set(self.names) if peer > self.name)

    async def dial(self, url: str) -> MessageSocket:
        # also above the numbers of an earlier process with this name
        number = max(self._newest.get(url, 0) + 1, self._clock.now().wall_ms)
        socket = self._open(url, number)
        self._say(url, Open(connection=number))
        try:
            await socket.accepted()
        except asyncio.CancelledError:
            socket.revoke()  # the other side may have accepted already
            raise
        return socket

    async def ask(self, url: str, path: str, body: bytes | None = None) -> bytes:
        """Nodes serve no HTTP here, so nobody answers."""
        raise ConnectionRefusedError(f"{url} serves no HTTP")

    async def is_ready(self, url: str) -> bool:
        return url in self._sockets

    def take(self, peer: str, body: Between) -> MessageSocket | None:
        """Take a message of a peer. Returns the socket if the peer connected."""
        if isinstance(body, Open):
            return self._accept(peer, body.connection)
        socket = self._sockets.get(peer)
        if socket is not None and socket.connection == body.connection:
            socket.take(body)
        elif not isinstance(body, ResetMessage):  # otherwise two resets would answer each other for ever
            self._say(peer, ResetMessage(connection=body.connection))
        return None

    def _accept(self, peer: str, number: int) -> MessageSocket | None:
        if peer not in self.names or peer >= self.name:
            self._say(peer, ResetMessage(connection=number))
            return None
        if number <= self._newest.get(peer, 0):
            return None  # late or doubled: the dialler has a newer connection
        socket = self._open(peer, number)
        socket.is_accepted = True
        self._say(peer, AcceptMessage(connection=number))
        return socket

    def _open(self, peer: str, number: int) -> MessageSocket:
        standing = self._sockets.get(peer)
        if standing is not None:
            standing.end()  # the dialler has one connection at a time, so this one is dead
        self._newest[peer] = number
        socket = self._sockets[peer] = MessageSocket(number, partial(self._say, peer), partial(self._forget, peer))
        return socket

    def _forget(self, peer: str, socket: MessageSocket) -> None:
        if self._sockets.get(peer) is socket:
            del self._sockets[peer]
