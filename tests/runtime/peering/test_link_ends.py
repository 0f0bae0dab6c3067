"""How links end and what they say before, spoken to frame by frame. Real nodes over queues, in virtual time."""

from __future__ import annotations

import asyncio
import gc
from collections.abc import AsyncIterator
from typing import Any

import pytest
from msgspec.structs import replace
from structlog.testing import capture_logs

from replica.core.log.entry import Entry
from replica.core.state.commands import Command
from replica.core.stock.requests import GoodsLine, GoodsReceipt
from replica.core.sync.events import Answered, RightsWanted
from replica.core.sync.wire import (
    Ack,
    AnyFrame,
    Beat,
    Bye,
    Covered,
    Digests,
    Entries,
    Given,
    Have,
    Hello,
    Want,
    pack_frame,
    unpack_frame,
)
from replica.runtime.node import Node
from replica.runtime.peering import peers
from replica.runtime.peering.link import Link
from replica.version import VERSION
from simulations.clock import EPOCH_MS
from simulations.journal import SimulatedDisk
from tests.runtime.peering.test_links import HELLO
from tests.runtime.virtual import VirtualNetwork, Wire, hub, until, wires

pytestmark = pytest.mark.virtual_time

STORE = replace(HELLO, node="store-1", writer="store-1#0000000a", role="edge", scopes=("store-1", "*"))


class Speaker:
    """The other end of a link: it says frames, and notes those that it hears."""

    def __init__(self, node: Node, wire: Wire | None = None) -> None:
        theirs, self.wire = wires()
        self.theirs = wire or theirs
        self.talking = asyncio.create_task(node.peers.converse(self.theirs, is_dialled=False))
        self.said = 0
        self.heard: list[AnyFrame] = []

    async def say(self, *frames: AnyFrame) -> None:
        for frame in frames:
            await self.wire.send(pack_frame(frame, self.said))
            self.said += 1
        await asyncio.sleep(0.1)
        self.listen()

    def listen(self) -> None:
        while not self.wire.ours.empty():
            if (packed := self.wire.ours.get_nowait()) is not None:
                self.heard.append(unpack_frame(packed, len(self.heard)))

    def all(self, kind: type[Any]) -> list[Any]:
        """The frames of one kind that it heard."""
        self.listen()
        return [frame for frame in self.heard if isinstance(frame, kind)]


@pytest.fixture
async def east() -> AsyncIterator[Node]:
    """A hub that runs."""
    node = hub("hub-east", VirtualNetwork())
    node.start([], 0.0)
    yield node
    await node.stop()


async def deliver(node: Node, location: str, key: str, units: int = 1) -> Entry:
    line = GoodsLine(units, item="cola")
    return await node.driver.submit(Command(location, GoodsReceipt((line,)), key.encode()))


async def test_hello_says_who_the_node_is(east: Node) -> None:
    speaker = Speaker(east)
    await speaker.say(HELLO)
    (hello,) = speaker.all(Hello)
    assert hello == Hello(
        versions=(peers.PROTOCOL_MIN, peers.PROTOCOL_MAX),
        node="hub-east",
        writer=east.replica.writer,
        nonce=bytes(16),
        role="hub",
        region="east",
        scopes=None,
        clock_ms=EPOCH_MS,
        software=VERSION,
    )


async def test_peer_that_hangs_up_ends_the_link_as_hung_up(east: Node) -> None:
    speaker = Speaker(east)
    await speaker.say(HELLO)
    assert east.peers.live == 1
    await speaker.wire.close()
    assert await speaker.talking == "hung-up"
    assert (east.peers.live, east.peers.ended) == (0, {"hung-up": 1})
    peer = east.peers.known["hub-west"]
    assert (peer.reason, peer.link, peer.entries_behind()) == ("hung-up", None, 0)


async def test_peer_that_says_bye_ends_the_link_with_its_reason(east: Node) -> None:
    for reason, counted in (("storage-full", "storage-full"), ("storage-full", "storage-full"), ("made-up", "other")):
        speaker = Speaker(east)
        await speaker.say(HELLO, Bye(reason, "as a test"))
        assert await speaker.talking == reason
        assert east.peers.known["hub-west"].reason == reason
        assert counted in east.peers.ended
    assert east.peers.ended == {"storage-full": 2, "other": 1}


async def test_node_that_stops_says_so_without_details(east: Node) -> None:
    speaker = Speaker(east)
    await speaker.say(HELLO, Have({}))
    east.peers.close()
    assert await speaker.talking == "stopping"
    assert speaker.all(Bye) == [Bye("stopping", "")]


async def test_bye_says_which_rule_the_peer_broke(east: Node) -> None:
    speaker = Speaker(east)
    await speaker.say(HELLO, Have({}), Ack(99))
    assert await speaker.talking == "out-of-sequence"
    (bye,) = speaker.all(Bye)
    assert (bye.reason, bool(bye.detail)) == ("out-of-sequence", True)


async def test_bye_of_a_full_disk_says_so() -> None:
    network = VirtualNetwork()
    full = network.nodes["hub-west"] = hub("hub-west", network, region="west", disk=SimulatedDisk(room_bytes=0))
    east = hub("hub-east", network)
    with capture_logs() as logs:
        full.start([], 0.0)
        east.start([["hub-west"]], 0.0)
        await deliver(east, "hub-east", "first")
        await until(lambda: bool(east.peers.ended), 30)
        for node in (east, full):
            await node.stop()
    assert "storage-full" in east.peers.ended
    byes = [log for log in logs if log["event"] == "peer said bye" and log["reason"] == "storage-full"]
    assert all("disk" in log["detail"] for log in byes) and byes


async def test_digest_that_differs_is_noted_once_with_both_values(east: Node) -> None:
    await deliver(east, "hub-east", "first")
    speaker = Speaker(east)
    await speaker.say(HELLO, Have({}))
    (entries,) = speaker.all(Entries)
    await speaker.say(Ack(entries.number))
    while not speaker.all(Digests):
        await asyncio.sleep(1)
        await speaker.say(Beat(EPOCH_MS))
    (said,) = speaker.all(Digests)
    ((scope, (vector, state)),) = said.digests.items()
    for _ in range(2):
        await speaker.say(Digests({scope: (vector, "another")}))
    assert east.peers.divergences == [{"peer": "hub-west", "scope": scope, "ours": state, "theirs": "another"}]


async def test_last_time_of_a_peer_is_when_its_link_ended(east: Node) -> None:
    speaker = Speaker(east)
    await speaker.say(HELLO)
    assert east.peers.known["hub-west"].reason == ""
    await asyncio.sleep(1.9)
    await speaker.say(Bye("stopping", ""))
    await speaker.talking
    assert east.peers.known["hub-west"].seen_ms == pytest.approx(EPOCH_MS + 2_000, abs=100)


class BrokenWire(Wire):
    """A connection that breaks in both directions at once."""

    def __init__(self, wire: Wire) -> None:
        super().__init__(wire.ours, wire.theirs)
        self.breaks = asyncio.Event()

    async def send(self, frame: bytes) -> None:
        await self.breaks.wait()
        raise ConnectionResetError("the line is cut")

    async def receive(self) -> bytes | None:
        await self.breaks.wait()
        raise ConnectionResetError("the line is cut")


async def test_line_that_breaks_in_both_directions_leaves_no_failure_unread(east: Node) -> None:
    failures: list[dict[str, Any]] = []
    asyncio.get_running_loop().set_exception_handler(lambda loop, context: failures.append(context))
    for _ in range(20):  # the order in which both ends notice it varies
        wire = BrokenWire(wires()[0])
        speaker = Speaker(east, wire)
        await asyncio.sleep(0.1)
        wire.breaks.set()
        assert await speaker.talking == "hung-up"
        await asyncio.sleep(0.1)
    gc.collect()
    assert failures == []


async def test_backlog_of_a_store_names_only_the_scopes_that_it_gets(east: Node) -> None:
    await deliver(east, "hub-east", "own")
    speaker = Speaker(east)
    await speaker.say(STORE, Have({}))
    assert [list(one.vectors) for one in speaker.all(Covered)] == [[]]
    assert [list(one.vectors) for one in speaker.all(Have)] == [[]]
    other = Speaker(east)
    await other.say(HELLO, Have({}))
    assert [list(one.vectors) for one in other.all(Covered)] == [["hub-east"]]


class Giver:
    """Grants each request at once, with or without a reason."""

    def joined(self, link: Link) -> None:
        """Sessions do not matter here."""

    def heard(self, link: Link, event: RightsWanted | Answered) -> None:
        if isinstance(event, RightsWanted):
            if event.want.number == 1:
                link.give(event.want.number, 7)
            else:
                link.give(event.want.number, 0, "made-up")

    def left(self, link: Link) -> None:
        """Sessions do not matter here."""


async def test_answer_to_a_request_for_rights_has_a_reason_only_if_one_is_given(east: Node) -> None:
    east.peers.listeners[:] = [Giver()]
    speaker = Speaker(east)
    await speaker.say(HELLO, Have({}))
    for number in (1, 2):
        await speaker.say(Want(number, "hub-east", "cola", 9, EPOCH_MS << 16))
    assert speaker.all(Given) == [Given(1, 7, ""), Given(2, 0, "made-up")]


async def test_peer_of_another_process_with_the_same_name_is_refused(east: Node) -> None:
    first = Speaker(east)
    await first.say(HELLO, Have({}))
    second = Speaker(east)
    await second.say(replace(HELLO, nonce=b"other"))
    assert await second.talking == "name-taken"
    assert second.all(Bye) == [Bye("name-taken", "another process is connected as hub-west")]
    assert [peer.name for peer in east.peers.connected] == ["hub-west"]


@pytest.mark.parametrize("name", ["hub-a", "hub-west"])
async def test_second_link_of_one_process_replaces_the_first(east: Node, name: str) -> None:
    hello = replace(HELLO, node=name, writer=f"{name}#0000000a")
    first, second = Speaker(east), Speaker(east)
    await first.say(hello, Have({}))
    await second.say(hello, Have({}))
    assert await first.talking == "replaced"
    assert first.all(Bye) == [Bye("replaced", "the same process connected again")]
    assert (east.peers.live, [peer.name for peer in east.peers.connected]) == (1, [name])


async def test_entries_that_only_the_peer_has_are_counted_while_it_is_connected(east: Node) -> None:
    speaker = Speaker(east)
    await speaker.say(HELLO, Have({"hub-west": {HELLO.writer: (3, bytes(16))}}))
    peer = east.peers.known["hub-west"]
    assert peer.entries_behind() == 3
    await speaker.wire.close()
    await speaker.talking
    assert peer.entries_behind() == 0


async def test_entries_that_came_needlessly_stay_counted_after_their_link(east: Node) -> None:
    first = Speaker(east)
    await first.say(HELLO, Have({}))
    (peer,) = east.peers.connected
    assert peer.link is not None
    peer.link.session.resent = 3
    assert east.peers.resent == 3
    await first.wire.close()
    await first.talking
    assert east.peers.resent == 3


async def test_stores_and_hubs_that_were_met_are_kept_apart(east: Node) -> None:
    for hello in (HELLO, STORE):
        await Speaker(east).say(hello)
    assert east.peers.met() == ({"store-1": "store-1"}, ["hub-west"])


async def test_entries_of_scopes_that_a_peer_does_not_get_do_not_wait_for_it(east: Node) -> None:
    for hello in (HELLO, STORE):
        await Speaker(east).say(hello, Have({}))
    await deliver(east, "hub-east", "first")
    await deliver(east, "hub-east", "second")
    known = east.peers.known
    assert [known[name].unacknowledged(east.replica) for name in ("hub-west", "store-1")] == [2, 0]
