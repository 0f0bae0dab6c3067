"""Answers about units on their way to a location, with the time at which they should arrive.

They are in no figure of the stock: nobody may promise them before they arrive.
"""

from __future__ import annotations

from msgspec import Struct

from replica.core.base.clock import time_text
from replica.core.catalog.skus import Recipe, sellable
from replica.core.stock.transfers import Transfers

INCOMING_SHOWN_MAX = 20
"""Transfers in one list: the first ones by their numbers."""


class Incoming(Struct, frozen=True, rename={"source": "from"}):
    """Units on their way by one transfer. `expected_at`: when they should arrive; null if nobody said it."""

    transfer: str
    source: str
    quantity: int
    expected_at: str | None


def incoming_answers(transfers: Transfers, location: str, recipe: Recipe) -> list[Incoming]:
    """How many of a SKU are on their way to a location, by transfer. Items of different transfers make no SKU here."""
    (first, _), *_ = recipe
    found = []
    for number in sorted(transfers.incoming.get((location, first), ()))[:INCOMING_SHOWN_MAX]:
        underway = {item: transfers.incoming.get((location, item), {}).get(number, 0) for item, _ in recipe}
        quantity, transfer = sellable(recipe, underway), transfers.find(number)
        if quantity and transfer is not None:
            expected_at = time_text(transfer.expected_ms) if transfer.expected_ms else None
            found.append(Incoming(number, transfer.source, quantity, expected_at))
    return found


def units_outgoing(transfers: Transfers, location: str, item: str) -> int:
    """Units of an item that left a location and have not arrived."""
    return sum(transfers.outgoing.get((location, item), {}).values())
