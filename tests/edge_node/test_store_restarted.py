"""A store that starts without its hub says what it does not know, and what its journal knows."""

from __future__ import annotations

from pathlib import Path

from edge_node.assembly import assemble
from replica.core.rights.requests import Grant, GrantLine
from replica.core.state import decisions
from replica.runtime.driver import Ingress
from replica.runtime.peering.websocket import HttpNetwork
from replica.runtime.process import Assembly
from tests.callers import calling
from tests.core.chain import NOW_MS, hub, receipt, store


async def started(directory: Path) -> Assembly:
    return await assemble(
        HttpNetwork(),
        name="store-1",
        location="store-1",
        data=directory,
        host="127.0.0.1",
        hubs=("http://hub-east:8700",),
        region="store",
        open_catalog=True,
    )


async def test_a_store_that_never_met_a_hub_does_not_say_that_it_is_up_to_date(tmp_path: Path) -> None:
    async with calling(await started(tmp_path)) as caller:
        status = await caller.good("/v1/status")
    assert (status["connected"], status["behind"]) == (False, {"entries": None, "seconds": None})


async def test_a_restarted_store_that_never_met_a_hub_does_not_count_from_its_own_entries(tmp_path: Path) -> None:
    for _ in range(2):
        async with calling(await started(tmp_path)) as caller:
            await caller.good("/v1/receipts", {"lines": [{"item": "cola", "quantity": 1}]})
            status = await caller.good("/v1/status")
            assert status["behind"] == {"entries": None, "seconds": None}


async def test_a_restarted_store_counts_the_time_since_it_heard_of_a_hub(tmp_path: Path) -> None:
    other, east = store(1).restored("0000000c"), hub("hub-east", "store-1")
    other.ask(receipt(cola=10))
    other.ask(Grant("hub-east", (GrantLine("cola", 4),)))
    other.commit()
    decisions.merge(east.replica, other.runs(), NOW_MS)
    east.ask(receipt(tea=1))
    east.commit()
    async with calling(await started(tmp_path)) as caller:
        for node in (other, east):
            await (await caller.node.driver.take_in(node.runs(), Ingress()))
    async with calling(await started(tmp_path)) as caller:
        status = await caller.good("/v1/status")
    assert status["behind"]["entries"] is None
    assert status["behind"]["seconds"] > 3_600
    assert status["stranded"] == {"hub-east": 5}
