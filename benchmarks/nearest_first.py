"""A chain for two weeks of orders: sent as this project chooses, and by a shop that takes each line from the nearest.

Both take the same orders, one after the other, from the same stock, by the core of a hub. Nearest first is what is easy
to write: each line from the nearest location that may send it and has some, and the rest from the next.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator, Sequence

from msgspec import Struct

from benchmarks.catalogue import NOW_MS
from benchmarks.measure import Bench, Measured, Sample, apart
from hub.delivery import Surveyor
from replica.core.base.errors import RightsExhausted
from replica.core.catalog.addresses import Destination, where
from replica.core.catalog.documents import pack_value
from replica.core.orders.context import OrderPolicy
from replica.core.orders.placement import plan_placement, wanted_lines
from replica.core.orders.promised import Promised
from replica.core.orders.requests import PlacedLine, Placement
from replica.core.orders.sourcing import Chooser, Rights, Shortfall, SourcingPlan, WantedLine
from replica.core.planning.sourcing import DeliverySources, Units
from replica.core.state import decisions
from replica.core.state.commands import Command, DocumentWrite
from replica.core.state.replica import Replica
from replica.core.stock.requests import GoodsLine, GoodsReceipt

WAREHOUSES = 4
STORES = 40
ITEMS = 200
ORDERS = 3_000
DAYS = 14
DAY_MS = 86_400_000
LATE_MS = 4 * DAY_MS
"""A promise that ends so long after the order is late."""

LAST_UNITS = 2


class NearestFirst(Struct, frozen=True):
    """Takes each line from the nearest of some candidates that has some of it, and then from the next."""

    sources: DeliverySources

    @property
    def may_send(self) -> tuple[str, ...]:
        """The locations that may send the order."""
        return self.sources.may_send

    def choose(self, units: Units, lines: Sequence[WantedLine]) -> SourcingPlan:
        """The locations that send the lines, and what of them cannot be sent."""
        rights, taken, short = Rights(units), dict[str, dict[int, int]](), list[Shortfall]()
        by_distance = sorted(self.sources.candidates, key=lambda one: (one.distance_km or 0.0, one.location))
        for line in lines:
            left = line.quantity
            for one in by_distance:
                found = min(left, max(0, rights.covers(one.location, line)))
                if found:
                    rights.take(one.location, line, found)
                    taken.setdefault(one.location, {})[line.index] = found
                    left -= found
            if left:
                short.append(Shortfall(line, line.quantity - left))
        return SourcingPlan(taken, short)

    def promise(self, location: str, units: int) -> Promised | None:
        """When some units leave a location and arrive."""
        return self.sources.promise(location, units)


WAYS: dict[str, Callable[[DeliverySources], Chooser]] = {
    "as chosen": lambda sources: sources,
    "each line from the nearest": NearestFirst,
}


def measure_nearest_first(bench: Bench) -> Iterator[Sample]:
    """One round: each way in a new process."""
    orders = bench.sized(ORDERS, ORDERS // 15)
    for way in WAYS:
        yield Sample(way, apart(sent, way, orders))


class _Connected:
    """All locations were heard of now."""

    def reading(self, replica: Replica, now_ms: int) -> Callable[[str], int | None]:
        return lambda location: now_ms


class _Counts(Struct):
    """What is added up over all orders."""

    orders: int = 0
    locations: int = 0
    km: float = 0.0
    late: int = 0
    last_units: int = 0
    cost: int = 0

    def note(self, replica: Replica, sources: DeliverySources, chooser: Chooser, placement: Placement) -> None:
        """Add what one order leads to."""
        planned = plan_placement(replica.context(NOW_MS, chooser), placement)
        if planned.plan.short:
            return
        by_name = {one.location: one for one in sources.candidates}
        units = planned.source.reading()
        self.orders += 1
        self.cost += sum(sources.cost_of(units, planned.wanted, planned.plan).values())
        for location, quantities in planned.plan.taken.items():
            one = by_name[location]
            self.locations += 1
            self.km += one.distance_km or 0.0
            promise = chooser.promise(location, sum(quantities.values()))
            self.late += promise is None or promise.latest_ms - NOW_MS > LATE_MS
            for index, quantity in quantities.items() if one.last_units else ():
                ((item, _),) = planned.wanted[index].recipe
                self.last_units += max(0, quantity - max(0, units(location, item) - LAST_UNITS))


def sent(way: str, orders: int) -> Measured:
    """Send orders in one way, and add up what they lead to."""
    replica, surveyor, dice, counts = _chain(), Surveyor(_Connected()), random.Random(7), _Counts()
    for number in range(orders):
        now_ms = NOW_MS + number * DAYS * DAY_MS // orders
        picked = dice.sample(range(ITEMS), dice.choice((1, 2, 2, 3, 4, 6)))
        lines = tuple(PlacedLine(dice.choice((1, 1, 1, 2, 3)), f"i-{item}") for item in picked)
        placement = Placement(order=f"o-{number}", lines=lines, paid=True)
        address = Destination("CN", city="杭州", lat=dice.uniform(27, 33), lon=dice.uniform(115, 122))
        wanted = wanted_lines(replica.context(now_ms), placement)
        sources = surveyor.survey(replica, where(address, "ship_to"), "", wanted, now_ms).sources
        chooser = WAYS[way](sources)
        counts.note(replica, sources, _Shifted(chooser, now_ms - NOW_MS), placement)
        try:
            decisions.execute(replica, Command("", placement, b"%d" % number, chooser=chooser), now_ms)
        except RightsExhausted:
            continue
        replica.take_batch()
    return {
        "locations of an order": counts.locations / counts.orders,
        "km of a parcel": counts.km / counts.locations,
        "late parcels %": 100 * counts.late / counts.locations,
        "last units sold": counts.last_units,
        "points of an order": counts.cost / counts.orders,
        "orders sent": counts.orders,
    }


class _Shifted(Struct, frozen=True):
    """A chooser whose promises are told as if each order was placed at the same moment."""

    chooser: Chooser
    by_ms: int

    @property
    def may_send(self) -> tuple[str, ...]:
        return self.chooser.may_send

    def choose(self, units: Units, lines: Sequence[WantedLine]) -> SourcingPlan:
        return self.chooser.choose(units, lines)

    def promise(self, location: str, units: int) -> Promised | None:
        found = self.chooser.promise(location, units)
        if found is None:
            return None
        shift = self.by_ms
        return Promised(found.dispatch_ms - shift, found.carrier, found.earliest_ms - shift, found.latest_ms - shift)


def _chain() -> Replica:
    """A hub with some warehouses that have much, and stores that have a little of half of the items."""
    dice = random.Random(3)
    names = [f"w-{number}" for number in range(WAREHOUSES)] + [f"s-{number}" for number in range(STORES)]
    replica = Replica("hub-1#0000000a", names, open_catalog=True, order_policy=OrderPolicy(hosted=tuple(names)))
    _write(replica, "calendar", "warehouse", {"windows": [_window("06:00", "22:00", 5)]})
    _write(replica, "calendar", "store", {"windows": [_window("10:00", "20:00", 6)]})
    _write(replica, "calendar", "roads", {"windows": [_window("07:00", "19:00", 6)]})
    of_stores = {"locations": names[WAREHOUSES:], "first": 1, "last": 3}
    _write(replica, "carrier", "parcel", {"lanes": [of_stores, {"first": 1, "last": 2}], "calendars": ["roads"]})
    _write(replica, "sourcing", "default", {"last_units": LAST_UNITS, "last_unit": 200})
    for number, name in enumerate(names):
        kind, cut_off = ("warehouse", "18:00") if number < WAREHOUSES else ("store", "16:00")
        place = {"lat": dice.uniform(27, 33), "lon": dice.uniform(115, 122), "calendars": [kind]}
        dispatch = {"cut_offs": [{"time": cut_off}], "handling_minutes": 60}
        value = {"type": kind, "name": name, "region": "east", "time_zone": "Asia/Shanghai", "dispatch": dispatch}
        _write(replica, "location", name, {**value, **place})
        share, least, most = (0.9, 40, 90) if kind == "warehouse" else (0.5, 1, 5)
        there = [item for item in range(ITEMS) if dice.random() < share]
        goods = tuple(GoodsLine(dice.randint(least, most), item=f"i-{item}") for item in there)
        decisions.execute(replica, Command(name, GoodsReceipt(goods), name.encode()), NOW_MS)
        replica.take_batch()
    return replica


def _window(start: str, end: str, days: int) -> dict[str, object]:
    return {"start": start, "end": end, "days": ["mon", "tue", "wed", "thu", "fri", "sat", "sun"][:days]}


def _write(replica: Replica, kind: str, key: str, value: object) -> None:
    decisions.write(replica, DocumentWrite(kind, key, pack_value(value), f"{kind}-{key}".encode()), NOW_MS)
