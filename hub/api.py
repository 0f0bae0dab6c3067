"""The HTTP calls of a hub: availability, the stock of all locations, its nodes, and the WebSocket for peers."""

from __future__ import annotations

from collections.abc import Sequence
from hashlib import blake2b
from typing import Any

import msgspec
from aiohttp import web
from msgspec import Struct

from hub.areas_api import AreasApi
from hub.availability_api import AvailabilityApi
from hub.balance_api import BalanceApi
from hub.balance_plans import Plans
from hub.balance_schedule import BalanceSchedule
from hub.connections import HubConnections
from hub.delivery import Surveyor
from hub.elsewhere_api import ElsewhereApi
from hub.highs import best_solver
from hub.last_current import LastCurrent
from hub.last_seen import heard_seen, met_seen
from hub.locations_api import LocationsApi
from hub.markdowns_api import MarkdownsApi
from hub.promises_api import PromisesApi
from hub.rights_api import RightsApi
from hub.sales_rates import SalesRates
from hub.sourcing_api import SourcingApi
from replica.core.base.errors import Invalid
from replica.core.base.names import CHAIN
from replica.core.state.known_nodes import KnownNode, known_nodes, rights_by_node
from replica.core.state.replica import Replica
from replica.runtime.http.answers import ExplainAnswer
from replica.runtime.http.documents_api import DocumentsApi
from replica.runtime.http.exceptions import ExceptionsApi
from replica.runtime.http.forecast_api import ForecastApi
from replica.runtime.http.items_api import ItemsApi
from replica.runtime.http.operations import Operation, json_response
from replica.runtime.http.order_list import OrderList
from replica.runtime.http.order_machine_api import OrderMachineApi
from replica.runtime.http.orders_api import OrdersApi
from replica.runtime.http.preview_api import PreviewApi
from replica.runtime.http.query_fields import BEFORE, LIMIT, LOCATION, location_in
from replica.runtime.http.quotes_api import QuotesApi
from replica.runtime.http.search_api import SearchApi
from replica.runtime.http.sellable_api import SellableApi
from replica.runtime.http.skus_api import SkusApi
from replica.runtime.http.stock_api import StockApi, vector_answer
from replica.runtime.http.stock_list import StockList, StockRow
from replica.runtime.http.till_receipts_api import TillReceiptsApi
from replica.runtime.http.transfers_api import AT, TransfersApi
from replica.runtime.node import Node, Work
from replica.runtime.peering.peers import Peer
from replica.runtime.peering.roles import role_of
from replica.runtime.peering.websocket import SYNC_PATH, accept

ORDERS_PATH = "/v1/orders"

NOT_MET = "no connection since this hub started"
"""The reason why a node is not connected that only the journal names."""


class NodeAnswer(Struct, frozen=True):
    """One node that this hub knows. `stranded`: the units that only it may promise, by location, while it is away.

    Null means unknown. The journal says which nodes there are, where they wrote, and when. Region and software are
    known if the node connected since the start of this hub, and `behind` while it is connected. If it did not connect
    since the start, `last_seen` is the time of its newest entry. `locations` is null for a hub, because it has all.
    `hub`: the hub that it is connected to, this one or one that says so.
    """

    node: str
    writer: str | None
    role: str | None
    region: str | None
    locations: list[str] | None
    connected: bool
    hub: str | None
    last_seen: str | None
    behind: int | None
    unacknowledged: int | None
    reason: str
    software: str | None
    stranded: dict[str, int]


class NodesAnswer(Struct, frozen=True):
    """All nodes that connected since the start of this hub or that its journal names, in order of names."""

    nodes: list[NodeAnswer]


class HubStatusAnswer(Struct, frozen=True):
    """The state of this hub. `digest` covers all scopes together, `digests` has one for each scope.

    `rights`: the units that this hub may promise, over all items, by location. `stranded`: the units that only a node
    without a connection to this hub may promise, by node and location. A store that is connected to another hub is
    listed too. If each hub lists a node, nobody reaches it.
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
        self._stock = StockApi(node, self._location_of)
        self._stock_list = StockList(node, self._stock.long_reads, self._location_of)
        last_current = LastCurrent(node, self._hosts)
        self._availability = AvailabilityApi(node, last_current, self._stock.long_reads)
        self._sourcing = SourcingApi(node, Surveyor(last_current))
        self._promises = PromisesApi(node)
        self._areas = AreasApi(node)
        self._rates = SalesRates(node)
        self._plans = Plans(node, self._stock.long_reads, self._rates, best_solver())
        self._schedule = BalanceSchedule(node, self._plans)
        self._markdowns = MarkdownsApi(node, self._stock.long_reads, self._rates)
        self._balance = BalanceApi(node, self._plans, self._stock.long_reads)
        self._elsewhere = ElsewhereApi(node, self._stock.long_reads, last_current)
        self._connections = HubConnections(node)
        self._locations = LocationsApi(node, self._stock.long_reads, self._connections)
        self._rights = RightsApi(node, self._stock.long_reads)
        self._documents = DocumentsApi(node, self._stock.long_reads)
        self._sellable = SellableApi(node, self._stock.long_reads, self._named_location)
        self._quotes = QuotesApi(node, self._named_location)
        self._skus = SkusApi(node, self._named_location)
        self._search = SearchApi(node, self._stock.long_reads, lambda name: name)
        self.orders = OrdersApi(node, can_replicate=True, find=self._sourcing.find)
        self._order_machine = OrderMachineApi(node)
        self._order_list = OrderList(node, self._stock.long_reads)
        self._items = ItemsApi(node, self._stock.long_reads)
        self._receipts = TillReceiptsApi(node, self._stock.long_reads, self._named_location)
        self._preview = PreviewApi(node, self._stock.long_reads, self._documents)
        self._forecast = ForecastApi(node, self._location_of, lambda: None)
        self._exceptions = ExceptionsApi(node)
        self._transfers = TransfersApi(node, self._stock.long_reads, self._named_location)

    @property
    def works(self) -> list[Work]:
        """The background work that the calls need."""
        return [self._locations.costs.run, self._connections.run, self._rates.run, self._schedule.run]

    def operations(self) -> list[Operation]:
        """All calls of a hub."""
        stock = self._stock
        at_location = [msgspec.structs.replace(operation, query=(LOCATION,)) for operation in stock.write_operations()]
        operations = [
            *self._availability.operations(),
            *self._sellable.operations((LOCATION,)),
            *self._quotes.operations(),
            *self._skus.operations((LOCATION,)),
            *self._search.operations((LOCATION,)),
            *self._items.operations(),
            *self._receipts.operations((LOCATION,)),
            *self._elsewhere.operations(),
            *self._areas.operations(),
            *self._sourcing.operations(),
            *self._balance.operations(),
            *self._markdowns.operations(),
            *self._stock_list.operations("/v1/stock/{location}"),
            *self._promises.operations(),
            Operation(
                method="GET",
                path="/v1/stock/{location}/{item}",
                handler=stock.stock_item,
                summary="Read the stock of one item",
                answer=StockRow,
            ),
            Operation(
                method="GET",
                path="/v1/explain/{location}/{item}",
                handler=stock.explain,
                summary="List the movements that make the stock of an item",
                answer=ExplainAnswer,
                query=(BEFORE, LIMIT),
            ),
            *at_location,
            *self._locations.operations(),
            *self._transfers.operations((AT,)),
            *self._rights.operations(),
            *self._forecast.operations("/v1/forecast/{location}/{item}"),
            *self._documents.operations(),
            *self._preview.operations(),
            *self.orders.operations(ORDERS_PATH, "Place an order and hold its goods"),
            *self._order_list.operations(),
            *self._order_machine.operations(),
            *self._exceptions.operations(),
            *self._connections.operations(),
            Operation(
                method="GET",
                path="/v1/nodes",
                handler=self.nodes,
                summary="List the nodes that this hub knows",
                answer=NodesAnswer,
            ),
            Operation(
                method="GET",
                path="/v1/status",
                handler=self.status,
                summary="Read the state of this hub",
                answer=HubStatusAnswer,
            ),
            Operation(
                method="GET",
                path=SYNC_PATH,
                handler=self.sync,
                summary="Synchronize with a peer (WebSocket, see docs/reference/wire-format.md)",
            ),
            *stock.service_operations(),
        ]
        return [*operations, stock.document("Shelfsync hub", operations)]

    def _location_of(self, request: web.Request) -> str:
        return self._named_location(request.match_info.get("location") or location_in(request))

    def _named_location(self, location: str) -> str:
        if location:
            return location
        if len(self._hosts) == 1:
            return self._hosts[0]
        hosts = ", ".join(self._hosts) or "none"
        raise Invalid(
            f"The query field location is missing. Send one of the locations of this hub: {hosts}.", field="location"
        )

    async def nodes(self, request: web.Request) -> web.Response:
        return json_response(await self._node.driver.look(self._nodes))

    def _nodes(self, replica: Replica) -> NodesAnswer:
        met, named = self._node.peers.known, known_nodes(replica)
        answers = {name: self._named_answer(one) for name, one in named.items()}
        answers |= {name: self._met_answer(replica, peer, named.get(name)) for name, peer in met.items()}
        return NodesAnswer([answer for _, answer in sorted(answers.items())])

    def _met_answer(self, replica: Replica, peer: Peer, named: KnownNode | None) -> NodeAnswer:
        """A node that connected since the start of this hub."""
        hello = peer.hello
        assert hello is not None
        return NodeAnswer(
            node=peer.name,
            writer=hello.writer,
            role=hello.role,
            region=hello.region,
            locations=None if hello.scopes is None else [scope for scope in hello.scopes if scope != CHAIN],
            connected=peer.is_connected,
            hub=self._connections.hub_of(peer.name),
            last_seen=met_seen(peer, self._node.clock.now().wall_ms),
            behind=peer.entries_behind() if peer.is_connected else None,
            unacknowledged=peer.unacknowledged(replica),
            reason="" if peer.is_connected else peer.reason,
            software=hello.software,
            stranded={} if peer.is_connected or named is None else named.rights,
        )

    def _named_answer(self, named: KnownNode) -> NodeAnswer:
        """A node that only the journal names: it did not connect since the start of this hub."""
        return NodeAnswer(
            node=named.node,
            writer=named.writer,
            role=role_of(named.owns_location),
            region=None,
            locations=None if named.owns_location is False else list(named.locations),
            connected=False,
            hub=self._connections.hub_of(named.node),
            last_seen=heard_seen(named.heard, self._node.clock.now().wall_ms),
            behind=None,
            unacknowledged=None,
            reason=NOT_MET,
            software=None,
            stranded=named.rights,
        )

    async def status(self, request: web.Request) -> web.Response:
        await self._node.driver.refreshed()
        return json_response(await self._node.driver.look(self._status))

    def _status(self, replica: Replica) -> HubStatusAnswer:
        digests = replica.digests()
        stocks = replica.ledger.at_location
        balances = {location: stock.balances() for location, stock in sorted(stocks.items())}
        connected = [peer.name for peer in self._node.peers.connected]
        stranded = {name: named.rights for name, named in known_nodes(replica).items() if name not in connected}
        return HubStatusAnswer(
            node=replica.node,
            writer=replica.writer,
            region=self._region,
            hosts=list(self._hosts),
            entries=replica.arrival,
            digest=blake2b(repr(sorted(digests.items())).encode(), digest_size=16).hexdigest(),
            digests=digests,
            version_vector=vector_answer(replica),
            connected=connected,
            breaches={
                location: len(found) for location, stock in sorted(stocks.items()) if (found := stock.breaches())
            },
            differences=self._node.peers.divergences,
            rights=rights_by_node(replica).get(replica.node, {}),
            stranded={name: rights for name, rights in stranded.items() if rights},
            units=balances,
        )

    async def sync(self, request: web.Request) -> web.StreamResponse:
        response, socket = await accept(request)
        await self._node.peers.converse(socket, is_dialled=False)
        return response
