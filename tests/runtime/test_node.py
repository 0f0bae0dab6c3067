"""A node at run time: how it stops, and how it learns of stores that were met just now. In virtual time."""

from __future__ import annotations

import asyncio

import pytest
from structlog.testing import capture_logs

from replica.runtime import node as nodes
from simulations.journal import SimulatedDisk, SimulatedJournal
from tests.runtime.virtual import VirtualNetwork, elapsed_s, hub, store, until

pytestmark = pytest.mark.virtual_time


class StuckJournal(SimulatedJournal):
    """A journal whose files never close."""

    async def close(self) -> None:
        await asyncio.sleep(1_000_000)


async def test_node_stops_in_time_although_its_files_do_not_close() -> None:
    node = hub("hub-east", VirtualNetwork())
    node.journal = StuckJournal(SimulatedDisk(), node.replica.writer)
    node.start([], 0.0)
    with capture_logs() as logs:
        await node.stop()
    assert elapsed_s() == pytest.approx(nodes.CLOSE_S)
    assert [log["log_level"] for log in logs] == ["warning"]


async def test_node_that_never_started_is_not_ready_and_stops_at_once() -> None:
    node = hub("hub-east", VirtualNetwork())
    assert not node.is_ready
    await node.stop()
    assert elapsed_s() == 0


async def test_node_names_each_worker_by_its_class() -> None:
    node = hub("hub-east", VirtualNetwork())
    node.start([], 0.0)
    assert not node.worker("RightsRebalancer").done()
    node.worker("RightsAnswers").cancel()
    await asyncio.sleep(1)
    assert node.worker("RightsAnswers").cancelled()
    assert not node.worker("OrderHousekeeping").done()
    await node.stop()


async def test_location_of_a_store_that_was_met_just_now_is_known_to_who_asks_for_it() -> None:
    network = VirtualNetwork()
    east, shop = hub("hub-east", network), store("store-1", network)
    network.nodes["hub-east"] = east
    east.start([], 0.0)
    east.worker("OrderHousekeeping").cancel()
    shop.start([["hub-east"]], 0.0)
    await until(lambda: "store-1" in east.peers.met()[0], 5)
    assert "store-1" not in east.replica.known_locations
    assert await east.meet("store-2") == "store-2"
    assert "store-1" not in east.replica.known_locations, "nobody asked for it"
    assert await east.meet("store-1") == "store-1"
    assert "store-1" in east.replica.known_locations
    for node in (shop, east):
        await node.stop()
