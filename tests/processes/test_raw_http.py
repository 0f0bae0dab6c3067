"""Raw bytes on a store's port: a request gets the same answer in pieces, in another spelling, and pipelined.

The fast path answers the simplest form of a sale, and aiohttp all others. Only the time may differ.
"""

from __future__ import annotations

import asyncio
import json
import zlib
from collections.abc import AsyncIterator, Sequence
from itertools import pairwise
from typing import NamedTuple

import aiohttp
import pytest
import pytest_asyncio

from shelfsync.chain import LocalChain, NodeProcess
from tests.processes.asking import eventually, get, journal, metric, new_key, post

pytestmark = [pytest.mark.processes, pytest.mark.asyncio(loop_scope="module")]

BODY = b'{"lines":[{"sku":"cola","quantity":2}]}'
ANSWER_S = 5.0
PIECE_S = 0.003
"""The pause between two pieces, so that each arrives separately."""


class RawAnswer(NamedTuple):
    """One response, as it was on the wire."""

    status: int
    headers: dict[str, str]
    body: bytes


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def store(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[NodeProcess]:
    async with LocalChain(tmp_path_factory.mktemp("raw")) as chain:
        node = await chain.store("store-1", more=["--open-catalog"])
        await chain.ready()
        yield node


def request(key: str, *headers: str, body: bytes = BODY, start: str = "POST /v1/sales HTTP/1.1") -> bytes:
    lines = [start, "Host: till", f"Idempotency-Key: {key}", *headers]
    if not any(header.lower().startswith(("content-length", "transfer-encoding")) for header in headers):
        lines.append(f"Content-Length: {len(body)}")
    return "\r\n".join([*lines, "", ""]).encode() + body


async def talk(port: int, pieces: Sequence[bytes], answers: int = 1) -> list[RawAnswer]:
    """Send pieces one by one on one connection; read this number of answers, or fewer if the connection closes."""
    async with asyncio.timeout(ANSWER_S):
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        try:
            for piece in pieces:
                writer.write(piece)
                await writer.drain()
                await asyncio.sleep(PIECE_S)
            return [answer for answer in [await read(reader) for _ in range(answers)] if answer is not None]
        finally:
            writer.close()


async def read(reader: asyncio.StreamReader) -> RawAnswer | None:
    try:
        head = await reader.readuntil(b"\r\n\r\n")
    except (asyncio.IncompleteReadError, ConnectionError):
        return None
    first, *lines = head.decode().split("\r\n")[:-2]
    headers = {name.lower(): value.strip() for name, _, value in (line.partition(":") for line in lines)}
    status = int(first.split()[1])
    if status == 100:
        return await read(reader)
    return RawAnswer(status, headers, await reader.readexactly(int(headers.get("content-length", 0))))


SPELLINGS: dict[str, tuple[tuple[str, ...], bytes]] = {
    "plain": ((), BODY),
    "with an unknown header": (("X-Till: 7",), BODY),
    "with a content type": (("Content-Type: application/json",), BODY),
    "closing": (("Connection: close",), BODY),
    "expecting": (("Expect: 100-continue",), BODY),
    "in chunks": (("Transfer-Encoding: chunked",), b"%x\r\n%b\r\n0\r\n\r\n" % (len(BODY), BODY)),
    "with blanks": ((), b' { "lines" : [ { "quantity": 2, "sku" : "cola" } ] } '),
}


@pytest.mark.parametrize("name", SPELLINGS)
async def test_each_spelling_of_a_request_gets_the_same_answer(store: NodeProcess, name: str) -> None:
    headers, body = SPELLINGS[name]
    key = new_key()
    (plain,) = await talk(store.port, [request(key)])
    (other,) = await talk(store.port, [request(key, *headers, body=body)])
    assert (plain.status, plain.headers["content-type"]) == (201, "application/json")
    assert (other.status, other.body) == (plain.status, plain.body)
    assert other.headers["content-type"].startswith("application/json")


@pytest.mark.parametrize("cuts", [(1,), (25,), (60,), (-40,), (-1,), (5, 30, 90, -10), tuple(range(1, 100, 7))])
async def test_request_may_arrive_in_pieces(store: NodeProcess, cuts: tuple[int, ...]) -> None:
    whole = request(new_key())
    ends = [0, *sorted(cut % len(whole) for cut in cuts), len(whole)]
    pieces = [whole[start:end] for start, end in pairwise(ends)]
    (answer,) = await talk(store.port, pieces)
    assert answer.status == 201


@pytest.mark.parametrize("at_once", [True, False])
async def test_pipelined_requests_are_answered_in_order_and_each_once(store: NodeProcess, at_once: bool) -> None:
    keys = [new_key() for _ in range(40)]
    whole = b"".join(request(key) for key in keys)
    size = len(whole) if at_once else 333
    pieces = [whole[start : start + size] for start in range(0, len(whole), size)]
    answers = await talk(store.port, pieces, len(keys))
    assert [answer.status for answer in answers] == [201] * len(keys)
    async with aiohttp.ClientSession() as client:
        hashes = {entry["key"]: entry["hash"] for entry in await journal(client, store.url)}
    assert [json.loads(answer.body)["movement"] for answer in answers] == [hashes[key] for key in keys]


async def test_queue_of_pipelined_requests_is_bounded(store: NodeProcess) -> None:
    """The node stops reading from a caller that reads no answers. When the caller reads, it gets all answers."""
    keys = [new_key() for _ in range(450)]
    reader, writer = await asyncio.open_connection("127.0.0.1", store.port)
    try:
        async with asyncio.timeout(20):
            sending = asyncio.ensure_future(_send(writer, [request(key) for key in keys]))
            answers = [await read(reader) for _ in keys]
            await sending
    finally:
        writer.close()
    assert {answer.status for answer in answers if answer is not None} == {201}
    assert len({answer.body for answer in answers if answer is not None}) == len(keys)


async def _send(writer: asyncio.StreamWriter, requests: list[bytes]) -> None:
    for one in requests:
        writer.write(one)
        await writer.drain()


@pytest.mark.parametrize(
    ("sent", "status"),
    [
        (b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03", 400),
        (b"POST /v1/sales HTTP/1.1\r\nHost: a\r\nContent-Length: x\r\n\r\n", 400),
        (b"POST /v1/sales HTTP/1.1\r\nHost: a\r\nContent-Length: -1\r\n\r\n", 400),
        (request("k1", f"Content-Length: {len(BODY)}", "Content-Length: 1"), 400),
        (request("k2", f"Content-Length: {len(BODY)}", "Transfer-Encoding: chunked"), 400),
        (b"POST /v1/sales HTTP/1.1\r\nHost: a\r\n" + b"X: " + b"y" * 100_000 + b"\r\n\r\n", 400),
        (request("k3", body=b"\xff\xfe"), 400),
        (request("", body=BODY), 422),
        (request("a\tb", body=BODY), 422),
        (request("k4", "Content-Encoding: br"), 415),
        (request("k5", "Content-Encoding: br", start="POST /v1/sales HTTP/1.0"), 415),
        (request("k6", "Content-Encoding: zstd"), 415),
        (request("k7", "Content-Encoding: compress"), 415),
        (request("k8", "Content-Encoding: gzip", "Content-Encoding: gzip"), 415),
        (request("k9", "Content-Encoding: gzip"), 400),
        (request("k10", "Content-Encoding: deflate", body=zlib.compress(BODY)[:-6]), 400),
        (request("k11", "Transfer-Encoding: chunked", body=b"x\r\n\r\n"), 400),
        (b"GET /v1/stock HTTP/1.1\r\nHost: a\r\nContent-Encoding: br\r\n\r\n", 415),
    ],
)
async def test_invalid_request_is_refused_and_changes_nothing(store: NodeProcess, sent: bytes, status: int) -> None:
    async with aiohttp.ClientSession() as client:
        before = await journal(client, store.url)
        (answer,) = await talk(store.port, [sent])
        assert (answer.status, answer.headers["content-type"]) == (status, "application/problem+json")
        problem = json.loads(answer.body)
        assert problem["status"] == status and problem["type"] and problem["detail"]
        assert await journal(client, store.url) == before
    assert "Traceback" not in store.log.read_text()


async def test_retry_after_a_disconnect_has_exactly_one_effect(store: NodeProcess) -> None:
    keys = [new_key() for _ in range(20)]
    for key in keys:
        _, writer = await asyncio.open_connection("127.0.0.1", store.port)
        writer.write(request(key))
        await writer.drain()
        writer.transport.abort()
    async with aiohttp.ClientSession() as client:
        for key in keys:  # the first request may have had its effect; after a retry there is one entry
            assert (await post(client, f"{store.url}/v1/sales", BODY, key)).status == 201
        entries = [entry["key"] for entry in await journal(client, store.url)]
        assert [entries.count(key) for key in keys] == [1] * len(keys)


async def test_slow_callers_do_not_delay_others(store: NodeProcess) -> None:
    """Fifty connections never finish their request; one does."""
    started = [await asyncio.open_connection("127.0.0.1", store.port) for _ in range(50)]
    try:
        for _, writer in started:
            writer.write(request(new_key())[:-5])
            await writer.drain()
        (answer,) = await talk(store.port, [request(new_key())])
        assert answer.status == 201
    finally:
        for _, writer in started:
            writer.close()


async def test_repeated_key_is_counted_and_has_no_effect(store: NodeProcess) -> None:
    key = new_key()
    async with aiohttp.ClientSession() as client:
        await talk(store.port, [request(key)])
        stock = await get(client, f"{store.url}/v1/stock/cola")
        repeated = await metric(client, store.url, "shelfsync_requests_repeated_total")
        for _ in range(3):
            await talk(store.port, [request(key)])
        assert (await get(client, f"{store.url}/v1/stock/cola"))["accounts"] == stock["accounts"]

        async def counted() -> bool:
            return await metric(client, store.url, "shelfsync_requests_repeated_total") == repeated + 3

        await eventually(counted, "the metrics count repeated requests")
