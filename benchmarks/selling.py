"""Durable sales over HTTP, compared with an upper bound of HTTP (an echo server) and of the disk (SQLite alone)."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import ExitStack
from typing import Any

from benchmarks.load import BATCH_STATUS
from benchmarks.measure import Bench, Measured, Sample, apart
from benchmarks.rivals import insert_rows
from benchmarks.servers import Server, edge, rival

CONNECTIONS = (1, 16, 64)
BATCH_CONNECTIONS = 16
ITEMS = 1_000
ROWS = 200_000
ROWS_PER_COMMIT = 512


def measure_selling(bench: Bench) -> Iterator[Sample]:
    """One round: for each number of connections echo, node and naive server in turn, then batches, then SQLite."""
    seconds = bench.sized(3, 1)
    with ExitStack() as stack:
        echo = stack.enter_context(rival("echo", bench.fresh("echo")))
        naive = stack.enter_context(rival("naive", bench.fresh("naive")))
        node = stack.enter_context(edge(bench.fresh("selling")))
        stock_up(node, ITEMS)
        for connections in CONNECTIONS:
            options: dict[str, Any] = {"connections": connections, "seconds": seconds, "items": ITEMS}
            for case, figures in _side_by_side(echo, node, naive, options):
                yield Sample(f"{case}, {connections} connection{'s'[: connections - 1]}", figures)
        options = {"connections": CONNECTIONS[-1], "seconds": seconds, "items": ITEMS}
        most = f"{CONNECTIONS[-1]} connections"
        yield Sample(f"sales under random keys, {most}", sell(node, "sale", keys="uuid4", **options))
        yield Sample(f"sales with a library's headers, {most}", sell(node, "library", **options))
        options = {"connections": BATCH_CONNECTIONS, "seconds": seconds, "items": ITEMS}
        yield Sample(f"echo, batches of 100, {BATCH_CONNECTIONS} connections", drive(echo, "batch", **options)[1])
        yield Sample(f"sales in batches of 100, {BATCH_CONNECTIONS} connections", sell(node, "batch", **options))
    yield from _measure_rows(bench)


def _side_by_side(echo: Server, node: Server, naive: Server, options: dict[str, Any]) -> Iterator[tuple[str, Measured]]:
    """Measure the echo before and after the node, so that a change in the machine's speed favours neither."""
    _, before = drive(echo, "sale", **options)
    sold = sell(node, "sale", **options)
    _, after = drive(echo, "sale", **options)
    yield "echo", before
    yield "echo", after
    yield "sales", {**sold, "of echo %": 200 * sold["/s"] / (before["/s"] + after["/s"])}
    yield "transaction per sale", drive(naive, "sale", **options)[1]


def stock_up(node: Server, items: int) -> None:
    """Receive every item."""
    node.load("receipt", items=items)


def sell(node: Server, kind: str, **options: Any) -> Measured:
    """Send sales to a node, and check that its journal grew by exactly the acknowledged sales."""
    before = node.entries
    sales, figures = drive(node, kind, BATCH_STATUS if kind in ("batch", "each") else 201, **options)
    if node.entries - before != sales:
        raise RuntimeError(f"{sales} sales were acknowledged, the journal grew by {node.entries - before} entries")
    return figures


def drive(server: Server, kind: str, status: int = 201, **options: Any) -> tuple[int, Measured]:
    """Send requests to any server; return how many sales it accepted, and the figures."""
    os.sync()  # so that no server pays for unwritten data of the one before
    used = server.cpu_s
    outcome = server.load(kind, status=status, **options)
    return outcome.sales, {
        "/s": outcome.rate,
        "p50 ms": outcome.p50_ms,
        "p99 ms": outcome.p99_ms,
        "server µs": (server.cpu_s - used) / outcome.sales * 1e6,
        "generator %": outcome.busy_percent,
    }


def _measure_rows(bench: Bench) -> Iterator[Sample]:
    rows = bench.sized(ROWS, ROWS // 10)
    for case, per_commit, is_ordered in (
        ("SQLite rows, one transaction", rows, True),
        ("SQLite rows, 512 per commit, ordered keys", ROWS_PER_COMMIT, True),
        ("SQLite rows, 512 per commit, random keys", ROWS_PER_COMMIT, False),
    ):
        yield Sample(case, {"/s": apart(insert_rows, bench.fresh("rows"), rows, per_commit, is_ordered)})
