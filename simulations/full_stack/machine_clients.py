"""The HTTP connections of the clients on one machine's local network: kept for reuse, lost or aborted."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from random import Random

from simulations.full_stack.calls import Call, HttpAnswer, packed, packed_in_chunks
from simulations.full_stack.loop import StackLoop
from simulations.full_stack.network import CLIENTS_OF
from simulations.full_stack.transport import Transport

REUSE = 0.8
"""Share of requests that use an open connection."""

ODD = 0.2
"""Share of requests in a form that the fast path does not handle."""

KEPT_MAX = 8

PIECE_BYTES = 1 << 16


class NodeConnection:
    """One connection to a node."""

    def __init__(self, transport: Transport, reader: asyncio.StreamReader) -> None:
        self._transport = transport
        self._reader = reader

    def write(self, data: bytes) -> None:
        """Send bytes."""
        self._transport.write(data)

    async def read(self) -> HttpAnswer:
        """Read one answer. Raises EOFError or OSError if the connection ends before."""
        head = (await self._reader.readuntil(b"\r\n\r\n")).decode("latin-1").split("\r\n")
        headers = {name.lower(): value.strip() for name, _, value in (line.partition(":") for line in head[1:])}
        body = await self._reader.readexactly(int(headers.get("content-length", "0")))
        return HttpAnswer(int(head[0].split()[1]), body, headers.get("connection", "") == "close")

    async def rest(self) -> bytes:
        """Read until the node closes the connection."""
        return await self._reader.read()

    async def listen(self, said: bytearray) -> None:
        """Add what the node sends to `said` until it closes the connection."""
        while piece := await self._reader.read(PIECE_BYTES):
            said += piece

    def abort(self) -> None:
        """Abort the connection."""
        self._transport.abort()

    def lose(self, random: Random) -> None:
        """Lose all bytes from now on, in one random direction."""
        random.choice((self._transport.end, self._transport.end.other)).is_forgotten = True


class MachineClients:
    """All clients of one machine."""

    def __init__(self, loop: StackLoop, machine: str, random: Random) -> None:
        self._loop = loop
        self._machine = machine
        self._name = CLIENTS_OF + machine
        self._random = random
        self._kept: list[NodeConnection] = []
        loop.network.power(self._name)

    async def call(self, call: Call, timeout_s: float, loses: float = 0.0) -> HttpAnswer | None:
        """Send a call and wait for its answer; None if its outcome is unknown.

        Raises ConnectionRefusedError: definite, nothing was sent.
        """
        answers = await self.call_ahead([call], timeout_s, loses)
        return answers[0] if answers else None

    async def call_ahead(self, calls: Sequence[Call], timeout_s: float, loses: float = 0.0) -> list[HttpAnswer] | None:
        """Send several calls without waiting in between. The answers come in the same order.

        Raises ConnectionRefusedError: definite, nothing was sent.
        """
        is_lost = self._random.random() < loses
        line = self._kept.pop() if self._kept and self._random.random() < REUSE else None
        is_sent = False
        try:
            async with asyncio.timeout(timeout_s):
                line = line or await self.open()
                if is_lost:
                    line.lose(self._random)
                is_sent = True
                line.write(b"".join([self._pack(call) for call in calls]))
                answers = [await line.read() for _ in calls]
        except (TimeoutError, OSError, EOFError):
            if line is not None:
                line.abort()
            if not is_sent:
                raise ConnectionRefusedError(f"{self._machine} does not listen") from None
            return None
        if answers[-1].is_last or is_lost or len(self._kept) >= KEPT_MAX:
            line.abort()
        else:
            self._kept.append(line)
        return answers

    def hang_up(self) -> None:
        """Abort all kept connections, because some of them may be dead."""
        while self._kept:
            self._kept.pop().abort()

    async def open(self) -> NodeConnection:
        """Connect. Raises ConnectionError, or waits without limit."""
        reader = asyncio.StreamReader(loop=self._loop)
        protocol = asyncio.StreamReaderProtocol(reader, loop=self._loop)
        return NodeConnection(await self._loop.open(self._name, self._machine, lambda: protocol), reader)

    def _pack(self, call: Call) -> bytes:
        if self._random.random() >= ODD:
            return packed(call, self._machine)
        match self._random.randrange(3):
            case 0:
                return packed(call, self._machine, "X-Till: 7")
            case 1:
                return packed(call, self._machine, "Connection: close")
            case _:
                return packed_in_chunks(call, self._machine, 1 + self._random.randrange(64))
