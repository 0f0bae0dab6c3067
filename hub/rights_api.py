"""The call that says which node may promise which units of an item, location by location."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Mapping, Sequence

from aiohttp import web
from msgspec import Struct

from replica.core.base.names import is_item
from replica.core.ledger.cells import Figures, Stock, breach_of
from replica.core.rights.holders import Holder, holders_of, sum_of_holders
from replica.core.state.replica import Replica
from replica.runtime.http.long_reads import LongReads
from replica.runtime.http.operations import Operation, json_response
from replica.runtime.http.query_fields import CURSOR, LIMIT, limit_of
from replica.runtime.node import Node


class RightsAnswer(Struct, frozen=True):
    """An item at one location: its stock figures in base units, and the nodes that have units there, by name."""

    location: str
    on_hand: int
    reserved: int
    quarantined: int
    available: int
    breach: int
    holders: dict[str, Holder]


class RightsTotals(Struct, frozen=True):
    """The sums over all locations of the item. `breach`: a breach at one location is not made up for by another."""

    locations: int
    on_hand: int
    reserved: int
    quarantined: int
    available: int
    breach: int
    holders: dict[str, Holder]


class RightsPage(Struct, frozen=True):
    """The locations where an item ever moved, in order of names; `next` is the cursor of the next page, or null.

    `totals` is on the first page only, and null on the others.
    """

    item: str
    unit: str
    totals: RightsTotals | None
    locations: list[RightsAnswer]
    next: str | None


class _Part(Struct, frozen=True):
    """What one location adds to the totals."""

    figures: Figures
    breach: int
    balances: Mapping[str, int]


class RightsApi:
    """The call at one hub."""

    def __init__(self, node: Node, long_reads: LongReads) -> None:
        self._node = node
        self._long_reads = long_reads

    def operations(self) -> list[Operation]:
        """The call."""
        return [
            Operation(
                method="GET",
                path="/v1/rights/{item}",
                handler=self.page,
                summary="List which node may promise which units of an item, by location",
                answer=RightsPage,
                query=(CURSOR, LIMIT),
            )
        ]

    async def page(self, request: web.Request) -> web.Response:
        item, cursor, limit = request.match_info["item"], request.query.get("cursor", ""), limit_of(request)

        def shown(replica: Replica) -> tuple[Sequence[str], str]:
            locations = replica.ledger.locations(item)
            replica.catalog.check_item(item if is_item(item) else "", bool(locations), "item")
            return tuple(locations), replica.catalog.unit(item)

        def parts(replica: Replica, some: Sequence[str]) -> list[_Part]:
            return [_part(replica.ledger.stock(location, item)) for location in some]

        def answers(replica: Replica, some: Sequence[str]) -> list[RightsAnswer]:
            return [_answer(replica.ledger.stock(location, item)) for location in some]

        locations, unit = await self._node.driver.look(shown)
        totals = None if cursor else _totals(await self._long_reads.collect(locations, parts))
        start = bisect_right(locations, cursor) if cursor else 0
        page = locations[start : start + limit]
        has_more = start + limit < len(locations)
        found = await self._long_reads.look(page, answers)
        return json_response(RightsPage(item, unit, totals, found, page[-1] if has_more else None))


def _part(stock: Stock) -> _Part:
    balances = stock.balances
    return _Part(stock.figures, breach_of(balances), balances)


def _answer(stock: Stock) -> RightsAnswer:
    figures, balances = stock.figures, stock.balances
    return RightsAnswer(
        location=stock.location, **figures._asdict(), breach=breach_of(balances), holders=holders_of(balances)
    )


def _totals(parts: Sequence[_Part]) -> RightsTotals:
    return RightsTotals(
        locations=len(parts),
        on_hand=sum(one.figures.on_hand for one in parts),
        reserved=sum(one.figures.reserved for one in parts),
        quarantined=sum(one.figures.quarantined for one in parts),
        available=sum(one.figures.available for one in parts),
        breach=sum(one.breach for one in parts),
        holders=sum_of_holders(one.balances for one in parts),
    )
