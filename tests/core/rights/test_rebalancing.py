"""Rebalancing: how many units nodes grant, request and pass on, and that the moves come to an end."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from replica.core.rights.allocation import online_units
from replica.core.rights.policies import Policy
from replica.core.rights.rebalancing import (
    KEPT,
    NO_RIGHTS,
    Hub,
    WantAnswer,
    answer_of_hub,
    answer_of_store,
    covers,
    deficit,
    parts_to_pass_on,
    settlement_rank,
    store_gap,
    units_to_fetch,
)
from tests.core.rights.test_policies import policies

HALF = Policy(mode="share", share_ppm=500_000)
BOTH_REGIONS = Policy(mode="share", regions_ppm={"east": 500_000, "west": 500_000})
WEST = Hub("hub-west", "west", True)


@pytest.mark.parametrize(
    ("policy", "own", "available", "gap"),
    [
        (None, 10, 10, 0),
        (None, -2, 8, 0),
        (Policy(mode="keep"), 10, 10, 0),
        (Policy(mode="keep"), 2, 10, -8),
        (Policy(mode="safety", safety_stock=4), 10, 10, 6),
        (Policy(mode="safety", safety_stock=4), 1, 7, 0),
        (Policy(mode="safety", safety_stock=4), 0, 6, -4),
        (Policy(mode="safety", safety_stock=4), -1, 5, 0),
        (HALF, 100, 100, 50),
        (HALF, 52, 100, 0),
        (HALF, 56, 100, 6),
        (HALF, 13, 100, 0),
        (HALF, 12, 100, -38),
        (Policy(mode="safety", safety_stock=4), 5, 10, 1),
    ],
)
def test_worked_examples_of_a_stores_gap(policy: Policy | None, own: int, available: int, gap: int) -> None:
    assert store_gap(policy, own, available) == gap


@pytest.mark.parametrize(
    ("policy", "wanted", "own", "elsewhere", "held_by_store", "fetched"),
    [
        (None, 4, 0, 10, 0, 4),
        (None, 1, 0, 10, 0, 1),
        (None, 4, 3, 10, 0, 4),
        (None, 4, 4, 10, 0, 0),
        (None, 40, 3, 10, 0, 13),
        (None, 4, 3, 0, 0, 0),
        (None, 4, -5, 2, 0, 2),
        (HALF, 48, 0, 98, 2, 48),
        (HALF, 60, 0, 98, 2, 48),
        (HALF, 60, 20, 78, 2, 48),
        (HALF, 10, 20, 78, 2, 0),
        (HALF, 60, 0, 40, 60, 0),
        (Policy(mode="keep"), 98, 0, 98, 2, 98),
        (Policy(mode="share", share_ppm=500_000, quantile_ppm=1), 98, 0, 98, 2, 98),
    ],
)
def test_a_hub_fetches_the_units_that_it_lacks_for_a_store(
    policy: Policy | None, wanted: int, own: int, elsewhere: int, held_by_store: int, fetched: int
) -> None:
    available = own + elsewhere + held_by_store
    assert units_to_fetch(policy, wanted, own, elsewhere, available, held_by_store) == fetched


@given(policies, st.integers(-20, 300), st.integers(0, 300))
def test_moving_a_gap_leaves_no_gap_and_takes_no_more_than_there_is(policy: Policy, own: int, others: int) -> None:
    available = own + others
    gap = store_gap(policy, own, available)
    assert gap <= max(0, own)
    if gap:
        assert store_gap(policy, own - gap, available) == 0
        assert own - gap == max(0, available) - online_units(policy, available)


def test_a_hub_fetches_no_more_than_there_is() -> None:
    assert (
        units_to_fetch(Policy(mode="safety", safety_stock=4), 9, own=1, elsewhere=1, available=10, held_by_store=0) == 2
    )


def test_a_hub_passes_on_the_share_of_another_region() -> None:
    free = {"store-1": 7, "hub-east": 10}
    assert parts_to_pass_on(BOTH_REGIONS, free, 17, "hub-east", "east", [WEST]) == {"hub-west": 5}


def regions(**shares_ppm: int) -> Policy:
    return Policy(mode="share", regions_ppm=shares_ppm)


@pytest.mark.parametrize(
    ("policy", "rights", "passed"),
    [
        (BOTH_REGIONS, {"hub-east": 10}, {"hub-west": 5}),
        (regions(west=1_000_000), {"hub-east": 10}, {"hub-west": 10}),
        (regions(west=1_000_000), {"hub-east": 1}, {"hub-west": 1}),
        (regions(east=300_000, west=300_000, north=400_000), {"hub-east": 10, "hub-west": 20}, {"hub-north": 1}),
        (
            regions(east=250_000, west=250_000, north=250_000, south=250_000),
            {"hub-east": 12, "hub-south": 20},
            {"hub-north": 4},
        ),
    ],
)
def test_a_hub_passes_on_what_it_has_beyond_the_share_of_its_own_region(
    policy: Policy, rights: dict[str, int], passed: dict[str, int]
) -> None:
    hubs = [WEST, Hub("hub-a", "east", True), Hub("hub-north", "north", True), Hub("hub-south", "south", True)]
    assert parts_to_pass_on(policy, rights, sum(rights.values()), "hub-east", "east", hubs) == passed


@pytest.mark.parametrize(
    ("policy", "free", "hubs"),
    [
        (None, {"hub-east": 10}, [WEST]),
        (HALF, {"hub-east": 10}, [WEST]),
        (BOTH_REGIONS, {"hub-east": 10}, []),
        (BOTH_REGIONS, {"hub-east": 10}, [Hub("hub-west", "west", False)]),
        (BOTH_REGIONS, {"hub-east": 5, "hub-west": 5}, [WEST]),
        (BOTH_REGIONS, {"hub-east": -3, "hub-west": 0}, [WEST]),
        (BOTH_REGIONS, {"hub-east": 10, "hub-east-2": 11}, [WEST, Hub("hub-east-2", "east", True)]),
    ],
)
def test_a_hub_keeps_units_that_no_reachable_hub_should_have(
    policy: Policy | None, free: dict[str, int], hubs: list[Hub]
) -> None:
    assert parts_to_pass_on(policy, free, 100, "hub-east", "east", hubs) == {}


def test_a_hub_passes_nothing_on_while_a_store_is_below_zero() -> None:
    free = {"store-1": -50, "hub-east": 10, "hub-west": 0}
    assert parts_to_pass_on(BOTH_REGIONS, free, -40, "hub-east", "east", [WEST]) == {}


@given(
    st.integers(0, 200),
    st.integers(0, 200),
    st.integers(0, 200),
    st.dictionaries(st.sampled_from(["east", "west", "north"]), st.integers(0, 333_333)),
)
def test_passing_on_takes_no_more_than_the_hub_has_and_comes_to_an_end(
    east: int, west: int, north: int, shares: dict[str, int]
) -> None:
    policy = Policy(mode="share", regions_ppm=shares)
    hubs = {"hub-east": "east", "hub-west": "west", "hub-north": "north"}
    free = {"hub-east": east, "hub-west": west, "hub-north": north}
    total, rounds = sum(free.values()), 0
    while rounds < 10:
        moved = False
        for name, region in hubs.items():
            others = [Hub(other, where, True) for other, where in hubs.items() if other != name]
            for to, units in parts_to_pass_on(policy, free, total, name, region, others).items():
                assert 0 < units <= free[name]
                free[name] -= units
                free[to] += units
                moved = True
        if not moved:
            break
        rounds += 1
    assert rounds <= 2
    assert sum(free.values()) == total


@pytest.mark.parametrize(
    ("policy", "wanted", "own", "available", "is_store", "held_by_store", "answer"),
    [
        (None, 5, 0, 9, False, None, WantAnswer(0, NO_RIGHTS)),
        (None, 5, -2, 9, False, 1, WantAnswer(0, NO_RIGHTS)),
        (None, 5, 3, 9, False, None, WantAnswer(3)),
        (None, 5, 1, 9, False, None, WantAnswer(1)),
        (None, 2, 3, 1, False, -2, WantAnswer(2)),
        (None, 5, 10, 10, True, None, WantAnswer(0, KEPT)),
        (Policy(mode="safety", safety_stock=4), 5, 7, 10, True, None, WantAnswer(3)),
        (Policy(mode="safety", safety_stock=4), 5, 4, 10, True, None, WantAnswer(0, KEPT)),
        (Policy(mode="safety", safety_stock=4), 4, 6, 6, False, 0, WantAnswer(4)),
        (Policy(mode="safety", safety_stock=4), 9, 6, 6, False, 0, WantAnswer(4)),
        (HALF, 9, 5, 10, False, 5, WantAnswer(0, KEPT)),
        (Policy(mode="keep"), 5, 3, 0, True, None, WantAnswer(3)),
        (Policy(mode="keep"), 5, 3, -2, True, None, WantAnswer(3)),
    ],
)
def test_worked_examples_of_answers_to_requests_for_rights(
    policy: Policy | None,
    wanted: int,
    own: int,
    available: int,
    is_store: bool,
    held_by_store: int | None,
    answer: WantAnswer,
) -> None:
    if is_store:
        assert answer_of_store(policy, wanted, own, available) == answer
    else:
        assert answer_of_hub(policy, wanted, own, available, held_by_store) == answer


@given(policies, st.integers(-20, 200), st.integers(0, 200))
def test_a_hub_with_the_same_view_grants_what_a_store_asks_for(policy: Policy, store: int, hub: int) -> None:
    available = store + hub
    gap = store_gap(policy, store, available)
    if gap < 0:
        answer = answer_of_hub(policy, -gap, hub, available, held_by_store=store)
        assert answer.granted == min(-gap, hub)


# ---------------------------------------------------------------------------------------------------------------------
# covering deficits

nodes = st.dictionaries(st.sampled_from(["hub-east", "hub-west", "store-1", "store-2"]), st.integers(-50, 50))


@pytest.mark.parametrize(
    ("free", "node", "granted", "rank"),
    [
        ({"store-1": -3, "hub-east": 5}, "hub-east", {"store-1": 3}, 0),
        ({"store-1": -7, "hub-east": 5}, "hub-east", {"store-1": 5}, 0),
        ({"store-1": -3, "hub-east": 5, "hub-west": 5}, "hub-west", {"store-1": 3}, 1),
        ({"hub-east": -1, "store-1": -9, "hub-west": 5}, "hub-west", {"hub-east": 1, "store-1": 4}, 0),
        ({"store-1": -3, "hub-east": 0}, "hub-east", {}, 0),
        ({"store-1": -3, "hub-east": -2}, "hub-east", {}, 0),
        ({"store-1": 3, "hub-east": 2}, "hub-east", {}, 1),
        ({"store-1": -3, "store-2": 1}, "hub-east", {}, 1),
        ({"store-1": -3, "hub-a": 0, "hub-east": 0}, "hub-east", {}, 0),
    ],
)
def test_worked_examples_of_covered_deficits(
    free: dict[str, int], node: str, granted: dict[str, int], rank: int
) -> None:
    assert covers(free, node) == granted
    assert settlement_rank(free, node) == rank


@given(nodes)
def test_nodes_with_one_view_take_turns_and_cover_exactly_the_deficit(free: dict[str, int]) -> None:
    lacking, there = deficit(free), sum(units for units in free.values() if units > 0)
    granted: dict[str, int] = {}
    while deficit(free) and any(units > 0 for units in free.values()):
        (first,) = [name for name, units in free.items() if units > 0 and settlement_rank(free, name) == 0]
        given = covers(free, first)
        assert given, "the first node has units to grant"
        for to, units in given.items():
            assert 0 < units <= -free[to]
            free[first] -= units
            free[to] += units
        granted[first] = granted.get(first, 0) + sum(given.values())
        assert len(granted) <= 4
    assert sum(granted.values()) == min(lacking, there)
    assert all(covers(free, name) == {} for name in free), "no node grants units back"


@given(nodes, st.data())
def test_a_node_covers_at_most_its_own_units_and_the_deficit_of_the_other(
    free: dict[str, int], data: st.DataObject
) -> None:
    if free:
        node = data.draw(st.sampled_from(sorted(free)))
        given = covers(free, node)
        assert sum(given.values()) <= max(0, free[node])
        assert all(units <= -free[to] for to, units in given.items())
