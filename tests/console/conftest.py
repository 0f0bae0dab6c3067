"""One browser and one small chain for the tests of a module: real processes, lines that can be cut, goods in stores."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack

import aiohttp
import pytest
import pytest_asyncio
from playwright.async_api import Browser

from replica.core.base.names import CHAIN
from shelfsync.assortment import documents, goods
from shelfsync.network import LocalNetwork
from tests.console.browsing import chromium
from tests.processes.asking import agree, eventually, post, status

STORES, REGIONS = 2, 2

POLICY = {"mode": "safety", "safety_stock": 4}


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def browser() -> AsyncIterator[Browser]:
    async with chromium() as running:
        yield running


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def client() -> AsyncIterator[aiohttp.ClientSession]:
    async with aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=10)) as session:
        yield session


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def network(
    client: aiohttp.ClientSession, tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[LocalNetwork]:
    """Two hubs and two stores with the goods of the demo. Each store keeps four of each item for its tills."""
    async with AsyncExitStack() as stack:
        made = LocalNetwork(STORES, REGIONS)
        await made.start(tmp_path_factory.mktemp("chain"), stack, home_after_s=1.0)
        hub = made.urls[made.hubs[0]]
        catalogue = [*documents(STORES, REGIONS), {"kind": "policy", "key": "default", "value": POLICY}]
        written = await post(client, f"{hub}/v1/documents:batch", {"documents": catalogue})
        assert {verdict["status"] for verdict in written.answer["verdicts"]} == {200}
        hubs, stores = [made.urls[name] for name in made.hubs], {name: made.urls[name] for name in made.stores}
        await eventually(lambda: _has_catalogue(client, made), "all nodes have the catalogue")
        lines = [{"sku": good.sku, "quantity": good.lot} for good in goods() if good.is_basic]
        for url in stores.values():
            assert (await post(client, f"{url}/v1/receipts", {"lines": lines, "reference": "D-1"})).status == 201
        await eventually(lambda: agree(client, hubs, stores), "all nodes know the deliveries")
        yield made


async def _has_catalogue(client: aiohttp.ClientSession, network: LocalNetwork) -> bool:
    return len({(await status(client, url))["digests"].get(CHAIN) for url in network.urls.values()}) == 1
