"""The hunt: play plans with a mutation planted until a checker sees it.

Small plans are played first. A recorded seed of a small plan is cheap to play again. No plan turns a knob, so a new
knob changes no recorded seed. Most bugs show themselves with the values of production. A mutation that few drawn plans
show names a scenario instead.
"""

from __future__ import annotations

import time
from collections.abc import Iterable, Iterator, Mapping
from concurrent.futures import ProcessPoolExecutor, as_completed
from functools import cache, partial
from multiprocessing import get_context

from msgspec import Struct
from msgspec.structs import replace

from simulations.checkers.checker import Checker, Violation
from simulations.draw import draw_plan
from simulations.mutations.catalogue import MUTATIONS
from simulations.mutations.mutation import planted
from simulations.mutations.seeds import Scene
from simulations.observer import CHECKERS
from simulations.outcome import kind_of_run
from simulations.plan import Plan
from simulations.scenario import scenario

SEEDS_MAX = 1_200
"""Seeds within which every mutation must be caught."""

SEEDS_SOON = 200
"""Seeds played before all others: nearly every mutation is caught within them, half of them within ten."""

START = 200
"""The cost of a run without any request, in requests."""


class Catch(Struct, frozen=True):
    """How the hunt for one mutation ended: the checker that caught it, and the seed or the scenario."""

    name: str
    checker: str
    """Empty if no checker caught it."""
    detail: str
    seed: Scene
    seeds: int
    """The number of seeds that were played."""
    wall_s: float

    @property
    def is_caught(self) -> bool:
        """Whether a checker caught it."""
        return bool(self.checker)


def seeds_by_size(count: int) -> list[int]:
    """The first `count` seeds, cheapest plans first. Seeds past `SEEDS_SOON` come after all others."""
    return sorted(range(1, count + 1), key=lambda seed: (seed > SEEDS_SOON, _work(plan_of(seed))))


def plan_of(scene: Scene) -> Plan:
    """The plan of a seed without its knobs, or the plan of a scenario."""
    return scenario(scene).plan if isinstance(scene, str) else replace(draw_plan(scene), knobs=())


def _work(plan: Plan) -> float:
    """Estimate the cost of a plan: every request is answered, sent to each hub, and checked."""
    trade = plan.trade
    machines = len(plan.hubs) + len(plan.stores)
    asks = trade.clients * machines * plan.seconds * 1_000 / trade.think_ms
    return (asks + START) * (len(plan.hubs) + 1)


def play_healthy(scene: Scene) -> Violation | None:
    """Play a seed or a scenario with the code as it is."""
    plan = plan_of(scene)
    return kind_of_run(plan)(plan).play().violation


def play_mutated(name: str, scene: Scene, checkers: Iterable[type[Checker]] = CHECKERS) -> Violation | None:
    """Play a seed or a scenario with a mutation planted, before all checkers or some of them."""
    with planted(MUTATIONS[name]):
        plan = plan_of(scene)
        return kind_of_run(plan)(plan, checkers).play().violation


_is_healthy = cache(lambda scene: play_healthy(scene) is None)


def hunt(name: str, seeds: Iterable[int]) -> Catch:
    """Play seeds until one shows an expected violation with the mutation and no violation without it.

    Play only the scenario of a mutation that has one.
    """
    began_s, tried = time.monotonic(), 0
    expected, stored = MUTATIONS[name].expected, MUTATIONS[name].scenario
    scenes: Iterable[Scene] = (stored,) if stored else seeds
    seed: Scene = 0
    for seed in scenes:
        tried += 1
        found = play_mutated(name, seed)
        if found is not None and found.checker in expected and _is_healthy(seed):
            return _ended(name, seed, tried, began_s, found.checker, found.detail)
    return _ended(name, seed, tried, began_s)


def _ended(name: str, seed: Scene, tried: int, began_s: float, checker: str = "", detail: str = "") -> Catch:
    wall_s = time.monotonic() - began_s
    return Catch(name=name, checker=checker, detail=detail, seed=seed, seeds=tried, wall_s=wall_s)


def hunt_all(
    names: Iterable[str], seeds: Iterable[int], jobs: int, first: Mapping[str, Scene] | None = None
) -> Iterator[Catch]:
    """Hunt for these mutations in `jobs` processes. Yields each catch as soon as it is there.

    `first`: for each mutation, a seed to play before the others.
    """
    others = tuple(seeds)
    with ProcessPoolExecutor(jobs, get_context("spawn")) as pool:
        work = [pool.submit(partial(hunt, name, (*_first(first, name), *others))) for name in names]
        for done in as_completed(work):
            yield done.result()


def _first(seeds: Mapping[str, Scene] | None, name: str) -> tuple[int, ...]:
    seed = (seeds or {}).get(name)
    return (seed,) if isinstance(seed, int) else ()
