"""The short road of the plain sale leads where the long one does."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone

from hypothesis import given
from hypothesis import strategies as st
from msgspec import UNSET

from replica.core.base.errors import Refused
from replica.core.base.limits import QUANTITY_MAX
from replica.core.catalog.documents import Register, pack_value
from replica.core.catalog.skus import Catalog
from replica.core.ledger.cells import Ledger, Move
from replica.core.log.entry import Content, Entry, Stream, pack_body, start
from replica.core.state import decisions
from replica.core.state.commands import Command, DocumentWrite, Sales
from replica.core.state.decisions import Verdict
from replica.core.state.replica import Replica
from replica.core.stock.fast_sales import FastSales, sell_fast
from replica.core.stock.location_view import LocationView
from replica.core.stock.requests import GoodsLine, GoodsReceipt, KeyedSale, OnShortage, Sale, SkuLine
from replica.core.stock.sales import prepare_sale
from tests.core.chain import one_by_one

RECIPES = {"cola": {"cola": 1}, "pack": {"cola": 6}, "box": {"cola": 2, "wings": 300}}
MOMENT = datetime(2026, 3, 1, 12, tzinfo=UTC)
NO_MOMENT_IN_UTC = datetime(1, 1, 1, tzinfo=timezone(timedelta(hours=5)))

quantities = st.integers(1, 12) | st.just(QUANTITY_MAX)
named = st.builds(SkuLine, quantities, sku=st.sampled_from([*RECIPES, "unknown"]))
scanned = st.builds(SkuLine, quantities, barcode=st.just("cola's"))
sales = st.builds(
    KeyedSale,
    st.lists(named | scanned | st.just(SkuLine(1)), min_size=1, max_size=2).map(tuple),
    st.sampled_from(OnShortage),
    st.sampled_from(["", "till-1"]),
    st.sampled_from(["", "R-1"]),
    st.sampled_from([UNSET, MOMENT, NO_MOMENT_IN_UTC]),
    key=st.just("k"),
)


def room_of(free: int, elsewhere: int) -> LocationView:
    """A location with cola on the node's own shelf and in a hub's hands."""
    ledger, catalog = Ledger(), Catalog()
    for sku, recipe in RECIPES.items():
        document = {"recipe": recipe, "barcodes": [f"{sku}'s"]}
        assert catalog.put(Register("sku", sku, 0, "", 1, 1, "hub-1#0000000b", pack_value(document)))
    for account, units in (("store-1/free", free), ("hub-1/free", elsewhere)):
        if units:
            ledger.apply("store-1", "store-1#0000000a", [Move("cola", "supplier", account, units)])
    return LocationView.of("store-1", "store-1", ledger, catalog)


STREAM = Stream("store-1#0000000a", "store-1")


def plain_sale(view: LocationView, sale: KeyedSale) -> Entry | None:
    """The entry a sale becomes on the short road, if it is plain."""
    sold = FastSales(STREAM, start(STREAM), 77, view.free)
    sell_fast(view, [sale], [b"key"], sold)
    return sold[0] if len(sold) else None


@given(sales, st.sampled_from([0, 5, 40, QUANTITY_MAX]), st.sampled_from([0, 3]))
def test_a_plain_sale_is_the_sale_it_would_be_by_the_long_road(sale: KeyedSale, free: int, elsewhere: int) -> None:
    view = room_of(free, elsewhere)
    entry = plain_sale(view, sale)
    try:
        draft = prepare_sale(view, sale)
    except Refused:
        assert entry is None
        return
    if entry is not None:
        content = Content(
            draft.kind, 77, b"key", draft.actor, draft.reason, draft.reference, draft.moves, draft.lines, draft.facts
        )
        assert entry.content == content
        assert entry.body == pack_body(content)


def test_plain_is_one_line_of_one_item_that_the_rights_cover() -> None:
    view = room_of(6, 0)

    def is_plain(*lines: SkuLine) -> bool:
        return plain_sale(view, KeyedSale(lines, key="k")) is not None

    assert is_plain(SkuLine(6, sku="cola"))
    assert is_plain(SkuLine(1, sku="pack"))
    assert not is_plain(SkuLine(7, sku="cola"))
    assert not is_plain(SkuLine(1, sku="box"))
    assert not is_plain(SkuLine(1, sku="cola"), SkuLine(1, sku="cola"))
    assert not is_plain(SkuLine(1, barcode="cola's"))


def test_a_run_sells_no_more_than_the_rights_cover_and_stops_there() -> None:
    view = room_of(6, 100)
    sold = FastSales(STREAM, start(STREAM), 77, view.free)
    four = KeyedSale((SkuLine(4, sku="cola"),), key="k")
    sell_fast(view, [four, four], [b"1", b"2"], sold)
    assert (len(sold), sold.left, sold.units) == (1, [102], 4)


STORE = "store-1"
RECEIPT = GoodsReceipt((GoodsLine(9, item="cola"),))
requests = st.lists(
    st.builds(
        Command,
        st.sampled_from([STORE, STORE, STORE, "store-2", "nowhere"]),
        sales | st.just(RECEIPT),
        st.integers(0, 30).map(lambda number: b"key-%d" % number) | st.sampled_from([b"", b"x" * 129]),
    )
    | st.just(DocumentWrite("sku", "four", pack_value({"recipe": {"cola": 4}}), b"write")),
    max_size=25,
)


def replica_with_stock() -> Replica:
    replica = Replica("store-1#0000000a", (STORE, "store-2"))
    for sku, recipe in RECIPES.items():
        document = {"recipe": recipe, "barcodes": [f"{sku}'s"]}
        decisions.write(replica, DocumentWrite("sku", sku, pack_value(document), sku.encode()), 5)
    decisions.execute(
        replica, Command(STORE, GoodsReceipt((GoodsLine(40, item="cola"), GoodsLine(900, item="wings"))), b"stock"), 5
    )
    return replica


def told(verdict: Verdict) -> object:
    return verdict if isinstance(verdict, Entry) else (type(verdict), str(verdict), verdict.field)


keyed_sales = st.lists(st.tuples(sales, st.integers(0, 30).map(lambda number: b"key-%d" % number)), max_size=25)


@given(keyed_sales, st.sampled_from([STORE, STORE, "nowhere"]))
def test_sales_of_one_call_come_out_as_one_by_one(asked: list[tuple[Sale, bytes]], location: str) -> None:
    together, apart = replica_with_stock(), replica_with_stock()
    call = Sales(location, [sale for sale, _ in asked], [key for _, key in asked])
    assert [told(one) for one in decisions.execute_requests(together, call, 5, {})] == [
        told(one) for one in one_by_one(apart, list(call), 5)
    ]
    assert together.vectors == apart.vectors
    assert together.digests() == apart.digests()
    assert together.take_batch().entries == apart.take_batch().entries


def test_a_key_is_known_from_the_run_it_was_sold_in() -> None:
    replica = replica_with_stock()
    sale = KeyedSale((SkuLine(1, sku="cola"),), key="k")
    first = list(decisions.execute_requests(replica, Sales(STORE, [sale] * 3, [b"1", b"2", b"3"]), 6, {}))
    assert list(decisions.execute_requests(replica, Sales(STORE, [sale] * 4, [b"3", b"4", b"2", b"5"]), 6, {}))[
        ::2
    ] == [
        first[2],
        first[1],
    ]
    assert replica.repeated == 2


@given(requests, st.sampled_from([4, 5, 6]))
def test_requests_decided_together_come_out_as_one_by_one(asked: list[Command | DocumentWrite], now_ms: int) -> None:
    together, apart = replica_with_stock(), replica_with_stock()
    assert [told(one) for one in decisions.execute_requests(together, asked, now_ms, {})] == [
        told(one) for one in one_by_one(apart, asked, now_ms)
    ]
    for replica in (together, apart):
        replica.digests()
    assert together.vectors == apart.vectors
    assert together.digests() == apart.digests()
    assert list(together.ledger.cells()) == list(apart.ledger.cells())
    assert (together.heard, together.arrival, together.repeated) == (apart.heard, apart.arrival, apart.repeated)
    assert together.clock.last == apart.clock.last
    assert together.take_batch().entries == apart.take_batch().entries


def test_a_key_the_journal_holds_is_answered_from_there() -> None:
    replica = replica_with_stock()
    sale = KeyedSale((SkuLine(1, sku="cola"),), key="k")
    (first,) = decisions.execute_requests(replica, [Command(STORE, sale, b"k")], 6, {})
    assert isinstance(first, Entry)
    for _ in range(3):
        decisions.execute(replica, Command(STORE, RECEIPT, b"more-%d" % replica.arrival), 6)
        replica.take_batch()
    again = decisions.execute_requests(
        replica, [Command(STORE, sale, b"k"), Command(STORE, sale, b"k-2")], 6, {b"k": [first]}
    )
    assert again[0] is first
    assert again[1] is not first


def test_a_sale_at_no_moment_in_utc_is_refused_and_the_others_are_taken() -> None:
    replica = replica_with_stock()
    good = KeyedSale((SkuLine(1, sku="cola"),), key="k")
    bad = KeyedSale(good.lines, occurred_at=NO_MOMENT_IN_UTC, key="k")
    asked = [Command(STORE, sale, b"%d" % index) for index, sale in enumerate([good, bad, good])]
    verdicts = decisions.execute_requests(replica, asked, 6, {})
    assert [isinstance(verdict, Entry) for verdict in verdicts] == [True, False, True]
