"""Offers: what is kept of a SKU is what its documents say now, and leads to the quote that a whole basket has."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from replica.core.base.errors import Invalid
from replica.core.base.limits import TOTAL_AMOUNT_MAX
from replica.core.catalog.offers import OFFERS_MAX
from replica.core.catalog.quotes import Occasion, QuotedLine, QuoteLine, UnpricedLine, quote_of_one
from replica.core.catalog.ranks import CHAIN_WIDE, REGION_RANK, STORE_RANK, Rank
from tests.core.catalog.shop import TUESDAY_NOON, Shop
from tests.core.catalog.test_validity import ms

EAST, STORE = (REGION_RANK, "east"), (STORE_RANK, "store-1")
MOMENTS = ["2026-12-01T11:59:59+01:00", TUESDAY_NOON, "2026-12-01T12:00:01+01:00", "2026-12-05T20:30:00+01:00"]

Write = tuple[str, Any, Rank]

moments = st.sampled_from(MOMENTS)
amounts = st.integers(0, 500)
prices = st.fixed_dictionaries(
    {"amount": amounts},
    optional={
        "per": st.sampled_from([1, 100]),
        "currency": st.sampled_from(["EUR", "CHF"]),
        "tax_inclusive": st.booleans(),
        "valid_from": moments,
        "scheduled": amounts.map(lambda amount: [{"amount": amount, "valid_from": "2027-01-01T00:00:00Z"}]),
    },
)
limits = st.fixed_dictionaries({"min": st.integers(0, 200), "max": st.integers(200, 500)})
benefits: st.SearchStrategy[dict[str, Any]] = st.sampled_from(
    [
        {"type": "percentage", "percent": 12.5},
        {"type": "amount_off", "amount": 30, "currency": "EUR"},
        {"type": "n_for_m", "take": 3, "pay": 2},
    ]
)
selectors: st.SearchStrategy[dict[str, Any]] = st.sampled_from(
    [{"all": True}, {"skus": ["cola"]}, {"skus": ["tea"]}, {"attributes": {"kind": "drink"}}]
)
promotions = st.fixed_dictionaries(
    {"benefit": benefits, "applies_to": selectors},
    optional={
        "combinable": st.just(True),
        "priority": st.integers(1, 3),
        "customer_groups": st.just(["member"]),
        "windows": st.just([{"days": ["sat"], "start": "20:00", "end": "22:00"}]),
        "valid_from": moments,
    },
)
ranks = st.sampled_from([CHAIN_WIDE, EAST, STORE])
writes: st.SearchStrategy[list[Write]] = st.lists(
    st.tuples(st.just("price"), prices, ranks)
    | st.tuples(st.just("limits"), limits, st.just(CHAIN_WIDE))
    | st.tuples(st.just("promotion"), promotions | st.none(), ranks)
    | st.tuples(st.just("kind"), st.sampled_from(["drink", "food"]), st.just(CHAIN_WIDE)),
    min_size=1,
    max_size=8,
)


def write(shop: Shop, kind: str, value: Any, rank: Rank) -> None:
    match kind:
        case "price":
            shop.price("cola", value, rank)
        case "limits":
            shop.price("cola", {"amount": 200, "override": value})
        case "kind":
            shop.sku("cola", {"kind": value})
        case _:
            shop.promotion(f"p-{rank[0]}", value, rank)


@given(writes, moments, st.integers(1, 400), st.sampled_from(["", "member"]))
def test_the_quote_of_one_sku_alone_is_that_of_its_basket_after_each_write(
    written: list[Write], at: str, quantity: int, group: str
) -> None:
    shop = Shop(at)
    for one in written:
        write(shop, *one)
        shop.quote(("cola", quantity), group=group)  # compares the two


def test_a_sku_without_a_price_has_none_alone_either() -> None:
    shop = Shop()
    line = quote_of_one(shop.offers, QuoteLine("cola", 1), Occasion("store-1", "east", 0, shop.zone))
    assert isinstance(line, UnpricedLine)


def test_one_sku_that_costs_more_than_the_greatest_total_is_refused() -> None:
    shop = Shop()
    shop.prices(cola=10**9)
    occasion = Occasion("store-1", "east", ms(TUESDAY_NOON), shop.zone)
    with pytest.raises(Invalid, match="cost more than"):
        quote_of_one(shop.offers, QuoteLine("cola", TOTAL_AMOUNT_MAX), occasion)


def test_an_offer_is_that_of_its_location() -> None:
    shop = Shop()
    shop.prices(cola=200)
    shop.price("cola", {"amount": 150}, STORE)
    found = []
    for location in ("store-1", "store-2"):
        line = quote_of_one(shop.offers, QuoteLine("cola", 1), Occasion(location, "east", ms(shop.at), shop.zone))
        assert isinstance(line, QuotedLine)
        found.append(line.net_amount)
    assert found == [150, 200]


def test_the_number_of_offers_that_are_kept_is_bounded() -> None:
    shop = Shop()
    shop.prices(cola=200)
    for number in range(OFFERS_MAX + 5):
        shop.offers.of(f"sku-{number}", "store-1", "east")
    assert len(shop.offers) == 5
