"""Shares of an order: the units that entries took for its SKUs, and how parts of them are named to be given back."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import msgspec
from msgspec import UNSET, UnsetType

from replica.core.errors import Invalid
from replica.core.orders import Part, Share
from replica.core.requests import SkuLine


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
