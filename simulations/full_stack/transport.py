"""A transport for asyncio's protocols on one end of a connection, in place of a socket."""

from __future__ import annotations

import asyncio
import errno
import socket
from asyncio.transports import _FlowControlMixin
from collections import deque
from collections.abc import Iterable
from contextvars import copy_context
from typing import Any

from simulations.full_stack.network import ByteEnd, ByteNetwork
from simulations.network import LINE_BYTES, Reset

READ_BYTES = 256 << 10
"""The most bytes for one read, as in asyncio."""


class Transport(_FlowControlMixin):
    """One end of a connection. Its callbacks run on the host that made it."""

    _loop: asyncio.AbstractEventLoop

    def __init__(
        self,
        loop: asyncio.AbstractEventLoop,
        network: ByteNetwork,
        end: ByteEnd,
        protocol: asyncio.BaseProtocol,
        sock: socket.socket | None = None,
    ) -> None:
        extra = {
            "peername": (network.address_of(end.other.machine), 0),
            "sockname": (network.address_of(end.machine), 0),
            "socket": sock,
        }
        super().__init__(extra, loop)
        self._network = network
        self.end = end
        self._protocol: Any = protocol
        self._socket = sock
        self._context = copy_context()
        self._unsent: deque[bytes] = deque()
        self._unsent_bytes = 0
        self._is_closing = False
        self._is_lost = False
        self._is_paused = False
        self._is_read_due = False
        self._says_no_more = False
        end.on_arrival, end.on_room, end.on_gone = self._arrived, self._made_room, self._free
        self._soon(protocol.connection_made, self)
        self._soon(self._arrived)

    async def made(self) -> None:
        """Wait until the protocol got `connection_made`."""
        try:
            await asyncio.sleep(0)
        except BaseException:
            self.abort()
            raise

    # required by protocols ---------------------------------------------------------------------------------------

    def set_protocol(self, protocol: asyncio.BaseProtocol) -> None:
        self._protocol = protocol

    def get_protocol(self) -> asyncio.BaseProtocol:
        protocol: asyncio.BaseProtocol = self._protocol
        return protocol

    def is_closing(self) -> bool:
        return self._is_closing

    def is_reading(self) -> bool:
        return not self._is_paused and not self._is_closing

    def pause_reading(self) -> None:
        self._is_paused = True

    def resume_reading(self) -> None:
        self._is_paused = False
        self._arrived()

    def get_write_buffer_size(self) -> int:
        return self._unsent_bytes

    def can_write_eof(self) -> bool:
        return True

    def write(self, data: bytes | bytearray | memoryview) -> None:
        if self._says_no_more:
            raise RuntimeError("Cannot call write() after write_eof()")
        if data and not self._is_closing:
            self._unsent.append(bytes(data))
            self._unsent_bytes += len(data)
            self._send()
            self._maybe_pause_protocol()  # type: ignore[attr-defined]

    def writelines(self, list_of_data: Iterable[bytes | bytearray | memoryview]) -> None:
        self.write(b"".join(list_of_data))

    def write_eof(self) -> None:
        raise NotImplementedError("half-closed connections are not simulated")

    def close(self) -> None:
        if not self._is_closing:
            self._is_closing = True
            if not self._unsent:
                self._lose(None)

    def abort(self) -> None:
        self._unsent.clear()
        self._is_closing = True
        self._lose(None)

    # events of the line ------------------------------------------------------------------------------------------

    def _arrived(self) -> None:
        if not (self._is_read_due or self._is_paused or self._is_lost):
            self._is_read_due = True
            self._soon(self._read)

    def _read(self) -> None:
        self._is_read_due = False
        end = self.end
        if isinstance(end.ended, Reset) and not self._is_lost:
            self._is_closing = True
            self._unsent.clear()
            self._lose(ConnectionResetError(errno.ECONNRESET, "Connection reset by peer"))
        elif self._is_paused or self._is_closing:
            pass
        elif end.unread:
            self._protocol.data_received(end.take(READ_BYTES))
            if end.unread or end.ended is not None:
                self._arrived()
        elif end.ended is not None and not self._protocol.eof_received():
            self.close()

    def _made_room(self) -> None:
        if self._unsent:
            self._soon(self._send)

    def _send(self) -> None:
        while self._unsent and self.end.is_open and self.end.under_way < LINE_BYTES:
            piece = self._unsent.popleft()
            self._unsent_bytes -= len(piece)
            self._network.send(self.end, piece)
        self._maybe_resume_protocol()  # type: ignore[attr-defined]
        if self._is_closing and not self._unsent:
            self._lose(None)

    def _lose(self, failure: Exception | None) -> None:
        if not self._is_lost:
            self._is_lost = True
            self._unsent_bytes = 0
            self.end.hang_up()
            self._soon(self._say_lost, failure)

    def _say_lost(self, failure: Exception | None) -> None:
        self._protocol.connection_lost(failure)
        self._free()

    def _free(self) -> None:
        if self._socket is not None:
            self._socket.close()

    def _soon(self, callback: Any, *arguments: object) -> None:
        self._loop.call_soon(callback, *arguments, context=self._context)
