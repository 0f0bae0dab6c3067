"""Shrink a failing plan to the parts that the failure needs.

Each round tries cuts, the large ones first: the time after the violation, faults (delta debugging), knobs, the core,
machines, clients, items, and the durations of faults. A cut stays if the same checker still finds a violation. Rounds
repeat until no cut helps, or until the budget is spent. So the remaining plan always fails.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from math import ceil
from typing import TypeVar

from msgspec import Struct
from msgspec.structs import replace

from simulations.outcome import Found
from simulations.plan import Fault, Plan, Setting
from simulations.scenario import WHO_MIN

T = TypeVar("T")

RUNS_MAX = 400
WALL_MAX_S = 120.0
"""The limits for shrinking one failure."""

MARGIN_S = 1.0
"""Time between the violation and the end of trade."""

SECONDS_MIN = 1.0
FAULT_MIN_S = 0.1
"""Minimum durations."""

Play = Callable[[Plan], Found | None]


class Shrunk(Struct, frozen=True):
    """A shrunk plan, its violation, and the number of runs."""

    plan: Plan
    found: Found
    runs: int


class Budget:
    """The runs and the time for shrinking."""

    def __init__(
        self, runs_max: int = RUNS_MAX, wall_max_s: float = WALL_MAX_S, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self.runs = 0
        self._runs_max, self._wall_max_s, self._clock = runs_max, wall_max_s, clock
        self._began_s = clock()

    @property
    def spent(self) -> float:
        """The used share of the budget."""
        return max(self.runs / self._runs_max, (self._clock() - self._began_s) / self._wall_max_s)

    @property
    def is_spent(self) -> bool:
        """Whether the budget is used up."""
        return self.spent >= 1.0


class Shrinker:
    """Makes a failing plan smaller."""

    def __init__(
        self, plan: Plan, found: Found, play: Play, budget: Budget, on_run: Callable[[int, Plan], None] | None = None
    ) -> None:
        self.plan = plan
        self.found = found
        self._play = play
        self._budget = budget
        self._on_run = on_run or (lambda runs, plan: None)

    def shrink(self) -> Shrunk:
        """Cut until no cut stays."""
        before = None
        while self.plan != before and not self._budget.is_spent:
            before = self.plan
            self._cut_end()
            self._cut_faults()
            self._cut_knobs()
            self._cut_once(replace(self.plan, core=()))
            self._cut_once(replace(self.plan, newer=()))
            for cuts in (_without_machine, _with_less_trade, _with_shorter_faults):
                self._cut_while(cuts)
        return Shrunk(self.plan, self.found, self._budget.runs)

    def _cut_once(self, plan: Plan) -> bool:
        """Take this plan if it fails too. Does not try the present plan, or any plan after the budget is spent."""
        if plan == self.plan or self._budget.is_spent:
            return False
        self._budget.runs += 1
        found = self._play(plan)
        self._on_run(self._budget.runs, self.plan)
        if found is None or found.checker != self.found.checker:
            return False
        self.plan, self.found = plan, found
        return True

    def _cut_while(self, cuts: Callable[[Plan], Iterator[Plan]]) -> None:
        """Try cuts of one kind until none of them stays."""
        while any(self._cut_once(plan) for plan in cuts(self.plan)):
            pass

    def _cut_end(self) -> None:
        """Remove everything after the violation, because it is no cause. Then try less time."""
        at_s = self.found.at_s
        if at_s < self.plan.seconds:
            faults = tuple(fault for fault in self.plan.faults if fault.at_s <= at_s)
            if not self._cut_once(replace(self.plan, faults=faults, seconds=round(at_s + MARGIN_S, 3))):
                self._cut_once(replace(self.plan, faults=faults))
        while self.plan.seconds > SECONDS_MIN and self._cut_once(_with_seconds(self.plan, self.plan.seconds / 2)):
            pass

    def _cut_faults(self) -> None:
        def fails_with(faults: Sequence[Fault]) -> bool:
            return self._cut_once(replace(self.plan, faults=tuple(faults)))

        minimize(self.plan.faults, fails_with)

    def _cut_knobs(self) -> None:
        """Set knobs back to their defaults."""

        def fails_with(knobs: Sequence[Setting]) -> bool:
            return self._cut_once(replace(self.plan, knobs=tuple(knobs)))

        minimize(self.plan.knobs, fails_with)


def minimize(items: Sequence[T], fails_with: Callable[[Sequence[T]], bool]) -> Sequence[T]:
    """Return a subset of the items that fails, from which no single item can go (delta debugging, Zeller 1999).

    Calls `fails_with` with proper subsets only.
    """
    if items and fails_with(()):
        return ()
    pieces = 2
    while len(items) > 1:
        size = ceil(len(items) / pieces)
        starts = range(0, len(items), size)
        left = next(
            (rest for start in starts if fails_with(rest := [*items[:start], *items[start + size :]])),
            None,
        )
        if left is not None:
            items, pieces = left, max(2, pieces - 1)
        elif size == 1:
            break
        else:
            pieces = min(len(items), pieces * 2)
    return items


def size_of(plan: Plan) -> str:
    """Describe the size of a plan."""
    counts = {"fault": len(plan.faults), "machine": len(plan.hubs) + len(plan.stores), "client": plan.trade.clients}
    parts = [f"{count} {name}{'' if count == 1 else 's'}" for name, count in counts.items()]
    return f"{', '.join(parts)} each, {plan.seconds:.4g} s"


# cuts ----------------------------------------------------------------------------------------------------------------


def _with_seconds(plan: Plan, seconds: float) -> Plan:
    seconds = round(max(SECONDS_MIN, seconds), 3)
    return replace(plan, seconds=seconds, faults=tuple(fault for fault in plan.faults if fault.at_s <= seconds))


def _without_machine(plan: Plan) -> Iterator[Plan]:
    """All plans with one machine less, stores first. One hub stays."""
    for store in plan.stores:
        yield _forget(replace(plan, stores=tuple(name for name in plan.stores if name != store)), store)
    for hub, _ in plan.hubs if len(plan.hubs) > 1 else ():
        yield _forget(replace(plan, hubs=tuple(one for one in plan.hubs if one[0] != hub)), hub)
    for name in plan.newer:
        yield replace(plan, newer=tuple(one for one in plan.newer if one != name))


def _forget(plan: Plan, gone: str) -> Plan:
    """Remove a machine from the rest of the plan, with faults that hit only this machine."""
    faults = []
    for fault in plan.faults:
        who = tuple(name for name in fault.who if name != gone)
        if who == fault.who or len(who) >= max(1, WHO_MIN.get(fault.kind, 0)):
            faults.append(replace(fault, who=who))
    core, newer = (tuple(name for name in names if name != gone) for names in (plan.core, plan.newer))
    return replace(plan, faults=tuple(faults), core=core if len(core) > 1 else (), newer=newer)


def _with_less_trade(plan: Plan) -> Iterator[Plan]:
    trade = plan.trade
    for field, least in (("clients", 1), ("items", 1), ("patience", 0)):
        value = getattr(trade, field)
        if value > least:
            yield replace(plan, trade=replace(trade, **{field: least}))
            yield replace(plan, trade=replace(trade, **{field: value - 1}))
    for field in ("theft", "repeat", "failover", "orders"):
        if getattr(trade, field):
            yield replace(plan, trade=replace(trade, **{field: 0.0}))


def _with_shorter_faults(plan: Plan) -> Iterator[Plan]:
    """All plans in which one fault hits fewer machines or ends sooner."""
    for index, fault in enumerate(plan.faults):
        if len(fault.who) > max(1, WHO_MIN.get(fault.kind, 0)):
            for name in fault.who:
                yield _with_fault(plan, index, replace(fault, who=tuple(one for one in fault.who if one != name)))
        if fault.for_s > FAULT_MIN_S:
            yield _with_fault(plan, index, replace(fault, for_s=round(max(FAULT_MIN_S, fault.for_s / 2), 3)))


def _with_fault(plan: Plan, index: int, fault: Fault) -> Plan:
    return replace(plan, faults=(*plan.faults[:index], fault, *plan.faults[index + 1 :]))
