"""A hurricane with and without balancing plans."""

from __future__ import annotations

import pytest

from simulations.hurricane import Played, play


def missed_in_area(played: Played) -> int:
    return sum(shop.missed for shop in played.shops if shop.is_cut_off)


@pytest.mark.parametrize("seed", range(7, 12))
def test_plans_lose_fewer_goods_and_miss_fewer_sales_in_the_area(seed: int) -> None:
    without, planned = play(seed, plans=False), play(seed, plans=True)
    assert planned.total(lambda shop: shop.lost) < without.total(lambda shop: shop.lost) / 2
    assert missed_in_area(planned) < missed_in_area(without)


@pytest.mark.parametrize("plans", [False, True])
def test_no_unit_appears_or_vanishes(plans: bool) -> None:
    played = play(7, plans=plans)
    assert played.total(lambda shop: shop.units + shop.coming + shop.sold + shop.lost) == played.began_with


def test_equal_seeds_play_equal_days() -> None:
    assert play(7, plans=True) == play(7, plans=True)
