"""Orders to addresses over HTTP, 10,000 a minute for five minutes, at a hub that hosts 1,000 locations."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Iterator
from functools import partial
from pathlib import Path

from benchmarks.measure import Bench, Measured, Sample, apart
from benchmarks.servers import Server, hub
from benchmarks.sourcing import ITEMS, LOCATIONS, SHARES_PERCENT, names_of, stocking, write
from replica.core.base.names import writer_of
from replica.core.orders.context import OrderPolicy
from replica.core.state.replica import Replica
from replica.runtime.journal.sqlite_journal import open_journal

PER_MINUTE = 10_000
SUSTAINED_S = 300
CONNECTIONS = 16
SERVING = 50
"""Locations that serve an area."""

UNITS_MAX = 200


def measure_sustained(bench: Bench) -> Iterator[Sample]:
    """One round: orders to addresses that areas narrow down, and orders that each location may send."""
    locations = bench.sized(LOCATIONS, LOCATIONS // 10)
    for case, has_areas in (
        (f"{SERVING} of {locations:,} locations serve an address", True),
        (f"all {locations:,} locations may send", False),
    ):
        fill = partial(_fill, locations=locations, has_areas=has_areas)
        directory = bench.prepared(f"addressed-{has_areas}", fill)
        with hub(bench.copied(directory, "addressed"), hosts=names_of(locations)) as server:
            yield Sample(case, sustained(server, bench.sized(SUSTAINED_S, 3)))


def _fill(directory: Path, locations: int, has_areas: bool) -> None:
    apart(prepare, directory, locations, has_areas)


def prepare(directory: Path, locations: int, has_areas: bool) -> None:
    """Write the journal of a hub with some locations and their stock. Only with areas, few of them serve an address."""
    asyncio.run(_prepare(directory, names_of(locations), has_areas))


async def _prepare(directory: Path, names: tuple[str, ...], has_areas: bool) -> None:
    journal = await open_journal(directory, "hub-1", "0" * 12)
    replica = Replica(
        writer_of("hub-1", journal.incarnation),
        names,
        await journal.load(),
        open_catalog=True,
        order_policy=OrderPolicy(),
    )
    for _ in stocking(replica, names, SHARES_PERCENT[1], UNITS_MAX):
        await journal.append(replica.take_batch())
    for number, lon in enumerate(range(100, 125, 5) if has_areas else ()):
        corners = [{"lat": lat, "lon": east} for lat, east in ((20, lon), (20, lon + 5), (42, lon + 5), (42, lon))]
        served = random.Random(number).sample(names, SERVING)
        serves = [{"location": name} for name in served]
        write(
            replica, "area", f"column-{number}", {"covers": [{"type": "polygon", "corners": corners}], "serves": serves}
        )
    await journal.append(replica.take_batch())
    await journal.close()


def sustained(server: Server, seconds: int) -> Measured:
    """Send orders at an even rate, and check that the journal grew by at least one entry for each."""
    before, used = server.entries, server.cpu_s
    outcome = server.load("addressed", connections=CONNECTIONS, seconds=seconds, items=ITEMS, rate=PER_MINUTE / 60)
    if server.entries - before < outcome.sales:
        raise RuntimeError(f"{outcome.sales} orders were acknowledged, and the journal has fewer new entries")
    return {
        "/min": 60 * outcome.rate,
        "p50 ms": outcome.p50_ms,
        "p99 ms": outcome.p99_ms,
        "server CPU ms": (server.cpu_s - used) / outcome.sales * 1e3,
        "resident MB": server.resident_mb,
    }
