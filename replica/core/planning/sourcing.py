"""Sourcing: the cheapest way that is found to send the lines of an order from some candidates.

The cost of a way is the cost of each location that sends something, and of each of the last units of an item that is
taken. To find the best is hard (it contains the facility location problem), and an order waits, so this looks at:

1. the cheapest single locations that have everything, unless no other way can be cheaper
2. sets of two and three of the cheapest locations, or all sets if there are few
3. larger sets, each made as cheap as the steps of a search allow (`location_sets`)
4. each other single location that costs less than what was found

Backups are considered only if the others do not have everything. The units of a line may come from several locations;
their sum is exact. Nothing here takes more than there is, because `Rights` counts what each line leaves.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence

from msgspec import Struct, to_builtins
from msgspec.structs import replace

from replica.core.base.errors import NotDeliverable
from replica.core.catalog.skus import Recipe
from replica.core.orders.promised import Promised
from replica.core.orders.sourcing import Rights, Shortfall, SourcingPlan, WantedLine
from replica.core.planning.candidates import BannedLine, Candidate
from replica.core.planning.location_sets import LocationSets

Units = Callable[[str, str], int]
"""How many units of an item the lines may take at a location."""

Promises = Callable[[str, int], Promised | None]
"""When some units leave a location and arrive."""

POOL_MAX = 40
"""The cheapest locations with some of the goods that are combined. The others are only looked at one by one."""

ALL_SETS_MAX = 8
"""So many locations are combined in all ways."""

PAIRS_OF = 20
"""The cheapest locations that are combined in pairs."""

WAYS_OF_MAX = 200
"""Lines times locations that are divided in one way after the other: how deep that search may go."""

STEPS_MAX = 5_000
"""Steps of a search that divides lines with common items in one way after the other: a few milliseconds."""

TRIPLES_OF = 10
"""The cheapest locations that are combined in threes."""


class Way(Struct, frozen=True):
    """One way to serve lines: how much of each line comes from each location, and what it costs."""

    taken: dict[str, dict[int, int]]
    cost: int


class DeliverySources(Struct, frozen=True):
    """The candidates of one order, cheapest first. It chooses among them when the order is decided."""

    candidates: tuple[Candidate, ...]
    banned: tuple[BannedLine, ...] = ()
    promises: Promises = lambda location, units: None

    def promise(self, location: str, units: int) -> Promised | None:
        """When some units leave a location and arrive; None if they never leave."""
        return self.promises(location, units)

    @property
    def may_send(self) -> tuple[str, ...]:
        """The locations that may send the order."""
        return tuple(one.location for one in self.candidates)

    def choose(self, units: Units, lines: Sequence[WantedLine]) -> SourcingPlan:
        """The locations that send the lines, and what of them cannot be sent. A named location is the only one.

        Raises NotDeliverable if a line is banned.
        """
        wanted = dict.fromkeys(line.index for line in lines)
        banned = [to_builtins(one) for one in self.banned if one.line in wanted]
        if banned:
            raise NotDeliverable(banned)
        by_name = {one.location: one for one in self.candidates}
        taken: dict[str, dict[int, int]] = {}
        short: list[Shortfall] = []
        rights = Rights(units)
        for line in lines:
            if line.location is not None:
                there = rights.covers(line.location, line) if line.location in by_name else 0
                found = min(line.quantity, there)
                if found:
                    rights.take(line.location, line, found)
                    taken.setdefault(line.location, {})[line.index] = found
                if found < line.quantity:
                    short.append(Shortfall(line, found))
        floating = [line for line in lines if line.location is None]
        if floating:
            search = _Search(_left_over(units, lines, taken), floating, self._pool(taken))
            way = search.best()
            for location, quantities in way.taken.items():
                taken.setdefault(location, {}).update(quantities)
            for line in floating:
                covered = sum(quantities.get(line.index, 0) for quantities in way.taken.values())
                if covered < line.quantity:
                    short.append(Shortfall(line, covered))
        short.sort(key=lambda one: one.wanted.index)
        return SourcingPlan(taken, short)

    def _pool(self, used: Iterable[str]) -> list[Candidate]:
        """The candidates as they cost for further lines: a location that sends something anyway costs nothing more."""
        free = dict.fromkeys(used)
        pool = [_without_cost(one) if one.location in free else one for one in self.candidates]
        return sorted(pool, key=lambda one: (one.cost, one.location))

    def cost_of(self, units: Units, lines: Sequence[WantedLine], plan: SourcingPlan) -> dict[str, int]:
        """What each location of a plan costs."""
        by_name = {one.location: one for one in self.candidates}
        recipes = {line.index: line for line in lines}
        return {
            location: by_name[location].cost + _last_cost(by_name[location], units, recipes, quantities)
            for location, quantities in plan.taken.items()
        }


def _once(units: Units) -> Units:
    """A function that looks at each pair of a location and an item once."""
    known: dict[tuple[str, str], int] = {}

    def once(location: str, item: str) -> int:
        pair = (location, item)
        found = known.get(pair)
        if found is None:
            found = known[pair] = units(location, item)
        return found

    return once


def _without_cost(candidate: Candidate) -> Candidate:
    return Candidate(
        location=candidate.location,
        cost=0,
        parts={},
        dispatch_ms=candidate.dispatch_ms,
        last_units=candidate.last_units,
        last_unit=candidate.last_unit,
        distance_km=candidate.distance_km,
    )


def _left_over(units: Units, lines: Sequence[WantedLine], taken: dict[str, dict[int, int]]) -> Units:
    """The units that are left after what named locations send."""
    if not taken:
        return units
    used: dict[tuple[str, str], int] = {}
    recipes = {line.index: line.recipe for line in lines}
    for location, quantities in taken.items():
        for index, quantity in quantities.items():
            for item, number in recipes[index]:
                used[location, item] = used.get((location, item), 0) + number * quantity
    return lambda location, item: units(location, item) - used.get((location, item), 0)


def _last_cost(candidate: Candidate, units: Units, lines: dict[int, WantedLine], quantities: dict[int, int]) -> int:
    """What the last units cost that a location gives away."""
    if not candidate.last_units or not candidate.last_unit:
        return 0
    used: dict[str, int] = {}
    for index, quantity in quantities.items():
        for item, number in lines[index].recipe:
            used[item] = used.get(item, 0) + number * quantity
    return candidate.last_unit * sum(
        max(0, number - max(0, units(candidate.location, item) - candidate.last_units)) for item, number in used.items()
    )


class _Search:
    """The search for the cheapest way to serve lines that name no location."""

    def __init__(self, units: Units, lines: Sequence[WantedLine], pool: Sequence[Candidate]) -> None:
        self._units: Units = _once(units)
        self._lines = lines
        self._by_index = {line.index: line for line in lines}
        self._pool = pool
        self._has: dict[str, list[int]] = {}
        """How much a location has of each need, for the locations that are combined."""
        self._needed: dict[str, int] = {}
        """Units of each item in all lines."""
        self._needs: list[tuple[Recipe, int]] = []
        """What a set of locations must have: these units, and as many of each recipe as the lines with it want."""
        self._best: Way | None = None
        self._steps_left = STEPS_MAX
        items = [item for line in lines for item, _ in line.recipe]
        self._shares_items = len(dict.fromkeys(items)) < len(items)

    def best(self) -> Way:
        """The cheapest way that was found. If there is none for all lines, one that serves what there is of them."""
        self._lines = [line for line in map(self._reachable, self._lines) if line.quantity]
        if not self._lines:
            return Way({}, 0)
        for line in self._lines:
            for item, number in line.recipe:
                self._needed[item] = self._needed.get(item, 0) + number * line.quantity
        self._needs = [(((item, 1),), number) for item, number in self._needed.items()]
        for line in self._lines:
            if sum(number for _, number in line.recipe) > 1:  # its units must lie together
                self._needs.append((line.recipe, line.quantity))
        for pool in ([one for one in self._pool if not one.is_backup], self._pool):
            if any(self._total(pool, line) < line.quantity for line in self._lines):
                continue
            self._try_single(pool[:POOL_MAX])
            if self._best is None or (len(pool) > 1 and self._best.cost > pool[0].cost + pool[1].cost):
                self._try_sets(pool)
                self._try_single(pool[POOL_MAX:])  # most cost more than what was found
            if self._best is None:
                self._try_large_sets(self._useful(pool, len(pool)))
            if self._best is not None:
                return self._best
        return self._most(self._pool)

    def _reachable(self, line: WantedLine) -> WantedLine:
        """A line with what all locations together have of it, if that is less."""
        total = self._total(self._pool, line)
        return line if total >= line.quantity else replace(line, quantity=total)

    def _total(self, pool: Iterable[Candidate], line: WantedLine) -> int:
        """What locations have of a line alone; enough of them for its quantity are looked at."""
        rights, total = Rights(self._units), 0
        for one in pool:
            total += max(0, rights.covers(one.location, line))
            if total >= line.quantity:
                break
        return total

    def _try_single(self, pool: Sequence[Candidate]) -> None:
        """Each location that has everything. An item that ruled one out comes first, because it rules out others."""
        needed = list(self._needed.items())
        units = self._units
        for one in pool:
            if self._best is not None and (one.cost, 1) >= (self._best.cost, len(self._best.taken)):
                return
            location = one.location
            for place, (item, number) in enumerate(needed):
                if units(location, item) < number:
                    if place:
                        needed.insert(0, needed.pop(place))
                    break
            else:
                self._note({location: {line.index: line.quantity for line in self._lines}}, {location: one})

    def _try_sets(self, pool: Sequence[Candidate]) -> None:
        """Sets of several locations: small ones, each once, cheapest first, and then larger ones."""
        useful = self._useful(pool, POOL_MAX)
        sets = self._sets_of(useful, {})
        for some in sets.small_sets(PAIRS_OF, TRIPLES_OF, ALL_SETS_MAX):
            if self._best is not None and sets.cost(some) >= self._best.cost:
                break
            self._try_set([useful[one] for one in some])
        if len(useful) > ALL_SETS_MAX or self._best is None:
            self._try_large_sets(useful)

    def _try_large_sets(self, useful: Sequence[Candidate]) -> None:
        """Sets of any number of locations. If some keep last units, also sets that need none of these."""
        kept = {one.location: one.last_units for one in useful if one.last_units and one.last_unit}
        for keeping in ({}, kept) if kept else ({},):
            sets = self._sets_of(useful, keeping)
            for some in sets.cheap_sets():
                if self._best is None or sets.cost(some) < self._best.cost:
                    self._try_set([useful[one] for one in some])

    def _sets_of(self, useful: Sequence[Candidate], keeping: Mapping[str, int]) -> LocationSets:
        """Sets of locations by what each has of the needs, without the units that it keeps."""
        has = [self._has[one.location] for one in useful]
        if keeping:

            def spare(location: str, item: str) -> int:
                return self._units(location, item) - keeping.get(location, 0)

            has = [self._column(one.location, spare) for one in useful]
        return LocationSets([quantity for _, quantity in self._needs], has, [one.cost for one in useful])

    def _useful(self, pool: Sequence[Candidate], most: int) -> list[Candidate]:
        """The cheapest locations that have some of the lines: so many, or more if they need it to have all of them."""
        useful = []
        left = [quantity for _, quantity in self._needs]
        for one in pool:
            has = self._column(one.location, self._units)
            if any(has):
                self._has[one.location] = has
                useful.append(one)
                left = [more - there for more, there in zip(left, has, strict=True)]
            if len(useful) >= most and max(left) <= 0:
                break
        return useful

    def _column(self, location: str, units: Units) -> list[int]:
        """What a location has of each need alone, at most what is needed."""
        column = []
        for recipe, quantity in self._needs:
            most = quantity
            for item, number in recipe:
                there = units(location, item) // number
                if there < most:
                    most = max(0, there)
            column.append(most)
        return column

    def _try_set(self, some: Sequence[Candidate]) -> None:
        taken = self._assign(some)
        if taken is not None:
            self._note(taken, {one.location: one for one in some})

    def _note(self, taken: dict[str, dict[int, int]], some: dict[str, Candidate]) -> None:
        cost = sum(
            some[location].cost + _last_cost(some[location], self._units, self._by_index, quantities)
            for location, quantities in taken.items()
        )
        if self._best is None or (cost, len(taken)) < (self._best.cost, len(self._best.taken)):
            self._best = Way(taken, cost)

    def _assign(self, some: Sequence[Candidate]) -> dict[str, dict[int, int]] | None:
        """Divide all lines among locations; None if that does not work out.

        Lines that few locations have come first. A line that is left over comes first the next time. If lines share
        items, ways are tried one by one at last.
        """
        sources = [sum(self._has_some(one, line) for one in some) for line in self._lines]
        order = sorted(
            range(len(self._lines)), key=lambda place: (sources[place], -len(self._lines[place].recipe), place)
        )
        lines = [self._lines[place] for place in order]
        for _ in range(len(lines) + 1):
            taken, refused = self._divide(some, lines)
            if refused is None:
                return taken
            if lines[0] is refused:
                break
            lines.remove(refused)
            lines.insert(0, refused)
        is_small = len(lines) * len(some) <= WAYS_OF_MAX
        return self._try_ways(some, lines) if self._shares_items and is_small else None

    def _has_some(self, one: Candidate, line: WantedLine) -> bool:
        return all(self._units(one.location, item) >= number for item, number in line.recipe)

    def _try_ways(self, some: Sequence[Candidate], lines: Sequence[WantedLine]) -> dict[str, dict[int, int]] | None:
        """Divide lines in one way after the other, until all fit or this search has made its steps."""
        rights, taken = Rights(self._units), dict[str, dict[int, int]]()

        def fits(at: int, place: int, left: int) -> bool:
            if not left:
                return at + 1 == len(lines) or fits(at + 1, 0, lines[at + 1].quantity)
            if place == len(some) or not self._steps_left:
                return False
            line, location = lines[at], some[place].location
            for units in range(min(left, max(0, rights.covers(location, line))), -1, -1):
                self._steps_left = max(0, self._steps_left - 1)
                rights.take(location, line, units)
                if fits(at, place + 1, left - units):
                    if units:
                        taken.setdefault(location, {})[line.index] = units
                    return True
                rights.take(location, line, -units)
            return False

        return taken if fits(0, 0, lines[0].quantity) else None

    def _divide(
        self, some: Sequence[Candidate], lines: Sequence[WantedLine], *, is_partial: bool = False
    ) -> tuple[dict[str, dict[int, int]], WantedLine | None]:
        """Take each line where it fits as a whole, else where most of it is. Last units are taken at the end."""
        rights = Rights(self._units)
        kept = {one.location: one.last_units for one in some if one.last_units}
        spare = Rights(lambda location, item: max(0, self._units(location, item) - kept.get(location, 0)))
        both = (spare, rights) if kept else (rights,)
        taken: dict[str, dict[int, int]] = {}
        for line in lines:
            left = line.quantity
            for looked_at in both:
                while left:
                    found = [(max(0, looked_at.covers(one.location, line)), one) for one in some]
                    whole = next((one for there, one in found if there >= left), None)
                    most, chosen = (left, whole) if whole is not None else max(found, key=lambda one: one[0])
                    if most <= 0:
                        break
                    for each in both:
                        each.covers(chosen.location, line)
                        each.take(chosen.location, line, most)
                    here = taken.setdefault(chosen.location, {})
                    here[line.index] = here.get(line.index, 0) + most
                    left -= most
            if left and not is_partial:
                return taken, line
        return taken, None

    def _most(self, pool: Sequence[Candidate]) -> Way:
        """What there is, if that is not everything: backups after the others."""
        useful = sorted(self._useful(pool, len(pool)), key=lambda one: (one.is_backup, one.cost, one.location))
        taken = self._divide(useful, self._lines, is_partial=True)[0] if useful else {}
        return Way(taken, 0)
