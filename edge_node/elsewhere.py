"""The stock of other stores, as this store knows it: what a hub said last, also while the line is down.

A store has no entries of other locations, so it asks the hub that it is connected to, and keeps the last answer for
each SKU: in memory, and some seconds later in the file of its journal. While it is connected, it also asks from time to
time about the SKUs that customers will miss: those that are sold out here and were sold lately. So they are known when
the line is cut. What a hub says is decoded with bounds, and an answer that does not fit changes nothing.
"""

from __future__ import annotations

import asyncio
from collections import OrderedDict
from collections.abc import Callable, Sequence
from typing import TypeVar
from urllib.parse import quote

import msgspec
import structlog
from aiohttp import web
from msgspec.structs import replace

from replica.core.base.names import CUSTOMER
from replica.core.log.times import moved_ms
from replica.core.state.replica import Replica
from replica.core.stock.sellable import UnitsAt
from replica.core.stock.till_receipts import SALE
from replica.runtime.http.elsewhere_answers import (
    SKUS_PER_CALL_MAX,
    ElsewhereAnswer,
    ElsewhereQuery,
    ElsewhereVerdict,
)
from replica.runtime.http.long_reads import LongReads
from replica.runtime.http.operations import Operation, encode_json, json_response
from replica.runtime.http.sku_answers import recipe_if_known
from replica.runtime.http.sku_verdicts import SkuVerdicts
from replica.runtime.node import Node

T = TypeVar("T")

log = structlog.get_logger(__name__)

PATH = "/v1/elsewhere"

KEPT_MAX = 2_000
"""SKUs of which the last answer is kept: about 10 MB with 20 locations each."""

REFRESH_S = 300.0
"""Pause between two rounds of questions about SKUs that are sold out."""

SAVE_S = 5.0
"""Pause between two looks for answers that are not in the file yet. A crash loses those."""

SAVED_AT_ONCE = 50
"""Answers that one transaction writes: about 250 kB, so that a sale waits for it some milliseconds."""

SOLD_WITHIN_MS = 28 * 86_400_000
"""A SKU whose items were not sold here for this long is not asked about."""

MOVES_LOOKED_AT = 16
"""The newest movements of an item among which its last sale is searched."""


class Elsewhere:
    """What one store knows about the stock of other locations, and the call that says it."""

    def __init__(self, node: Node, location: str, long_reads: LongReads) -> None:
        self._node = node
        self._location = location
        self._long_reads = long_reads
        self.known: OrderedDict[str, ElsewhereAnswer] = OrderedDict()
        """The last answer for each SKU, the one used last at the end."""
        self._unsaved: dict[str, ElsewhereAnswer] = {}

    def operations(self) -> list[Operation]:
        """The call."""
        return [
            Operation(
                method="GET",
                path=f"{PATH}/{{sku}}",
                handler=self.one,
                summary="List other locations that have some of a SKU, nearest first, as last known",
                answer=ElsewhereAnswer,
            )
        ]

    async def one(self, request: web.Request) -> web.Response:
        sku = request.match_info["sku"]
        await self._node.driver.look(lambda replica: replica.catalog.recipe_of(sku, "sku"))
        body = await self._ask(f"{PATH}/{quote(sku, safe='')}?location={self._location}")
        answer = _decoded(body, _one)
        if answer is not None and answer.sku == sku:
            self._keep(answer)
        known = self.known.get(sku)
        if known is None:
            return json_response(ElsewhereAnswer(sku, [], None, connected=self._hub is not None))
        self.known.move_to_end(sku)
        return json_response(replace(known, connected=self._hub is not None))

    async def load(self) -> None:
        """Read the answers that this store kept before it was started again."""
        for sku, note in (await self._node.journal.kept()).items():
            answer = _decoded(note, _one)
            if answer is not None and answer.sku == sku:
                self.known[sku] = answer

    async def save(self) -> None:
        """Write the answers that are not in the file yet."""
        while self._unsaved:
            some = dict(list(self._unsaved.items())[:SAVED_AT_ONCE])
            for sku in some:
                del self._unsaved[sku]
            await self._node.journal.keep({sku: encode_json(answer) for sku, answer in some.items()}, KEPT_MAX)

    async def save_always(self) -> None:
        """Write answers again and again."""
        while True:
            await asyncio.sleep(SAVE_S)
            await self.save()

    async def refresh(self) -> None:
        """Ask the hub again and again about the SKUs that are sold out here and were sold lately."""
        while True:
            await asyncio.sleep(REFRESH_S)
            if self._hub is not None:
                await self.refresh_once()

    async def refresh_once(self) -> None:
        """Ask the hub once about these SKUs."""
        skus = await self._missed()
        if not skus:
            return
        body = await self._ask(PATH, encode_json(ElsewhereQuery(tuple(skus), self._location)))
        verdicts = _decoded(body, _many)
        for one in verdicts.verdicts if verdicts is not None else ():
            if one.elsewhere is not None and one.elsewhere.sku in skus:
                self._keep(one.elsewhere)

    @property
    def _hub(self) -> str | None:
        """The address of the hub that this store is connected to."""
        if not self._node.peers.connected:
            return None
        return next((dialer.url for dialer in self._node.dialers if dialer.url is not None), None)

    async def _ask(self, path: str, body: bytes | None = None) -> bytes | None:
        """What the hub answers; None if it does not."""
        hub = self._hub
        if hub is None:
            return None
        try:
            return await self._node.peers.network.ask(hub, path, body)
        except (OSError, TimeoutError) as error:
            log.debug("the hub does not say what others have", hub=hub, error=str(error))
            return None

    def _keep(self, answer: ElsewhereAnswer) -> None:
        self.known[answer.sku] = self._unsaved[answer.sku] = answer
        self.known.move_to_end(answer.sku)
        while len(self.known) > KEPT_MAX:
            self._unsaved.pop(self.known.popitem(last=False)[0], None)

    async def _missed(self) -> list[str]:
        """The SKUs that are sold out here and of which an item was sold lately, at most as many as one call takes."""
        since_ms, location = self._node.clock.now().wall_ms - SOLD_WITHIN_MS, self._location

        def gone(replica: Replica, items: Sequence[str]) -> list[str]:
            stocks = [(item, replica.ledger.stock(location, item)) for item in items]
            return [item for item, one in stocks if one.available <= 0 and one.balance(CUSTOMER) > 0]

        def sold_out(replica: Replica, skus: Sequence[str]) -> list[str]:
            units = UnitsAt(replica.ledger, location, replica.node)
            recipes = [(sku, recipe_if_known(replica, sku)) for sku in skus]
            return [sku for sku, recipe in recipes if recipe is not None and not units.sellable(sku, recipe).sellable]

        stock = self._node.replica.location_stock(location)
        items = await self._long_reads.collect(list(stock.items()) if stock is not None else [], gone)
        skus: dict[str, None] = {}
        for item in items[: 2 * SKUS_PER_CALL_MAX]:
            if len(skus) < SKUS_PER_CALL_MAX and await self._is_sold_since(item, since_ms):
                users = self._node.replica.catalog.users_of(item) or (item,)
                skus.update(dict.fromkeys(await self._long_reads.collect(list(users), sold_out)))
        return list(skus)[:SKUS_PER_CALL_MAX]

    async def _is_sold_since(self, item: str, since_ms: int) -> bool:
        newest = self._node.driver.arrival + 1
        page = await self._node.journal.moves_of(self._location, item, newest, MOVES_LOOKED_AT)
        sales = [one.entry.content for one in page.stored if one.entry.content.kind == SALE]
        return any(moved_ms(content) >= since_ms for content in sales)


def _decoded(body: bytes | None, decode: Callable[[bytes], T]) -> T | None:
    """What a hub said; None if it said nothing, or nothing that this version understands."""
    try:
        return decode(body) if body is not None else None
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
        return None


_one = msgspec.json.Decoder(ElsewhereAnswer).decode
_many = msgspec.json.Decoder(SkuVerdicts[ElsewhereVerdict]).decode
