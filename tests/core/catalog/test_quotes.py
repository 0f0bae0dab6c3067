"""Quotes: exact sums, nothing below zero, nothing above the list price, whatever the order of lines and documents."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from replica.core.base.errors import Invalid
from replica.core.base.limits import AMOUNT_MAX, TOTAL_AMOUNT_MAX
from replica.core.catalog.money import half_up
from replica.core.catalog.prices import EffectivePrice
from replica.core.catalog.quotes import Discount, Quote
from replica.core.catalog.ranks import CHAIN_WIDE, REGION_RANK, STORE_RANK, Source
from tests.core.catalog.shop import Shop
from tests.core.catalog.test_promotions import bundle, document

EAST, OWN = (REGION_RANK, "east"), (STORE_RANK, "store-1")
SKUS = ("cola", "wine", "bread", "ham_g")
Lines = Sequence[tuple[str, int]]
Documents = Sequence[tuple[str, dict[str, Any]]]

lines = st.lists(st.tuples(st.sampled_from(SKUS), st.integers(1, 7)), min_size=1, max_size=8)
amounts = st.one_of(st.integers(0, 12), st.integers(0, 1_000))
prices = st.fixed_dictionaries(dict.fromkeys(SKUS, amounts))
selectors = st.one_of(
    st.just({"all": True}),
    st.lists(st.sampled_from(SKUS), min_size=1, max_size=3, unique=True).map(lambda skus: {"skus": skus}),
    st.just({"attributes": {"brand": "acme"}}),
)
percents = st.integers(1, 10_000).map(lambda hundredths: hundredths / 100)
benefits = st.one_of(
    st.builds(lambda percent: {"type": "percentage", "percent": percent}, percents),
    st.builds(lambda off: {"type": "amount_off", "amount": off, "currency": "EUR"}, st.integers(1, 500)),
    st.builds(
        lambda pay, more: {"type": "n_for_m", "take": pay + more, "pay": pay}, st.integers(1, 3), st.integers(1, 2)
    ),
    st.builds(
        lambda least, percent: {"type": "threshold", "minimum": least, "currency": "EUR", "percent": percent},
        st.integers(1, 2_000),
        percents,
    ),
    st.builds(
        lambda least, off: {"type": "threshold", "minimum": least, "currency": "EUR", "amount": off},
        st.integers(1, 2_000),
        st.integers(1, 900),
    ),
)
bundles = st.one_of(
    st.just(bundle(("cola",), ("wine", "bread"))),
    st.just(bundle(("cola", "bread"))),
    st.just(bundle({"all": True})),
).flatmap(
    lambda value: st.integers(0, 900).map(lambda amount: {"benefit": {**value["benefit"], "amount": amount}}),
)
rules = st.fixed_dictionaries(
    {"combinable": st.booleans(), "priority": st.integers(0, 3)}, optional={"max_uses": st.integers(1, 3)}
)
promotions = st.builds(
    lambda base, rule: {**base, **rule},
    st.one_of(st.builds(lambda one, which: document(benefit=one, applies_to=which), benefits, selectors), bundles),
    rules,
)
documents = st.lists(promotions, max_size=5).map(lambda values: [(f"p-{at}", one) for at, one in enumerate(values)])


def shop_of(amounts: dict[str, int], promotions: Documents) -> Shop:
    """A shop with these prices, of which that of ham is for 10 g, and these promotions."""
    shop = Shop()
    for sku, amount in amounts.items():
        shop.price(sku, {"amount": amount, "per": 10 if sku == "ham_g" else 1})
        shop.sku(sku, {"brand": "acme" if sku in ("cola", "ham_g") else "other"})
    for promotion_id, value in promotions:
        shop.promotion(promotion_id, value)
    return shop


def quoted(amounts: dict[str, int], promotions: Documents, basket: Lines) -> Quote:
    """A quote of a shop with these documents."""
    return shop_of(amounts, promotions).quote(*basket)


def total(quote: Quote) -> int:
    """What a basket of one currency costs."""
    return sum(one.net_amount for one in quote.totals)


@given(prices, documents, lines)
def test_no_line_is_below_zero_or_above_its_list_amount(
    amounts: dict[str, int], promotions: Documents, basket: Lines
) -> None:
    for line in quoted(amounts, promotions, basket).lines:
        assert 0 <= line.net_amount <= line.list_amount
        assert all(one.amount > 0 and 0 < one.quantity <= line.quantity for one in line.discounts)


@given(prices, documents, lines)
def test_lines_and_discounts_add_up_to_the_totals(
    amounts: dict[str, int], promotions: Documents, basket: Lines
) -> None:
    quote = quoted(amounts, promotions, basket)
    (sums,) = quote.totals
    assert sums.list_amount == sum(line.list_amount for line in quote.lines)
    assert sums.net_amount == sum(line.net_amount for line in quote.lines)
    assert sums.discount_amount == sum(one.amount for line in quote.lines for one in line.discounts)
    assert sums.list_amount == sums.net_amount + sums.discount_amount


@given(prices, documents, lines, st.data())
def test_the_order_of_lines_and_their_division_do_not_matter(
    amounts: dict[str, int], promotions: Documents, basket: Lines, data: st.DataObject
) -> None:
    shop = shop_of(amounts, promotions)
    units = [(sku, 1) for sku, quantity in basket for _ in range(quantity)]
    quote = shop.quote(*basket)
    assert shop.quote(*data.draw(st.permutations(basket))) == quote
    assert shop.quote(*units) == quote


@given(prices, documents, lines, st.data())
def test_the_order_in_which_promotions_arrive_does_not_matter(
    amounts: dict[str, int], promotions: Documents, basket: Lines, data: st.DataObject
) -> None:
    def shown(quote: Quote) -> list[Any]:
        return [
            [line.sku, line.net_amount, [(one.promotion, one.amount, one.quantity) for one in line.discounts]]
            for line in quote.lines
        ]

    other = data.draw(st.permutations(promotions))
    assert shown(quoted(amounts, promotions, basket)) == shown(quoted(amounts, other, basket))


@given(prices, documents, lines, promotions)
def test_a_promotion_that_applies_last_never_raises_the_total(
    amounts: dict[str, int], promotions: Documents, basket: Lines, more: dict[str, Any]
) -> None:
    last = ("z", {**more, "combinable": True, "priority": 9})
    assert total(quoted(amounts, [*promotions, last], basket)) <= total(quoted(amounts, promotions, basket))


@given(prices, documents, lines)
def test_the_list_price_is_the_price_without_promotions(
    amounts: dict[str, int], promotions: Documents, basket: Lines
) -> None:
    assert quoted(amounts, promotions, basket).totals[0].list_amount == total(quoted(amounts, [], basket))


@given(prices, documents, lines)
def test_a_unit_that_an_exclusive_promotion_took_gets_no_other_one(
    amounts: dict[str, int], promotions: Documents, basket: Lines
) -> None:
    values = dict(promotions)
    for line in quoted(amounts, promotions, basket).lines:
        exclusive = [one.quantity for one in line.discounts if not values[one.promotion]["combinable"]]
        others = [one.quantity for one in line.discounts if values[one.promotion]["combinable"]]
        assert sum(exclusive) + max(others, default=0) <= line.quantity


@given(prices, documents, lines)
def test_each_discount_is_within_the_uses_of_its_promotion(
    amounts: dict[str, int], promotions: Documents, basket: Lines
) -> None:
    used: dict[str, int] = {}
    for line in quoted(amounts, promotions, basket).lines:
        for one in line.discounts:
            pieces = 1 if line.price.per > 1 else one.quantity
            used[one.promotion] = used.get(one.promotion, 0) + pieces
    for promotion_id, value in promotions:
        benefit = value["benefit"]
        match benefit["type"]:
            case "percentage" | "amount_off":
                size = 1
            case "n_for_m":
                size = benefit["take"]
            case "bundle":
                size = sum(one["quantity"] for one in benefit["components"])
            case _:
                continue
        assert used.get(promotion_id, 0) <= size * value.get("max_uses", 100)


minimums = st.dictionaries(st.sampled_from(SKUS), st.integers(0, 1_000), max_size=3)


@given(prices, minimums, documents, st.data(), lines)
def test_a_store_takes_a_line_no_lower_than_the_least_amount_of_the_chain(
    amounts: dict[str, int], least: dict[str, int], promotions: Documents, data: st.DataObject, basket: Lines
) -> None:
    shop = shop_of(amounts, [])
    for sku, amount in least.items():
        per = 10 if sku == "ham_g" else 1
        shop.price(sku, {"amount": amounts[sku], "per": per, "override": {"min": amount}})
    for promotion_id, value in promotions:
        shop.promotion(promotion_id, value, data.draw(st.sampled_from([CHAIN_WIDE, EAST, OWN])))
    for line in shop.quote(*basket).lines:
        left, bound = line.list_amount, half_up(least.get(line.sku, 0) * line.quantity, line.price.per)
        for one in line.discounts:
            left -= one.amount
            assert one.source.rank == "chain" or left >= bound
        assert left == line.net_amount >= 0


def test_a_discount_that_the_chain_limits_says_so() -> None:
    shop = Shop()
    shop.price("cola", {"amount": 199, "override": {"min": 150}})
    shop.promotion("half", document(benefit={"type": "percentage", "percent": 50}), OWN)
    ((discount,),) = [line.discounts for line in shop.quote(("cola", 1)).lines]
    assert discount.reason == "50 % off, down to the least amount that the chain allows"


def test_a_discount_says_which_promotion_gives_it_and_why() -> None:
    shop = Shop()
    shop.prices(cola=200)
    shop.promotion("sale", document(benefit={"type": "percentage", "percent": 50}, max_uses=2))
    written = shop.promotion("sale", document(benefit={"type": "percentage", "percent": 25}), (STORE_RANK, "store-1"))
    (line,) = shop.quote(("cola", 3)).lines
    assert line.price == EffectivePrice(200, "EUR", 1, True, Source("chain", 1))
    assert line.discounts == (Discount("sale", 150, 3, "25 % off", Source("store", written.version, "store-1")),)
    (other,) = shop.quote(("cola", 3), location="store-2").lines
    assert other.discounts[0].amount == 200


def test_a_region_has_promotions_of_its_own() -> None:
    shop = Shop()
    shop.prices(cola=200)
    shop.promotion("sale", document(), (REGION_RANK, "east"))
    assert shop.net(("cola", 1)) == 160
    assert shop.net(("cola", 1), location="store-2", region="west") == 200


def test_a_promotion_that_was_cleared_applies_no_more() -> None:
    shop = Shop()
    shop.prices(cola=200)
    shop.promotion("sale", document())
    shop.promotion("sale", None)
    assert shop.net(("cola", 1)) == 200


def test_a_line_without_a_price_is_listed_with_the_reason() -> None:
    shop = Shop()
    shop.price("cola", {"amount": 200, "valid_from": "2027-01-01T00:00:00Z"})
    quote = shop.quote(("wine", 1), ("cola", 2))
    assert (quote.lines, quote.totals) == ((), ())
    assert [(line.sku, line.quantity) for line in quote.unpriced] == [("cola", 2), ("wine", 1)]
    assert [one.why for line in quote.unpriced for one in line.why.others] == ["not-yet-valid"]


def test_amounts_of_two_currencies_or_with_and_without_tax_are_not_added() -> None:
    shop = Shop()
    shop.price("cola", {"amount": 200})
    shop.price("wine", {"amount": 900, "currency": "CHF"})
    shop.price("book", {"amount": 700, "tax_inclusive": False})
    shop.promotion("sale", document(benefit={"type": "threshold", "minimum": 300, "currency": "EUR", "amount": 100}))
    totals = shop.quote(("cola", 1), ("wine", 1), ("book", 1)).totals
    assert [(one.currency, one.tax_inclusive, one.net_amount) for one in totals] == [
        ("CHF", True, 900),
        ("EUR", False, 600),
        ("EUR", True, 200),
    ]


def test_a_total_says_what_is_paid_in_cash() -> None:
    shop = Shop()
    shop.price("cola", {"amount": 199, "currency": "CHF"})
    (sums,) = shop.quote(("cola", 1)).totals
    assert (sums.net_amount, sums.cash_amount) == (199, 200)


def test_lines_that_cost_more_than_any_total_are_refused() -> None:
    shop = Shop()
    shop.prices(car=AMOUNT_MAX)
    assert shop.net(("car", TOTAL_AMOUNT_MAX // AMOUNT_MAX)) <= TOTAL_AMOUNT_MAX
    with pytest.raises(Invalid) as refused:
        shop.quote(("car", TOTAL_AMOUNT_MAX // AMOUNT_MAX + 1))
    assert refused.value.field == "lines"


def test_a_scheduled_price_and_a_promotion_begin_without_a_new_document() -> None:
    late = "2026-12-02T00:00:00+01:00"
    before, after = Shop("2026-12-01T23:59:59.999+01:00"), Shop(late)
    for shop in (before, after):
        shop.price("cola", {"amount": 200, "scheduled": [{"amount": 300, "valid_from": late}]})
        shop.promotion("sale", document(valid_from=late))
    assert (before.net(("cola", 1)), after.net(("cola", 1))) == (200, 240)


@pytest.mark.parametrize(
    ("at", "net"),
    [
        ("2026-03-29T01:59:59+01:00", 200),
        ("2026-03-29T03:00:00+02:00", 200),
        ("2026-10-25T02:30:00+02:00", 160),
        ("2026-10-25T02:30:00+01:00", 160),
        ("2026-10-25T03:00:00+01:00", 200),
        ("2028-02-27T02:59:59+01:00", 160),
    ],
)
def test_a_window_at_night_follows_the_clock_of_the_store(at: str, net: int) -> None:
    shop = Shop(at, ZoneInfo("Europe/Berlin"))
    shop.prices(cola=200)
    shop.promotion("night", document(windows=[{"start": "02:00", "end": "03:00", "days": ["sun"]}]))
    assert shop.net(("cola", 1)) == net


def test_no_promotion_applies_outside_the_calendar() -> None:
    shop = Shop("9999-12-31T23:59:59Z", ZoneInfo("Asia/Shanghai"))
    shop.prices(cola=200)
    shop.promotion("sale", document())
    assert shop.net(("cola", 1)) == 200


def test_promotions_for_other_goods_are_not_even_looked_at() -> None:
    shop = Shop()
    shop.prices(cola=200)
    for number in range(200):
        shop.promotion(f"p-{number}", document(applies_to={"skus": [f"wine-{number}"]}, priority=number))
        shop.promotion(f"a-{number}", document(applies_to={"attributes": {"brand": number}}, priority=number))
    assert shop.promotions.applying([("cola", {"brand": "acme"})], ((0, ""),)) == []
    assert shop.net(("cola", 1)) == 200
