"""Scarce goods by margin, and lower prices for goods that will not sell."""

from __future__ import annotations

from itertools import product

import pytest
from hypothesis import given
from hypothesis import strategies as st

from replica.core.planning.balancing import Rules, allocated, plan_item
from replica.core.planning.cover import DAY, Place, by_margin
from replica.core.planning.markdowns import markdown_of
from replica.core.planning.transport import cheapest_flow
from tests.core.planning.test_balancing import line

SHOPS = st.lists(
    st.builds(
        Place,
        at=st.just(0),
        available=st.integers(0, 3),
        spare=st.just(0),
        sold_milli=st.sampled_from((0, 1_000, 2_000)),
        capacity=st.sampled_from((2, 9)),
        margin=st.integers(0, 5),
    ),
    min_size=1,
    max_size=3,
)


@given(SHOPS, st.integers(0, 5))
def test_no_other_share_earns_more(shops: list[Place], units: int) -> None:
    source = allocated(Place(9, units, units), is_source=True)
    targets = by_margin([source, *shops], 2 * DAY).units
    most = [max(0, min(max(one.sold_milli * 2 // 1_000, one.available), one.most) - one.available) for one in shops]
    ways = [way for way in product(*(range(one + 1) for one in most)) if sum(way) <= units]
    best = max(sum(one.margin * number for one, number in zip(shops, way, strict=True)) for way in ways)
    gets = [target - one.position for one, target in zip(shops, targets[1:], strict=True)]
    assert sum(one.margin * number for one, number in zip(shops, gets, strict=True)) == best
    assert sum(targets) == units + sum(one.position for one in shops)
    assert all(0 <= got <= limit for got, limit in zip(gets, most, strict=True))


@pytest.mark.parametrize(("is_by_margin", "sent"), [(True, {1: 2, 2: 8}), (False, {1: 5, 2: 5})])
def test_scarce_goods_go_by_margin_or_evenly(is_by_margin: bool, sent: dict[int, int]) -> None:
    places = [Place(0, 10, 10), Place(1, 0, 0, sold_milli=1_000), Place(2, 0, 0, sold_milli=1_000, margin=7)]
    shared = [allocated(one, is_source=one.at == 0) for one in places]
    rules = Rules(enough=8 * DAY, tolerance_percent=0, is_by_margin=is_by_margin)
    assert {one.target: one.quantity for one in plan_item(shared, rules, line(3), cheapest_flow).moves} == sent


@pytest.mark.parametrize(
    ("cover", "least", "amount", "is_limited"),
    [
        (56, 0, None, False),
        (57, 0, 90, False),
        (113, 0, 80, False),
        (500, 0, 60, False),
        (None, 0, 50, False),
        (None, 70, 70, True),
        (None, 100, None, True),
    ],
)
def test_goods_that_last_too_long_get_cheaper_within_the_limits(
    cover: int | None, least: int, amount: int | None, is_limited: bool
) -> None:
    found = markdown_of(100, None if cover is None else cover * DAY, 56 * DAY, least)
    assert (found and found.amount) == amount
    assert found is None or (found.is_limited is is_limited and found.percent == 100 - found.amount)
