"""The load generator, a separate process: `python -m benchmarks.load PORT KIND …` prints its figures as JSON.

Raw asyncio protocols on uvloop send prebuilt requests, one at a time on each of many keep-alive connections. The
generator checks the status of every answer, and every verdict of a batch, so a refused sale is never counted.
"""

from __future__ import annotations

import asyncio
import resource
import time
from array import array
from collections.abc import Iterator
from pathlib import Path
from typing import cast

import click
import msgspec
import uvloop
from msgspec import Struct

from benchmarks.measure import quantile
from benchmarks.sales import (
    LIBRARY_HEADERS,
    Workload,
    addressed_requests,
    batch_requests,
    order_requests,
    receipt_requests,
    sale_requests,
)

WARM_S = 0.4
"""The generator checks the answers of this first period, but leaves them out of the figures."""

SALES_PER_S_MAX = 90_000
BATCHED_SALES_PER_S_MAX = 200_000
"""How many requests to build in advance, per second. If they run out, the run ends early; the rate is still right."""

ADDRESSED_PER_S_MAX = 1_000
"""The same for orders to addresses."""

SALES_PER_BATCH = 100
BATCH_STATUS = 207
UNBOUNDED_S = 600.0

VERDICT_ACCEPTED = b'"status":201'


class LoadOutcome(Struct, frozen=True):
    """The result of a run. `sales` are all accepted sales; `rate` is sales a second in the measured period."""

    sales: int
    rate: float
    p50_ms: float
    p99_ms: float
    busy_percent: float
    """Use of one core by the generator itself."""
    began_s: float
    ended_s: float
    """The measured period, by the clock that all processes of the machine share."""


class Expected(Struct, frozen=True):
    """What every answer must begin with, and how many accepted verdicts and sales it must contain."""

    start: bytes
    verdicts: int
    sales: int


class LoadRun:
    """The state that the connections of one run share."""

    def __init__(self, requests: Iterator[bytes], seconds: float, expected: Expected, rate: float = 0.0) -> None:
        self.requests = requests
        self.expected = expected
        self.rate = rate
        """Requests a second, evenly spread. 0: each connection sends as soon as it has an answer."""
        self.started = time.perf_counter()
        self.ends = self.started + WARM_S + seconds
        self.finished = array("d")
        self.took = array("d")
        self.open = 0
        self.sent = 0
        self.done: asyncio.Future[None] = asyncio.get_running_loop().create_future()


class Caller(asyncio.Protocol):
    """One keep-alive connection. It sends the next request when the answer to the last one is complete."""

    def __init__(self, run: LoadRun) -> None:
        self._run = run
        self._received = b""
        self._sent = 0.0
        self._transport: asyncio.Transport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)  # uvloop's class is no subclass of it
        self._run.open += 1
        self._send_when_due()

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
        accepted = received.count(VERDICT_ACCEPTED) if expected.verdicts else 0
        if not received.startswith(expected.start) or accepted != expected.verdicts:
            self._end(RuntimeError(f"a wrong answer: {received[:600]!r}"))
            return
        now = time.perf_counter()
        run.finished.append(now)
        run.took.append(now - self._sent)
        self._send_when_due()

    def connection_lost(self, exc: Exception | None) -> None:
        self._end(RuntimeError(f"the server closed the connection: {exc}"))

    def _send_when_due(self) -> None:
        run = self._run
        due = run.started + run.sent / run.rate if run.rate else 0.0
        run.sent += 1
        delay = due - time.perf_counter() if due else 0.0
        if delay > 0:
            asyncio.get_running_loop().call_later(delay, self._send)
        else:
            self._send()

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


async def drive(
    port: int, requests: list[bytes], connections: int, seconds: float, expected: Expected, rate: float = 0.0
) -> LoadOutcome:
    """Send requests on all connections for this time, at most so many a second if a rate is given."""
    loop = asyncio.get_running_loop()
    run = LoadRun(iter(requests), seconds, expected, rate)
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
    return LoadOutcome(
        sales=len(run.finished) * expected.sales,
        rate=rate,
        p50_ms=quantile(took_ms, 0.5),
        p99_ms=quantile(took_ms, 0.99),
        busy_percent=100 * busy,
        began_s=warm,
        ended_s=run.ends,
    )


def _cpu_s() -> float:
    usage = resource.getrusage(resource.RUSAGE_SELF)
    return usage.ru_utime + usage.ru_stime


@click.command()
@click.argument("port", type=int)
@click.argument("kind", type=click.Choice(["sale", "library", "order", "addressed", "batch", "each", "receipt"]))
@click.option("--connections", default=1)
@click.option("--seconds", default=1.0)
@click.option("--items", default=1_000)
@click.option("--keys", default="uuid7")
@click.option("--status", default=201, help="The status that every answer must have.")
@click.option("--rate", default=0.0, help="Requests a second. 0: as many as the server answers.")
@click.option("--skus", type=click.Path(path_type=Path), help="A file with the SKUs to sell, one in each line.")
def main(
    port: int,
    kind: str,
    connections: int,
    seconds: float,
    items: int,
    keys: str,
    status: int,
    rate: float,
    skus: Path | None,
) -> None:
    """Send requests to the server on a port of this machine.

    KIND: sale, library (a sale with the headers of an HTTP library), order, addressed (an order to an address), batch
    (100 sales), each (batches that sell each item once) or receipt.
    """
    duration_s = seconds + WARM_S
    sales = 1
    match kind:
        case "sale" | "library":
            names = tuple(skus.read_text().split()) if skus is not None else ()
            per_s = min(SALES_PER_S_MAX, 2 * rate) if rate else SALES_PER_S_MAX
            workload = Workload(sales=int(duration_s * per_s), items=len(names) or items, keys=keys, skus=names)
            requests = list(sale_requests(port, workload, LIBRARY_HEADERS if kind == "library" else ""))
        case "order":
            workload = Workload(sales=int(duration_s * SALES_PER_S_MAX), items=items, keys=keys)
            requests = list(order_requests(port, workload))
        case "addressed":
            workload = Workload(sales=int(duration_s * 2 * (rate or ADDRESSED_PER_S_MAX)), items=items, keys=keys)
            requests = list(addressed_requests(port, workload))
        case "batch":
            sales = SALES_PER_BATCH
            workload = Workload(sales=int(duration_s * BATCHED_SALES_PER_S_MAX), items=items, keys=keys)
            requests = list(batch_requests(port, workload, sales))
        case "each":
            sales, seconds = SALES_PER_BATCH, UNBOUNDED_S
            workload = Workload(sales=items, items=items, keys=keys, is_in_order=True)
            requests = list(batch_requests(port, workload, sales))
        case _:
            seconds = UNBOUNDED_S
            requests = list(receipt_requests(port, items))
    expected = Expected(b"HTTP/1.1 %d " % status, sales if status == BATCH_STATUS else 0, sales)
    outcome = uvloop.run(drive(port, requests, connections, seconds, expected, rate))
    print(msgspec.json.encode(outcome).decode())


if __name__ == "__main__":
    main()
