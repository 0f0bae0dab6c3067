"""Quotes as entries keep them: the price that a sale applied, and why.

A sale keeps the lines of its quote in a short form. The totals are added up again when somebody reads it. The documents
that did not count are left out: they are in the journal.
"""

from __future__ import annotations

from collections.abc import Iterable

import msgspec
from msgspec import Struct

from replica.core.catalog.prices import EffectivePrice
from replica.core.catalog.quotes import Discount, Quote, QuotedLine, totals_of
from replica.core.catalog.ranks import RankName, Source

RECORD_BYTES_MAX = 64 << 10
"""Bytes of a quote in an entry. A longer one is left out, because a sale must not be refused for its price."""


class _Source(Struct, frozen=True, array_like=True):
    rank: RankName
    at: str
    version: int


class _Discount(Struct, frozen=True, array_like=True):
    promotion: str
    amount: int
    quantity: int
    reason: str
    source: _Source


class _Line(Struct, frozen=True, array_like=True):
    sku: str
    quantity: int
    amount: int
    per: int
    currency: str
    tax_inclusive: bool
    source: _Source
    list_amount: int
    net_amount: int
    discounts: tuple[_Discount, ...]


_encode = msgspec.msgpack.Encoder().encode
_decode = msgspec.msgpack.Decoder(tuple[_Line, ...]).decode


def pack_quote(quote: Quote) -> bytes:
    """The priced lines of a quote; empty if there are none, or if they are too long to keep."""
    return pack_lines(quote.lines)


def pack_lines(quoted: Iterable[QuotedLine]) -> bytes:
    """Priced lines as `pack_quote` keeps them."""
    lines = [
        _Line(
            sku=line.sku,
            quantity=line.quantity,
            amount=line.price.amount,
            per=line.price.per,
            currency=line.price.currency,
            tax_inclusive=line.price.tax_inclusive,
            source=_short(line.price.source),
            list_amount=line.list_amount,
            net_amount=line.net_amount,
            discounts=tuple(
                [
                    _Discount(one.promotion, one.amount, one.quantity, one.reason, _short(one.source))
                    for one in line.discounts
                ]
            ),
        )
        for line in quoted
    ]
    packed = _encode(lines) if lines else b""
    return packed if len(packed) <= RECORD_BYTES_MAX else b""


def read_quote(packed: object) -> Quote | None:
    """The quote that an entry keeps. None if it keeps none, or this version cannot read it."""
    if not isinstance(packed, bytes) or not packed:
        return None
    try:
        lines = tuple(map(_long_line, _decode(packed)))
    except msgspec.MsgspecError:
        return None
    return Quote(lines=lines, unpriced=(), totals=totals_of(lines))


def _long_line(line: _Line) -> QuotedLine:
    return QuotedLine(
        sku=line.sku,
        quantity=line.quantity,
        price=EffectivePrice(line.amount, line.currency, line.per, line.tax_inclusive, _long(line.source)),
        list_amount=line.list_amount,
        discounts=tuple(
            [Discount(one.promotion, one.amount, one.quantity, one.reason, _long(one.source)) for one in line.discounts]
        ),
        net_amount=line.net_amount,
    )


def _short(source: Source) -> _Source:
    return _Source(source.rank, source.at, source.version)


def _long(source: _Source) -> Source:
    return Source(rank=source.rank, version=source.version, at=source.at)
