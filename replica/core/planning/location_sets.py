"""Sets of locations that together have enough of each need, and how cheap they can be made.

A need is a number of units of an item, or of sets of units that one line wants together. What a location has of all
needs is one whole number, with a field of bits for each. So what a set has is a sum, and one comparison says whether
all needs are covered. This is much faster than a loop over needs, and a search looks at many sets.

A set is begun with the locations that complete most needs for their cost. It is made cheaper by replacing one or two
locations by one, or one by two, as long as that helps. Then each of its locations is left out once, and the rest is
completed and made cheaper again. The steps are counted, so that an order waits for a few milliseconds at most.

Lines that share an item may still not fit together. `sourcing` divides the lines of an order over the sets that are
found here.
"""

from __future__ import annotations

import sys
from array import array
from collections.abc import Iterator, Sequence
from itertools import combinations

FIELDS = ("B", "H", "I", "Q")
"""Types of arrays whose elements are fields, narrowest first: of 8, 16, 32 and 64 bits."""

STEPS_MAX = 12_000
"""Steps of one search: each is a look at a set or at a location, and takes a fraction of a microsecond."""

PAIRS_OF = 40
"""The cheapest locations of which pairs are tried in place of one location."""


class LocationSets:
    """Sets of some locations, by their places among these.

    Args:
        wanted: the quantity of each need, at least 1.
        has: what each location has of each need, at most the quantity that is wanted.
        costs: of the locations, ascending.
    """

    __slots__ = (
        "_completes",
        "_costs",
        "_has",
        "_packed",
        "_pairs",
        "_slack",
        "_steps_left",
        "_tops",
        "_wanted",
        "_width",
    )

    def __init__(self, wanted: Sequence[int], has: Sequence[Sequence[int]], costs: Sequence[int]) -> None:
        self._wanted = wanted
        self._has = has
        self._costs = costs
        most = max((*wanted, *map(sum, zip(*has, strict=True))), default=0)
        field = next(one for one in FIELDS if most < 1 << 8 * array(one).itemsize - 1)
        self._width = 8 * array(field).itemsize
        top = 1 << self._width - 1
        """The highest bit of a field. A field reaches it if its need is covered."""
        self._packed = [_packed(field, one) for one in has]
        self._slack = _packed(field, [top - quantity for quantity in wanted])
        self._tops = _packed(field, [top] * len(wanted))
        self._completes = [(one + self._slack) & self._tops for one in self._packed]
        """The needs that each location covers alone, as the highest bits of their fields."""
        self._pairs: list[tuple[int, int, int]] | None = None
        self._steps_left = STEPS_MAX

    def small_sets(self, pairs_of: int, triples_of: int, all_of: int) -> list[tuple[int, ...]]:
        """The sets of two of so many cheapest locations and of three of so many that cover all needs, cheapest first.

        All sets of two and more, if there are at most `all_of` locations.
        """
        count = len(self._has)
        sizes = {2: pairs_of, 3: triples_of} if count > all_of else dict.fromkeys(range(2, count + 1), count)
        found = [
            some
            for size, of in sizes.items()
            for some in combinations(range(min(of, count)), size)
            if self._reaches(self._sum(some))
        ]
        return sorted(found, key=self.cost)

    def cheap_sets(self) -> Iterator[list[int]]:
        """Some sets that cover all needs, each as cheap as it could be made in the steps that there are."""
        begun = self._completed([])
        if begun is None:
            return
        best = self._improved(begun)
        yield best
        is_better = True
        while is_better:
            base, is_better = best, False
            for left_out in sorted(base, reverse=True):
                if self._steps_left <= 0:
                    return
                other = self._completed([one for one in base if one != left_out], left_out)
                if other is None:
                    continue
                other = self._improved(other)
                yield other
                if self._rank(other) < self._rank(best):
                    best, is_better = other, True

    def cost(self, some: Sequence[int]) -> int:
        """The sum of the costs of a set."""
        return sum(self._costs[one] for one in some)

    def _rank(self, some: Sequence[int]) -> tuple[int, int]:
        return (self.cost(some), len(some))

    def _completed(self, begun: Sequence[int], left_out: int | None = None) -> list[int] | None:
        """A set with locations added, those first that serve most for their cost; None if all do not suffice."""
        some = list(begun)
        left = {place: self._left(place, begun) for place in range(len(self._wanted))} if begun else {}
        begun_needs = {place: quantity for place, quantity in left.items() if quantity < self._wanted[place]}
        whole = self._tops  # needs of which nothing is covered yet
        for place in begun_needs:
            whole &= ~self._top(place)
        part = {place: quantity for place, quantity in begun_needs.items() if quantity > 0}
        waiting = [one for one in range(len(self._has)) if one != left_out and one not in some]
        while whole or part:
            chosen = self._most_for_its_cost(waiting, whole, part)
            if chosen is None:
                return None
            some.append(chosen)
            waiting.remove(chosen)
            has = self._has[chosen]
            part = {place: quantity - has[place] for place, quantity in part.items() if has[place] < quantity}
            for place in self._fields(whole & ~self._completes[chosen]):
                if has[place]:
                    part[place] = self._wanted[place] - has[place]
                    whole &= ~self._top(place)
            whole &= ~self._completes[chosen]
        return some

    def _left(self, place: int, some: Sequence[int]) -> int:
        return max(0, self._wanted[place] - sum(self._has[one][place] for one in some))

    def _most_for_its_cost(self, waiting: Sequence[int], whole: int, part: dict[int, int]) -> int | None:
        """The location that completes most needs for its cost; if none completes any, the one that adds most units."""
        best, best_gain, best_cost = None, 0, 1
        self._steps_left -= len(waiting)
        for one in waiting:
            has, cost = self._has[one], self._costs[one] + 1
            gain = (self._completes[one] & whole).bit_count()
            if part:
                gain += sum([has[place] >= quantity for place, quantity in part.items()])
            if gain * best_cost > best_gain * cost:
                best, best_gain, best_cost = one, gain, cost
        if best is not None:
            return best
        wanted = {**dict.fromkeys(self._fields(whole), 0), **part}
        wanted = {place: quantity or self._wanted[place] for place, quantity in wanted.items()}
        self._steps_left -= len(waiting) * len(wanted)
        for one in waiting:
            has, cost = self._has[one], self._costs[one] + 1
            gain = sum([min(has[place], quantity) for place, quantity in wanted.items()])
            if gain * best_cost > best_gain * cost:
                best, best_gain, best_cost = one, gain, cost
        return best

    def _improved(self, some: list[int]) -> list[int]:
        """A set after replacements that make it cheaper, as long as there are any."""
        some = self._without_idle(some)
        while self._steps_left > 0:
            better = self._replaced(some)
            if better is None:
                break
            some = self._without_idle(better)
        return some

    def _without_idle(self, some: Sequence[int]) -> list[int]:
        """A set without locations that the others make unnecessary, the most expensive first."""
        left, total = sorted(some), self._sum(some)
        for one in reversed(list(left)):
            if self._reaches(total - self._packed[one]):
                left.remove(one)
                total -= self._packed[one]
        return left

    def _replaced(self, some: Sequence[int]) -> list[int] | None:
        """A cheaper set in which one or two locations are replaced by one, or one by two; None if none is found."""
        total, packed, costs = self._sum(some), self._packed, self._costs
        slack, tops = self._slack, self._tops
        for gone in [*combinations(reversed(some), 1), *combinations(reversed(some), 2)]:
            rest = total + slack - sum([packed[one] for one in gone])
            most = sum([costs[one] for one in gone])
            for new, units in enumerate(packed):
                if costs[new] >= most:
                    break
                self._steps_left -= 1
                if (rest + units) & tops == tops and (new not in some or new in gone):
                    return [one for one in some if one not in gone] + [new]
            if self._steps_left <= 0:
                return None
        for one in reversed(some):
            rest = total + slack - packed[one]
            for cost, first, second in self._cheap_pairs():
                if cost >= costs[one] or self._steps_left <= 0:
                    break
                self._steps_left -= 1
                if (rest + packed[first] + packed[second]) & tops == tops and first not in some and second not in some:
                    return [each for each in some if each != one] + [first, second]
        return None

    def _cheap_pairs(self) -> list[tuple[int, int, int]]:
        """Pairs of the cheapest locations that cost less than the most expensive one, with their costs, in order."""
        if self._pairs is None:
            costs, most = self._costs, self._costs[-1]
            pairs = combinations(range(min(PAIRS_OF, len(costs))), 2)
            self._pairs = sorted([(costs[a] + costs[b], a, b) for a, b in pairs if costs[a] + costs[b] < most])
        return self._pairs

    def _top(self, place: int) -> int:
        return 1 << self._width * (place + 1) - 1

    def _fields(self, tops: int) -> Iterator[int]:
        """The fields of which a number has the highest bit."""
        while tops:
            lowest = tops & -tops
            yield lowest.bit_length() // self._width - 1
            tops ^= lowest

    def _sum(self, some: Sequence[int]) -> int:
        packed = self._packed
        return sum([packed[one] for one in some])

    def _reaches(self, total: int) -> bool:
        return (total + self._slack) & self._tops == self._tops


def _packed(field: str, values: Sequence[int]) -> int:
    """Values as the fields of one number, the first one in the lowest field."""
    fields = array(field, values)
    if sys.byteorder == "big":
        fields.byteswap()
    return int.from_bytes(fields.tobytes(), "little")
