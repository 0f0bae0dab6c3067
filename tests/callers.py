"""Nodes in this process, each with a client."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from itertools import count
from pathlib import Path
from typing import Any

import pytest
from aiohttp.test_utils import TestClient, TestServer

from edge_node.assembly import assemble as assemble_edge
from hub.assembly import assemble as assemble_hub
from replica.runtime.node import Node
from replica.runtime.peering.websocket import HttpNetwork
from replica.runtime.process import Assembly

_keys = count(1)


class Caller:
    """Sends requests to a node. Each write gets its own key."""

    def __init__(self, client: TestClient[Any, Any], node: Node) -> None:
        self.client = client
        self.node = node

    async def write(
        self, path: str, body: Any, key: str | None = None, *, method: str = "POST"
    ) -> tuple[int, dict[str, Any]]:
        headers = {"Idempotency-Key": key or f"test-{next(_keys)}"}
        async with self.client.request(method, path, json=body, headers=headers) as response:
            return response.status, await response.json(content_type=None)

    async def read(self, path: str) -> tuple[int, dict[str, Any]]:
        async with self.client.get(path) as response:
            return response.status, await response.json(content_type=None)

    async def good(self, path: str, body: Any = None, **more: Any) -> dict[str, Any]:
        """Send a request that must succeed."""
        status, answer = await (self.read(path) if body is None else self.write(path, body, **more))
        assert status in (200, 201, 207), answer
        return answer


@asynccontextmanager
async def calling(assembly: Assembly) -> AsyncIterator[Caller]:
    """Serve a node until the caller is done with it."""
    server = TestServer(assembly.app)
    async with TestClient(server) as client:
        assembly.node.start([], 0.0)
        try:
            yield Caller(client, assembly.node)
        finally:
            await assembly.node.stop()


@pytest.fixture
async def store(tmp_path: Path) -> AsyncIterator[Caller]:
    """A store that runs alone, with an open catalogue."""
    assembly = await assemble_edge(
        HttpNetwork(),
        name="store-1",
        location="store-1",
        data=tmp_path / "store",
        host="127.0.0.1",
        hubs=(),
        region="east",
        open_catalog=True,
    )
    async with calling(assembly) as caller:
        yield caller


@pytest.fixture
async def hub(tmp_path: Path) -> AsyncIterator[Caller]:
    """A hub that writes for two warehouses, with a closed catalogue."""
    assembly = await assemble_hub(
        HttpNetwork(),
        name="hub-east",
        region="east",
        data=tmp_path / "hub",
        host="127.0.0.1",
        hosts=("w-1", "w-2"),
        open_catalog=False,
    )
    async with calling(assembly) as caller:
        yield caller
