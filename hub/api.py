"""HTTP of a hub: availability, every location's stock, the nodes it knows, and the door for peers."""

from __future__ import annotations

import contextlib
from collections.abc import Sequence
from hashlib import blake2b
from typing import Annotated, Any

import msgspec
from aiohttp import web
from msgspec import Meta, Struct

from hub.availability import LocalAvailability, Point, distances, local_availability, locations_with
from hub.documents_api import DocumentsApi
from replica.core.base.clock import stamp_text, time_text
from replica.core.base.errors import Invalid, Refused
from replica.core.base.names import CHAIN
from replica.core.base.quantities import Sku
from replica.core.catalog.locations import LOCATION, LocationDocument, ReadLocation
from replica.core.ledger.cells import rights_of
from replica.core.orders.sources import Source
from replica.core.state.replica import Replica
from replica.runtime.http.answers import ExplainAnswer, StockAnswer, StockPage
from replica.runtime.http.exceptions import ExceptionsApi
from replica.runtime.http.operations import Decoder, Operation, json_response
from replica.runtime.http.orders_api import OrdersApi
from replica.runtime.http.problems import problem
from replica.runtime.http.stock_api import StockApi, vector_answer
from replica.runtime.node import Node
from replica.runtime.peering.peers import Peer
from replica.runtime.peering.websocket import SYNC_PATH, accept

ORDERS_PATH = "/v1/orders"

SKUS_PER_CALL_MAX = 1_000


class AvailabilityAnswer(Struct, frozen=True):
    """Over all locations shown: units that are this node's to promise, up to units believed available."""

    sku: str
    guaranteed: int
    optimistic: int
    locations: list[LocalAvailability]


class AvailabilityQuery(Struct, frozen=True, forbid_unknown_fields=True):
    """Which SKUs, optionally at one location, of one channel's units, with distances from a point `lat,lon`."""

    skus: Annotated[tuple[Sku, ...], Meta(min_length=1, max_length=SKUS_PER_CALL_MAX)]
    location: str = ""
    near: str = ""
    channel: str = ""


class AvailabilityVerdict(Struct, frozen=True, omit_defaults=True):
    """Availability of one SKU, or why there is none."""

    sku: str
    availability: AvailabilityAnswer | None = None
    problem: dict[str, Any] | None = None


class AvailabilityVerdicts(Struct, frozen=True):
    """One verdict per SKU, in the order of the request."""

    verdicts: list[AvailabilityVerdict]


class NodeAnswer(Struct, frozen=True):
    """One node this hub knows. `stranded`: by location, units that only it may promise while nobody reaches it."""

    node: str
    writer: str
    role: str
    region: str
    locations: list[str] | None
    connected: bool
    last_seen: str | None
    behind: int
    unacknowledged: int
    reason: str
    software: str
    stranded: dict[str, int]


class NodesAnswer(Struct, frozen=True):
    """Every node this hub has met since it started, in order of names."""

    nodes: list[NodeAnswer]


class HubStatusAnswer(Struct, frozen=True):
    """The state of this hub; `digest` covers all scopes, `digests` each by itself.

    `rights`: by location, units this hub may promise, over all items. `stranded`: by node that is not connected and by
    location, units that only that node may promise.
    """

    node: str
    writer: str
    region: str
    hosts: list[str]
    entries: int
    digest: str
    digests: dict[str, str]
    version_vector: dict[str, dict[str, dict[str, Any]]]
    connected: list[str]
    breaches: dict[str, int]
    differences: list[dict[str, str]]
    rights: dict[str, int]
    stranded: dict[str, dict[str, int]]
    units: dict[str, dict[str, int]]


class HubApi:
    """The calls of one hub."""

    def __init__(self, node: Node, region: str, hosts: Sequence[str]) -> None:
        self._node = node
        self._region = region
        self._hosts = tuple(hosts)
        self._query = Decoder(AvailabilityQuery)
        self._stock = StockApi(node, self._location_of)
        self._documents = DocumentsApi(node)
        self.orders = OrdersApi(node)
        self._exceptions = ExceptionsApi(node)

    def operations(self) -> list[Operation]:
        """Every call a hub serves."""
        stock = self._stock
        at_location = [
            msgspec.structs.replace(operation, query=("location",)) for operation in stock.write_operations()
        ]
        operations = [
            Operation(
                "GET",
                "/v1/availability/{sku}",
                self.availability,
                "What can be promised of a SKU",
                answer=AvailabilityAnswer,
                query=("near", "location", "channel"),
            ),
            Operation(
                "POST",
                "/v1/availability",
                self.availability_bulk,
                "What can be promised of many SKUs",
                AvailabilityQuery,
                AvailabilityVerdicts,
            ),
            Operation(
                "GET",
                "/v1/stock/{location}",
                stock.stock_page,
                "Stock of a location, item by item",
                answer=StockPage,
                query=("cursor", "limit"),
            ),
            Operation("GET", "/v1/stock/{location}/{item}", stock.stock_item, "Stock of one item", answer=StockAnswer),
            Operation(
                "GET",
                "/v1/explain/{location}/{item}",
                stock.explain,
                "Why the stock of an item is what it is",
                answer=ExplainAnswer,
                query=("before", "limit"),
            ),
            *at_location,
            *self._documents.operations(),
            *self.orders.operations(ORDERS_PATH, "Place an order: hold its goods"),
            *self._exceptions.operations(),
            Operation("GET", "/v1/nodes", self.nodes, "Nodes this hub knows", answer=NodesAnswer),
            Operation("GET", "/v1/status", self.status, "State of this hub", answer=HubStatusAnswer),
            Operation("GET", SYNC_PATH, self.sync, "Peers: a WebSocket, see docs/reference/wire-format.md"),
            *stock.service_operations(),
        ]
        return [*operations, stock.document("Shelfsync hub", operations)]

    def _location_of(self, request: web.Request) -> str:
        location = request.match_info.get("location") or request.query.get("location")
        if location:
            return location
        if len(self._hosts) == 1:
            return self._hosts[0]
        raise Invalid(f"say which location; this hub writes for: {', '.join(self._hosts) or 'none'}", field="location")

    async def availability(self, request: web.Request) -> web.Response:
        near = _point(request.query.get("near", ""))
        location, sku = request.query.get("location", ""), request.match_info["sku"]
        channel, look = request.query.get("channel", ""), self._node.driver.look
        return json_response(await look(lambda replica: self._availability(replica, sku, location, near, channel)))

    async def availability_bulk(self, request: web.Request) -> web.Response:
        query: AvailabilityQuery = await self._query.read(request)
        near = _point(query.near)

        def look(replica: Replica) -> AvailabilityVerdicts:
            verdicts = []
            for sku in query.skus:
                try:
                    answer = self._availability(replica, sku, query.location, near, query.channel)
                    verdicts.append(AvailabilityVerdict(sku, answer))
                except Refused as refused:
                    verdicts.append(AvailabilityVerdict(sku, None, problem(refused)))
            return AvailabilityVerdicts(verdicts)

        return json_response(await self._node.driver.look(look))

    def _availability(
        self, replica: Replica, sku: str, location: str, near: Point | None, channel: str
    ) -> AvailabilityAnswer:
        source = Source(replica.ledger, replica.policies, replica.node, channel, replica.locations)
        recipe = replica.catalog.recipe_of(sku, "sku")
        locations = [location] if location else locations_with(replica.ledger, recipe)
        away = distances(_places(replica, locations), locations, near) if near is not None else {}
        local = [local_availability(source, recipe, one, self._as_of(replica, one), away.get(one)) for one in locations]
        local.sort(key=lambda one: (one.distance_km is None, one.distance_km or 0.0, one.location))
        return AvailabilityAnswer(
            sku, sum(one.guaranteed for one in local), sum(one.optimistic for one in local), local
        )

    def _as_of(self, replica: Replica, location: str) -> str | None:
        """When what is known of a location was true: now, while its node is connected or where we write ourselves."""
        is_live = location in self._hosts or any(
            peer.hello is not None and location in (peer.hello.scopes or ()) for peer in self._node.peers.connected
        )
        if is_live:
            return time_text(self._node.clock.now().wall_ms)
        newest = replica.newest(location)
        return stamp_text(newest) if newest is not None else None

    async def nodes(self, request: web.Request) -> web.Response:
        return json_response(await self._node.driver.look(self._nodes))

    def _nodes(self, replica: Replica) -> NodesAnswer:
        balances = {location: place.balances() for location, place in sorted(replica.ledger.places.items())}
        known = sorted(self._node.peers.known.items())
        return NodesAnswer([self._node_answer(replica, peer, balances) for _, peer in known])

    def _node_answer(self, replica: Replica, peer: Peer, balances: dict[str, dict[str, int]]) -> NodeAnswer:
        hello = peer.hello
        assert hello is not None
        seen_ms = self._node.clock.now().wall_ms if peer.is_connected else peer.seen_ms
        return NodeAnswer(
            peer.name,
            hello.writer,
            hello.role,
            hello.region,
            None if hello.scopes is None else [scope for scope in hello.scopes if scope != CHAIN],
            peer.is_connected,
            time_text(seen_ms) if seen_ms else None,
            peer.entries_behind(),
            peer.unacknowledged(replica),
            "" if peer.is_connected else peer.reason,
            hello.software,
            {} if peer.is_connected else _rights_by_location(peer.name, balances),
        )

    async def status(self, request: web.Request) -> web.Response:
        return json_response(await self._node.driver.look(self._status))

    def _status(self, replica: Replica) -> HubStatusAnswer:
        digests = replica.digests()
        places = replica.ledger.places
        balances = {location: place.balances() for location, place in sorted(places.items())}
        away = [name for name, peer in sorted(self._node.peers.known.items()) if not peer.is_connected]
        stranded = {name: _rights_by_location(name, balances) for name in away}
        return HubStatusAnswer(
            replica.node,
            replica.writer,
            self._region,
            list(self._hosts),
            replica.arrival,
            blake2b(repr(sorted(digests.items())).encode(), digest_size=16).hexdigest(),
            digests,
            vector_answer(replica),
            [peer.name for peer in self._node.peers.connected],
            {location: len(place.breaches()) for location, place in sorted(places.items()) if place.breaches()},
            self._node.peers.divergences,
            _rights_by_location(replica.node, balances),
            {name: rights for name, rights in stranded.items() if rights},
            balances,
        )

    async def sync(self, request: web.Request) -> web.StreamResponse:
        response, socket = await accept(request)
        await self._node.peers.converse(socket, is_dialled=False)
        return response


def _rights_by_location(node: str, balances: dict[str, dict[str, int]]) -> dict[str, int]:
    """Units the node may promise, over all items, where there are any."""
    rights = {location: rights_of(node, units) for location, units in balances.items()}
    return {location: units for location, units in rights.items() if units > 0}


def _point(text: str) -> Point | None:
    if not text:
        return None
    try:
        lat, lon = (float(part) for part in text.split(","))
    except ValueError:
        raise Invalid("near is latitude,longitude in degrees, such as 48.1,11.6", field="near") from None
    if not (-90 <= lat <= 90 and -180 <= lon <= 180):
        raise Invalid("latitude is in -90..90, longitude in -180..180", field="near")
    return Point(lat, lon)


def _places(replica: Replica, locations: Sequence[str]) -> dict[str, LocationDocument]:
    places: dict[str, LocationDocument] = {}
    for location in locations:
        value = replica.documents.value(LOCATION, location)
        with contextlib.suppress(msgspec.ValidationError):  # written by another version: as good as not there
            places[location] = msgspec.convert(value, ReadLocation)
    return places
