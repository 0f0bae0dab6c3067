"""A large catalogue in the memory of one node: sellable quantities, searches, quotes, scans, and what it all weighs.

The catalogue is the sample with 100,000 SKUs. Everything is measured in one process of its own, by its processor time,
without HTTP: that is the part that grows with the catalogue.
"""

from __future__ import annotations

import random
import sqlite3
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from zoneinfo import ZoneInfo

import msgpack

from benchmarks.measure import Bench, Measured, Sample, apart, quantile
from replica.core.catalog.documents import pack_value
from replica.core.catalog.quotes import Occasion, QuoteLine, quote_at
from replica.core.catalog.ranks import RANKS
from replica.core.catalog.registers import Register
from replica.core.catalog.scans import scanned_sku
from replica.core.catalog.search_queries import SearchQuery, check_search, select
from replica.core.catalog.skus import SKU
from replica.core.log.entry import Content
from replica.core.state import decisions
from replica.core.state.commands import Command
from replica.core.state.document_kinds import DOCUMENT_KINDS
from replica.core.state.replica import Replica
from replica.core.stock.requests import GoodsLine, GoodsReceipt, Sale, SkuLine
from replica.core.stock.sellable import UnitsAt, skus_moved_by
from replica.runtime.journal import search_index
from shelfsync.sample.catalogue import KINDS, sample
from shelfsync.sample.documents import SampleDocument

SKUS = 100_000
SHARED = 1_000
"""SKUs that share one item."""

SHARED_ITEM = "shared-item"
LOCATION = "store-1"
LINES = 20
NOW_MS = 1_800_000_000_000
ZONE = ZoneInfo("Asia/Shanghai")
REPEATS = 2_000
RECEIPT_LINES = 1_000
STOCK = 1_000_000


def measure_catalogue(bench: Bench) -> Iterator[Sample]:
    """One round: all of it, in a new process."""
    skus, repeats = int(bench.sized(SKUS, SKUS // 20)), int(bench.sized(REPEATS, REPEATS // 10))
    yield from apart(measured, skus, repeats, bench.fresh("catalogue"))


def measured(skus: int, repeats: int, directory: Path) -> list[Sample]:
    """All figures of a catalogue with this number of SKUs."""
    before_mb = resident_mb()
    replica = with_catalogue(skus)
    catalogue_mb = resident_mb() - before_mb
    receive_all(replica)
    names = list(replica.catalog.skus())
    counts = {"SKUs": len(names), "items": len(replica.ledger.stocks(LOCATION)), "resident MB": catalogue_mb}
    chosen = random.Random(1).choices(names, k=repeats)
    samples = [
        Sample("the catalogue in memory", counts),
        Sample(f"one item of {SHARED:,} SKUs moves", timed(movements(replica), 50)),
        Sample("all SKUs computed", timed(lambda _: all_sellable(replica, names), 3)),
        Sample("one sellable quantity", timed(lambda turn: all_sellable(replica, [chosen[turn]]), repeats)),
        Sample(f"a quote of {LINES} lines", timed(quotes(replica, names), repeats)),
        Sample("a scan", timed(scans(replica, chosen), repeats)),
    ]
    connection = indexed(replica, directory)
    samples += [
        Sample(f"a search, {case}", timed(searches(connection, texts), repeats))
        for case, texts in queries(replica, names, repeats).items()
    ]
    connection.close()
    return samples


def timed(work: Callable[[int], object], turns: int) -> Measured:
    """The processor time of one turn: the median, and the 99th percentile."""
    took_ms = []
    for turn in range(turns):
        began_ns = time.process_time_ns()
        work(turn)
        took_ms.append((time.process_time_ns() - began_ns) / 1e6)
    took_ms.sort()
    return {"CPU p50 ms": quantile(took_ms, 0.5), "CPU p99 ms": quantile(took_ms, 0.99)}


def with_catalogue(skus: int) -> Replica:
    """A replica that knows the sample, and SHARED packs of one item."""
    replica = Replica(f"{LOCATION}#0000000a", (LOCATION,))
    packs = [SampleDocument(f"shared-{units}", {"recipe": {SHARED_ITEM: units}}) for units in range(1, SHARED + 1)]
    clock = 0
    for kind, some in ((SKU, packs), *((KINDS[kind], sample(kind, number=skus)) for kind in KINDS)):
        for one in some:
            clock += 1
            learn(replica, kind, one, clock)
    return replica


def learn(replica: Replica, kind: str, one: SampleDocument, clock: int) -> None:
    """Take in a document as a merge does: nothing is checked."""
    register = Register(
        kind=kind,
        key=one.key,
        rank=RANKS[one.rank],
        at=one.at,
        version=1,
        clock=clock,
        writer="hub-east#0000000b",
        value=pack_value(one.value),
    )
    current = replica.documents.put(register)
    if current is not None:
        DOCUMENT_KINDS[kind].index(replica.fold, current)
    if clock % SHARED == 0:
        replica.take_batch()


def receive_all(replica: Replica) -> None:
    """Receive units of each item."""
    items = sorted({item for sku in replica.catalog.skus().values() for item, _ in sku.recipe})
    for first in range(0, len(items), RECEIPT_LINES):
        lines = tuple(GoodsLine(STOCK, item=item) for item in items[first : first + RECEIPT_LINES])
        decisions.execute(replica, Command(LOCATION, GoodsReceipt(lines), b"receipt-%d" % first), NOW_MS)
        replica.take_batch()


def all_sellable(replica: Replica, skus: Sequence[str]) -> object:
    """The sellable quantities of some SKUs, each item read once."""
    units, recipe_of = UnitsAt(replica.ledger, LOCATION, replica.node), replica.catalog.recipe_of
    return [units.sellable(sku, recipe_of(sku, "sku")) for sku in skus]


def movements(replica: Replica) -> Callable[[int], object]:
    """Sells one unit of the shared item, and computes what this changes, as the live feed does."""

    def move(turn: int) -> object:
        sale = Command(LOCATION, Sale((SkuLine(1, "shared-1"),)), b"shared-%d" % turn)
        decisions.execute(replica, sale, NOW_MS)
        contents: list[Content] = [entry.content for entry in replica.take_batch().entries]
        skus = skus_moved_by(contents, replica.catalog)
        assert len(skus) == SHARED
        return all_sellable(replica, skus)

    return move


def quotes(replica: Replica, names: Sequence[str]) -> Callable[[int], object]:
    """Quotes baskets of other SKUs each time."""
    chance = random.Random(2)
    occasion = Occasion(location=LOCATION, region="east", moment_ms=NOW_MS, zone=ZONE, customer_group="member")

    def quote(_: int) -> object:
        lines = [QuoteLine(sku, 1 + chance.randrange(6)) for sku in chance.sample(names, LINES)]
        return quote_at(replica.documents, replica.promotions, lines, occasion)

    return quote


def scans(replica: Replica, chosen: Sequence[str]) -> Callable[[int], object]:
    """Scans the barcodes of SKUs."""
    barcodes = [known.barcodes[0] for sku in chosen if (known := replica.catalog.sku(sku)) and known.barcodes]
    return lambda turn: scanned_sku(replica.catalog, barcodes[turn % len(barcodes)], "barcode")


def indexed(replica: Replica, directory: Path) -> sqlite3.Connection:
    """A file with the search index of the catalogue."""
    connection = sqlite3.connect(directory / "journal.sqlite", isolation_level=None)
    connection.execute("BEGIN IMMEDIATE")
    search_index.open_index(
        connection, lambda: [(sku, replica.documents.packed(SKU, sku)) for sku in names_in(replica)]
    )
    connection.execute("COMMIT")
    return connection


def names_in(replica: Replica) -> list[str]:
    """All SKUs."""
    return sorted(replica.catalog.skus())


def queries(replica: Replica, names: Sequence[str], number: int) -> dict[str, list[str]]:
    """Texts that people type: the beginning of a name, two words of one, and one or two Chinese characters."""
    chance = random.Random(3)
    found: dict[str, list[str]] = {
        "as you type": [],
        "two words": [],
        "1 Chinese character": [],
        "2 Chinese characters": [],
    }
    for sku in chance.choices([name for name in names if not name.startswith("shared-")], k=number):
        en, zh = names_of(replica, sku)
        words = en.replace(",", "").split()
        start = chance.randrange(len(zh) - 1)
        found["as you type"].append(en[: chance.randint(1, 6)].strip())
        found["two words"].append(" ".join(chance.sample(words, 2)))
        found["1 Chinese character"].append(zh[start])
        found["2 Chinese characters"].append(zh[start : start + 2])
    return found


def names_of(replica: Replica, sku: str) -> tuple[str, str]:
    """The English name of a SKU, and the Chinese one without its size."""
    packed = replica.documents.packed(SKU, sku)
    assert packed is not None
    names: dict[str, str] = msgpack.unpackb(packed)["names"]
    return names["en"], names["zh"].partition(" ")[0]


def searches(connection: sqlite3.Connection, texts: Sequence[str]) -> Callable[[int], object]:
    """Finds candidates and brings the page into order."""

    def search(turn: int) -> object:
        query = SearchQuery(q=texts[turn % len(texts)], language="zh")
        found = search_index.find(connection, check_search(query)).found
        assert found
        return select(found, query)[: query.limit]

    return search


def resident_mb() -> float:
    """Resident memory of this process, in megabytes."""
    line = next(line for line in Path("/proc/self/status").read_text().splitlines() if line.startswith("VmRSS"))
    return int(line.split()[1]) * 1024 / 1e6
