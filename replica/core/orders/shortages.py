"""Shortages: which holds to revoke where more is promised than is in the building. Pure decisions.

The rights of all nodes to one item at one location are added up. If the sum is below zero, the pair (location, item) is
short by that many units: more was sold than there was, and some units held for orders are missing. A hub then selects
holds to revoke: first the newest unpaid ones, then the newest paid ones that nobody picks yet. It selects whole
fulfilments, until they hold as many units as are missing.

To select a hold, a hub asks its owner (`AskFacts`, reason `shortage`). Until the owner has answered, all hubs count the
hold as revoked, so they select nothing twice for one shortage. The owner decides by what it sees then (`revocations`).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence

from msgspec import Struct

from replica.core.base.limits import SELECTIONS_MAX
from replica.core.ledger.cells import Ledger, Stock
from replica.core.orders.facts import SHORTAGE
from replica.core.orders.machine import Nature
from replica.core.orders.order import Fulfilment, Order
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
    """Units that it holds of each pair that is short."""
    is_selected: bool
    """Whether its owner was asked to revoke it and has yet to answer."""


def short_by(stock: Stock) -> int:
    """Units of a pair that are promised to orders and missing, as far as this node knows."""
    return max(0, -stock.available)


def may_revoke(fulfilment: Fulfilment) -> bool:
    """Whether a fulfilment holds units that nobody picks yet."""
    return fulfilment.nature is Nature.HOLDS and fulfilment.state != PICKING


def is_short(ledger: Ledger, fulfilment: Fulfilment) -> bool:
    """Whether any item that a fulfilment holds is short at its location."""
    items = dict.fromkeys(item for allocation in fulfilment.allocations for item, _ in allocation.recipe)
    return any(short_by(ledger.stock(fulfilment.location, item)) for item in items)


def selections(order: Order, fulfilment: Fulfilment) -> tuple[int, bool]:
    """How often a fulfilment was selected, and whether its owner has yet to answer."""
    asked = [one for one in order.parked if one.why == SHORTAGE and one.concerns(fulfilment)]
    return len(asked), any(one.waits_for(fulfilment) for one in asked)


def may_select(ledger: Ledger, order: Order, fulfilment: Fulfilment) -> bool:
    """Whether it makes sense to ask the owner of a fulfilment to revoke it."""
    count, is_selected = selections(order, fulfilment)
    return not is_selected and count < SELECTIONS_MAX and may_revoke(fulfilment) and is_short(ledger, fulfilment)


def candidates(orders: Iterable[Order], short: Mapping[tuple[str, str], int]) -> list[Candidate]:
    """Holds that could be revoked for some short pairs, and those that were selected already."""
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
            count, is_selected = selections(order, fulfilment)
            if is_selected or (count < SELECTIONS_MAX and may_revoke(fulfilment)):
                candidate = Candidate(
                    is_paid=not fulfilment.expires_ms,
                    clock=fulfilment.history[0].clock,
                    request=Revocation(order.name, fulfilment.id),
                    units=units,
                    is_selected=is_selected,
                )
                found.append(candidate)
    return found


def select(found: Iterable[Candidate], short: Mapping[tuple[str, str], int]) -> list[Revocation]:
    """Select holds that, with those selected before, hold as many units as are short, where there are enough."""
    left = dict(short)
    selected = []
    for one in sorted(found, key=lambda one: (not one.is_selected, one.is_paid, -one.clock, one.request.order)):
        if not one.is_selected and all(left[pair] <= 0 for pair in one.units):
            continue
        for pair, units in one.units.items():
            left[pair] -= units
        if not one.is_selected:
            selected.append(one.request)
    return selected


def elsewhere(
    ledger: Ledger, locations: Sequence[str], units: Callable[[str, str], int], order: Order, fulfilment: Fulfilment
) -> tuple[str, list[WantedLine]] | None:
    """Another location where a node can hold everything that a fulfilment holds or held, its own locations first.

    If the order goes to an address, it is one that may send it there, the cheapest first. It is none that declined
    these goods. None where the customer chose the location, or there is no other one.
    """
    held = fulfilment.allocations or fulfilment.declined
    if fulfilment.is_fixed or not held:
        return None
    there = ledger.locations(held[0].recipe[0][0])
    left_out = [fulfilment.location, *order.declined_at(allocation.sku for allocation in held)]
    own = [location for location in locations if location in there]
    others = [one for one in fulfilment.may_send if one in there] if fulfilment.may_send else [*own, *there]
    for location in dict.fromkeys(others):
        wanted = [
            WantedLine(
                index=index,
                sku=allocation.sku,
                recipe=allocation.whole_recipe,
                quantity=allocation.quantity,
                location=location,
            )
            for index, allocation in enumerate(held)
        ]
        if location not in left_out and not allocate(ledger, locations, units, wanted).short:
            return location, wanted
    return None
