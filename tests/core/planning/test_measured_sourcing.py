"""What the benchmarks of sourcing measure, in small: its speed, and how it compares with nearest first."""

from __future__ import annotations

from benchmarks.nearest_first import sent
from benchmarks.sourcing import measured


def test_fifty_lines_over_a_thousand_locations_take_twenty_milliseconds_at_most() -> None:
    """Processor time, in the median of some orders: the 99th percentile needs a machine of its own."""
    assert measured(1_000, 15, 60)["CPU p50 ms"] <= 20


def test_orders_are_split_less_and_arrive_earlier_than_by_nearest_first() -> None:
    chosen, nearest = sent("as chosen", 150), sent("each line from the nearest", 150)
    assert chosen["orders sent"] == nearest["orders sent"] == 150
    for figure in ("locations of an order", "late parcels %", "last units sold", "points of an order"):
        assert chosen[figure] < nearest[figure]
