"""Forecasts: the quantile of the sales in a slot on past days, compared with a simple calculation."""

from __future__ import annotations

from math import ceil

import pytest
from hypothesis import given
from hypothesis import strategies as st

from replica.core.rights import forecast
from replica.core.rights.forecast import DAYS_MAX, DAYS_MIN, SLOTS, Demand

MORNING = 17


def sold(*units: int, slot: int = MORNING, item: str = "cola") -> Demand:
    """Units sold in a slot, one number for each day from day 0 on. On every day another item was sold too."""
    demand = Demand()
    for day, number in enumerate(units):
        demand.note("bread", day * SLOTS, 1)
        if number:
            demand.note(item, day * SLOTS + slot, number)
    return demand


@pytest.mark.parametrize(
    ("units", "quantile_ppm", "forecast"),
    [
        ((8, 8, 8), 900_000, 8),
        ((1, 2, 3, 4, 5, 6, 7, 8, 9, 10), 900_000, 9),
        ((1, 2, 3, 4, 5, 6, 7, 8, 9, 10), 1_000_000, 10),
        ((1, 2, 3, 4, 5, 6, 7, 8, 9, 10), 1, 1),
        ((0, 0, 0, 9), 750_000, 0),
        ((0, 0, 0, 9), 750_001, 9),
        ((8, 8), 900_000, 0),
        ((), 900_000, 0),
    ],
)
def test_worked_examples_of_forecasts(units: tuple[int, ...], quantile_ppm: int, forecast: int) -> None:
    assert sold(*units).forecast("cola", len(units) * SLOTS + MORNING, quantile_ppm) == forecast


def test_other_slots_other_items_and_today_do_not_count() -> None:
    demand = sold(5, 5, 5)
    demand.note("cola", 3 * SLOTS + MORNING, 50)
    assert demand.forecast("cola", 3 * SLOTS + MORNING, 1_000_000) == 5
    assert demand.forecast("cola", 3 * SLOTS + MORNING + 1, 1_000_000) == 0
    assert demand.forecast("milk", 3 * SLOTS + MORNING, 1_000_000) == 0
    assert demand.forecast("cola", 4 * SLOTS + MORNING, 1_000_000) == 50


def test_days_without_any_sale_do_not_count() -> None:
    demand = Demand()
    for day in (0, 2, 4, 6):
        demand.note("cola", day * SLOTS + MORNING, 5)
    assert demand.forecast("cola", 7 * SLOTS + MORNING, 1) == 5


days = st.integers(0, DAYS_MAX + 5)


@given(
    st.lists(st.tuples(st.sampled_from(["cola", "milk"]), days, st.integers(15, 18), st.integers(1, 9)), max_size=80),
    days,
    st.integers(15, 18),
    st.integers(1, 1_000_000),
)
def test_in_any_order_of_sales_the_forecast_is_the_quantile_of_past_days(
    sales: list[tuple[str, int, int, int]], today: int, slot: int, quantile_ppm: int
) -> None:
    demand = Demand()
    for item, day, at, units in sales:
        demand.note(item, day * SLOTS + at, units)
    newest = max((day for _, day, _, _ in sales), default=0)
    kept = [sale for sale in sales if newest - DAYS_MAX <= sale[1]]
    open_days = sorted({day for _, day, _, _ in kept if today - DAYS_MAX <= day < today})
    of_day = [sum(units for item, on, at, units in kept if (item, on, at) == ("cola", day, slot)) for day in open_days]
    rank = max(1, ceil(len(of_day) * quantile_ppm / 1_000_000))
    expected = sorted(of_day)[rank - 1] if len(of_day) >= DAYS_MIN else 0
    assert demand.forecast("cola", today * SLOTS + slot, quantile_ppm) == expected


def test_sales_of_the_last_28_days_count_and_older_ones_are_forgotten() -> None:
    demand = sold(9, *[0] * (DAYS_MAX - 1))
    assert demand.forecast("cola", DAYS_MAX * SLOTS + MORNING, 1_000_000) == 9
    demand.note("bread", DAYS_MAX * SLOTS, 1)  # the first sale of a day changes nothing
    assert (
        demand.forecast("cola", DAYS_MAX * SLOTS + MORNING, 1_000_000) == 9
    )  # the first sale of a day changes nothing
    demand.note("bread", (DAYS_MAX + 1) * SLOTS, 1)
    assert demand.days == list(range(1, DAYS_MAX + 2))
    assert demand.forecast("cola", (DAYS_MAX + 1) * SLOTS + MORNING, 1_000_000) == 0


def test_a_sale_of_28_days_ago_still_counts_when_its_till_reports_it_late() -> None:
    demand = sold(*[0] * DAYS_MAX)
    demand.note("bread", DAYS_MAX * SLOTS, 1)
    demand.note("cola", MORNING, 9)
    assert demand.forecast("cola", DAYS_MAX * SLOTS + MORNING, 1_000_000) == 9


def test_each_item_and_slot_is_in_memory_once() -> None:
    assert len(sold(5, 5, 5)) == 6


def test_one_day_is_kept_however_much_was_sold_on_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(forecast, "CELLS_MAX", 10)
    demand = Demand()
    for day in range(2):
        for item in range(30):
            demand.note(f"item-{item}", day * SLOTS + MORNING, 1)
        assert (demand.days, len(demand)) == ([day], 30)


@pytest.mark.parametrize("cells_max", [90, 100])
def test_memory_is_bounded_and_the_oldest_days_go_first(monkeypatch: pytest.MonkeyPatch, cells_max: int) -> None:
    monkeypatch.setattr(forecast, "CELLS_MAX", cells_max)
    demand = Demand()
    for day in range(10):
        for item in range(30):
            demand.note(f"item-{item}", day * SLOTS + MORNING, 1)
            demand.note(f"item-{item}", day * SLOTS + MORNING, 1)
    assert len(demand) == 3 * 30
    assert demand.days == [7, 8, 9]
    for item in range(30):
        assert demand.forecast(f"item-{item}", 10 * SLOTS + MORNING, 1) == 2
        assert demand.forecast(f"item-{item}", 10 * SLOTS + MORNING, 1_000_000) == 2
