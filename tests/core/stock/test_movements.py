"""What each request moves, and when it is refused."""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec import UNSET

from replica.core.base.errors import Invalid, Refused, RightsExhausted, UnknownSku
from replica.core.base.limits import QUANTITY_MAX
from replica.core.catalog.documents import Register, pack_value
from replica.core.catalog.skus import Catalog, sellable
from replica.core.ledger.cells import Ledger, Move
from replica.core.log.draft import Draft
from replica.core.log.entry import Content, EntryLine, pack_body, unpack_body
from replica.core.rights.requests import Grant, GrantLine
from replica.core.state.kinds import KINDS, LocationRequest
from replica.core.stock.counts import Seen, prepare_count
from replica.core.stock.location_view import LocationView
from replica.core.stock.quarantine import read_quarantine
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

WRITER = "store-1#0000000a"
HUB = "hub-east#0000000b"
FREE, HELD, QUARANTINE = "store-1/free", "store-1/held", "store-1/quarantine"

VECTORS = json.loads((Path(__file__).parents[2] / "vectors" / "shared_stock.json").read_text())
SOLD = [case for case in VECTORS["cases"] if "sellable" in case]
REFUSED = [case for case in VECTORS["cases"] if "refused" in case]


def sold_in(case: dict[str, Any]) -> str:
    """A name for a worked example: what it sells."""
    return " and ".join(case["sell"]) or "nothing"


def prepare(view: LocationView, request: LocationRequest, seen: Seen) -> Draft:
    """Decide any request."""
    if isinstance(request, Count):
        return prepare_count(view, request, seen)
    decide = KINDS.of_request(request).prepare
    assert decide is not None
    return decide(view, request)


class Shop:
    """One location, one node that works there, and a catalogue."""

    def __init__(self, recipes: Mapping[str, Mapping[str, int]] | None = None, is_open: bool = False) -> None:
        self.ledger = Ledger()
        self.catalog = Catalog(is_open)
        for sku, recipe in (recipes or {}).items():
            self.document(sku, {"recipe": dict(recipe), "barcodes": [f"barcode-of-{sku}"]})
        self.view = LocationView.of(STORE, "store-1", self.ledger, self.catalog)

    def document(self, sku: str, value: object) -> None:
        assert self.catalog.put(
            Register(kind="sku", key=sku, rank=0, at="", version=1, clock=1, writer=HUB, value=pack_value(value))
        )

    def ask(self, request: LocationRequest, seen: Seen = NOTHING_SEEN) -> Draft:
        """Decide and fold."""
        draft = prepare(self.view, request, seen)
        self.ledger.apply(STORE, WRITER, draft.moves)
        return draft

    def move(self, source: str, target: str, quantity: int, item: str = "cola", writer: str = WRITER) -> None:
        """Move units that no request moves."""
        self.ledger.apply(STORE, writer, [Move(item, source, target, quantity)])

    def balance(self, account: str, item: str = "cola") -> int:
        return self.ledger.stock(STORE, item).balance(account)

    def available(self) -> dict[str, int]:
        return {item: stock.figures.available for item, stock in self.ledger.stocks(STORE).items()}

    def sellable(self, sku: str) -> int:
        return sellable(self.catalog.recipe(sku, 0), self.available())

    def refuse(self, request: LocationRequest, why: type[Refused]) -> Refused:
        """Make a request that is refused for this reason, and check that it had no effect."""
        before = list(self.ledger.cells())
        with pytest.raises(why) as refused:
            prepare(self.view, request, NOTHING_SEEN)
        assert list(self.ledger.cells()) == before
        return refused.value


def shop_with(**units: int) -> Shop:
    """A shop with an open catalogue and these units free."""
    shop = Shop(is_open=True)
    for item, number in units.items():
        shop.move("supplier", FREE, number, item)
    return shop


def shared_stock() -> Shop:
    """The shop of the worked examples."""
    shop = Shop(VECTORS["recipes"])
    lines = tuple(GoodsLine(number, item=item) for item, number in VECTORS["items"].items())
    shop.ask(GoodsReceipt(lines))
    return shop


def sold(sku: str, quantity: int = 1) -> SkuLine:
    return SkuLine(quantity, sku=sku)


# ---------------------------------------------------------------------------------------------------------------------
# sales


@pytest.mark.parametrize("case", SOLD, ids=sold_in)
def test_selling_one_kind_of_sku_changes_every_sku_that_shares_its_items(case: dict[str, Any]) -> None:
    shop = shared_stock()
    lines = tuple(sold(sku, number) for sku, number in case["sell"].items())
    if lines:
        draft = shop.ask(Sale(lines=lines, on_shortage=OnShortage.REFUSE))
        answered = {line.sku: line.available for line in draft.lines}
        assert answered == {sku: case["sellable"][sku] for sku in case["sell"]}
    assert {sku: shop.sellable(sku) for sku in case["sellable"]} == case["sellable"]


@pytest.mark.parametrize("case", REFUSED, ids=sold_in)
def test_lines_that_share_an_item_are_added_up_before_they_are_refused(case: dict[str, Any]) -> None:
    shop = shared_stock()
    lines = tuple(sold(sku, number) for sku, number in case["sell"].items())
    refused = shop.refuse(Sale(lines=lines, on_shortage=OnShortage.REFUSE), RightsExhausted)
    assert refused.facts == {"lines": [{"item": "cola_bottle", "wanted": 11, "free": 10}]}


def test_a_sale_takes_the_sellers_free_units_to_the_customer() -> None:
    shop = shop_with(cola=10)
    draft = shop.ask(Sale(lines=(sold("cola", 3),), till="till-3", receipt="R-9"))
    assert draft == Draft(
        kind="sale",
        moves=(Move("cola", FREE, "customer", 3),),
        lines=(EntryLine("cola", 3, 0, 7),),
        facts={},
        actor="till-3",
        reason="",
        reference="R-9",
    )
    assert shop.balance(FREE) == 7


def test_a_sku_on_two_lines_moves_its_item_once() -> None:
    shop = shop_with(cola=10)
    draft = shop.ask(Sale(lines=(sold("cola", 3), sold("cola", 4))))
    assert draft.moves == (Move("cola", FREE, "customer", 7),)
    assert draft.lines == (EntryLine("cola", 3, 0, 3), EntryLine("cola", 4, 0, 3))


def test_a_sale_past_the_rights_is_recorded_with_its_breach() -> None:
    shop = shop_with(cola=2)
    draft = shop.ask(Sale(lines=(sold("cola", 5),)))
    assert draft.facts == {"breach": {"cola": 3}}
    assert draft.lines == (EntryLine("cola", 5, 3, -3),)
    assert shop.balance(FREE) == -3
    assert shop.ledger.stock(STORE, "cola").breach == 3


def test_a_breach_contains_only_the_units_that_this_sale_overdrew() -> None:
    shop = shop_with(cola=2)
    shop.ask(Sale(lines=(sold("cola", 5),)))
    draft = shop.ask(Sale(lines=(sold("cola", 4),)))
    assert draft.facts == {"breach": {"cola": 4}}
    assert shop.balance(FREE) == -7


def test_a_breach_is_answered_line_by_line_in_the_order_of_the_lines() -> None:
    shop = Shop({"one": {"cola": 1}, "six": {"cola": 6}})
    shop.move("supplier", FREE, 8)
    draft = shop.ask(Sale(lines=(sold("one", 1), sold("six", 2), sold("one", 2))))
    assert [line.breach for line in draft.lines] == [0, 1, 2]
    assert draft.facts["breach"] == {"cola": 15 - 8}


def test_a_sale_of_an_item_that_never_was_in_stock_is_recorded() -> None:
    shop = shop_with()
    draft = shop.ask(Sale(lines=(sold("cola"),)))
    assert draft.lines == (EntryLine("cola", 1, 1, -1),)
    assert shop.balance(FREE) == -1


def test_a_promise_past_the_rights_is_refused_item_by_item() -> None:
    shop = Shop({"menu": {"cola": 1, "wings": 200}, "cola": {"cola": 1}, "salad": {"leaf": 1}})
    shop.move("supplier", FREE, 2)
    shop.move("supplier", FREE, 5, "leaf")
    lines = (sold("menu", 2), sold("cola"), sold("salad"))
    refused = shop.refuse(Sale(lines=lines, on_shortage=OnShortage.REFUSE), RightsExhausted)
    assert refused.kind == "insufficient-rights"
    assert refused.facts == {
        "lines": [{"item": "cola", "wanted": 3, "free": 2}, {"item": "wings", "wanted": 400, "free": 0}]
    }


def test_an_overdrawn_account_has_nothing_to_promise() -> None:
    shop = shop_with()
    shop.ask(Sale(lines=(sold("cola", 3),)))
    refused = shop.refuse(Sale(lines=(sold("cola"),), on_shortage=OnShortage.REFUSE), RightsExhausted)
    assert refused.facts == {"lines": [{"item": "cola", "wanted": 1, "free": 0}]}


def test_the_last_free_unit_can_be_promised() -> None:
    shop = shop_with(cola=1)
    assert shop.ask(Sale(lines=(sold("cola"),), on_shortage=OnShortage.REFUSE)).lines == (EntryLine("cola", 1, 0, 0),)


@pytest.mark.parametrize("elsewhere", ["hub-east/free", "store-1/held", "store-1/quarantine", "store-1/campaign.618"])
def test_a_node_sells_only_its_own_free_units(elsewhere: str) -> None:
    shop = shop_with(cola=3)
    shop.move(FREE, elsewhere, 2)
    refused = shop.refuse(Sale(lines=(sold("cola", 2),), on_shortage=OnShortage.REFUSE), RightsExhausted)
    assert refused.facts == {"lines": [{"item": "cola", "wanted": 2, "free": 1}]}
    shop.ask(Sale(lines=(sold("cola", 2),)))
    assert shop.balance(elsewhere) == 2
    assert shop.balance(FREE) == -1


def test_available_units_include_the_rights_of_all_nodes_at_the_location() -> None:
    shop = shop_with(cola=5)
    shop.move(FREE, "hub-east/free", 3)
    shop.move(FREE, HELD, 1)
    assert shop.ask(Sale(lines=(sold("cola"),))).lines == (EntryLine("cola", 1, 0, 3),)


def test_an_unknown_sku_refuses_the_whole_sale_by_line() -> None:
    shop = Shop({"cola": {"cola": 1}})
    refused = shop.refuse(Sale(lines=(sold("cola"), sold("cloak"))), UnknownSku)
    assert refused.field == "lines[1].sku"
    assert refused.facts == {"sku": "cloak"}


def test_a_barcode_sells_its_sku() -> None:
    shop = Shop({"six": {"cola": 6}})
    draft = shop.ask(Sale(lines=(SkuLine(2, barcode="barcode-of-six"),)))
    assert draft.moves == (Move("cola", FREE, "customer", 12),)
    assert draft.lines[0].sku == "six"


def test_an_unknown_barcode_refuses_the_sale_by_line() -> None:
    refused = Shop().refuse(Sale(lines=(SkuLine(1, barcode="999"),)), UnknownSku)
    assert refused.field == "lines[0].barcode"
    assert refused.facts == {"barcode": "999"}


@pytest.mark.parametrize("line", [SkuLine(1), SkuLine(1, sku="six", barcode="barcode-of-six")])
def test_a_line_that_does_not_give_its_goods_exactly_once_is_refused(line: SkuLine) -> None:
    refused = Shop({"six": {"cola": 6}}).refuse(Sale(lines=(sold("six"), line)), Invalid)
    assert refused.field == "lines[1].sku"


def test_more_units_of_an_item_than_a_move_may_have_are_refused_by_line() -> None:
    shop = Shop({"pallet": {"cola": QUANTITY_MAX}})
    refused = shop.refuse(Sale(lines=(sold("pallet", 2),)), Invalid)
    assert refused.field == "lines[0].quantity"
    refused = shop.refuse(GoodsReceipt((GoodsLine(1, sku="pallet"), GoodsLine(1, item="cola"))), Invalid)
    assert refused.field == "lines[1].quantity"


def test_the_most_units_of_one_line_are_sold() -> None:
    shop = Shop({"cola": {"cola": 1}})
    assert shop.ask(Sale(lines=(sold("cola", QUANTITY_MAX),))).moves[0].quantity == QUANTITY_MAX


# ---------------------------------------------------------------------------------------------------------------------
# returns and goods receipts


def test_a_return_waits_in_quarantine() -> None:
    shop = shop_with(cola=5)
    draft = shop.ask(Return(lines=(sold("cola", 2),), original="R-1", till="till-3", receipt="R-2"))
    assert draft == Draft(
        kind="return",
        moves=(Move("cola", "customer", QUARANTINE, 2),),
        lines=(EntryLine("cola", 2, 0, 5),),
        facts={"original": "R-1"},
        actor="till-3",
        reason="quarantine",
        reference="R-2",
    )
    assert shop.ledger.stock(STORE, "cola").figures == (7, 0, 2, 5)


def test_a_return_to_the_shelf_can_be_sold_at_once() -> None:
    shop = shop_with(cola=5)
    draft = shop.ask(Return(lines=(sold("cola", 2),), disposition=Disposition.RESTOCK))
    assert draft.moves == (Move("cola", "customer", FREE, 2),)
    assert draft.lines == (EntryLine("cola", 2, 0, 7),)
    assert draft.reason == "restock"


def test_a_returned_pack_comes_back_as_its_items() -> None:
    shop = Shop({"menu": {"cola": 1, "wings": 200}})
    assert shop.ask(Return(lines=(sold("menu", 2),))).moves == (
        Move("cola", "customer", QUARANTINE, 2),
        Move("wings", "customer", QUARANTINE, 400),
    )


def test_a_goods_receipt_gives_its_units_to_the_node() -> None:
    shop = Shop({"six": {"cola": 6}})
    draft = shop.ask(
        GoodsReceipt(
            (GoodsLine(2, sku="six"), GoodsLine(1, barcode="barcode-of-six"), GoodsLine(5, item="cola")), "D-7"
        )
    )
    assert draft.moves == (Move("cola", "supplier", FREE, 23),)
    assert [(line.sku, line.quantity, line.available) for line in draft.lines] == [
        ("six", 2, 3),
        ("six", 1, 3),
        ("cola", 5, 23),
    ]
    assert draft.reference == "D-7"
    assert shop.balance(FREE) == 23


def test_a_goods_receipt_of_an_item_that_no_recipe_uses_is_refused_by_line() -> None:
    shop = Shop({"six": {"cola": 6}})
    refused = shop.refuse(GoodsReceipt((GoodsLine(1, item="cola"), GoodsLine(1, item="leaf"))), UnknownSku)
    assert refused.field == "lines[1].item"
    assert refused.facts == {"item": "leaf"}


@pytest.mark.parametrize(
    "line",
    [
        GoodsLine(1),
        GoodsLine(1, sku="six", item="cola"),
        GoodsLine(1, barcode="barcode-of-six", item="cola"),
        GoodsLine(1, sku="six", barcode="barcode-of-six", item="cola"),
    ],
)
def test_a_goods_receipt_line_gives_its_goods_exactly_once_or_is_refused(line: GoodsLine) -> None:
    assert Shop({"six": {"cola": 6}}).refuse(GoodsReceipt((line,)), Invalid).field == "lines[0].sku"


@pytest.mark.parametrize("name", ["a b", "a/b", "a\n", "ü", ""])
def test_nothing_moves_under_an_invalid_name(name: str) -> None:
    shop = Shop(is_open=True)
    shop.refuse(GoodsReceipt((GoodsLine(1, item=name),)), UnknownSku)
    shop.refuse(GoodsReceipt((GoodsLine(1, sku=name),)), UnknownSku)
    shop.refuse(Sale(lines=(sold(name),)), UnknownSku)
    shop.refuse(Count((CountLine(name, 1),)), UnknownSku)
    shop.refuse(Adjustment((AdjustmentLine(name, 1, "found"),)), UnknownSku)
    shop.refuse(Quarantine((QuarantineLine(name, 1, Action.PUT),)), UnknownSku)


# ---------------------------------------------------------------------------------------------------------------------
# counts


def count(**levels: int) -> Count:
    return Count(tuple(CountLine(item, level) for item, level in levels.items()))


@pytest.mark.parametrize(
    ("counted", "moves"),
    [
        (12, (Move("cola", "found", FREE, 2),)),
        (7, (Move("cola", FREE, "loss", 3),)),
        (10, ()),
        (0, (Move("cola", FREE, "loss", 10),)),
    ],
)
def test_a_count_moves_the_difference_to_the_book(counted: int, moves: tuple[Move, ...]) -> None:
    shop = shop_with(cola=10)
    assert shop.ask(count(cola=counted)).moves == moves
    assert shop.ledger.stock(STORE, "cola").figures.on_hand == counted


def test_the_areas_of_an_item_add_up_to_one_level() -> None:
    shop = shop_with(cola=10)
    asked = Count((CountLine("cola", 3, "floor"), CountLine("leaf", 1), CountLine("cola", 4, "back")))
    draft = shop.ask(asked)
    assert draft.facts["count"] == [["cola", 7, 10, -3, 7], ["leaf", 1, 0, 1, 1]]
    assert KINDS.request_of(draft.content(1, b"c")) == asked


@pytest.mark.parametrize(("area", "field"), [("floor", "lines[1].area"), ("", "lines[1].item")])
def test_an_area_of_an_item_counted_twice_is_refused_by_its_field(area: str, field: str) -> None:
    lines = (CountLine("cola", 3, area), CountLine("cola", 4, area))
    assert shop_with(cola=10).refuse(Count(lines), Invalid).field == field


def test_a_count_without_areas_keeps_the_facts_of_earlier_releases() -> None:
    draft = shop_with(cola=10).ask(Count((CountLine("cola", 9),)))
    assert sorted(draft.facts) == ["as_of", "count", "seen"]


def test_a_count_includes_all_units_in_the_building() -> None:
    shop = shop_with(cola=10)
    shop.move(FREE, HELD, 2)
    shop.move(FREE, QUARANTINE, 1)
    shop.move(FREE, "hub-east/free", 3)
    shop.ask(count(cola=11))
    assert shop.ledger.stock(STORE, "cola").figures.on_hand == 11
    assert shop.balance(FREE) == 5


def test_a_count_below_the_book_stock_overdraws_only_the_counters_own_units() -> None:
    shop = shop_with(cola=10)
    shop.move(FREE, HELD, 8)
    shop.ask(count(cola=5))
    assert shop.balance(FREE) == -3
    assert shop.balance(HELD) == 8
    assert shop.ledger.stock(STORE, "cola").breach == 3


def test_a_count_is_as_of_the_levels_seen_so_later_movements_still_count() -> None:
    shop = shop_with(cola=10)
    seen = Seen(levels={"cola": 10}, as_of=77, vector={WRITER: 1})
    shop.ask(Sale(lines=(sold("cola", 4),)))
    draft = shop.ask(count(cola=9), seen)
    assert draft.moves == (Move("cola", FREE, "loss", 1),)
    assert shop.ledger.stock(STORE, "cola").figures.on_hand == 5


def test_a_count_that_differs_by_more_than_one_move_may_have_makes_several() -> None:
    shop = shop_with()
    for _ in range(3):
        shop.move("supplier", FREE, QUANTITY_MAX)
    draft = shop.ask(count(cola=7))
    assert [move.quantity for move in draft.moves] == [QUANTITY_MAX, QUANTITY_MAX, QUANTITY_MAX - 7]
    assert shop.ledger.stock(STORE, "cola").figures.on_hand == 7


def test_a_count_records_level_moment_and_vector() -> None:
    shop = shop_with(cola=10, leaf=1)
    seen = Seen(levels={"cola": 8}, as_of=77, vector={WRITER: 3, HUB: 4})
    draft = shop.ask(Count((CountLine("cola", 9), CountLine("leaf", 1)), seen="token-1", reference="C-1"), seen)
    assert draft.facts == {
        "count": [["cola", 9, 8, 1, 11], ["leaf", 1, 1, 0, 1]],
        "as_of": 77,
        "seen": {WRITER: 3, HUB: 4},
        "token": "token-1",
    }
    assert draft.reference == "C-1"


def test_an_item_counted_twice_is_refused_by_line() -> None:
    shop = shop_with(cola=10)
    refused = shop.refuse(Count((CountLine("cola", 9), CountLine("leaf", 1), CountLine("cola", 9))), Invalid)
    assert refused.field == "lines[2].item"


def test_a_count_of_an_unknown_item_is_refused_unless_it_moved() -> None:
    shop = Shop({"cola": {"cola": 1}})
    refused = shop.refuse(count(cola=1, leaf=1), UnknownSku)
    assert refused.field == "lines[1].item"
    shop.move("supplier", "hub-east/free", 1, "leaf", HUB)
    shop.ask(count(cola=1, leaf=1))


# ---------------------------------------------------------------------------------------------------------------------
# adjustments and quarantine


@pytest.mark.parametrize(
    "request_",
    [
        Adjustment((AdjustmentLine("leaf", 1, "found"),)),
        Adjustment((AdjustmentLine("leaf", -1, "broken"),)),
        Quarantine((QuarantineLine("leaf", 1, Action.PUT),)),
    ],
)
def test_an_item_that_has_moved_is_adjusted_whatever_the_catalog_says(request_: LocationRequest) -> None:
    shop = Shop({"cola": {"cola": 1}})
    shop.move("supplier", FREE, 3, "leaf")
    assert [move.quantity for move in shop.ask(request_).moves] == [1]


def test_a_unit_that_one_line_finds_may_break_in_the_next() -> None:
    shop = Shop(is_open=True)
    lines = (AdjustmentLine("cola", -1, "broken"), AdjustmentLine("cola", 1, "found"))
    assert "breach" not in shop.ask(Adjustment(lines)).facts
    assert shop.balance(FREE) == 0


def test_a_count_finds_as_many_units_as_one_move_may_have_and_no_more() -> None:
    shop = Shop(is_open=True)
    refused = shop.refuse(Count((CountLine("cola", QUANTITY_MAX, "shelf"), CountLine("cola", 1, "cellar"))), Invalid)
    assert refused.field == "lines[1].counted"
    shop.ask(Count((CountLine("cola", QUANTITY_MAX - 1, "shelf"), CountLine("cola", 1, "cellar"))))
    assert shop.balance(FREE) == QUANTITY_MAX


def test_an_adjustment_moves_each_difference_with_its_reason() -> None:
    shop = shop_with(cola=10)
    lines = (AdjustmentLine("cola", -3, "broken"), AdjustmentLine("leaf", 2, "found behind the shelf"))
    draft = shop.ask(Adjustment(lines, "A-1"))
    assert draft.moves == (Move("cola", FREE, "loss", 3), Move("leaf", "found", FREE, 2))
    assert draft.facts == {"adjusted": [["cola", -3, "broken", 7], ["leaf", 2, "found behind the shelf", 2]]}
    assert draft.reference == "A-1"


def test_an_adjustment_past_the_rights_is_recorded_and_says_what_it_overdraws() -> None:
    shop = shop_with(cola=4)
    shop.move(FREE, HELD, 1)
    lines = (AdjustmentLine("cola", -2, "broken"), AdjustmentLine("cola", -2, "broken"))
    draft = shop.ask(Adjustment(lines))
    assert draft.facts == {"adjusted": [["cola", -2, "broken", 0], ["cola", -2, "broken", 0, 1]], "breach": {"cola": 1}}
    assert (shop.balance(FREE), shop.ledger.stock(STORE, "cola").breach) == (-1, 1)


def test_broken_units_past_rights_that_others_hold_are_a_breach_of_this_node() -> None:
    shop = shop_with(cola=10)
    shop.move(FREE, "hub-east/free", 8)
    draft = shop.ask(Adjustment((AdjustmentLine("cola", -5, "broken"),)))
    assert (draft.facts["breach"], shop.ledger.stock(STORE, "cola").figures.on_hand) == ({"cola": 3}, 5)


def test_a_line_that_raises_an_item_counts_for_the_lines_that_lower_it() -> None:
    shop = shop_with(cola=1)
    lines = (AdjustmentLine("cola", -4, "in the wrong box"), AdjustmentLine("cola", 3, "in the wrong box"))
    assert "breach" not in shop.ask(Adjustment(lines)).facts
    assert shop.balance(FREE) == 0


def test_an_adjustment_below_zero_breaches_only_by_what_it_takes() -> None:
    shop = shop_with(cola=1)
    shop.ask(Sale(lines=(sold("cola", 4),)))
    lines = (AdjustmentLine("cola", 2, "found"), AdjustmentLine("cola", -4, "broken"))
    assert (shop.ask(Adjustment(lines)).facts["breach"], shop.balance(FREE)) == ({"cola": 2}, -5)


def test_an_adjustment_below_zero_that_gives_back_what_it_takes_breaches_nothing() -> None:
    shop = shop_with(cola=1)
    shop.ask(Sale(lines=(sold("cola", 4),)))
    lines = (AdjustmentLine("cola", 5, "found"), AdjustmentLine("cola", -5, "broken"))
    assert "breach" not in shop.ask(Adjustment(lines)).facts
    assert (shop.balance(FREE), shop.ledger.stock(STORE, "cola").breach) == (-3, 3)


def test_an_adjustment_by_zero_is_refused_by_line() -> None:
    shop = shop_with(cola=4)
    lines = (AdjustmentLine("cola", -1, "broken"), AdjustmentLine("cola", 0, "so what"))
    assert shop.refuse(Adjustment(lines), Invalid).field == "lines[1].delta"


def test_an_adjustment_of_an_unknown_item_is_refused_by_line() -> None:
    refused = Shop().refuse(Adjustment((AdjustmentLine("cola", 1, "found"),)), UnknownSku)
    assert refused.field == "lines[0].item"


@pytest.mark.parametrize(
    ("action", "move", "figures"),
    [
        (Action.PUT, Move("cola", FREE, QUARANTINE, 2), (10, 0, 5, 5)),
        (Action.RESTOCK, Move("cola", QUARANTINE, FREE, 2), (10, 0, 1, 9)),
        (Action.WRITE_OFF, Move("cola", QUARANTINE, "loss", 2), (8, 0, 1, 7)),
    ],
)
def test_quarantine_takes_in_gives_back_and_writes_off(
    action: Action, move: Move, figures: tuple[int, int, int, int]
) -> None:
    shop = shop_with(cola=10)
    shop.move(FREE, QUARANTINE, 3)
    draft = shop.ask(Quarantine((QuarantineLine("cola", 2, action),), "Q-1"))
    assert draft.moves == (move,)
    assert draft.facts == {"quarantine": [["cola", 2, action.value]]}
    assert shop.ledger.stock(STORE, "cola").figures == figures


def test_units_put_aside_past_the_rights_are_recorded_as_a_breach() -> None:
    shop = shop_with(cola=10)
    shop.move(FREE, "hub-east/free", 8)
    draft = shop.ask(Quarantine((QuarantineLine("cola", 5, Action.PUT),)))
    assert draft.facts == {"quarantine": [["cola", 5, "put", 3]], "breach": {"cola": 3}}
    assert (shop.balance(QUARANTINE), shop.balance(FREE)) == (5, -3)


def test_units_written_off_that_the_book_has_elsewhere_leave_the_shelf() -> None:
    shop = shop_with(cola=5)
    shop.move(FREE, QUARANTINE, 2)
    draft = shop.ask(Quarantine((QuarantineLine("cola", 4, Action.WRITE_OFF),)))
    assert draft.moves == (Move("cola", QUARANTINE, "loss", 2), Move("cola", FREE, "loss", 2))
    assert (shop.balance(QUARANTINE), shop.balance(FREE), "breach" in draft.facts) == (0, 1, False)


def test_units_put_back_that_were_not_in_quarantine_move_nothing() -> None:
    shop = shop_with(cola=5)
    shop.move(FREE, QUARANTINE, 2)
    draft = shop.ask(Quarantine((QuarantineLine("cola", 4, Action.RESTOCK),)))
    assert draft.moves == (Move("cola", QUARANTINE, FREE, 2),)
    assert read_quarantine(draft.content(1, b"q")).lines == (QuarantineLine("cola", 4, Action.RESTOCK),)


def test_units_put_aside_and_put_back_in_one_request_count_for_each_other() -> None:
    shop = shop_with(cola=1)
    shop.move(FREE, QUARANTINE, 1)
    lines = (QuarantineLine("cola", 5, Action.PUT), QuarantineLine("cola", 6, Action.RESTOCK))
    assert "breach" not in shop.ask(Quarantine(lines)).facts
    assert (shop.balance(QUARANTINE), shop.balance(FREE)) == (0, 1)


def test_quarantine_of_an_unknown_item_is_refused_by_line() -> None:
    refused = Shop().refuse(Quarantine((QuarantineLine("cola", 1, Action.PUT),)), UnknownSku)
    assert refused.field == "lines[0].item"


# ---------------------------------------------------------------------------------------------------------------------
# every request

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
        lambda lines, shortage, occasion: Sale(lines=lines, on_shortage=shortage, **occasion),
        tuples(sku_lines),
        st.sampled_from(OnShortage),
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
