"""Allocations of an order: the units that entries took for its SKUs, and reversals, which name some of them."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Sequence

import msgspec
from msgspec import UNSET, Struct, UnsetType

from replica.core.base.errors import Invalid
from replica.core.base.limits import ALLOCATED_ITEMS_MAX
from replica.core.stock.requests import SkuLine


class Allocation(Struct, frozen=True, array_like=True, gc=False):
    """Units that one entry took for a SKU: `quantity` SKUs of this recipe, out of `source`. A reversal names it.

    If the items came from several accounts, `sources` has the account of each, in the order of the recipe. If units of
    one item came from two accounts, the recipe lists the item twice. If some of the SKUs came from other accounts, the
    entry made several allocations of the SKU; a reversal takes from the last of them first.
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

    @property
    def whole_recipe(self) -> tuple[tuple[str, int], ...]:
        """The recipe with each item once."""
        units: dict[str, int] = {}
        for item, number in self.recipe:
            units[item] = units.get(item, 0) + number
        return tuple(units.items())


class Reversal(Struct, frozen=True, array_like=True):
    """A number of SKUs of the allocation that an entry made."""

    entry: bytes
    sku: str
    quantity: int


def without(allocations: Sequence[Allocation], reversals: Iterable[Reversal]) -> list[Allocation]:
    """What is left of allocations after some reversals."""
    reversed_ = _counted(reversals)
    left = []
    for allocation in reversed(allocations):
        name = (allocation.entry, allocation.sku)
        taken = min(allocation.quantity, reversed_.get(name, 0))
        if taken:
            reversed_[name] -= taken
        if taken < allocation.quantity:
            left.append(msgspec.structs.replace(allocation, quantity=allocation.quantity - taken))
    left.reverse()
    return left


def _counted(reversals: Iterable[Reversal]) -> dict[tuple[bytes, str], int]:
    counts: dict[tuple[bytes, str], int] = {}
    for reversal in reversals:
        counts[reversal.entry, reversal.sku] = counts.get((reversal.entry, reversal.sku), 0) + reversal.quantity
    return counts


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
    allocations: Sequence[Allocation],
    lines: Sequence[SkuLine] | UnsetType,
    field: str,
    skus_of: Callable[[SkuLine, str], Collection[str]],
) -> tuple[Reversal, ...]:
    """Name units by the entries that took them: all, or those of some lines, latest taken first.

    Args:
        skus_of: the SKUs that a line names, and the field to name in an error. See `named_skus`.
    Raises:
        Refused: a line names more than is there.
    """
    if lines is UNSET:
        return all_of(allocations)
    if not allocations:
        raise Invalid(f"{field} name units, and the fulfilment has nothing left: check its state first", field=field)
    reversals: dict[tuple[bytes, str], int] = {}
    left = _counted(all_of(allocations))
    for index, line in enumerate(lines):
        skus = skus_of(line, f"{field}[{index}]")
        missing = line.quantity
        for allocation in reversed(allocations):
            name = (allocation.entry, allocation.sku)
            taken = min(missing, left[name]) if allocation.sku in skus else 0
            if taken:
                left[name] -= taken
                missing -= taken
                reversals[name] = reversals.get(name, 0) + taken
        if missing:
            raise Invalid(
                f"the line names {line.quantity}, and only {line.quantity - missing} of {', '.join(skus)} are there:"
                " name fewer",
                field=f"{field}[{index}].quantity",
            )
    return tuple(Reversal(entry, sku, quantity) for (entry, sku), quantity in reversals.items())


def all_of(allocations: Iterable[Allocation]) -> tuple[Reversal, ...]:
    """All units of some allocations, named by the entries that took them."""
    return tuple(Reversal(allocation.entry, allocation.sku, allocation.quantity) for allocation in allocations)


def cut(allocations: Sequence[Allocation], reversals: Iterable[Reversal]) -> list[Allocation]:
    """The allocations that some reversals are of, each with the quantity that is reversed: the rest of `without`."""
    lots: dict[tuple[bytes, str], list[Allocation]] = {}
    for allocation in allocations:
        lots.setdefault((allocation.entry, allocation.sku), []).append(allocation)
    found = []
    for reversal in reversals:
        missing, of = reversal.quantity, lots.get((reversal.entry, reversal.sku), [])
        while missing and of:
            last = of.pop()
            taken = min(missing, last.quantity)
            missing -= taken
            found.append(msgspec.structs.replace(last, quantity=taken))
            if taken < last.quantity:
                of.append(msgspec.structs.replace(last, quantity=last.quantity - taken))
    return found
