"""The calls about orders that both kinds of node serve: place, tell what happened, look."""

from __future__ import annotations

import asyncio
from typing import Any

from aiohttp import web
from msgspec import UNSET, Struct, UnsetType

from replica.core.base.errors import Invalid, NotFound, RightsExhausted
from replica.core.base.limits import EVENT_NUMBER_MAX
from replica.core.base.names import is_item
from replica.core.base.quantities import Text
from replica.core.log.entry import Stream
from replica.core.orders.placement import lacking
from replica.core.orders.requests import OrderEvent, OutsideEvent, Placement
from replica.core.state.commands import Command
from replica.core.state.replica import Replica
from replica.core.stock.requests import SkuLines
from replica.runtime.http.answers import answer_of
from replica.runtime.http.operations import Decoder, Operation, checked_key, json_response, key_of, read_body
from replica.runtime.http.order_answers import OrderAnswer, OrderView, check_happened, order_answer, order_view
from replica.runtime.http.problems import NotReplicated
from replica.runtime.node import Node

REPLICATED_S = 5.0
"""How long an order waits for another region: some round trips between the farthest ones."""


class EventBody(Struct, frozen=True, forbid_unknown_fields=True):
    """What happened to an order: to all of it, or to one fulfilment."""

    event: OutsideEvent
    fulfilment: Text = ""
    lines: SkuLines | UnsetType = UNSET
    replacement: SkuLines | UnsetType = UNSET
    number: int = 0

    def of(self, order: str) -> OrderEvent:
        """The request it is, for this order. Raises Invalid."""
        if not is_item(order):
            raise Invalid(f"{order!r} cannot be the name of an order", field="order")
        if not 0 <= self.number <= EVENT_NUMBER_MAX:
            raise Invalid(f"number is in 1..{EVENT_NUMBER_MAX}", field="number")
        return OrderEvent(order, self.event, self.fulfilment, self.lines, self.replacement, self.number)


class OrdersApi:
    """Order calls of one node.

    Args:
        awaits_regions: whether an order may wait until a hub of another region holds it too.
    """

    def __init__(self, node: Node, *, awaits_regions: bool) -> None:
        self._node = node
        self._awaits_regions = awaits_regions
        self._placement = Decoder(Placement)
        self._event = Decoder(EventBody)

    def operations(self, place_path: str, summary: str) -> list[Operation]:
        """Every call about orders; placing one has a path of its own at each kind of node."""
        return [
            Operation("POST", place_path, self.place, summary, Placement, OrderAnswer, 201, is_write=True),
            Operation(
                "POST",
                "/v1/orders/{order}/events",
                self.happen,
                "What happened to an order; 202 while it waits",
                EventBody,
                OrderAnswer,
                is_write=True,
            ),
            Operation("GET", "/v1/orders/{order}", self.get, "An order, its fulfilments and history", answer=OrderView),
        ]

    def read_prompt(self, body: bytes, key: str | None) -> Command | None:
        """Check one placement that is answered as soon as it is durable here; None for any other. Raises Refused."""
        placement = self._read(body)
        is_prompt = not placement.wait_ms and placement.durability == "local"
        return Command("", placement, checked_key(key)) if is_prompt else None

    def _read(self, body: bytes) -> Placement:
        placement: Placement = self._placement.decode(body)
        if placement.durability != "local" and not self._awaits_regions:
            raise Invalid("a store answers once an order is durable here: local", field="durability")
        return placement

    async def place(self, request: web.Request) -> web.Response:
        placement = self._read(await read_body(request))
        command = Command("", placement, key_of(request))
        deadline_ms = self._node.clock.now().elapsed_ms + placement.wait_ms
        while True:
            try:
                entry = await self._node.driver.submit(command)
                break
            except RightsExhausted:
                if not placement.wait_ms or not await self._gain_rights(placement, deadline_ms):
                    raise
        if placement.durability == "region":
            await self._replicate(placement.order)
        return json_response(answer_of(entry), 201)

    async def _replicate(self, order: str) -> None:
        """Wait until another region holds an order durably. Raises NotReplicated."""
        reached = await self._node.driver.look(lambda replica: _own_streams(replica, order))
        if not await self._node.peers.held_elsewhere(reached, REPLICATED_S):
            raise NotReplicated(f"{order} is held here; no hub of another region has it after {REPLICATED_S:g} s")

    async def _gain_rights(self, placement: Placement, deadline_ms: int) -> bool:
        """Ask others for what an order lacks; True once it is here, though another order may be quicker to take it."""
        now = self._node.clock.now()
        units = await self._node.driver.look(lambda replica: lacking(replica.context(now.wall_ms), placement))
        timeout_s = max(0, deadline_ms - now.elapsed_ms) / 1000
        wants = [self._node.rights.want(*pair, number, timeout_s) for pair, number in units.items()]
        there = await asyncio.gather(*wants)
        return bool(units) and all(own >= number for own, number in zip(there, units.values(), strict=True))

    async def happen(self, request: web.Request) -> web.Response:
        body: EventBody = await self._event.read(request)
        event = body.of(request.match_info["order"])
        entry = await self._node.driver.submit(Command("", event, key_of(request)))
        check_happened(entry.content)
        answer = order_answer(entry.content)
        return json_response(answer, 202 if answer.waiting else 200)

    async def get(self, request: web.Request) -> web.Response:
        name = request.match_info["order"]

        def look(replica: Replica) -> Any:
            if name not in replica.orders:
                raise NotFound(f"no order {name!r} was heard of here", field="order")
            (order,) = replica.orders.look_at([name])
            return order_view(order)

        return json_response(await self._node.driver.look(look))


def _own_streams(replica: Replica, name: str) -> dict[Stream, int]:
    """How far this node's own streams go at the locations that serve an order."""
    locations = [one.location for order in replica.orders.look_at([name]) for one in order.fulfilments.values()]
    streams = [Stream(replica.writer, location) for location in locations]
    return {stream: replica.head(stream).sequence for stream in streams}
