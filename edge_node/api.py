"""HTTP of an edge node: sales, and what every node serves, for its one location."""

from __future__ import annotations

from typing import Any

from aiohttp import web
from msgspec import Struct

from edge_node.pickups import PickupPage, pickups
from edge_node.sale_batches import BatchAnswer, SaleBatches
from replica.core.base.names import HELD, QUARANTINE, bucket_of, is_internal, owner_of
from replica.core.ledger.cells import rights_of
from replica.core.state.commands import Command
from replica.core.state.replica import Replica
from replica.core.stock.requests import Sale, SaleBatch
from replica.runtime.http.answers import ExplainAnswer, MovementAnswer, StockAnswer, StockPage, answer_of
from replica.runtime.http.exceptions import ExceptionsApi
from replica.runtime.http.fast_path import FastRead, alone
from replica.runtime.http.operations import Decoder, Operation, checked_key, json_response, key_of, limit_of
from replica.runtime.http.orders_api import OrdersApi
from replica.runtime.http.stock_api import StockApi, vector_answer
from replica.runtime.node import Node

SALES_PATH = "/v1/sales"
BATCHES_PATH = "/v1/sales:batch"


class Behind(Struct, frozen=True):
    """Entries the hub is known to hold that this node lacks, and for how long it has been cut off."""

    entries: int
    seconds: float


class StatusAnswer(Struct, frozen=True):
    """The state of this node and of its line to the hub; `reason` says why there is none.

    `rights`: units this node may promise, over all items. `stranded`: by node, those of others, while none is reached.
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
        self._orders = OrdersApi(node, awaits_regions=False)
        self._exceptions = ExceptionsApi(node)

    def operations(self) -> list[Operation]:
        """Every call an edge node serves."""
        stock = self._stock
        operations = [
            Operation("POST", SALES_PATH, self.sell, "Sell", Sale, MovementAnswer, 201, is_write=True),
            Operation("POST", BATCHES_PATH, self._batches.sell, "Sell what waited", SaleBatch, BatchAnswer, 207),
            *stock.write_operations(),
            *self._orders.operations("/v1/holds", "Hold goods for a customer here"),
            Operation(
                "GET",
                "/v1/pickups",
                self.pickups,
                "What waits here to be picked or collected",
                answer=PickupPage,
                query=("cursor", "limit"),
            ),
            Operation(
                "GET",
                "/v1/stock",
                stock.stock_page,
                "Stock, item by item",
                answer=StockPage,
                query=("cursor", "limit"),
            ),
            Operation("GET", "/v1/stock/{item}", stock.stock_item, "Stock of one item", answer=StockAnswer),
            Operation(
                "GET",
                "/v1/explain/{item}",
                stock.explain,
                "Why the stock of an item is what it is",
                answer=ExplainAnswer,
                query=("before", "limit"),
            ),
            *self._exceptions.operations(),
            Operation("GET", "/v1/status", self.status, "State of this node", answer=StatusAnswer),
            *stock.service_operations(),
        ]
        return [*operations, stock.document("Shelfsync edge node", operations)]

    @property
    def hot(self) -> dict[str, FastRead]:
        """The calls that take the fast path."""
        return {SALES_PATH: alone(self.read_sale), BATCHES_PATH: self._batches.read}

    def read_sale(self, body: bytes, key: str | None) -> Command:
        """Check one sale as it came over HTTP. Raises Refused."""
        return Command(self._location, self._sale.decode(body), checked_key(key))

    async def sell(self, request: web.Request) -> web.Response:
        sale: Sale = await self._sale.read(request)
        command = Command(self._location, sale, key_of(request))
        return json_response(answer_of(await self._node.driver.submit(command)), 201)

    async def pickups(self, request: web.Request) -> web.Response:
        cursor, limit = request.query.get("cursor", ""), limit_of(request)
        return json_response(await self._node.driver.look(lambda replica: pickups(replica.orders, cursor, limit)))

    async def status(self, request: web.Request) -> web.Response:
        return json_response(await self._node.driver.look(self._status))

    def _status(self, replica: Replica) -> StatusAnswer:
        peers = self._node.peers
        connected = peers.connected
        hub = connected[0] if connected else None
        latest = hub or max(peers.known.values(), key=lambda peer: peer.seen_ms, default=None)
        now_ms = self._node.clock.now().wall_ms
        away_s = 0.0 if hub is not None or latest is None else max(0, now_ms - latest.seen_ms) / 1000
        place = replica.place(self._location)
        units = place.balances() if place is not None else {}
        own = sum(head.sequence for vector in replica.vectors.values() for head in vector.values())
        return StatusAnswer(
            replica.node,
            replica.writer,
            self._location,
            hub.name if hub is not None else None,
            hub is not None,
            "" if hub is not None else next((dialer.reason for dialer in self._node.dialers), "no hub configured"),
            Behind(hub.entries_behind() if hub is not None else 0, away_s),
            latest.unacknowledged(replica) if latest is not None else (own if self._hubs else 0),
            vector_answer(replica),
            replica.digest(self._location),
            replica.digests(),
            replica.arrival,
            place.breaches() if place is not None else {},
            rights_of(replica.node, units),
            _stranded(units, replica.node) if hub is None else {},
            units,
        )


def _stranded(units: dict[str, int], node: str) -> dict[str, int]:
    """Rights at this location of nodes that cannot be asked for them now."""
    owners = dict.fromkeys(
        owner_of(name)
        for name in units
        if is_internal(name) and owner_of(name) != node and bucket_of(name) not in (HELD, QUARANTINE)
    )
    return {owner: rights_of(owner, units) for owner in owners if owner is not None and rights_of(owner, units)}
