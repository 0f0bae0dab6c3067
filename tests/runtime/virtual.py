"""Nodes in virtual time, on the loop and the clock of the simulations, and a network of queues.

Nothing here waits in real time: an hour of heartbeats takes a second. A test that waits for ever fails immediately.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from typing import Any, TypeVar

from msgspec.structs import replace

from edge_node.role import store_role
from hub.admission import admit_peer
from hub.role import hub_role
from replica.core.base.names import writer_of
from replica.core.state.batch import Image
from replica.core.state.replica import Replica
from replica.core.sync.events import Admission
from replica.runtime.node import Node, NodeRole
from simulations.clock import SimulatedClock
from simulations.journal import SimulatedDisk, SimulatedJournal
from tests.virtual_time import virtual_loop

T = TypeVar("T")


def run(work: Coroutine[Any, Any, T]) -> T:
    """Run in virtual time from 0 on. Tests that run the same work twice use this; others are marked `virtual_time`."""
    with asyncio.Runner(loop_factory=virtual_loop) as runner:
        return runner.run(work)


def elapsed_s() -> float:
    """How much virtual time has passed."""
    return asyncio.get_running_loop().time()


class FixedEntropy:
    """Entropy that always gives the same values."""

    def random_bytes(self, length: int) -> bytes:
        return bytes(length)

    def fraction(self) -> float:
        return 0.5


class Wire:
    """One end of a connection in memory."""

    def __init__(self, ours: asyncio.Queue[bytes | None], theirs: asyncio.Queue[bytes | None]) -> None:
        self.ours = ours
        self.theirs = theirs

    async def send(self, frame: bytes) -> None:
        self.theirs.put_nowait(frame)

    async def receive(self) -> bytes | None:
        return await self.ours.get()

    async def close(self) -> None:
        for end in (self.ours, self.theirs):
            end.put_nowait(None)


def wires() -> tuple[Wire, Wire]:
    """Both ends of a connection."""
    one: asyncio.Queue[bytes | None] = asyncio.Queue()
    other: asyncio.Queue[bytes | None] = asyncio.Queue()
    return Wire(one, other), Wire(other, one)


class VirtualNetwork:
    """Nodes by address. All are ready and accept every peer. `dialled`: the dialled addresses, with times."""

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

    async def ask(self, url: str, path: str, body: bytes | None = None) -> bytes:
        """Nodes serve no HTTP here, so nobody answers."""
        raise ConnectionRefusedError(f"{url} serves no HTTP")

    async def is_ready(self, url: str) -> bool:
        return url in self.nodes

    def dialled_at(self, url: str) -> list[float]:
        """When a node was dialled."""
        return [when for dialled, when in self.dialled if dialled == url]


def hub(
    name: str,
    network: VirtualNetwork,
    admit: Admission = admit_peer,
    region: str = "east",
    disk: SimulatedDisk | None = None,
) -> Node:
    """A hub that is not started yet. It admits peers with `admit`. With a `disk`, the test has to load the journal."""
    return _node(name, network, replace(hub_role((name,)), admit=admit), region, disk)


def store(name: str, network: VirtualNetwork, disk: SimulatedDisk | None = None, image: Image | None = None) -> Node:
    """A store that is not started yet, and owns the location of its own name. `image`: the content of its disk."""
    return _node(name, network, store_role(name), region="store", disk=disk, image=image)


def _node(
    name: str,
    network: VirtualNetwork,
    role: NodeRole,
    region: str,
    disk: SimulatedDisk | None = None,
    image: Image | None = None,
) -> Node:
    writer = writer_of(name, "0000000a")
    return Node(
        Replica(writer, (name,), image, open_catalog=True, order_policy=role.order_policy),
        SimulatedJournal(disk or SimulatedDisk(), writer),
        role,
        region=region,
        clock=SimulatedClock(elapsed_s),
        entropy=FixedEntropy(),
        network=network,
    )


async def until(check: Callable[[], bool], within_s: float) -> None:
    """Let virtual time pass until `check` is true."""
    deadline_s = elapsed_s() + within_s
    while not check():
        assert elapsed_s() < deadline_s, f"the check was not true within {within_s:g} s of virtual time"
        await asyncio.sleep(0.1)
