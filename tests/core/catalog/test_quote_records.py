"""Quotes in entries: what a sale keeps of its price reads back the same."""

from __future__ import annotations

import msgspec
import pytest
from msgspec.structs import replace

from replica.core.catalog.quote_records import RECORD_BYTES_MAX, pack_quote, read_quote
from replica.core.catalog.quotes import Quote
from tests.core.catalog.shop import Shop

BASKET = (("cola", 3), ("bread", 2))


def priced_shop() -> Shop:
    """A shop with two prices, one of the store, and a promotion."""
    shop = Shop()
    shop.prices(cola=199, bread=350)
    shop.price("cola", {"amount": 179}, (200, "store-1"))
    shop.promotion("three", {"benefit": {"type": "n_for_m", "take": 3, "pay": 2}, "applies_to": {"skus": ["cola"]}})
    return shop


def test_a_quote_reads_back_without_the_documents_that_did_not_count() -> None:
    quote = priced_shop().quote(*BASKET)
    assert quote.lines[1].price.others
    lines = tuple([replace(line, price=replace(line.price, others=())) for line in quote.lines])
    assert read_quote(pack_quote(quote)) == replace(quote, lines=lines)


def test_a_quote_without_priced_lines_is_not_kept() -> None:
    assert pack_quote(Shop().quote(*BASKET)) == b""


def test_a_quote_that_is_too_long_is_not_kept() -> None:
    quote = priced_shop().quote(*BASKET)
    many = replace(quote, lines=quote.lines * (2 * RECORD_BYTES_MAX // len(pack_quote(quote))))
    assert pack_quote(many) == b""


def test_the_longest_quote_is_kept() -> None:
    quote = priced_shop().quote(("cola", 1))

    def named(length: int) -> Quote:
        return replace(quote, lines=(replace(quote.lines[0], sku="x" * length),))

    longest = 1_000 + RECORD_BYTES_MAX - len(pack_quote(named(1_000)))
    assert len(pack_quote(named(longest))) == RECORD_BYTES_MAX
    assert pack_quote(named(longest + 1)) == b""


@pytest.mark.parametrize("kept", [None, b"", b"\xc1", b"\x91\x91\xa1a", 7, "text", msgspec.msgpack.encode([[1]])])
def test_nonsense_of_a_peer_is_no_quote(kept: object) -> None:
    assert read_quote(kept) is None
