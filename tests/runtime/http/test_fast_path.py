"""The fast path answers with the same bytes as aiohttp, and hands over each connection that it cannot serve."""

from __future__ import annotations

import asyncio
import json
import logging
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from aiohttp import web

from edge_node.assembly import assemble as assemble_edge
from hub.assembly import assemble as assemble_hub
from replica.core.base.errors import Invalid, Overloaded
from replica.core.state.commands import Command
from replica.core.stock.requests import GoodsLine, GoodsReceipt
from replica.runtime.http.fast_path import IDLE_S, FastCall, FastPath, _date, _parse, _refusal
from replica.runtime.http.protocol import problem_protocols
from replica.runtime.peering.websocket import HttpNetwork
from replica.runtime.process import Assembly

START = b"POST /v1/sales HTTP/1.1\r\n"
ORDERS = b"POST /v1/orders HTTP/1.1\r\n"
SLOW_PATH = "X-Slow-Path: 1\r\n"
"""A header that the fast path does not know."""


@asynccontextmanager
async def serving(assembly: Assembly) -> AsyncIterator[tuple[str, int]]:
    """The HTTP of a node, with the fast path, on a free port."""
    runner = web.AppRunner(assembly.app, access_log=None, handle_signals=False)
    await runner.setup()
    assert runner.server is not None and assembly.fast_calls
    fast_path = FastPath(assembly.fast_calls, assembly.node.driver, problem_protocols(runner.server))
    server = await asyncio.get_running_loop().create_server(fast_path, "127.0.0.1", 0)
    assembly.node.start([], 0.0)
    yield server.sockets[0].getsockname()
    server.close()
    fast_path.close()
    await runner.cleanup()
    await assembly.node.stop()


@pytest.fixture
async def address(tmp_path: Path) -> AsyncIterator[tuple[str, int]]:
    """The address of a store."""
    assembly = await assemble_edge(
        HttpNetwork(),
        name="store-1",
        location="store-1",
        data=tmp_path,
        host="127.0.0.1",
        hubs=(),
        region="store",
        open_catalog=True,
    )
    async with serving(assembly) as where:
        yield where


@pytest.fixture
async def hub_address(tmp_path: Path) -> AsyncIterator[tuple[str, int]]:
    """The address of a hub that has ten cola."""
    assembly = await assemble_hub(
        HttpNetwork(),
        name="hub-1",
        region="east",
        data=tmp_path,
        host="127.0.0.1",
        hosts=("w-1",),
        open_catalog=True,
    )
    async with serving(assembly) as where:
        receipt = GoodsReceipt((GoodsLine(10, item="cola"),))
        await assembly.node.driver.submit(Command("w-1", receipt, b"stock"))
        yield where


class Till:
    """A connection that sends bytes as they are and reads one answer at a time."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.reader = reader
        self.writer = writer

    async def read(self) -> tuple[int, dict[str, str], bytes]:
        head = (await asyncio.wait_for(self.reader.readuntil(b"\r\n\r\n"), 5)).decode()
        status, *lines = head.split("\r\n")
        headers = {name.lower(): value.strip() for name, _, value in (line.partition(":") for line in lines if line)}
        return int(status.split()[1]), headers, await self.reader.readexactly(int(headers["content-length"]))

    async def ask(self, raw: bytes) -> tuple[int, dict[str, str], bytes]:
        self.writer.write(raw)
        return await self.read()


async def dial(address: tuple[str, int]) -> Till:
    return Till(*await asyncio.open_connection(*address))


def request(body: bytes, key: str | None = "k1", extra: str = "", start: bytes = START) -> bytes:
    named = f"Idempotency-Key: {key}\r\n" if key is not None else ""
    head = f"Host: x\r\n{named}{extra}Content-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n"
    return start + head.encode() + body


class Line:
    """A transport that notes when it is closed."""

    def __init__(self) -> None:
        self.is_closed = False

    def get_extra_info(self, name: str) -> None:
        return None

    def close(self) -> None:
        self.is_closed = True


class SilentDriver:
    """A driver that accepts requests and answers none."""

    def submit_all(self, requests: object) -> asyncio.Future[Any]:
        return asyncio.get_running_loop().create_future()


@pytest.mark.virtual_time
async def test_a_connection_silent_for_long_is_closed_and_a_busy_one_is_not() -> None:
    calls = {"/v1/sales": lambda body, key: FastCall((), lambda verdicts: (200, b""))}
    fast_path = FastPath(calls, SilentDriver(), lambda: None)  # type: ignore[arg-type, return-value]
    connections, lines = [fast_path(), fast_path()], [Line(), Line()]
    for connection, line in zip(connections, lines, strict=True):
        connection.connection_made(line)  # type: ignore[arg-type]
    connections[0].data_received(request(b"{}"))
    for _ in range(4):
        await asyncio.sleep(IDLE_S / 2)
        connections[0].data_received(b"more")
    await asyncio.sleep(1)
    assert [line.is_closed for line in lines] == [False, True]
    fast_path.close()


async def test_the_system_looks_whether_the_other_end_of_a_silent_connection_is_there(tmp_path: Path) -> None:
    fast_path = FastPath({}, SilentDriver(), lambda: None)  # type: ignore[arg-type, return-value]
    server = await asyncio.get_running_loop().create_server(fast_path, "127.0.0.1", 0)
    reader, writer = await asyncio.open_connection(*server.sockets[0].getsockname())
    await asyncio.sleep(0)
    (connection,) = fast_path.connections
    own = connection._transport.get_extra_info("socket")
    assert own.getsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE) != 0
    fast_path.close()
    assert await reader.read() == b""
    writer.close()
    server.close()


@pytest.mark.virtual_time
async def test_a_connection_that_sends_now_and_then_is_not_closed() -> None:
    calls = {"/v1/sales": lambda body, key: FastCall((), lambda verdicts: (200, b""))}
    fast_path = FastPath(calls, SilentDriver(), lambda: None)  # type: ignore[arg-type, return-value]
    connection, line = fast_path(), Line()
    connection.connection_made(line)  # type: ignore[arg-type]
    await asyncio.sleep(1.5 * IDLE_S)
    connection.data_received(request(b"{}"))
    connection._is_busy = False  # it was answered
    await asyncio.sleep(IDLE_S)
    assert not line.is_closed
    await asyncio.sleep(IDLE_S)
    assert line.is_closed


def test_each_second_has_its_own_date(monkeypatch: pytest.MonkeyPatch) -> None:
    dates = []
    for second in (0.5, 86_400.5):
        monkeypatch.setattr("time.time", lambda second=second: second)
        dates.append(_date())
    assert dates == [b"Date: Thu, 01 Jan 1970 00:00:00 GMT\r\n", b"Date: Fri, 02 Jan 1970 00:00:00 GMT\r\n"]


def test_a_refusal_that_passes_says_when_to_retry() -> None:
    assert b"\r\nRetry-After: 1\r\n" in _refusal(Overloaded("busy"))
    assert b"Retry-After" not in _refusal(Invalid("wrong"))


@pytest.mark.virtual_time
@pytest.mark.parametrize("rest_s", [0.0, IDLE_S / 2, 3 * IDLE_S])
async def test_a_silent_connection_is_closed_also_after_a_time_without_any(rest_s: float) -> None:
    fast_path = FastPath({}, SilentDriver(), lambda: None)  # type: ignore[arg-type, return-value]
    for _ in range(3):
        first, line = fast_path(), Line()
        first.connection_made(line)  # type: ignore[arg-type]
        await asyncio.sleep(1)
        first.connection_lost(None)
        await asyncio.sleep(rest_s)
    silent = Line()
    fast_path().connection_made(silent)  # type: ignore[arg-type]
    await asyncio.sleep(2 * IDLE_S + 1)
    assert silent.is_closed
    fast_path.close()


@pytest.mark.parametrize(
    ("more", "status"),
    [
        (b"", 201),
        (b"", 409),
        (b',"ttl_s":0', 422),
        (b',"durability":"both"', 422),
        (b',"ship_to":"a-1"', 422),
        (b',"campaign":"summer"', 422),
        (b',"lines":[{"sku":"tea","quantity":1}]', 422),
    ],
)
async def test_both_paths_answer_an_order_the_same(hub_address: tuple[str, int], more: bytes, status: int) -> None:
    quantity = 11 if status == 409 else 2
    body = b'{"order":"o-1","lines":[{"sku":"cola","quantity":%d}]%b}' % (quantity, more)
    fast = await (await dial(hub_address)).ask(request(body, start=ORDERS))
    slow = await (await dial(hub_address)).ask(request(body, "k1", SLOW_PATH, ORDERS))
    assert (fast[0], "server" in fast[1], "server" in slow[1]) == (status, False, True)
    assert (fast[0], fast[2]) == (slow[0], slow[2])


async def test_an_order_that_may_wait_takes_the_slow_path(hub_address: tuple[str, int]) -> None:
    body = b'{"order":"o-1","lines":[{"sku":"cola","quantity":%d}],"wait_ms":100}'
    for quantity, status in ((11, 409), (10, 201)):
        answered, headers, _ = await (await dial(hub_address)).ask(request(body % quantity, f"k{status}", start=ORDERS))
        assert (answered, "server" in headers) == (status, True)


async def test_a_body_broken_behind_a_number_keeps_the_connection_on_both_paths(address: tuple[str, int]) -> None:
    body, till = b'{"lines":[{"sku":"cola","quantity":2.0}],"till":1e400"t"}', await dial(address)
    fast = await till.ask(request(body))
    assert (fast[0], json.loads(fast[2])["type"].rpartition("/")[2]) == (400, "malformed-json")
    assert (await till.ask(request(SOLD, "k2")))[0] == 201
    slow = await (await dial(address)).ask(request(body, "k1", SLOW_PATH))
    assert (slow[0], slow[2]) == (fast[0], fast[2])


BATCHES = b"POST /v1/sales:batch HTTP/1.1\r\n"

KEYS = [b"0190aaaa-bbbb-7ccc-8ddd-00000000000%d" % number for number in range(3)]


def batch(*keyed: tuple[bytes, bytes]) -> bytes:
    return b'{"sales":[%b]}' % b",".join(b'{"key":"%b",%b}' % one for one in keyed)


COLA = b'"lines":[{"sku":"cola","quantity":2}]'
PROMISE = b'"lines":[{"sku":"cola","quantity":2}],"on_shortage":"refuse"'


@pytest.mark.parametrize(
    "body",
    [
        batch((KEYS[0], COLA), (KEYS[1], COLA), (KEYS[2], COLA)),
        batch((b"till-1:1", COLA), (KEYS[1], COLA)),
        batch((KEYS[0], COLA), (KEYS[1], PROMISE)),
        batch((KEYS[0], COLA), (KEYS[0], PROMISE)),
    ],
    ids=["plain", "other keys", "one refused", "one key twice"],
)
async def test_both_paths_answer_a_batch_the_same(address: tuple[str, int], body: bytes) -> None:
    till = await dial(address)
    stock = request(b'{"lines":[{"item":"cola","quantity":9}]}', "stock", start=b"POST /v1/receipts HTTP/1.1\r\n")
    assert (await till.ask(stock))[0] == (await till.ask(request(SOLD)))[0] == 201
    fast = await (await dial(address)).ask(request(body, None, start=BATCHES))
    slow = await (await dial(address)).ask(request(body, None, SLOW_PATH, BATCHES))
    assert (fast[0], "server" in fast[1], "server" in slow[1]) == (207, False, True)
    assert fast[1]["content-type"] == slow[1]["content-type"]
    assert fast[2] == slow[2]


async def test_a_batch_with_a_malformed_sale_takes_the_slow_path(address: tuple[str, int]) -> None:
    body = batch((KEYS[0], COLA), (b"a b", COLA), (KEYS[2], b'"lines":[]'))
    status, headers, answer = await (await dial(address)).ask(request(body, None, start=BATCHES))
    assert (status, "server" in headers) == (207, True)
    assert [verdict["status"] for verdict in json.loads(answer)["verdicts"]] == [201, 422, 422]


UNREADABLE = {
    "beyond any float": b'"key":"bad","lines":[{"sku":"cola","quantity":1e999}]',
    "five thousand digits": b'"key":"bad","lines":[{"sku":"cola","quantity":%b}]' % (b"9" * 5_000),
    "beyond any float where nothing belongs": b'"key":"bad","price":-1e999,"lines":[{"sku":"cola","quantity":2}]',
    "not UTF-8": b'"key":"bad","lines":[{"sku":"\xff","quantity":2}]',
    "key that is no text": b'"key":7,"lines":[{"sku":"cola","quantity":1e999}]',
}


@pytest.mark.parametrize("name", UNREADABLE)
async def test_unreadable_sale_of_a_batch_does_not_stop_the_others(address: tuple[str, int], name: str) -> None:
    body = b'{"sales":[{"key":"one",%b},{%b},{"key":"two",%b}]}' % (COLA, UNREADABLE[name], COLA)
    status, _, answer = await (await dial(address)).ask(request(body, None, start=BATCHES))
    assert status == 207, answer
    one, bad, two = json.loads(answer)["verdicts"]
    assert (one["status"], two["status"]) == (201, 201)
    assert bad["problem"]["field"].startswith("sales[1]")
    assert bad["key"] == ("" if name == "key that is no text" else "bad")


SOLD = b'{"lines":[{"sku":"cola","quantity":2}]}'

BODIES = [
    SOLD,
    b'{"lines":[{"sku":"cola","quantity":2}],"till":"3","receipt":"77","occurred_at":"2026-01-02T03:04:05.678901Z"}',
    b'{"lines":[{"sku":"cola","quantity":1},{"sku":"tea","quantity":4}],"on_shortage":"record"}',
    b'{"lines":[{"sku":"cola","quantity":1}],"on_shortage":"refuse"}',
    b'{"lines":[]}',
    b'{"lines":[{"sku":"cola","quantity":0}]}',
    b'{"lines":[{"sku":"cola","quantity":1.5}]}',
    b'{"lines":[{"sku":"cola","quantity":2.0}]}',
    b'{"lines":[{"sku":"cola","quantity":1e400}]}',
    b'{"lines":[{"sku":"cola","quantity":1,"quantity":2}]}',
    b'{"lines":[{"sku":"cola","quantity":1}],"till":"a","till":"b"}',
    b'\xef\xbb\xbf{"lines":[{"sku":"cola","quantity":1}]}',
    b'{"lines":[{"sku":"cola","quantity":99999999999999999999}]}',
    b'{"lines":[{"quantity":1}]}',
    b'{"lines":[{"sku":"cola","barcode":"1","quantity":1}]}',
    b'{"lines":[{"barcode":"4006381333931","quantity":1}]}',
    b'{"lines":[{"sku":"a b","quantity":1}]}',
    b'{"lines":[{"sku":"cola","quantity":1}],"surprise":1}',
    b"{",
    b"",
    b"[" * 5_000,
    b'"\\ud800"',
]


@pytest.mark.parametrize("key", ["k1", '"k1"', None, "a b", "", "x" * 200])
@pytest.mark.parametrize("body", BODIES, ids=[body[:60].decode("utf-8", "replace") for body in BODIES])
async def test_both_paths_answer_the_same(address: tuple[str, int], body: bytes, key: str | None) -> None:
    fast = await (await dial(address)).ask(request(body, key))
    slow = await (await dial(address)).ask(request(body, key, SLOW_PATH))
    assert "server" not in fast[1], "the fast path did not answer"
    assert "server" in slow[1], "aiohttp did not answer"
    assert fast[0] == slow[0]
    if fast[0] == 201:
        assert fast[2] == slow[2], "the same key, so the same answer to the byte"
    else:
        assert json.loads(fast[2]) == json.loads(slow[2])
        assert fast[1]["content-type"].startswith("application/problem+json")


async def test_one_connection_answers_many_requests_in_order(address: tuple[str, int]) -> None:
    till = await dial(address)
    for number in range(1, 20):
        status, _, body = await till.ask(request(SOLD, f"k{number}"))
        assert (status, json.loads(body)["lines"][0]["available"]) == (201, -2 * number)


async def test_requests_sent_ahead_are_answered_in_order(address: tuple[str, int]) -> None:
    till = await dial(address)
    for number in range(5):
        till.writer.write(request(SOLD, f"k{number}"))
        await asyncio.sleep(0)
    available = [json.loads((await till.read())[2])["lines"][0]["available"] for _ in range(5)]
    assert available == [-2, -4, -6, -8, -10]


async def test_another_request_after_a_sale_moves_the_connection_to_the_slow_path(
    address: tuple[str, int],
) -> None:
    till = await dial(address)
    assert "server" not in (await till.ask(request(SOLD, "k1")))[1]
    stock = await till.ask(b"GET /v1/stock/cola HTTP/1.1\r\nHost: x\r\n\r\n")
    assert json.loads(stock[2])["on_hand"] == -2
    again = await till.ask(request(SOLD, "k2"))
    assert again[0] == 201 and "server" in again[1]


async def test_connection_on_the_slow_path_stays_there(address: tuple[str, int]) -> None:
    till = await dial(address)
    for _ in range(3):
        assert (await till.ask(b"GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n"))[0] == 200


async def test_request_that_arrives_in_pieces_is_answered(address: tuple[str, int]) -> None:
    till = await dial(address)
    raw = request(SOLD, "k1")
    for piece in (raw[:10], raw[10:60], raw[60:-5], raw[-5:]):
        till.writer.write(piece)
        await till.writer.drain()
        await asyncio.sleep(0.01)
    assert (await till.read())[0] == 201


async def test_two_requests_in_one_piece_are_both_answered(address: tuple[str, int]) -> None:
    till = await dial(address)
    till.writer.write(request(SOLD, "k1") + request(SOLD, "k2"))
    assert [(await till.read())[0], (await till.read())[0]] == [201, 201]


@pytest.mark.parametrize(("body", "status"), [(SOLD, 201), (b"{", 400)])
async def test_client_that_sends_no_more_gets_its_answer_before_the_close(
    address: tuple[str, int], body: bytes, status: int
) -> None:
    till = await dial(address)
    till.writer.write(request(body))
    till.writer.write_eof()
    assert (await till.read())[0] == status
    assert await asyncio.wait_for(till.reader.read(), 5) == b""


async def test_client_that_hangs_up_before_the_answer_does_not_stop_others(address: tuple[str, int]) -> None:
    rude = await dial(address)
    rude.writer.write(request(SOLD, "rude"))
    rude.writer.transport.abort()
    till = await dial(address)
    assert (await till.ask(request(SOLD, "k1")))[0] == 201


@pytest.mark.parametrize(
    "raw",
    [
        b"GET /v1/sales HTTP/1.1\r\nHost: x\r\n\r\n",
        b"POST /v1/sales HTTP/1.0\r\nHost: x\r\nContent-Length: 0\r\n\r\n",
        START + b"Content-Length: 0\r\n\r\n",
        START + b"Host: x\r\n\r\n",
        START + b"Host: x\r\nContent-Length: 2\r\n\r\n{}x",
        START + b"Host: x\r\nContent-Length: 3\r\n\r\n{}",
        START + b"Host: x\r\nContent-Length: +2\r\n\r\n{}",
        START + b"Host: x\r\nContent-Length: 2\r\nContent-Length: 2\r\n\r\n{}",
        START + b"Host: x\r\nContent-Length: 2\r\nTransfer-Encoding: chunked\r\n\r\n{}",
        START + b"Host: x\r\nContent-Length: 2\r\nExpect: 100-continue\r\n\r\n{}",
        START + b"Host: x\r\nContent-Length: 2\r\nConnection: close\r\n\r\n{}",
        START + b"Host: x\r\nContent-Length: 2\r\nContent-Encoding: gzip\r\n\r\n{}",
        START + b"Host: x\r\nIdempotency-Key: a\r\nIdempotency-Key: b\r\nContent-Length: 2\r\n\r\n{}",
        START + b"Host: x\r\nIdempotency-Key: a\r\n folded\r\nContent-Length: 2\r\n\r\n{}",
        START + b"Host: x\r\nContent-Length : 2\r\n\r\n{}",
        START + b"Host: x\r\nIdempotency-Key: \xc3\xa9\r\nContent-Length: 2\r\n\r\n{}",
        START + b"Host: x\nContent-Length: 2\r\n\r\n{}",
        START + b"Host: x\r\nUser-Agent: x\nTransfer-Encoding: chunked\r\nContent-Length: 2\r\n\r\n{}",
        START + b"Host: x\r\nUser-Agent: a\0b\r\nContent-Length: 2\r\n\r\n{}",
        START + b"Host: x\r\nContent-Length: " + b"0" * 5_000 + b"2\r\n\r\n{}",
        START + b"Host: x\r\nOrigin: http://evil.example\r\nContent-Length: 2\r\n\r\n{}",
    ],
)
def test_fast_path_does_not_read_a_request_that_is_not_plain(raw: bytes) -> None:
    assert _parse(raw, START) is None


@pytest.mark.parametrize(
    "extra",
    [
        "",
        "User-Agent: python-requests/2\r\nAccept-Encoding: gzip, deflate\r\nAccept: */*\r\nConnection: keep-alive\r\n",
        "Accept: */*\r\nAccept-Encoding: gzip, deflate\r\nUser-Agent: Python/3.11 aiohttp/3.14\r\n",
        "traceparent: 00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01\r\n",
    ],
)
def test_fast_path_reads_a_plain_request(extra: str) -> None:
    plain = _parse(request(SOLD, "k1", extra), START)
    assert plain is not None
    assert (plain.key, plain.body) == ("k1", SOLD)


async def test_client_that_leaves_the_feed_logs_no_error(
    address: tuple[str, int], caplog: pytest.LogCaptureFixture
) -> None:
    leaving, staying = await dial(address), await dial(address)
    leaving.writer.write(b"GET /v1/feed?after=0 HTTP/1.1\r\nHost: x\r\n\r\n")
    await leaving.reader.readuntil(b"\r\n\r\n")
    leaving.writer.transport.abort()
    for number in range(3):  # the feed would send the first one, the others arrive after its end
        assert (await staying.ask(request(SOLD, f"k{number}")))[0] == 201
    assert [record.getMessage() for record in caplog.records if record.levelno >= logging.ERROR] == []


async def test_client_that_leaves_in_the_middle_of_a_request_logs_no_error(
    address: tuple[str, int], caplog: pytest.LogCaptureFixture
) -> None:
    leaving, staying = await dial(address), await dial(address)
    leaving.writer.write(request(SOLD)[:-1])
    await leaving.writer.drain()
    assert (await staying.ask(request(SOLD, "k2")))[0] == 201  # the call of the leaving client waits for the rest now
    leaving.writer.close()
    await leaving.writer.wait_closed()
    assert (await staying.ask(request(SOLD, "k3")))[0] == 201
    assert [record.getMessage() for record in caplog.records if record.levelno >= logging.ERROR] == []
