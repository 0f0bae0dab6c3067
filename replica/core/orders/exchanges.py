"""Exchanges: what an order takes instead of the units that it gives back.

The units that an exchange gives back count for the same exchange. If the free units are too few, the replacement takes
some of those: they stay held, and later go back to the account that they came from first. So an exchange of nine held
units for ten of the same item needs one free unit, whatever account the nine came from, and no account goes below zero.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from msgspec import UNSET, Struct

from replica.core.base.errors import RightsExhausted
from replica.core.catalog.skus import Recipe
from replica.core.orders.allocations import Allocation
from replica.core.orders.context import OrderContext
from replica.core.orders.order import Fulfilment, Order
from replica.core.orders.placement import barcodes_of, resolve_line
from replica.core.orders.requests import OrderEvent
from replica.core.orders.sources import Source
from replica.core.orders.sourcing import WantedLine, allocate

Units = Mapping[tuple[str, str], int]
"""Units by item and account."""


class Replacement(Struct, frozen=True):
    """What an exchange takes."""

    taken: tuple[Allocation, ...] = ()
    """Of an entry that has no hash yet."""
    staying: Units = {}
    """Units among `taken` that the same exchange gives back: they are held all the time."""
    barcodes: tuple[tuple[str, str], ...] = ()


class _Pool(Struct):
    """Units of one item that the replacement may take out of one account."""

    account: str
    left: int
    is_given_back: bool


def take_instead(
    context: OrderContext, order: Order, fulfilment: Fulfilment, event: OrderEvent, given_back: Sequence[Allocation]
) -> Replacement:
    """Take the replacement of an exchange at the location of the fulfilment. Raises Refused."""
    if event.replacement is UNSET:
        return Replacement()
    wanted = []
    for index, line in enumerate(event.replacement):
        sku, recipe = resolve_line(context.catalog, line, index, "replacement")
        wanted.append(
            WantedLine(index=index, sku=sku, recipe=recipe, quantity=line.quantity, location=fulfilment.location)
        )
    source, back = context.source(order.channel), _units_of(given_back)
    of_items: dict[str, int] = {}
    for (item, _), units in back.items():
        of_items[item] = of_items.get(item, 0) + units
    plan = allocate(
        context.ledger,
        context.locations,
        lambda location, item: source.units(location, item) + of_items.get(item, 0),
        wanted,
    )
    if plan.short:
        raise RightsExhausted([one.fields() for one in plan.short])
    barcodes = barcodes_of(event.replacement, wanted)
    counts: dict[tuple[str, Recipe], int] = {}
    for one in wanted:
        counts[one.sku, one.recipe] = counts.get((one.sku, one.recipe), 0) + one.quantity
    pools = _pools(source, fulfilment.location, [item for _, recipe in counts for item, _ in recipe], back)
    staying: dict[tuple[str, str], int] = {}
    taken = [one for (sku, recipe), number in counts.items() for one in _draw(pools, sku, recipe, number, staying)]
    return Replacement(tuple(taken), staying, barcodes)


def _units_of(allocations: Iterable[Allocation]) -> dict[tuple[str, str], int]:
    """The units of allocations, by item and the account that they came from."""
    units: dict[tuple[str, str], int] = {}
    for allocation in allocations:
        for index, (item, number) in enumerate(allocation.recipe):
            name = (item, allocation.source_of(index))
            units[name] = units.get(name, 0) + number * allocation.quantity
    return units


def _pools(source: Source, location: str, items: Iterable[str], back: Units) -> dict[str, list[_Pool]]:
    """For each item: the account that orders take from now, then the units that are given back, that account first."""
    pools: dict[str, list[_Pool]] = {}
    for item in dict.fromkeys(items):
        account = source.account(location, item)
        given = [_Pool(name, units, True) for (of, name), units in back.items() if of == item]
        given.sort(key=lambda one: one.account != account)
        pools[item] = [_Pool(account, source.units(location, item), False), *given]
    return pools


def _draw(
    pools: Mapping[str, list[_Pool]], sku: str, recipe: Recipe, quantity: int, staying: dict[tuple[str, str], int]
) -> list[Allocation]:
    """Take a quantity of one SKU out of the pools: one allocation for all that come from the same accounts."""
    counts: dict[tuple[tuple[str, int, str], ...], int] = {}
    while quantity:
        fronts = {item: next(pool for pool in pools[item] if pool.left) for item, _ in recipe}
        number = max(1, min(quantity, *(fronts[item].left // units for item, units in recipe)))
        taken: dict[tuple[str, str], int] = {}
        for item, units in recipe:
            missing = units * number
            for pool in pools[item]:
                part = min(missing, pool.left)
                if part:
                    pool.left -= part
                    missing -= part
                    taken[item, pool.account] = taken.get((item, pool.account), 0) + part
                    if pool.is_given_back:
                        staying[item, pool.account] = staying.get((item, pool.account), 0) + part
        pieces = tuple((item, units // number, account) for (item, account), units in taken.items())
        counts[pieces] = counts.get(pieces, 0) + number
        quantity -= number
    allocations = []
    for pieces, number in counts.items():
        sources = tuple(account for _, _, account in pieces)
        allocations.append(
            Allocation(
                entry=b"",
                sku=sku,
                quantity=number,
                recipe=tuple((item, units) for item, units, _ in pieces),
                source=sources[0],
                sources=sources if len(dict.fromkeys(sources)) > 1 else (),
            )
        )
    return allocations
