"""The call that says how delivery promises were kept: figures by location and carrier, and what was late."""

from __future__ import annotations

from collections.abc import Iterator

from aiohttp import web
from msgspec import Struct

from replica.core.orders.promised import (
    ARRIVED_EARLY,
    ARRIVED_IN_TIME,
    ARRIVED_LATE,
    LEFT_IN_TIME,
    LEFT_LATE,
    PROMISED,
    Delivery,
)
from replica.core.state.replica import Replica
from replica.runtime.http.operations import Operation, json_response
from replica.runtime.http.order_answers import DeliveryAnswer, delivery_answer
from replica.runtime.http.query_fields import LIMIT, limit_of
from replica.runtime.node import Node


class PromiseFigures(Struct, frozen=True):
    """How the promises of one location by one carrier stand. `carrier` is empty where nobody knew when goods arrive.

    `promised`: fulfilments with a promise that did not end before their goods left. `left_late`: their goods left later
    than promised. `arrived_early`, `arrived_in_time`, `arrived_late`: before, between or after the promised moments,
    among those of which a delivery or a collection was reported.
    """

    location: str
    carrier: str
    promised: int
    left_in_time: int
    left_late: int
    arrived_early: int
    arrived_in_time: int
    arrived_late: int


class NotedDelivery(DeliveryAnswer, frozen=True, kw_only=True):
    """A fulfilment, what was promised, and what happened."""

    order: str
    fulfilment: str
    location: str


class PromisesAnswer(Struct, frozen=True):
    """How delivery promises were kept, of all orders that this hub knows.

    `late`: those whose goods left or arrived late, the latest first. `overdue`: those whose goods should have left by
    now, those first that wait longest. Both are bounded by `limit`.
    """

    figures: list[PromiseFigures]
    late: list[NotedDelivery]
    overdue: list[NotedDelivery]


class PromisesApi:
    """The call at one hub."""

    def __init__(self, node: Node) -> None:
        self._node = node

    def operations(self) -> list[Operation]:
        """The call."""
        return [
            Operation(
                method="GET",
                path="/v1/promises",
                handler=self.show,
                summary="Say how delivery promises were kept, by location and carrier",
                answer=PromisesAnswer,
                query=(LIMIT,),
            )
        ]

    async def show(self, request: web.Request) -> web.Response:
        limit, now_ms = limit_of(request), self._node.clock.now().wall_ms
        return json_response(await self._node.driver.look(lambda replica: _shown(replica, limit, now_ms)))


def _shown(replica: Replica, limit: int, now_ms: int) -> PromisesAnswer:
    promises = replica.orders.promises
    figures = [
        PromiseFigures(
            location=location,
            carrier=carrier,
            promised=found[PROMISED],
            left_in_time=found.get(LEFT_IN_TIME, 0),
            left_late=found.get(LEFT_LATE, 0),
            arrived_early=found.get(ARRIVED_EARLY, 0),
            arrived_in_time=found.get(ARRIVED_IN_TIME, 0),
            arrived_late=found.get(ARRIVED_LATE, 0),
        )
        for (location, carrier), found in sorted(promises.figures.items())
        if found.get(PROMISED)
    ]
    late = [
        _noted(order, one)
        for order in reversed(promises.late.newest(limit))
        for one in _deliveries(replica, order)
        if one.is_late
    ]
    overdue = [
        _noted(order, one)
        for order in promises.overdue(now_ms, limit)
        for one in _deliveries(replica, order)
        if one.left_ms is None and one.promised.dispatch_ms < now_ms
    ]
    return PromisesAnswer(figures, late[:limit], overdue[:limit])


def _deliveries(replica: Replica, order: str) -> Iterator[Delivery]:
    for one in replica.orders.look_at([order]):
        yield from one.deliveries


def _noted(order: str, one: Delivery) -> NotedDelivery:
    answer = delivery_answer(one)
    return NotedDelivery(
        order=order,
        fulfilment=one.fulfilment,
        location=one.location,
        dispatch_at=answer.dispatch_at,
        carrier=answer.carrier,
        earliest=answer.earliest,
        latest=answer.latest,
        left_at=answer.left_at,
        arrived_at=answer.arrived_at,
        is_late=answer.is_late,
    )
