"""Fast sales: the fast path for nearly all sales, many at a time.

A sale takes the fast path if it has one line with a SKU of one item, the node's own rights cover it, and its key was
not used before. It may have a price. Its entry is the same, byte for byte, as the general path leads to; a test
compares both. A run of fast sales is decided, recorded and answered as columns (`EntryRun`). Only three objects of each
sale stay alive, its body, hash and key, because most of the cost of a sale is memory that has left the processor's
cache when it is needed again. See docs/decisions/0011.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from itertools import repeat
from typing import Any

from msgspec import UNSET, Struct, msgpack

from replica.core.base.clock import stamp_ms
from replica.core.base.limits import KEY_LENGTH_MAX, OCCURRED_AGE_MAX_MS, OCCURRED_AHEAD_MAX_MS, QUANTITY_MAX
from replica.core.base.names import CUSTOMER
from replica.core.log.entry import Head, Stream, chain
from replica.core.log.entry_run import FastRun
from replica.core.log.times import OCCURRED_AT, told_ms
from replica.core.stock.location_view import LocationView
from replica.core.stock.requests import OnShortage, Sale
from replica.core.stock.sales import QUOTE, note_options
from replica.core.stock.till_receipts import SALE

_RECORD = OnShortage.RECORD
_NOTHING: dict[str, Any] = {}

_pack = msgpack.Encoder().encode


class FastSales(FastRun):
    """A run of fast sales: the columns of the entries and of the answers to their callers."""

    __slots__ = ("left", "quantities", "quotes", "skus")

    def __init__(self, stream: Stream, head: Head, clock: int, free: str) -> None:
        super().__init__(stream, head, clock, free, CUSTOMER)
        self.skus: list[str] = []
        self.quantities: list[int] = []
        self.left: list[int] = []
        """How many more of each SKU could have been sold afterwards, over all rights in view."""
        self.quotes: Sequence[bytes] = ()
        """The price that each sale applied, packed, or empty. No quotes: none applied one."""


class Times(Struct, frozen=True):
    """The times of tills that change nothing but the sale: at all others, counts or people have to know of it."""

    earliest: int
    """In microseconds since 1970, as `latest`. The sale is after every count of this node."""
    latest: int
    wrong_tills: Collection[str] = ()
    """Tills whose last time could not be true."""

    @classmethod
    def at(cls, now_ms: int, counted: int, wrong_tills: Collection[str]) -> Times:
        """The times for sales that are recorded now; `counted` is the moment of the latest count, as a stamp."""
        earliest_ms = max(now_ms - OCCURRED_AGE_MAX_MS, stamp_ms(counted) + 1)
        latest_ms = now_ms + OCCURRED_AHEAD_MAX_MS
        return cls(earliest_ms * 1000, latest_ms * 1000, wrong_tills)

    def allow(self, sale: Sale, occurred_at: int) -> bool:
        """Whether a sale at this time may take the fast path."""
        return self.earliest <= occurred_at <= self.latest and sale.till not in self.wrong_tills


def sell_fast(
    view: LocationView,
    sales: Sequence[Sale],
    keys: Sequence[bytes],
    sold: FastSales,
    times: Times,
    returned: Collection[str] = (),
    quotes: Sequence[bytes] = (),
) -> None:
    """Record the first sales, each under its new key, as long as they can take the fast path. Refuses nothing.

    Pure, except that it fills the empty run `sold`: the view does not change until somebody applies the units `taken`.

    Args:
        returned: till receipts whose goods came back before their sale arrived here. Such a sale has more effects.
        quotes: the price that each sale applies, packed, or empty. No quotes: none applies one.
    """
    bodies, hashes, skus, quantities, left = sold.bodies, sold.hashes, sold.skus, sold.quantities, sold.left
    stocks, free, known_recipe = view.ledger.stocks(view.location), view.free, view.catalog.known_recipe
    taken, link, clock = sold.taken, sold.previous, sold.clock
    for key, sale, quote in zip(keys, sales, quotes or repeat(b"", len(sales)), strict=True):
        if len(sale.lines) != 1 or not 0 < len(key) <= KEY_LENGTH_MAX:
            break
        (line,) = sale.lines
        sku, quantity = line.sku, line.quantity
        if sku is UNSET or line.barcode is not UNSET:
            break
        recipe = known_recipe(sku)
        if recipe is None or len(recipe) != 1:
            break
        ((item, units),) = recipe
        stock = stocks.get(item)
        wanted = units * quantity
        if stock is None or wanted > QUANTITY_MAX:
            break
        balance, available = stock.standing(free)
        gone = taken.get(stock, 0) + wanted
        if gone > balance:
            break
        facts: dict[str, Any] = {QUOTE: quote} if quote else _NOTHING
        if sale.on_shortage is not _RECORD or sale.occurred_at is not UNSET or sale.customer_group:
            facts = {}
            note_options(sale, facts)
            if quote:
                facts[QUOTE] = quote  # `execute` adds it last
            if OCCURRED_AT in facts and not times.allow(sale, facts[OCCURRED_AT]):
                break
        after = (available - gone) // units
        moves, lines = ((item, free, CUSTOMER, wanted),), ((sku, quantity, 0, after),)
        if sale.receipt:
            if sale.receipt in returned:
                break
            noted = stamp_ms(clock)
            told = told_ms(facts, noted) if facts else None
            sold.receipts.append((len(bodies), sale.till, sale.receipt, noted if told is None else told))
        body = _pack((SALE, clock, key, sale.till, "", sale.receipt, moves, lines, facts))
        link = chain(link, body)
        clock += 1
        taken[stock] = gone
        bodies.append(body)
        hashes.append(link)
        skus.append(sku)
        quantities.append(quantity)
        left.append(after)
    sold.keys = list(keys[: len(bodies)])
    sold.quotes = quotes[: len(bodies)]
    sold.units = sum(taken.values())
