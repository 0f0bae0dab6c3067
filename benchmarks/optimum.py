"""How much more than the cheapest of all ways an order costs, by the chosen locations and by nearest first.

The cheapest way is what a mixed-integer solver (HiGHS) finds and proves. It takes too long for an order, so it is the
yardstick only. `cases` draws orders of middle size: a dozen to three dozen locations, and up to two dozen lines.
"""

from __future__ import annotations

import random
from collections.abc import Iterator, Mapping
from typing import Any

import highspy
from msgspec import Struct

from benchmarks.measure import Bench, Measured, Sample, apart, quantile
from benchmarks.nearest_first import NearestFirst
from replica.core.orders.sourcing import Rights, SourcingPlan, WantedLine
from replica.core.planning.candidates import Candidate
from replica.core.planning.sourcing import DeliverySources

CASES = 200
SOLVED_MAX_S = 60.0
"""The solver may take so long for one case. All but the hardest take less than a second."""


class Case(Struct, frozen=True):
    """One order, the locations that may send it, and what they have."""

    lines: tuple[WantedLine, ...]
    candidates: tuple[Candidate, ...]
    stock: Mapping[tuple[str, str], int]

    def units(self, location: str, item: str) -> int:
        """Units of an item at a location."""
        return self.stock.get((location, item), 0)

    def plan(self) -> SourcingPlan:
        """How this order is sent."""
        return DeliverySources(self.candidates).choose(self.units, self.lines)

    def cost(self, plan: SourcingPlan) -> int:
        """What a way to send it costs."""
        return sum(DeliverySources(self.candidates).cost_of(self.units, self.lines, plan).values())


def cases(count: int, seed: int = 1) -> Iterator[Case]:
    """Draw orders that the locations have enough of, each a different mix of stock, distances and lines."""
    dice = random.Random(seed)
    while count:
        case = _drawn(dice)
        if not case.plan().short:
            count -= 1
            yield case


def _drawn(dice: random.Random) -> Case:
    names = [f"l-{number}" for number in range(dice.randint(12, 36))]
    items = [f"i-{number}" for number in range(40)]
    has_percent, last_units = dice.choice((15, 30, 60, 90)), dice.choice((0, 0, 2))
    stock = {(name, item): dice.randint(1, 9) for name in names for item in items if dice.random() * 100 < has_percent}
    candidates = []
    for name in names:
        parts = {
            "split": 500,
            "priority": dice.choice((0, 0, 0, 2_000)),
            "distance": dice.randint(1, 1_500),
            "unheard": dice.choice((0, 0, 0, dice.randint(1, 480))),
        }
        is_store = dice.random() < 0.5
        one = Candidate(
            location=name,
            cost=sum(parts.values()),
            parts=parts,
            dispatch_ms=0,
            last_units=last_units if is_store else 0,
            last_unit=50,
            distance_km=float(parts["distance"]),
        )
        candidates.append(one)
    candidates.sort(key=lambda one: (one.cost, one.location))
    skus = dice.sample(items, dice.randint(4, 24))
    lines = [WantedLine(index, sku, ((sku, 1),), dice.randint(1, 6), None) for index, sku in enumerate(skus)]
    if dice.random() < 0.25:  # a bundle shares its items with lines
        lines.append(WantedLine(len(lines), "bundle", ((skus[0], 1), (skus[1], 2)), dice.randint(1, 2), None))
    return Case(tuple(lines), tuple(candidates), stock)


def cheapest(case: Case) -> int:
    """The cost of the cheapest way of all. Raises RuntimeError if the solver does not prove it in time."""
    model: Any = highspy.Highs()  # type: ignore[no-untyped-call, unused-ignore]
    model.silent()
    model.setOptionValue("threads", 1)
    model.setOptionValue("time_limit", SOLVED_MAX_S)
    model.setOptionValue("mip_rel_gap", 0.0)
    sent: dict[int, list[Any]] = {line.index: [] for line in case.lines}
    for one in case.candidates:
        rights = Rights(case.units)
        used: dict[str, list[Any]] = {}
        is_used = None
        for line in case.lines:
            most = min(line.quantity, rights.covers(one.location, line))
            if most <= 0:
                continue
            if is_used is None:
                is_used = model.addBinary(obj=one.cost)
            quantity = model.addIntegral(lb=0, ub=most)
            model.addConstr(quantity <= most * is_used)
            sent[line.index].append(quantity)
            for item, number in line.recipe:
                used.setdefault(item, []).append(number * quantity)
        for item, parts in used.items():
            units = model.qsum(parts)
            there = case.units(one.location, item)
            if len(parts) > 1:
                model.addConstr(units <= there)
            if one.last_units:
                last = model.addVariable(lb=0, obj=one.last_unit)
                model.addConstr(last >= units - max(0, there - one.last_units))
    for line in case.lines:
        model.addConstr(model.qsum(sent[line.index]) == line.quantity)
    model.minimize()
    if model.getModelStatus() != highspy.HighsModelStatus.kOptimal:
        raise RuntimeError(f"the solver ended with {model.getModelStatus()}")
    return round(float(model.getObjectiveValue()))


def nearest_first(case: Case) -> SourcingPlan:
    """How a shop sends the order that takes each line from the nearest location that has some of it."""
    return NearestFirst(DeliverySources(case.candidates)).choose(case.units, case.lines)


def gap_percent(found: int, best: int) -> float:
    """By how many percent a cost is over the least one."""
    return 100 * (found - best) / best if best else 0.0


def gaps(count: int, seed: int = 1) -> tuple[list[float], list[float]]:
    """The gaps of some cases, in order: of the chosen ways, and of nearest first."""
    chosen, nearest = list[float](), list[float]()
    for case in cases(count, seed):
        best = cheapest(case)
        chosen.append(gap_percent(case.cost(case.plan()), best))
        nearest.append(gap_percent(case.cost(nearest_first(case)), best))
    return sorted(chosen), sorted(nearest)


def measure_optimum(bench: Bench) -> Iterator[Sample]:
    """One round. The cases are the same in each."""
    for case, figures in apart(_measured, bench.sized(CASES, CASES // 10)).items():
        yield Sample(case, figures)


def _measured(count: int) -> dict[str, Measured]:
    chosen, nearest = gaps(count)
    return {
        name: {
            "as cheap as possible %": 100 * sum(one == 0 for one in found) / count,
            "median gap %": quantile(found, 0.5),
            "p95 gap %": quantile(found, 0.95),
            "largest gap %": found[-1],
        }
        for name, found in (("as chosen", chosen), ("each line from the nearest", nearest))
    }
