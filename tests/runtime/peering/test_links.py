"""Links over queues, in virtual time: the last frames arrive complete and in order."""

from __future__ import annotations

import asyncio

import pytest
from structlog.testing import capture_logs

from replica.core.base.limits import FRAME_ENTRIES_MAX
from replica.core.state.commands import Command
from replica.core.stock.requests import GoodsLine, GoodsReceipt
from replica.core.sync.wire import Ack, AnyFrame, Beat, Bye, Entries, Have, Hello, pack_frame, unpack_frame
from replica.runtime.node import Node
from simulations.clock import EPOCH_MS
from simulations.journal import SimulatedDisk
from tests.runtime.virtual import VirtualNetwork, Wire, hub, until, wires

pytestmark = pytest.mark.virtual_time

HELLO = Hello(
    versions=(1, 1),
    node="hub-west",
    writer="hub-west#0000000a",
    nonce=b"n",
    role="hub",
    region="west",
    scopes=None,
    clock_ms=EPOCH_MS,
    software="test",
)


class CrowdedWire(Wire):
    """A connection that is full from the first entries on, except for as many frames as `room` allows."""

    def __init__(self, wire: Wire, room: asyncio.Semaphore) -> None:
        super().__init__(wire.ours, wire.theirs)
        self._room = room
        self.is_crowded = False

    async def send(self, frame: bytes) -> None:
        await super().send(frame)
        self.is_crowded = self.is_crowded or len(frame) > 1_000
        if self.is_crowded:
            await self._room.acquire()


async def deliver(node: Node, number: int) -> None:
    """Record `number` goods receipts."""
    line = GoodsLine(1, item="cola")
    await node.driver.submit_all(
        [Command(node.replica.node, GoodsReceipt((line,)), b"r%d" % one) for one in range(number)]
    )


async def test_bye_on_a_full_line_follows_the_frames_that_waited_before_it() -> None:
    east = hub("hub-east", VirtualNetwork())
    east.start([], 0.0)
    await deliver(east, 3 * FRAME_ENTRIES_MAX)
    theirs, ours = wires()
    room = asyncio.Semaphore(0)
    talking = asyncio.create_task(east.peers.converse(CrowdedWire(theirs, room), is_dialled=False))
    await ours.send(pack_frame(HELLO, 0))
    await ours.send(pack_frame(Have({}), 1))
    await asyncio.sleep(0.5)
    room.release()  # now the link takes all waiting frames, and is stuck with the first of them
    await asyncio.sleep(0.5)
    await ours.send(pack_frame(Ack(99), 2))
    await asyncio.sleep(0.5)
    for _ in range(9):
        room.release()
    assert await talking == "out-of-sequence"
    await east.stop()
    said: list[AnyFrame] = []
    while (packed := await ours.receive()) is not None:
        said.append(unpack_frame(packed, len(said)))
    assert sum(isinstance(frame, Entries) for frame in said) == 3
    assert isinstance(said[-1], Bye)
    assert said[-1].reason == "out-of-sequence"


async def test_entry_that_becomes_durable_while_the_link_reads_is_sent() -> None:
    network, disk = VirtualNetwork(), SimulatedDisk()
    east, west = hub("hub-east", network, disk=disk), hub("hub-west", network, region="west")
    network.nodes = {"hub-west": west}
    west.start([], 0.0)
    east.start([["hub-west"]], 0.0)
    await until(lambda: bool(east.peers.connected), 5)
    disk.write_s, disk.read_s = lambda: 1.0, lambda: 1.5
    first = asyncio.create_task(deliver(east, 1))
    await asyncio.sleep(2.0)  # the first is durable, and the link reads it
    second = east.driver.submit(Command("hub-east", GoodsReceipt((GoodsLine(2, item="cola"),)), b"second"))
    await asyncio.gather(first, second)
    await until(lambda: west.replica.ledger.stock("hub-east", "cola").available == 3, 10)


async def test_frame_that_crosses_our_bye_is_not_a_fault_of_the_peer() -> None:
    east = hub("hub-east", VirtualNetwork())
    with capture_logs() as logs:
        east.start([], 0.0)
        theirs, ours = wires()
        talking = asyncio.create_task(east.peers.converse(theirs, is_dialled=False))
        await ours.send(pack_frame(HELLO, 0))
        await asyncio.sleep(0.5)
        await ours.send(pack_frame(Beat(EPOCH_MS), 1))
        east.peers.close()  # before the link reads the heartbeat
        assert await talking == "stopping"
        await east.stop()
    assert [log for log in logs if log["event"] == "peer fault"] == []
