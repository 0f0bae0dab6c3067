"""The calls about the stock of a SKU at other locations: of one SKU, and of many, for stores that ask."""

from __future__ import annotations

from aiohttp import web
from msgspec import structs

from hub.availability import sku_availability
from hub.last_current import LastCurrent
from replica.core.base.clock import time_text
from replica.core.catalog.locations import Address, Point, location_document, position_of
from replica.core.state.replica import Replica
from replica.runtime.http.elsewhere_answers import (
    LOCATIONS_MAX,
    ElsewhereAnswer,
    ElsewhereQuery,
    ElsewhereVerdict,
    LocationElsewhere,
    ReadAddress,
)
from replica.runtime.http.long_reads import LongReads
from replica.runtime.http.operations import Decoder, Operation, json_response
from replica.runtime.http.query_fields import LOCATION, NEAR, QueryField, location_in, number_field, number_of, point_of
from replica.runtime.http.sku_verdicts import Judge, SkuVerdicts, judge_all
from replica.runtime.node import Node

PATH = "/v1/elsewhere"

LIMIT = number_field("limit", "The greatest number of locations.", 1, LOCATIONS_MAX, 20)

HERE = QueryField("location", LOCATION.schema, "The location that asks: it is left out, and distances are from it.")


class ElsewhereApi:
    """The calls at one hub."""

    def __init__(self, node: Node, long_reads: LongReads, last_current: LastCurrent) -> None:
        self._node = node
        self._long_reads = long_reads
        self._last_current = last_current
        self._query = Decoder(ElsewhereQuery)

    def operations(self) -> list[Operation]:
        """Both calls."""
        return [
            Operation(
                method="GET",
                path=f"{PATH}/{{sku}}",
                handler=self.one,
                summary="List other locations that have some of a SKU, nearest first",
                answer=ElsewhereAnswer,
                query=(HERE, NEAR, LIMIT),
            ),
            Operation(
                method="POST",
                path=PATH,
                handler=self.many,
                summary="List other locations that have some of each of many SKUs",
                body=ElsewhereQuery,
                answer=SkuVerdicts[ElsewhereVerdict],
            ),
        ]

    async def one(self, request: web.Request) -> web.Response:
        here, near = location_in(request), point_of(request.query.get("near", ""))
        sku, limit = request.match_info["sku"], number_of(request, LIMIT)
        await self._node.meet(here)

        def look(replica: Replica) -> ElsewhereAnswer:
            if here:
                replica.known_locations.check(here, "location")
            return self._answer(replica, sku, here, near, limit)

        return json_response(await self._node.driver.look(look))

    async def many(self, request: web.Request) -> web.Response:
        query: ElsewhereQuery = await self._query.read(request)
        near = point_of(query.near)
        await self._node.meet(query.location)

        def check(replica: Replica) -> None:
            if query.location:
                replica.known_locations.check_field(query.location, "location")

        def judging(replica: Replica) -> Judge[ElsewhereVerdict]:
            def judge(sku: str) -> ElsewhereVerdict:
                answer = self._answer(replica, sku, query.location, near, query.limit)
                return ElsewhereVerdict(sku, elsewhere=answer)

            return judge

        await self._node.driver.look(check)
        return json_response(await judge_all(self._long_reads, query.skus, ElsewhereVerdict, judging))

    def _answer(self, replica: Replica, sku: str, here: str, near: Point | None, limit: int) -> ElsewhereAnswer:
        near = near or (position_of(replica.documents, here) if here else None)
        found = sku_availability(replica, sku, "", near, "", self._last_current.as_of(replica))
        others = [one for one in found.locations if one.location != here and one.optimistic > 0]
        locations = []
        for one in others[:limit]:
            document = location_document(replica.documents, one.location)
            address = document.address if document is not None else Address()
            locations.append(
                LocationElsewhere(
                    location=one.location,
                    sellable=one.optimistic,
                    guaranteed=one.guaranteed,
                    as_of=one.as_of,
                    distance_km=one.distance_km,
                    name=document.name if document is not None else "",
                    address=ReadAddress(**structs.asdict(address)),
                )
            )
        return ElsewhereAnswer(sku, locations, time_text(self._node.clock.now().wall_ms), connected=True)
