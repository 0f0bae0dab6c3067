"""The answer to many fast sales has the same bytes as their verdicts, encoded one by one."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge_node.sale_batches import BatchAnswer, SaleVerdict, render_sold
from replica.core.base.clock import COUNTER_BITS
from replica.core.catalog.prices import EffectivePrice
from replica.core.catalog.quote_records import pack_quote
from replica.core.catalog.quotes import Discount, Quote, QuotedLine
from replica.core.catalog.ranks import Source
from replica.core.log.entry import Entry
from replica.core.state import decisions
from replica.core.state.commands import Command, Sales
from replica.core.state.replica import Replica
from replica.core.stock.fast_sales import FastSales
from replica.core.stock.requests import GoodsLine, GoodsReceipt, KeyedSale, SkuLine
from replica.runtime.http.operations import encode_json
from replica.runtime.http.writes import answer_of

STORE = "store-1"
ITEMS = ["cola", "tea", "A+B:C"]

texts = st.text(st.characters(min_codepoint=33, max_codepoint=126), min_size=1, max_size=12)
bought = st.tuples(st.sampled_from(ITEMS), st.integers(1, 9))


PRICE = EffectivePrice(199, "EUR", 1, True, Source("store", 3, "store-1"))
LINE = QuotedLine("cola", 2, PRICE, 398, (Discount("p", 40, 2, "10 % off", Source("chain", 1)),), 358)
QUOTES = [b"", pack_quote(Quote((LINE,), (), ())), b"no quote that this version reads"]


def sell(sales: list[KeyedSale], now_ms: int, quotes: list[bytes] | None = None) -> FastSales:
    replica = Replica("store-1#0000000a", (STORE,), open_catalog=True)
    stock = tuple(GoodsLine(1_000, item=item) for item in ITEMS)
    decisions.execute(replica, Command(STORE, GoodsReceipt(stock), b"stock"), now_ms)
    for item in ITEMS:
        replica.catalog.recipe(item, 0)
    keys = [sale.key.encode() for sale in sales]
    sold = decisions.execute_requests(replica, Sales(STORE, sales, keys, quotes or ()), now_ms, {})
    assert isinstance(sold, FastSales)
    return sold


def one_by_one(sales: list[KeyedSale], entries: list[Entry]) -> bytes:
    return encode_json(
        BatchAnswer([SaleVerdict(sale.key, 201, answer_of(one)) for sale, one in zip(sales, entries, strict=True)])
    )


@given(st.dictionaries(texts | st.uuids().map(str), bought, min_size=1, max_size=20), st.integers(0, 1 << 46))
def test_answer_rendered_from_columns_equals_that_of_the_entries(
    wanted: dict[str, tuple[str, int]], now_ms: int
) -> None:
    sales = [KeyedSale(lines=(SkuLine(quantity, item),), key=key) for key, (item, quantity) in wanted.items()]
    sold = sell(sales, now_ms)
    assert render_sold(list(wanted), sold) == one_by_one(sales, list(sold))


@pytest.mark.parametrize("key", ['"till-1-7"', '"', "till\\7", "\\", '\\"'])
def test_a_key_that_json_escapes_is_shown_as_it_was_sent(key: str) -> None:
    keys = ["first", key, "last"]
    sales = [KeyedSale(lines=(SkuLine(1, "cola"),), key=one) for one in keys]
    verdicts = json.loads(render_sold(keys, sell(sales, 5)))["verdicts"]
    assert [one["key"] for one in verdicts] == keys


@given(st.lists(st.sampled_from(QUOTES), min_size=1, max_size=5))
def test_the_answer_to_fast_sales_has_the_price_of_each(quotes: list[bytes]) -> None:
    sales = [KeyedSale(lines=(SkuLine(1, "cola"),), key=f"key-{number}") for number in range(len(quotes))]
    sold = sell(sales, 5, quotes)
    assert render_sold([sale.key for sale in sales], sold) == one_by_one(sales, list(sold))


def test_fast_sales_that_span_two_milliseconds_have_their_own_times() -> None:
    sales = [KeyedSale(lines=(SkuLine(1, "cola"),), key=f"key-{number}") for number in range(3)]
    sold = sell(sales, 5)
    sold.clock = (5 << COUNTER_BITS) + (1 << COUNTER_BITS) - 2
    first, last = b"1970-01-01T00:00:00.005Z", b"1970-01-01T00:00:00.006Z"
    answer = render_sold([sale.key for sale in sales], sold)
    assert (answer.count(first), answer.count(last)) == (2, 1)
