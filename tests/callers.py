"""Nodes in this process, each with a client."""

from __future__ import annotations

from collections.abc import AsyncIterator
from itertools import count
from pathlib import Path
from typing import Any

import pytest
from aiohttp.test_utils import TestClient, TestServer

from edge_node.assembly import assemble as assemble_edge
from hub.assembly import assemble as assemble_hub
from replica.runtime.peering.websocket import HttpNetwork
from replica.runtime.process import Assembly

_keys = count(1)


class Caller:
    """Calls a node; each write gets a new key."""

    def __init__(self, client: TestClient[Any, Any], assembly: Assembly) -> None:
        self.client = client
        self.node = assembly.node

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
        """Make a call that must succeed."""
        status, answer = await (self.read(path) if body is None else self.write(path, body, **more))
        assert status in (200, 201, 207), answer
        return answer


async def _calling(assembly: Assembly) -> AsyncIterator[Caller]:
    server = TestServer(assembly.app)
    async with TestClient(server) as client:
        assembly.node.start([], 0.0)
        yield Caller(client, assembly)
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
    async for caller in _calling(assembly):
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
    async for caller in _calling(assembly):
        yield caller
