"""How start time, memory and sales per second depend on the number of items and on the length of the journal."""

from __future__ import annotations

from collections.abc import Iterator

from benchmarks.measure import Bench, Sample, apart
from benchmarks.sales import Workload, make_journal
from benchmarks.selling import sell
from benchmarks.servers import edge

CONNECTIONS = 64

POINTS = (
    Workload(sales=0, items=1_000),
    Workload(sales=0, items=10_000),
    Workload(sales=0, items=50_000),
    Workload(sales=100_000, items=1_000),
    Workload(sales=1_000_000, items=1_000),
    Workload(sales=1_000_000, items=1_000, keys="uuid4"),
)
"""The journals to start with: receipts of all items, then sales."""


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
