"""What holds for every request: it is read back from its entry, and it moves only units that the node owns."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec import UNSET

from replica.core.base.errors import Refused, UnknownSku
from replica.core.log.draft import Draft
from replica.core.log.entry import Content, pack_body, unpack_body
from replica.core.rights.requests import Grant, GrantLine
from replica.core.state.kinds import KINDS, LocationRequest
from replica.core.stock.requests import (
    Action,
    Adjustment,
    AdjustmentLine,
    Count,
    CountLine,
    Disposition,
    GoodsLine,
    GoodsReceipt,
    OnShortage,
    Quarantine,
    QuarantineLine,
    Return,
    Sale,
    SkuLine,
)
from tests.core.chain import NOTHING_SEEN, NOW_MS, STORE
from tests.core.stock.shop import FREE, QUARANTINE, Shop, prepare, sold


@pytest.mark.parametrize("name", ["a b", "a/b", "a\n", "ü", ""])
def test_nothing_moves_under_an_invalid_name(name: str) -> None:
    shop = Shop(is_open=True)
    shop.refuse(GoodsReceipt((GoodsLine(1, item=name),)), UnknownSku)
    shop.refuse(GoodsReceipt((GoodsLine(1, sku=name),)), UnknownSku)
    shop.refuse(Sale(lines=(sold(name),)), UnknownSku)
    shop.refuse(Count((CountLine(name, 1),)), UnknownSku)
    shop.refuse(Adjustment((AdjustmentLine(name, 1, "found"),)), UnknownSku)
    shop.refuse(Quarantine((QuarantineLine(name, 1, Action.PUT),)), UnknownSku)


RECIPES = {"cola": {"cola": 1}, "six": {"cola": 6}, "menu": {"cola": 1, "wings": 200}, "wings": {"wings": 1}}

quantities = st.integers(1, 9)
words = st.text(st.characters(exclude_categories=["Cs"]), max_size=10)
zones = st.integers(-1439, 1439).map(lambda minutes: timezone(timedelta(minutes=minutes)))
moments = st.datetimes(datetime(1970, 1, 2), datetime(2200, 1, 1), timezones=zones)
skus = st.sampled_from(sorted(RECIPES))
sku_lines = st.builds(SkuLine, quantities, sku=skus) | st.builds(
    lambda quantity, sku: SkuLine(quantity, barcode=f"barcode-of-{sku}"), quantities, skus
)
goods_lines = (
    st.builds(GoodsLine, quantities, sku=skus)
    | st.builds(lambda quantity, sku: GoodsLine(quantity, barcode=f"barcode-of-{sku}"), quantities, skus)
    | st.builds(GoodsLine, quantities, item=st.sampled_from(["cola", "wings"]))
)
items = st.sampled_from(["cola", "wings"])


def tuples(lines: st.SearchStrategy[Any]) -> st.SearchStrategy[tuple[Any, ...]]:
    return st.lists(lines, min_size=1, max_size=4).map(tuple)


occasions = st.fixed_dictionaries({}, optional={"till": words, "receipt": words, "occurred_at": moments})
requests: st.SearchStrategy[LocationRequest] = st.one_of(
    st.builds(
        lambda lines, shortage, group, occasion: Sale(
            lines=lines, on_shortage=shortage, customer_group=group, **occasion
        ),
        tuples(sku_lines),
        st.sampled_from(OnShortage),
        words,
        occasions,
    ),
    st.builds(
        lambda lines, original, disposition, occasion: Return(
            lines=lines, original=original, disposition=disposition, **occasion
        ),
        tuples(sku_lines),
        words,
        st.sampled_from(Disposition),
        occasions,
    ),
    st.builds(GoodsReceipt, tuples(goods_lines), words, st.just(UNSET) | moments),
    st.builds(
        Count,
        st.dictionaries(items, st.integers(0, 30), min_size=1).map(
            lambda levels: tuple(CountLine(item, level) for item, level in levels.items())
        ),
        words,
        words,
    ),
    st.builds(
        Adjustment,
        tuples(st.builds(AdjustmentLine, items, st.integers(-9, 9).filter(bool), words.filter(bool))),
        words,
        st.just(UNSET) | moments,
    ),
    st.builds(
        Quarantine,
        tuples(st.builds(QuarantineLine, items, quantities, st.sampled_from(Action))),
        words,
        st.just(UNSET) | moments,
    ),
    st.builds(Grant, st.sampled_from(["hub-east", "hub-west"]), tuples(st.builds(GrantLine, items, quantities)), words),
)


def content_of(draft: Draft) -> Content:
    """The content of a draft's entry, as it is read back from a journal."""
    content = Content(
        kind=draft.kind,
        clock=NOW_MS << 16,
        key=b"k",
        actor=draft.actor,
        reason=draft.reason,
        reference=draft.reference,
        moves=draft.moves,
        lines=draft.lines,
        facts=draft.facts,
    )
    return unpack_body(pack_body(content))


@given(requests)
def test_a_request_is_read_back_from_its_entry(request: LocationRequest) -> None:
    shop = Shop(RECIPES)
    shop.move("supplier", FREE, 1_000_000)
    shop.move("supplier", FREE, 1_000_000, "wings")
    shop.move(FREE, QUARANTINE, 1_000)
    shop.move(FREE, QUARANTINE, 1_000, "wings")
    assert KINDS.request_of(content_of(shop.ask(request))) == request


MOMENT = datetime(2026, 3, 1, 12, 30, 1, 250, tzinfo=UTC)
OCCASION = {"till": "till-1", "receipt": "R-1", "occurred_at": MOMENT}


@pytest.mark.parametrize(
    "request_",
    [
        Sale((sold("cola"), SkuLine(2, barcode="barcode-of-six")), OnShortage.REFUSE, **OCCASION),
        Sale((sold("cola"),)),
        Return((sold("menu"),), "R-0", Disposition.RESTOCK, **OCCASION),
        GoodsReceipt(
            (GoodsLine(1, item="cola"), GoodsLine(2, barcode="barcode-of-six"), GoodsLine(3, sku="menu")), "D-1", MOMENT
        ),
        Count((CountLine("cola", 3, "shelf"), CountLine("cola", 4, "cellar")), "token", "C-1"),
        Count((CountLine("cola", 3), CountLine("wings", 4)), "token", "C-1"),
        Adjustment((AdjustmentLine("cola", -1, "broken"), AdjustmentLine("wings", 1, "found")), "A-1", MOMENT),
        Quarantine(
            (QuarantineLine("cola", 1, Action.PUT), QuarantineLine("wings", 2, Action.WRITE_OFF)), "Q-1", MOMENT
        ),
    ],
    ids=lambda request: type(request).__name__,
)
def test_every_option_of_a_request_is_read_back(request_: LocationRequest) -> None:
    shop = Shop(RECIPES)
    shop.move("supplier", FREE, 1_000)
    shop.move("supplier", FREE, 1_000, "wings")
    assert KINDS.request_of(content_of(shop.ask(request_))) == request_


@given(requests, requests)
def test_requests_that_differ_read_back_as_different(one: LocationRequest, other: LocationRequest) -> None:
    shop = Shop(RECIPES)
    try:
        drafts = [prepare(shop.view, request, NOTHING_SEEN) for request in (one, other)]
    except Refused:
        return
    assert (KINDS.request_of(content_of(drafts[0])) == KINDS.request_of(content_of(drafts[1]))) == (one == other)


@given(st.lists(requests, max_size=8))
def test_any_request_debits_only_the_nodes_own_accounts_and_adds_up_to_zero(
    asked: list[LocationRequest],
) -> None:
    shop = Shop(RECIPES)
    for request in asked:
        before = list(shop.ledger.cells())
        try:
            draft = shop.ask(request)
        except Refused:
            assert list(shop.ledger.cells()) == before
            continue
        for move in draft.moves:
            assert move.quantity >= 1
            assert move.source != move.target
            assert move.source.startswith("store-1/") or "/" not in move.source
    for stock in shop.ledger.stocks(STORE).values():
        assert sum(stock.balances.values()) == 0


@given(st.lists(requests, max_size=10))
def test_only_facts_overdraw_and_only_free_units(asked: list[LocationRequest]) -> None:
    shop = Shop(RECIPES)
    for request in asked:
        before = {item: stock.breach for item, stock in shop.ledger.stocks(STORE).items()}
        try:
            draft = shop.ask(request)
        except Refused:
            continue
        after = {item: stock.breach for item, stock in shop.ledger.stocks(STORE).items()}
        grown = {item: units - before.get(item, 0) for item, units in after.items() if units > before.get(item, 0)}
        if not isinstance(request, Count):
            assert draft.facts.get("breach", {}) == grown
        if isinstance(request, Sale):
            assert not grown or request.on_shortage is OnShortage.RECORD
        else:
            assert not grown or isinstance(request, Adjustment | Quarantine | Count)
        assert all(stock.balance(QUARANTINE) >= 0 for stock in shop.ledger.stocks(STORE).values())


@pytest.mark.parametrize(
    "moment",
    [
        datetime(1, 1, 1, tzinfo=timezone(timedelta(hours=14))),
        datetime(9999, 12, 31, 23, 59, tzinfo=timezone(timedelta(hours=-12))),
    ],
)
def test_a_moment_outside_the_calendar_of_utc_is_kept_like_any_other(moment: datetime) -> None:
    shop = Shop(RECIPES)
    for request in (Sale(lines=(sold("cola"),), occurred_at=moment), Return(lines=(sold("cola"),), occurred_at=moment)):
        assert KINDS.request_of(content_of(shop.ask(request))) == request


def test_when_a_sale_happened_is_kept_to_the_microsecond() -> None:
    moment = datetime(2025, 6, 15, 15, 6, 40, 7, tzinfo=UTC)
    draft = Shop(RECIPES).ask(Sale(lines=(sold("cola"),), occurred_at=moment))
    assert draft.facts["occurred_at"] == 1_750_000_000_000_007
