"""Fixtures: a client, and a chain that stops at the end of its test. The files of its nodes are verified."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path

import aiohttp
import pytest

from replica.runtime.journal.sqlite_journal import FILE_NAME
from replica.runtime.journal.verification import verify_file
from shelfsync.chain import LocalChain, NodeProcess


@pytest.fixture
async def client() -> AsyncIterator[aiohttp.ClientSession]:
    async with aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=10)) as session:
        yield session


@pytest.fixture
async def chain(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[LocalChain]:
    """The files of a node are verified each time its process ended, however it ended."""

    def verifying(end: Callable[..., Awaitable[int]]) -> Callable[..., Awaitable[int]]:
        async def end_and_verify(node: NodeProcess, **options: float) -> int:
            code = await end(node, **options)
            verify(node.data)
            return code

        return end_and_verify

    monkeypatch.setattr(NodeProcess, "stop", verifying(NodeProcess.stop))
    monkeypatch.setattr(NodeProcess, "kill", verifying(NodeProcess.kill))
    async with LocalChain(tmp_path) as running:
        yield running


def verify(directory: Path) -> None:
    """Compare all tables of a node's file with its entries. All nodes have the clock of this machine."""
    if (directory / FILE_NAME).exists():
        assert verify_file(directory / FILE_NAME, believes_all=True).differences == []
