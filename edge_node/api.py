"""The HTTP calls of an edge node: sales, and the calls of every node, for its one location."""

from __future__ import annotations

from typing import Any

from aiohttp import web
from msgspec import Struct

from edge_node.elsewhere import Elsewhere
from edge_node.pickups import PickupPage, read_pickups
from edge_node.rebalancing import StoreRebalancing
from edge_node.sale_batches import BatchAnswer, SaleBatches
from replica.core.base.clock import stamp_ms
from replica.core.base.errors import Invalid
from replica.core.base.names import HELD, QUARANTINE, bucket_of, is_internal, owner_of
from replica.core.ledger.cells import rights_of
from replica.core.rights.forecast import Demand
from replica.core.state.commands import Command
from replica.core.state.replica import Replica
from replica.core.stock.requests import Sale, SaleBatch
from replica.runtime.http.answers import ExplainAnswer
from replica.runtime.http.documents_api import DocumentsApi
from replica.runtime.http.exceptions import ExceptionsApi
from replica.runtime.http.fast_path import FastRead, single
from replica.runtime.http.forecast_api import ForecastApi
from replica.runtime.http.items_api import ItemsApi
from replica.runtime.http.operations import Decoder, Operation, checked_key, json_response, key_of
from replica.runtime.http.order_list import OrderList
from replica.runtime.http.order_machine_api import OrderMachineApi
from replica.runtime.http.orders_api import OrdersApi
from replica.runtime.http.preview_api import PreviewApi
from replica.runtime.http.query_fields import BEFORE, CURSOR, LIMIT, limit_of
from replica.runtime.http.quotes_api import QuotesApi
from replica.runtime.http.search_api import SearchApi
from replica.runtime.http.sellable_api import SellableApi
from replica.runtime.http.skus_api import SkusApi
from replica.runtime.http.stock_api import StockApi, vector_answer
from replica.runtime.http.stock_list import StockList, StockRow
from replica.runtime.http.till_receipts_api import TillReceiptsApi
from replica.runtime.http.transfers_api import TransfersApi
from replica.runtime.http.writes import MovementAnswer, answer_of
from replica.runtime.node import Node
from replica.runtime.peering.peers import Peer
from replica.runtime.pricing import price_of_sale

SALES_PATH = "/v1/sales"
BATCHES_PATH = "/v1/sales:batch"


class Behind(Struct, frozen=True):
    """The number of entries that the hub has and this node lacks, and the seconds since the node lost its hub.

    Null means unknown: `entries` without a connection, and `seconds` if this node never heard of another node. If it
    did not connect since its start, the newest entry of another node is the last sign of a hub.
    """

    entries: int | None
    seconds: float | None


class StatusAnswer(Struct, frozen=True):
    """The state of this node and of its connection to a hub. `reason`: why there is no connection.

    `rights`: the units that this node may promise, over all items. `stranded`: the same for other nodes, by node, while
    this node has no connection.
    """

    node: str
    writer: str
    location: str
    hub: str | None
    connected: bool
    reason: str
    behind: Behind
    unacknowledged: int
    version_vector: dict[str, dict[str, dict[str, Any]]]
    digest: str
    digests: dict[str, str]
    entries: int
    breaches: dict[str, int]
    rights: int
    stranded: dict[str, int]
    units: dict[str, int]


class EdgeApi:
    """The calls of one store."""

    def __init__(self, node: Node, location: str, hubs: tuple[str, ...]) -> None:
        self._node = node
        self._location = location
        self._hubs = hubs
        self._sale = Decoder(Sale)
        self._batches = SaleBatches(node, location)
        self._stock = StockApi(node, lambda request: location)
        self._stock_list = StockList(node, self._stock.long_reads, self._stock.location_of)
        self._orders = OrdersApi(node, can_replicate=False)
        self._sellable = SellableApi(node, self._stock.long_reads, self._named_location)
        self._quotes = QuotesApi(node, self._named_location)
        self._skus = SkusApi(node, self._named_location)
        self._search = SearchApi(node, self._stock.long_reads, self._named_location)
        self._documents = DocumentsApi(node, self._stock.long_reads, location)
        self._order_machine = OrderMachineApi(node)
        self._order_list = OrderList(node, self._stock.long_reads)
        self._items = ItemsApi(node, self._stock.long_reads)
        self._receipts = TillReceiptsApi(node, self._stock.long_reads, self._named_location)
        self._preview = PreviewApi(node, self._stock.long_reads, self._documents, location)
        self._forecast = ForecastApi(node, lambda request: location, self._demand)
        self._exceptions = ExceptionsApi(node)
        self._transfers = TransfersApi(node, self._stock.long_reads, self._named_location)
        self.elsewhere = Elsewhere(node, location, self._stock.long_reads)

    def operations(self) -> list[Operation]:
        """All calls of an edge node."""
        stock = self._stock
        operations = [
            Operation(
                method="POST",
                path=SALES_PATH,
                handler=self.sell,
                summary="Sell goods",
                body=Sale,
                answer=MovementAnswer,
                status=201,
                is_write=True,
            ),
            Operation(
                method="POST",
                path=BATCHES_PATH,
                handler=self._batches.sell,
                summary="Record many sales at once",
                body=SaleBatch,
                answer=BatchAnswer,
                status=207,
            ),
            *stock.write_operations(),
            *self._transfers.operations(),
            *self._orders.operations("/v1/holds", "Hold goods for a customer at this store"),
            Operation(
                method="GET",
                path="/v1/pickups",
                handler=self.pickups,
                summary="List fulfilments to pick or to collect at this store",
                answer=PickupPage,
                query=(CURSOR, LIMIT),
            ),
            *self._stock_list.operations("/v1/stock"),
            Operation(
                method="GET",
                path="/v1/stock/{item}",
                handler=stock.stock_item,
                summary="Read the stock of one item",
                answer=StockRow,
            ),
            Operation(
                method="GET",
                path="/v1/explain/{item}",
                handler=stock.explain,
                summary="List the movements that make the stock of an item",
                answer=ExplainAnswer,
                query=(BEFORE, LIMIT),
            ),
            *self._sellable.operations(),
            *self._quotes.operations(),
            *self._skus.operations(),
            *self._search.operations(),
            *self._items.operations(),
            *self._receipts.operations(),
            *self.elsewhere.operations(),
            *self._documents.operations(),
            *self._preview.operations(),
            *self._order_list.operations(),
            *self._order_machine.operations(),
            *self._forecast.operations("/v1/forecast/{item}"),
            *self._exceptions.operations(),
            Operation(
                method="GET",
                path="/v1/status",
                handler=self.status,
                summary="Read the state of this node",
                answer=StatusAnswer,
            ),
            *stock.service_operations(),
        ]
        return [*operations, stock.document("Shelfsync edge node", operations)]

    def _demand(self) -> Demand | None:
        """What the tills of this store sold, as its forecasts count it."""
        strategy = self._node.rebalancer.strategy
        return strategy.sales_history.demand if isinstance(strategy, StoreRebalancing) else None

    def _named_location(self, location: str) -> str:
        if location and location != self._location:
            raise Invalid(f"This node serves the location {self._location} only. Ask a hub.", field="location")
        return self._location

    @property
    def fast_calls(self) -> dict[str, FastRead]:
        """The calls of the fast path: their readers, by path."""
        return {SALES_PATH: single(self.read_sale), BATCHES_PATH: self._batches.read}

    def read_sale(self, body: bytes, key: str | None) -> Command:
        """Check the body and key of one sale. Raises Refused."""
        return self._command(self._sale.decode(body), checked_key(key))

    def _command(self, sale: Sale, key: bytes) -> Command:
        """The command of one sale, with the price that it applies."""
        now_ms = self._node.clock.now().wall_ms
        return Command(self._location, sale, key, quote=price_of_sale(self._node.replica, self._location, sale, now_ms))

    async def sell(self, request: web.Request) -> web.Response:
        sale: Sale = await self._sale.read(request)
        command = self._command(sale, key_of(request))
        return json_response(answer_of(await self._node.driver.submit(command)), 201)

    async def pickups(self, request: web.Request) -> web.Response:
        cursor, limit = request.query.get("cursor", ""), limit_of(request)
        return json_response(await read_pickups(self._node.driver, self._stock.long_reads, cursor, limit))

    async def status(self, request: web.Request) -> web.Response:
        await self._node.driver.refreshed()
        return json_response(await self._node.driver.look(self._status))

    def _status(self, replica: Replica) -> StatusAnswer:
        peers = self._node.peers
        connected = peers.connected
        hub = connected[0] if connected else None
        latest = hub or max(peers.known.values(), key=lambda peer: peer.seen_ms, default=None)
        stock = replica.location_stock(self._location)
        units = stock.balances() if stock is not None else {}
        own = sum(head.sequence for vector in replica.vectors.values() for head in vector.values())
        reason = next((dialer.reason for dialer in self._node.dialers), "no hub configured")
        return StatusAnswer(
            node=replica.node,
            writer=replica.writer,
            location=self._location,
            hub=hub.name if hub is not None else None,
            connected=hub is not None,
            reason="" if hub is not None else reason,
            behind=self._behind(replica, hub, latest),
            unacknowledged=latest.unacknowledged(replica) if latest is not None else (own if self._hubs else 0),
            version_vector=vector_answer(replica),
            digest=replica.digest(self._location),
            digests=replica.digests(),
            entries=replica.arrival,
            breaches=stock.breaches() if stock is not None else {},
            rights=rights_of(replica.node, units),
            stranded=_stranded(units, replica.node) if hub is None else {},
            units=units,
        )

    def _behind(self, replica: Replica, hub: Peer | None, latest: Peer | None) -> Behind:
        if hub is not None:
            return Behind(hub.entries_behind(), 0.0)
        if latest is None and not self._hubs:
            return Behind(0, 0.0)
        seen_ms = latest.seen_ms if latest is not None else _newest_of_others_ms(replica)
        return Behind(None, None if seen_ms is None else max(0, self._node.clock.now().wall_ms - seen_ms) / 1000)


def _newest_of_others_ms(replica: Replica) -> int | None:
    """The time of the newest entry that another node wrote; None if there is none."""
    stamps = [last.stamp for node, last in replica.last_heard().items() if node != replica.node]
    return stamp_ms(max(stamps)) if stamps else None


def _stranded(units: dict[str, int], node: str) -> dict[str, int]:
    """The rights of other nodes at this location, while this node cannot request them."""
    owners = dict.fromkeys(
        owner_of(name)
        for name in units
        if is_internal(name) and owner_of(name) != node and bucket_of(name) not in (HELD, QUARANTINE)
    )
    return {owner: rights_of(owner, units) for owner in owners if owner is not None and rights_of(owner, units)}
