"""Sales for measurements: keys as tills make them, requests as bytes, and journals of several weeks of a store."""

from __future__ import annotations

import asyncio
import os
import random
import time
from collections.abc import Iterator
from pathlib import Path

from msgspec import Struct

from replica.core.base.names import parse_key, writer_of
from replica.core.log.entry import Entry, genesis
from replica.core.state import decisions
from replica.core.state.commands import Command
from replica.core.state.replica import Replica
from replica.core.stock.requests import GoodsLine, GoodsReceipt, Sale, SkuLine
from replica.runtime.journal.sqlite_journal import open_journal

DAY_MS = 86_400_000
OPEN_MS = 14 * 3_600_000
"""How long a store is open each day."""

UNLIMITED = 1_000_000
"""More units of an item than any measurement sells."""

STOCKED = 200
"""Usual stock of an item, on the shelf and behind it."""

LIBRARY_HEADERS = (
    "User-Agent: python-requests/2.32.3\r\nAccept-Encoding: gzip, deflate\r\nAccept: */*\r\nConnection: keep-alive\r\n"
)
"""The headers that a common HTTP library sends with every request."""

LINES_PER_RECEIPT = 1_000
ENTRIES_PER_BATCH = 2_048


class Workload(Struct, frozen=True):
    """Sales of a store: their number, items to choose from, lines in each sale, and the kind of their keys."""

    sales: int
    items: int = 1_000
    lines: int = 1
    keys: str = "uuid7"
    days: float = 0.0
    """The sales are spread over this number of opening days before now. 0: one sale a millisecond."""
    stocked: int = UNLIMITED
    """Units of each item received before the first sale: at least this number, at most one and a half times it."""
    is_in_order: bool = False
    """Whether the items are sold one after the other, not at random."""
    skus: tuple[str, ...] = ()
    """The SKUs to sell, as many as `items`. Empty: those that have the names of the items."""


def item_name(number: int) -> str:
    """The name of an item, as long as an article number."""
    return f"item-{number:08d}"


def make_keys(kind: str, count: int, moments: Iterator[int]) -> Iterator[str]:
    """Idempotency keys: `uuid7` and `uuid4` as in RFC 9562, `till` a till's name and its counter.

    A till makes a key some milliseconds before the node stamps the sale.
    """
    chance = random.Random(count)
    for number, moment in zip(range(count), moments, strict=True):
        if kind == "till":
            yield f"t{1 + number % 8}-{number:07d}"
            continue
        digits = os.urandom(16).hex()
        made = f"{moment - int(5 + 45 * chance.random()):012x}" if kind == "uuid7" else digits[20:]
        variant = "89ab"[number & 3]
        yield f"{made[:8]}-{made[8:]}-{kind[-1]}{digits[:3]}-{variant}{digits[3:6]}-{digits[6:18]}"


def moments_of(workload: Workload, now_ms: int) -> Iterator[int]:
    """The moment of each sale, in milliseconds: only in opening hours, and more sales in the middle of the day."""
    if not workload.days:
        yield from range(now_ms - workload.sales, now_ms)
        return
    chance = random.Random(7)
    open_ms = sorted(int(chance.betavariate(2, 2) * OPEN_MS) for _ in range(workload.sales))
    per_day = workload.sales / workload.days
    first_ms = now_ms - int(workload.days * DAY_MS)
    days = [int(number / per_day) for number in range(workload.sales)]
    by_day = sorted(zip(days, chance.sample(open_ms, len(open_ms)), strict=True))
    yield from (first_ms + day * DAY_MS + at_ms for day, at_ms in by_day)


def sell_for(replica: Replica, location: str, workload: Workload) -> Iterator[Entry]:
    """Receive all items, then sell, by way of the core. The caller takes the batches."""
    now_ms = int(time.time() * 1000)
    started_ms = now_ms - int(workload.days * DAY_MS) - workload.sales
    for receipt in _receipts(workload):
        yield decisions.execute(replica, Command(location, receipt, os.urandom(16)), started_ms)
    chance = random.Random(workload.items)
    keys = make_keys(workload.keys, workload.sales, moments_of(workload, now_ms))
    for key, moment in zip(keys, moments_of(workload, now_ms), strict=True):
        numbers = chance.sample(range(workload.items), workload.lines)
        sale = Sale(lines=tuple(SkuLine(1 + (chance.random() < 0.2), item_name(number)) for number in numbers))
        yield decisions.execute(replica, Command(location, sale, parse_key(key)), moment)


Linked = list[tuple[Entry, bytes]]
"""Entries of one stream, each with the hash of the entry before it."""


def make_entries(location: str, workload: Workload) -> tuple[Linked, Linked]:
    """A store's receipts, and its sales after them."""
    replica = Replica(writer_of(location, "0" * 12), (location,), open_catalog=True)
    entries = list(sell_for(replica, location, workload))
    first = genesis(entries[0].stream)
    linked = list(zip(entries, [first, *(entry.hash for entry in entries)], strict=False))
    return linked[: -workload.sales], linked[-workload.sales :]


def make_journal(directory: Path, name: str, workload: Workload) -> None:
    """Write the journal of a store as its node would, in large commits."""
    asyncio.run(_make_journal(directory, name, workload))


async def _make_journal(directory: Path, name: str, workload: Workload) -> None:
    journal = await open_journal(directory, name, "0" * 12)
    replica = Replica(writer_of(name, journal.incarnation), (name,), await journal.load(), open_catalog=True)
    for _ in sell_for(replica, name, workload):
        if replica.uncommitted >= ENTRIES_PER_BATCH:
            await journal.append(replica.take_batch())
    await journal.append(replica.take_batch())
    await journal.close()


def sale_requests(port: int, workload: Workload, headers: str = "") -> Iterator[bytes]:
    """Requests of single sales, ready to send."""
    for key, lines in _sales(workload):
        yield _post(port, "/v1/sales", b'{"lines":[%s]}' % lines, f"{headers}Idempotency-Key: {key}\r\n")


def batch_requests(port: int, workload: Workload, per_batch: int) -> Iterator[bytes]:
    """Requests of batches of sales, ready to send."""
    sales = [b'{"key":"%s","lines":[%s]}' % (key.encode(), lines) for key, lines in _sales(workload)]
    for first in range(0, len(sales), per_batch):
        yield _post(port, "/v1/sales:batch", b'{"sales":[%s]}' % b",".join(sales[first : first + per_batch]))


def order_requests(port: int, workload: Workload) -> Iterator[bytes]:
    """Requests of orders, each for one unit, ready to send."""
    for number, (key, lines) in enumerate(_sales(workload)):
        body = b'{"order":"web-%s-%d","channel":"web","lines":[%s]}' % (key[-12:].encode(), number, lines)
        yield _post(port, "/v1/orders", body, f"Idempotency-Key: {key}\r\n")


def addressed_requests(port: int, workload: Workload) -> Iterator[bytes]:
    """Requests of paid orders of two lines to addresses all over a country, ready to send."""
    chance = random.Random(workload.items)
    keys = make_keys(workload.keys, workload.sales, moments_of(workload, int(time.time() * 1000)))
    for number, key in enumerate(keys):
        items = chance.sample(range(workload.items), 2)
        lines = ",".join(f'{{"sku":"i-{item}","quantity":{chance.randint(1, 2)}}}' for item in items)
        place = f'"lat":{chance.uniform(25, 35):.4f},"lon":{chance.uniform(105, 120):.4f}'
        body = (
            f'{{"order":"web-{key[-12:]}-{number}","paid":true,"lines":[{lines}],"ship_to":{{"country":"CN",{place}}}}}'
        )
        yield _post(port, "/v1/orders", body.encode(), f"Idempotency-Key: {key}\r\n")


def receipt_requests(port: int, items: int) -> Iterator[bytes]:
    """Requests that stock every item, ready to send."""
    for first in range(0, items, LINES_PER_RECEIPT):
        lines = b",".join(
            b'{"item":"%s","quantity":%d}' % (item_name(number).encode(), UNLIMITED)
            for number in range(first, min(items, first + LINES_PER_RECEIPT))
        )
        yield _post(port, "/v1/receipts", b'{"lines":[%s]}' % lines, f"Idempotency-Key: stock-{first}\r\n")


def _sales(workload: Workload) -> Iterator[tuple[str, bytes]]:
    """Key and lines of each sale."""
    chance = random.Random(workload.items)
    keys = make_keys(workload.keys, workload.sales, moments_of(workload, int(time.time() * 1000)))
    for number, key in enumerate(keys):
        items = (
            [number] if workload.is_in_order else [int(chance.random() * workload.items) for _ in range(workload.lines)]
        )
        names = [workload.skus[item] if workload.skus else item_name(item) for item in items]
        yield key, b",".join(b'{"sku":"%s","quantity":1}' % name.encode() for name in names)


def _post(port: int, path: str, body: bytes, headers: str = "") -> bytes:
    head = f"POST {path} HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\n{headers}Content-Type: application/json\r\n"
    return f"{head}Content-Length: {len(body)}\r\n\r\n".encode() + body


def _receipts(workload: Workload) -> Iterator[GoodsReceipt]:
    chance = random.Random(workload.stocked)
    for first in range(0, workload.items, LINES_PER_RECEIPT):
        numbers = range(first, min(workload.items, first + LINES_PER_RECEIPT))
        units = [int(workload.stocked * (1 + chance.random() / 2)) for _ in numbers]
        yield GoodsReceipt(
            tuple(GoodsLine(unit, item=item_name(number)) for unit, number in zip(units, numbers, strict=True))
        )
