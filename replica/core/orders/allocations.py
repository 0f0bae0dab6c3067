"""Allocations of an order: the units that entries took for its SKUs, and reversals, which name some of them."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import msgspec
from msgspec import UNSET, Struct, UnsetType

from replica.core.base.errors import Invalid
from replica.core.base.limits import ALLOCATED_ITEMS_MAX
from replica.core.stock.requests import SkuLine


class Allocation(Struct, frozen=True, array_like=True, gc=False):
    """Units that one entry took for a SKU: `quantity` SKUs of this recipe, out of `source`. A reversal names it.

    If the items came from several accounts, `sources` has the account of each, in the order of the recipe.
    """

    entry: bytes
    sku: str
    quantity: int
    recipe: tuple[tuple[str, int], ...]
    source: str
    sources: tuple[str, ...] = ()

    def source_of(self, index: int) -> str:
        """The account that the item at this index of the recipe was taken from."""
        return self.sources[index] if index < len(self.sources) else self.source


class Reversal(Struct, frozen=True, array_like=True):
    """A number of SKUs of the allocation that an entry made."""

    entry: bytes
    sku: str
    quantity: int


def without(allocations: list[Allocation], reversals: Iterable[Reversal]) -> list[Allocation]:
    """What is left of allocations after some reversals."""
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
    """Refuse more than one fulfilment may hold, so that one entry can release all of it. Raises Invalid."""
    items = sum(len(allocation.recipe) for allocation in allocations)
    if items > ALLOCATED_ITEMS_MAX:
        raise Invalid(
            f"the SKUs in {field} have {items} items at one location, and {ALLOCATED_ITEMS_MAX} are the most:"
            " divide them over several orders",
            field=field,
        )


def named_reversals(
    allocations: Iterable[Allocation], lines: Sequence[SkuLine] | UnsetType, field: str
) -> tuple[Reversal, ...]:
    """Name units by the entries that took them: all, or those of some lines, latest taken first. Raises Invalid."""
    if lines is UNSET:
        return tuple(Reversal(allocation.entry, allocation.sku, allocation.quantity) for allocation in allocations)
    held = list(allocations)
    if not held:
        raise Invalid(f"{field} name units, and the fulfilment has nothing left: check its state first", field=field)
    reversals: dict[tuple[bytes, str], int] = {}
    left = {(allocation.entry, allocation.sku): allocation.quantity for allocation in held}
    for index, line in enumerate(lines):
        if line.sku is UNSET or line.barcode is not UNSET:
            raise Invalid(
                "a line of an existing order is named by its sku, not by barcode", field=f"{field}[{index}].sku"
            )
        missing = line.quantity
        for allocation in reversed(held):
            name = (allocation.entry, allocation.sku)
            taken = min(missing, left[name]) if allocation.sku == line.sku else 0
            if taken:
                left[name] -= taken
                missing -= taken
                reversals[name] = reversals.get(name, 0) + taken
        if missing:
            raise Invalid(
                f"the line names {line.quantity}, and only {line.quantity - missing} of {line.sku} are there:"
                " name fewer",
                field=f"{field}[{index}].quantity",
            )
    return tuple(Reversal(entry, sku, quantity) for (entry, sku), quantity in reversals.items())


def cut(allocations: Iterable[Allocation], reversals: Iterable[Reversal]) -> list[Allocation]:
    """The allocations that some reversals are of, each with the quantity of its reversal."""
    of = {(allocation.entry, allocation.sku): allocation for allocation in allocations}
    return [
        msgspec.structs.replace(of[reversal.entry, reversal.sku], quantity=reversal.quantity) for reversal in reversals
    ]
