"""The fast path: answers frequent calls inside the HTTP protocol, and leaves all others to aiohttp.

A till sends one kind of request over and over. `FastPath` serves its connection as long as each piece that arrives is
exactly one whole, plain request of a known kind that needs no waiting. When anything else arrives, the fast path hands
the connection over for good: aiohttp's own protocol continues with the bytes that have no answer yet. Both paths check,
decide and render with the same functions. See docs/decisions/0004.
"""

from __future__ import annotations

import asyncio
import re
import socket
import time
from collections.abc import Callable, Mapping
from email.utils import formatdate
from functools import lru_cache, partial
from http import HTTPStatus
from typing import Any

from msgspec import Struct

from replica.core.base.errors import Refused
from replica.core.state.commands import Command, Requests
from replica.core.state.decisions import Verdicts
from replica.runtime.driver import Driver
from replica.runtime.http.operations import JSON, encode_json
from replica.runtime.http.problems import PROBLEM, RETRY_AFTER_S, problem
from replica.runtime.http.writes import answer_of

HELD_BYTES_MAX = 64 << 10
"""Most bytes of requests that may wait for an answer; beyond that the node stops reading the connection."""

IDLE_S = 75.0
"""Silence after which a connection is closed, at the latest after twice as long; aiohttp waits as long."""

Render = Callable[[Verdicts], tuple[int, bytes]]
"""Renders the answer to a request: status and body. Raises Refused."""


class FastCall(Struct, frozen=True):
    """The requests that one call contains, and how to render their answer."""

    requests: Requests
    render: Render


FastRead = Callable[[bytes, str | None], FastCall | None]
"""Checks a request, given its body and key; None leaves it to aiohttp. Raises Refused."""


def single(read: Callable[[bytes, str | None], Command | None]) -> FastRead:
    """Make the reader of a call that contains one request."""

    def read_one(body: bytes, key: str | None) -> FastCall | None:
        command = read(body, key)
        return FastCall((command,), _render_one) if command is not None else None

    return read_one


def _render_one(verdicts: Verdicts) -> tuple[int, bytes]:
    (verdict,) = verdicts
    if isinstance(verdict, Refused):
        raise verdict
    return HTTPStatus.CREATED, encode_json(answer_of(verdict))


class FastPath:
    """Makes the protocol of each connection. `calls`: the readers by path. `fallback`: makes aiohttp's protocol."""

    def __init__(
        self,
        calls: Mapping[str, FastRead],
        driver: Driver,
        fallback: Callable[[], asyncio.Protocol],
    ) -> None:
        self.calls = [(f"POST {path} HTTP/1.1\r\n".encode(), read) for path, read in calls.items()]
        self.driver = driver
        self.fallback = fallback
        self.connections: dict[FastConnection, None] = {}
        self._sweeping: asyncio.TimerHandle | None = None

    def __call__(self) -> FastConnection:
        return FastConnection(self)

    def enter(self, connection: FastConnection) -> None:
        """Remember a connection until it is handed over or ends."""
        self.connections[connection] = None
        if self._sweeping is None:
            self._sweeping = asyncio.get_running_loop().call_later(IDLE_S, self._sweep)

    def _sweep(self) -> None:
        """Close connections that were silent since the last sweep. One timer serves all of them, for speed."""
        self._sweeping = asyncio.get_running_loop().call_later(IDLE_S, self._sweep) if self.connections else None
        for connection in list(self.connections):
            connection.rest()

    def close(self) -> None:
        """Close each connection of the fast path, after the answer it waits for."""
        if self._sweeping is not None:
            self._sweeping.cancel()
        for connection in list(self.connections):
            connection.close()


class FastConnection(asyncio.Protocol):
    """One connection, until it is handed over."""

    def __init__(self, fast_path: FastPath) -> None:
        self._fast_path = fast_path
        self._transport: Any = None
        self._held = b""
        self._is_busy = False
        self._is_closing = False
        self._is_resting = False
        self._has_ended = False

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = transport
        self._fast_path.enter(self)
        connection = transport.get_extra_info("socket")
        if connection is not None and connection.family in (socket.AF_INET, socket.AF_INET6):
            connection.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)

    def connection_lost(self, exc: Exception | None) -> None:
        self._fast_path.connections.pop(self, None)

    def eof_received(self) -> bool:
        """Keep the connection while an answer is due: a caller that sends no more still waits for it."""
        self._has_ended = True
        return self._is_busy

    def data_received(self, data: bytes) -> None:
        self._is_resting = False
        if self._is_busy:
            self._held += data
            if len(self._held) > HELD_BYTES_MAX:
                self._transport.pause_reading()
            return
        try:
            call = self._read(data)
            if call is None:
                self._hand_over(data)
                return
            answer = self._fast_path.driver.submit_all(call.requests)
        except Refused as refused:
            self._write(_refusal(refused))
            return
        self._is_busy = True
        answer.add_done_callback(partial(self._answered, call.render))

    def _read(self, data: bytes) -> FastCall | None:
        for start, read in self._fast_path.calls:
            plain = _parse(data, start)
            if plain is not None:
                return read(plain.body, plain.key)
        return None

    def close(self) -> None:
        """Close the connection, after the answer it waits for."""
        self._is_closing = True
        if not self._is_busy:
            self._transport.close()

    def rest(self) -> None:
        """Close the connection if nothing arrived since the last call of this method."""
        if self._is_resting and not self._is_busy:
            self.close()
        self._is_resting = True

    def _answered(self, render: Render, answer: asyncio.Future[Verdicts]) -> None:
        self._is_busy = False
        if answer.cancelled():
            self._transport.abort()  # the driver ended: nobody knows what is durable, so there is no answer
            return
        try:
            status, body = render(answer.result())
            self._write(_response(HTTPStatus(status), JSON, body))
        except Refused as refused:
            self._write(_refusal(refused))
        if self._is_closing:
            self._transport.close()
        elif self._held:
            held, self._held = self._held, b""
            self._transport.resume_reading()
            self.data_received(held)
        if self._has_ended and not self._is_busy and self in self._fast_path.connections:
            self._transport.close()

    def _write(self, response: bytes) -> None:
        if not self._transport.is_closing():
            self._transport.write(response)

    def _hand_over(self, data: bytes) -> None:
        del self._fast_path.connections[self]
        fallback = self._fast_path.fallback()
        self._transport.set_protocol(fallback)
        fallback.connection_made(self._transport)
        fallback.data_received(data)


_plain_head = re.compile(rb"(?:[ -~]+\r\n)*[ -~]+")
"""Lines of printable ASCII: no bare line feed, no control character, nothing that two parsers read differently."""

_DIGITS_MAX = 7


class _Plain(Struct, frozen=True):
    key: str | None
    body: bytes


def _parse(data: bytes, start: bytes) -> _Plain | None:
    """Read exactly one whole request of the plainest form; None for anything else, which aiohttp then parses."""
    if not data.startswith(start):
        return None
    end = data.find(b"\r\n\r\n", len(start) - 2)
    if end < 0 or not _plain_head.fullmatch(data, 0, end):
        return None
    key = length = host = None
    for line in data[len(start) : end].split(b"\r\n"):
        name, mark, value = line.partition(b":")
        match name.lower():
            case b"content-length" if length is None:
                length = value.strip()
            case b"idempotency-key" if key is None:
                key = value.strip().decode()
            case b"host" if host is None:
                host = value
            case b"connection" if value.strip().lower() == b"keep-alive":
                pass
            case b"content-type" | b"accept" | b"user-agent" | b"accept-encoding" | b"traceparent" if mark:
                pass
            case _:
                return None
    body = data[end + 4 :]
    if host is None or length is None or not (length.isdigit() and len(length) <= _DIGITS_MAX):
        return None
    if int(length) != len(body):
        return None
    return _Plain(key, body)


def _refusal(refused: Refused) -> bytes:
    document = problem(refused)
    status = HTTPStatus(document["status"])
    extra = f"Retry-After: {RETRY_AFTER_S[status]}\r\n" if status in RETRY_AFTER_S else ""
    return _response(status, PROBLEM, encode_json(document), extra)


def _response(status: HTTPStatus, kind: str, body: bytes, extra: str = "") -> bytes:
    return b"%b%b%bContent-Length: %d\r\n\r\n%b" % (_head(status, kind), _date(), extra.encode(), len(body), body)


@lru_cache(maxsize=64)
def _head(status: HTTPStatus, kind: str) -> bytes:
    return f"HTTP/1.1 {status.value} {status.phrase}\r\nContent-Type: {kind}\r\n".encode()


def _date() -> bytes:
    return _date_at(int(time.time()))


@lru_cache(maxsize=2)
def _date_at(second: int) -> bytes:
    return f"Date: {formatdate(second, usegmt=True)}\r\n".encode()
