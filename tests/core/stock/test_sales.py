"""What a sale moves, and when it is refused."""

from __future__ import annotations

from typing import Any

import pytest

from replica.core.base.errors import Invalid, RightsExhausted, UnknownSku
from replica.core.base.limits import QUANTITY_MAX
from replica.core.ledger.cells import Move
from replica.core.log.draft import Draft
from replica.core.log.entry import EntryLine
from replica.core.stock.requests import GoodsLine, GoodsReceipt, OnShortage, Sale, SkuLine
from tests.core.chain import STORE
from tests.core.stock.shop import FREE, HELD, VECTORS, Shop, shared_stock, shop_with, sold

SOLD = [case for case in VECTORS["cases"] if "sellable" in case]
REFUSED = [case for case in VECTORS["cases"] if "refused" in case]


def sold_in(case: dict[str, Any]) -> str:
    """A name for a worked example: what it sells."""
    return " and ".join(case["sell"]) or "nothing"


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


def test_a_sale_of_a_deleted_sku_is_recorded_and_not_promised() -> None:
    shop = Shop({"six": {"cola": 6}})
    shop.delete("six")
    assert shop.ask(Sale(lines=(sold("six", 1),))).moves == (Move("cola", FREE, "customer", 6),)
    shop.refuse(Sale(lines=(sold("six", 1),), on_shortage=OnShortage.REFUSE), UnknownSku)


def test_a_sale_keeps_the_group_of_its_customer() -> None:
    draft = shop_with(cola=10).ask(Sale(lines=(sold("cola", 1),), customer_group="staff"))
    assert draft.facts == {"customer_group": "staff"}
