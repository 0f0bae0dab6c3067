"""Lines between stores and hubs are cut, become black holes, and are healed."""

from __future__ import annotations

import time
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from typing import NamedTuple

import aiohttp
import pytest

from replica.core.sync.wire import Have, Hello, pack_frame
from shelfsync.assortment import documents
from shelfsync.chain import LocalChain, NodeProcess
from shelfsync.proxy import Direction, Proxy
from tests.processes.asking import agree, connected_to, eventually, get, metric, post, status
from tests.processes.load import Load

pytestmark = pytest.mark.processes

NOTICED_S = 10.0
"""4 s of silence, and 6 s more for a busy machine."""


class Pair(NamedTuple):
    """Two hubs, connected by a line."""

    east: NodeProcess
    west: NodeProcess
    between: Proxy

    @property
    def urls(self) -> list[str]:
        return [self.east.url, self.west.url]


@pytest.fixture
async def hubs(chain: LocalChain) -> AsyncIterator[Pair]:
    west = await chain.hub("hub-west", region="west")
    async with Proxy(west.port) as between:
        east = await chain.hub("hub-east", peers=[between.url])
        await chain.ready()
        yield Pair(east, west, between)


async def test_store_that_is_cut_off_sells_and_sends_its_sales_when_reconnected(
    chain: LocalChain, client: aiohttp.ClientSession
) -> None:
    hub = await chain.hub("hub-east")
    async with Proxy(hub.port) as line:
        store = await chain.store("store-1", hubs=[line.url], more=["--open-catalog"])
        await chain.ready()
        load = Load(client, store.url, seed=1)
        for _ in range(3):
            await eventually(lambda: connected_to(client, store.url, "hub-east"), "the store is connected")
            line.cut()
            await eventually(lambda: connected_to(client, store.url, None), "the store notices a reset", within_s=2.0)
            async with load.selling(tills=3):
                await load.some_more(50, 100)
            waiting = (await status(client, store.url))["unacknowledged"]
            assert waiting >= 50
            line.heal()
            await eventually(
                lambda: agree(client, [hub.url], {"store-1": store.url}), "hub and store have the same state"
            )
        assert (await status(client, hub.url))["units"]["store-1"]["customer"] == load.units
        assert (await status(client, store.url))["unacknowledged"] == 0


async def test_store_may_connect_to_a_hub_with_fewer_documents(
    chain: LocalChain, client: aiohttp.ClientSession, hubs: Pair
) -> None:
    async with Proxy(hubs.east.port) as line:
        store = await chain.store("store-1", hubs=[line.url, hubs.west.url], more=["--home-after", "600"])
        await chain.ready()
        await eventually(lambda: connected_to(client, store.url, "hub-east"), "the store is at its home hub")
        hubs.between.cut()
        reply = await post(client, f"{hubs.east.url}/v1/documents:batch", {"documents": documents(1, 2)})
        assert {verdict["status"] for verdict in reply.answer["verdicts"]} == {200}

        async def knows_cola() -> bool:
            lines = [{"sku": "kelvane-cola-330ml-6", "quantity": 1}]
            sale = await post(client, f"{store.url}/v1/sales", {"lines": lines})
            return sale.status == 201

        await eventually(knows_cola, "the catalogue reaches the store")
        line.cut()
        await eventually(lambda: connected_to(client, store.url, "hub-west"), "the store connects to the other hub")

        async def west_knows_the_sale() -> bool:
            units = (await status(client, hubs.west.url))["units"]
            return "customer" in units.get("store-1", {})

        await eventually(west_knows_the_sale, "the sale reaches the other hub")
        assert (await status(client, store.url))["hub"] == "hub-west"
        assert await metric(client, hubs.west.url, 'shelfsync_sessions_ended_total{reason="unauthorised"}') == 0
        hubs.between.heal()
        await eventually(lambda: agree(client, hubs.urls, {"store-1": store.url}), "all nodes have the same state")


async def test_store_leaves_a_black_hole_within_seconds_and_returns_when_it_is_healed(
    chain: LocalChain, client: aiohttp.ClientSession, hubs: Pair
) -> None:
    """Three stores at the same time, one for each way in which a line can lose bytes."""
    holes = {"store-1": (), "store-2": (Direction.UP,), "store-3": (Direction.DOWN,)}
    flags = ["--open-catalog", "--home-after", "1"]
    async with AsyncExitStack() as stack:
        lines = {name: await stack.enter_async_context(Proxy(hubs.east.port)) for name in holes}
        started = [chain.store(name, hubs=[line.url, hubs.west.url], more=flags) for name, line in lines.items()]
        stores = {store.name: store.url for store in [await starting for starting in started]}
        await chain.ready()
        for url in stores.values():
            await post(client, f"{url}/v1/receipts", {"lines": [{"sku": "cola", "quantity": 10}]})
        await eventually(lambda: agree(client, hubs.urls, stores), "all nodes have the same state")
        assert {(await status(client, url))["hub"] for url in stores.values()} == {"hub-east"}

        for name, line in lines.items():
            line.black_hole(*holes[name])
        for url in stores.values():
            await post(client, f"{url}/v1/sales", {"lines": [{"sku": "cola", "quantity": 4}]})
        for name, url in stores.items():
            await eventually(
                lambda url=url: connected_to(client, url, "hub-west"), f"{name} connects to hub-west", NOTICED_S
            )

        await eventually(
            lambda: agree(client, hubs.urls, stores), "all nodes have the same state by way of the other hub"
        )
        for name in stores:
            assert (await get(client, f"{hubs.east.url}/v1/stock/{name}/cola"))["on_hand"] == 6

        for line in lines.values():
            line.heal()
        for name, url in stores.items():
            await eventually(lambda url=url: connected_to(client, url, "hub-east"), f"{name} returns to its home hub")
            await post(client, f"{url}/v1/sales", {"lines": [{"sku": "cola", "quantity": 1}]})
        await eventually(lambda: agree(client, hubs.urls, stores), "all nodes have the same state")
        assert await metric(client, hubs.west.url, 'shelfsync_sessions_ended_total{reason="going-home"}') == len(stores)


async def test_store_refused_by_its_home_hub_uses_the_next_and_returns_later(
    chain: LocalChain, client: aiohttp.ClientSession, hubs: Pair
) -> None:
    """The home hub has a session under the store's name: of another process, or of a half-open old connection."""
    await chain.ready()
    hello = Hello(
        versions=(1, 1),
        node="store-1",
        writer="store-1#0123456789ab",
        nonce=b"somebody else",
        role="edge",
        region="east",
        scopes=("store-1", "*"),
        clock_ms=int(time.time() * 1000),
        software="test",
    )
    async with client.ws_connect(f"{hubs.east.url}/v1/sync") as socket:
        for number, frame in enumerate((hello, Have({}))):
            await socket.send_bytes(pack_frame(frame, number))
        await socket.receive_bytes()
        await socket.receive_bytes()
        flags = ["--open-catalog", "--home-after", "1"]
        store = await chain.store("store-1", hubs=[hubs.east.url, hubs.west.url], more=flags)
        await store.ready()
        await eventually(
            lambda: connected_to(client, store.url, "hub-west"), "the store connects to the other hub", 3.0
        )
        assert await metric(client, hubs.east.url, 'shelfsync_sessions_ended_total{reason="name-taken"}') == 1
    await eventually(lambda: connected_to(client, store.url, "hub-east"), "the store returns to its home hub")


async def test_regions_agree_again_after_a_cut_between_them(
    chain: LocalChain, client: aiohttp.ClientSession, hubs: Pair
) -> None:
    stores = {}
    for name, hub in (("store-1", hubs.east), ("store-2", hubs.west)):
        stores[name] = (await chain.store(name, hubs=[hub.url], more=["--open-catalog"])).url
    await chain.ready()
    loads = [Load(client, url, seed) for seed, url in enumerate(stores.values())]
    for load in loads:
        async with load.selling(tills=2):
            await load.some_more(10, 20)
    await eventually(lambda: agree(client, hubs.urls, stores), "all nodes have the same state")
    hubs.between.cut()
    for load in loads:
        async with load.selling(tills=2):
            await load.some_more(30, 60)
    assert "hub-west" not in (await status(client, hubs.east.url))["connected"]
    assert not await agree(client, hubs.urls, stores)
    hubs.between.heal()
    await eventually(lambda: agree(client, hubs.urls, stores), "all nodes have the same state")
    for load, name in zip(loads, stores, strict=True):
        for url in hubs.urls:
            assert (await status(client, url))["units"][name]["customer"] == load.units
