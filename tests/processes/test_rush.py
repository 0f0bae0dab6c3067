"""Many buyers want the same few units at once: nodes sell every unit, and never more than exist."""

from __future__ import annotations

import asyncio
import time
from collections import Counter
from collections.abc import Sequence
from typing import Any

import aiohttp
import pytest

from shelfsync.chain import LocalChain
from shelfsync.proxy import Proxy
from tests.processes.asking import Reply, agree, eventually, get, new_key, post

pytestmark = pytest.mark.processes

BUYERS = 10_000
UNITS = 100
TOGETHER = 64
CHANNELS = ("web", "app", "market")


async def set_policy(client: aiohttp.ClientSession, hub: str, item: str, **policy: Any) -> None:
    reply = await post(client, f"{hub}/v1/documents/policy/item:{item}", policy, method="PUT")
    assert reply.status == 200, reply.body


async def rights(client: aiohttp.ClientSession, url: str, path: str) -> dict[str, int]:
    """Free units of each node, as this node sees them: none before it hears of the location."""
    async with client.get(f"{url}/v1/stock/{path}") as response:
        assert response.status in (200, 404), await response.text()
        accounts = (await response.json()).get("accounts", {})
    return {name.partition("/")[0]: units for name, units in accounts.items() if name.endswith("/free") and units}


async def test_two_hubs_sell_a_hundred_units_to_a_hundred_of_ten_thousand_buyers(chain: LocalChain) -> None:
    west = await chain.hub("hub-west", region="west", more=["--open-catalog"])
    more = ["--hosts", "w-1", "--open-catalog"]
    east = await chain.hub("hub-east", peers=[west.url], more=more)
    await chain.ready()
    connector = aiohttp.TCPConnector(limit=TOGETHER)
    async with aiohttp.ClientSession(connector=connector, timeout=aiohttp.ClientTimeout(total=60)) as client:
        await post(client, f"{east.url}/v1/receipts", {"lines": [{"item": "console", "quantity": UNITS}]})
        await set_policy(client, east.url, "console", mode="share", share=1, regions={"east": 0.5, "west": 0.5})

        async def is_split() -> bool:
            return await rights(client, west.url, "w-1/console") == {"hub-east": 50, "hub-west": 50}

        await eventually(is_split, "each region has half of the rights")

        async def buy(buyer: int) -> list[int]:
            """Order at one hub, after a refusal at the other. Repeat an accepted order, with the same and a new key."""
            hubs = [east.url, west.url][:: 1 - 2 * (buyer % 2)]
            order = {
                "order": f"rush-{buyer}",
                "channel": CHANNELS[buyer % len(CHANNELS)],
                "lines": [{"sku": "console", "quantity": 1}],
            }
            statuses = []
            for hub in hubs:
                key = new_key()
                statuses.append((await post(client, f"{hub}/v1/orders", order, key)).status)
                if statuses[-1] == 201:
                    again = [await post(client, f"{hub}/v1/orders", order, one) for one in (key, new_key())]
                    assert {reply.status for reply in again} == {201}
                    break
            return statuses

        answers = await asyncio.gather(*map(buy, range(BUYERS)))
        times = Counter(status for statuses in answers for status in statuses)
        assert set(times) == {201, 409}
        assert times[201] == UNITS

        async def is_sold_out() -> bool:
            shown = [await get(client, f"{hub.url}/v1/stock/w-1/console") for hub in (east, west)]
            figures = {(stock["on_hand"], stock["reserved"], stock["available"]) for stock in shown}
            return figures == {(UNITS, UNITS, 0)}

        await eventually(is_sold_out, "both hubs see all units held")


async def sell_out(client: aiohttp.ClientSession, url: str, path: str, body: dict[str, Any]) -> int:
    """Sell one unit after the other until the node refuses; return how many were sold."""

    async def sell() -> int:
        sold = 0
        while True:
            order = {"order": new_key()} if path == "/v1/orders" else {"on_shortage": "refuse"}
            reply = await post(client, f"{url}{path}", {**body, **order})
            if reply.status == 409:
                return sold
            assert reply.status == 201, reply.body
            sold += 1

    return sum(await asyncio.gather(*(sell() for _ in range(8))))


async def test_disconnected_store_and_hubs_sell_no_unit_twice(chain: LocalChain, client: aiohttp.ClientSession) -> None:
    units = 1_000
    west = await chain.hub("hub-west", region="west", more=["--open-catalog"])
    async with Proxy(west.port) as between:
        east = await chain.hub("hub-east", peers=[between.url], more=["--open-catalog"])
        async with Proxy(east.port) as line:
            store = await chain.store("store-1", hubs=[line.url], more=["--open-catalog"])
            await chain.ready()
            nodes = [store.url, east.url, west.url]
            await post(client, f"{store.url}/v1/receipts", {"lines": [{"item": "tea", "quantity": units}]})
            await set_policy(client, east.url, "tea", mode="share", share=0.6, regions={"east": 0.5, "west": 0.5})

            async def is_split() -> bool:
                split = {"store-1": 400, "hub-east": 300, "hub-west": 300}
                shown = [await rights(client, url, path) for url, path in zip(nodes, paths("tea"), strict=True)]
                return all(one == split for one in shown)

            await eventually(is_split, "all nodes see the rights that the policy gives")
            for one in (line, between):
                one.cut()
            body = {"lines": [{"sku": "tea", "quantity": 1}]}
            calls = ("/v1/sales", "/v1/orders", "/v1/orders")
            sold = await asyncio.gather(
                *(sell_out(client, url, call, body) for url, call in zip(nodes, calls, strict=True))
            )
            assert sold == [400, 300, 300], "each node sells exactly its rights"
            for one in (line, between):
                one.heal()
            await eventually(
                lambda: agree(client, [east.url, west.url], {"store-1": store.url}), "all nodes have the same state"
            )
            for url, path in zip(nodes, paths("tea"), strict=True):
                stock = await get(client, f"{url}/v1/stock/{path}")
                assert (stock["available"], stock["breach"]) == (0, 0)


async def test_order_may_wait_for_a_grant_of_another_hub(chain: LocalChain, client: aiohttp.ClientSession) -> None:
    west = await chain.hub("hub-west", region="west", more=["--open-catalog"])
    east = await chain.hub("hub-east", peers=[west.url], more=["--hosts", "w-1", "--open-catalog"])
    await chain.ready()
    await post(client, f"{east.url}/v1/receipts", {"lines": [{"item": "tea", "quantity": 10}]})

    async def is_known() -> bool:
        return await rights(client, west.url, "w-1/tea") == {"hub-east": 10}

    await eventually(is_known, "hub-west sees the rights of hub-east")

    async def order(name: str, quantity: int, wait_ms: int) -> int:
        body = {"order": name, "lines": [{"sku": "tea", "quantity": quantity}], "wait_ms": wait_ms}
        return (await post(client, f"{west.url}/v1/orders", body)).status

    assert await order("prompt", 3, 0) == 409
    assert await asyncio.gather(*(order(f"patient-{number}", 3, 5_000) for number in range(3))) == [201] * 3
    started_s = time.monotonic()
    assert await order("greedy", 100, 9_000) == 409
    assert time.monotonic() - started_s < 5, "after a denial the order does not wait until its time ends"
    assert await order("for ever", 1, 30_001) == 422
    assert (await rights(client, west.url, "w-1/tea")).get("hub-east", 0) + 9 <= 10


async def test_order_durable_in_two_regions_survives_the_loss_of_one(
    chain: LocalChain, client: aiohttp.ClientSession
) -> None:
    west = await chain.hub("hub-west", region="west", more=["--open-catalog"])
    async with Proxy(west.port) as between:
        more = ["--hosts", "w-1", "--open-catalog"]
        east = await chain.hub("hub-east", peers=[between.url], more=more)
        await chain.ready()
        await post(client, f"{east.url}/v1/receipts", {"lines": [{"item": "tea", "quantity": 10}]})

        async def is_linked() -> bool:
            return bool((await get(client, f"{east.url}/v1/status"))["connected"])

        await eventually(is_linked, "the hubs are connected")

        async def order(name: str, key: str) -> Reply:
            body = {"order": name, "lines": [{"sku": "tea", "quantity": 1}], "durability": "region"}
            return await post(client, f"{east.url}/v1/orders", body, key)

        assert (await order("sure", "k1")).status == 201
        between.cut()
        alone = await order("alone", "k2")
        assert (alone.status, alone.answer["type"]) == (503, "not-replicated")
        between.heal()
        await eventually(is_linked, "the hubs are connected again")
        again = await order("alone", "k2")
        assert (again.status, again.answer["state"]) == (201, "held")
        await east.kill()
        for name in ("sure", "alone"):
            assert (await get(client, f"{west.url}/v1/orders/{name}"))["state"] == "held"


def paths(item: str) -> Sequence[str]:
    """The path of an item at the store and at both hubs."""
    return (item, f"store-1/{item}", f"store-1/{item}")
