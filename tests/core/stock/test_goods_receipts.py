"""What a goods receipt moves, and when it is refused."""

from __future__ import annotations

import pytest

from replica.core.base.errors import Invalid, UnknownSku
from replica.core.ledger.cells import Move
from replica.core.stock.requests import GoodsLine, GoodsReceipt
from tests.core.stock.shop import FREE, Shop


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


@pytest.mark.parametrize("line", [GoodsLine(2, sku="six"), GoodsLine(2, barcode="barcode-of-six")])
def test_goods_of_a_deleted_sku_come_in_by_its_last_recipe(line: GoodsLine) -> None:
    shop = Shop({"six": {"cola": 6}})
    shop.delete("six")
    assert shop.ask(GoodsReceipt((line,))).moves == (Move("cola", "supplier", FREE, 12),)


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
