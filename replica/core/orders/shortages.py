"""Shortages: which holds are given up where more is promised than is in the building. Pure decisions.

A pair is short by the units that all free rights together are below zero: then nothing is left that could cover what
was sold past them, and some units held for orders are not there. A hub names the holds to give up: newest unpaid
first, then newest paid ones that nobody picks yet, whole fulfilments, until what they hold makes up for it. To name
one is to ask its owner (`ask`, outcome `shortage`). What was named counts as given up until its owner answered, so
one shortage is named once, by whomever. The owner decides on what it sees then (`order_movements`).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence

from msgspec import Struct

from replica.core.base.limits import SELECTIONS_MAX
from replica.core.ledger.cells import Ledger, Stock
from replica.core.orders.machine import Nature
from replica.core.orders.order import SHORTAGE, Fulfilment, Order
from replica.core.orders.requests import Revocation
from replica.core.orders.sourcing import WantedLine, allocate

PICKING = "picking"


class Candidate(Struct, frozen=True):
    """A hold of units of which there are too few."""

    is_paid: bool
    clock: int
    """When it began."""
    request: Revocation
    units: dict[tuple[str, str], int]
    """What it holds of what is short."""
    is_named: bool


def short_by(stock: Stock) -> int:
    """Units of a pair that are promised to orders and not there, as far as is known."""
    return max(0, -stock.available)


def may_revoke(fulfilment: Fulfilment) -> bool:
    """Whether a fulfilment holds units that nobody picks yet."""
    return fulfilment.nature is Nature.HOLDS and fulfilment.state != PICKING


def is_short(ledger: Ledger, fulfilment: Fulfilment) -> bool:
    """Whether any item that a fulfilment holds is short at its location."""
    items = dict.fromkeys(item for allocation in fulfilment.allocations for item, _ in allocation.recipe)
    return any(short_by(ledger.stock(fulfilment.location, item)) for item in items)


def selections(order: Order, fulfilment: Fulfilment) -> tuple[int, bool]:
    """How often a fulfilment was named, and whether its owner has yet to answer."""
    named = [one for one in order.parked if one.why == SHORTAGE and one.concerns(fulfilment)]
    return len(named), any(one.waits_for(fulfilment) for one in named)


def may_select(ledger: Ledger, order: Order, fulfilment: Fulfilment) -> bool:
    """Whether to ask its owner to give up a fulfilment makes sense still."""
    count, is_named = selections(order, fulfilment)
    return not is_named and count < SELECTIONS_MAX and may_revoke(fulfilment) and is_short(ledger, fulfilment)


def candidates(orders: Iterable[Order], short: Mapping[tuple[str, str], int]) -> list[Candidate]:
    """Holds that could be given up for some short pairs, and those that were named already."""
    found = []
    for order in orders:
        for fulfilment in order.fulfilments.values():
            units: dict[tuple[str, str], int] = {}
            for allocation in fulfilment.allocations:
                for item, number in allocation.recipe:
                    pair = (fulfilment.location, item)
                    if pair in short:
                        units[pair] = units.get(pair, 0) + number * allocation.quantity
            if not units:
                continue
            count, is_named = selections(order, fulfilment)
            if is_named or (count < SELECTIONS_MAX and may_revoke(fulfilment)):
                clock = fulfilment.history[0].clock
                request = Revocation(order.name, fulfilment.id)
                found.append(Candidate(not fulfilment.expires_ms, clock, request, units, is_named))
    return found


def select(found: Iterable[Candidate], short: Mapping[tuple[str, str], int]) -> list[Revocation]:
    """Name the holds to give up, so that with those named before they make up for what is short, where they can."""
    left = dict(short)
    named = []
    for one in sorted(found, key=lambda one: (not one.is_named, one.is_paid, -one.clock, one.request.order)):
        if not one.is_named and all(left[pair] <= 0 for pair in one.units):
            continue
        for pair, units in one.units.items():
            left[pair] -= units
        if not one.is_named:
            named.append(one.request)
    return named


def elsewhere(
    ledger: Ledger, locations: Sequence[str], units: Callable[[str, str], int], fulfilment: Fulfilment
) -> tuple[str, list[WantedLine]] | None:
    """Another location where a node can hold all that a fulfilment holds, its own first; None where the customer chose
    the location, and where there is none."""
    if fulfilment.is_fixed or not fulfilment.allocations:
        return None
    there = ledger.locations(fulfilment.allocations[0].recipe[0][0])
    own = [location for location in locations if location in there]
    for location in dict.fromkeys([*own, *there]):
        wanted = [
            WantedLine(index, allocation.sku, allocation.recipe, allocation.quantity, location)
            for index, allocation in enumerate(fulfilment.allocations)
        ]
        if location != fulfilment.location and not allocate(ledger, locations, units, wanted).short:
            return location, wanted
    return None


def about(order: Order, name: str) -> list[Fulfilment]:
    """The fulfilments that an event is about: the one it names, and for what was given up what stands for it.

    Without a name all that go on; those that ended where none does, and those that lost where nothing else is.
    """
    instead = {one.instead_of: one for one in order.fulfilments.values()}
    if not name:
        all_of_it = [one for _, one in sorted(order.fulfilments.items()) if one.id not in instead]
        lost = order.lost()
        standing = [one for one in all_of_it if one.id not in lost] or all_of_it
        return [one for one in standing if one.nature is not Nature.ENDED] or standing
    found = order.fulfilments.get(name)
    for _ in order.fulfilments:
        found = instead.get(found.id, found) if found is not None else None
    return [found] if found is not None else []


def next_id(order: Order, node: str) -> str:
    """The id of the next fulfilment that a node begins for an order."""
    ids = [one.rpartition(".") for one in order.fulfilments]
    return f"{node}.{1 + max((int(last) for name, _, last in ids if name == node and last.isdigit()), default=0)}"
