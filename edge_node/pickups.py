"""Pickups: the fulfilments that this node owns and that still hold units."""

from __future__ import annotations

from bisect import bisect_right

from msgspec import Struct

from replica.core.orders.fold import Orders
from replica.runtime.http.order_answers import FulfilmentView, fulfilment_view


class Pickup(Struct, frozen=True):
    """One fulfilment, its order, and the reference of the customer."""

    order: str
    channel: str
    customer: str
    fulfilment: FulfilmentView


class PickupPage(Struct, frozen=True):
    """Pickups in order of the names of orders; `next` is the cursor of the next page, null on the last page."""

    pickups: list[Pickup]
    next: str | None


def pickups(orders: Orders, cursor: str, limit: int) -> PickupPage:
    """List the pickups of at most `limit` orders after the cursor."""
    held = {
        order.name: order
        for order in orders.open()
        if any(one.allocations and one.owner == orders.node for one in order.fulfilments.values())
    }
    names = sorted(held)
    start = bisect_right(names, cursor) if cursor else 0
    shown = names[start : start + limit]
    found = [
        Pickup(name, held[name].channel, held[name].customer, fulfilment_view(one))
        for name in shown
        for _, one in sorted(held[name].fulfilments.items())
        if one.allocations and one.owner == orders.node
    ]
    return PickupPage(found, shown[-1] if start + limit < len(names) else None)
