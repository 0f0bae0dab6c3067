"""Nodes in virtual time: an event loop that jumps to whatever is due next, and a network of queues.

Nothing here waits: an hour of heartbeats takes a second. When nothing is due and nobody can wake anybody, it says so.
"""

from __future__ import annotations

import asyncio
import selectors
from collections.abc import Callable, Coroutine
from functools import partial
from typing import Any, TypeVar

from edge_node.admission import admit_hub
from hub.admission import admit_peer
from replica.core.clock import Moment
from replica.core.names import writer_of
from replica.core.replica import Replica
from replica.core.session import Admission, Scopes
from replica.runtime.node import Node, store_scopes
from simulations.journal import SimulatedDisk, SimulatedJournal

NOW_MS = 1_750_000_000_000

T = TypeVar("T")


class VirtualLoop(asyncio.SelectorEventLoop):
    """An event loop whose time passes only by waiting, and at once."""

    def __init__(self) -> None:
        self.now_s = 0.0
        super().__init__(_Leap(self))

    def time(self) -> float:
        return self.now_s


class _Leap(selectors.DefaultSelector):
    """Instead of waiting for sockets, of which there are none, moves time to the next timer."""

    def __init__(self, loop: VirtualLoop) -> None:
        super().__init__()
        self._loop = loop

    def select(self, timeout: float | None = None) -> list[tuple[selectors.SelectorKey, int]]:
        assert timeout is not None, "nothing will ever happen again"
        self._loop.now_s += max(0.0, timeout)
        return super().select(0)


def run(work: Coroutine[Any, Any, T]) -> T:
    """Run in virtual time from 0 on."""
    with asyncio.Runner(loop_factory=VirtualLoop) as runner:
        return runner.run(work)


def elapsed_s() -> float:
    """How much virtual time has passed."""
    return asyncio.get_running_loop().time()


class VirtualClock:
    def now(self) -> Moment:
        elapsed_ms = int(elapsed_s() * 1000)
        return Moment(NOW_MS + elapsed_ms, elapsed_ms)


class NoChance:
    """Entropy that is none."""

    def random_bytes(self, length: int) -> bytes:
        return bytes(length)

    def fraction(self) -> float:
        return 0.5


class Wire:
    """One end of a connection in memory."""

    def __init__(self, ours: asyncio.Queue[bytes | None], theirs: asyncio.Queue[bytes | None]) -> None:
        self._ours = ours
        self._theirs = theirs

    async def send(self, frame: bytes) -> None:
        self._theirs.put_nowait(frame)

    async def receive(self) -> bytes | None:
        return await self._ours.get()

    async def close(self) -> None:
        for end in (self._ours, self._theirs):
            end.put_nowait(None)


def wires() -> tuple[Wire, Wire]:
    """Both ends of a connection."""
    one: asyncio.Queue[bytes | None] = asyncio.Queue()
    other: asyncio.Queue[bytes | None] = asyncio.Queue()
    return Wire(one, other), Wire(other, one)


class VirtualNetwork:
    """Nodes by address. All are ready, and take in whoever dials; `dialled` says who was, and when."""

    def __init__(self) -> None:
        self.nodes: dict[str, Node] = {}
        self.dialled: list[tuple[str, float]] = []
        self._conversations: list[asyncio.Task[str]] = []

    async def dial(self, url: str) -> Wire:
        self.dialled.append((url, elapsed_s()))
        if url not in self.nodes:
            raise ConnectionRefusedError(url)
        ours, theirs = wires()
        self._conversations.append(asyncio.create_task(self.nodes[url].peers.converse(theirs, is_dialled=False)))
        return ours

    async def is_ready(self, url: str) -> bool:
        return url in self.nodes

    def dialled_at(self, url: str) -> list[float]:
        """When a node was dialled."""
        return [when for dialled, when in self.dialled if dialled == url]


def hub(name: str, network: VirtualNetwork, admit: Admission = admit_peer) -> Node:
    """A hub that is not started yet, and admits whom it is told to."""
    return _node(name, network, "hub", None, admit)


def store(name: str, network: VirtualNetwork) -> Node:
    """A store that is not started yet, and keeps the location of its own name."""
    scopes = store_scopes(name)
    return _node(name, network, "edge", scopes, partial(admit_hub, scopes=scopes))


def _node(name: str, network: VirtualNetwork, role: str, scopes: Scopes, admit: Admission) -> Node:
    writer = writer_of(name, "0000000a")
    return Node(
        Replica(writer, (name,), open_catalog=True),
        SimulatedJournal(SimulatedDisk(), writer),
        role=role,
        region="east",
        scopes=scopes,
        admit=admit,
        clock=VirtualClock(),
        entropy=NoChance(),
        network=network,
    )


async def until(check: Callable[[], bool], within_s: float) -> None:
    """Let virtual time pass until something holds."""
    deadline_s = elapsed_s() + within_s
    while not check():
        assert elapsed_s() < deadline_s, f"not within {within_s:g} s of virtual time"
        await asyncio.sleep(0.1)
