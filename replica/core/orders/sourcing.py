"""Where an order's lines are taken from: among the locations where this node has rights, as few as will do.

One location that covers everything is best, those the caller named before others, in the node's own order; else each
line is taken from where most is left, in whole SKUs. Lines that share an item draw on one and the same number.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence

from msgspec import Struct

from replica.core.catalog.skus import Recipe, sellable
from replica.core.ledger.cells import Ledger


class WantedLine(Struct, frozen=True, gc=False):
    """One line: so many of a SKU, from one location or from any (None)."""

    index: int
    sku: str
    recipe: Recipe
    quantity: int
    location: str | None


class Shortfall(Struct, frozen=True, gc=False):
    """A line that cannot be covered, and by how much."""

    wanted: WantedLine
    covered: int

    def fields(self) -> dict[str, object]:
        """As a refusal tells it: line, SKU, items, SKUs wanted and SKUs there are."""
        wanted = self.wanted
        return {
            "line": wanted.index,
            "sku": wanted.sku,
            "item": ", ".join(item for item, _ in wanted.recipe),
            "wanted": wanted.quantity,
            "free": self.covered,
        }


class SourcingPlan(Struct, frozen=True, gc=False):
    """By location, how much of which line is taken there; and the lines that fell short."""

    taken: dict[str, dict[int, int]]
    short: list[Shortfall]


class _Rights:
    """What is left of a node's rights while lines are given out."""

    def __init__(self, units: Callable[[str, str], int]) -> None:
        self._units = units
        self._left: dict[tuple[str, str], int] = {}

    def covers(self, location: str, wanted: WantedLine) -> int:
        """How many SKUs of a line can be taken at a location."""
        left = self._left
        covered: int | None = None
        for item, units in wanted.recipe:
            there = left.get((location, item))
            if there is None:
                there = left[location, item] = self._units(location, item)
            if covered is None or there // units < covered:
                covered = there // units
        return covered or 0

    def take(self, location: str, wanted: WantedLine, quantity: int) -> None:
        """Give out so many SKUs; less than none gives them back."""
        for item, units in wanted.recipe:
            self._left[location, item] -= units * quantity

    def covers_all(self, location: str, lines: Sequence[WantedLine]) -> bool:
        """Whether all of some lines can be taken at one location; nothing is."""
        if len(lines) == 1:
            return self.covers(location, lines[0]) >= lines[0].quantity
        tried: list[WantedLine] = []
        is_covered = True
        for wanted in lines:
            is_covered = self.covers(location, wanted) >= wanted.quantity
            if not is_covered:
                break
            self.take(location, wanted, wanted.quantity)
            tried.append(wanted)
        for wanted in tried:
            self.take(location, wanted, -wanted.quantity)
        return is_covered


def allocate(
    ledger: Ledger, locations: Sequence[str], units: Callable[[str, str], int], lines: Sequence[WantedLine]
) -> SourcingPlan:
    """Give out a node's rights to lines.

    Args:
        locations: those the node writes for, which come before others where it merely has rights.
        units: how many of an item the lines may take at a location.
    """
    rights = _Rights(units)
    taken: dict[str, dict[int, int]] = {}
    short: list[Shortfall] = []

    def take(location: str, wanted: WantedLine, quantity: int) -> None:
        rights.take(location, wanted, quantity)
        lot = taken.setdefault(location, {})
        lot[wanted.index] = lot.get(wanted.index, 0) + quantity

    for wanted in lines:
        if wanted.location is not None:
            found = min(wanted.quantity, rights.covers(wanted.location, wanted))
            if found:
                take(wanted.location, wanted, found)
            if found < wanted.quantity:
                short.append(Shortfall(wanted, found))
    floating = [wanted for wanted in lines if wanted.location is None]
    if not floating:
        return SourcingPlan(taken, short)
    found_at = candidates(ledger, locations, [wanted.recipe[0][0] for wanted in floating], taken)
    for location in found_at:
        if rights.covers_all(location, floating):
            for wanted in floating:
                take(location, wanted, wanted.quantity)
            return SourcingPlan(taken, short)
    for wanted in floating:
        left = wanted.quantity
        for location, there in _richest(rights, found_at, wanted, taken):
            found = min(left, there)
            if found:
                take(location, wanted, found)
                left -= found
        if left:
            short.append(Shortfall(wanted, wanted.quantity - left))
    short.sort(key=lambda one: one.wanted.index)
    return SourcingPlan(taken, short)


def candidates(ledger: Ledger, locations: Sequence[str], items: Sequence[str], used: Iterable[str]) -> Sequence[str]:
    """Where one of some items may be: the locations that serve the order already, then the node's own, then others."""
    there = dict.fromkeys([location for item in items for location in ledger.locations(item)])
    if len(there) == 1:
        return list(there)
    own = [location for location in locations if location in there]
    return list(dict.fromkeys([*used, *own, *sorted(there)]))


def _richest(
    rights: _Rights, candidates: Iterable[str], wanted: WantedLine, used: Mapping[str, object]
) -> list[tuple[str, int]]:
    """Locations by what they have of a line, most first; those that serve the order already before others."""
    found = [(location, rights.covers(location, wanted)) for location in candidates]
    return sorted(found, key=lambda one: (one[0] not in used, -one[1], one[0]))


def fullest(ledger: Ledger, wanted: WantedLine) -> str | None:
    """The location where most of a line is believed available, whoever's it is; None where that is nothing."""
    there = {
        location: sellable(wanted.recipe, {item: ledger.stock(location, item).available for item, _ in wanted.recipe})
        for location in ledger.locations(wanted.recipe[0][0])
    }
    location = max(there, key=lambda one: there[one], default=None)
    return location if location is not None and there[location] > 0 else None
