"""Fixtures: a client, and a chain that stops at the end of its test."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import aiohttp
import pytest

from shelfsync.chain import LocalChain


@pytest.fixture
async def client() -> AsyncIterator[aiohttp.ClientSession]:
    async with aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=10)) as session:
        yield session


@pytest.fixture
async def chain(tmp_path: Path) -> AsyncIterator[LocalChain]:
    async with LocalChain(tmp_path) as running:
        yield running
