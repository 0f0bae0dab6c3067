"""Sourcing: from which locations the lines of an order are taken, among those where this node has rights.

One location that covers everything is best: first those that the caller named, then the node's own in their order. If
there is none, each line is taken from the location with most of it, in whole SKUs. Lines with a common item draw on the
same units.
"""

from __future__ import annotations

from collections.abc import Callable, Container, Iterable, Mapping, Sequence
from typing import Protocol

from msgspec import Struct

from replica.core.catalog.skus import Recipe, sellable
from replica.core.ledger.cells import Ledger
from replica.core.orders.promised import Promised


class WantedLine(Struct, frozen=True):
    """One line: a quantity of a SKU, from one location or from any (None)."""

    index: int
    sku: str
    recipe: Recipe
    quantity: int
    location: str | None


class Shortfall(Struct, frozen=True):
    """A line that cannot be covered, and how much of it can."""

    wanted: WantedLine
    covered: int

    def fields(self) -> dict[str, object]:
        """The fields of a refusal: line, SKU, items, SKUs wanted and SKUs there are."""
        wanted = self.wanted
        return {
            "line": wanted.index,
            "sku": wanted.sku,
            "item": ", ".join(item for item, _ in wanted.recipe),
            "wanted": wanted.quantity,
            "free": self.covered,
        }


class SourcingPlan(Struct, frozen=True):
    """How much of each line is taken at each location, and the lines that cannot be covered."""

    taken: dict[str, dict[int, int]]
    short: list[Shortfall]


class Chooser(Protocol):
    """Chooses the locations of one order, instead of `allocate`: for an order that goes to an address."""

    @property
    def may_send(self) -> tuple[str, ...]:
        """The locations that it chooses from, the cheapest first."""

    def choose(self, units: Callable[[str, str], int], lines: Sequence[WantedLine]) -> SourcingPlan:
        """Which location sends how much of each line. `units`: what may be taken at a location. Raises Refused."""

    def promise(self, location: str, units: int) -> Promised | None:
        """When some units leave a location and arrive; None if they never leave."""


class Rights:
    """What is left of a node's rights while lines take from them."""

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
        """Take a number of SKUs; a negative number gives them back."""
        for item, units in wanted.recipe:
            self._left[location, item] -= units * quantity

    def covers_all(self, location: str, lines: Sequence[WantedLine]) -> bool:
        """Whether all of some lines can be taken at one location. Takes nothing."""
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
    """Take lines from a node's rights.

    Args:
        locations: those the node writes for. They come before others where it only has rights.
        units: how many of an item the lines may take at a location.
    """
    rights = Rights(units)
    taken: dict[str, dict[int, int]] = {}
    short: list[Shortfall] = []

    def take(location: str, wanted: WantedLine, quantity: int) -> None:
        rights.take(location, wanted, quantity)
        here = taken.setdefault(location, {})
        here[wanted.index] = here.get(wanted.index, 0) + quantity

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
    """Locations that may have one of some items: those that serve the order already, the node's own, then others."""
    there = dict.fromkeys(location for item in items for location in ledger.locations(item))
    if len(there) == 1:
        return list(there)
    own = [location for location in locations if location in there]
    return list(dict.fromkeys([*used, *own, *sorted(there)]))


def _richest(
    rights: Rights, candidates: Iterable[str], wanted: WantedLine, used: Mapping[str, object]
) -> list[tuple[str, int]]:
    """Locations that serve the order already, then others, both by how much they have of a line, most first."""
    found = [(location, rights.covers(location, wanted)) for location in candidates]
    return sorted(found, key=lambda one: (one[0] not in used, -one[1], one[0]))


def fullest(
    ledger: Ledger, wanted: WantedLine, chooser: Chooser | None = None, pool: Container[str] | None = None
) -> str | None:
    """The location where most of a line is available, to whichever node, as far as this one knows; None for nowhere.

    Of those that a chooser chooses from, if there is one, and that are in the pool, if there is one.
    """
    known = ledger.locations(wanted.recipe[0][0])
    there = {
        location: sellable(wanted.recipe, {item: ledger.stock(location, item).available for item, _ in wanted.recipe})
        for location in (known if chooser is None else [one for one in chooser.may_send if one in known])
    }
    if pool is not None:
        there = {location: units for location, units in there.items() if location in pool}
    location = max(there, key=lambda one: there[one], default=None)
    return location if location is not None and there[location] > 0 else None
