"""Names of every form that is allowed, drawn from a seed: for machines, regions and the warehouse.

Most plans have plain names, such as `hub-east`. A name may also have dots, underscores, dashes at its end, only digits,
or begin with the whole name of another machine. Code that takes a name apart must survive all of them.
"""

from __future__ import annotations

from random import Random

from msgspec.structs import replace

from replica.core.base.names import is_name
from simulations.plan import Plan

WITH_NAMES = 0.2
"""Share of seeds that have drawn names."""

LENGTHS = (1, 2, 3, 8, 24)
"""Characters that are drawn at once."""

LENGTH_MAX = 40
"""Keys and orders of clients begin with the name of a machine, and must not grow past the longest key."""

GOES_ON = 0.4
"""Share of names that begin with another name."""

CHARACTERS = "abz019.-_"


def with_names(plan: Plan) -> Plan:
    """The plan of a seed, in some seeds with other names for its machines, regions and warehouse.

    They are drawn from a source of their own, so that the other seeds stay as they are.
    """
    random = Random(f"{plan.seed}/identifiers")
    if random.random() >= WITH_NAMES:
        return plan
    old = [name for name, _ in plan.hubs] + list(plan.stores)
    regions = dict.fromkeys(region for _, region in plan.hubs)
    drawn = draw_names(random, len(old) + len(regions) + 1)
    machines, areas = dict(zip(old, drawn, strict=False)), dict(zip(regions, drawn[len(old) :], strict=False))
    return replace(
        plan,
        hubs=tuple((machines[name], areas[region]) for name, region in plan.hubs),
        stores=tuple(machines[name] for name in plan.stores),
        warehouse=drawn[-1],
        newer=tuple(machines[name] for name in plan.newer),
        core=tuple(sorted(machines[name] for name in plan.core)),
        faults=tuple(replace(fault, who=tuple(machines[name] for name in fault.who)) for fault in plan.faults),
    )


def draw_names(random: Random, count: int) -> list[str]:
    """Draw different names."""
    names: list[str] = []
    while len(names) < count:
        begin = random.choice(names) if names and random.random() < GOES_ON else ""
        name = (begin + "".join(random.choices(CHARACTERS, k=random.choice(LENGTHS))))[:LENGTH_MAX]
        if is_name(name) and name not in names:
            names.append(name)
    return names
