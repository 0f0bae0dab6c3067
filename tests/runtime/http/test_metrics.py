"""The metrics have the names and labels that dashboards and alarms use."""

from __future__ import annotations

import re

from tests.callers import Caller

COUNTERS = """
    clock_refused_total commits_total documents_malformed_total entries_merged_total entries_written_total
    requests_overloaded_total requests_refused_total requests_repeated_total sessions_ended_total storage_full_total
    commit_seconds_total
"""

GAUGES = """
    breached_items digest_differences journal_entries node_heard_timestamp_seconds orders_stuck peer_behind_entries
    peer_connected peer_unacknowledged_entries ready stranded_units
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
