"""The process of a hub is killed or stopped while stores sell and sync."""

from __future__ import annotations

import random
from contextlib import AsyncExitStack

import aiohttp
import pytest

from shelfsync.chain import LocalChain, NodeProcess
from tests.processes.asking import agree, connected_to, eventually, journal, post, status, times_of
from tests.processes.load import Load

pytestmark = pytest.mark.processes

ROUNDS = 3
RECEIVED = 1_000_000


async def test_kill_9_of_a_hub_loses_no_entry_and_merges_none_twice(
    chain: LocalChain, client: aiohttp.ClientSession
) -> None:
    hub = await chain.hub("hub-east")
    stores = {name: await _open(chain, client, name, hub) for name in ("store-1", "store-2")}
    moments = random.Random(7)
    loads = {name: Load(client, store.url, seed) for seed, (name, store) in enumerate(stores.items())}
    async with AsyncExitStack() as selling:
        for load in loads.values():
            await selling.enter_async_context(load.selling(tills=3))
        for _ in range(ROUNDS):
            await loads["store-1"].some_more(50, 200)
            enough = (await status(client, hub.url))["entries"] + moments.randint(1, 100)

            async def has_more(entries: int = enough) -> bool:
                return bool((await status(client, hub.url))["entries"] >= entries)

            await eventually(has_more, "the hub merges the sales")
            await hub.kill()
            await loads["store-2"].some_more(50, 200)
            await hub.start()
            await hub.ready()
    urls = {name: store.url for name, store in stores.items()}
    await eventually(lambda: agree(client, [hub.url], urls), "hub and stores have the same state")

    entries = await journal(client, hub.url)
    units = (await status(client, hub.url))["units"]
    for name, load in loads.items():
        assert not load.unsure
        assert times_of((sale.key for sale in load.answered), entries) == {1: len(load.answered)}
        assert units[name] == {"customer": load.units, f"{name}/free": RECEIVED - load.units, "supplier": -RECEIVED}
    assert len(entries) == sum(len(load.answered) + 1 for load in loads.values())


async def test_hub_stopped_under_load_exits_with_0_and_its_store_reconnects(
    chain: LocalChain, client: aiohttp.ClientSession
) -> None:
    hub = await chain.hub("hub-east")
    store = await _open(chain, client, "store-1", hub)
    load = Load(client, store.url, seed=3)
    async with load.selling(tills=3):
        await load.some_more(50, 60)
        assert await hub.stop(within_s=5.0) == 0
        await eventually(lambda: connected_to(client, store.url, None), "the store notices immediately", within_s=2.0)
        await load.some_more(50, 60)
        await hub.start()
        await eventually(lambda: connected_to(client, store.url, "hub-east"), "the store reconnects")
    await eventually(lambda: agree(client, [hub.url], {"store-1": store.url}), "hub and store have the same state")


async def _open(chain: LocalChain, client: aiohttp.ClientSession, name: str, hub: NodeProcess) -> NodeProcess:
    store = await chain.store(name, hubs=[hub.url], more=["--open-catalog"])
    await chain.ready()
    reply = await post(client, f"{store.url}/v1/receipts", {"lines": [{"sku": "cola", "quantity": RECEIVED}]})
    assert reply.status == 201
    return store
