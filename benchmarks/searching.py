"""Searches at a store with a large catalogue, beside tills that sell goods with prices.

The load of the tills is a share of what the same node sells at most, measured in the same round. Tills send at even
intervals, so neither they nor the generator wait in a line. Somebody types: a search begins a moment after the answer
to the last one.
"""

from __future__ import annotations

import asyncio
import http.client
import random
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from threading import Event, Thread
from typing import Any
from urllib.parse import quote

from benchmarks.measure import Bench, Measured, Sample, apart, quantile
from benchmarks.selling import sell
from benchmarks.servers import Server, edge
from replica.core.base.names import writer_of
from replica.core.catalog.documents import pack_value
from replica.core.catalog.ranks import RANKS
from replica.core.state import decisions
from replica.core.state.commands import Command, DocumentWrite
from replica.core.state.replica import Replica
from replica.core.stock.requests import GoodsLine, GoodsReceipt
from replica.runtime.journal.sqlite_journal import SqliteJournal, open_journal
from shelfsync.sample.catalogue import KINDS, sample
from shelfsync.sample.skus import SampleSku, skus

SKUS = 100_000
SOLD = 1_000
"""Different SKUs that the tills sell."""

STORE = "store-1"
CONNECTIONS = 64
SHARES_PERCENT = (0, 25, 50)
"""Loads beside which is searched, in percent of the most that the node sells."""

PAUSE_S = 0.01
ENTRIES_PER_BATCH = 2_048
UNITS = 1_000_000
GOODS_FILE = "goods"
TEXTS_FILE = "texts"
TEXTS = 2_000


def measure_searching(bench: Bench) -> Iterator[Sample]:
    """One round: the most that the node sells, then searches beside each share of it."""
    seconds, number = bench.sized(10, 2), int(bench.sized(SKUS, SKUS // 20))
    prepared = bench.prepared(f"priced-{number}", lambda path: apart(make_catalogue, path, number))
    goods, texts = prepared / GOODS_FILE, (prepared / TEXTS_FILE).read_text().splitlines()
    with edge(bench.copied(prepared, "searching"), STORE) as node:
        options: dict[str, Any] = {"connections": CONNECTIONS, "skus": str(goods), "seconds": bench.sized(4, 1)}
        sell(node, "sale", **options)  # reads the documents of the goods
        most = sell(node, "sale", **options)
        yield Sample("sales, as many as possible", most)
        for share in SHARES_PERCENT:
            with _searching(node, texts) as searches:
                period, sold = _sell_beside(node, most["/s"] * share / 100, {**options, "seconds": seconds})
            took_ms = [took for began, took in searches if period[0] <= began < period[1]]
            yield Sample(f"searches beside {share} % of these sales", {**sold, **_figures(took_ms, period)})


Period = tuple[float, float]
"""Its begin and its end, in seconds by the clock that all processes of the machine share."""


def _sell_beside(node: Server, rate: float, options: dict[str, Any]) -> tuple[Period, Measured]:
    """Sell at a rate, and return when and how."""
    if not rate:
        began = time.perf_counter()
        time.sleep(options["seconds"])
        return (began, time.perf_counter()), {}
    outcome = node.load("sale", rate=rate, **options)
    figures = {"/s": outcome.rate, "p50 ms": outcome.p50_ms, "p99 ms": outcome.p99_ms}
    return (outcome.began_s, outcome.ended_s), {**figures, "generator %": outcome.busy_percent}


def _figures(took_ms: list[float], period: Period) -> Measured:
    took_ms.sort()
    return {
        "searches /s": len(took_ms) / (period[1] - period[0]),
        "search p50 ms": quantile(took_ms, 0.5),
        "search p99 ms": quantile(took_ms, 0.99),
    }


@contextmanager
def _searching(node: Server, texts: Sequence[str]) -> Iterator[list[tuple[float, float]]]:
    """Search again and again. Yields when each search began, in seconds, and how many milliseconds it took."""
    ended, searches = Event(), list[tuple[float, float]]()

    def search() -> None:
        connection = http.client.HTTPConnection("127.0.0.1", node.port, timeout=60)
        for turn in range(1_000_000):
            if ended.is_set():
                break
            path = f"/v1/search?q={quote(texts[turn % len(texts)])}"
            began = time.perf_counter()
            connection.request("GET", path)
            answer = connection.getresponse()
            answer.read()
            searches.append((began, (time.perf_counter() - began) * 1000))
            if answer.status != http.HTTPStatus.OK:
                raise RuntimeError(f"a search was answered with {answer.status}")
            time.sleep(PAUSE_S)
        connection.close()

    searcher = Thread(target=search)
    searcher.start()
    try:
        yield searches
    finally:
        ended.set()
        searcher.join()


def make_catalogue(directory: Path, number: int) -> None:
    """Write the journal of a store that has the sample catalogue and stock of the goods that are sold."""
    known = list(skus(number))
    chance = random.Random(1)
    asyncio.run(_make_journal(directory, number, chance.sample(known, SOLD)))
    (directory / TEXTS_FILE).write_text("\n".join(texts_typed(chance.choices(known, k=TEXTS), chance)))


async def _make_journal(directory: Path, number: int, sold: Sequence[SampleSku]) -> None:
    journal = await open_journal(directory, STORE, "0" * 12)
    replica = Replica(writer_of(STORE, journal.incarnation), (STORE,), await journal.load())
    now_ms = int(time.time() * 1000)
    await _write_documents(replica, journal, number, now_ms)
    items = sorted({item for sku in sold for item in sku.value["recipe"]})
    lines = tuple(GoodsLine(UNITS, item=item) for item in items)
    for first in range(0, len(lines), 1_000):
        receipt = GoodsReceipt(lines[first : first + 1_000])
        decisions.execute(replica, Command(STORE, receipt, b"stock-%d" % first), now_ms)
    await journal.append(replica.take_batch())
    await journal.close()
    (directory / GOODS_FILE).write_text("\n".join(sku.key for sku in sold))


async def _write_documents(replica: Replica, journal: SqliteJournal, number: int, now_ms: int) -> None:
    for kind, name in KINDS.items():
        for count, one in enumerate(sample(kind, number=number)):
            decisions.write(
                replica,
                DocumentWrite(
                    name,
                    one.key,
                    pack_value(one.value),
                    b"%s-%d" % (kind.encode(), count),
                    has_new_items=True,
                    rank=RANKS[one.rank],
                    at=one.at,
                ),
                now_ms,
            )
            if replica.uncommitted >= ENTRIES_PER_BATCH:
                await journal.append(replica.take_batch())
    await journal.append(replica.take_batch())


def texts_typed(some: Sequence[SampleSku], chance: random.Random) -> Iterator[str]:
    """What people type: by turns the beginning of an English name, one and two Chinese characters, and two words."""
    for turn, sku in enumerate(some):
        en, zh = sku.value["names"]["en"], sku.value["names"]["zh"].partition(" ")[0]
        start = chance.randrange(len(zh) - 1)
        yield (
            en[: chance.randint(1, 6)].strip(),
            zh[start],
            zh[start : start + 2],
            " ".join(chance.sample(en.replace(",", "").split(), 2)),
        )[turn % 4]
