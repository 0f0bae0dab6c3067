"""The metrics have the names and labels that dashboards and alarms use."""

from __future__ import annotations

import asyncio
import re

import pytest

from replica.core.rights.requests import Grant, GrantLine
from replica.core.stock.requests import OnShortage
from replica.runtime.http.metrics import make_registry
from tests.callers import Caller
from tests.runtime.region import COLA, STORE, Region
from tests.runtime.virtual import until

COUNTERS = """
    clock_refused_total commits_total documents_malformed_total entries_merged_total entries_written_total
    requests_overloaded_total requests_refused_total requests_repeated_total sessions_ended_total storage_full_total
    commit_seconds_total transfers_malformed_total
"""

GAUGES = """
    breached_items delivery_promises digest_differences journal_entries node_heard_timestamp_seconds orders_stuck
    peer_behind_entries peer_connected peer_unacknowledged_entries ready stranded_units transfers_discrepant
    transfers_in_transit transfers_late
"""


async def metrics_of(caller: Caller) -> str:
    async with caller.client.get("/metrics") as response:
        assert response.status == 200
        return await response.text()


async def test_each_metric_keeps_its_name_and_type(store: Caller) -> None:
    found = re.findall(r"# TYPE shelfsync_(\w+) (\w+)", await metrics_of(store))
    assert sorted(found) == sorted(
        [*((name, "counter") for name in COUNTERS.split()), *((name, "gauge") for name in GAUGES.split())]
    )


async def test_items_below_zero_are_counted_by_location(store: Caller) -> None:
    await store.good("/v1/sales", {"lines": [{"sku": "cola", "quantity": 1}, {"sku": "tea", "quantity": 1}]})
    assert 'shelfsync_breached_items{location="store-1"} 2.0' in await metrics_of(store)


async def test_a_node_that_serves_requests_says_that_it_is_ready(store: Caller) -> None:
    assert await store.read("/readyz") == (200, {"ready": True})


@pytest.mark.virtual_time
async def test_metrics_tell_peers_reasons_and_locations_apart_by_labels() -> None:
    chain = Region()
    await chain.open(10)
    await chain.do(chain.store, Grant("hub-west", (GrantLine(COLA, 2),)))
    await until(lambda: chain.free(chain.west, "hub-west") == 2, 5)
    await chain.west.stop()
    await chain.sell(chain.store, 9, OnShortage.RECORD)
    await until(lambda: chain.free(chain.east, STORE) == -1, 5)
    await chain.store.stop()
    await asyncio.sleep(1)
    samples = {
        (sample.name.removeprefix("shelfsync_"), *sample.labels.items()): sample.value
        for family in make_registry(chain.east).collect()
        for sample in family.samples
        if sample.name.startswith("shelfsync_")
    }
    of_peers = [(name, ("peer", peer)) for name in ("peer_connected",) for peer in ("hub-west", STORE)]
    assert [samples[one] for one in of_peers] == [0, 0]
    assert samples["breached_items", ("location", STORE)] == 1
    assert samples["stranded_units", ("node", "hub-west"), ("location", STORE)] == 2
    assert sum(value for (name, *_), value in samples.items() if name == "sessions_ended_total") == 2
    assert all(labels[0][0] == "reason" for (name, *labels) in samples if name == "sessions_ended_total")
    assert samples["journal_entries",] == chain.east.replica.arrival
    assert samples["digest_differences",] == 0


@pytest.mark.virtual_time
async def test_metrics_show_how_far_each_connected_peer_is_behind() -> None:
    chain = Region()
    await chain.open(10)
    names = ["peer_connected", "peer_behind_entries", "peer_unacknowledged_entries"]
    await asyncio.sleep(5)
    families = {family.name: family for family in make_registry(chain.east).collect()}
    for name, value in zip(names, (1, 0, 0), strict=True):
        found = {sample.labels["peer"]: sample.value for sample in families[f"shelfsync_{name}"].samples}
        assert found == {"hub-west": value, STORE: value}
