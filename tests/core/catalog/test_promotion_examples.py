"""The worked examples of `tests/vectors/promotions.json`: computed by hand, each with a sentence that says why."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from replica.core.catalog.quotes import Quote
from replica.core.catalog.ranks import STORE_RANK
from tests.core.catalog.shop import Shop

FILE = json.loads((Path(__file__).parents[2] / "vectors" / "promotions.json").read_text())
EXAMPLES: list[dict[str, Any]] = [{**FILE["defaults"], **example} for example in FILE["examples"]]


def shop_of(example: dict[str, Any]) -> Shop:
    """A shop with the documents of an example."""
    shop = Shop(at=example["at"], zone=ZoneInfo(example["time_zone"]))
    for sku, price in example["prices"].items():
        shop.price(sku, price if isinstance(price, dict) else {"amount": price})
    for sku, attributes in example.get("attributes", {}).items():
        shop.sku(sku, attributes)
    for promotion_id, promotion in example.get("promotions", {}).items():
        shop.promotion(promotion_id, promotion)
    for promotion_id, promotion in example.get("promotions_of_the_store", {}).items():
        shop.promotion(promotion_id, promotion, (STORE_RANK, "store-1"))
    return shop


def figures(quote: Quote) -> dict[str, Any]:
    """The figures that an example states."""
    return {
        "net": {line.sku: line.net_amount for line in quote.lines},
        "discounts": {
            line.sku: [[one.promotion, one.amount] for one in line.discounts] for line in quote.lines if line.discounts
        },
        "total": sum(total.net_amount for total in quote.totals),
    }


@pytest.mark.parametrize("example", EXAMPLES, ids=lambda example: example["why"])
def test_a_worked_example_has_the_figures_that_were_computed_by_hand(example: dict[str, Any]) -> None:
    shop = shop_of(example)
    for lines in (example["lines"], example["lines"][::-1]):
        assert figures(shop.quote(*map(tuple, lines), group=example["customer_group"])) == example["expected"]


def test_there_are_at_least_thirty_examples_each_with_its_own_reason() -> None:
    assert len({example["why"] for example in EXAMPLES}) == len(EXAMPLES) >= 30
