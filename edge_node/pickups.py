"""Pickups: the fulfilments that this node owns and that still hold units."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from msgspec import Struct

from replica.core.orders.fold import Orders
from replica.core.state.replica import Replica
from replica.runtime.driver import Driver
from replica.runtime.http.long_reads import LongReads
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


async def read_pickups(driver: Driver, long_reads: LongReads, cursor: str, limit: int) -> PickupPage:
    """Read the pickups of at most `limit` orders after the cursor, a slice of orders at a time."""
    names = sorted([name for name in await driver.look(lambda replica: replica.orders.open_names()) if name > cursor])
    found: list[Any] = []
    owners: list[str] = []
    """The order of each pickup."""

    def answers(replica: Replica, some: Sequence[str]) -> list[Pickup]:
        pickups = pickups_of(replica.orders, some)
        owners.extend([one.order for one in pickups])
        return pickups

    window = limit + 1  # one order more tells whether there is a next page
    for start in range(0, len(names), window):
        found += await long_reads.look(names[start : start + window], answers)
        shown = list(dict.fromkeys(owners))
        if len(shown) > limit:
            return PickupPage(found[: owners.index(shown[limit])], shown[limit - 1])
    return PickupPage(found, None)


def pickups_of(orders: Orders, names: Sequence[str]) -> list[Pickup]:
    """The pickups of some orders, in the order of their names. An order that holds nothing any more has none."""
    pickups = []
    for order in orders.look_at(names):
        lost = order.lost()
        pickups += [
            Pickup(order.name, order.channel, order.customer, fulfilment_view(one, one.id in lost))
            for _, one in sorted(order.fulfilments.items())
            if one.allocations and one.owner == orders.node
        ]
    return pickups
