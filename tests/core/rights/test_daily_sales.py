"""Daily sales: the mean of the days before today, by location and item."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from replica.core.rights.daily_sales import DailySales
from replica.core.rights.forecast import DAYS_MAX, DAYS_MIN

SALES = st.lists(st.tuples(st.sampled_from("ab"), st.sampled_from("xy"), st.integers(0, 45), st.integers(-2, 9)))


def test_the_mean_counts_days_with_any_sale_and_not_today() -> None:
    sales = DailySales()
    sales.advance(10)
    for day in (5, 6, 8, 10):
        sales.note("a", "x", day, 3)
    sales.note("a", "y", 6, 1)
    assert (sales.milli("a", "x"), sales.milli("a", "y")) == (3_000, 333)
    sales.advance(11)
    assert (sales.milli("a", "x"), sales.milli("a", "y")) == (3_000, 250)


def test_a_location_with_too_few_days_is_not_known() -> None:
    sales = DailySales()
    sales.advance(10)
    sales.note("a", "x", 8, 9)
    sales.note("a", "x", 9, 9)
    assert not sales.is_known("a")
    assert sales.milli("a", "x") == 0
    sales.note("a", "y", 7, 1)
    assert sales.is_known("a")


@given(SALES, st.lists(st.integers(0, 50), max_size=4))
def test_figures_are_those_of_a_plain_count_whatever_the_order(
    noted: list[tuple[str, str, int, int]], todays: list[int]
) -> None:
    sales = DailySales()
    kept: list[tuple[str, str, int, int]] = []
    for index, one in enumerate(noted):
        if index < len(todays):
            sales.advance(todays[index])
        now = max([0, *todays[: index + 1]])
        kept += [one] if one[2] >= now - DAYS_MAX else []
        sales.note(*one)
    last = max([0, *todays])
    sales.advance(last)
    for location in "ab":
        counted = [one for one in kept if one[0] == location and last - DAYS_MAX <= one[2] < last]
        days = len({one[2] for one in counted})
        assert sales.is_known(location) == (days >= DAYS_MIN)
        for item in "xy":
            units = max(0, sum(one[3] for one in counted if one[1] == item))
            assert sales.milli(location, item) == (units * 1_000 // days if days >= DAYS_MIN else 0)
