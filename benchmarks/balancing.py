"""A balancing plan for a chain of 1,000 locations and 5,000 items: the time on one core.

Each location has each item and sells it. On a usual night, its stock differs from what two weeks need by up to a half.
In the other case it is anything, so nearly all locations have to give or to get. The figures are drawn at random from a
fixed seed, and drawing them is not measured. What a hub does besides, reading the figures from its replica, is measured
with fewer items, because 5,000,000 pairs need some gigabytes.
"""

from __future__ import annotations

import random
from collections.abc import Iterator
from time import process_time

from benchmarks.measure import Bench, Measured, Sample, apart
from benchmarks.sourcing import with_stock
from hub.balance_inputs import PlanLocation, PlanScope, distances_of, free_accounts
from hub.highs import best_solver
from replica.core.catalog.locations import Point
from replica.core.planning.balancing import Rules, plan_item
from replica.core.planning.cover import Place
from replica.core.planning.distances import Distances
from replica.core.rights.daily_sales import DailySales

LOCATIONS = 1_000
ITEMS = 5_000
ITEMS_READ = 100
DAYS = 28


def measure_balancing(bench: Bench) -> Iterator[Sample]:
    """One round: each part in a new process."""
    locations, items = bench.sized(LOCATIONS, LOCATIONS // 10), bench.sized(ITEMS, ITEMS // 100)
    yield Sample(f"plan {items:,} items at {locations:,} locations", apart(planned, locations, items, True))
    few = items // 10
    yield Sample(f"plan {few:,} items, any stock anywhere", apart(planned, locations, few, False))
    read = bench.sized(ITEMS_READ, ITEMS_READ // 10)
    yield Sample(f"read {read:,} items at {locations:,} locations", apart(figures_read, locations, read))


def planned(locations: int, items: int, is_usual: bool) -> Measured:
    """The processor time of a whole plan, with the distances between all locations."""
    dice, solve = random.Random(1), best_solver()
    positions = [Point(dice.uniform(22, 40), dice.uniform(100, 122)) for _ in range(locations)]
    start = process_time()
    distances = Distances(positions, 1_000_000)
    for at in range(locations):
        distances.nearest(at, Rules().metres_max)
    seconds = process_time() - start
    moves = unmet = 0
    for _ in range(items):
        places = [drawn(dice, at, is_usual) for at in range(locations)]
        start = process_time()
        plan = plan_item(places, Rules(), distances, solve)
        seconds += process_time() - start
        moves += len(plan.moves)
        unmet += plan.unmet
    return {"s": seconds, "ms an item": seconds * 1_000 / items, "moves of an item": moves / items}


def drawn(dice: random.Random, at: int, is_usual: bool) -> Place:
    """An item at a location."""
    sold_milli = dice.randint(0, 4_000)
    available = sold_milli * 14 * dice.randint(50, 150) // 100_000 if is_usual else dice.randint(0, 60)
    return Place(
        at=at,
        available=available,
        spare=max(0, available - dice.randint(0, 6)),
        incoming=dice.choice((0, 0, 0, 12)),
        sold_milli=sold_milli,
        display=dice.choice((0, 0, 2, 4)),
        capacity=dice.choice((60, 120)),
    )


def figures_read(locations: int, items: int) -> Measured:
    """The processor time of reading what a plan needs from a replica, for each item."""
    replica = with_stock(locations, 100, items)
    names = [f"w-{number}" for number in range(locations)]
    sales = DailySales()
    sales.advance(DAYS)
    for name in names:
        for day in range(DAYS):
            for item in range(day % 2, items, 2):
                sales.note(name, f"i-{item}", day, 1)
    locations_of = tuple(map(PlanLocation, names))
    start = process_time()
    accounts = free_accounts(replica, locations_of)
    scope = PlanScope(mode="even", locations=locations_of, sales=sales, free_accounts=accounts)
    distances_of(replica, scope.locations)
    for item in range(items):
        found = scope.reading(replica, f"i-{item}")(replica, range(locations))
        assert len(found) == locations
    seconds = process_time() - start
    return {"ms an item": seconds * 1_000 / items}
