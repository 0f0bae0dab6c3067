"""Pricing at a node: the quote of a basket by the documents that it knows, its clock and the location's time zone."""

from __future__ import annotations

from collections.abc import Sequence

from msgspec import UNSET

from replica.core.base.errors import Refused
from replica.core.catalog.locations import region_of, time_zone_of
from replica.core.catalog.prices import PRICE
from replica.core.catalog.quote_records import pack_lines, pack_quote
from replica.core.catalog.quotes import Occasion, Quote, QuotedLine, QuoteLine, quote_at, quote_of_one
from replica.core.catalog.scans import scanned_sku
from replica.core.log.times import OCCURRED_AT, told_ms
from replica.core.state.replica import Replica
from replica.core.stock.lines import microseconds
from replica.core.stock.requests import Sale, SkuLine
from replica.runtime.time_zones import time_zone


def occasion_at(replica: Replica, location: str, moment_ms: int, customer_group: str = "") -> Occasion:
    """A sale at a location at a moment, in milliseconds since 1970."""
    return Occasion(
        location=location,
        region=region_of(replica.documents, location),
        moment_ms=moment_ms,
        zone=time_zone(time_zone_of(replica.documents, location)),
        customer_group=customer_group,
    )


def quote_of(replica: Replica, lines: Sequence[QuoteLine], occasion: Occasion) -> Quote:
    """What a basket costs. Raises Invalid if it costs more than the greatest total."""
    return quote_at(replica.documents, replica.promotions, lines, occasion)


def quoted_lines(replica: Replica, lines: Sequence[SkuLine], *, is_fact: bool) -> list[QuoteLine]:
    """The SKU and quantity of each line. Raises UnknownSku or BarcodeConflict, naming the line."""
    found = []
    for index, line in enumerate(lines):
        sku = line.sku
        if line.barcode is not UNSET:
            sku = scanned_sku(replica.catalog, line.barcode, f"lines[{index}].barcode", is_fact)
        if sku is not UNSET:
            replica.catalog.recipe(sku, index, is_fact)
            found.append(QuoteLine(sku, line.quantity))
    return found


def has_prices(replica: Replica) -> bool:
    """Whether this node knows a price of anything, anywhere."""
    return bool(replica.documents.keys(PRICE))


def price_of_sale(replica: Replica, location: str, sale: Sale, now_ms: int) -> bytes:
    """The quote that a sale applies, packed for its entry. Empty if none of its goods has a price here.

    The price is that of the moment at which the goods were sold, if the till says when. Nothing here refuses a sale: a
    sale that cannot be priced has no quote.
    """
    if not has_prices(replica):
        return b""
    told = None if sale.occurred_at is UNSET else told_ms({OCCURRED_AT: microseconds(sale.occurred_at)}, now_ms)
    occasion = occasion_at(replica, location, now_ms if told is None else min(told, now_ms), sale.customer_group)
    try:
        lines = quoted_lines(replica, sale.lines, is_fact=True)
        if len(lines) == 1:
            line = quote_of_one(replica.offers, lines[0], occasion)
            return pack_lines([line]) if isinstance(line, QuotedLine) else b""
        if not any(replica.documents.valued(PRICE, one.sku, occasion.region, location) for one in lines):
            return b""
        return pack_quote(quote_of(replica, lines, occasion))
    except Refused:
        return b""
