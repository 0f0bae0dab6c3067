"""The call that says what some documents would change if they were written.

It looks at a bounded number of goods and places, in slices, so that a sale does not wait for it.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Iterator, Sequence
from heapq import nsmallest
from itertools import islice, product
from typing import Any, Generic, TypeVar

from aiohttp import web
from msgspec import Struct

from replica.core.base.clock import time_text
from replica.core.catalog.locations import region_of, time_zone_of
from replica.core.catalog.prices import PRICE
from replica.core.catalog.promotions import PROMOTION
from replica.core.catalog.quotes import Occasion
from replica.core.catalog.ranks import CHAIN_NAME, REGION_NAME, REGION_RANK, STORE_NAME, STORE_RANK, RankName
from replica.core.catalog.registers import Register
from replica.core.catalog.selectors import Selected, attributes_of
from replica.core.catalog.validity import moment_ms
from replica.core.state.previews import Pair, Preview, PriceChange, RightsChange, SellableChange
from replica.core.state.replica import Replica
from replica.runtime.http.document_checks import DocumentBatch, DocumentVerdict
from replica.runtime.http.documents_api import NEW_ITEMS, DocumentsApi, flag_of
from replica.runtime.http.long_reads import LongReads
from replica.runtime.http.operations import Decoder, Operation, json_response
from replica.runtime.http.query_fields import LIMIT, QueryField, limit_of, moment_in
from replica.runtime.node import Node
from replica.runtime.pricing import occasion_at

T = TypeVar("T")

PAIRS_MAX = 10_000
"""Locations with an item or a SKU that one preview looks at: about 100 ms in slices."""

PAIRS_PER_TURN = 1_000
"""Pairs that are listed, and not looked at yet, in one turn of the event loop."""

SKUS_MAX = 20_000
"""SKUs with a price among which a preview searches those that a selection of a promotion means."""

QUOTES_MAX = 2_000
"""SKUs at a place that one preview prices, now and then: about 200 ms in slices."""

MOMENT = QueryField(
    "moment", {"type": "string", "format": "date-time"}, "The moment at which prices are compared. Now by default."
)


class Changes(Struct, Generic[T], frozen=True):
    """The first changes and their number. `is_capped`: there are more, or more goods than a preview looks at."""

    rows: list[T]
    total: int
    is_capped: bool


class DocumentPreview(Struct, frozen=True):
    """What the documents that get no problem would change together. Nothing was written.

    `rights`: because of policies. `prices`: because of prices and promotions, at the moment `at`. `sellable`: because
    of recipes. Of rights and sellable quantities, the largest differences come first.
    """

    verdicts: list[DocumentVerdict]
    at: str
    rights: Changes[RightsChange]
    prices: Changes[PriceChange]
    sellable: Changes[SellableChange]


class Place(Struct, frozen=True):
    """Stores at which each SKU has one price: those of a region and a time zone that have no documents of their own."""

    rank: RankName
    at: str
    time_zone: str
    locations: int
    occasion: Occasion


class PreviewApi:
    """The call at one node. `store`: the only location whose prices are compared; empty for a hub."""

    def __init__(self, node: Node, long_reads: LongReads, documents: DocumentsApi, store: str = "") -> None:
        self._node = node
        self._long_reads = long_reads
        self._documents = documents
        self._store = store
        self._batch = Decoder(DocumentBatch)

    def operations(self) -> list[Operation]:
        """The call."""
        return [
            Operation(
                method="POST",
                path="/v1/documents:preview",
                handler=self.preview,
                summary="Read what documents would change, and write nothing",
                body=DocumentBatch,
                answer=DocumentPreview,
                query=(NEW_ITEMS, MOMENT, LIMIT),
            )
        ]

    async def preview(self, request: web.Request) -> web.Response:
        batch: DocumentBatch = await self._batch.read(request)
        limit, moment = limit_of(request), moment_in(request, MOMENT)
        at_ms = self._node.clock.now().wall_ms if moment is None else moment_ms(moment)
        tried, writes = await self._documents.tried(batch, has_new_items=flag_of(request, NEW_ITEMS))
        preview = await self._node.driver.look(lambda replica: Preview(replica, writes))
        answer = DocumentPreview(
            verdicts=tried.verdicts,
            at=time_text(at_ms),
            rights=await self._rights(preview, limit),
            prices=await self._prices(preview, at_ms, limit),
            sellable=await self._sellable(preview, limit),
        )
        return json_response(answer)

    async def _rights(self, preview: Preview, limit: int) -> Changes[RightsChange]:
        def changes(_: Replica, some: Sequence[Pair]) -> list[RightsChange]:
            return [found for pair in some if (found := preview.rights_change(*pair)) is not None]

        pairs, is_all = await self._listed(preview.pairs())
        found = await self._long_reads.collect(pairs, changes)
        rows = nsmallest(limit, found, key=lambda one: (-abs(one.difference or 0), one.location, one.item))
        return Changes(rows, len(found), len(found) > limit or not is_all)

    async def _sellable(self, preview: Preview, limit: int) -> Changes[SellableChange]:
        def changes(_: Replica, some: Sequence[Pair]) -> list[SellableChange]:
            return [found for pair in some if (found := preview.sellable_change(*pair)) is not None]

        pairs, is_all = await self._listed(preview.places())
        found = await self._long_reads.collect(pairs, changes)
        rows = nsmallest(limit, found, key=lambda one: (-abs((one.then or 0) - (one.now or 0)), one.location, one.sku))
        return Changes(rows, len(found), len(found) > limit or not is_all)

    async def _listed(self, pairs: Iterator[Pair]) -> tuple[list[Pair], bool]:
        """The first pairs, each once, and whether these are all."""
        listed: dict[Pair, None] = {}
        while some := await self._node.driver.look(lambda _: list(islice(pairs, PAIRS_PER_TURN))):
            listed |= dict.fromkeys(some)
            if len(listed) > PAIRS_MAX:
                return list(listed)[:PAIRS_MAX], False
            await asyncio.sleep(0)
        return list(listed), True

    async def _prices(self, preview: Preview, at_ms: int, limit: int) -> Changes[Any]:
        def changes(_: Replica, some: Sequence[tuple[str, Place]]) -> list[PriceChange]:
            return [found for sku, place in some if (found := _price_change(preview, sku, place)) is not None]

        writes = [*preview.of(PRICE), *preview.of(PROMOTION)]
        places = await self._node.driver.look(lambda replica: self._places(replica, preview, at_ms)) if writes else []
        concerned: dict[tuple[str, RankName, str, str], tuple[str, Place]] = {}
        unsearched, is_all = SKUS_MAX, True
        for written in writes:
            here = [place for place in places if _counts_at(written, place)]
            skus, searched, is_every_sku = await self._skus(preview, written, unsearched)
            unsearched, is_all = unsearched - searched, is_all and is_every_sku
            for sku, place in islice(product(skus, here), QUOTES_MAX + 1):
                concerned[sku, place.rank, place.at, place.time_zone] = (sku, place)
            if len(concerned) > QUOTES_MAX:
                break
        pairs, is_every_pair = _first(concerned.values(), QUOTES_MAX)
        found = await self._long_reads.look(pairs, changes)
        return Changes(found[:limit], len(found), len(found) > limit or not (is_all and is_every_pair))

    async def _skus(self, preview: Preview, written: Register, searched_max: int) -> tuple[list[str], int, bool]:
        """The SKUs whose prices a write concerns, the number of SKUs searched for them, and whether these are all."""
        named, chosen = preview.priced(written)
        if not chosen:
            return named, 0, True

        def meant(replica: Replica, some: Sequence[str]) -> list[str]:
            return [sku for sku in some if _is_meant(sku, chosen, replica)]

        def priced(replica: Replica) -> tuple[list[str], bool]:
            return _first(replica.documents.keys(PRICE), searched_max)

        candidates, is_all = await self._node.driver.look(priced)
        found = await self._long_reads.collect(candidates, meant)
        return list(dict.fromkeys([*named, *found])), len(candidates), is_all

    def _places(self, replica: Replica, preview: Preview, at_ms: int) -> list[Place]:
        """The places of the chain. Without any location, the chain is one."""
        known: dict[tuple[RankName, str, str], list[str]] = {}
        for location in [self._store] if self._store else replica.known_locations.names() or [""]:
            region, zone = region_of(replica.documents, location), time_zone_of(replica.documents, location)
            rank: RankName = REGION_NAME if region else CHAIN_NAME
            if location and (replica.documents.digest(location) or preview.documents.digest(location)):
                rank = STORE_NAME
            at = {STORE_NAME: location, REGION_NAME: region, CHAIN_NAME: ""}[rank]
            known.setdefault((rank, at, zone), []).append(location)
        return [
            Place(rank, at, zone, len(locations), occasion_at(replica, locations[0], at_ms))
            for (rank, at, zone), locations in known.items()
        ]


def _first(things: Iterable[T], limit: int) -> tuple[list[T], bool]:
    """The first things, each once, and whether these are all."""
    some = list(islice(things, limit + 1))
    return list(dict.fromkeys(some[:limit])), len(some) <= limit


def _counts_at(written: Register, place: Place) -> bool:
    """Whether a document of a rank may count at a place."""
    if written.rank == STORE_RANK:
        return written.at == place.occasion.location
    return written.rank != REGION_RANK or written.at == place.occasion.region


def _is_meant(sku: str, chosen: Sequence[Selected], replica: Replica) -> bool:
    attributes = attributes_of(replica.documents, sku)
    return any(one.contains(sku, attributes) for one in chosen)


def _price_change(preview: Preview, sku: str, place: Place) -> PriceChange | None:
    now, then = preview.prices(sku, place.occasion)
    if now == then:
        return None
    return PriceChange(sku, place.rank, place.at, place.time_zone, place.locations, now, then)
