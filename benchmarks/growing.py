"""What stays and what slows down as items and journal grow."""

from __future__ import annotations

from collections.abc import Iterator

from benchmarks.measure import Bench, Sample, apart
from benchmarks.sales import Workload, make_journal
from benchmarks.selling import sell
from benchmarks.servers import edge

CONNECTIONS = 64

POINTS = (
    Workload(0, 1_000),
    Workload(0, 10_000),
    Workload(0, 50_000),
    Workload(100_000, 1_000),
    Workload(1_000_000, 1_000),
    Workload(1_000_000, 1_000, keys="uuid4"),
)
"""Journals to begin with: every item received, then so many sales."""


def measure_growing(bench: Bench) -> Iterator[Sample]:
    """One round: start on each journal, then sell at full speed."""
    seconds = bench.sized(4, 1)
    for point in POINTS:
        if bench.is_quick and point.sales > 100_000:
            continue
        name = f"journal-{point.items}-{point.sales}-{point.keys}"
        prepared = bench.prepared(name, lambda path, point=point: apart(make_journal, path, "store-1", point))  # type: ignore[misc]
        with edge(bench.copied(prepared, "growing")) as node:
            figures = {"start s": node.started_s, "resident MB": node.resident_mb}
            sold = sell(node, "sale", connections=CONNECTIONS, seconds=seconds, items=point.items, keys=point.keys)
        keys = ", random keys" if point.keys == "uuid4" else ""
        yield Sample(f"{point.items:,} items, {point.sales:,} sales before{keys}", {**figures, **sold})
