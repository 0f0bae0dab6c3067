"""Shares of an order: the units that entries took for its SKUs, and how parts of them are named to be given back."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import msgspec
from msgspec import UNSET, Struct, UnsetType

from replica.core.base.errors import Invalid
from replica.core.base.limits import PARTS_PER_FULFILMENT_MAX
from replica.core.stock.requests import SkuLine


class Share(Struct, frozen=True, array_like=True, gc=False):
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


class Part(Struct, frozen=True, array_like=True, gc=False):
    """So many SKUs of the share that an entry took."""

    entry: bytes
    sku: str
    quantity: int


def without(shares: list[Share], parts: Iterable[Part]) -> list[Share]:
    """Shares less some parts of them."""
    taken: dict[tuple[bytes, str], int] = {}
    for part in parts:
        taken[part.entry, part.sku] = taken.get((part.entry, part.sku), 0) + part.quantity
    left = []
    for share in shares:
        quantity = share.quantity - taken.get((share.entry, share.sku), 0)
        if quantity > 0:
            left.append(msgspec.structs.replace(share, quantity=quantity))
    return left


def check_parts(shares: Iterable[Share], field: str) -> None:
    """Refuse more than one fulfilment may hold, so that whatever it holds can be given back. Raises Invalid."""
    parts = sum(len(share.recipe) for share in shares)
    if parts > PARTS_PER_FULFILMENT_MAX:
        raise Invalid(
            f"{parts} items of SKUs to be held at one location, at most {PARTS_PER_FULFILMENT_MAX} are", field=field
        )


def named_parts(shares: Iterable[Share], lines: Sequence[SkuLine] | UnsetType, field: str) -> tuple[Part, ...]:
    """Name units by the entries that took them: all, or those of some lines, latest taken first. Raises Invalid."""
    if lines is UNSET:
        return tuple(Part(share.entry, share.sku, share.quantity) for share in shares)
    left = list(shares)
    if not left:
        raise Invalid("there is nothing left", field=field)
    parts: dict[tuple[bytes, str], int] = {}
    room = {(share.entry, share.sku): share.quantity for share in left}
    for index, line in enumerate(lines):
        if line.sku is UNSET or line.barcode is not UNSET:
            raise Invalid("name the lines of the order by their sku", field=f"{field}[{index}].sku")
        missing = line.quantity
        for share in reversed(left):
            name = (share.entry, share.sku)
            taken = min(missing, room[name]) if share.sku == line.sku else 0
            if taken:
                room[name] -= taken
                missing -= taken
                parts[name] = parts.get(name, 0) + taken
        if missing:
            raise Invalid(f"{line.quantity - missing} of {line.sku} are there", field=f"{field}[{index}].quantity")
    return tuple(Part(entry, sku, quantity) for (entry, sku), quantity in parts.items())


def cut(shares: Iterable[Share], parts: Iterable[Part]) -> list[Share]:
    """The shares that parts are of, each as large as its part."""
    of = {(share.entry, share.sku): share for share in shares}
    return [msgspec.structs.replace(of[part.entry, part.sku], quantity=part.quantity) for part in parts]
