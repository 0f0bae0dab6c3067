"""The network port over HTTP: what a node asks of a hub, and when a hub counts as ready."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import suppress

import aiohttp
import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer, unused_port

from replica.core.base.errors import PeerFault
from replica.core.base.limits import FRAME_BYTES_MAX
from replica.runtime.peering import websocket
from replica.runtime.peering.websocket import HttpNetwork, accept


class Hub:
    """A server that notes each request, and answers all of them with one status and one body."""

    def __init__(self) -> None:
        self.asked: list[tuple[str, str, str | None, bytes]] = []
        self.status, self.body = 200, b"{}"
        self.answers = asyncio.Event()
        self.answers.set()
        self.network = HttpNetwork()
        self.url = ""

    async def answer(self, request: web.Request) -> web.Response:
        kind = request.headers.get("Content-Type")
        self.asked.append((request.method, request.raw_path, kind, await request.read()))
        await self.answers.wait()
        return web.Response(status=self.status, body=self.body)


@pytest.fixture
async def hub() -> AsyncIterator[Hub]:
    """A hub, and a network from which it can be reached."""
    hub, app = Hub(), web.Application()
    app.router.add_route("*", "/{path:.*}", hub.answer)
    async with TestServer(app) as server:
        hub.url = str(server.make_url("/"))
        yield hub
        hub.answers.set()
        await hub.network.close()


async def test_a_question_reaches_the_hub_as_it_was_written(hub: Hub) -> None:
    assert await hub.network.ask(hub.url, "/v1/elsewhere/a%2Fb%7D%c3%a4?location=%73tore-1") == b"{}"
    assert await hub.network.ask(hub.url, "/v1/elsewhere", b'{"skus":["a"]}') == b"{}"
    assert hub.asked == [
        ("GET", "/v1/elsewhere/a%2Fb%7D%c3%a4?location=%73tore-1", None, b""),
        ("POST", "/v1/elsewhere", "application/json", b'{"skus":["a"]}'),
    ]


async def test_an_answer_may_be_as_long_as_the_bound_and_no_longer(hub: Hub, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(websocket, "ANSWER_BYTES_MAX", 10)
    hub.body = b"x" * 10
    assert await hub.network.ask(hub.url, "/v1/status") == hub.body
    hub.body = b"x" * 11
    with pytest.raises(ConnectionError, match="more than 10 bytes"):
        await hub.network.ask(hub.url, "/v1/status")


async def test_an_answer_that_is_no_success_is_none(hub: Hub) -> None:
    hub.status = 404
    with pytest.raises(ConnectionError, match="answers 404"):
        await hub.network.ask(hub.url, "/v1/status")


async def test_a_hub_is_ready_if_it_says_so(hub: Hub) -> None:
    ready = []
    for status in (200, 503):
        hub.status = status
        ready.append(await hub.network.is_ready(hub.url))
    assert ready == [True, False]
    assert {path for _, path, _, _ in hub.asked} == {"/readyz"}
    assert not await hub.network.is_ready(f"http://127.0.0.1:{unused_port()}")
    assert not await hub.network.is_ready("http://[")


async def test_hub_that_does_not_answer_is_waited_for_only_so_long(hub: Hub, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("PROBE_TIMEOUT_S", "ASK_TIMEOUT_S"):
        monkeypatch.setattr(websocket, name, 0.05)
    hub.answers.clear()
    async with asyncio.timeout(10):
        assert not await hub.network.is_ready(hub.url)
        for body in (None, b"{}"):
            with pytest.raises(OSError):
                await hub.network.ask(hub.url, "/v1/status", body)


class Listening:
    """A server that accepts a peer, and notes the first thing that it hears of it."""

    def __init__(self) -> None:
        self.heard: asyncio.Future[bytes | None] = asyncio.get_running_loop().create_future()

    async def answer(self, request: web.Request) -> web.WebSocketResponse:
        response, socket = await accept(request)
        try:
            self.heard.set_result(await socket.receive())
        except PeerFault as fault:
            self.heard.set_exception(fault)
        return response


@pytest.fixture
async def listening() -> AsyncIterator[tuple[Listening, aiohttp.ClientWebSocketResponse]]:
    """A server, and a peer that is connected to it."""
    listening, app = Listening(), web.Application()
    app.router.add_get(websocket.SYNC_PATH, listening.answer)
    async with (
        TestServer(app) as server,
        aiohttp.ClientSession() as client,
        client.ws_connect(server.make_url(websocket.SYNC_PATH), max_msg_size=0) as peer,
    ):
        yield listening, peer


Connected = tuple[Listening, aiohttp.ClientWebSocketResponse]


async def test_frame_of_the_greatest_size_is_heard(listening: Connected) -> None:
    server, peer = listening
    await peer.send_bytes(b"x" * FRAME_BYTES_MAX)
    assert await server.heard == b"x" * FRAME_BYTES_MAX


async def test_text_is_heard_as_an_empty_frame_which_is_malformed(listening: Connected) -> None:
    server, peer = listening
    await peer.send_str("hello")
    assert await server.heard == b""


async def test_message_over_the_greatest_size_is_a_fault_of_the_peer(listening: Connected) -> None:
    server, peer = listening
    with suppress(OSError):  # the server may hang up before all of it is sent
        await peer.send_bytes(b"x" * (FRAME_BYTES_MAX + 2))
    with pytest.raises(PeerFault) as fault:
        await server.heard
    assert fault.value.reason == "oversized"


async def test_peer_that_hangs_up_is_heard_as_nothing(listening: Connected) -> None:
    server, peer = listening
    await peer.close()
    assert await server.heard is None
