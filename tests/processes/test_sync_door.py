"""Peers that break the protocol: their session ends with a typed reason, is counted, and harms nobody else."""

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
from replica.core.ledger.cells import Move
from replica.core.log.entry import Content, Entry, Stream, chain, genesis, pack_body
from replica.core.sync.columns import ColumnEncoder
from replica.core.sync.wire import Ack, AnyFrame, Beat, Bye, Entries, Have, Hello, pack_frame, seal, unpack_frame
from shelfsync.chain import LocalChain
from tests.processes.asking import agree, eventually, metric, post, status

pytestmark = [pytest.mark.processes, pytest.mark.asyncio(loop_scope="module")]

ENDED_S = 6.0


class Door(NamedTuple):
    """A hub, a store that lives with it all the while, and a client."""

    hub: str
    store: str
    client: aiohttp.ClientSession

    async def ended(self, reason: str) -> float:
        return await metric(self.client, self.hub, f'shelfsync_sessions_ended_total{{reason="{reason}"}}')


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def door(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Door]:
    async with LocalChain(tmp_path_factory.mktemp("door")) as chain, aiohttp.ClientSession() as client:
        hub = await chain.hub("hub-east")
        store = await chain.store("store-1", hubs=[hub.url], more=["--open-catalog"])
        await chain.ready()
        await post(client, f"{store.url}/v1/receipts", {"lines": [{"sku": "cola", "quantity": 9}]})
        door = Door(hub.url, store.url, client)
        await eventually(lambda: agree(client, [hub.url], {"store-1": store.url}), "hub and store hold the same")
        yield door


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
    """A frame with one entry, right in every way but those asked for."""
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
    entry = Entry(stream, first, chain(previous, body), body, content)
    return Entries(number, ColumnEncoder().encode([(entry, previous)]))


def sealed(value: object) -> bytes:
    """A first frame with a right seal, whatever is in it."""
    return seal(msgpack.packb(value), 0)


HELLO = hello()
HAVE = Have({})
OWN = Stream("store-7#0123456789ab", "store-7")
FOREIGN = Stream("store-7#0123456789ab", "store-1")

Sent = bytes | str | AnyFrame

FAULTS: dict[str, tuple[list[Sent], str]] = {
    "garbage": ([b"\xc1\x00\xff garbage"], "corrupt"),
    "garbage with a seal": ([seal(b"\xc1\x00\xff garbage", 0)], "malformed"),
    "nothing": ([b""], "malformed"),
    "less than a seal": ([b"GET"], "malformed"),
    "msgpack that is no frame": ([sealed({"hello": 1})], "malformed"),
    "a frame type nobody knows": ([sealed([99, 1, 2])], "malformed"),
    "a name that is none": ([sealed([0, [1, 1], "Store 7", "x", b"", "edge", "", [], 0, ""])], "malformed"),
    "nested without end": ([seal(b"\x91" * 100_000, 0)], "malformed"),
    "a length that lies": ([seal(b"\xdd\xff\xff\xff\xff", 0)], "malformed"),
    "a hello without a seal": ([pack_frame(HELLO, 0)[:-SEAL_BYTES]], "corrupt"),
    "a frame again": ([HELLO, HAVE, pack_frame(HAVE, 1)], "corrupt"),
    "a frame after one that was lost": ([HELLO, HAVE, pack_frame(Beat(HELLO.clock_ms), 3)], "corrupt"),
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
    "columns that are none": ([HELLO, HAVE, Entries(1, b"")], "corrupt"),
    "a gap in a stream": ([HELLO, HAVE, entries(OWN, first=5)], "gap"),
    "another store's location": ([HELLO, HAVE, entries(FOREIGN)], "unauthorised"),
    "a store that wants everything": ([replace(HELLO, scopes=None)], "unauthorised"),
    "a store of two locations": ([replace(HELLO, scopes=("store-7", "store-8", "*"))], "unauthorised"),
    "a role that is none": ([replace(HELLO, role="till")], "unauthorised"),
    "the hub's own name": ([replace(HELLO, node="hub-east", writer="hub-east#0123456789ab")], "same-name"),
    "somebody else's writer": ([replace(HELLO, writer="store-8#0123456789ab")], "malformed"),
    "the name of a store that is connected": ([hello("store-1", "store-1")], "name-taken"),
    "a version of the future": ([replace(HELLO, versions=(7, 9))], "version"),
    "a clock that is wrong": ([replace(HELLO, clock_ms=HELLO.clock_ms + 2 * CLOCK_SKEW_MAX_MS)], "clock"),
    "a clock that goes wrong": ([HELLO, HAVE, Beat(1)], "clock"),
    "nothing more after the greeting": ([HELLO, HAVE], "silent"),
}


@pytest.mark.parametrize("name", FAULTS)
async def test_a_peer_that_breaks_a_rule_is_told_which_and_counted(door: Door, name: str) -> None:
    sent, reason = FAULTS[name]
    before, ended = await status(door.client, door.hub), await door.ended(reason)
    bye = await break_in(door, sent)
    assert bye.reason == reason
    assert await door.ended(reason) == ended + 1
    after = await status(door.client, door.hub)
    if name != "entries twice":
        assert after["digests"] == before["digests"]
    assert "store-1" in after["connected"]


async def test_a_frame_far_too_big_is_not_read_and_counted_as_oversized(door: Door) -> None:
    ended = await door.ended("oversized")
    async with door.client.ws_connect(f"{door.hub}/v1/sync", max_msg_size=0) as socket:
        try:
            await socket.send_bytes(bytes(4 * FRAME_BYTES_MAX))
            await _read_to_the_end(socket)
        except (aiohttp.ClientError, ConnectionError):
            pass  # it may hang up while we still send

    async def counted() -> bool:
        return await door.ended("oversized") == ended + 1

    await eventually(counted, "it is counted")


async def test_a_made_up_reason_does_not_become_a_counter(door: Door) -> None:
    before = await door.ended("other")
    for number in range(5):
        async with door.client.ws_connect(f"{door.hub}/v1/sync") as socket:
            await socket.send_bytes(pack_frame(Bye(f"reason{number}", "made up"), 0))
            await _read_to_the_end(socket)

    async def counted() -> bool:
        return await door.ended("other") == before + 5

    await eventually(counted, "they are counted together")
    assert await door.ended("reason1") == 0


async def test_a_door_that_is_not_a_websocket_is_the_callers_fault(door: Door) -> None:
    async with door.client.get(f"{door.hub}/v1/sync") as response:
        assert 400 <= response.status < 500
    async with door.client.get(f"{door.store}/v1/sync") as response:
        assert response.status == 404  # a store dials, nobody dials it


async def test_the_store_beside_all_this_still_syncs(door: Door) -> None:
    await post(door.client, f"{door.store}/v1/sales", {"lines": [{"sku": "cola", "quantity": 2}]})

    async def arrived() -> bool:
        return bool((await status(door.client, door.hub))["units"]["store-1"].get("customer") == 2)

    await eventually(arrived, "the sale reaches the hub")
    assert await metric(door.client, door.store, 'shelfsync_sessions_ended_total{reason="hung-up"}') == 0


async def break_in(door: Door, sent: list[Sent]) -> Bye:
    """Send these as a peer would, and return the hub's last word."""
    async with door.client.ws_connect(f"{door.hub}/v1/sync", max_msg_size=0) as socket:
        for number, one in enumerate(sent):
            if isinstance(one, str):
                await socket.send_str(one)
            else:
                await socket.send_bytes(one if isinstance(one, bytes) else pack_frame(one, number))
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
