"""Discounts: groups and bundles save what the best choice of units would save, and never more than there is."""

from __future__ import annotations

from itertools import combinations
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from replica.core.catalog.discounts import OpenLine, Taken, taken_by
from replica.core.catalog.ranks import STORE_RANK
from tests.core.catalog.test_promotion_index import promotion
from tests.core.catalog.test_promotions import EURO, bundle, document

Unit = tuple[str, int]
"""One unit: its SKU and its price."""


def line(sku: str, pieces: int, price: int) -> OpenLine:
    """A line of pieces of one price."""
    return OpenLine(sku, {}, pieces, pieces * price, per=1)


def saved(value: dict[str, Any], lines: list[OpenLine]) -> int:
    """What a promotion takes off some lines together."""
    return sum(one.discount for one in taken_by(promotion(value), lines))


def by_sku(taken: list[Taken]) -> dict[str, tuple[int, int]]:
    """The units and the discount of each line."""
    return {one.line.sku: (one.pieces, one.discount) for one in taken}


def most_saved(units: list[Unit], take: int, pay: int) -> int:
    """The most that any division of units into groups saves, by trying all."""
    if len(units) < take:
        return 0
    first, rest = units[0], units[1:]
    best = most_saved(rest, take, pay)
    for others in combinations(range(len(rest)), take - 1):
        group = sorted([first, *(rest[index] for index in others)], key=lambda unit: unit[1])
        left = [unit for index, unit in enumerate(rest) if index not in others]
        best = max(best, sum(price for _, price in group[: take - pay]) + most_saved(left, take, pay))
    return best


def units_of(lines: list[OpenLine]) -> list[Unit]:
    """Each unit of some lines."""
    return [(one.sku, one.amount // one.pieces) for one in lines for _ in range(one.pieces)]


baskets = st.lists(st.tuples(st.integers(1, 3), st.integers(0, 9)), min_size=1, max_size=3).map(
    lambda lines: [line(f"s-{index}", pieces, price) for index, (pieces, price) in enumerate(lines)]
)


@given(baskets, st.sampled_from([(2, 1), (3, 2), (3, 1), (4, 2)]))
def test_groups_save_the_most_that_any_division_saves(lines: list[OpenLine], group: tuple[int, int]) -> None:
    take, pay = group
    value = document(benefit={"type": "n_for_m", "take": take, "pay": pay})
    assert saved(value, lines) == most_saved(units_of(lines), take, pay)


@given(baskets, st.integers(1, 3), st.integers(0, 12), st.one_of(st.none(), st.integers(1, 2)))
def test_bundles_of_one_component_save_the_most_that_any_number_saves(
    lines: list[OpenLine], quantity: int, amount: int, max_uses: int | None
) -> None:
    value = bundle({"all": True})
    value["benefit"] |= {"amount": amount, "components": [{"quantity": quantity, "applies_to": {"all": True}}]}
    prices = sorted((price for _, price in units_of(lines)), reverse=True)
    most = len(prices) // quantity if max_uses is None else min(max_uses, len(prices) // quantity)
    best = max(sum(prices[: number * quantity]) - number * amount for number in range(most + 1))
    assert saved(value | ({} if max_uses is None else {"max_uses": max_uses}), lines) == best


@given(st.lists(st.integers(0, 9), max_size=4), st.lists(st.integers(0, 9), max_size=4), st.integers(0, 15))
def test_bundles_of_two_components_save_the_most_that_any_choice_saves(
    burgers: list[int], drinks: list[int], amount: int
) -> None:
    lines = [line(f"b-{at}", 1, price) for at, price in enumerate(burgers)]
    lines += [line(f"d-{at}", 1, price) for at, price in enumerate(drinks)]
    value = bundle(tuple(f"b-{at}" for at in range(4)), tuple(f"d-{at}" for at in range(4)))
    value["benefit"]["amount"] = amount
    pairs = list(zip(sorted(burgers, reverse=True), sorted(drinks, reverse=True), strict=False))
    best = max(sum(map(sum, pairs[:number])) - number * amount for number in range(len(pairs) + 1))
    assert saved(value, lines) == best


def test_a_group_takes_the_units_that_are_paid_too() -> None:
    value = document(benefit={"type": "n_for_m", "take": 3, "pay": 2})
    taken = taken_by(promotion(value), [line("a", 2, 300), line("b", 2, 200)])
    assert by_sku(taken) == {"a": (2, 0), "b": (1, 200)}


def test_a_basket_promotion_takes_all_units_that_it_concerns() -> None:
    value = document(benefit={"type": "threshold", "minimum": 1, **EURO, "amount": 1})
    taken = taken_by(promotion(value), [line("a", 2, 300), line("b", 2, 200)])
    assert by_sku(taken) == {"a": (2, 1), "b": (2, 0)}


def test_a_line_on_which_a_discount_is_nothing_uses_up_no_use() -> None:
    value = document(benefit={"type": "percentage", "percent": 10}, max_uses=1)
    taken = taken_by(promotion(value), [line("a", 1, 0), line("b", 1, 100)])
    assert by_sku(taken) == {"b": (1, 10)}
    half = document(benefit={"type": "percentage", "percent": 1}, max_uses=1)
    assert taken_by(promotion(half), [line("a", 1, 4)]) == []


def test_measured_goods_are_one_use() -> None:
    ham = OpenLine("ham_g", {}, 500, 1_000, per=1_000)
    value = document(benefit={"type": "percentage", "percent": 50}, max_uses=1)
    assert by_sku(taken_by(promotion(value), [line("a", 1, 900), ham])) == {"ham_g": (1, 500)}


def test_a_million_million_units_are_not_counted_one_by_one() -> None:
    million = 10**6
    lines = [line("a", million**2, 600), line("b", million**2 + 1, 100)]
    pairs = document(benefit={"type": "n_for_m", "take": 2, "pay": 1})
    assert saved(pairs, lines) == 300 * million**2 + 50 * million**2
    assert saved(bundle({"all": True}), lines) == 100 * million**2


def test_units_of_almost_one_price_are_told_apart() -> None:
    one, other = OpenLine("a", {}, 10**12, 10**12 + 1, per=1), OpenLine("b", {}, 10**12 - 1, 10**12, per=1)
    assert one.unit_price < other.unit_price


def test_a_discount_down_to_the_least_amount_is_not_limited() -> None:
    value = document(benefit={"type": "percentage", "percent": 10})
    for least_amount, is_limited in ((90, False), (91, True)):
        lines = [OpenLine("a", {}, 1, 100, per=1, least_amount=least_amount)]
        (taken,) = taken_by(promotion(value, rank=(STORE_RANK, "store-1")), lines)
        assert (taken.discount, taken.is_limited) == (100 - least_amount, is_limited)


def test_a_line_without_a_least_amount_may_cost_nothing() -> None:
    value = document(benefit={"type": "percentage", "percent": 100})
    (taken,) = taken_by(promotion(value, rank=(STORE_RANK, "store-1")), [line("a", 1, 100)])
    assert (taken.discount, taken.is_limited) == (100, False)
