"""The status of a store whose hubs are all away: it is about the one that it was connected to last."""

from __future__ import annotations

import asyncio
import json

import pytest
from aiohttp.test_utils import make_mocked_request

from edge_node.api import EdgeApi
from replica.core.state.commands import Command
from replica.core.stock.requests import GoodsLine, GoodsReceipt
from tests.runtime.virtual import VirtualNetwork, hub, store, until

pytestmark = pytest.mark.virtual_time

EAST, WEST = "hub-east", "hub-west"


@pytest.mark.parametrize("served_by", [[EAST], [EAST, WEST], [WEST, EAST], [EAST, WEST, EAST]])
async def test_status_without_a_connection_is_about_the_hub_that_left_last(served_by: list[str]) -> None:
    network = VirtualNetwork()
    hubs, shop = {name: hub(name, network) for name in (EAST, WEST)}, store("store-1", network)
    for one in hubs.values():
        one.start([], 0.0)
    shop.start([[EAST, WEST]], 60.0)
    for number, name in enumerate(served_by):
        network.nodes = {name: hubs[name]}
        await until(lambda name=name: [peer.name for peer in shop.peers.connected] == [name], 600)  # type: ignore[misc]
        await shop.driver.submit(Command("store-1", GoodsReceipt((GoodsLine(1, item="cola"),)), b"goods-%d" % number))
        await asyncio.sleep(120)
        network.nodes = {}
        hubs[name].peers.close()
        await until(lambda: not shop.peers.connected, 60)
    await asyncio.sleep(10)
    answer = await EdgeApi(shop, "store-1", (EAST, WEST)).status(make_mocked_request("GET", "/v1/status"))
    status = json.loads(answer.text or "")
    assert (status["hub"], status["unacknowledged"]) == (None, 0)
    assert status["behind"] == {"entries": None, "seconds": pytest.approx(10, abs=1)}
    for node in (shop, *hubs.values()):
        await node.stop()
