"""Peers that break the protocol: the hub ends and counts their session with a reason, and serves other peers."""

from __future__ import annotations

import time
from collections.abc import AsyncIterator
from typing import NamedTuple

import aiohttp
import msgpack
import pytest
import pytest_asyncio
from msgspec.structs import replace

from replica.core.base.limits import CLOCK_SKEW_MAX_MS, FRAME_BYTES_MAX, SEAL_BYTES
from replica.core.base.names import HUBS
from replica.core.ledger.cells import Move
from replica.core.log.entry import Content, Entry, Stream, chain, genesis, pack_body
from replica.core.sync.columns import ColumnEncoder
from replica.core.sync.wire import Ack, AnyFrame, Beat, Bye, Entries, Have, Hello, pack_frame, seal, unpack_frame
from shelfsync.chain import LocalChain
from tests.processes.asking import agree, eventually, metric, post, status

pytestmark = [pytest.mark.processes, pytest.mark.asyncio(loop_scope="module")]

ENDED_S = 6.0


class Nodes(NamedTuple):
    """A hub, a store connected to it during all tests, and a client."""

    hub: str
    store: str
    client: aiohttp.ClientSession

    async def ended(self, reason: str) -> float:
        return await metric(self.client, self.hub, f'shelfsync_sessions_ended_total{{reason="{reason}"}}')


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def nodes(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Nodes]:
    async with LocalChain(tmp_path_factory.mktemp("nodes")) as chain, aiohttp.ClientSession() as client:
        hub = await chain.hub("hub-east")
        store = await chain.store("store-1", hubs=[hub.url], more=["--open-catalog"])
        await chain.ready()
        await post(client, f"{store.url}/v1/receipts", {"lines": [{"sku": "cola", "quantity": 9}]})
        nodes = Nodes(hub.url, store.url, client)
        await eventually(lambda: agree(client, [hub.url], {"store-1": store.url}), "hub and store have the same state")
        yield nodes


def hello(node: str = "store-7", location: str = "store-7") -> Hello:
    return Hello(
        versions=(1, 1),
        node=node,
        writer=f"{node}#0123456789ab",
        nonce=b"n" * 16,
        role="edge",
        region="east",
        scopes=(location, "*"),
        clock_ms=int(time.time() * 1000),
        software="test",
    )


def entries(stream: Stream, *, first: int = 1, number: int = 1) -> Entries:
    """A frame with one entry, valid except in the given arguments."""
    move = Move("cola", "supplier", "store-7/free", 1)
    content = Content(
        kind="receipt",
        clock=int(time.time() * 1000) << 16,
        key=b"",
        actor="",
        reason="",
        reference="",
        moves=(move,),
        lines=(),
        facts={},
    )
    body = pack_body(content)
    previous = genesis(stream)
    entry = Entry(stream=stream, sequence=first, hash=chain(previous, body), body=body, content=content)
    return Entries(number, ColumnEncoder().encode([(entry, previous)]))


def sealed(value: object) -> bytes:
    """A first frame with a valid seal and any content."""
    return seal(msgpack.packb(value), 0)


HELLO = hello()
"""Made when this module is imported. `up_to_date` makes its clock right when it is sent, which may be minutes later."""


def up_to_date(frame: AnyFrame) -> AnyFrame:
    """The frame, with the clock of a greeting moved on by the time since `HELLO` was made."""
    if not isinstance(frame, Hello):
        return frame
    return replace(frame, clock_ms=frame.clock_ms + int(time.time() * 1000) - HELLO.clock_ms)


HAVE = Have({})
OWN = Stream("store-7#0123456789ab", "store-7")
FOREIGN = Stream("store-7#0123456789ab", "store-1")

Sent = bytes | str | AnyFrame

FAULTS: dict[str, tuple[list[Sent], str]] = {
    "garbage": ([b"\xc1\x00\xff garbage"], "corrupt"),
    "garbage with a seal": ([seal(b"\xc1\x00\xff garbage", 0)], "malformed"),
    "an empty frame": ([b""], "malformed"),
    "fewer bytes than a seal": ([b"GET"], "malformed"),
    "msgpack that is no frame": ([sealed({"hello": 1})], "malformed"),
    "an unknown frame type": ([sealed([99, 1, 2])], "malformed"),
    "an invalid name": ([sealed([0, [1, 1], "Store 7", "x", b"", "edge", "", [], 0, ""])], "malformed"),
    "nested too deep": ([seal(b"\x91" * 100_000, 0)], "malformed"),
    "a length beyond the end": ([seal(b"\xdd\xff\xff\xff\xff", 0)], "malformed"),
    "a hello without a seal": ([pack_frame(HELLO, 0)[:-SEAL_BYTES]], "corrupt"),
    "a repeated frame": ([HELLO, HAVE, pack_frame(HAVE, 1)], "corrupt"),
    "a frame after a lost frame": ([HELLO, HAVE, pack_frame(Beat(HELLO.clock_ms), 3)], "corrupt"),
    "text": (["hello"], "malformed"),
    "text after the greeting": ([HELLO, HAVE, "hello"], "malformed"),
    "a byte too many": ([b"\x00" * (FRAME_BYTES_MAX + 1)], "oversized"),
    "have before hello": ([HAVE], "out-of-sequence"),
    "entries before hello": ([entries(OWN)], "out-of-sequence"),
    "hello twice": ([HELLO, HELLO], "out-of-sequence"),
    "entries before have": ([HELLO, entries(OWN)], "out-of-sequence"),
    "entries that skip a number": ([HELLO, HAVE, entries(OWN, number=2)], "out-of-sequence"),
    "entries twice": ([HELLO, HAVE, entries(OWN), entries(OWN)], "out-of-sequence"),
    "an acknowledgement of nothing": ([HELLO, HAVE, Ack(7)], "out-of-sequence"),
    "invalid columns": ([HELLO, HAVE, Entries(1, b"")], "corrupt"),
    "a gap in a stream": ([HELLO, HAVE, entries(OWN, first=5)], "gap"),
    "another store's location": ([HELLO, HAVE, entries(FOREIGN)], "unauthorised"),
    "a store with all scopes": ([replace(HELLO, scopes=None)], "unauthorised"),
    "a store with two locations": ([replace(HELLO, scopes=("store-7", "store-8", "*"))], "unauthorised"),
    "an unknown role": ([replace(HELLO, role="till")], "unauthorised"),
    "the hub's own name": ([replace(HELLO, node="hub-east", writer="hub-east#0123456789ab")], "same-name"),
    "the writer of another node": ([replace(HELLO, writer="store-8#0123456789ab")], "malformed"),
    "the name of a store that is connected": ([hello("store-1", "store-1")], "name-taken"),
    "a future version": ([replace(HELLO, versions=(7, 9))], "version"),
    "a wrong clock": ([replace(HELLO, clock_ms=HELLO.clock_ms + 2 * CLOCK_SKEW_MAX_MS)], "clock"),
    "a clock that becomes wrong": ([HELLO, HAVE, Beat(1)], "clock"),
    "nothing more after the greeting": ([HELLO, HAVE], "silent"),
}


@pytest.mark.parametrize("name", FAULTS)
async def test_peer_that_breaks_a_rule_gets_the_reason_and_is_counted(nodes: Nodes, name: str) -> None:
    sent, reason = FAULTS[name]
    before, ended = await status(nodes.client, nodes.hub), await nodes.ended(reason)
    bye = await send_all(nodes, sent)
    assert bye.reason == reason
    assert await nodes.ended(reason) == ended + 1
    after = await status(nodes.client, nodes.hub)
    if name != "entries twice":
        noted = {HUBS} if name == "a wrong clock" else set()  # the hub notes the wrong clock in its journal
        assert {**after["digests"], **before["digests"]} == after["digests"]
        assert set(after["digests"]) - set(before["digests"]) == noted
    assert "store-1" in after["connected"]


async def test_frame_far_above_the_limit_is_counted_as_oversized(nodes: Nodes) -> None:
    ended = await nodes.ended("oversized")
    async with nodes.client.ws_connect(f"{nodes.hub}/v1/sync", max_msg_size=0) as socket:
        try:
            await socket.send_bytes(bytes(4 * FRAME_BYTES_MAX))
            await _read_to_the_end(socket)
        except (aiohttp.ClientError, ConnectionError):
            pass  # the hub may close the connection during the send

    async def counted() -> bool:
        return await nodes.ended("oversized") == ended + 1

    await eventually(counted, "the hub counts the session")


async def test_unknown_reason_is_counted_as_other(nodes: Nodes) -> None:
    before = await nodes.ended("other")
    for number in range(5):
        async with nodes.client.ws_connect(f"{nodes.hub}/v1/sync") as socket:
            await socket.send_bytes(pack_frame(Bye(f"reason{number}", "made up"), 0))
            await _read_to_the_end(socket)

    async def counted() -> bool:
        return await nodes.ended("other") == before + 5

    await eventually(counted, "the hub counts them as other")
    assert await nodes.ended("reason1") == 0


async def test_plain_get_of_the_sync_path_is_a_client_error(nodes: Nodes) -> None:
    async with nodes.client.get(f"{nodes.hub}/v1/sync") as response:
        assert 400 <= response.status < 500
    async with nodes.client.get(f"{nodes.store}/v1/sync") as response:
        assert response.status == 404  # a store has no sync path, because no node dials it


async def test_connected_store_still_syncs_after_the_faults_of_others(nodes: Nodes) -> None:
    await post(nodes.client, f"{nodes.store}/v1/sales", {"lines": [{"sku": "cola", "quantity": 2}]})

    async def arrived() -> bool:
        return bool((await status(nodes.client, nodes.hub))["units"]["store-1"].get("customer") == 2)

    await eventually(arrived, "the sale reaches the hub")
    assert await metric(nodes.client, nodes.store, 'shelfsync_sessions_ended_total{reason="hung-up"}') == 0


async def send_all(nodes: Nodes, sent: list[Sent]) -> Bye:
    """Send these as a peer would; return the bye of the hub."""
    async with nodes.client.ws_connect(f"{nodes.hub}/v1/sync", max_msg_size=0) as socket:
        for number, frame in enumerate(sent):
            if isinstance(frame, str):
                await socket.send_str(frame)
            else:
                await socket.send_bytes(frame if isinstance(frame, bytes) else pack_frame(up_to_date(frame), number))
        frames = await _read_to_the_end(socket)
    assert isinstance(frames[0], Hello)
    assert isinstance(frames[-1], Bye), f"no bye after {[type(frame).__name__ for frame in frames]}"
    return frames[-1]


async def _read_to_the_end(socket: aiohttp.ClientWebSocketResponse) -> list[AnyFrame]:
    frames: list[AnyFrame] = []
    while True:
        message = await socket.receive(timeout=ENDED_S)
        if message.type is not aiohttp.WSMsgType.BINARY:
            return frames
        frames.append(unpack_frame(message.data, len(frames)))
