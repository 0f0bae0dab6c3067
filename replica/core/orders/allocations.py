"""Shares of an order: the units that entries took for its SKUs, and how parts of them are named to be given back."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import msgspec
from msgspec import UNSET, Struct, UnsetType

from replica.core.base.errors import Invalid
from replica.core.base.limits import ALLOCATED_ITEMS_MAX
from replica.core.stock.requests import SkuLine


class Allocation(Struct, frozen=True, array_like=True, gc=False):
    """Units that one entry took for a SKU: `quantity` SKUs of this recipe, out of `source`. A reversal names it.

    `sources` says item by item, in the order of the recipe, where they were taken from when that is not all one.
    """

    entry: bytes
    sku: str
    quantity: int
    recipe: tuple[tuple[str, int], ...]
    source: str
    sources: tuple[str, ...] = ()

    def source_of(self, place: int) -> str:
        """Where the item at this place of the recipe was taken from."""
        return self.sources[place] if place < len(self.sources) else self.source


class Reversal(Struct, frozen=True, array_like=True, gc=False):
    """So many SKUs of the share that an entry took."""

    entry: bytes
    sku: str
    quantity: int


def without(allocations: list[Allocation], reversals: Iterable[Reversal]) -> list[Allocation]:
    """Shares less some parts of them."""
    taken: dict[tuple[bytes, str], int] = {}
    for reversal in reversals:
        taken[reversal.entry, reversal.sku] = taken.get((reversal.entry, reversal.sku), 0) + reversal.quantity
    left = []
    for allocation in allocations:
        quantity = allocation.quantity - taken.get((allocation.entry, allocation.sku), 0)
        if quantity > 0:
            left.append(msgspec.structs.replace(allocation, quantity=quantity))
    return left


def check_allocations(allocations: Iterable[Allocation], field: str) -> None:
    """Refuse more than one fulfilment may hold, so that whatever it holds can be given back. Raises Invalid."""
    items = sum(len(allocation.recipe) for allocation in allocations)
    if items > ALLOCATED_ITEMS_MAX:
        raise Invalid(
            f"{items} items of SKUs to be held at one location, at most {ALLOCATED_ITEMS_MAX} are", field=field
        )


def named_reversals(
    allocations: Iterable[Allocation], lines: Sequence[SkuLine] | UnsetType, field: str
) -> tuple[Reversal, ...]:
    """Name units by the entries that took them: all, or those of some lines, latest taken first. Raises Invalid."""
    if lines is UNSET:
        return tuple(Reversal(allocation.entry, allocation.sku, allocation.quantity) for allocation in allocations)
    left = list(allocations)
    if not left:
        raise Invalid("there is nothing left", field=field)
    reversals: dict[tuple[bytes, str], int] = {}
    room = {(allocation.entry, allocation.sku): allocation.quantity for allocation in left}
    for index, line in enumerate(lines):
        if line.sku is UNSET or line.barcode is not UNSET:
            raise Invalid("name the lines of the order by their sku", field=f"{field}[{index}].sku")
        missing = line.quantity
        for allocation in reversed(left):
            name = (allocation.entry, allocation.sku)
            taken = min(missing, room[name]) if allocation.sku == line.sku else 0
            if taken:
                room[name] -= taken
                missing -= taken
                reversals[name] = reversals.get(name, 0) + taken
        if missing:
            raise Invalid(f"{line.quantity - missing} of {line.sku} are there", field=f"{field}[{index}].quantity")
    return tuple(Reversal(entry, sku, quantity) for (entry, sku), quantity in reversals.items())


def cut(allocations: Iterable[Allocation], reversals: Iterable[Reversal]) -> list[Allocation]:
    """The shares that parts are of, each as large as its part."""
    of = {(allocation.entry, allocation.sku): allocation for allocation in allocations}
    return [
        msgspec.structs.replace(of[reversal.entry, reversal.sku], quantity=reversal.quantity) for reversal in reversals
    ]
