"""A network of machines: connections carry frames in order, unless a fault changes that.

A *way* is one direction between two machines. A cut way loses nothing and notifies no end: frames wait, as TCP
retransmits without success, and continue when the way is mended, unless one end closed the connection. A process that
ends resets its connections. A machine that loses power sends nothing, so its peers notice that only when it is up
again. `Weather` damages single frames. TCP does not do that, but broken middleboxes do, and the session must notice it.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable
from random import Random

from msgspec import Struct

from replica.core.base.errors import PeerFault
from replica.core.base.limits import FRAME_BYTES_MAX
from simulations.loop import NO_HOST

LINE_BYTES = 1 << 20
"""A sender waits while more bytes than this are under way in its direction."""

BYTES_PER_S = 4_000_000
"""The rate of a line: 32 Mbit/s."""

REFUSED_MS = 1
"""How long a machine takes to refuse a connection."""


class Weather(Struct, frozen=True):
    """The delay of a way, and the share of frames that it damages, by kind."""

    delay_ms: tuple[float, float] = (1.0, 20.0)
    drop: float = 0.0
    duplicate: float = 0.0
    reorder: float = 0.0
    truncate: float = 0.0
    corrupt: float = 0.0
    oversize: float = 0.0


FAIR = Weather()

Way = tuple[str, str]
"""From one machine to another, by name."""

Accept = Callable[["End"], None]


class Reset(Struct, frozen=True):
    """Instead of a frame: the connection is gone."""


class Hangup(Struct, frozen=True):
    """Instead of a frame: no more frames will come."""


Carried = bytes | Reset | Hangup


class End:
    """One end of a connection: the socket port."""

    def __init__(self, network: SimulatedNetwork, machine: str, way: Way) -> None:
        self.machine = machine
        self.other: End
        self.is_open = True
        """Whether its process is alive and has not closed it."""
        self.under_way = 0
        """Bytes that were sent here and have not arrived."""
        self.is_forgotten = False
        """Whether a middlebox dropped this connection: nothing arrives, and no end is notified."""
        self.held_back: bytes | None = None
        """A frame that the next one overtakes."""
        self._network = network
        self.way = way
        self._line: deque[tuple[float, Carried]] = deque()
        self._is_moving = False
        self._inbox: deque[bytes] = deque()
        self._ended: Carried | None = None
        self._changed = asyncio.Event()

    async def send(self, frame: bytes) -> None:
        if self.is_open and self._ended is None:
            self._network.send(
                self, frame
            )  # before any wait, so a cancelled sender has sent its frame completely or not at all
        while self.is_open and self._ended is None and self.under_way > LINE_BYTES:
            self._changed.clear()
            await self._changed.wait()
        if not self.is_open or self._ended is not None:
            raise ConnectionError("the connection is gone")

    async def receive(self) -> bytes | None:
        while not self._inbox:
            if not self.is_open or isinstance(self._ended, Hangup):
                return None
            if self._ended is not None:
                raise ConnectionError("reset by peer")
            self._changed.clear()
            await self._changed.wait()
        frame = self._inbox.popleft()
        if len(frame) > FRAME_BYTES_MAX:
            raise PeerFault("oversized", "the message exceeds the limit of the transport")
        return frame

    async def close(self) -> None:
        if self.is_open:
            self.is_open = False
            self._changed.set()
            self.put(Hangup())

    def abort(self, notifies: bool) -> None:
        """The process is gone. `notifies`: whether its machine is still up and resets the connection."""
        if self.is_open:
            self.is_open = False
            if notifies:
                self.put(Reset())

    def put(self, carried: Carried) -> None:
        """Send a frame, a reset or a hangup to the other end."""
        if self.is_forgotten:
            return
        size = len(carried) if isinstance(carried, bytes) else 0
        self.under_way += size
        delay_s = self._network.delay_ms(self.way) / 1000 + size / BYTES_PER_S
        earliest = self._line[-1][0] if self._line else 0.0
        self._line.append((max(earliest, self._network.time() + delay_s), carried))
        self.move()

    def move(self) -> None:
        """Continue with the frames on the line, unless the way is cut."""
        if self._line and not self._is_moving and not self._network.is_cut(self.way):
            self._is_moving = True
            self._network.call_at(self._line[0][0], self._arrive)

    def _arrive(self) -> None:
        self._is_moving = False
        if self._network.is_cut(self.way):
            return
        _, carried = self._line.popleft()
        if isinstance(carried, bytes):
            self.under_way -= len(carried)
            self._changed.set()
        self.other._take(carried)
        self.move()

    def _take(self, carried: Carried) -> None:
        if not self.is_open:
            if isinstance(carried, bytes) and self._network.is_up(self.machine):
                self.put(Reset())  # no process here knows this connection
        elif isinstance(carried, bytes):
            self._inbox.append(carried)
            self._changed.set()
        elif self._ended is None:
            self._ended = carried
            self._changed.set()


class SimulatedNetwork:
    """The connections of all machines, and the faults of the ways between them."""

    def __init__(self, loop: asyncio.AbstractEventLoop, random: Random) -> None:
        self.weather: dict[Way, Weather] = {}
        self.harmed: dict[str, int] = {}
        """The number of damaged frames, by kind."""
        self.on_probe: Callable[[str, bool], None] = lambda machine, is_ready: None
        """Called when a machine has probed its home hub, and with whether that answered."""
        self._loop = loop
        self._random = random
        self._cuts: dict[Way, int] = {}
        self._ends: list[End] = []
        self._listening: dict[str, Accept] = {}
        self._up: dict[str, bool] = {}

    # ways --------------------------------------------------------------------------------------------------------

    def cut(self, way: Way) -> None:
        """Let nothing through a way. Cuts add up."""
        self._cuts[way] = self._cuts.get(way, 0) + 1

    def mend(self, way: Way) -> None:
        """Remove one cut from a way."""
        self._cuts[way] -= 1
        self._move_all()

    def mend_all(self) -> None:
        """Remove all cuts and all bad weather."""
        self._cuts.clear()
        self.weather.clear()
        self._move_all()

    def is_cut(self, way: Way) -> bool:
        """Whether a way lets nothing through."""
        return self._cuts.get(way, 0) > 0

    def delay_ms(self, way: Way) -> float:
        """How long the next frame takes."""
        return self._random.uniform(*self.weather.get(way, FAIR).delay_ms)

    # machines ----------------------------------------------------------------------------------------------------

    def is_up(self, machine: str) -> bool:
        """Whether a machine has power."""
        return self._up.get(machine, False)

    def power(self, machine: str) -> None:
        """The machine has power now."""
        self._up[machine] = True

    def listen(self, machine: str, accept: Accept) -> None:
        """A process listens on this machine."""
        self._listening[machine] = accept

    def drop(self, machine: str, *, has_power: bool) -> None:
        """The process on this machine is gone, and without `has_power` the machine too."""
        self._listening.pop(machine, None)
        self._up[machine] = has_power
        for end in self._ends:
            if end.machine == machine:
                end.abort(has_power)
        self._ends = [end for end in self._ends if end.is_open or end.other.is_open]

    def forget(self, machine: str) -> None:
        """Let nothing more through on the present connections of a machine. New connections work."""
        for end in self._ends:
            if machine in (end.machine, end.other.machine):
                end.is_forgotten = True

    def make_end(self, way: Way) -> End:
        """Make the end of a new connection at the start of this way."""
        return End(self, way[0], way)

    def is_listening(self, machine: str) -> bool:
        """Whether a process answers there."""
        return machine in self._listening

    async def connect(self, source: str, target: str) -> End:
        """Open a connection. Waits while nothing gets through, as with a lost SYN. Raises ConnectionError."""
        await asyncio.sleep(self.delay_ms((source, target)) / 1000)
        while self.is_cut((source, target)) or self.is_cut((target, source)) or not self.is_up(target):  # noqa: ASYNC110
            await asyncio.sleep(1.0)  # a lost SYN is sent again after a second
        accept = self._listening.get(target)
        if accept is None:
            await asyncio.sleep(REFUSED_MS / 1000)
            raise ConnectionRefusedError(f"{target} does not listen")
        near, far = self.make_end((source, target)), self.make_end((target, source))
        near.other, far.other = far, near
        self._ends = [end for end in self._ends if end.is_open or end.other.is_open]
        self._ends += [near, far]
        accept(far)
        return near

    # frames ------------------------------------------------------------------------------------------------------

    def send(self, end: End, frame: bytes) -> None:
        """Put a frame on the line, after damage by the weather."""
        weather = self.weather.get(end.way)
        frames = self._weathered(end, frame, weather) if weather is not None else [frame]
        if frames and end.held_back is not None:
            frames, end.held_back = [*frames, end.held_back], None
        for carried in frames:
            end.put(carried)

    def _weathered(self, end: End, frame: bytes, weather: Weather) -> list[bytes]:
        chance, random = self._random.random(), self._random
        for kind in ("drop", "duplicate", "reorder", "truncate", "corrupt", "oversize"):
            share = getattr(weather, kind)
            if chance >= share:
                chance -= share
                continue
            self.harmed[kind] = self.harmed.get(kind, 0) + 1
            match kind:
                case "drop":
                    return []
                case "duplicate":
                    return [frame, frame]
                case "reorder" if end.held_back is None:
                    end.held_back = frame
                    return []
                case "truncate":
                    return [frame[: random.randrange(len(frame))]]
                case "corrupt":
                    index = random.randrange(len(frame))
                    flipped = frame[index] ^ 1 << random.randrange(8)
                    return [frame[:index] + bytes([flipped]) + frame[index + 1 :]]
                case "oversize":
                    return [bytes(FRAME_BYTES_MAX + 1)]
        return [frame]

    # time --------------------------------------------------------------------------------------------------------

    def time(self) -> float:
        """Seconds since the simulation began."""
        return self._loop.time()

    def call_at(self, when: float, arrive: Callable[[], None]) -> None:
        """Call `arrive` at a time. Packets belong to no machine, so they arrive even if their sender is gone."""
        self._loop.call_at(when, arrive, context=NO_HOST)

    def _move_all(self) -> None:
        for end in self._ends:
            end.move()


class MachineNetwork:
    """The network port of one machine. Addresses are names of machines."""

    def __init__(self, network: SimulatedNetwork, machine: str) -> None:
        self._network = network
        self._machine = machine

    async def dial(self, url: str) -> End:
        return await self._network.connect(self._machine, url)

    async def ask(self, url: str, path: str, body: bytes | None = None) -> bytes:
        """Nodes serve no HTTP here, so nobody answers."""
        raise ConnectionRefusedError(f"{url} serves no HTTP")

    async def is_ready(self, url: str) -> bool:
        """A probe there and back, like an HTTP request with a timeout of one second."""
        network, there, back = self._network, (self._machine, url), (url, self._machine)
        await asyncio.sleep((network.delay_ms(there) + network.delay_ms(back)) / 1000)
        is_ready = network.is_listening(url) and not (network.is_cut(there) or network.is_cut(back))
        network.on_probe(self._machine, is_ready)
        return is_ready
