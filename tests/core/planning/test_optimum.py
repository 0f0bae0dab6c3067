"""Orders of middle size, compared with the optimum of a mixed-integer solver. The benchmark compares 200 of them."""

from __future__ import annotations

from statistics import median

from benchmarks.optimum import cases, cheapest, gap_percent, gaps, nearest_first


def test_the_median_order_costs_at_most_one_percent_more_than_the_cheapest_way() -> None:
    chosen, nearest = gaps(20, seed=2)
    assert median(chosen) <= 1
    assert chosen[-1] <= 25
    assert median(nearest) > median(chosen)


def test_no_way_costs_less_than_what_the_solver_proves() -> None:
    for case in cases(8, seed=3):
        best = cheapest(case)
        for plan in (case.plan(), nearest_first(case)):
            assert not plan.short
            assert gap_percent(case.cost(plan), best) >= 0
