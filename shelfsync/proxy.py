"""A line that can fail: one listening port on loopback that passes bytes to one target.

Two nodes that must be disconnected talk only through such a proxy. A line is whole, cut (live and new connections are
reset) or a black hole in one or both directions (connections stay open, bytes are lost). A connection that lost bytes
cannot continue, so healing resets it, as a middlebox without its state does.

    client --> proxy --> target        UP
    client <-- proxy <-- target        DOWN

Bandwidth and latency belong to the line, not to a connection: connections take turns in each direction. A chunk waits
for its turn and arrives after the latency; the next chunk is sent meanwhile.
"""

from __future__ import annotations

import asyncio
import contextlib
import socket
import struct
from enum import Enum
from types import TracebackType

CHUNK_BYTES = 64 << 10

CHUNK_S = 0.02
"""The longest time that a chunk may occupy a slow line, so that connections share it fairly."""

CHUNK_BYTES_MIN = 512

IN_FLIGHT_MAX = 256
"""The largest number of sent but undelivered chunks of one connection, in one direction."""

CONNECT_S = 5.0

_RESET = struct.pack("ii", 1, 0)
"""SO_LINGER on, 0 seconds: closing sends a reset."""


class Direction(Enum):
    """The direction of bytes."""

    UP = "from the client to the target"
    DOWN = "from the target to the client"


BOTH = (Direction.UP, Direction.DOWN)


class OneWay:
    """One direction of a line: its speed, its delivered bytes, and whether it loses bytes."""

    def __init__(self, bits_per_s: float | None, latency_s: float) -> None:
        self.bits_per_s = bits_per_s
        self.latency_s = latency_s
        self.loses_bytes = False
        self.passed_bytes = 0
        self._free_at_s = 0.0

    @property
    def chunk_bytes(self) -> int:
        """The number of bytes to read at once."""
        if self.bits_per_s is None:
            return CHUNK_BYTES
        return max(CHUNK_BYTES_MIN, min(CHUNK_BYTES, int(self.bits_per_s / 8 * CHUNK_S)))

    def book(self, size: int, now_s: float) -> tuple[float, float]:
        """Reserve a turn for this number of bytes; return when they are sent and when they arrive."""
        occupied_s = size * 8 / self.bits_per_s if self.bits_per_s is not None else 0.0
        self._free_at_s = max(now_s, self._free_at_s) + occupied_s
        return self._free_at_s, self._free_at_s + self.latency_s


class Proxy:
    """One line to `host:port`. Start it, reach the target through `url`, stop it."""

    def __init__(
        self, port: int, *, host: str = "127.0.0.1", bits_per_s: float | None = None, latency_s: float = 0.0
    ) -> None:
        self.target = (host, port)
        self.directions = {direction: OneWay(bits_per_s, latency_s) for direction in BOTH}
        self.is_cut = False
        self._connections: set[_ProxiedConnection] = set()
        self._server: asyncio.Server | None = None

    async def __aenter__(self) -> Proxy:
        await self.start()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None
    ) -> None:
        await self.stop()

    async def start(self) -> None:
        """Listen on a free port of loopback."""
        self._server = await asyncio.start_server(self._accept, "127.0.0.1", 0, limit=CHUNK_BYTES)

    async def stop(self) -> None:
        """Stop listening and drop every connection."""
        if self._server is not None:
            self._server.close()
        connections = list(self._connections)
        for connection in connections:
            connection.reset()
        await asyncio.gather(*(connection.ended.wait() for connection in connections))

    @property
    def port(self) -> int:
        """The port that the proxy listens on."""
        assert self._server is not None
        port: int = self._server.sockets[0].getsockname()[1]
        return port

    @property
    def url(self) -> str:
        """The base address of the target, through this line."""
        return f"http://127.0.0.1:{self.port}"

    @property
    def is_whole(self) -> bool:
        """Whether bytes pass in both directions."""
        return not self.is_cut and not any(one_way.loses_bytes for one_way in self.directions.values())

    @property
    def connections(self) -> int:
        """The number of live connections, including those whose bytes are lost."""
        return len(self._connections)

    def cut(self) -> None:
        """Reset live and new connections, until healed."""
        self.is_cut = True
        for connection in list(self._connections):
            connection.reset()

    def black_hole(self, *directions: Direction) -> None:
        """Accept and keep connections, but lose their bytes, in both directions or in the given ones."""
        for direction in directions or BOTH:
            self.directions[direction].loses_bytes = True

    def heal(self) -> None:
        """Pass bytes again, and reset the connections that lost bytes."""
        self.is_cut = False
        for one_way in self.directions.values():
            one_way.loses_bytes = False
        for connection in list(self._connections):
            if connection.has_lost_bytes:
                connection.reset()

    async def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        connection = _ProxiedConnection(self.directions, reader, writer)
        if self.is_cut:
            connection.reset()
            return
        self._connections.add(connection)
        try:
            await connection.run(self.target)
        finally:
            self._connections.discard(connection)
            connection.ended.set()


class _ProxiedConnection:
    """One accepted connection, and its connection to the target."""

    def __init__(
        self, directions: dict[Direction, OneWay], reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        self.has_lost_bytes = False
        """Whether the connection lost bytes."""
        self.ended = asyncio.Event()
        self._directions = directions
        self._reader = reader
        self._writers = [writer]
        self._running: asyncio.Task[None] | None = None

    def reset(self) -> None:
        """End the connection immediately, with a reset to both sides."""
        for writer in self._writers:
            sock = writer.get_extra_info("socket")
            with contextlib.suppress(OSError):
                sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET)
            writer.transport.abort()
        if self._running is not None:
            self._running.cancel()

    async def run(self, target: tuple[str, int]) -> None:
        """Pass bytes in both directions until both sides have ended the stream, or one side fails."""
        self._running = asyncio.ensure_future(self._pass_both(target))
        try:
            await asyncio.wait([self._running])
        finally:
            self.reset()

    async def _pass_both(self, target: tuple[str, int]) -> None:
        up, down = self._directions[Direction.UP], self._directions[Direction.DOWN]
        try:
            if up.loses_bytes:
                await self._lose_all(up)
            async with asyncio.timeout(CONNECT_S):
                reader, writer = await asyncio.open_connection(*target, limit=CHUNK_BYTES)
        except (OSError, TimeoutError):
            return
        self._writers.append(writer)
        passing = [
            asyncio.ensure_future(self._pass(up, self._reader, writer)),
            asyncio.ensure_future(self._pass(down, reader, self._writers[0])),
        ]
        try:
            await asyncio.gather(*passing)
        except OSError:
            return
        finally:
            for task in passing:
                task.cancel()

    async def _lose_all(self, up: OneWay) -> None:
        """Lose all bytes of the client; the target never sees the connection."""
        self.has_lost_bytes = True
        while await self._reader.read(up.chunk_bytes):
            pass
        raise ConnectionResetError

    async def _pass(self, one_way: OneWay, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        undelivered: asyncio.Queue[tuple[float, bytes]] = asyncio.Queue(IN_FLIGHT_MAX)
        delivering = asyncio.ensure_future(self._deliver(one_way, undelivered, writer))
        loop = asyncio.get_running_loop()
        try:
            while True:
                data = await reader.read(one_way.chunk_bytes)
                sent_s, arrives_s = one_way.book(len(data), loop.time())
                await undelivered.put((arrives_s, data))
                if not data:
                    await delivering
                    return
                await _sleep_until(sent_s)
                if delivering.done():
                    delivering.result()
        finally:
            delivering.cancel()

    async def _deliver(
        self, one_way: OneWay, undelivered: asyncio.Queue[tuple[float, bytes]], writer: asyncio.StreamWriter
    ) -> None:
        while True:
            arrives_s, data = await undelivered.get()
            await _sleep_until(arrives_s)
            if one_way.loses_bytes:
                self.has_lost_bytes = True
                if not data:
                    await asyncio.Event().wait()  # the end of the stream is lost too: the other side stays half-open
                continue
            if not data:
                writer.write_eof()
                return
            one_way.passed_bytes += len(data)
            writer.write(data)
            await writer.drain()


async def _sleep_until(moment_s: float) -> None:
    delay_s = moment_s - asyncio.get_running_loop().time()
    if delay_s > 0:
        await asyncio.sleep(delay_s)
