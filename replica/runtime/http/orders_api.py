"""The calls about orders that both kinds of node serve: place an order, report an event, read an order."""

from __future__ import annotations

from collections.abc import Callable
from typing import Annotated, Any

from aiohttp import web
from msgspec import UNSET, Meta, Struct, UnsetType, structs

from replica.core.base.errors import Invalid, NotFound
from replica.core.base.limits import EVENT_NUMBER_MAX
from replica.core.base.names import is_item
from replica.core.base.quantities import Text
from replica.core.catalog.addresses import Destination, Where, mark_of, where
from replica.core.orders.requests import OrderEvent, OutsideEvent, Placement
from replica.core.orders.sourcing import Chooser
from replica.core.state.commands import Command
from replica.core.state.replica import Replica
from replica.core.stock.requests import SkuLines
from replica.runtime.http.operations import Decoder, Operation, checked_key, json_response, key_of, read_body
from replica.runtime.http.order_answers import OrderAnswer, OrderView, check_happened, order_answer, order_view
from replica.runtime.http.order_placing import place, waits
from replica.runtime.http.writes import answer_of
from replica.runtime.node import Node

UNSUPPORTED = ("campaign", "ship_to")
"""Fields of a placement that the node refuses, because nothing acts on them yet."""

_Unsupported = Annotated[str, Meta(max_length=0, description="Not supported yet: a value is refused with status 422.")]


class HoldBody(Placement, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    """A new order: the goods to hold, for whom, and for how long.

    `partial` accepts an order for which there are not enough units, and holds what there is. `paid` begins a
    reservation that does not expire. `pickup_at` is the location of each line that names none. `wait_ms` is how long a
    node without enough rights may wait until other nodes grant them.
    """

    ship_to: _Unsupported = ""
    campaign: _Unsupported = ""


class PlacementBody(Placement, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    """A new order: the goods to hold, for whom, and for how long.

    `ship_to`: where it goes. The hub chooses the locations that send it, and forgets the address. `pickup_at` is the
    location of each line that names none. `partial` accepts an order for which there are not enough units, and holds
    what there is. `paid` begins a reservation that does not expire. `wait_ms` is how long a node without enough rights
    may wait until other nodes grant them.
    """

    ship_to: Destination | UnsetType = UNSET  # type: ignore[assignment]
    campaign: _Unsupported = ""


class Addressed(Struct, frozen=True):
    """An order as a node keeps it, and where it goes."""

    placement: Placement
    place: Where


Find = Callable[[Replica, Placement, Where], Chooser]
"""Finds the locations that may send an order to an address."""


class EventBody(Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    """An event of an order, or of one of its fulfilments.

    `lines`: the units that an adjustment or exchange releases, or that a return brings back. They may also be the units
    that are shipped, collected, declined or cancelled, if that happens to a part: these units become a fulfilment of
    their own, and the rest goes on. A line names a SKU, or the barcode under which it was ordered. `replacement`: the
    units that an exchange takes instead. `number` counts the events of a fulfilment from 1. An event that skips a
    number waits for the one before.
    """

    event: OutsideEvent
    fulfilment: Text = ""
    lines: SkuLines | UnsetType = UNSET
    replacement: SkuLines | UnsetType = UNSET
    number: int = 0

    def request(self, order: str) -> OrderEvent:
        """The event as a request about this order. Raises Invalid."""
        if not is_item(order):
            raise Invalid(f"The field order is {order!r}, which is not a valid name. Correct it.", field="order")
        if not 0 <= self.number <= EVENT_NUMBER_MAX:
            raise Invalid(
                f"The field number is {self.number}. Send a number in 1..{EVENT_NUMBER_MAX}, or leave it out.",
                field="number",
            )
        return OrderEvent(
            order=order,
            event=self.event,
            fulfilment=self.fulfilment,
            lines=self.lines,
            replacement=self.replacement,
            number=self.number,
        )


class OrdersApi:
    """The calls about orders at one node.

    `can_replicate`: a placement may wait until another region has it. `find`: finds the locations that may send an
    order to an address; None at a node that sends nothing.
    """

    def __init__(self, node: Node, *, can_replicate: bool, find: Find | None = None) -> None:
        self._find = find
        self._addressed = Decoder(PlacementBody)
        self._node = node
        self._can_replicate = can_replicate
        self._placement = Decoder(Placement)
        self._event = Decoder(EventBody)

    def operations(self, place_path: str, summary: str) -> list[Operation]:
        """All calls about orders. Each kind of node has its own path for placing one."""
        return [
            Operation(
                method="POST",
                path=place_path,
                handler=self.place,
                summary=summary,
                body=HoldBody if self._find is None else PlacementBody,
                answer=OrderAnswer,
                status=201,
                is_write=True,
            ),
            Operation(
                method="POST",
                path="/v1/orders/{order}/events",
                handler=self.report_event,
                summary="Report an event of an order (202: the event waits)",
                body=EventBody,
                answer=OrderAnswer,
                also=(202,),
                is_write=True,
            ),
            Operation(
                method="GET",
                path="/v1/orders/{order}",
                handler=self.get,
                summary="Read an order, its fulfilments and its history",
                answer=OrderView,
            ),
        ]

    def read_fast(self, body: bytes, key: str | None) -> Command | None:
        """Check a placement for the fast path; None if it waits for rights or another region. Raises Refused."""
        placement = self._read(body)
        if isinstance(placement, Addressed) or waits(placement):
            return None
        return Command("", placement, checked_key(key))

    def _read(self, body: bytes) -> Placement | Addressed:
        """The order in a body, and its address if it has one. Most have none, and take one decoding."""
        try:
            placement: Placement = self._placement.decode(body)
        except Invalid as invalid:
            if invalid.field == "ship_to" and self._find is not None:
                return self._read_addressed(body)
            if invalid.field in UNSUPPORTED:
                raise _unsupported(invalid.field) from None
            raise
        if placement.ship_to and self._find is not None:
            raise Invalid("The field ship_to is a text. Send an object with a country.", field="ship_to")
        return self._checked(placement)

    def _read_addressed(self, body: bytes) -> Addressed:
        asked: PlacementBody = self._addressed.decode(body)
        assert asked.ship_to is not UNSET
        if asked.pickup_at is not UNSET:
            raise Invalid("Send the field ship_to or pickup_at, not both.", field="pickup_at")
        fields = {**structs.asdict(asked), "ship_to": ""}
        placement = structs.replace(self._checked(Placement(**fields)), ship_to=mark_of(asked.ship_to, asked.order))
        return Addressed(placement, where(asked.ship_to, "ship_to"))

    def _checked(self, placement: Placement) -> Placement:
        for field in UNSUPPORTED:
            if getattr(placement, field):
                raise _unsupported(field)
        if placement.durability != "local" and not self._can_replicate:
            raise Invalid(
                f"The field durability is {placement.durability!r}, but this node is not a hub. Send 'local'.",
                field="durability",
            )
        return placement

    async def place(self, request: web.Request) -> web.Response:
        asked, find = self._read(await read_body(request)), self._find
        key = key_of(request)
        if not isinstance(asked, Addressed):
            return json_response(answer_of(await place(self._node, asked, key)), 201)
        assert find is not None
        placement, address = asked.placement, asked.place
        entry = await place(self._node, placement, key, lambda replica: find(replica, placement, address))
        return json_response(answer_of(entry), 201)

    async def report_event(self, request: web.Request) -> web.Response:
        body: EventBody = await self._event.read(request)
        event = body.request(request.match_info["order"])
        entry = await self._node.driver.submit(Command("", event, key_of(request)))
        check_happened(entry.content)
        answer = order_answer(entry.content)
        return json_response(answer, 202 if answer.waiting else 200)

    async def get(self, request: web.Request) -> web.Response:
        name = request.match_info["order"]

        def look(replica: Replica) -> Any:
            if name not in replica.orders:
                raise NotFound(
                    f"This node has no order {name!r}. Correct the name, or ask the node where it was placed.",
                    field="order",
                )
            (order,) = replica.orders.look_at([name])
            return order_view(order)

        return json_response(await self._node.driver.look(look))


def _unsupported(field: str) -> Invalid:
    return Invalid(f"The field {field} is not supported yet. Leave it out.", field=field)
