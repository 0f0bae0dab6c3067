"""Measures and prices of barcodes in the units of items and currencies."""

from __future__ import annotations

import pytest

from replica.core.catalog.measures import Measure, PrintedPrice


@pytest.mark.parametrize(
    ("measure", "unit", "units"),
    [
        (Measure(1750, 3, "KGM"), "GRM", 1750),
        (Measure(25, 1, "KGM"), "KGM", 3),
        (Measure(24, 1, "KGM"), "KGM", 2),
        (Measure(12345, 4, "KGM"), "GRM", 1235),
        (Measure(1, 0, "LBR"), "GRM", 454),
        (Measure(750, 3, "LTR"), "MLT", 750),
        (Measure(2500, 3, "MTR"), "CMT", 250),
        (Measure(15, 1, "MTK"), "DMK", 150),
        (Measure(1, 0, "KGM"), "EA", None),
        (Measure(1, 0, "KGM"), "LTR", None),
        (Measure(1, 0, "EA"), "PR", None),
    ],
)
def test_a_measure_in_another_unit_is_rounded_to_the_nearest(measure: Measure, unit: str, units: int | None) -> None:
    assert measure.units(unit) == units


@pytest.mark.parametrize(
    ("amount", "decimals", "units"),
    [
        (PrintedPrice(1234, 2), 2, 1234),
        (PrintedPrice(123, 1), 2, 1230),
        (PrintedPrice(1200, 2), 0, 12),
        (PrintedPrice(1200, 3), 2, 120),
        (PrintedPrice(1250, 2), 0, None),
    ],
)
def test_a_price_is_in_minor_units_or_not_at_all(amount: PrintedPrice, decimals: int, units: int | None) -> None:
    assert amount.minor_units(decimals) == units
