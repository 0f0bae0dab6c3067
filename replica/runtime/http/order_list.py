"""The call that lists orders, those first that this node came to know last.

A page costs a bounded number of orders, whatever fits the filters: so a page may be short, or empty, and have a next.
"""

from __future__ import annotations

from collections.abc import Sequence

from aiohttp import web
from msgspec import Struct

from replica.core.base.clock import time_text
from replica.core.base.errors import Invalid
from replica.core.base.limits import NAME_LENGTH_MAX
from replica.core.orders.fold import Orders
from replica.core.orders.machine import NATURES
from replica.core.orders.order import Order, noted_ms
from replica.core.state.replica import Replica
from replica.runtime.http.long_reads import COLLECTED, LongReads
from replica.runtime.http.operations import Operation, json_response
from replica.runtime.http.query_fields import (
    CURSOR,
    LIMIT,
    LOCATION,
    QueryField,
    choice_field,
    choice_of,
    limit_of,
    location_in,
    text_field,
    text_of,
)
from replica.runtime.node import Node

ORDERS_PER_PAGE_MAX = 2_000
"""Orders that are looked at for one page: about 10 ms in slices."""

STATE = choice_field("state", "Only orders in this state. none: without any fulfilment.", (*NATURES, "none"))

AT = QueryField("location", LOCATION.schema, "Only orders with a fulfilment at this location.")

CHANNEL = text_field("channel", "Only orders of this channel.")

NAME_START = text_field("q", "Only orders whose names begin with this text.", NAME_LENGTH_MAX)


class OrderRow(Struct, frozen=True):
    """One order.

    `lines` and `units`: the SKUs and the units of SKUs that its placement held. If this node does not know the
    placement, they are those of the fulfilments. `locations`: those of its fulfilments. `has_exceptions`:
    `GET /v1/exceptions` lists something about it.
    """

    order: str
    state: str
    placed_at: str | None
    channel: str
    lines: int
    units: int
    locations: list[str]
    has_exceptions: bool


class OrderPage(Struct, frozen=True):
    """Orders, those first that this node came to know last.

    `next` is the cursor of the next page, null on the last page. A page may be short, or empty, and have a next.
    """

    orders: list[OrderRow]
    next: str | None


class Filters(Struct, frozen=True):
    """Which orders to list; an empty text sets no bound."""

    state: str
    location: str
    channel: str
    name_start: str

    def fit(self, order: Order) -> bool:
        """Whether an order is to be listed."""
        return (
            order.name.startswith(self.name_start)
            and self.channel in ("", order.channel)
            and (not self.location or any(one.location == self.location for one in order.fulfilments.values()))
            and self.state in ("", order.state)
        )


class OrderList:
    """The call at one node."""

    def __init__(self, node: Node, long_reads: LongReads) -> None:
        self._node = node
        self._long_reads = long_reads

    def operations(self) -> list[Operation]:
        """The call."""
        return [
            Operation(
                method="GET",
                path="/v1/orders",
                handler=self.page,
                summary="List orders, newest first",
                answer=OrderPage,
                query=(STATE, AT, CHANNEL, NAME_START, CURSOR, LIMIT),
            )
        ]

    async def page(self, request: web.Request) -> web.Response:
        query, limit = request.query, limit_of(request)
        location, cursor = await self._node.meet(location_in(request)), query.get("cursor", "")
        filters = Filters(choice_of(request, STATE), location, query.get("channel", ""), text_of(request, NAME_START))

        def shown(replica: Replica) -> list[str]:
            if location:
                replica.known_locations.check(location, "location")
            if cursor and cursor not in replica.orders:
                text = f"The field cursor is {cursor!r}, which is no order of this node."
                raise Invalid(f"{text} Send the field next of the page before.", field="cursor")
            return replica.orders.newest(ORDERS_PER_PAGE_MAX + 1, before=cursor)

        def rows(replica: Replica, some: Sequence[str]) -> list[OrderRow]:
            orders = replica.orders
            return [order_row(orders, order) for order in orders.look_at(some) if filters.fit(order)]

        names = await self._node.driver.look(shown)
        looked_at, has_more = names[:ORDERS_PER_PAGE_MAX], len(names) > ORDERS_PER_PAGE_MAX
        found: list[OrderRow] = []
        for start in range(0, len(looked_at), COLLECTED):
            found += await self._long_reads.collect(looked_at[start : start + COLLECTED], rows)
            if len(found) > limit:
                return json_response(OrderPage(found[:limit], found[limit - 1].order))
        return json_response(OrderPage(found, looked_at[-1] if has_more else None))


def order_row(orders: Orders, order: Order) -> OrderRow:
    """Render an order as a row of a list."""
    lost = order.lost()
    standing = [one for one in order.fulfilments.values() if one.id not in lost] or list(order.fulfilments.values())
    parts = [one.lines for one in (order.placed[0].shown if order.placed else standing)]
    return OrderRow(
        order=order.name,
        state=order.state,
        placed_at=time_text(noted_ms(order.placed[0])) if order.placed else None,
        channel=order.channel,
        lines=len({sku: None for lines in parts for sku, _ in lines}),
        units=sum(quantity for lines in parts for _, quantity in lines),
        locations=sorted(dict.fromkeys(one.location for one in standing)),
        has_exceptions=orders.has_exceptions(order.name),
    )
