"""The cheapest flow: the most that units are worth, less what they cost; against all ways on small cases."""

from __future__ import annotations

from collections.abc import Sequence
from importlib.util import find_spec
from itertools import product

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hub.highs import HighsSolver
from replica.core.planning.transport import Link, Solver, cheapest_flow
from tests.components import skip_without

Problem = tuple[list[int], list[int], list[Link], int]


@st.composite
def problems(draw: st.DrawFn, most: int = 3, units: int = 3, links: int = 5) -> Problem:
    """A few supplies and needs, and links between some of them."""
    supplies = draw(st.lists(st.integers(0, units), min_size=1, max_size=most))
    needs = draw(st.lists(st.integers(0, units), min_size=1, max_size=most))
    pairs = draw(st.lists(st.sampled_from(list(product(range(len(supplies)), range(len(needs))))), max_size=links))
    costs = draw(st.lists(st.integers(0, 9), min_size=len(pairs), max_size=len(pairs)))
    return (
        supplies,
        needs,
        [(*pair, cost) for pair, cost in zip(dict.fromkeys(pairs), costs, strict=False)],
        draw(st.sampled_from((0, 5, 10, 100))),
    )


def fits(supplies: Sequence[int], needs: Sequence[int], links: Sequence[Link], flow: Sequence[int]) -> bool:
    """Whether nobody gives more than it has, and nobody gets more than it needs."""
    given_away, got = [0] * len(supplies), [0] * len(needs)
    for (supply, need, _), units in zip(links, flow, strict=True):
        given_away[supply] += units
        got[need] += units
    within = [*zip(given_away, supplies, strict=True), *zip(got, needs, strict=True)]
    return min(flow, default=0) >= 0 and all(used <= there for used, there in within)


def value_of(links: Sequence[Link], flow: Sequence[int], worth: int) -> int:
    """What the units that arrive are worth, less what they cost."""
    return sum((worth - cost) * units for (_, _, cost), units in zip(links, flow, strict=True))


def best_of_all(supplies: Sequence[int], needs: Sequence[int], links: Sequence[Link], worth: int) -> int:
    """The value of the best of all ways, by trying each."""
    ranges = [range(min(supplies[supply], needs[need]) + 1) for supply, need, _ in links]
    return max(value_of(links, flow, worth) for flow in product(*ranges) if fits(supplies, needs, links, flow))


@given(problems())
@settings(max_examples=300)
def test_no_other_way_is_better(problem: Problem) -> None:
    flow = cheapest_flow(*problem)
    assert fits(*problem[:3], flow)
    assert value_of(problem[2], flow, problem[3]) == best_of_all(*problem)


def test_a_dear_link_is_used_if_more_units_go_then() -> None:
    links = [(0, 0, 1), (0, 1, 2), (1, 0, 50)]
    assert cheapest_flow([2, 2], [2, 2], links, 100) == [0, 2, 2]
    assert cheapest_flow([2, 2], [2, 2], links, 50) == [2, 0, 0]


def test_units_that_went_along_a_link_may_be_sent_another_way() -> None:
    links = [(0, 0, 1), (0, 1, 2), (1, 0, 3)]
    assert cheapest_flow([1, 1], [1, 1], links, 9) == [0, 1, 1]


@pytest.fixture(scope="module")
def highs() -> Solver:
    if find_spec("highspy") is None:
        skip_without("highspy", "pip install 'shelfsync[balancing]'")
    return HighsSolver().solve


@given(problem=problems(most=30, units=20, links=120))
@settings(max_examples=100, deadline=None)
def test_both_solvers_find_ways_of_one_value(highs: Solver, problem: Problem) -> None:
    ours, theirs = cheapest_flow(*problem), highs(*problem)
    assert fits(*problem[:3], theirs)
    assert value_of(problem[2], theirs, problem[3]) == value_of(problem[2], ours, problem[3])
