"""Each store sells a thousand items ten times during thirty cuts: no sale is lost, and none counts twice."""

from __future__ import annotations

import asyncio
import random
import time
from typing import Any

import aiohttp
import pytest

from shelfsync.chain import LocalChain
from shelfsync.proxy import Proxy
from tests.processes.asking import agree, eventually, get, new_key, post, status

pytestmark = pytest.mark.processes

ITEMS = 1_000
SALES_OF_EACH = 10
CUTS = 30
SALES_PER_CALL = 100
CONVERGED_S = 5.0


def calls(seed: int) -> list[dict[str, Any]]:
    """All sales of one store in random order, as bodies of batch calls."""
    items = [f"item-{number}" for number in range(ITEMS)] * SALES_OF_EACH
    random.Random(seed).shuffle(items)
    sales = [{"key": new_key(), "lines": [{"sku": item, "quantity": 1}]} for item in items]
    return [{"sales": sales[start : start + SALES_PER_CALL]} for start in range(0, len(sales), SALES_PER_CALL)]


async def test_all_nodes_have_the_same_stock_after_thirty_random_cuts(
    chain: LocalChain, client: aiohttp.ClientSession
) -> None:
    west = await chain.hub("hub-west", region="west")
    chance = random.Random(1)
    async with Proxy(west.port) as between:
        east = await chain.hub("hub-east", peers=[between.url])
        lines = [between]
        stores: dict[str, str] = {}
        for name, home in (("store-1", east), ("store-2", west), ("store-3", east)):
            line = Proxy(home.port)
            await line.start()
            lines.append(line)
            store = await chain.store(name, hubs=[line.url], more=["--open-catalog"])
            stores[name] = store.url
        await chain.ready()
        for url in stores.values():
            received = [{"sku": f"item-{number}", "quantity": SALES_OF_EACH + 5} for number in range(ITEMS)]
            assert (await post(client, f"{url}/v1/receipts", {"lines": received})).status == 201

        async def sell(seed: int, url: str) -> None:
            for call in calls(seed):
                reply = await post(client, f"{url}/v1/sales:batch", call)
                assert {verdict["status"] for verdict in reply.answer["verdicts"]} == {201}
                await asyncio.sleep(0.03)

        async def cut() -> None:
            for _ in range(CUTS):
                line = chance.choice(lines)
                chance.choice((line.cut, line.black_hole))()
                await asyncio.sleep(chance.uniform(0.02, 0.25))
                chance.choice(lines).heal()

        await asyncio.gather(cut(), *(sell(seed, url) for seed, url in enumerate(stores.values())))
        for line in lines:
            line.heal()
        healed_s = time.monotonic()
        await eventually(
            lambda: agree(client, [east.url, west.url], stores), "all nodes have the same state", within_s=CONVERGED_S
        )
        print(f"converged {time.monotonic() - healed_s:.2f} s after the last heal")
        for name, url in stores.items():
            assert (await status(client, url))["units"]["customer"] == ITEMS * SALES_OF_EACH
            for hub in (east.url, west.url):
                assert (await status(client, hub))["units"][name]["customer"] == ITEMS * SALES_OF_EACH
                assert (await get(client, f"{hub}/v1/stock/{name}/item-7"))["on_hand"] == 5
        for line in lines[1:]:
            await line.stop()
