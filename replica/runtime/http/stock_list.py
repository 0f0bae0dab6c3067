"""The call that lists the stock of a location: all items, those that a text finds, or those that need a look."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from aiohttp import web
from msgspec import Struct, structs

from replica.core.base.limits import TEXT_LENGTH_MAX
from replica.core.catalog.search_terms import fold, read_terms
from replica.core.ledger.cells import Stock
from replica.core.state.replica import Replica
from replica.runtime.background.counting import token_of
from replica.runtime.http.answers import StockAnswer, stock_answer
from replica.runtime.http.long_reads import LongReads
from replica.runtime.http.operations import Operation, json_response
from replica.runtime.http.query_fields import (
    CURSOR,
    LIMIT,
    QueryField,
    choice_field,
    choice_of,
    limit_of,
    names_after,
    text_field,
    text_of,
)
from replica.runtime.http.sku_answers import names_of
from replica.runtime.node import Node

Q = text_field("q", "Only items of which the id or a SKU has these words or characters.", TEXT_LENGTH_MAX)

ONLY = choice_field(
    "only",
    "Only items with a breach; with few units available or none; with units in quarantine; with units held for orders.",
    ("breach", "low", "quarantined", "reserved"),
)

LOW_UNITS = 5
"""An item is low with so many units available, or fewer."""

LOW_OF_SMALL_UNITS = {"GRM": 1_000, "MLT": 1_000, "MMT": 1_000, "CMT": 100}
"""The same for units of which a customer takes many at once."""


class StockRow(StockAnswer, frozen=True, kw_only=True):
    """The stock of one item, with its names by language. `is_low`: few units are available, or none.

    The names are those of the first SKU that is one unit of the item.
    """

    names: dict[str, str]
    is_low: bool


class StockPage(Struct, frozen=True):
    """Stock in order of items; `next` is the cursor of the next page, null on the last page."""

    items: list[StockRow]
    next: str | None


class StockList:
    """The call at one node. `location_of`: the location of a call."""

    def __init__(self, node: Node, long_reads: LongReads, location_of: Callable[[web.Request], str]) -> None:
        self._node = node
        self._long_reads = long_reads
        self._location_of = location_of

    def operations(self, path: str) -> list[Operation]:
        """The call. A hub names the location in the path."""
        query: tuple[QueryField, ...] = (CURSOR, LIMIT, Q, ONLY)
        summary = "List the stock of a location, item by item"
        return [
            Operation(method="GET", path=path, handler=self.page, summary=summary, answer=StockPage, query=query),
        ]

    async def page(self, request: web.Request) -> web.Response:
        location, limit = await self._node.meet(self._location_of(request)), limit_of(request)
        cursor, only, text = request.query.get("cursor", ""), choice_of(request, ONLY), text_of(request, Q)

        def shown(replica: Replica) -> list[str]:
            replica.known_locations.check(location, "location")
            stock = replica.location_stock(location)
            items = stock.items() if stock is not None else []
            return names_after(items, cursor)

        def fitting(replica: Replica, some: Sequence[str]) -> list[str]:
            return [item for item in some if _fits(replica, replica.ledger.stock(location, item), only)]

        def answers(replica: Replica, some: Sequence[str]) -> list[StockRow]:
            seen = token_of(replica, self._node.clock.now().wall_ms)
            return [stock_row(replica, replica.ledger.stock(location, item), seen) for item in some]

        items = await self._node.driver.look(shown)
        if text:
            items = await self._named(items, text)
        if only:
            items = await self._long_reads.collect(items, fitting)
        found = await self._long_reads.look(items[:limit], answers)
        return json_response(StockPage(found, items[limit - 1] if limit < len(items) else None))

    async def _named(self, items: Sequence[str], text: str) -> list[str]:
        """The items that a text finds: by their own id, or by a SKU that takes them."""
        terms, after, skus = read_terms(text), 0, list[str]()
        while True:
            found = await self._node.journal.search(terms, after)
            skus += [one.sku for one in found.found]
            if not found.is_capped:
                break
            after = found.through

        def taken(replica: Replica, some: Sequence[str]) -> list[str]:
            return [item for sku in some for item, _ in replica.catalog.known_recipe(sku) or ()]

        wanted, part = dict.fromkeys(await self._long_reads.collect(skus, taken)), fold(text)
        return [item for item in items if item in wanted or part in item.lower()]


def _fits(replica: Replica, stock: Stock, only: str) -> bool:
    match only:
        case "breach":
            return stock.breach > 0
        case "low":
            return _is_low(replica, stock)
        case "quarantined":
            return stock.figures.quarantined != 0
        case _:
            return stock.figures.reserved != 0


def _is_low(replica: Replica, stock: Stock) -> bool:
    return stock.available <= LOW_OF_SMALL_UNITS.get(replica.catalog.unit(stock.item), LOW_UNITS)


def stock_row(replica: Replica, stock: Stock, seen: str) -> StockRow:
    """Render the stock of one item for people. `seen`: the token for a count."""
    answer = stock_answer(stock, replica, seen)
    names = names_of(replica, replica.catalog.sku_of(stock.item))
    return StockRow(**structs.asdict(answer), names=names, is_low=_is_low(replica, stock))
