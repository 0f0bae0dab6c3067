"""Money: halves go up, and a split adds up to the minor unit."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from replica.core.catalog.money import distribute, half_up


@pytest.mark.parametrize(
    ("numerator", "denominator", "nearest"), [(0, 7, 0), (1, 2, 1), (3, 2, 2), (49, 100, 0), (50, 100, 1), (7, 3, 2)]
)
def test_a_half_goes_up(numerator: int, denominator: int, nearest: int) -> None:
    assert half_up(numerator, denominator) == nearest


def test_what_is_left_of_a_split_goes_to_the_largest_remainders_and_then_to_the_first() -> None:
    assert distribute(100, [1, 1, 1]) == [34, 33, 33]
    assert distribute(10, [5, 3, 3]) == [4, 3, 3]
    assert distribute(7, [10, 29, 61]) == [1, 2, 4]


def test_a_split_without_weights_is_nothing() -> None:
    assert distribute(0, [0, 0]) == [0, 0]
    assert distribute(0, []) == []


@given(st.lists(st.integers(0, 10**6), min_size=1, max_size=12), st.data())
def test_a_split_adds_up_and_no_part_is_more_than_its_weight(weights: list[int], data: st.DataObject) -> None:
    amount = data.draw(st.integers(0, sum(weights)))
    parts = distribute(amount, weights)
    assert sum(parts) == amount
    assert all(0 <= part <= weight for part, weight in zip(parts, weights, strict=True))
    whole = sum(weights) or 1
    assert all(abs(part * whole - amount * weight) < whole for part, weight in zip(parts, weights, strict=True))
