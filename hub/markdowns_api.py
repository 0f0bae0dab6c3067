"""The call that proposes lower prices for goods of a location that will not sell in time."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator, Sequence

from aiohttp import web
from msgspec import Struct

from hub.sales_rates import SalesRates
from replica.core.base.errors import Overloaded
from replica.core.base.limits import COVER_DAYS_MAX
from replica.core.catalog.locations import region_of
from replica.core.catalog.prices import EffectivePrice, effective_price, minimum_of
from replica.core.planning.cover import DAY, cover_of
from replica.core.planning.markdowns import markdown_of
from replica.core.rights.daily_sales import DailySales
from replica.core.state.replica import Replica
from replica.runtime.http.long_reads import LongReads
from replica.runtime.http.operations import Operation, json_response
from replica.runtime.http.query_fields import CURSOR, LIMIT, limit_of, names_after, number_field, number_of
from replica.runtime.node import Node

COVER_DAYS = number_field("cover_days", "The days of cover that are enough.", 1, COVER_DAYS_MAX, 56)

WAIT_S = 2.0
"""How long a caller waits while this hub reads the sales of the last weeks."""

ITEMS_PER_PAGE_MAX = 5_000
"""Items that are looked at for one page. A page may be short, or empty, if few of them have too much cover."""


class MarkdownAnswer(Struct, frozen=True):
    """A lower price for a SKU at the location. Amounts are minor units, for `per` units of the SKU.

    `units`: of the item, there and free or set aside. `cover_days`: null if nobody bought any. `limited`: the chain
    allows no lower price.
    """

    sku: str
    item: str
    units: int
    cover_days: float | None
    currency: str
    per: int
    amount: int
    proposed: int
    percent: int
    limited: bool


class MarkdownPage(Struct, frozen=True):
    """Proposals in the order of items; `next` is the cursor of the next page, null on the last one."""

    location: str
    markdowns: list[MarkdownAnswer]
    next: str | None


class MarkdownsApi:
    """The call at one hub."""

    def __init__(self, node: Node, long_reads: LongReads, rates: SalesRates) -> None:
        self._node = node
        self._long_reads = long_reads
        self._rates = rates

    def operations(self) -> list[Operation]:
        """The call."""
        return [
            Operation(
                method="GET",
                path="/v1/markdowns/{location}",
                handler=self.page,
                summary="Propose lower prices for goods of a location that will not sell in time",
                answer=MarkdownPage,
                query=(COVER_DAYS, CURSOR, LIMIT),
            )
        ]

    async def page(self, request: web.Request) -> web.Response:
        location = await self._node.meet(request.match_info["location"])
        cursor, limit, enough = request.query.get("cursor", ""), limit_of(request), number_of(request, COVER_DAYS) * DAY
        now_ms = self._node.clock.now().wall_ms

        def begin(replica: Replica) -> list[str]:
            replica.known_locations.check(location, "location")
            stock = replica.location_stock(location)
            items = stock.items() if stock is not None else []
            return names_after(items, cursor)

        items = await self._node.driver.look(begin)
        try:
            sales = await asyncio.wait_for(self._rates.current(), WAIT_S)
        except TimeoutError:
            raise Overloaded("This hub still reads the sales of the last weeks. Try again in a minute.") from None
        looked_at = items[:ITEMS_PER_PAGE_MAX]
        found = await self._long_reads.collect(
            looked_at, lambda replica, some: list(_proposals(replica, location, some, sales, enough, now_ms))
        )
        shown = found[:limit]
        after = shown[-1].item if len(found) > limit else looked_at[-1] if len(items) > len(looked_at) else None
        return json_response(MarkdownPage(location, shown, after))


def _proposals(
    replica: Replica, location: str, items: Sequence[str], sales: DailySales, enough: int, now_ms: int
) -> Iterator[MarkdownAnswer]:
    region = region_of(replica.documents, location)
    for item in items if sales.is_known(location) else ():
        units, sold = replica.ledger.stock(location, item).available, sales.milli(location, item)
        cover = cover_of(units, sold)
        if units <= 0 or (cover is not None and cover <= enough):
            continue
        for sku in _alone(replica, item):
            price = effective_price(replica.documents, sku, location, region, now_ms)
            if not isinstance(price, EffectivePrice):
                continue
            least, per = minimum_of(replica.documents, sku)
            found = markdown_of(price.amount, cover, enough, -(-least * price.per // per))
            if found is not None:
                yield MarkdownAnswer(
                    sku=sku,
                    item=item,
                    units=units,
                    cover_days=None if cover is None else round(cover / DAY, 1),
                    currency=price.currency,
                    per=price.per,
                    amount=price.amount,
                    proposed=found.amount,
                    percent=found.percent,
                    limited=found.is_limited,
                )


def _alone(replica: Replica, item: str) -> list[str]:
    """The SKUs that are made of an item alone, in order."""
    names = replica.catalog.users_of(item)
    return sorted(name for name in names if len(replica.catalog.recipe_of(name, "sku")) == 1)
