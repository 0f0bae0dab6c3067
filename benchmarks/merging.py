"""How fast a hub merges the sales of stores: in memory, and durably over real connections."""

from __future__ import annotations

import asyncio
import time
from collections import deque
from collections.abc import Iterator
from itertools import count

import aiohttp
import uvloop
from msgspec import structs

from benchmarks.measure import Bench, Sample, apart
from benchmarks.sales import STOCKED, Workload, make_entries
from benchmarks.servers import hub
from benchmarks.wire import Framer
from replica.core.base.limits import BATCH_ENTRIES_MAX, WINDOW_BYTES
from replica.core.base.names import CHAIN, writer_of
from replica.core.state import decisions
from replica.core.state.replica import Replica
from replica.core.sync.columns import ColumnDecoder
from replica.core.sync.wire import PROTOCOL_MAX, Ack, Bye, Entries, Have, Hello, pack_frame, unpack_frame

STORES = 4
GREETING = 2
"""The number of frames that a store sends before its entries: hello and have."""

SHAPES = {"1 line, 1,000 items": (1, 1_000), "5 lines, 10,000 items": (5, 10_000)}


def measure_merging(bench: Bench) -> Iterator[Sample]:
    """One round, for each shape: in memory, then over one link, then over several."""
    sales = bench.sized(40_000, 12_800)
    for shape, (lines, items) in SHAPES.items():
        workload = Workload(sales=sales, items=items, lines=lines, days=1.0, stocked=STOCKED)
        yield Sample(f"in memory, sales of {shape}", {"/s": apart(merge_in_memory, workload)})
        for stores in (1, STORES):
            shared = structs.replace(workload, sales=sales // stores)
            yield Sample(
                f"durable, {stores} link{'s'[: stores - 1]}, sales of {shape}",
                {"/s": _merge_durably(bench, shared, stores)},
            )


def merge_in_memory(workload: Workload) -> float:
    """Return how many entries a second are decoded from frames, checked and merged."""
    framer = Framer()
    receipts, sales = (framer.frames(entries) for entries in make_entries("store-1", workload))
    replica = Replica(writer_of("hub-1", "0" * 12), ())
    decoder = ColumnDecoder()
    frame_numbers = count()

    def merge(frames: list[bytes]) -> None:
        for packed in frames:
            frame = unpack_frame(packed, next(frame_numbers))
            assert isinstance(frame, Entries)
            decisions.merge(replica, decoder.decode(frame.columns), now_ms)
            if replica.uncommitted >= BATCH_ENTRIES_MAX:
                replica.take_batch()

    now_ms = int(time.time() * 1000)
    merge(receipts)
    started = time.perf_counter()
    merge(sales)
    return workload.sales / (time.perf_counter() - started)


def _merge_durably(bench: Bench, workload: Workload, stores: int) -> float:
    with hub(bench.fresh("merging")) as server:
        rate = apart(deliver_all, server.port, workload, stores)
        stored = server.entries
        if stored < workload.sales * stores:
            raise RuntimeError(f"{workload.sales * stores} sales were acknowledged, the hub has {stored} entries")
    return rate


def deliver_all(port: int, workload: Workload, stores: int) -> float:
    """Return how many sales a second a hub acknowledges when this number of stores send at the same time."""
    return uvloop.run(_deliver_all(port, workload, stores))


async def _deliver_all(port: int, workload: Workload, stores: int) -> float:
    names = [f"store-{number}" for number in range(1, stores + 1)]
    streams = {name: make_entries(name, workload) for name in names}
    framers = {name: Framer(before=GREETING) for name in names}
    receipts = {name: framers[name].frames(streams[name][0]) for name in names}
    sales = {name: framers[name].frames(streams[name][1]) for name in names}
    async with aiohttp.ClientSession() as client:
        links = {name: await Link.open(client, port, name) for name in names}
        await asyncio.gather(*(link.deliver(receipts[name]) for name, link in links.items()))
        started = time.perf_counter()
        await asyncio.gather(*(link.deliver(sales[name]) for name, link in links.items()))
        took = time.perf_counter() - started
        for link in links.values():
            await link.close()
    return workload.sales * stores / took


class Link:
    """A minimal store: it sends hello and have, then entries within the window, and waits for acknowledgements."""

    def __init__(self, socket: aiohttp.ClientWebSocketResponse) -> None:
        self._socket = socket
        self._sent: deque[int] = deque()
        self._acknowledged = 0
        self._frame_numbers = count()

    @classmethod
    async def open(cls, client: aiohttp.ClientSession, port: int, name: str) -> Link:
        link = cls(await client.ws_connect(f"http://127.0.0.1:{port}/v1/sync", max_msg_size=0))
        hello = Hello(
            versions=(PROTOCOL_MAX, PROTOCOL_MAX),
            node=name,
            writer=writer_of(name, "0" * 12),
            nonce=bytes(16),
            role="edge",
            region="store",
            scopes=(name, CHAIN),
            clock_ms=int(time.time() * 1000),
            software="",
        )
        await link._socket.send_bytes(pack_frame(hello, 0))
        await link._socket.send_bytes(pack_frame(Have({}), 1))
        return link

    async def deliver(self, frames: list[bytes]) -> None:
        """Send frames; return when the hub has acknowledged the last one."""
        for frame in frames:
            await self._socket.send_bytes(frame)
            self._sent.append(len(frame))
            while sum(self._sent) >= WINDOW_BYTES:
                await self._receive()
        while self._sent:
            await self._receive()

    async def close(self) -> None:
        await self._socket.close()

    async def _receive(self) -> None:
        frame = unpack_frame(await self._socket.receive_bytes(), next(self._frame_numbers))
        if isinstance(frame, Bye):
            raise RuntimeError(f"the hub ended the session: {frame.reason} {frame.detail}")
        if isinstance(frame, Ack):
            for _ in range(frame.number - self._acknowledged):
                self._sent.popleft()
            self._acknowledged = frame.number
