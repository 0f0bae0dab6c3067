"""The calls about availability: of one SKU, and of many."""

from __future__ import annotations

from typing import Annotated

from aiohttp import web
from msgspec import Meta, Struct

from hub.availability import AvailabilityAnswer, sku_availability
from hub.last_current import LastCurrent
from replica.core.base.quantities import Sku
from replica.core.catalog.locations import Point
from replica.core.state.replica import Replica
from replica.runtime.http.long_reads import LongReads
from replica.runtime.http.operations import Decoder, Operation, json_response
from replica.runtime.http.query_fields import LOCATION, NEAR, QueryField, location_in, point_of, text_field
from replica.runtime.http.sku_verdicts import SKUS_PER_CALL_MAX, Judge, SkuVerdict, SkuVerdicts, judge_all
from replica.runtime.node import Node

ONLY_AT = QueryField("location", LOCATION.schema, "Only the availability at this location.")

CHANNEL = text_field("channel", "Only what orders of this channel may take, by its quotas. Without it: of any channel.")


POOL_FIELD = QueryField("pool", LOCATION.schema, "Only the locations of this pool, whose document is pool/ID.")


class AvailabilityQuery(Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    """The SKUs; optionally one location or pool, the quotas of one channel, and a point `lat,lon` for distances."""

    skus: Annotated[tuple[Sku, ...], Meta(min_length=1, max_length=SKUS_PER_CALL_MAX)]
    location: str = ""
    near: str = ""
    channel: str = ""
    pool: str = ""


class AvailabilityVerdict(SkuVerdict, frozen=True, omit_defaults=True):
    """The availability of one SKU, or a problem."""

    availability: AvailabilityAnswer | None = None


class AvailabilityApi:
    """The calls about availability at one hub."""

    def __init__(self, node: Node, last_current: LastCurrent, long_reads: LongReads) -> None:
        self._node = node
        self._long_reads = long_reads
        self._last_current = last_current
        self._query = Decoder(AvailabilityQuery)

    def operations(self) -> list[Operation]:
        """All calls about availability."""
        return [
            Operation(
                method="GET",
                path="/v1/availability/{sku}",
                handler=self.availability,
                summary="Read the availability of a SKU",
                answer=AvailabilityAnswer,
                query=(NEAR, ONLY_AT, CHANNEL, POOL_FIELD),
            ),
            Operation(
                method="POST",
                path="/v1/availability",
                handler=self.availability_bulk,
                summary="Read the availability of many SKUs",
                body=AvailabilityQuery,
                answer=SkuVerdicts[AvailabilityVerdict],
            ),
        ]

    async def availability(self, request: web.Request) -> web.Response:
        near = point_of(request.query.get("near", ""))
        location, sku = location_in(request), request.match_info["sku"]
        channel, look = request.query.get("channel", ""), self._node.driver.look
        if location:
            await self._node.meet(location)

        def read(replica: Replica) -> AvailabilityAnswer:
            if location:
                replica.known_locations.check(location, "location")
            return self._answer(replica, sku, location, near, channel, request.query.get("pool", ""))

        return json_response(await look(read))

    async def availability_bulk(self, request: web.Request) -> web.Response:
        query: AvailabilityQuery = await self._query.read(request)
        near = point_of(query.near)
        if query.location:
            await self._node.meet(query.location)

        def check(replica: Replica) -> None:
            if query.location:
                replica.known_locations.check_field(query.location, "location")

        def judging(replica: Replica) -> Judge[AvailabilityVerdict]:
            def judge(sku: str) -> AvailabilityVerdict:
                answer = self._answer(replica, sku, query.location, near, query.channel, query.pool)
                return AvailabilityVerdict(sku, availability=answer)

            return judge

        await self._node.driver.look(check)
        return json_response(await judge_all(self._long_reads, query.skus, AvailabilityVerdict, judging))

    def _answer(
        self, replica: Replica, sku: str, location: str, near: Point | None, channel: str, pool: str
    ) -> AvailabilityAnswer:
        return sku_availability(replica, sku, location, near, channel, self._last_current.as_of(replica), pool)
