"""The call about prices: what a basket costs at a location, and why."""

from __future__ import annotations

from collections.abc import Callable

from aiohttp import web
from msgspec import UNSET, UnsetType, structs

from replica.core.base.clock import time_text
from replica.core.base.errors import Invalid
from replica.core.base.quantities import RequestStruct, Text, Timestamp
from replica.core.catalog.quotes import Quote
from replica.core.catalog.validity import moment_ms
from replica.core.state.replica import Replica
from replica.core.stock.requests import SkuLines
from replica.runtime.http.operations import Decoder, Operation, json_response
from replica.runtime.node import Node
from replica.runtime.pricing import occasion_at, quote_of, quoted_lines


class QuoteQuery(RequestStruct, frozen=True):
    """A basket. `at`: the moment that it is priced for, now by default. `location`: if the node has several."""

    lines: SkuLines
    customer_group: Text = ""
    at: Timestamp | UnsetType = UNSET
    location: Text = ""


class QuoteAnswer(Quote, frozen=True, kw_only=True):
    """The quote of a basket at a location and a moment. Lines of one SKU are one line, in the order of SKUs."""

    location: str
    at: str


class QuotesApi:
    """The call at one node.

    Args:
        location_of: the location that a call with this name means, of which the name may be empty. Raises Invalid.
    """

    def __init__(self, node: Node, location_of: Callable[[str], str]) -> None:
        self._node = node
        self._location_of = location_of
        self._query = Decoder(QuoteQuery)

    def operations(self) -> list[Operation]:
        """The call about prices."""
        return [
            Operation(
                method="POST",
                path="/v1/quote",
                handler=self.quote,
                summary="Read what a basket costs, and why",
                body=QuoteQuery,
                answer=QuoteAnswer,
            )
        ]

    async def quote(self, request: web.Request) -> web.Response:
        query: QuoteQuery = await self._query.read(request)
        location = await self._node.meet(self._location_of(query.location))
        asked_ms = self._node.clock.now().wall_ms if query.at is UNSET else moment_ms(query.at)

        def look(replica: Replica) -> Quote:
            replica.known_locations.check_field(location, "location")
            for index, line in enumerate(query.lines):
                if (line.sku is UNSET) == (line.barcode is UNSET):
                    raise Invalid("give the goods of each line by sku or by barcode", field=f"lines[{index}].sku")
            lines = quoted_lines(replica, query.lines, is_fact=False)
            return quote_of(replica, lines, occasion_at(replica, location, asked_ms, query.customer_group))

        quote = await self._node.driver.look(look)
        return json_response(QuoteAnswer(**structs.asdict(quote), location=location, at=time_text(asked_ms)))
