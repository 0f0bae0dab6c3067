"""Orders for one contended item, and for a thousand items: a hub compared with other ways to take orders."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack

from benchmarks.measure import Bench, Measured, Sample
from benchmarks.selling import drive, stock_up
from benchmarks.servers import Server, hub, order_rival, postgres, redis

CONNECTIONS = 64
SPREAD = 1_000

RIVALS = {
    "PostgreSQL": ("postgres", True, False),
    "Redis within a PostgreSQL transaction": ("task", True, True),
    "Redis": ("redis", False, True),
}
"""By name in the report: kind, whether it needs PostgreSQL, whether it needs Redis."""


def measure_ordering(bench: Bench) -> Iterator[Sample]:
    """One round: each system in turn on one item, then each on many. The hub runs before and after the others."""
    seconds = bench.sized(3, 1)
    with ExitStack() as stack:
        ours = stack.enter_context(hub(bench.fresh("ordering"), hosts="w-1"))
        stock_up(ours, SPREAD)
        address = stack.enter_context(postgres(bench.fresh("postgres")))
        socket = stack.enter_context(redis(bench.fresh("redis")))
        others: dict[str, Server] = {}
        for name, (kind, needs_postgres, needs_redis) in RIVALS.items():
            if socket is None and needs_redis:
                continue
            flags = ["--postgres", address] if needs_postgres else []
            flags += ["--redis-socket", str(socket)] if needs_redis else []
            others[name] = stack.enter_context(order_rival(kind, bench.fresh(f"orders-{kind}"), flags))
        for items, text in ((1, "one item"), (SPREAD, f"{SPREAD:,} items")):
            options = {"connections": CONNECTIONS, "seconds": seconds, "items": items}
            before = order(ours, **options)
            found = {name: drive(server, "order", **options)[1] for name, server in others.items()}
            after = order(ours, **options)
            for figures in (before, after):
                ratios = {f"of {name} x": figures["/s"] / other["/s"] for name, other in found.items()}
                yield Sample(f"ours, {text}", {**figures, **ratios})
            for name, figures in found.items():
                yield Sample(f"{name}, {text}", figures)


def order(node: Server, **options: int) -> Measured:
    """Send orders to a hub, and check that its journal grew by exactly the acknowledged orders."""
    before = node.entries
    orders, figures = drive(node, "order", **options)
    if node.entries - before != orders:
        raise RuntimeError(f"{orders} orders were acknowledged, the journal grew by {node.entries - before} entries")
    return figures
