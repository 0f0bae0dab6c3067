"""The call that says from where an order would be sent, and why. It holds nothing."""

from __future__ import annotations

from typing import Annotated

from aiohttp import web
from msgspec import UNSET, Meta, Struct, UnsetType

from hub.delivery import Surveyor
from hub.sourcing import SourceAnswer, find_sources, source_answer
from replica.core.base.errors import Invalid
from replica.core.base.limits import LINES_MAX
from replica.core.base.quantities import Text
from replica.core.catalog.addresses import Destination, Where, where
from replica.core.catalog.locations import LocationName
from replica.core.orders.requests import OrderName, PlacedLine, Placement
from replica.core.planning.sourcing import DeliverySources
from replica.core.state.replica import Replica
from replica.runtime.http.operations import Decoder, Operation, json_response
from replica.runtime.node import Node

DRY_RUN = "dry-run"
"""The order that a question is about, if it names none."""


class SourceBody(Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    """An order that nobody placed yet. `ship_to`: where it would go; `pickup_at`: where a customer would collect it.

    The body may be that of an order: the other fields change nothing in the answer. Nothing of it is stored.
    """

    lines: Annotated[tuple[PlacedLine, ...], Meta(min_length=1, max_length=LINES_MAX)]
    order: OrderName = DRY_RUN
    channel: Text = ""
    ship_to: Destination | UnsetType = UNSET
    pickup_at: LocationName | UnsetType = UNSET
    customer: str = ""
    ttl_s: int = 0
    partial: bool = False
    paid: bool = False
    durability: str = ""
    campaign: str = ""
    wait_ms: int = 0


class SourcingApi:
    """The call at one hub."""

    def __init__(self, node: Node, surveyor: Surveyor) -> None:
        self._node = node
        self._surveyor = surveyor
        self._body = Decoder(SourceBody)

    def operations(self) -> list[Operation]:
        """The call."""
        return [
            Operation(
                method="POST",
                path="/v1/source",
                handler=self.source,
                summary="Say from where an order would be sent, and hold nothing",
                body=SourceBody,
                answer=SourceAnswer,
            )
        ]

    def find(self, replica: Replica, placement: Placement, place: Where) -> DeliverySources:
        """The locations that may send an order to an address."""
        return find_sources(self._surveyor, replica, placement, place, self._node.clock.now().wall_ms)

    async def source(self, request: web.Request) -> web.Response:
        body: SourceBody = await self._body.read(request)
        place = None
        if body.ship_to is not UNSET:
            if body.pickup_at is not UNSET:
                raise Invalid("Send the field ship_to or pickup_at, not both.", field="pickup_at")
            place = where(body.ship_to, "ship_to")
        placement = Placement(order=body.order, lines=body.lines, channel=body.channel, pickup_at=body.pickup_at)
        now_ms = self._node.clock.now().wall_ms
        for location in dict.fromkeys(one.location for one in body.lines if one.location is not UNSET):
            await self._node.meet(location)
        return json_response(
            await self._node.driver.look(
                lambda replica: source_answer(self._surveyor, replica, placement, place, now_ms)
            )
        )
