"""The line that can fail, by itself: what the other tests and the demo rely on."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

import pytest

from shelfsync.proxy import BOTH, Direction, Proxy
from tests.processes.asking import eventually

WAIT_S = 5.0
NOTHING_S = 0.1
"""How long to listen for what must not come."""


class Echo:
    """A target that sends back what it gets, and remembers it."""

    def __init__(self) -> None:
        self.heard = b""
        self.connections = 0

    async def __call__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections += 1
        try:
            while data := await reader.read(65536):
                self.heard += data
                writer.write(data)
                await writer.drain()
        except ConnectionError:
            pass
        finally:
            writer.close()


class Caller:
    """One connection by way of a line."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader = reader
        self._writer = writer

    @classmethod
    async def to(cls, line: Proxy) -> Caller:
        return cls(*await asyncio.open_connection("127.0.0.1", line.port))

    def say(self, text: bytes) -> None:
        self._writer.write(text)

    async def hear(self, size: int) -> bytes:
        async with asyncio.timeout(WAIT_S):
            return await self._reader.readexactly(size)

    async def hears_nothing(self) -> bool:
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
    caller.say(text)
    assert await caller.hear(len(text)) == text
    assert [line.directions[direction].passed_bytes for direction in BOTH] == [len(text), len(text)]


async def test_the_end_of_one_direction_passes_and_the_other_goes_on(line: Proxy) -> None:
    reader, writer = await asyncio.open_connection("127.0.0.1", line.port)
    writer.write(b"last words")
    writer.write_eof()
    async with asyncio.timeout(WAIT_S):
        assert await reader.read() == b"last words"


async def test_a_cut_line_resets_what_is_live_and_what_is_new_until_it_is_healed(line: Proxy, echo: Echo) -> None:
    caller = await Caller.to(line)
    caller.say(b"one")
    await caller.hear(3)
    line.cut()
    assert await caller.is_reset()
    assert await (await Caller.to(line)).is_reset()
    assert (echo.heard, echo.connections) == (b"one", 1)
    line.heal()
    caller = await Caller.to(line)
    caller.say(b"two")
    assert await caller.hear(3) == b"two"


async def test_a_black_hole_keeps_connections_and_swallows_bytes(line: Proxy, echo: Echo) -> None:
    old = await Caller.to(line)
    old.say(b"one")
    await old.hear(3)
    line.black_hole()
    old.say(b"two")
    new = await Caller.to(line)
    new.say(b"three")
    assert await old.hears_nothing() and await new.hears_nothing()
    assert (echo.heard, echo.connections) == (b"one", 1)
    line.heal()
    assert await old.is_reset() and await new.is_reset()  # bytes are missing: neither can go on
    fresh = await Caller.to(line)
    fresh.say(b"four")
    assert await fresh.hear(4) == b"four"


async def test_a_connection_that_lost_nothing_outlives_a_black_hole(line: Proxy) -> None:
    caller = await Caller.to(line)
    caller.say(b"one")
    await caller.hear(3)
    line.black_hole()
    assert await caller.hears_nothing()
    line.heal()
    caller.say(b"two")
    assert await caller.hear(3) == b"two"


@pytest.mark.parametrize("direction", BOTH)
async def test_one_direction_alone_can_be_a_black_hole(line: Proxy, echo: Echo, direction: Direction) -> None:
    caller = await Caller.to(line)
    caller.say(b"one")
    await caller.hear(3)
    line.black_hole(direction)
    caller.say(b"two")
    assert await caller.hears_nothing()
    heard = b"one" if direction is Direction.UP else b"onetwo"

    async def arrived() -> bool:
        return echo.heard == heard

    await eventually(arrived, "the other direction is whole")
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
            caller.say(bytes(25_000))
        await asyncio.gather(*(caller.hear(25_000) for caller in callers))
        assert asyncio.get_running_loop().time() - began_s >= 0.4


async def test_latency_is_paid_by_each_byte_and_not_by_each_chunk(port: int) -> None:
    async with Proxy(port, latency_s=0.1) as line:
        caller = await Caller.to(line)
        began_s = asyncio.get_running_loop().time()
        caller.say(b"x")
        await caller.hear(1)
        assert asyncio.get_running_loop().time() - began_s >= 0.2
        caller.say(bytes(1_000_000))
        await caller.hear(1_000_000)
        assert asyncio.get_running_loop().time() - began_s < 2.0


async def test_nothing_is_left_of_a_line_that_was_stopped(port: int) -> None:
    line = Proxy(port)
    await line.start()
    callers = [await Caller.to(line) for _ in range(3)]
    line.black_hole()
    for caller in callers:
        caller.say(b"x")
    await line.stop()
    assert line.connections == 0
    for caller in callers:
        assert await caller.is_reset()


async def test_a_target_that_is_not_there_ends_the_callers_connection(line: Proxy, port: int) -> None:
    async with Proxy(1) as nowhere:
        caller = await Caller.to(nowhere)
        assert await caller.is_reset()
