"""The calls about sellable quantities: of one SKU, of many, of all, and live.

The live feed is made from the journal: the entries of a page name the items that moved and the SKUs that were written,
the catalogue names the SKUs of these items, and the feed sends what each of them has now. So a reader that adds what it
hears to a list that it read before has the figures of the node.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Callable, Sequence
from typing import Annotated, Any

from aiohttp import web
from msgspec import Meta, Struct

from replica.core.base.quantities import Sku
from replica.core.catalog.skus import SKU
from replica.core.log.entry import Content
from replica.core.state.replica import Replica
from replica.core.stock.sellable import Sellable, UnitsAt, skus_moved_by, skus_written_by
from replica.runtime.http.feeds import Event, Feeds
from replica.runtime.http.long_reads import LongReads
from replica.runtime.http.operations import Decoder, Operation, json_response
from replica.runtime.http.query_fields import AFTER, CURSOR, LIMIT, QueryField, limit_of, location_in
from replica.runtime.http.sku_answers import recipe_if_known
from replica.runtime.http.sku_verdicts import SKUS_PER_CALL_MAX, Judge, SkuVerdict, SkuVerdicts, judge_all
from replica.runtime.node import Node
from replica.runtime.ports import Page

EVENT = "sellable"


class SellableQuery(Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    """The SKUs, and the location if the node has several."""

    skus: Annotated[tuple[Sku, ...], Meta(min_length=1, max_length=SKUS_PER_CALL_MAX)]
    location: str = ""


class SellableVerdict(SkuVerdict, frozen=True, omit_defaults=True):
    """How many of one SKU can be sold, or a problem."""

    sellable: Sellable | None = None


class SellablePage(Struct, frozen=True):
    """SKUs in order, with how many of each can be sold; `next` is the cursor of the next page, null on the last."""

    skus: list[Sellable]
    next: str | None


class SellableApi:
    """The calls about sellable quantities at one node.

    Args:
        location_of: the location that a call with this name means, of which the name may be empty. Raises Invalid.
    """

    def __init__(self, node: Node, long_reads: LongReads, location_of: Callable[[str], str]) -> None:
        self._node = node
        self._long_reads = long_reads
        self._location_of = location_of
        self._feeds = Feeds(node)
        self._query = Decoder(SellableQuery)

    def operations(self, query: tuple[QueryField, ...] = ()) -> list[Operation]:
        """All calls. `query`: the field that names the location, where the node has several."""
        path = "/v1/sellable"
        return [
            Operation(
                method="GET",
                path=f"{path}/{{sku}}",
                handler=self.one,
                summary="Read how many of a SKU can be sold",
                answer=Sellable,
                query=query,
            ),
            Operation(
                method="GET",
                path=path,
                handler=self.page,
                summary="List how many of each SKU can be sold",
                answer=SellablePage,
                query=(CURSOR, LIMIT, *query),
            ),
            Operation(
                method="POST",
                path=path,
                handler=self.many,
                summary="Read how many of many SKUs can be sold",
                body=SellableQuery,
                answer=SkuVerdicts[SellableVerdict],
            ),
            Operation(
                method="GET",
                path=f"{path}:feed",
                handler=self.feed,
                summary="Follow how many of each SKU can be sold (SSE)",
                query=(AFTER, *query),
            ),
        ]

    async def one(self, request: web.Request) -> web.Response:
        location = await self._node.meet(self._location_of(location_in(request)))
        sku = request.match_info["sku"]

        def look(replica: Replica) -> Sellable:
            replica.known_locations.check(location, "location")
            return _units(replica, location).sellable(sku, replica.catalog.recipe_of(sku, "sku"))

        return json_response(await self._node.driver.look(look))

    async def many(self, request: web.Request) -> web.Response:
        query: SellableQuery = await self._query.read(request)
        location = await self._node.meet(self._location_of(query.location))

        def judging(replica: Replica) -> Judge[SellableVerdict]:
            units, recipe_of = _units(replica, location), replica.catalog.recipe_of
            return lambda sku: SellableVerdict(sku, sellable=units.sellable(sku, recipe_of(sku, "sku")))

        await self._node.driver.look(lambda replica: replica.known_locations.check_field(location, "location"))
        return json_response(await judge_all(self._long_reads, query.skus, SellableVerdict, judging))

    async def page(self, request: web.Request) -> web.Response:
        location = await self._node.meet(self._location_of(location_in(request)))
        limit, cursor = limit_of(request), request.query.get("cursor", "")

        def shown(replica: Replica) -> tuple[Sequence[str], bool]:
            replica.known_locations.check(location, "location")
            skus = replica.documents.keys(SKU)
            start = bisect_right(skus, cursor) if cursor else 0
            return skus[start : start + limit], start + limit < len(skus)

        def answers(replica: Replica, some: Sequence[str]) -> list[Sellable]:
            units = _units(replica, location)
            return [found for sku in some if (found := _known(replica, units, sku)) is not None]

        skus, has_more = await self._node.driver.look(shown)
        found = await self._long_reads.look(skus, answers)
        return json_response(SellablePage(found, skus[-1] if has_more else None))

    async def feed(self, request: web.Request) -> web.StreamResponse:
        """Send what each SKU has now, for the SKUs of each page of the journal. A deleted SKU has null."""
        location = await self._node.meet(self._location_of(location_in(request)))
        await self._node.driver.look(lambda replica: replica.known_locations.check(location, "location"))
        told: dict[str, Sellable | None] = {}

        def fresh(replica: Replica, some: Sequence[str]) -> list[dict[str, Any]]:
            units, changed = _units(replica, location), []
            for sku in some:
                found = _known(replica, units, sku)
                if sku not in told or told[sku] != found:
                    told[sku] = found
                    changed.append(_data(location, sku, found))
            return changed

        async def events(page: Page) -> list[Event]:
            here = [one.entry.content for one in page.stored if one.entry.stream.scope == location]
            documents = [one.entry.content for one in page.stored]
            skus = await self._node.driver.look(lambda replica: _concerned(replica, here, documents))
            data = await self._long_reads.look(skus, fresh)
            start = page.stored[0].arrival - 1  # who leaves before the last event of a page gets all of them again
            last = len(data) - 1
            return [Event(page.through if at == last else start, EVENT, one) for at, one in enumerate(data)]

        return await self._feeds.send(request, events)


def _units(replica: Replica, location: str) -> UnitsAt:
    return UnitsAt(replica.ledger, location, replica.node)


def _known(replica: Replica, units: UnitsAt, sku: str) -> Sellable | None:
    recipe = recipe_if_known(replica, sku)
    return units.sellable(sku, recipe) if recipe is not None else None


def _concerned(replica: Replica, here: list[Content], documents: list[Content]) -> list[str]:
    skus = [*skus_moved_by(here, replica.catalog), *skus_written_by(documents)]
    return list(dict.fromkeys(skus))


def _data(location: str, sku: str, found: Sellable | None) -> dict[str, Any]:
    figures: dict[str, int | None] = {"sellable": None, "guaranteed": None}
    if found is not None:
        figures = {"sellable": found.sellable, "guaranteed": found.guaranteed}
    return {"location": location, "sku": sku, **figures}
