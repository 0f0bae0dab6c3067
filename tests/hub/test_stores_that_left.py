"""A store that was connected and went away: what a hub shows of it, in every view."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import UTC, datetime
from pathlib import Path

import pytest

from edge_node.assembly import assemble as assemble_edge
from hub.assembly import assemble as assemble_hub
from replica.core.base.clock import Moment
from replica.core.state.commands import Command
from replica.core.stock.requests import GoodsLine, GoodsReceipt
from replica.runtime.peering.websocket import HttpNetwork
from replica.runtime.world import SystemClock
from tests.callers import Caller, calling
from tests.hub.test_hub_restarted import metric
from tests.processes.asking import eventually

HOUR_MS = 3_600_000


class LaterClock(SystemClock):
    """The clock of this machine, which a test moves ahead."""

    ahead_ms = 0

    def now(self) -> Moment:
        now = super().now()
        return Moment(now.wall_ms + self.ahead_ms, now.elapsed_ms)


@pytest.fixture
def clock() -> LaterClock:
    return LaterClock()


@pytest.fixture
async def hub(tmp_path: Path, clock: LaterClock) -> AsyncIterator[Caller]:
    """A hub to which a store with 10 colas was connected. It left an hour ago."""
    assembly = await assemble_hub(
        HttpNetwork(),
        name="hub-east",
        region="east",
        data=tmp_path / "hub",
        host="127.0.0.1",
        hosts=("w-1",),
        open_catalog=True,
        clock=clock,
    )
    async with calling(assembly) as caller:
        await visit(caller, tmp_path / "store")
        clock.ahead_ms = HOUR_MS
        yield caller


async def visit(hub: Caller, directory: Path) -> None:
    """A store connects, brings ten colas, and leaves."""
    url, network = str(hub.client.make_url("")).rstrip("/"), HttpNetwork()
    assembly = await assemble_edge(
        network,
        name="store-1",
        location="store-1",
        data=directory,
        host="127.0.0.1",
        hubs=(url,),
        region="store",
        open_catalog=True,
    )
    store = assembly.node
    store.start([[url]], 0.0)
    await store.driver.submit(Command("store-1", GoodsReceipt((GoodsLine(10, item="cola"),)), b"goods"))

    async def has_arrived() -> bool:
        return hub.node.replica.ledger.stock("store-1", "cola").available == 10

    async def has_left() -> bool:
        return not hub.node.peers.connected

    await eventually(has_arrived, "the goods are known at the hub")
    await store.stop()
    await network.close()
    await eventually(has_left, "the store is gone")


async def test_rights_of_a_store_that_left_are_stranded_in_every_view(hub: Caller) -> None:
    (node,) = (await hub.good("/v1/nodes"))["nodes"]
    status = await hub.good("/v1/status")
    shown = await metric(hub, "shelfsync_stranded_units{")
    assert (node["connected"], node["stranded"]) == (False, {"store-1": 10})
    assert (status["connected"], status["stranded"]) == ([], {"store-1": {"store-1": 10}})
    assert shown == ['shelfsync_stranded_units{location="store-1",node="store-1"} 10.0']


async def test_availability_of_a_store_that_left_shows_its_age(hub: Caller, clock: LaterClock) -> None:
    (local,) = (await hub.good("/v1/availability/cola"))["locations"]
    age_ms = clock.now().wall_ms - datetime.fromisoformat(local["as_of"]).astimezone(UTC).timestamp() * 1000
    assert HOUR_MS <= age_ms < 2 * HOUR_MS
