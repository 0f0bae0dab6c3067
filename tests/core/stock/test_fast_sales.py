"""The fast path of sales leads to the same entries as the general one."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec import UNSET

from replica.core.base.clock import COUNTER_BITS
from replica.core.base.errors import Refused
from replica.core.base.limits import KEY_LENGTH_MAX, OCCURRED_AGE_MAX_MS, OCCURRED_AHEAD_MAX_MS, QUANTITY_MAX
from replica.core.catalog.documents import pack_value
from replica.core.catalog.registers import Register
from replica.core.catalog.skus import Catalog
from replica.core.ledger.cells import Ledger, Move
from replica.core.log.entry import Content, Entry, Stream, pack_body, start
from replica.core.log.times import moved_ms
from replica.core.state import decisions
from replica.core.state.commands import Command, DocumentWrite, Sales
from replica.core.state.decisions import Verdict
from replica.core.state.replica import Replica
from replica.core.stock.fast_sales import FastSales, Times, sell_fast
from replica.core.stock.location_view import LocationView
from replica.core.stock.requests import GoodsLine, GoodsReceipt, KeyedSale, OnShortage, Sale, SkuLine
from replica.core.stock.sales import prepare_sale
from replica.core.stock.transfers import Transfers
from tests.core.chain import NOW_MS, one_by_one

RECIPES = {"cola": {"cola": 1}, "pack": {"cola": 6}, "box": {"cola": 2, "wings": 300}}
MOMENT = datetime(2026, 3, 1, 12, tzinfo=UTC)
TIMES = Times.at(int(MOMENT.timestamp() * 1000), 0, ())
MOMENT_US = int(MOMENT.timestamp()) * 1_000_000
OUTSIDE_UTC = datetime(1, 1, 1, tzinfo=timezone(timedelta(hours=5)))

quantities = st.integers(1, 12) | st.just(QUANTITY_MAX)
by_sku = st.builds(SkuLine, quantities, sku=st.sampled_from([*RECIPES, "unknown"]))
by_barcode = st.builds(SkuLine, quantities, barcode=st.just("cola's"))
sales = st.builds(
    KeyedSale,
    lines=st.lists(by_sku | by_barcode | st.just(SkuLine(1)), min_size=1, max_size=2).map(tuple),
    on_shortage=st.sampled_from(OnShortage),
    till=st.sampled_from(["", "till-1"]),
    receipt=st.sampled_from(["", "R-1"]),
    occurred_at=st.sampled_from([UNSET, MOMENT, OUTSIDE_UTC]),
    key=st.just("k"),
)


def view_of(free: int, elsewhere: int) -> LocationView:
    """A location where the node and a hub have free cola."""
    ledger, catalog = Ledger(), Catalog()
    for sku, recipe in RECIPES.items():
        document = {"recipe": recipe, "barcodes": [f"{sku}'s"]}
        assert catalog.put(
            Register(
                kind="sku",
                key=sku,
                rank=0,
                at="",
                version=1,
                clock=1,
                writer="hub-1#0000000b",
                value=pack_value(document),
            )
        )
    for account, units in (("store-1/free", free), ("hub-1/free", elsewhere)):
        if units:
            ledger.apply("store-1", "store-1#0000000a", [Move("cola", "supplier", account, units)])
    return LocationView.of("store-1", "store-1", ledger, catalog, Transfers())


STREAM = Stream("store-1#0000000a", "store-1")


def fast_sale(view: LocationView, sale: KeyedSale) -> Entry | None:
    """The entry of a sale on the fast path; None if the sale cannot take it."""
    sold = FastSales(STREAM, start(STREAM), 77, view.free)
    sell_fast(view, [sale], [b"key"], sold, TIMES)
    return sold[0] if len(sold) else None


@given(sales, st.sampled_from([0, 5, 40, QUANTITY_MAX]), st.sampled_from([0, 3]))
def test_a_fast_sale_has_the_same_entry_as_by_the_general_path(sale: KeyedSale, free: int, elsewhere: int) -> None:
    view = view_of(free, elsewhere)
    entry = fast_sale(view, sale)
    try:
        draft = prepare_sale(view, sale)
    except Refused:
        assert entry is None
        return
    if entry is not None:
        content = Content(
            kind=draft.kind,
            clock=77,
            key=b"key",
            actor=draft.actor,
            reason=draft.reason,
            reference=draft.reference,
            moves=draft.moves,
            lines=draft.lines,
            facts=draft.facts,
        )
        assert entry.content == content
        assert entry.body == pack_body(content)


def test_a_fast_sale_has_one_line_of_one_item_that_the_rights_cover() -> None:
    view = view_of(6, 0)

    def is_fast(*lines: SkuLine) -> bool:
        return fast_sale(view, KeyedSale(lines=lines, key="k")) is not None

    assert is_fast(SkuLine(6, sku="cola"))
    assert is_fast(SkuLine(1, sku="pack"))
    assert not is_fast(SkuLine(7, sku="cola"))
    assert not is_fast(SkuLine(1, sku="box"))
    assert not is_fast(SkuLine(1, sku="cola"), SkuLine(1, sku="cola"))
    assert not is_fast(SkuLine(1, barcode="cola's"))


def test_times_of_fast_sales_are_possible_and_after_every_count() -> None:
    never_counted = Times.at(NOW_MS, 0, ())
    assert (never_counted.earliest, never_counted.latest) == (
        (NOW_MS - OCCURRED_AGE_MAX_MS) * 1000,
        (NOW_MS + OCCURRED_AHEAD_MAX_MS) * 1000,
    )
    bounds = Times(earliest=1_000_000, latest=9_000_000, wrong_tills=("till-2",))
    assert [bounds.allow(Sale(()), at) for at in (999_999, 1_000_000, 9_000_000, 9_000_001)] == [
        False,
        True,
        True,
        False,
    ]
    assert not bounds.allow(Sale((), till="till-2"), 1_000_000)
    assert Times.at(NOW_MS, (NOW_MS - 5) << COUNTER_BITS | 7, ()).earliest == (NOW_MS - 4) * 1000


def test_a_run_sells_no_more_than_the_rights_cover_and_stops_there() -> None:
    view = view_of(6, 100)
    sold = FastSales(STREAM, start(STREAM), 77, view.free)
    four = KeyedSale(lines=(SkuLine(4, sku="cola"),), key="k")
    sell_fast(view, [four, four], [b"1", b"2"], sold, TIMES)
    assert (len(sold), sold.left, sold.units) == (1, [102], 4)


COLA = KeyedSale(lines=(SkuLine(1, sku="cola"),), key="k")


def cola(**changed: Any) -> KeyedSale:
    """A sale of one cola, with some fields changed."""
    return msgspec.structs.replace(COLA, **changed)


@pytest.mark.parametrize(
    ("sale", "key"),
    [
        (cola(lines=COLA.lines * 2), b"2"),
        (COLA, b""),
        (COLA, b"x" * (KEY_LENGTH_MAX + 1)),
        (cola(lines=(SkuLine(1, barcode="cola's"),)), b"2"),
        (cola(lines=(SkuLine(1, sku="unknown"),)), b"2"),
        (cola(lines=(SkuLine(1, sku="box"),)), b"2"),
        (cola(lines=(SkuLine(1, sku="wings"),)), b"2"),
        (cola(lines=(SkuLine(QUANTITY_MAX, sku="pack"),)), b"2"),
        (cola(lines=(SkuLine(6, sku="cola"),)), b"2"),
        (cola(occurred_at=MOMENT - timedelta(days=4_000)), b"2"),
        (cola(receipt="R-1"), b"2"),
    ],
)
def test_a_run_that_stops_at_a_sale_has_the_keys_and_units_of_those_before(sale: KeyedSale, key: bytes) -> None:
    view = view_of(6, 0)
    sold = FastSales(STREAM, start(STREAM), 77, view.free)
    sell_fast(view, [COLA, sale, COLA], [b"1", key, b"3"], sold, TIMES, returned=["R-1"])
    assert (len(sold), sold.keys, sold.units) == (1, [b"1"], 1)


@pytest.mark.parametrize(
    ("sale", "facts"),
    [
        (COLA, {}),
        (cola(on_shortage=OnShortage.REFUSE), {"on_shortage": "refuse"}),
        (cola(occurred_at=MOMENT), {"occurred_at": MOMENT_US}),
        (cola(on_shortage=OnShortage.REFUSE, occurred_at=MOMENT), {"on_shortage": "refuse", "occurred_at": MOMENT_US}),
    ],
)
def test_a_fast_sale_notes_the_options_that_differ_from_the_default(sale: KeyedSale, facts: dict[str, Any]) -> None:
    entry = fast_sale(view_of(6, 0), sale)
    assert entry is not None
    assert entry.content.facts == facts


STORE = "store-1"
quotes = st.sampled_from([b"", b"", pack_value("a price"), pack_value("another price")])
GOODS_RECEIPT = GoodsReceipt((GoodsLine(9, item="cola"),))
requests = st.lists(
    st.builds(
        Command,
        st.sampled_from([STORE, STORE, STORE, "store-2", "nowhere"]),
        sales | st.just(GOODS_RECEIPT),
        st.integers(0, 30).map(lambda number: b"key-%d" % number) | st.sampled_from([b"", b"x" * 129]),
        quote=quotes,
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


def answer(verdict: Verdict) -> object:
    return verdict if isinstance(verdict, Entry) else (type(verdict), str(verdict), verdict.field)


BY_ONE = (SkuLine(1, sku="cola"),)
MOMENT_MS = int(MOMENT.timestamp() * 1000)

keys = st.integers(0, 30).map(lambda number: b"key-%d" % number)
keyed_sales = st.lists(st.tuples(sales, keys, quotes), max_size=25)


@given(keyed_sales, st.sampled_from([STORE, STORE, "nowhere"]))
def test_sales_of_one_call_have_the_same_results_as_one_by_one(
    asked: list[tuple[Sale, bytes, bytes]], location: str
) -> None:
    together, apart = replica_with_stock(), replica_with_stock()
    call = Sales(location, *[list(column) for column in zip(*asked, strict=True)]) if asked else Sales(location, [], [])
    assert [answer(one) for one in decisions.execute_requests(together, call, 5, {})] == [
        answer(one) for one in one_by_one(apart, list(call), 5)
    ]
    assert together.vectors == apart.vectors
    assert together.digests() == apart.digests()
    assert together.take_batch().entries == apart.take_batch().entries


@pytest.mark.parametrize("late_ms", [-1, 0, 1, OCCURRED_AGE_MAX_MS])
def test_the_receipt_of_a_fast_sale_is_of_the_moment_of_its_entry(late_ms: int) -> None:
    """The fast path noted when it recorded the sale, also when the till had sold days before."""
    replica, now_ms = replica_with_stock(), MOMENT_MS + late_ms
    replica.take_batch()
    said = [KeyedSale(lines=BY_ONE, key="", receipt="R-1", occurred_at=at) for at in (UNSET, MOMENT, UNSET)]
    list(decisions.execute_requests(replica, Sales(STORE, said, [b"1", b"2", b"3"]), now_ms, {}))
    batch = replica.take_batch()
    moved = [row[6] for row in batch.receipts]
    assert moved == [moved_ms(entry.content) for entry in batch.entries] == [now_ms, min(MOMENT_MS, now_ms), now_ms]


def test_a_fast_sale_keeps_the_price_that_it_applied() -> None:
    replica = replica_with_stock()
    said = [COLA, COLA, cola(on_shortage=OnShortage.REFUSE)]
    prices = [b"one price", b"", b"another price"]
    sold = decisions.execute_requests(replica, Sales(STORE, said, [b"1", b"2", b"3"], prices), 6, {})
    assert isinstance(sold, FastSales)
    assert [entry.content.facts for entry in sold] == [
        {"quote": b"one price"},
        {},
        {"on_shortage": "refuse", "quote": b"another price"},
    ]


def test_a_fast_sale_told_again_at_another_price_keeps_its_first_one() -> None:
    replica = replica_with_stock()
    (first,) = decisions.execute_requests(replica, Sales(STORE, [COLA], [b"1"], [b"one price"]), 6, {})
    (again,) = decisions.execute_requests(replica, Sales(STORE, [COLA], [b"1"], [b"another price"]), 7, {})
    assert again == first


def test_the_key_of_a_sale_in_a_run_is_known_afterwards() -> None:
    replica = replica_with_stock()
    sale = KeyedSale(lines=(SkuLine(1, sku="cola"),), key="k")
    first = list(decisions.execute_requests(replica, Sales(STORE, [sale] * 3, [b"1", b"2", b"3"]), 6, {}))
    assert list(decisions.execute_requests(replica, Sales(STORE, [sale] * 4, [b"3", b"4", b"2", b"5"]), 6, {}))[
        ::2
    ] == [
        first[2],
        first[1],
    ]
    assert replica.repeated == 2


@given(requests, st.sampled_from([4, 5, 6]))
def test_requests_decided_together_have_the_same_results_as_one_by_one(
    asked: list[Command | DocumentWrite], now_ms: int
) -> None:
    together, apart = replica_with_stock(), replica_with_stock()
    assert [answer(one) for one in decisions.execute_requests(together, asked, now_ms, {})] == [
        answer(one) for one in one_by_one(apart, asked, now_ms)
    ]
    for replica in (together, apart):
        replica.digests()
    assert together.vectors == apart.vectors
    assert together.digests() == apart.digests()
    assert list(together.ledger.cells()) == list(apart.ledger.cells())
    assert (together.heard, together.arrival, together.repeated) == (apart.heard, apart.arrival, apart.repeated)
    assert together.clock.last == apart.clock.last
    assert together.take_batch().entries == apart.take_batch().entries


def test_a_key_that_the_journal_holds_is_answered_from_the_journal() -> None:
    replica = replica_with_stock()
    sale = KeyedSale(lines=(SkuLine(1, sku="cola"),), key="k")
    (first,) = decisions.execute_requests(replica, [Command(STORE, sale, b"k")], 6, {})
    assert isinstance(first, Entry)
    for _ in range(3):
        decisions.execute(replica, Command(STORE, GOODS_RECEIPT, b"more-%d" % replica.arrival), 6)
        replica.take_batch()
    again = decisions.execute_requests(
        replica, [Command(STORE, sale, b"k"), Command(STORE, sale, b"k-2")], 6, {b"k": [first]}
    )
    assert again[0] is first
    assert again[1] is not first


def test_a_sale_outside_the_utc_calendar_is_taken_like_the_others() -> None:
    replica = replica_with_stock()
    good = KeyedSale(lines=(SkuLine(1, sku="cola"),), key="k")
    odd = KeyedSale(lines=good.lines, occurred_at=OUTSIDE_UTC, key="k")
    asked = [Command(STORE, sale, b"%d" % index) for index, sale in enumerate([good, odd, good])]
    verdicts = decisions.execute_requests(replica, asked, 6, {})
    assert [isinstance(verdict, Entry) for verdict in verdicts] == [True, True, True]
