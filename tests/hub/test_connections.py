"""Which hub a store is connected to, as the hubs of a chain tell each other."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from aiohttp.test_utils import TestClient, TestServer

from edge_node.assembly import assemble as assemble_edge
from hub import connections
from hub.assembly import assemble as assemble_hub
from replica.core.state.commands import Command
from replica.core.stock.requests import GoodsLine, GoodsReceipt
from replica.runtime.node import Node
from replica.runtime.peering.websocket import HttpNetwork
from tests.callers import Caller
from tests.hub.test_stores_that_left import LaterClock
from tests.processes.asking import eventually


@asynccontextmanager
async def hub_of(
    region: str, directory: Path, dial: str = "", clock: LaterClock | None = None
) -> AsyncIterator[Caller]:
    """A hub that serves, and dials another one if it has its address."""
    network = HttpNetwork()
    assembly = await assemble_hub(
        network,
        name=f"hub-{region}",
        region=region,
        data=directory / region,
        host="127.0.0.1",
        hosts=(),
        open_catalog=True,
    )
    async with TestClient(TestServer(assembly.app)) as client:
        assembly.node.start([[dial]] if dial else [], 0.0)
        yield Caller(client, assembly.node)
        await assembly.node.stop()
        await network.close()


def address(hub: Caller) -> str:
    return str(hub.client.make_url("")).rstrip("/")


@asynccontextmanager
async def store_at(hub: Caller, name: str, directory: Path) -> AsyncIterator[Node]:
    """A store with ten colas that is connected to a hub."""
    network = HttpNetwork()
    assembly = await assemble_edge(
        network,
        name=name,
        location=name,
        data=directory / name,
        host="127.0.0.1",
        hubs=(address(hub),),
        region="store",
        open_catalog=True,
    )
    assembly.node.start([[address(hub)]], 0.0)
    await assembly.node.driver.submit(Command(name, GoodsReceipt((GoodsLine(10, item="cola"),)), name.encode()))
    yield assembly.node
    await assembly.node.stop()
    await network.close()


async def location(hub: Caller, name: str) -> dict[str, Any]:
    await hub.node.housekeeping.learn()
    status, found = await hub.read(f"/v1/locations/{name}")
    return found if status == 200 else {"connected": None, "hub": None}


async def shows(hub: Caller, name: str, connected: bool, at: str | None) -> bool:
    found = await location(hub, name)
    return (found["connected"], found["hub"]) == (connected, at)


@pytest.fixture(autouse=True)
def often(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(connections, "EXCHANGE_S", 0.05)


async def test_each_hub_of_a_pair_knows_which_stores_are_connected_to_the_other(tmp_path: Path) -> None:
    async with (
        hub_of("east", tmp_path) as east,
        hub_of("west", tmp_path, dial=address(east)) as west,
        store_at(west, "store-2", tmp_path),
    ):
        async with store_at(east, "store-1", tmp_path):
            for hub, name, connected, at in (
                (east, "store-1", True, "hub-east"),
                (west, "store-1", False, "hub-east"),
                (west, "store-2", True, "hub-west"),
                (east, "store-2", False, "hub-west"),
            ):
                await eventually(lambda: shows(hub, name, connected, at), f"{hub.node.replica.node} shows {name}")  # noqa: B023
            nodes = {one["node"]: one["hub"] for one in (await west.good("/v1/nodes"))["nodes"]}
            assert nodes == {"hub-east": "hub-west", "store-1": "hub-east", "store-2": "hub-west"}
        await eventually(lambda: shows(west, "store-1", False, None), "the west learns that the store is gone")


async def test_word_of_a_hub_counts_for_some_seconds_only(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    async with (
        hub_of("east", tmp_path) as east,
        store_at(east, "store-1", tmp_path),
        hub_of("west", tmp_path, dial=address(east)) as west,
    ):
        await eventually(lambda: shows(west, "store-1", False, "hub-east"), "the west knows the store")
        monkeypatch.setattr(connections, "BELIEVED_MS", -1)  # each word is too old
        assert (await location(west, "store-1"))["hub"] is None


async def test_a_caller_that_is_no_connected_hub_is_not_believed(hub: Caller) -> None:
    status, problem = await hub.write("/v1/connections", {"node": "hub-west", "connected": ["store-1"]})
    assert (status, problem["field"]) == (422, "node")
    assert await hub.good("/v1/connections") == {"node": "hub-east", "connected": []}


async def test_one_location_is_read_as_the_list_shows_it(hub: Caller) -> None:
    (row,) = [one for one in (await hub.good("/v1/locations"))["locations"] if one["location"] == "w-2"]
    one = await hub.good("/v1/locations/w-2")
    assert {**one, "last_seen": None} == {**row, "last_seen": None}
    assert (one["connected"], one["hub"]) == (True, "hub-east")
    status, problem = await hub.read("/v1/locations/w-9")
    assert (status, problem["type"], problem["field"]) == (404, "unknown-location", "location")
