"""The sockets of the full stack, as asyncio and aiohttp see them if lines, processes and machines fail."""

from __future__ import annotations

import asyncio
import signal
from collections.abc import Awaitable, Callable
from random import Random

import pytest

from simulations.full_stack.loop import PORT, StackLoop
from simulations.full_stack.network import ByteNetwork
from simulations.loop import Host
from simulations.network import LINE_BYTES

Serve = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]

WAYS = (("client", "server"), ("server", "client"))


class World:
    """A client and a server."""

    def __init__(self) -> None:
        self.loop = StackLoop(Random(1))
        self.loop.network = self.network = ByteNetwork(self.loop, Random(2))
        self.server = Host("server")
        self.client = Host("client")
        for name in ("server", "client"):
            self.network.power(name)

    def serve(self, serve: Serve) -> None:
        async def listen() -> None:
            def made() -> asyncio.StreamReaderProtocol:
                reader = asyncio.StreamReader(loop=self.loop)
                return asyncio.StreamReaderProtocol(reader, serve, loop=self.loop)

            await self.loop.create_server(made, "127.0.0.1", PORT)

        self.loop.run_until_complete(self.loop.start_on(self.server, listen()))

    def run(self, work: Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[object]]) -> object:
        async def connect() -> object:
            reader = asyncio.StreamReader(loop=self.loop)
            protocol = asyncio.StreamReaderProtocol(reader, loop=self.loop)
            transport = await self.loop.open("client", "server", lambda: protocol)
            return await work(reader, asyncio.StreamWriter(transport, protocol, reader, self.loop))

        return self.loop.run_until_complete(self.loop.start_on(self.client, connect()))


@pytest.fixture
def world() -> World:
    return World()


async def echo(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    while data := await reader.read(1 << 16):
        writer.write(data)
        await writer.drain()
    writer.close()


async def listen_only(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    await asyncio.Event().wait()


def test_bytes_arrive_in_order_in_pieces_of_any_size(world: World) -> None:
    world.serve(echo)
    sent = b"".join(b"%06d" % number for number in range(20_000))

    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> bytes:
        for start in range(0, len(sent), 1_000):
            writer.write(sent[start : start + 1_000])
        return await reader.readexactly(len(sent))

    assert world.run(talk) == sent


def test_a_slow_reader_makes_the_writer_wait(world: World) -> None:
    world.serve(listen_only)

    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> int:
        written = 0
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(60):
                while True:
                    writer.write(bytes(1 << 16))
                    written += 1 << 16
                    await writer.drain()
        return written

    written = world.run(talk)
    assert isinstance(written, int) and written < LINE_BYTES + (1 << 19)


def test_a_cut_line_holds_bytes_until_it_is_mended(world: World) -> None:
    world.serve(echo)

    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> float:
        for way in WAYS:
            world.network.cut(way)
        world.loop.call_later(5.0, lambda: [world.network.mend(way) for way in WAYS])
        writer.write(b"still there?")
        await reader.readexactly(12)
        return world.loop.time()

    assert world.run(talk) == pytest.approx(5.0, abs=0.2)


def test_a_killed_process_hangs_up(world: World) -> None:
    world.serve(echo)

    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> bytes:
        world.loop.crash(world.server)
        world.network.drop("server", has_power=True)
        return await reader.read()

    assert world.run(talk) == b""


def test_a_machine_without_power_sends_nothing_until_it_is_up(world: World) -> None:
    world.serve(echo)

    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        world.loop.crash(world.server)
        world.network.drop("server", has_power=False)
        writer.write(b"anybody?")
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(60):
                await reader.read()
        world.network.power("server")
        writer.write(b"anybody?")
        with pytest.raises(ConnectionResetError):
            await reader.read()

    world.run(talk)


def test_bytes_written_before_closing_arrive(world: World) -> None:
    got: list[bytes] = []

    async def collect(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        got.append(await reader.read())

    world.serve(collect)

    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(bytes(3 * LINE_BYTES))
        writer.close()
        await asyncio.sleep(30)

    world.run(talk)
    assert [len(data) for data in got] == [3 * LINE_BYTES]


def test_a_signal_reaches_the_process_that_handles_it(world: World) -> None:
    async def wait() -> str:
        received = asyncio.Event()
        world.loop.add_signal_handler(signal.SIGTERM, received.set)
        world.loop.call_later(1.0, world.loop.signal, world.server, signal.SIGTERM)
        world.loop.call_later(2.0, world.loop.signal, world.client, signal.SIGTERM)
        await received.wait()
        return f"{world.loop.time():.1f}"

    assert world.loop.run_until_complete(world.loop.start_on(world.server, wait())) == "1.0"
