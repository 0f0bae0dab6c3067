"""Sets of locations: each that is found has enough of each need, and small ones are compared with all sets."""

from __future__ import annotations

from itertools import combinations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from replica.core.planning.location_sets import LocationSets

Drawn = tuple[list[int], list[tuple[int, list[int]]]]


@st.composite
def drawn(draw: st.DrawFn, most: int = 10, quantity: int = 400) -> Drawn:
    """What is needed, and some locations with their costs and what they have."""
    wanted = draw(st.lists(st.integers(1, quantity), min_size=1, max_size=5))
    units = st.tuples(*(st.integers(0, one) for one in wanted)).map(list)
    found = draw(st.lists(st.tuples(st.integers(0, 99), units), min_size=1, max_size=most))
    return wanted, sorted(found, key=lambda one: one[0])


def sets_of(case: Drawn) -> LocationSets:
    return LocationSets(case[0], [has for _, has in case[1]], [cost for cost, _ in case[1]])


def covers(case: Drawn, some: tuple[int, ...] | list[int]) -> bool:
    return all(sum(case[1][one][1][place] for one in some) >= number for place, number in enumerate(case[0]))


def cost(case: Drawn, some: tuple[int, ...] | list[int]) -> int:
    return sum(case[1][one][0] for one in some)


@given(drawn())
def test_small_sets_are_all_that_suffice_the_cheapest_first(case: Drawn) -> None:
    found = sets_of(case).small_sets(4, 3, 0)
    count = len(case[1])
    expected = [
        some
        for size, of in ((2, 4), (3, 3))
        for some in combinations(range(min(of, count)), size)
        if covers(case, some)
    ]
    assert sorted(found) == sorted(expected)
    assert [cost(case, some) for some in found] == sorted(cost(case, some) for some in found)


@given(drawn(most=6))
def test_all_sets_are_looked_at_if_there_are_few_locations(case: Drawn) -> None:
    found = sets_of(case).small_sets(0, 0, 6)
    sizes = range(2, len(case[1]) + 1)
    assert sorted(found) == sorted(
        some for size in sizes for some in combinations(range(len(case[1])), size) if covers(case, some)
    )


@given(drawn())
def test_each_cheap_set_suffices_and_needs_each_of_its_locations(case: Drawn) -> None:
    found = list(sets_of(case).cheap_sets())
    assert bool(found) == covers(case, range(len(case[1])))  # type: ignore[arg-type]
    for some in found:
        assert covers(case, some)
        assert len(dict.fromkeys(some)) == len(some)
        assert not any(covers(case, [one for one in some if one != idle]) for idle in some)


@given(drawn(most=7, quantity=3))
def test_the_cheapest_of_few_locations_is_seldom_missed_by_much(case: Drawn) -> None:
    found = list(sets_of(case).cheap_sets())
    if not found:
        return
    places = range(len(case[1]))
    every = [some for size in places for some in combinations(places, size + 1) if covers(case, some)]
    best = min(cost(case, some) for some in every)
    assert min(cost(case, some) for some in found) <= 2 * best + 10


@pytest.mark.parametrize("quantity", [1, 127, 128, 40_000, 1 << 20, 1_000_000_000])
def test_sums_of_many_large_quantities_do_not_run_into_each_other(quantity: int) -> None:
    """Each field is as wide as the sum of what all locations have."""
    case = ([quantity, quantity], [(1, [quantity, 0])] * 40 + [(2, [0, quantity - 1]), (3, [0, 1])])
    (some, *_) = sets_of(case).cheap_sets()
    assert covers(case, some)
    assert not sets_of((case[0], case[1][:41])).small_sets(42, 42, 0)
