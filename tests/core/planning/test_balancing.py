"""Balancing plans: nothing is lost or taken that must stay, cover is evened, and no cheaper way has been missed."""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction

from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

from replica.core.catalog.locations import Point
from replica.core.planning.balancing import Rules, evacuated, last_units, plan_item, prestocked
from replica.core.planning.cover import DAY, NO_DISPLAY, Place, evened
from replica.core.planning.distances import Distances
from replica.core.planning.transport import cheapest_flow
from tests.core.planning.test_transport import best_of_all


def line(number: int) -> Distances:
    """Locations on the equator, about 11 km apart."""
    return Distances([Point(0.0, one / 10) for one in range(number)], 1_000_000)


@st.composite
def places(draw: st.DrawFn, most: int = 6, units: int = 40) -> list[Place]:
    """Some locations with stock, demand and bounds."""
    found = []
    for at in range(draw(st.integers(1, most))):
        available = draw(st.integers(-2, units))
        one = Place(
            at=at,
            available=available,
            spare=draw(st.integers(0, max(0, available))),
            incoming=draw(st.sampled_from((0, 0, 3, 12))),
            sold_milli=draw(st.sampled_from((0, 10, 333, 1_000, 2_500, 40_000))),
            display=draw(st.integers(0, 4)),
            capacity=draw(st.sampled_from((0, 5, 30, 1_000))),
        )
        found.append(one)
    return found


RULES = st.builds(
    Rules,
    case_pack=st.sampled_from((1, 1, 2, 6)),
    enough=st.sampled_from((0, 3 * DAY, 28 * DAY)),
    tolerance_percent=st.sampled_from((0, 10, 50)),
    metres_max=st.sampled_from((12_000, 25_000, 500_000)),
)


USUAL = Rules()


def planned(there: Sequence[Place], rules: Rules = USUAL) -> dict[tuple[int, int], int]:
    """The units of each pair of locations in a plan."""
    plan = plan_item(there, rules, line(len(there)), cheapest_flow)
    assert len({(one.source, one.target) for one in plan.moves}) == len(plan.moves)
    return {(one.source, one.target): one.quantity for one in plan.moves}


def flows(there: Sequence[Place], moves: dict[tuple[int, int], int]) -> tuple[list[int], list[int]]:
    """What each place gives, and gets."""
    gives = [sum(units for (source, _), units in moves.items() if source == one.at) for one in there]
    gets = [sum(units for (_, target), units in moves.items() if target == one.at) for one in there]
    return gives, gets


# ---------------------------------------------------------------------------------------------------------------------
# properties


@given(places(), RULES)
def test_nobody_gives_what_must_stay_or_gets_more_than_fits(there: list[Place], rules: Rules) -> None:
    moves = planned(there, rules)
    gives, gets = flows(there, moves)
    for one, given_away, got in zip(there, gives, gets, strict=True):
        assert given_away <= one.spare
        assert not got or one.position + got <= one.capacity
        assert not (given_away and got)
    for (source, target), units in moves.items():
        assert units > 0 and units % rules.case_pack == 0
        assert source != target
        assert abs(source - target) * 11_000 < rules.metres_max


@given(places(), RULES)
def test_equal_places_have_equal_plans(there: list[Place], rules: Rules) -> None:
    assert planned(there, rules) == planned(list(there), rules)


@given(places(most=8, units=200), st.sampled_from((0, 3 * DAY, 28 * DAY)))
def test_targets_have_one_level_within_the_bounds_of_each_place(there: list[Place], enough: int) -> None:
    targets = evened(there, enough)
    for one, units in zip(there, targets.units, strict=True):
        assert max(0, one.least) <= units or units == one.most
        assert units <= one.most

    def at(level: int) -> list[int]:
        wanted = [
            Fraction(one.display * (level + DAY), DAY)
            if level < 0
            else max(Fraction(one.display), Fraction(one.sold_milli * level, 1_000 * DAY))
            for one in there
        ]
        return [min(max(int(want), one.least), one.most) for one, want in zip(there, wanted, strict=True)]

    total = sum(one.position for one in there)
    below, above = at(targets.level), at(targets.level + 1)
    assert targets.level in (NO_DISPLAY, enough) or sum(below) <= total < sum(above)
    if targets.level < enough:
        assert all(low <= units <= high for low, units, high in zip(below, targets.units, above, strict=True))
    if sum(below) <= total:
        assert sum(targets.units) <= total


@given(places(most=5, units=4))
@settings(max_examples=200)
def test_no_other_way_is_worth_more(there: list[Place]) -> None:
    plain = [replace(one, display=0, available=max(0, one.available)) for one in there]
    rules = Rules(tolerance_percent=0)
    plan = plan_item(plain, rules, distances := line(len(plain)), cheapest_flow)
    surplus = [max(0, one.position - units) for one, units in zip(plain, plan.targets.units, strict=True)]
    needs = [
        min(max(0, units - one.position), max(0, one.most - one.position))
        for one, units in zip(plain, plan.targets.units, strict=True)
    ]
    links = [
        (source, target)
        for source, units in enumerate(surplus)
        for target, wanted in enumerate(needs)
        if units and wanted
    ]
    costs = [(source, target, distances.metres(source)[target] // 100) for source, target in links]
    worth = rules.metres_max // 100 + 1
    value = sum(one.quantity * (worth - one.metres // 100) for one in plan.moves)
    assert value == best_of_all(surplus, needs, costs, worth)


@given(places(), RULES)
def test_nobody_lacks_what_another_one_within_reach_can_spare(there: list[Place], rules: Rules) -> None:
    plan = plan_item(there, rules, distances := line(len(there)), cheapest_flow)
    gives, gets = flows(there, {(one.source, one.target): one.quantity for one in plan.moves})
    pack, part = rules.case_pack, rules.tolerance_percent
    for giver, given_away, target in zip(there, gives, plan.targets.units, strict=True):
        over = giver.position - target
        if over * 100 <= target * part or (over - given_away) < pack:
            continue
        for getter, got, wanted in zip(there, gets, plan.targets.units, strict=True):
            lacks = wanted - getter.position - got
            is_far = distances.metres(giver.at)[getter.at] > rules.metres_max
            is_full = getter.capacity - getter.position - got < pack
            is_near_enough = lacks * 100 < wanted * part or lacks * 2 < pack
            assert lacks <= 0 or is_far or is_full or is_near_enough


# ---------------------------------------------------------------------------------------------------------------------
# cases


def test_two_shops_that_sell_equally_get_equal_stock() -> None:
    assert planned([Place(0, 10, 10, sold_milli=1_000), Place(1, 0, 0, sold_milli=1_000)]) == {(0, 1): 5}


def test_a_shop_that_sells_three_times_as_much_gets_three_times_as_much() -> None:
    assert planned([Place(0, 40, 40, sold_milli=1_000), Place(1, 0, 0, sold_milli=3_000)]) == {(0, 1): 30}


def test_units_on_their_way_count_as_there() -> None:
    assert planned([Place(0, 10, 10, sold_milli=1_000), Place(1, 0, 0, incoming=10, sold_milli=1_000)]) == {}


def test_the_last_unit_goes_where_it_sells() -> None:
    remainders = [last_units(one, 2) for one in (Place(0, 1, 1, sold_milli=10), Place(1, 0, 0, sold_milli=300))]
    assert planned(remainders) == {(0, 1): 1}


def test_a_full_shop_gives_no_last_units() -> None:
    shops = [Place(0, 30, 30, sold_milli=10), Place(1, 0, 0, sold_milli=300)]
    assert planned([last_units(one, 2) for one in shops]) == {}


def test_a_display_is_filled_before_cover_is_evened() -> None:
    shops = [Place(0, 4, 4), Place(1, 0, 0, sold_milli=9_000), Place(2, 0, 0, display=4)]
    assert planned(shops) == {(0, 2): 4}


def test_too_few_units_are_shared_among_displays() -> None:
    shops = [Place(0, 4, 4, display=0), Place(1, 0, 0, display=4), Place(2, 0, 0, display=4)]
    assert planned(shops) == {(0, 1): 2, (0, 2): 2}


def test_only_whole_cases_move() -> None:
    shops = [Place(0, 20, 20, sold_milli=1_000), Place(1, 0, 0, sold_milli=1_000)]
    assert planned(shops, Rules(case_pack=6)) == {(0, 1): 6}


def test_shops_within_the_tolerance_neither_get_nor_give() -> None:
    shops = [Place(0, 11, 11, sold_milli=1_000), Place(1, 9, 9, sold_milli=1_000)]
    assert planned(shops) == {}
    assert planned(shops, Rules(tolerance_percent=5)) == {(0, 1): 1}
    assert planned(shops, Rules(tolerance_percent=0)) == {(0, 1): 1}


def test_the_nearest_shop_gives() -> None:
    shops = [Place(0, 60, 60), Place(1, 60, 60), Place(2, 0, 0, sold_milli=1_000)]
    assert planned(shops) == {(1, 2): 28}


def test_a_shop_takes_from_farther_away_what_the_nearest_do_not_have() -> None:
    shops = [*[Place(at, 1, 1) for at in range(30)], Place(30, 0, 0, sold_milli=1_000)]
    assert sum(planned(shops).values()) == 28


def test_an_area_is_emptied_to_where_goods_last_least() -> None:
    shops = [Place(0, 50, 45), Place(1, 9, 9, sold_milli=1_000), Place(2, 0, 0, sold_milli=1_000)]
    moved = [evacuated(one, is_inside=one.at == 0) for one in shops]
    assert planned(moved, Rules(tolerance_percent=0)) == {(0, 1): 18, (0, 2): 27}


def test_units_that_must_leave_go_where_there_is_room() -> None:
    shops = [Place(0, 50, 50), Place(1, 0, 0, capacity=20), Place(2, 0, 0, capacity=100)]
    assert planned([evacuated(one, is_inside=one.at == 0) for one in shops]) == {(0, 1): 20, (0, 2): 30}


def test_an_area_is_filled_and_the_others_keep_what_they_need() -> None:
    shops = [Place(0, 1, 1, sold_milli=2_000), Place(1, 30, 30, sold_milli=1_000)]
    moved = [prestocked(one, 14 * DAY, 7 * DAY, is_inside=one.at == 0) for one in shops]
    assert planned(moved, Rules(enough=0)) == {(1, 0): 23}
