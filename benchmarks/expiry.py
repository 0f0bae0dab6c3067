"""How long other writes wait while very many holds expire: `python -m benchmarks.expiry [HOLDS]`.

One node on a real file. Holds are placed, time is moved past all of their deadlines, and single sales are made one
after the other for as long as the node is busy giving the goods back; the same sales are timed at rest first.
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


class LeapingClock:
    """Real time, and a leap."""

    leap_ms = 0

    def now(self) -> Moment:
        return Moment(time.time_ns() // 1_000_000 + self.leap_ms, time.monotonic_ns() // 1_000_000)


async def sell(driver: Driver, key: str) -> float:
    """Make one sale; return how long it took, in milliseconds."""
    started = time.perf_counter()
    await driver.submit(Command(LOCATION, Sale((SkuLine(1, "tea"),)), key.encode()))
    return (time.perf_counter() - started) * 1_000


def percentiles(times_ms: list[float]) -> str:
    """Median, 99th percentile and longest, for people."""
    ordered = sorted(times_ms)
    p99 = ordered[int(len(ordered) * 0.99)]
    return f"p50 {ordered[len(ordered) // 2]:.2f} ms, p99 {p99:.2f} ms, longest {ordered[-1]:.2f} ms"


async def place(driver: Driver, holds: int) -> float:
    """Place so many holds; return how many per second."""
    started = time.perf_counter()
    for first in range(0, holds, CHUNK):
        placements = [
            Command("", Placement(f"o-{number}", (PlacedLine(1, "cola"),), ttl_s=TTL_S), f"o-{number}".encode())
            for number in range(first, min(holds, first + CHUNK))
        ]
        await driver.submit_all(placements)
    return holds / (time.perf_counter() - started)


async def measure(holds: int, directory: Path) -> None:
    """Print what was measured."""
    writer, clock = writer_of("hub-east", "0000000b"), LeapingClock()
    journal = await open_journal(directory, "hub-east", "0000000b")
    replica = Replica(writer, (LOCATION,), await journal.load(), open_catalog=True)
    driver = Driver(replica, journal, clock)
    driving = asyncio.create_task(driver.run())
    lines = (GoodsLine(holds, item="cola"), GoodsLine(10_000_000, item="tea"))
    await driver.submit(Command(LOCATION, GoodsReceipt(lines), b"stock"))
    print(f"{await place(driver, holds):,.0f} holds placed per second")
    print("at rest:       ", percentiles([await sell(driver, f"r-{number}") for number in range(SALES_AT_REST)]))
    clock.leap_ms = (TTL_S + 60) * 1_000
    keeping = asyncio.create_task(OrderHousekeeping(driver, lambda: ({}, ())).run())
    started, times_ms = time.perf_counter(), list[float]()
    while replica.ledger.stock(LOCATION, "cola").figures.reserved:
        times_ms.append(await sell(driver, f"s-{len(times_ms)}"))
    seconds = time.perf_counter() - started
    print("while expiring:", percentiles(times_ms))
    print(f"{holds:,} holds expired in {seconds:.1f} s, {len(times_ms):,} sales meanwhile")
    assert held_differences(replica.ledger, replica.orders) == []
    keeping.cancel()
    driver.stop()
    await driving
    await journal.close()
    journal = await open_journal(directory, "hub-east", "0000000b")
    started = time.perf_counter()
    Replica(writer, (LOCATION,), await journal.load(), open_catalog=True)
    print(f"started again with {holds:,} orders in {time.perf_counter() - started:.2f} s")
    await journal.close()


if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as scratch:
        asyncio.run(measure(int(sys.argv[1]) if len(sys.argv) > 1 else 100_000, Path(scratch)))
