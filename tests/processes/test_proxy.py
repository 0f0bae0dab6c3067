"""The proxy alone, on which other tests and the demo rely."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

import pytest

from shelfsync.proxy import BOTH, Direction, Proxy
from tests.processes.asking import eventually

WAIT_S = 5.0
NOTHING_S = 0.1
"""How long to wait for bytes that must not arrive."""


class Echo:
    """A target that records all bytes and sends them back."""

    def __init__(self) -> None:
        self.received = b""
        self.connections = 0

    async def __call__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections += 1
        try:
            while data := await reader.read(65536):
                self.received += data
                writer.write(data)
                await writer.drain()
        except ConnectionError:
            pass
        finally:
            writer.close()


class Caller:
    """One connection through a line."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader = reader
        self._writer = writer

    @classmethod
    async def to(cls, line: Proxy) -> Caller:
        return cls(*await asyncio.open_connection("127.0.0.1", line.port))

    def send(self, text: bytes) -> None:
        self._writer.write(text)

    async def read(self, size: int) -> bytes:
        async with asyncio.timeout(WAIT_S):
            return await self._reader.readexactly(size)

    async def gets_nothing(self) -> bool:
        try:
            async with asyncio.timeout(NOTHING_S):
                return not await self._reader.read(1)
        except TimeoutError:
            return True

    async def is_reset(self) -> bool:
        try:
            async with asyncio.timeout(WAIT_S):
                await self._reader.read()
        except ConnectionResetError:
            return True
        return False


@pytest.fixture
def echo() -> Echo:
    return Echo()


@pytest.fixture
async def port(echo: Echo) -> AsyncIterator[int]:
    server = await asyncio.start_server(echo, "127.0.0.1", 0)
    yield server.sockets[0].getsockname()[1]
    server.close()


@pytest.fixture
async def line(port: int) -> AsyncIterator[Proxy]:
    async with Proxy(port) as running:
        yield running


async def test_bytes_pass_both_ways_and_are_counted(line: Proxy) -> None:
    caller = await Caller.to(line)
    text = bytes(range(256)) * 4_000
    caller.send(text)
    assert await caller.read(len(text)) == text
    assert [line.directions[direction].passed_bytes for direction in BOTH] == [len(text), len(text)]


async def test_end_of_one_direction_passes_and_the_other_stays_open(line: Proxy) -> None:
    reader, writer = await asyncio.open_connection("127.0.0.1", line.port)
    writer.write(b"last words")
    writer.write_eof()
    async with asyncio.timeout(WAIT_S):
        assert await reader.read() == b"last words"


async def test_cut_line_resets_live_and_new_connections_until_it_is_healed(line: Proxy, echo: Echo) -> None:
    caller = await Caller.to(line)
    caller.send(b"one")
    await caller.read(3)
    line.cut()
    assert await caller.is_reset()
    assert await (await Caller.to(line)).is_reset()
    assert (echo.received, echo.connections) == (b"one", 1)
    line.heal()
    caller = await Caller.to(line)
    caller.send(b"two")
    assert await caller.read(3) == b"two"


async def test_black_hole_keeps_connections_and_loses_bytes(line: Proxy, echo: Echo) -> None:
    old = await Caller.to(line)
    old.send(b"one")
    await old.read(3)
    line.black_hole()
    old.send(b"two")
    new = await Caller.to(line)
    new.send(b"three")
    assert await old.gets_nothing() and await new.gets_nothing()
    assert (echo.received, echo.connections) == (b"one", 1)
    line.heal()
    assert await old.is_reset() and await new.is_reset()  # both lost bytes, so neither can continue
    fresh = await Caller.to(line)
    fresh.send(b"four")
    assert await fresh.read(4) == b"four"


async def test_connection_that_lost_no_bytes_survives_a_black_hole(line: Proxy) -> None:
    caller = await Caller.to(line)
    caller.send(b"one")
    await caller.read(3)
    line.black_hole()
    assert await caller.gets_nothing()
    line.heal()
    caller.send(b"two")
    assert await caller.read(3) == b"two"


@pytest.mark.parametrize("direction", BOTH)
async def test_one_direction_alone_can_be_a_black_hole(line: Proxy, echo: Echo, direction: Direction) -> None:
    caller = await Caller.to(line)
    caller.send(b"one")
    await caller.read(3)
    line.black_hole(direction)
    caller.send(b"two")
    assert await caller.gets_nothing()
    received = b"one" if direction is Direction.UP else b"onetwo"

    async def arrived() -> bool:
        return echo.received == received

    await eventually(arrived, "bytes pass in the other direction")
    assert not line.is_whole
    line.heal()
    assert line.is_whole
    assert await caller.is_reset()


async def test_connections_share_the_bandwidth_of_a_line(port: int) -> None:
    """Two times 25 kB at 1 Mbit/s take 0.4 s, however many connections there are."""
    async with Proxy(port, bits_per_s=1_000_000) as line:
        began_s = asyncio.get_running_loop().time()
        callers = [await Caller.to(line) for _ in range(2)]
        for caller in callers:
            caller.send(bytes(25_000))
        await asyncio.gather(*(caller.read(25_000) for caller in callers))
        assert asyncio.get_running_loop().time() - began_s >= 0.4


async def test_latency_delays_each_byte_once_not_each_chunk_in_turn(port: int) -> None:
    async with Proxy(port, latency_s=0.1) as line:
        caller = await Caller.to(line)
        began_s = asyncio.get_running_loop().time()
        caller.send(b"x")
        await caller.read(1)
        assert asyncio.get_running_loop().time() - began_s >= 0.2
        caller.send(bytes(1_000_000))
        await caller.read(1_000_000)
        assert asyncio.get_running_loop().time() - began_s < 2.0


async def test_stopped_line_has_no_connections(port: int) -> None:
    line = Proxy(port)
    await line.start()
    callers = [await Caller.to(line) for _ in range(3)]
    line.black_hole()
    for caller in callers:
        caller.send(b"x")
    await line.stop()
    assert line.connections == 0
    for caller in callers:
        assert await caller.is_reset()


async def test_line_to_a_missing_target_resets_the_connection(line: Proxy, port: int) -> None:
    async with Proxy(1) as targetless:
        caller = await Caller.to(targetless)
        assert await caller.is_reset()
