"""Bytes that are no request get a problem document, and no traceback in the log."""

from __future__ import annotations

import asyncio
import json
import logging
import zlib
from collections.abc import AsyncIterator
from typing import Any

import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer

from replica.runtime.http.protocol import problem_protocols
from replica.runtime.logs import _is_worth_a_line
from tests.callers import Caller

SALE = b'{"lines":[{"sku":"cola","quantity":1}]}'


@pytest.fixture
async def port(store: Caller) -> AsyncIterator[int]:
    """The port of a store."""
    test_server = store.client.server
    assert isinstance(test_server, TestServer) and isinstance(test_server.runner.server, web.Server)
    protocols = problem_protocols(test_server.runner.server)
    server = await asyncio.get_running_loop().create_server(protocols, "127.0.0.1", 0)
    yield server.sockets[0].getsockname()[1]
    server.close()


async def answer_to(port: int, sent: bytes) -> tuple[int, str, dict[str, Any]]:
    """Send bytes, and read until the node closes the connection: the status, the headers and the problem."""
    async with asyncio.timeout(10):
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write(sent)
        head, _, body = (await reader.read()).partition(b"\r\n\r\n")
        writer.close()
    return int(head.split()[1]), head.decode(), json.loads(body)


def sale(*headers: str, body: bytes = SALE, version: str = "1.1") -> bytes:
    lines = [f"POST /v1/sales HTTP/{version}", "Host: a", "Idempotency-Key: k1", *headers]
    return "\r\n".join([*lines, f"Content-Length: {len(body)}", "", ""]).encode() + body


@pytest.mark.parametrize(
    ("sent", "reason"),
    [
        (b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03", "Received HTTPS traffic on an HTTP port"),
        (b"GET /v1/stock HTTP/1.1\r\nHost: a\r\nX y: z\r\n\r\n", "Invalid header token"),
        (b"GET /v1/stock HTTP/1.1\r\nHost: a\r\nX: " + b"y" * 9_000 + b"\r\n\r\n", "Got more than 8190 bytes"),
        (sale("Transfer-Encoding: chunked"), "Content-Length can't be present with Transfer-Encoding"),
    ],
    ids=["TLS", "no header", "long header", "two lengths"],
)
async def test_bytes_that_are_no_request_get_a_problem_that_does_not_repeat_them(
    port: int, sent: bytes, reason: str, caplog: pytest.LogCaptureFixture
) -> None:
    status, head, problem = await answer_to(port, sent)
    assert (status, problem["type"], "application/problem+json" in head) == (400, "malformed-request", True)
    assert problem["detail"].startswith(reason) and "yyy" not in problem["detail"]
    assert "Connection: close" in head or head.startswith("HTTP/1.0")
    assert not caplog.records


@pytest.mark.parametrize("version", ["1.0", "1.1"])
@pytest.mark.parametrize("encoding", ["br", "zstd", "compress", "x-gzip", "gzip, gzip"])
async def test_a_body_in_an_encoding_that_the_node_does_not_know_is_refused_by_its_header(
    port: int, encoding: str, version: str
) -> None:
    status, head, problem = await answer_to(
        port, sale(f"Content-Encoding: {encoding}", "Connection: close", version=version)
    )
    assert (status, problem["type"], problem["field"]) == (415, "unsupported-encoding", "Content-Encoding")
    assert "Accept-Encoding: gzip, deflate" in head


@pytest.mark.parametrize("encoding", ["identity", "Deflate", ""])
async def test_a_body_in_an_encoding_that_the_node_knows_is_read(port: int, encoding: str) -> None:
    body = zlib.compress(SALE) if encoding == "Deflate" else SALE
    status, _, _ = await answer_to(port, sale(f"Content-Encoding: {encoding}", "Connection: close", body=body))
    assert status == 201


@pytest.mark.parametrize("body", [SALE, zlib.compress(SALE)[:-6]], ids=["plain", "cut"])
@pytest.mark.parametrize("encoding", ["gzip", "deflate"])
async def test_a_body_that_cannot_be_decoded_is_refused_closes_the_connection_and_logs_nothing(
    port: int, encoding: str, body: bytes, caplog: pytest.LogCaptureFixture
) -> None:
    status, _, problem = await answer_to(port, sale(f"Content-Encoding: {encoding}", body=body))
    assert (status, problem["type"], problem["field"]) == (400, "malformed-json", "body")
    assert encoding in problem["detail"] and "\n" not in problem["detail"]
    assert not any(map(_is_worth_a_line, caplog.records))


def test_faults_of_the_node_are_logged() -> None:
    try:
        raise ValueError
    except ValueError as error:
        fault = (ValueError, error, error.__traceback__)
    for exc_info in (fault, None):
        assert _is_worth_a_line(logging.LogRecord("aiohttp.server", logging.ERROR, "", 1, "failed", (), exc_info))
