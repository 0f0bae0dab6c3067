"""What the benchmarks of sourcing measure, in small: its speed, and how it compares with nearest first."""

from __future__ import annotations

import time
from statistics import median

from benchmarks.nearest_first import sent
from benchmarks.sourcing import measured


def million_turns_ms() -> float:
    """Processor time of a loop, now. Other work on the machine makes it slower, and sourcing as much."""
    began_ns = time.process_time_ns()
    sum(number * number for number in range(1_000_000))
    return (time.process_time_ns() - began_ns) / 1e6


def test_fifty_lines_over_a_thousand_locations_take_less_than_half_a_million_turns() -> None:
    """In the median. On a machine with nothing else to do, a million turns take about 45 ms, so this is 20 ms."""
    turns_ms = [million_turns_ms() for _ in range(3)]
    took_ms = measured(1_000, 15, 60)["CPU p50 ms"]
    turns_ms += [million_turns_ms() for _ in range(3)]
    assert took_ms <= median(turns_ms) * 20 / 45


def test_orders_are_split_less_and_arrive_earlier_than_by_nearest_first() -> None:
    chosen, nearest = sent("as chosen", 150), sent("each line from the nearest", 150)
    assert chosen["orders sent"] == nearest["orders sent"] == 150
    for figure in ("locations of an order", "late parcels %", "last units sold", "points of an order"):
        assert chosen[figure] < nearest[figure]
