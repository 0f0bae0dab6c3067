"""`GET /v1/exceptions`: the call that lists what a person should look at."""

from __future__ import annotations

from aiohttp import web

from replica.runtime.http.breach_times import BreachTimes
from replica.runtime.http.exception_answers import ExceptionsAnswer, exceptions
from replica.runtime.http.operations import Operation, json_response
from replica.runtime.http.query_fields import LIMIT, limit_of
from replica.runtime.http.receipt_answers import read_receipts
from replica.runtime.node import Node


class ExceptionsApi:
    """The call at one node."""

    def __init__(self, node: Node) -> None:
        self._node = node
        self._breach_times = BreachTimes(node.driver, node.journal)

    def operations(self) -> list[Operation]:
        """The call."""
        return [
            Operation(
                method="GET",
                path="/v1/exceptions",
                handler=self.exceptions,
                summary="List what a person should look at",
                answer=ExceptionsAnswer,
                query=(LIMIT,),
            )
        ]

    async def exceptions(self, request: web.Request) -> web.Response:
        await self._node.driver.refreshed()
        limit, differences = limit_of(request), self._node.peers.divergences
        since, look = await self._breach_times.read(limit + 1), self._node.driver.look
        receipts = await read_receipts(self._node.journal, self._node.replica.kinds, limit + 1)
        now_ms = self._node.clock.now().wall_ms
        return json_response(
            await look(lambda replica: exceptions(replica, since, differences, limit, receipts, now_ms=now_ms))
        )
