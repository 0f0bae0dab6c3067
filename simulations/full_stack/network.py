"""Connections that carry bytes, on the same ways between machines, with the same faults.

Bytes suffer from bad weather as under TCP. Lost, doubled or overtaken bytes are sent again, which costs time. A broken
middlebox corrupts bytes, or truncates and resets the connection. The clients of a machine use its own local network,
which no fault between machines hits.
"""

from __future__ import annotations

import asyncio
import re
from collections import deque
from collections.abc import Callable
from random import Random

from simulations.network import Carried, End, Hangup, Reset, SimulatedNetwork, Way

RETRANSMIT_MS = 200.0
"""The delay by a lost packet."""

LOCAL_MS = (0.02, 0.4)
"""How long bytes take between a machine and its clients."""

SPLIT = 0.03
"""Share of writes that arrive in two pieces."""

_host = re.compile(r"[a-z]([a-z0-9-]*[a-z0-9])?")

CLIENTS_OF = "clients of "
"""The prefix of the names of local networks."""


class ByteEnd(End):
    """One end of a connection that carries bytes. Unread bytes count as under way."""

    def __init__(self, network: SimulatedNetwork, machine: str, way: Way) -> None:
        super().__init__(network, machine, way)
        self.unread: deque[bytes] = deque()
        self.ended: Carried | None = None
        """How the other end closed it."""
        self.on_arrival: Callable[[], None] = _nothing
        self.on_room: Callable[[], None] = _nothing
        self.on_gone: Callable[[], None] = _nothing
        """Called if the process of this end is gone."""

    def take(self, most: int) -> bytes:
        """Take up to `most` bytes that have arrived, as one piece."""
        taken, size = [], 0
        while self.unread and size < most:
            piece = self.unread.popleft()
            if size + len(piece) > most:
                piece, rest = piece[: most - size], piece[most - size :]
                self.unread.appendleft(rest)
            taken.append(piece)
            size += len(piece)
        self.other.under_way -= size
        if isinstance(self.other, ByteEnd):
            self.other.on_room()
        return b"".join(taken)

    def hang_up(self) -> None:
        """Close this end, with a reset if there are unread bytes."""
        if self.is_open:
            self.is_open = False
            self.put(Reset() if self.unread else Hangup())

    def abort(self, notifies: bool) -> None:
        if self.is_open and notifies:
            self.hang_up()  # the kernel closes the sockets of a killed process
        self.is_open = False
        self.on_gone()

    def _take(self, carried: Carried) -> None:
        if not self.is_open:
            super()._take(carried)
        elif isinstance(carried, bytes):
            self.unread.append(carried)
            self.other.under_way += len(carried)
            self.on_arrival()
        elif self.ended is None:
            self.ended = carried
            self.on_arrival()


class ByteNetwork(SimulatedNetwork):
    """The connections of all machines. Each name has an address."""

    def __init__(self, loop: asyncio.AbstractEventLoop, random: Random) -> None:
        super().__init__(loop, random)
        self.bytes_carried = 0
        self._addresses: dict[str, str] = {}

    def make_end(self, way: Way) -> ByteEnd:
        return ByteEnd(self, way[0], way)

    def address_of(self, name: str) -> str:
        """The address of a machine. The first call assigns it."""
        return self._addresses.setdefault(name, f"10.0.0.{len(self._addresses) + 1}")

    def host_of(self, name: str) -> str:
        """A host that a URL can name: the name of a machine, or its address if no host may have such a name."""
        return name if _host.fullmatch(name) else self.address_of(name)

    def name_of(self, address: str) -> str:
        """The machine at an address. Raises KeyError."""
        return {known: name for name, known in self._addresses.items()}[address]

    def stop_listening(self, machine: str) -> None:
        """Refuse connections to this machine from now on."""
        self._listening.pop(machine, None)

    def delay_ms(self, way: Way) -> float:
        if way[0].startswith(CLIENTS_OF) or way[1].startswith(CLIENTS_OF):
            return self._random.uniform(*LOCAL_MS)
        weather = self.weather.get(way)
        lost = 0.0 if weather is None else weather.drop + weather.duplicate + weather.reorder
        return super().delay_ms(way) + (RETRANSMIT_MS if self._random.random() < lost else 0.0)

    def send(self, end: End, frame: bytes) -> None:
        self.bytes_carried += len(frame)
        if len(frame) > 1 and self._random.random() < SPLIT:
            index = self._random.randrange(1, len(frame))
            pieces = [frame[:index], frame[index:]]
        else:
            pieces = [frame]
        for piece in pieces:
            self._carry(end, piece)

    def _carry(self, end: End, piece: bytes) -> None:
        weather, random = self.weather.get(end.way), self._random
        if weather is not None and random.random() < weather.corrupt:
            self._tally("corrupt")
            index = random.randrange(len(piece))
            piece = piece[:index] + bytes([piece[index] ^ 1 << random.randrange(8)]) + piece[index + 1 :]
        if weather is not None and random.random() < weather.truncate:
            self._tally("truncate")
            end.put(piece[: random.randrange(len(piece))])
            end.put(Reset())
            end.other.put(Reset())
            return
        end.put(piece)

    def _tally(self, harm: str) -> None:
        self.harmed[harm] = self.harmed.get(harm, 0) + 1


def _nothing() -> None:
    pass
