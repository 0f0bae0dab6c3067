"""From where an order to an address is sent, by a hub that knows 1,000 locations: the time of the choice.

It is measured in one process of its own, without HTTP: areas, calendars and distances of all locations, and the search
for the cheapest way. `sustained` sends such orders over HTTP.
"""

from __future__ import annotations

import random
import time
from collections.abc import Callable, Iterator

from benchmarks.catalogue import NOW_MS
from benchmarks.measure import Bench, Measured, Sample, apart, quantile
from hub.delivery import Surveyor
from replica.core.catalog.addresses import Destination, where
from replica.core.catalog.documents import pack_value
from replica.core.orders.context import OrderPolicy
from replica.core.orders.placement import plan_placement, wanted_lines
from replica.core.orders.requests import PlacedLine, Placement
from replica.core.planning.sourcing import DeliverySources
from replica.core.state import decisions
from replica.core.state.commands import Command, DocumentWrite
from replica.core.state.replica import Replica
from replica.core.stock.requests import GoodsLine, GoodsReceipt

LOCATIONS = 1_000
ITEMS = 200
LINES = 50
ORDERS = 300
SHARES_PERCENT = (95, 60, 10)
"""How many of the locations have some of an item."""


def measure_sourcing(bench: Bench) -> Iterator[Sample]:
    """One round: each share in a new process."""
    locations, orders = bench.sized(LOCATIONS, LOCATIONS // 10), bench.sized(ORDERS, ORDERS // 10)
    for percent in SHARES_PERCENT:
        case = f"{LINES} lines, {percent} % of the locations have an item"
        yield Sample(case, apart(measured, locations, orders, percent))


def measured(locations: int, orders: int, percent: int) -> Measured:
    """The time of an order, and over how many locations it is split."""
    replica, chosen = with_stock(locations, percent), list[int]()
    work, cpu_ms, wall_ms = orders_of(replica, chosen), list[float](), list[float]()
    for turn in range(orders):
        began_ns, began_s = time.process_time_ns(), time.perf_counter()
        work(turn)
        cpu_ms.append((time.process_time_ns() - began_ns) / 1e6)
        wall_ms.append((time.perf_counter() - began_s) * 1_000)
    figures = {
        f"{name} p{round(100 * fraction)} ms": quantile(sorted(took_ms), fraction)
        for name, took_ms in (("CPU", cpu_ms), ("wall", wall_ms))
        for fraction in (0.5, 0.99)
    }
    return {**figures, "locations of an order": sum(chosen) / len(chosen)}


class _Connected:
    """All stores are connected."""

    def reading(self, replica: Replica, now_ms: int) -> Callable[[str], int | None]:
        return lambda location: now_ms


def with_stock(locations: int, percent: int, items: int = ITEMS) -> Replica:
    """A hub that hosts some locations all over a country, each with some of the items and a calendar."""
    names = names_of(locations)
    replica = Replica("hub-1#0000000a", names, open_catalog=True, order_policy=OrderPolicy(hosted=tuple(names)))
    for _ in stocking(replica, names, percent, items=items):
        replica.take_batch()
    return replica


def names_of(locations: int) -> tuple[str, ...]:
    """The names of the locations."""
    return tuple(f"w-{number}" for number in range(locations))


def stocking(
    replica: Replica, names: tuple[str, ...], percent: int, units_max: int = 9, items: int = ITEMS
) -> Iterator[None]:
    """Write the documents and the stock of some locations; the caller takes each batch."""
    dice = random.Random(1)
    windows = [{"start": "00:00", "end": "24:00"}]
    write(replica, "calendar", "days", {"windows": windows, "days": {"2030-10-01": {"closed": True}}})
    write(replica, "area", "china", {"covers": [{"type": "division", "country": "CN"}]})
    write(replica, "carrier", "parcel", {"lanes": [{"first": 1, "last": 3}], "calendars": ["days"]})
    for name in names:
        place = {"lat": dice.uniform(22, 40), "lon": dice.uniform(100, 122), "calendars": ["days"]}
        write(replica, "location", name, {"type": "warehouse", "name": name, "region": "east", **place})
        there = [item for item in range(items) if dice.random() * 100 < percent]
        if there:
            lines = tuple(GoodsLine(dice.randint(1, units_max), item=f"i-{item}") for item in there)
            command = Command(name, GoodsReceipt(lines), name.encode())
            decisions.execute(replica, command, NOW_MS)
        yield


def write(replica: Replica, kind: str, key: str, value: object) -> None:
    """Write a document of the chain."""
    decisions.write(replica, DocumentWrite(kind, key, pack_value(value), f"{kind}-{key}".encode()), NOW_MS)


def orders_of(replica: Replica, chosen: list[int]) -> Callable[[int], object]:
    """Source an order of random items to a random address; note over how many locations it is split."""
    dice, surveyor = random.Random(2), Surveyor(_Connected())

    def source(turn: int) -> DeliverySources:
        picked = dice.sample(range(ITEMS), LINES)
        lines = tuple(PlacedLine(dice.randint(1, 3), sku=f"i-{item}") for item in picked)
        placement = Placement(f"o-{turn}", lines)
        address = Destination("CN", city="杭州", lat=dice.uniform(25, 35), lon=dice.uniform(105, 120))
        wanted = wanted_lines(replica.context(NOW_MS), placement)
        sources = surveyor.survey(replica, where(address, "ship_to"), "", wanted, NOW_MS).sources
        plan = plan_placement(replica.context(NOW_MS, sources), placement, wanted).plan
        chosen.append(len(plan.taken))
        return sources

    return source
