"""Bugs that are planted into balancing: the properties of plans catch each of them."""

from __future__ import annotations

import random
from collections.abc import Iterator, Sequence

import pytest

from replica.core.planning import balancing
from replica.core.planning.balancing import ItemPlan, Rules, spare_units
from replica.core.planning.cover import DAY, Place
from replica.core.planning.transport import cheapest_flow
from replica.core.rights.policies import Policy
from simulations.mutations.mutation import Edit, Mutation, planted, slip
from tests.core.planning.test_balancing import line
from tests.core.planning.test_transport import best_of_all

PLAN = "replica.core.planning.balancing"
COVER, AWAY, FLOW = (f"replica.core.planning.{name}" for name in ("cover", "distances", "transport"))

BUGS: dict[str, Edit] = {
    "spare-ignored": slip(f"{COVER}:Place.least", ("self.position - self.spare", "0")),
    "incoming-ignored": slip(f"{COVER}:Place.position", ("self.available + self.incoming", "self.available")),
    "capacity-ignored": slip(f"{PLAN}:_Planning._needs", ("min(cases, (place.most - has) // pack)", "cases")),
    "cases-split": slip(f"{PLAN}:_Planning._move", ("cases * self._rules.case_pack", "cases")),
    "farthest-first": slip(f"{AWAY}:Distances.nearest", ("(metres[other], other)", "(-metres[other], other)")),
    "given-twice": slip(f"{PLAN}:_lower", ("cases[number] -= by", "cases[number] -= min(by, 1)")),
    "first-path-only": slip(f"{FLOW}:cheapest_flow", ("while search", "if search")),
    "no-way-back": slip(f"{FLOW}:_Paths._steps", ("if self.flow[one]]", "if False]")),
    "safety-given-away": slip(f"{PLAN}:spare_units", ("available - kept", "available")),
    "others-rights-given": slip(f"{PLAN}:spare_units", ("min(free, available - kept)", "(available - kept)")),
    "promised-twice": slip(f"{PLAN}:spare_units", (") - leaving)", "))")),
    "area-keeps-units": slip(f"{PLAN}:evacuated", ("if is_inside:", "if False:")),
    "others-emptied": slip(f"{PLAN}:prestocked", ("place.position - wanted", "place.position")),
    "full-shops-give-last-units": slip(f"{PLAN}:last_units", ("place.position <= units", "True")),
}  # fmt: skip


def faults() -> Iterator[str]:
    """What is wrong with some plans."""
    dice = random.Random(7)
    for _ in range(200):
        places = [drawn(dice, at) for at in range(dice.randint(2, 5))]
        rules = Rules(dice.choice((1, 1, 3)), 28 * DAY, 0, dice.choice((12_000, 500_000)))
        yield from of_plan(places, rules, balancing.plan_item(places, rules, line(len(places)), cheapest_flow))
    yield from of_far_plan()
    yield from of_modes()
    for links, worth in (([(0, 0, 1), (0, 1, 2), (1, 0, 3)], 9), ([(0, 0, 1), (1, 1, 1)], 5)):
        flow = cheapest_flow([1, 1], [1, 1], links, worth)
        if sum((worth - cost) * units for (_, _, cost), units in zip(links, flow, strict=True)) < best_of_all(
            [1, 1], [1, 1], links, worth
        ):
            yield "a way that is worth less"


def drawn(dice: random.Random, at: int) -> Place:
    available = dice.randint(0, 30)
    return Place(
        at=at,
        available=available,
        spare=dice.randint(0, available),
        incoming=dice.choice((0, 0, 9)),
        sold_milli=dice.choice((100, 1_000, 3_000)),
        display=dice.choice((0, 2)),
        capacity=dice.choice((5, 7, 40)),
    )


def of_plan(places: Sequence[Place], rules: Rules, plan: ItemPlan) -> Iterator[str]:
    gives, gets = [0] * len(places), [0] * len(places)
    for move in plan.moves:
        gives[move.source] += move.quantity
        gets[move.target] += move.quantity
        if move.quantity % rules.case_pack:
            yield "a case that is split"
        if move.metres > rules.metres_max:
            yield "a way that is too far"
    for one, given_away, got in zip(places, gives, gets, strict=True):
        if given_away > one.spare:
            yield "more than may leave"
        if got and one.available + one.incoming + got > one.capacity:
            yield "more than there is room for"


def of_far_plan() -> Iterator[str]:
    """Many shops have some, and the nearest give."""
    places = [*[Place(at, 28, 28) for at in range(20)], Place(20, 0, 0, sold_milli=1_000)]
    plan = balancing.plan_item(places, Rules(), line(21), cheapest_flow)
    if [one.source for one in plan.moves] != [19]:
        yield "not the nearest one"


def of_modes() -> Iterator[str]:
    policy = Policy("safety", safety_stock=4)
    if (spare_units(9, 10, 2, policy, 0), spare_units(3, 10, 1, policy, 0)) != (4, 2):
        yield "units that must stay"
    inside, outside = Place(0, 9, 9, sold_milli=1_000), Place(1, 9, 9, sold_milli=1_000)
    if (balancing.evacuated(inside, is_inside=True).most, balancing.evacuated(outside, is_inside=False).spare) != (
        0,
        0,
    ):
        yield "an area that is not emptied"
    if balancing.prestocked(outside, 14 * DAY, 7 * DAY, is_inside=False).spare != 2:
        yield "others that are emptied"
    if balancing.last_units(inside, 2).spare:
        yield "last units of a full shop"


def test_without_a_bug_nothing_is_wrong() -> None:
    assert list(faults()) == []


@pytest.mark.parametrize("name", BUGS)
def test_a_planted_bug_is_caught(name: str) -> None:
    with planted(Mutation(name=name, breaks="", invariant=4, expected=(), edits=(BUGS[name],))):
        assert _is_caught()


def _is_caught() -> bool:
    try:
        return bool(list(faults()))
    except (AssertionError, ArithmeticError, LookupError, ValueError):
        return True
