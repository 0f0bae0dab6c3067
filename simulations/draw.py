"""Plans drawn from a seed: the same seed gives the same plan.

Each plan has only some kinds of faults, so that rare kinds meet in other plans.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from random import Random

from msgspec.structs import replace

from replica.core.base.limits import DOCUMENT_BYTES_MAX, SALES_PER_BATCH_MAX
from simulations.faults import FAULTS
from simulations.knobs import OF_NODES, Knob
from simulations.names import with_names
from simulations.plan import RUSH_S, Fault, Plan, Setting, Trade
from simulations.workloads.catalogue import WORKLOADS

SLOW_STOPS = 0.5
"""Share of restarts during a rush that come with a slow disk."""

REGIONS = ("east", "west", "north")

LIST_DOCUMENT_BYTES = DOCUMENT_BYTES_MAX * 3 // 4
"""Random bytes in each document of a list. As text they nearly reach the size limit of a document."""

WITH_A_WORKLOAD = 0.06
"""Share of seeds that have a workload, for each workload."""

WITH_A_LATE_HUB = 0.08
"""Share of seeds in which one of several hubs begins only after the trade."""

WITH_AN_UNSTEADY_HOME = 0.08
"""Share of seeds in which one of several hubs goes up and down until the end of the trade."""

UP_S = (2.0, 4.0)
"""How long it stays up: too short for its stores to come home."""

DOWN_S = (1.0, 3.0)

LAST_REQUESTS_S = 60.0
"""Longer than the last requests of clients take. A late hub joins when everything is healed, after them."""

WITH_REGIONS = "regions"
"""The workload of all seeds with a late hub: it writes the policies that concern such a hub."""

WITH_DOUBLED_LINES = 0.2
"""Share of seeds in which requests name one SKU on two lines."""

DOUBLED_LINES = (0.2, 0.6)
"""Shares of their requests that do so."""

FLOOD_ASKS = (8, 64, 256, SALES_PER_BATCH_MAX)
"""Requests of one caller in a flood. Only small ones fill an inbox to its last place."""

WITH_KNOBS = 0.6
"""Share of seeds in which knobs are turned. The others play with the values of production."""

TURNED = 0.2
"""Share of these seeds that turn a knob, for each knob."""

TOGETHER = 0.3
"""Share of faults that hit the same machines as the fault before, within a second."""


def draw_plan(seed: int, *, pressure: bool = True) -> Plan:
    """Draw a plan. Under pressure, stock is scarce, clients are impatient, and there are many faults."""
    return with_names(_draw_plan(seed, pressure=pressure))


def _draw_plan(seed: int, *, pressure: bool) -> Plan:
    """Draw a plan with plain names."""
    random = Random(f"{seed}/plan")
    hubs = tuple((f"hub-{region}", region) for region in REGIONS[: random.choice((1, 2, 2, 2, 3))])
    if random.random() < 0.2:
        hubs = (*hubs, ("hub-east-2", "east"))
    stores = tuple(f"store-{number}" for number in range(1, random.randint(1, 4) + 1))
    names = [name for name, _ in hubs] + list(stores)
    seconds = random.uniform(10.0, 30.0)
    newer = tuple(name for name in names if random.random() < 0.3) if random.random() < 0.3 else ()
    core = tuple(sorted(random.sample(names, random.randint(2, len(names))))) if random.random() < 0.5 else ()
    if not pressure:
        faults = draw_faults(random, names, seconds, random.randint(0, 3))
        return Plan(
            seed=seed,
            seconds=seconds,
            hubs=hubs,
            stores=stores,
            newer=newer,
            trade=Trade(think_ms=1_000.0, quantity=1_000_000),
            faults=faults,
            core=core,
        )
    sparse = random.random() < 0.4
    clients, asks = random.randint(1, 3), random.choice((200, 600, 1_500))
    trade = Trade(
        clients=clients,
        items=random.randint(1, 4),
        think_ms=round(clients * len(names) * seconds * 1_000 / asks, 1),
        timeout_ms=random.choice((3.0, 10.0, 50.0, 500.0)),
        patience=random.randint(0, 6),
        opening=random.choice((0, 5, 20)) if not sparse else 3_000_000,
        quantity=random.choice((1, 3)) if not sparse else 1_000_000,
        hot=random.choice((0.2, 0.9)),
        refuse=random.choice((0.0, 0.5, 1.0)),
        repeat=random.choice((0.0, 0.2, 0.5)),
        theft=random.choice((0.0, 0.05)),
    )
    faults = draw_faults(random, names, seconds, random.randint(3, 20))
    late = _draw_late_hub(seed, hubs, seconds)
    faults = tuple(sorted((*faults, *_draw_unsteady_home(seed, hubs, seconds)), key=lambda fault: fault.at_s))
    trade = replace(
        trade,
        rush_s=random.choice((0.0, 0.0, 0.5, 2.0)),
        floods=0.5 if random.random() < 0.1 else 0.0,
        doubled_lines=_draw_doubled_lines(seed),
        flood_asks=Random(f"{seed}/flood").choice(FLOOD_ASKS),
        list_bytes=LIST_DOCUMENT_BYTES if random.random() < 0.05 else 0,
        workloads=draw_workloads(seed, WITH_A_WORKLOAD, *(() if late is None else (WITH_REGIONS,))),
    )
    away_s = random.choice((0.0, 0.0, 90.0)) if core else 0.0
    if trade.rush_s:
        faults = _amid_the_rush(random, faults, trade.rush_s, seconds)
    return Plan(
        seed=seed,
        seconds=seconds,
        hubs=hubs,
        stores=stores,
        newer=newer,
        trade=trade,
        faults=faults if late is None else (late, *faults),
        core=core,
        away_s=away_s,
        knobs=draw_knobs(seed),
    )


def draw_workloads(seed: int, share: float, *needed: str) -> tuple[str, ...]:
    """Draw workloads from a source of their own, so that a new one changes only the seeds that have it.

    Each workload has its own chance of being chosen, whatever other workloads exist. `share`: of the seeds, for each.
    Those `needed` are always there.
    """
    drawn = {name: Random(f"{seed}/workloads/{name}").random() for name in WORKLOADS}
    return tuple(sorted(name for name, chance in drawn.items() if chance < share or name in needed))


def _draw_doubled_lines(seed: int) -> float:
    """Draw how many requests name one SKU on two lines, from a source of its own."""
    random = Random(f"{seed}/doubled lines")
    return random.choice(DOUBLED_LINES) if random.random() < WITH_DOUBLED_LINES else 0.0


def _draw_late_hub(seed: int, hubs: Sequence[tuple[str, str]], seconds: float) -> Fault | None:
    """Draw a hub that nobody meets during the trade, from a source of its own. The others must notice when it joins."""
    random = Random(f"{seed}/late hub")
    if len(hubs) < 2 or random.random() >= WITH_A_LATE_HUB:
        return None
    name, _ = random.choice(hubs)
    return Fault(kind="power-loss", at_s=0.0, for_s=seconds + LAST_REQUESTS_S, who=(name,))


def _draw_unsteady_home(seed: int, hubs: Sequence[tuple[str, str]], seconds: float) -> tuple[Fault, ...]:
    """Draw a home hub that goes up and down, from a source of its own. Its stores have to stay at another hub."""
    random = Random(f"{seed}/unsteady hubs")
    if len(hubs) < 2 or random.random() >= WITH_AN_UNSTEADY_HOME:
        return ()
    name, _ = random.choice(hubs)
    found, at_s = [], random.uniform(*UP_S)
    while at_s < seconds:
        for_s = random.uniform(*DOWN_S)
        found.append(Fault(kind="kill", at_s=round(at_s, 3), for_s=round(for_s, 3), who=(name,)))
        at_s += for_s + random.uniform(*UP_S)
    return tuple(found)


def draw_knobs(seed: int, knobs: Mapping[str, Knob] = OF_NODES) -> tuple[Setting, ...]:
    """Draw which of these knobs are turned, and their values, each from a source of its own."""
    if Random(f"{seed}/knobs").random() >= WITH_KNOBS:
        return ()
    sources = {name: Random(f"{seed}/knobs/{name}") for name in knobs}
    return tuple(
        Setting(name, random.choice(knobs[name].values))
        for name, random in sorted(sources.items())
        if random.random() < TURNED
    )


def _amid_the_rush(random: Random, faults: tuple[Fault, ...], rush_s: float, seconds: float) -> tuple[Fault, ...]:
    """Move restarts into a rush, half of them with a slow disk.

    Then answers take a while, and a node that stops must refuse the requests that arrive meanwhile.
    """
    moved: list[Fault] = []
    for fault in faults:
        rush_at_s = round(fault.at_s / rush_s) * rush_s
        if fault.kind != "restart" or not 0 < rush_at_s < seconds:
            moved.append(fault)
            continue
        moved.append(replace(fault, at_s=round(rush_at_s + random.uniform(0.0, RUSH_S), 4)))
        if random.random() < SLOW_STOPS:
            slow_at_s = round(max(0.0, rush_at_s - 0.1), 4)
            moved.append(Fault(kind="slow-disk", at_s=slow_at_s, for_s=1.0, who=fault.who, strength=0.2))
    return tuple(sorted(moved, key=lambda fault: fault.at_s))


def draw_faults(random: Random, names: Sequence[str], seconds: float, count: int) -> tuple[Fault, ...]:
    """Draw faults, of a few random kinds only."""
    kinds = random.sample(sorted(FAULTS), random.randint(3, 9))
    drawn: list[Fault] = []
    for _ in range(count):
        who = random.sample(list(names), random.choice((1, 1, 1, 2)))
        at_s, for_s = random.uniform(0.0, seconds), min(random.expovariate(1 / 4), 20.0)
        if drawn and random.random() < TOGETHER:
            who, at_s = list(drawn[-1].who), min(drawn[-1].at_s + random.random(), seconds)
        drawn.append(
            Fault(
                kind=random.choice(kinds),
                at_s=round(at_s, 3),
                for_s=round(for_s, 3),
                who=tuple(who),
                strength=round(random.random(), 3),
            )
        )
    return tuple(sorted(drawn, key=lambda fault: fault.at_s))
