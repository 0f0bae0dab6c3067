"""A pipeline of requests gets the same answers, however the network cuts it into pieces."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from pathlib import Path
from random import Random
from typing import Any

import pytest
from aiohttp import web

from edge_node.assembly import assemble
from replica.runtime.http.fast_path import FastPath
from replica.runtime.http.protocol import problem_protocols
from replica.runtime.peering.websocket import HttpNetwork
from simulations.knobs import turned
from simulations.plan import Setting
from tests.runtime.http.test_fast_path import request

SOLD = b'{"lines": [{"sku": "cola", "quantity": 2}], "on_shortage": "record"}'
MORE_THAN_THERE_IS = b'{"lines": [{"sku": "cola", "quantity": 900}], "on_shortage": "refuse"}'
STOCK = b"GET /v1/stock/cola HTTP/1.1\r\nHost: x\r\n\r\n"

PIPELINES = {
    "sales": [request(SOLD, "k1"), request(SOLD, "k2"), request(MORE_THAN_THERE_IS, "k3"), request(SOLD, "k1")],
    "sales and others": [request(SOLD, "k1"), STOCK, request(SOLD, "k2", extra="X-Slow-Path: 1\r\n"), STOCK],
    "others first": [STOCK, request(SOLD, "k2"), request(b"{}", "k4"), request(SOLD, "k1")],
}

Answer = tuple[int, bytes]


class Wire(asyncio.Transport):
    """A transport in memory: it delivers pieces exactly as a test cuts them."""

    def __init__(self, protocol: Any) -> None:
        super().__init__()
        self.received = b""
        self._protocol = protocol
        self._is_paused = False
        self._is_closed = False
        protocol.connection_made(self)

    async def deliver(self, pieces: list[bytes], *, at_once: bool) -> None:
        for piece in pieces:
            while self._is_paused:  # noqa: ASYNC110
                await asyncio.sleep(0)
            self._protocol.data_received(piece)
            for _ in range(0 if at_once else 3):
                await asyncio.sleep(0)

    async def answers(self, count: int) -> list[Answer]:
        """Wait for this number of answers, and for no more bytes than theirs."""
        async with asyncio.timeout(10):
            while len(found := self._parsed()) < count:  # noqa: ASYNC110
                await asyncio.sleep(0)
        return found

    def _parsed(self) -> list[Answer]:
        found, rest = [], self.received
        while rest:
            head, mark, rest = rest.partition(b"\r\n\r\n")
            lines = [line.partition(b":") for line in head.lower().split(b"\r\n")]
            length = next((int(value) for name, _, value in lines if name == b"content-length"), 0)
            if not mark or len(rest) < length:
                break
            found.append((int(head.split()[1]), _without_times(rest[:length])))
            rest = rest[length:]
        return found

    def write(self, data: bytes | bytearray | memoryview) -> None:
        self.received += bytes(data)

    def set_protocol(self, protocol: asyncio.BaseProtocol) -> None:
        self._protocol = protocol

    def get_protocol(self) -> Any:
        return self._protocol

    def pause_reading(self) -> None:
        self._is_paused = True

    def resume_reading(self) -> None:
        self._is_paused = False

    def is_closing(self) -> bool:
        return self._is_closed

    def close(self) -> None:
        if not self._is_closed:
            self._is_closed = True
            self._protocol.connection_lost(None)

    def abort(self) -> None:
        self.close()


def _without_times(body: bytes) -> bytes:
    """An answer about stock contains times, which are different each time."""
    answer = json.loads(body)
    return json.dumps({name: answer[name] for name in ("item", "on_hand")}).encode() if "pn" in answer else body


class Server:
    """The HTTP of a store, with the fast path, and without sockets."""

    def __init__(self, fast_path: FastPath) -> None:
        self._fast_path = fast_path

    def connect(self) -> Wire:
        """Open a connection."""
        return Wire(self._fast_path())

    async def ask(self, pieces: list[bytes], count: int, *, at_once: bool) -> list[Answer]:
        """Send pieces on a new connection, and return the answers."""
        wire = self.connect()
        await wire.deliver(pieces, at_once=at_once)
        answers = await wire.answers(count)
        wire.close()
        return answers


@pytest.fixture
async def server(tmp_path: Path) -> AsyncIterator[Server]:
    assembly = await assemble(
        HttpNetwork(),
        name="store-1",
        location="store-1",
        data=tmp_path,
        host="127.0.0.1",
        hubs=(),
        region="store",
        open_catalog=True,
    )
    runner = web.AppRunner(assembly.app, access_log=None, handle_signals=False)
    await runner.setup()
    assert runner.server is not None
    fast_path = FastPath(assembly.fast_calls, assembly.node.driver, problem_protocols(runner.server))
    assembly.node.start([], 0.0)
    yield Server(fast_path)
    fast_path.close()
    await runner.cleanup()
    await assembly.node.stop()


async def unsplit(server: Server, pipeline: list[bytes]) -> list[Answer]:
    """The answers to each request of a pipeline, sent alone. All of them were sent once before."""
    for _ in range(2):
        answers = [(await server.ask([one], 1, at_once=True))[0] for one in pipeline]
    return answers


@pytest.mark.parametrize("at_once", [True, False], ids=["pieces at once", "pieces apart"])
@pytest.mark.parametrize("pipeline", PIPELINES.values(), ids=PIPELINES)
async def test_a_pipeline_cut_at_any_byte_gets_the_same_answers(
    server: Server, pipeline: list[bytes], at_once: bool
) -> None:
    expected, raw = await unsplit(server, pipeline), b"".join(pipeline)
    for cut in range(len(raw)):
        pieces = [piece for piece in (raw[:cut], raw[cut:]) if piece]
        assert await server.ask(pieces, len(pipeline), at_once=at_once) == expected, cut


@pytest.mark.parametrize("held_bytes", [1, 64 << 10])
@pytest.mark.parametrize("pipeline", PIPELINES.values(), ids=PIPELINES)
async def test_a_pipeline_in_many_pieces_gets_the_same_answers(
    server: Server, pipeline: list[bytes], held_bytes: int
) -> None:
    """If the first piece is a whole request, the fast path answers it, and holds back all that arrives meanwhile."""
    expected, raw = await unsplit(server, pipeline), b"".join(pipeline)
    with turned([Setting("held-bytes", held_bytes)]):
        for seed in range(30):
            random = Random(seed)
            first = random.choice((1, len(pipeline[0])))
            cuts = sorted({first, *random.sample(range(first + 1, len(raw)), random.choice((2, 5, 30)))})
            pieces = [raw[start:end] for start, end in zip([0, *cuts], [*cuts, len(raw)], strict=True)]
            assert await server.ask(pieces, len(pipeline), at_once=seed % 2 == 0) == expected, cuts
        for first in (1, len(pipeline[0])):
            pieces = [raw[:first], *(bytes([byte]) for byte in raw[first:])]
            assert await server.ask(pieces, len(pipeline), at_once=True) == expected


async def test_a_request_that_waited_is_answered_once(server: Server) -> None:
    pipeline = PIPELINES["sales"]
    expected = await unsplit(server, pipeline)
    wire = server.connect()
    await wire.deliver(pipeline[:2], at_once=True)
    assert await wire.answers(2) == expected[:2]
    await wire.deliver(pipeline[2:3], at_once=True)
    assert await wire.answers(3) == expected[:3]


async def test_a_pipeline_in_pieces_sells_each_key_once(server: Server) -> None:
    pipeline = [request(SOLD, f"n{number}") for number in range(6)]
    raw = b"".join(pipeline)
    for step in (7, 50, 151, 333):
        pieces = [raw[start : start + step] for start in range(0, len(raw), step)]
        answers = await server.ask(pieces, len(pipeline), at_once=step % 2 == 0)
        assert [status for status, _ in answers] == [201] * 6
    (stock,) = await server.ask([STOCK], 1, at_once=True)
    assert stock == (200, b'{"item": "cola", "on_hand": -12}')
