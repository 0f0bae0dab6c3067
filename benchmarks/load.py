"""The load generator, a process of its own: `python -m benchmarks.load PORT KIND …` prints its figures as JSON.

Raw asyncio protocols on uvloop send requests built beforehand, one at a time on each of many keep-alive connections.
Every answer's status is checked, and in batches every verdict, so nothing that was refused counts as sold.
"""

from __future__ import annotations

import asyncio
import resource
import time
from array import array
from collections.abc import Iterator
from typing import cast

import click
import msgspec
import uvloop
from msgspec import Struct

from benchmarks.measure import quantile
from benchmarks.sales import (
    LIBRARY_HEADERS,
    Workload,
    batch_requests,
    order_requests,
    receipt_requests,
    sale_requests,
)

WARM_S = 0.4
"""Answers within this time are checked but not counted."""

SALES_PER_S_MAX = 90_000
BATCHED_SALES_PER_S_MAX = 200_000
"""How many requests are built beforehand; when they run out the run ends early, and the rate is still right."""

SALES_PER_BATCH = 100
BATCH_STATUS = 207
UNBOUNDED_S = 600.0

VERDICT_TAKEN = b'"status":201'


class Outcome(Struct, frozen=True):
    """What a run found. `sales` are all that were taken; `rate`, sales a second, is over the time that was measured."""

    sales: int
    rate: float
    p50_ms: float
    p99_ms: float
    busy_percent: float
    """Of one core, by the generator itself."""


class Expected(Struct, frozen=True):
    """What every answer must be, and for how many sales it stands."""

    start: bytes
    verdicts: int
    sales: int


class Run:
    """What the connections of one run share."""

    def __init__(self, requests: Iterator[bytes], seconds: float, expected: Expected) -> None:
        self.requests = requests
        self.expected = expected
        self.started = time.perf_counter()
        self.ends = self.started + WARM_S + seconds
        self.finished = array("d")
        self.took = array("d")
        self.open = 0
        self.done: asyncio.Future[None] = asyncio.get_running_loop().create_future()


class Caller(asyncio.Protocol):
    """One keep-alive connection: the next request goes out when the answer to the last one is complete."""

    def __init__(self, run: Run) -> None:
        self._run = run
        self._received = b""
        self._sent = 0.0
        self._transport: asyncio.Transport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)  # uvloop's are none by type
        self._run.open += 1
        self._send()

    def data_received(self, data: bytes) -> None:
        received = self._received + data if self._received else data
        end = received.find(b"\r\n\r\n")
        if end < 0:
            self._received = received
            return
        _, _, rest = received[:end].lower().partition(b"content-length: ")
        if len(received) < end + 4 + int(rest.partition(b"\r\n")[0]):
            self._received = received
            return
        self._received = b""
        run = self._run
        expected = run.expected
        taken = received.count(VERDICT_TAKEN) if expected.verdicts else 0
        if not received.startswith(expected.start) or taken != expected.verdicts:
            self._end(RuntimeError(f"a wrong answer: {received[:600]!r}"))
            return
        now = time.perf_counter()
        run.finished.append(now)
        run.took.append(now - self._sent)
        self._send()

    def connection_lost(self, exc: Exception | None) -> None:
        self._end(RuntimeError(f"the server hung up: {exc}"))

    def _send(self) -> None:
        assert self._transport is not None
        self._sent = time.perf_counter()
        request = next(self._run.requests, None) if self._sent < self._run.ends else None
        if request is not None:
            self._transport.write(request)
            return
        self._run.open -= 1
        if not self._run.open:
            self._end(None)

    def _end(self, error: Exception | None) -> None:
        if not self._run.done.done():
            self._run.done.set_exception(error) if error is not None else self._run.done.set_result(None)


async def drive(port: int, requests: list[bytes], connections: int, seconds: float, expected: Expected) -> Outcome:
    """Keep so many connections busy for so long."""
    loop = asyncio.get_running_loop()
    run = Run(iter(requests), seconds, expected)
    used = _cpu_s()
    for _ in range(min(connections, len(requests))):
        await loop.create_connection(lambda: Caller(run), "127.0.0.1", port)
    await run.done
    busy = (_cpu_s() - used) / (run.finished[-1] - run.started)
    warm = run.started + WARM_S
    measured = [(at, took) for at, took in zip(run.finished, run.took, strict=True) if warm < at <= run.ends]
    rate, took_ms = 0.0, [0.0]
    if measured:
        rate = len(measured) * expected.sales / (measured[-1][0] - warm)
        took_ms = sorted(took * 1000 for _, took in measured)
    return Outcome(
        len(run.finished) * expected.sales, rate, quantile(took_ms, 0.5), quantile(took_ms, 0.99), 100 * busy
    )


def _cpu_s() -> float:
    usage = resource.getrusage(resource.RUSAGE_SELF)
    return usage.ru_utime + usage.ru_stime


@click.command()
@click.argument("port", type=int)
@click.argument("kind", type=click.Choice(["sale", "library", "order", "batch", "each", "receipt"]))
@click.option("--connections", default=1)
@click.option("--seconds", default=1.0)
@click.option("--items", default=1_000)
@click.option("--keys", default="uuid7")
@click.option("--status", default=201, help="What every answer must have.")
def main(port: int, kind: str, connections: int, seconds: float, items: int, keys: str, status: int) -> None:
    """Drive the server on a port of this machine.

    KIND is sales, sales with a library's headers, orders, batches of sales, each item sold once, or receipts.
    """
    lasts_s = seconds + WARM_S
    sales = 1
    match kind:
        case "sale" | "library":
            workload = Workload(int(lasts_s * SALES_PER_S_MAX), items, keys=keys)
            requests = list(sale_requests(port, workload, LIBRARY_HEADERS if kind == "library" else ""))
        case "order":
            requests = list(order_requests(port, Workload(int(lasts_s * SALES_PER_S_MAX), items, keys=keys)))
        case "batch":
            sales = SALES_PER_BATCH
            workload = Workload(int(lasts_s * BATCHED_SALES_PER_S_MAX), items, keys=keys)
            requests = list(batch_requests(port, workload, sales))
        case "each":
            sales, seconds = SALES_PER_BATCH, UNBOUNDED_S
            requests = list(batch_requests(port, Workload(items, items, keys=keys, is_in_order=True), sales))
        case _:
            seconds = UNBOUNDED_S
            requests = list(receipt_requests(port, items))
    expected = Expected(b"HTTP/1.1 %d " % status, sales if status == BATCH_STATUS else 0, sales)
    outcome = uvloop.run(drive(port, requests, connections, seconds, expected))
    print(msgspec.json.encode(outcome).decode())


if __name__ == "__main__":
    main()
