"""How long other writes wait while many holds expire at once: `python -m benchmarks.expiry [HOLDS]`.

One node on a real file. The benchmark places holds and times single sales at rest. Then it moves the clock past all
deadlines of the holds, and times single sales, one after the other, until the node has released all holds.
"""

from __future__ import annotations

import asyncio
import sys
import tempfile
import time
from pathlib import Path

from replica.core.base.clock import Moment
from replica.core.base.names import writer_of
from replica.core.orders.fold import held_differences
from replica.core.orders.requests import PlacedLine, Placement
from replica.core.state.commands import Command
from replica.core.state.replica import Replica
from replica.core.stock.requests import GoodsLine, GoodsReceipt, Sale, SkuLine
from replica.runtime.background.order_housekeeping import OrderHousekeeping
from replica.runtime.driver import Driver
from replica.runtime.journal.sqlite_journal import open_journal

LOCATION = "w-1"
CHUNK = 1_000
TTL_S = 86_400
SALES_AT_REST = 2_000


class ShiftedClock:
    """Real time plus an offset."""

    offset_ms = 0

    def now(self) -> Moment:
        return Moment(time.time_ns() // 1_000_000 + self.offset_ms, time.monotonic_ns() // 1_000_000)


async def sell(driver: Driver, key: str) -> float:
    """Make one sale; return how long it took, in milliseconds."""
    started = time.perf_counter()
    await driver.submit(Command(LOCATION, Sale(lines=(SkuLine(1, "tea"),)), key.encode()))
    return (time.perf_counter() - started) * 1_000


def percentiles(times_ms: list[float]) -> str:
    """Median, 99th percentile and longest time, as text."""
    ordered = sorted(times_ms)
    p99 = ordered[int(len(ordered) * 0.99)]
    return f"p50 {ordered[len(ordered) // 2]:.2f} ms, p99 {p99:.2f} ms, longest {ordered[-1]:.2f} ms"


async def place_holds(driver: Driver, holds: int) -> float:
    """Place this number of holds; return how many per second."""
    started = time.perf_counter()
    for first in range(0, holds, CHUNK):
        placements = [
            Command(
                "", Placement(order=f"o-{number}", lines=(PlacedLine(1, "cola"),), ttl_s=TTL_S), f"o-{number}".encode()
            )
            for number in range(first, min(holds, first + CHUNK))
        ]
        await driver.submit_all(placements)
    return holds / (time.perf_counter() - started)


async def measure(holds: int, directory: Path) -> None:
    """Measure, and print the results."""
    writer, clock = writer_of("hub-east", "0000000b"), ShiftedClock()
    journal = await open_journal(directory, "hub-east", "0000000b")
    replica = Replica(writer, (LOCATION,), await journal.load(), open_catalog=True)
    driver = Driver(replica, journal, clock)
    driving = asyncio.create_task(driver.run())
    lines = (GoodsLine(holds, item="cola"), GoodsLine(10_000_000, item="tea"))
    await driver.submit(Command(LOCATION, GoodsReceipt(lines), b"stock"))
    print(f"{await place_holds(driver, holds):,.0f} holds placed per second")
    print("at rest:       ", percentiles([await sell(driver, f"r-{number}") for number in range(SALES_AT_REST)]))
    clock.offset_ms = (TTL_S + 60) * 1_000
    housekeeping = asyncio.create_task(OrderHousekeeping(driver, lambda: ({}, ())).run())
    started, times_ms = time.perf_counter(), list[float]()
    while replica.ledger.stock(LOCATION, "cola").figures.reserved:
        times_ms.append(await sell(driver, f"s-{len(times_ms)}"))
    seconds = time.perf_counter() - started
    print("while expiring:", percentiles(times_ms))
    print(f"{holds:,} holds expired in {seconds:.1f} s, {len(times_ms):,} sales in this time")
    assert held_differences(replica.ledger, replica.orders) == []
    housekeeping.cancel()
    driver.stop()
    await driving
    await journal.close()
    journal = await open_journal(directory, "hub-east", "0000000b")
    started = time.perf_counter()
    Replica(writer, (LOCATION,), await journal.load(), open_catalog=True)
    print(f"restarted with {holds:,} orders in {time.perf_counter() - started:.2f} s")
    await journal.close()


if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as scratch:
        asyncio.run(measure(int(sys.argv[1]) if len(sys.argv) > 1 else 100_000, Path(scratch)))
