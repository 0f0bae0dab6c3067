"""The call that lists all locations of the chain, with what a hub knows about each of them."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Mapping, Sequence
from typing import Any

from aiohttp import web
from msgspec import UNSET, Struct

from hub.connections import HubConnections
from hub.last_seen import last_seen
from hub.stranded_costs import StrandedCosts
from replica.core.base.clock import time_text
from replica.core.catalog.locations import Address, LocationDocument, location_document
from replica.core.state.known_nodes import rights_at
from replica.core.state.replica import LastHeard, Replica
from replica.runtime.http.long_reads import LongReads
from replica.runtime.http.operations import Operation, json_response
from replica.runtime.http.query_fields import CURSOR, LIMIT, limit_of
from replica.runtime.node import Node
from replica.version import VERSION


class StrandedAnswer(Struct, frozen=True):
    """The units that only one node may promise while it is away, and what they cost.

    `cost`: by currency, in minor units, by the prices in force of SKUs that are one such item. `unpriced`: the units of
    items without such a price. They are as of `as_of`; all three are null until this hub has counted them.
    """

    units: int
    cost: dict[str, int] | None
    unpriced: int | None
    as_of: str | None


class LocationAnswer(Struct, frozen=True):
    """One location.

    `type` to `time_zone` are from its document, null without one. `owner`: the node that keeps its stock, null if this
    hub does not know it. `connected`, `last_seen`, `behind`, `unacknowledged` and `software` are those of the owner, as
    in `GET /v1/nodes`, and `hub` is the hub that it is connected to. `rights`: the units that this hub may promise
    there. `stranded`: those that only a node without a connection to this hub may promise, by node. `breaches`: the
    number of items with a breach.
    """

    location: str
    type: str | None
    name: str | None
    region: str | None
    address: Address | None
    lat: float | None
    lon: float | None
    time_zone: str | None
    owner: str | None
    connected: bool
    hub: str | None
    last_seen: str | None
    behind: int | None
    unacknowledged: int | None
    software: str | None
    on_hand: int
    rights: int
    stranded: dict[str, StrandedAnswer]
    breaches: int


class LocationPage(Struct, frozen=True):
    """Locations in order of names; `next` is the cursor of the next page, null on the last page."""

    locations: list[LocationAnswer]
    next: str | None


class LocationsApi:
    """The call at one hub."""

    def __init__(self, node: Node, long_reads: LongReads, connections: HubConnections) -> None:
        self._node = node
        self._long_reads = long_reads
        self._connections = connections
        self.costs = StrandedCosts(node, long_reads)

    def operations(self) -> list[Operation]:
        """The call."""
        return [
            Operation(
                method="GET",
                path="/v1/locations",
                handler=self.page,
                summary="List the locations of the chain, and how each of them is",
                answer=LocationPage,
                query=(CURSOR, LIMIT),
            ),
            Operation(
                method="GET",
                path="/v1/locations/{location}",
                handler=self.one,
                summary="Read how one location is",
                answer=LocationAnswer,
            ),
        ]

    async def page(self, request: web.Request) -> web.Response:
        cursor, limit = request.query.get("cursor", ""), limit_of(request)

        def shown(replica: Replica) -> tuple[list[str], bool, Mapping[str, LastHeard]]:
            names = replica.known_locations.names()
            start = bisect_right(names, cursor) if cursor else 0
            return names[start : start + limit], start + limit < len(names), replica.last_heard()

        await self._node.driver.refreshed()
        names, has_more, heard = await self._node.driver.look(shown)
        stranded: dict[str, list[str]] = {}

        def answers(replica: Replica, some: Sequence[str]) -> list[LocationAnswer]:
            found = [self._answer(replica, location, heard) for location in some]
            stranded.update({one.location: list(one.stranded) for one in found})
            return found

        found = dict(zip(names, await self._long_reads.look(names, answers), strict=True))
        counted = await self._count(stranded)
        found.update(zip(counted, await self._long_reads.look(counted, answers), strict=True))
        return json_response(LocationPage(list(found.values()), names[-1] if has_more else None))

    async def one(self, request: web.Request) -> web.Response:
        location = request.match_info["location"]

        def answer(replica: Replica) -> LocationAnswer:
            replica.known_locations.check(location, "location")
            return self._answer(replica, location, replica.last_heard())

        await self._node.driver.refreshed()
        found = await self._node.driver.look(answer)
        if await self._count({location: list(found.stranded)}):
            found = await self._node.driver.look(answer)
        return json_response(found)

    async def _count(self, stranded: Mapping[str, list[str]]) -> list[str]:
        """Count what the rights of these nodes cost, by location; return the locations with a new cost."""
        for location, nodes in stranded.items():
            self.costs.forget_others(location, nodes)
        pairs = [(location, node) for location, nodes in stranded.items() for node in nodes]
        return list(dict.fromkeys(location for location, _ in await self.costs.refresh(pairs)))

    def _stranded(self, replica: Replica, rights: Mapping[str, int]) -> dict[str, int]:
        """The rights of nodes without a connection to this hub, by node."""
        return {
            node: units
            for node, units in sorted(rights.items())
            if units > 0 and node != replica.node and not self._is_connected(node)
        }

    def _is_connected(self, node: str) -> bool:
        peer = self._node.peers.known.get(node)
        return peer is not None and peer.is_connected

    def _stranded_answer(self, location: str, node: str, units: int) -> StrandedAnswer:
        known = self.costs.known(location, node)
        if known is None:
            return StrandedAnswer(units, None, None, None)
        return StrandedAnswer(units, known.cost.amounts, known.cost.unpriced, time_text(known.counted_ms))

    def _answer(self, replica: Replica, location: str, heard: Mapping[str, LastHeard]) -> LocationAnswer:
        stock, is_hosted = replica.location_stock(location), location in replica.locations
        owner = replica.node if is_hosted else replica.location_owners.nodes.get(location)
        now_ms = self._node.clock.now().wall_ms
        peer = self._node.peers.known.get(owner) if owner is not None and not is_hosted else None
        link = peer if peer is not None and peer.is_connected else None
        seen = time_text(now_ms) if is_hosted else last_seen(owner or "", peer, heard, now_ms)
        rights = rights_at(stock) if stock is not None else {}
        stranded = self._stranded(replica, rights)
        return LocationAnswer(
            location=location,
            **_described(location_document(replica.documents, location)),
            owner=owner,
            connected=is_hosted or link is not None,
            hub=replica.node if is_hosted else self._connections.hub_of(owner) if owner is not None else None,
            last_seen=seen,
            behind=0 if is_hosted else link.entries_behind() if link is not None else None,
            unacknowledged=0 if is_hosted else peer.unacknowledged(replica) if peer is not None else None,
            software=VERSION if is_hosted else peer.hello.software if peer is not None and peer.hello else None,
            on_hand=stock.on_hand if stock is not None else 0,
            rights=rights.get(replica.node, 0),
            stranded={node: self._stranded_answer(location, node, units) for node, units in stranded.items()},
            breaches=len(stock.breaches()) if stock is not None else 0,
        )


def _described(document: LocationDocument | None) -> dict[str, Any]:
    """The fields of an answer that come from the document of the location."""
    if document is None:
        return dict.fromkeys(("type", "name", "region", "address", "lat", "lon", "time_zone"))
    lat, lon = document.lat, document.lon
    return {
        "type": document.type,
        "name": document.name,
        "region": document.region,
        "address": document.address,
        "lat": None if lat is UNSET else lat,
        "lon": None if lon is UNSET else lon,
        "time_zone": document.time_zone,
    }
