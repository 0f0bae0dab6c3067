"""Orders to an address: which locations may send one, what each of them costs, and which ways to send it are right.

There may be several right ways. So this does not choose one: it says what is wrong with a way that a node chose. To
know what the cheapest way costs, it looks at all sets of locations.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations
from typing import Any

from simulations.reference.areas import Area, Serving, areas_of, ban_on, point_of, servings
from simulations.reference.calendars import Closed, Hours
from simulations.reference.catalogue import Documents
from simulations.reference.points import kilometres
from simulations.reference.windows import zone_of

HOUR_MS = 3_600_000

MAY_SEND = 16
"""The locations that an entry keeps, for a shortage that moves the order."""

WEIGHTS = {
    "split": 500,
    "priority": 2_000,
    "backup": 100_000,
    "per_km": 1,
    "unknown_km": 1_000,
    "per_margin_percent": 20,
    "per_closed_hour": 5,
    "per_unheard_hour": 20,
    "unheard_hours_max": 168,
    "last_unit": 50,
    "last_units": 0,
    "dispatch_within_hours": 72,
}

SETS_OF = 8
"""The most locations of which a node looks at all sets."""

Units = Callable[[str, str], int]
"""The units of an item that an order may take at a location."""

Taken = Mapping[str, Mapping[str, int]]
"""What each location sends: units by item."""


@dataclass(frozen=True)
class Candidate:
    """A location that may send an order. `costs`: its points, by what they are for."""

    location: str
    costs: Mapping[str, int]
    is_backup: bool
    distance_km: float | None
    spares: int = 0
    """The units of each item that cost more, because they are the last ones of a store."""

    @property
    def cost(self) -> int:
        """All points."""
        return sum(self.costs.values())


@dataclass(frozen=True)
class Delivery:
    """An address at a moment, by the documents that a node knew.

    `unheard_ms`: for how long the node has heard nothing of a location; None if it never did.
    """

    documents: Documents
    address: Mapping[str, Any]
    channel: str
    now_ms: int
    unheard_ms: Callable[[str], int | None] = lambda location: 0

    @property
    def areas(self) -> list[Area]:
        """The areas that contain the address."""
        return areas_of(self.documents, self.address)

    @property
    def weights(self) -> Mapping[str, int]:
        """The weights for orders of the channel."""
        found = self.documents.value("sourcing", self.channel) if self.channel else None
        return {**WEIGHTS, **(found or self.documents.value("sourcing", "default") or {})}

    def banned(self, skus: Iterable[str]) -> list[dict[str, Any]]:
        """The lines with goods that are not delivered to the address, as a refusal lists them."""
        areas = self.areas
        found = [(index, sku, ban_on(self.documents, areas, sku, self.now_ms)) for index, sku in enumerate(skus)]
        return [
            {"line": index, "sku": sku, "area": ban[0], "reasons": ban[1]}
            for index, sku, ban in found
            if ban is not None
        ]

    def sort_out(self, stocked: Iterable[str]) -> tuple[list[Candidate], dict[str, Closed | None]]:
        """The candidates, the cheapest first, and the locations that may not send, each closed or not serving.

        `stocked`: the locations that ever had some of the goods.
        """
        areas, weights = self.areas, self.weights
        serving = servings(areas)
        opening: dict[str, int] = {}
        unfit: dict[str, Closed | None] = {}
        within_ms = weights["dispatch_within_hours"] * HOUR_MS
        for location in dict.fromkeys([*serving, *stocked]):
            if serving and location not in serving:
                unfit[location] = None
                continue
            hours = self.hours(location, areas)
            opens_ms = hours.next_open(self.now_ms, within_ms // (24 * HOUR_MS) + 1)
            if opens_ms is None or opens_ms > self.now_ms + within_ms:
                unfit[location] = hours.closed(self.now_ms)
            else:
                opening[location] = opens_ms
        most = max([percent for one in opening if (percent := self._margin(one)) is not None], default=0)
        candidates = [self._candidate(one, serving, opens_ms, weights, most) for one, opens_ms in opening.items()]
        return sorted(candidates, key=lambda one: (one.cost, one.location)), unfit

    def hours(self, location: str, areas: Sequence[Area]) -> Hours:
        """When a location dispatches goods to the address: by its calendars, and by those of the areas."""
        document = self.documents.value("location", location) or {}
        names = [*document.get("calendars", ()), *(name for _, area in areas for name in area.get("calendars", ()))]
        return Hours(self.documents, list(dict.fromkeys(names)), zone_of(document.get("time_zone", "UTC")))

    def _margin(self, location: str) -> int | None:
        """What is earned on goods that a location sends, in percent; None if nobody says it."""
        found: int | None = (self.documents.value("location", location) or {}).get("margin_percent")
        return found

    def _candidate(
        self,
        location: str,
        serving: Mapping[str, Serving],
        opens_ms: int,
        weights: Mapping[str, int],
        most_percent: int,
    ) -> Candidate:
        document = self.documents.value("location", location)
        here, there, one = point_of(document), point_of(self.address), serving.get(location)
        away = None if here is None or there is None else kilometres(there, here)
        metres = weights["unknown_km"] * 1_000 if away is None else round(away * 1_000)
        margin = self._margin(location)
        below_percent = 0 if margin is None else most_percent - margin
        steps = sorted({other.priorities for other in serving.values()})
        most_ms, unheard_ms = weights["unheard_hours_max"] * HOUR_MS, self.unheard_ms(location)
        silent_ms = most_ms if unheard_ms is None else min(unheard_ms, most_ms)
        costs = {
            "split": weights["split"],
            "priority": weights["priority"] * (steps.index(one.priorities) if one is not None else 0),
            "backup": weights["backup"] if one is not None and one.is_backup else 0,
            "distance": metres * weights["per_km"] // 1_000,
            "margin": below_percent * weights["per_margin_percent"],
            "closed": (opens_ms - self.now_ms) * weights["per_closed_hour"] // HOUR_MS,
            "unheard": silent_ms * weights["per_unheard_hour"] // HOUR_MS,
        }
        return Candidate(
            location=location,
            costs={name: points for name, points in costs.items() if points},
            is_backup=one is not None and one.is_backup,
            distance_km=away,
            spares=weights["last_units"] if document is not None and document["type"] == "store" else 0,
        )


@dataclass(frozen=True)
class Choice:
    """What an order takes: `wanted` of each item from any candidate, and `fixed` at locations that the caller named."""

    candidates: Sequence[Candidate]
    units: Units
    wanted: Mapping[str, int]
    fixed: Taken
    last_unit: int

    def short(self) -> int:
        """How many units nobody can send."""
        names = [one.location for one in self.candidates]
        named = sum(
            number - (min(number, self.units(location, item)) if location in names else 0)
            for location, items in self.fixed.items()
            for item, number in items.items()
        )
        return named + sum(max(0, number - self._there(self.candidates, item)) for item, number in self.wanted.items())

    def faults(self, taken: Taken, *, knows_costs: bool = True) -> Iterator[str]:
        """What is wrong with the locations that send the order. `knows_costs`: whether the candidates' are right."""
        names = {one.location: one for one in self.candidates}
        for location, items in taken.items():
            if location not in names:
                yield f"{location} sends, and may not"
            for item, number in items.items():
                if number > self.units(location, item):
                    yield f"{location} sends {number} of {item}, and the node may promise {self.units(location, item)}"
        got = {item: sum(items.get(item, 0) for items in taken.values()) for items in taken.values() for item in items}
        most = {item: self._most(item) for item in dict.fromkeys([*got, *self.wanted, *self._named])}
        for item, number in most.items():
            if got.get(item, 0) != number:
                yield f"{got.get(item, 0)} of {item} are sent, and not {number}"
        for location, items in self.fixed.items():
            for item, number in items.items():
                if taken.get(location, {}).get(item, 0) < min(number, self._at(location, item)):
                    yield f"{location} does not send the {item} that the caller wants from there"
        if not self.short() and not self.fixed:
            pool, used = self.pool, [names[location] for location in taken if location in names]
            yield from (
                f"the backup {one.location} sends, and the others have everything" for one in used if one not in pool
            )
            if knows_costs and len(pool) <= SETS_OF:
                yield from self._faults_of_cost(taken, used)

    def _faults_of_cost(self, taken: Taken, used: Sequence[Candidate]) -> Iterator[str]:
        best, cost = self.best(), sum(one.cost + self.last_cost(one, taken[one.location]) for one in used)
        if cost != best[0] or (not self.last_unit and len(used) != best[1]):
            yield f"{[one.location for one in used]} cost {cost}, and the cheapest {best[1]} locations cost {best[0]}"

    @property
    def pool(self) -> Sequence[Candidate]:
        """The candidates without backups if these have everything, else all."""
        first = [one for one in self.candidates if not one.is_backup]
        has_all = all(self._there(first, item) >= number for item, number in self.wanted.items())
        return first if has_all else self.candidates

    def best(self) -> tuple[int, int]:
        """What the cheapest locations cost that have everything, and how many they are."""
        sets = [some for size in range(len(self.pool) + 1) for some in combinations(self.pool, size)]
        return min((self._cost(some), len(some)) for some in sets if self._covers(some))

    def last_cost(self, one: Candidate, items: Mapping[str, int]) -> int:
        """What the last units cost that a location gives away."""
        return self.last_unit * sum(
            max(0, number - max(0, self.units(one.location, item) - one.spares)) for item, number in items.items()
        )

    def _cost(self, some: Sequence[Candidate]) -> int:
        """The least that a set costs: the last units are taken at the end."""
        freely = {
            item: sum(max(0, self.units(one.location, item) - one.spares) for one in some) for item in self.wanted
        }
        last = sum(max(0, number - freely[item]) for item, number in self.wanted.items()) if self.last_unit else 0
        return sum(one.cost for one in some) + self.last_unit * last

    def _covers(self, some: Sequence[Candidate]) -> bool:
        return all(self._there(some, item) >= number for item, number in self.wanted.items())

    def _there(self, some: Iterable[Candidate], item: str) -> int:
        """The units that are left for lines without a location."""
        return sum(self._at(one.location, item) - self._sent_by_name(one.location, item) for one in some)

    def _at(self, location: str, item: str) -> int:
        return self.units(location, item) if any(one.location == location for one in self.candidates) else 0

    def _sent_by_name(self, location: str, item: str) -> int:
        return min(self.fixed.get(location, {}).get(item, 0), self._at(location, item))

    @property
    def _named(self) -> list[str]:
        return [item for items in self.fixed.values() for item in items]

    def _most(self, item: str) -> int:
        """How many units of an item are sent: all that are wanted, or what there is."""
        by_name = sum(self._sent_by_name(location, item) for location in self.fixed)
        return by_name + min(self.wanted.get(item, 0), self._there(self.candidates, item))
