"""The memory that a store's node uses."""

from __future__ import annotations

from collections.abc import Iterator

from benchmarks.measure import Bench, Sample
from benchmarks.selling import sell, stock_up
from benchmarks.servers import edge

ITEMS = 50_000


def measure_memory(bench: Bench) -> Iterator[Sample]:
    """One round: idle, then after receiving many items, then after selling each item once."""
    items = bench.sized(ITEMS, ITEMS // 10)
    with edge(bench.fresh("footprint")) as node:
        yield Sample("idle", {"resident MB": node.resident_mb})
        stock_up(node, items)
        yield Sample(f"{items:,} items received", {"resident MB": node.resident_mb})
        sell(node, "each", items=items)
        yield Sample(f"{items:,} items received and sold", {"resident MB": node.resident_mb})
