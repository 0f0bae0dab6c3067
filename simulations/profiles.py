"""Profiles: the ways to draw a plan from a seed.

Plans of whole nodes are shorter than other plans, and always have a cut, a kill and lost answers.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial
from random import Random

from msgspec.structs import replace

from simulations.draw import draw_knobs, draw_plan, draw_workloads
from simulations.knobs import KNOBS
from simulations.plan import Fault, Plan

SECONDS = (4.0, 8.0)
CLIENTS_MAX = 2
THINK_MS_MIN = 100.0
TIMEOUT_MS_MIN = 10.0
"""A request without a fault takes a few milliseconds."""

FAULT_S_MAX = 5.0

WITH_A_WORKLOAD = 0.15
"""Share of seeds that have a workload, for each workload. Fewer seeds are played than of other plans."""

WITH_A_SILENT_STORE = 0.15
"""Share of seeds in which a store is silent after its clock was wrong, while a hub restarts."""

ALWAYS = ("isolate", "kill", "power-loss", "lost-answers")
"""Every plan has these faults."""


def draw_stack_plan(seed: int) -> Plan:
    """Draw a plan for whole nodes."""
    random = Random(f"{seed}/full stack")
    drawn = draw_plan(seed)
    seconds = random.uniform(*SECONDS)
    names = [name for name, _ in drawn.hubs] + list(drawn.stores)
    faults = [
        Fault(kind=kind, at_s=round(random.uniform(0.5, seconds), 3), for_s=2.0, who=(random.choice(names),))
        for kind in ALWAYS
    ]
    faults += [
        replace(fault, at_s=round(fault.at_s * seconds / drawn.seconds, 3), for_s=min(fault.for_s, FAULT_S_MAX))
        for fault in drawn.faults
    ]
    faults += _draw_silent_store(seed, drawn, seconds)
    trade = replace(
        drawn.trade,
        clients=min(drawn.trade.clients, CLIENTS_MAX),
        think_ms=max(drawn.trade.think_ms, THINK_MS_MIN),
        timeout_ms=max(drawn.trade.timeout_ms, TIMEOUT_MS_MIN),
        floods=0.0,  # HTTP permits neither: floods exceed a batch, and no call writes these documents
        list_bytes=0,
        workloads=draw_workloads(seed, WITH_A_WORKLOAD),
    )
    faults.sort(key=lambda fault: fault.at_s)
    return replace(
        drawn,
        seconds=seconds,
        trade=trade,
        faults=tuple(faults),
        away_s=0.0,
        knobs=draw_knobs(seed, KNOBS),
        full_stack=True,
    )


def _draw_silent_store(seed: int, plan: Plan, seconds: float) -> list[Fault]:
    """Draw a store that loses power soon after its clock was wrong, and a hub that restarts then.

    They are drawn from a source of their own. The hub must say when it heard from the store, and not by its stamps.
    """
    random = Random(f"{seed}/silent store")
    if random.random() >= WITH_A_SILENT_STORE:
        return []
    store, hub = (random.choice(plan.stores),), (random.choice(plan.hubs)[0],)
    return [
        Fault(kind="clock-forward", at_s=0.5, for_s=0.5, who=store, strength=round(random.uniform(0.6, 1.0), 3)),
        Fault(kind="power-loss", at_s=round(seconds * 0.6, 3), for_s=seconds, who=store),
        Fault(kind="restart", at_s=round(seconds * 0.9, 3), for_s=0.0, who=hub),
    ]


PROFILES: Mapping[str, Callable[[int], Plan]] = {
    "pressure": draw_plan,
    "quiet": partial(draw_plan, pressure=False),
    "full-stack": draw_stack_plan,
}
"""By name: what draws a plan from a seed."""
