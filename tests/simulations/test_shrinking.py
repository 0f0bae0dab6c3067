"""Shrinking, with predicates whose smallest failing plan is known."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import pytest

from simulations.draw import draw_plan
from simulations.outcome import Found
from simulations.plan import Fault, Plan, Trade
from simulations.shrinking import Budget, Shrinker, Shrunk, minimize

LARGE = Plan(
    seed=1,
    seconds=60.0,
    hubs=(("hub-east", "east"), ("hub-west", "west"), ("hub-north", "north")),
    stores=("store-1", "store-2", "store-3"),
    newer=("store-1", "hub-west"),
    trade=Trade(clients=3, items=4),
    faults=tuple(Fault(kind="kill", at_s=float(at), for_s=8.0, who=("store-1", "hub-east")) for at in range(20)),
    core=("hub-east", "hub-west"),
)

NOW = 5.0


def shrunk(plan: Plan, fails: Callable[[Plan], bool], runs_max: int = 1_000, checker: str = "FloorChecker") -> Shrunk:
    """Shrink a plan that fails with this predicate."""

    def play(one: Plan) -> Found | None:
        return Found(checker, 4, "below zero", NOW) if fails(one) else None

    return Shrinker(plan, Found("FloorChecker", 4, "below zero", NOW), play, Budget(runs_max)).shrink()


def test_unneeded_parts_of_a_plan_go() -> None:
    left = shrunk(LARGE, lambda plan: True).plan
    assert (left.faults, left.stores, left.core, left.newer) == ((), (), (), ())
    assert (len(left.hubs), left.trade.clients, left.trade.items, left.seconds) == (1, 1, 1, 1.0)


def test_needed_parts_of_a_plan_stay() -> None:
    needed = LARGE.faults[3]

    def fails(plan: Plan) -> bool:
        kept = [fault for fault in plan.faults if fault.at_s == needed.at_s]
        return bool(kept) and "store-1" in kept[0].who and kept[0].for_s >= 2 and len(plan.hubs) >= 2

    left = shrunk(LARGE, fails).plan
    assert left.faults == (Fault(kind="kill", at_s=needed.at_s, for_s=2.0, who=("store-1",)),)
    assert left.stores == ("store-1",)
    assert len(left.hubs) == 2


def test_a_removed_machine_is_mentioned_nowhere() -> None:
    seen: list[Plan] = []
    shrunk(LARGE, lambda plan: bool(seen.append(plan)) or len(plan.stores) < 2 or len(plan.hubs) < 3)
    for plan in seen:
        names = [name for name, _ in plan.hubs] + list(plan.stores)
        mentioned = [*plan.core, *plan.newer, *(name for fault in plan.faults for name in fault.who)]
        assert set(mentioned) <= set(names)


def test_a_violation_of_another_checker_is_another_failure() -> None:
    assert shrunk(LARGE, lambda plan: True, checker="TruthChecker").plan == LARGE


def test_the_bound_on_runs_holds_and_the_shrunk_plan_fails() -> None:
    tried: list[bool] = []

    def fails(plan: Plan) -> bool:
        tried.append(len(plan.faults) >= 7)
        return tried[-1]

    left = shrunk(LARGE, fails, runs_max=9)
    assert left.runs == len(tried) == 9
    assert len(left.plan.faults) >= 7


def test_the_bound_on_time_holds() -> None:
    clock = iter(range(1_000))
    budget = Budget(1_000, 20.0, lambda: float(next(clock)))
    Shrinker(LARGE, Found("FloorChecker", 4, "", NOW), lambda plan: None, budget).shrink()
    assert 0 < budget.runs < 20


@pytest.mark.parametrize("seed", range(5))
def test_a_drawn_plan_shrinks_to_the_one_fault_that_fails(seed: int) -> None:
    plan = draw_plan(seed)
    kind = plan.faults[0].kind
    left = shrunk(plan, lambda one: any(fault.kind == kind for fault in one.faults)).plan
    assert [fault.kind for fault in left.faults] == [kind]


@pytest.mark.parametrize("needed", [(), (0,), (7,), (0, 7), (1, 2, 6), (0, 1, 2, 3, 4, 5, 6, 7)])
def test_minimize_finds_the_items_that_are_needed(needed: tuple[int, ...]) -> None:
    asked: list[Sequence[int]] = []

    def fails_with(items: Sequence[int]) -> bool:
        asked.append(items)
        return all(one in items for one in needed)

    assert tuple(minimize(tuple(range(8)), fails_with)) == needed
    assert all(len(items) < 8 for items in asked)
