"""A store reconnects after a week: the hub receives its sales over a proxy. All nodes are real processes."""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from benchmarks.measure import Bench, Measured, Sample, apart
from benchmarks.sales import STOCKED, Workload, make_journal
from benchmarks.servers import Server, edge, hub
from shelfsync.proxy import Direction, Proxy

SALES, DAYS = 70_000, 7.0
ITEMS, LINES = 10_000, 5
LINES_BITS_PER_S = {"1 Mbit/s": 1e6, "unthrottled": None}

POLL_S = 0.02
CAUGHT_UP_MAX_S = 300.0


def measure_catching_up(bench: Bench) -> Iterator[Sample]:
    """One round: the same week over a slow line and over an unthrottled line."""
    sales = bench.sized(SALES, SALES // 7)
    week = Workload(sales=sales, items=ITEMS, lines=LINES, days=DAYS * sales / SALES, stocked=STOCKED)
    prepared = bench.prepared("week", lambda path: apart(make_journal, path, "store-1", week))
    for line, bits_per_s in LINES_BITS_PER_S.items():
        store, empty = bench.copied(prepared, "store-1"), bench.fresh("hub-1")
        with hub(empty) as centre, _line_to(centre, bits_per_s) as proxy:
            yield Sample(f"{sales:,} sales of {LINES} lines, {line}", _catch_up(store, centre, proxy, sales))


def _catch_up(store: Path, centre: Server, proxy: Proxy, sales: int) -> Measured:
    with edge(store, hub=proxy.url) as node:
        started = time.perf_counter()
        entries = node.entries
        writer, _, _ = centre.get("/v1/journal?limit=1")["next"].rpartition("~")
        while "entries" not in centre.get(f"/v1/journal?after={writer}~{entries}&limit=1"):  # no cursor of it yet
            if time.perf_counter() - started > CAUGHT_UP_MAX_S:
                raise RuntimeError(f"the hub did not get all entries within {CAUGHT_UP_MAX_S:g} s")
            time.sleep(POLL_S)
        took = time.perf_counter() - started
        if node.digest("store-1") != centre.digest("store-1"):
            raise RuntimeError("store and hub have the same entries and different stock")
        up, down = (proxy.directions[direction].passed_bytes for direction in (Direction.UP, Direction.DOWN))
    return {"s": took, "sent MB": up / 1e6, "received MB": down / 1e6, "per sale bytes": up / sales}


@contextmanager
def _line_to(server: Server, bits_per_s: float | None) -> Iterator[Proxy]:
    """Run a line to a server in a separate thread."""
    loop = asyncio.new_event_loop()
    thread = threading.Thread(target=loop.run_forever)
    thread.start()
    proxy = Proxy(server.port, bits_per_s=bits_per_s)
    asyncio.run_coroutine_threadsafe(proxy.start(), loop).result()
    try:
        yield proxy
    finally:
        asyncio.run_coroutine_threadsafe(proxy.stop(), loop).result()
        loop.call_soon_threadsafe(loop.stop)
        thread.join()
        loop.close()
