"""The calls about one SKU: by its name, and by what a scanner sends."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime

from aiohttp import web
from msgspec import Struct

from replica.core.catalog.currencies import MINOR_DIGITS
from replica.core.catalog.prices import EffectivePrice
from replica.core.catalog.scans import Scanned, read_scan, sku_of
from replica.core.state.replica import Replica
from replica.runtime.http.operations import Operation, json_response
from replica.runtime.http.query_fields import QueryField, location_in
from replica.runtime.http.sku_answers import SkuAnswer, sku_answer
from replica.runtime.node import Node


class ScanAnswer(Struct, frozen=True, omit_defaults=True):
    """What a scan says, and the SKU that it leads to.

    `quantity`: how many units of the SKU the goods in hand are: 1, unless the barcode has a weight, a length, an area
    or a volume in a measure of the SKU's unit, or says how many pieces it is for. It is left out if only the price is
    known. `amount`: what is to be paid for the goods in hand, in minor units, if the barcode says it.
    """

    scanned: Scanned
    sku: SkuAnswer
    quantity: int | None = None
    amount: int | None = None


class SkusApi:
    """The calls at one node.

    Args:
        location_of: the location that a call with this name means, of which the name may be empty. Raises Invalid.
    """

    def __init__(self, node: Node, location_of: Callable[[str], str]) -> None:
        self._node = node
        self._location_of = location_of

    def operations(self, query: tuple[QueryField, ...] = ()) -> list[Operation]:
        """Both calls. `query`: the field that names the location, where the node has several."""
        return [
            Operation(
                method="GET",
                path="/v1/skus/{sku}",
                handler=self.sku,
                summary="Read a SKU with its price, and how many can be sold",
                answer=SkuAnswer,
                query=query,
            ),
            Operation(
                method="GET",
                path="/v1/scan/{barcode}",
                handler=self.scan,
                summary="Read a barcode, an element string or a GS1 Digital Link, and the SKU it is of",
                answer=ScanAnswer,
                query=query,
            ),
        ]

    async def sku(self, request: web.Request) -> web.Response:
        location = await self._node.meet(self._location_of(location_in(request)))
        sku = request.match_info["sku"]

        def look(replica: Replica) -> SkuAnswer:
            replica.known_locations.check(location, "location")
            return sku_answer(replica, location, sku, self._now_ms)

        return json_response(await self._node.driver.look(look))

    async def scan(self, request: web.Request) -> web.Response:
        location = await self._node.meet(self._location_of(location_in(request)))
        text = request.match_info["barcode"]
        year = datetime.fromtimestamp(self._now_ms / 1000, UTC).year

        def look(replica: Replica) -> ScanAnswer:
            replica.known_locations.check(location, "location")
            scanned = read_scan(text, year, replica.catalog.scale_codes)
            sku = sku_of(replica.catalog, scanned, text, "barcode")
            return _scan_answer(scanned, sku_answer(replica, location, sku, self._now_ms))

        return json_response(await self._node.driver.look(look))

    @property
    def _now_ms(self) -> int:
        return self._node.clock.now().wall_ms


def _scan_answer(scanned: Scanned, sku: SkuAnswer) -> ScanAnswer:
    return ScanAnswer(scanned, sku, _quantity(scanned, sku.unit), _amount(scanned, sku.price))


def _quantity(scanned: Scanned, unit: str) -> int | None:
    """How many units of a SKU the goods in hand are; None if the barcode says only what they cost."""
    measures = (scanned.weight, scanned.length, scanned.area, scanned.volume)
    measured = next((units for one in measures if one is not None and (units := one.units(unit))), None)
    if measured is not None:
        return measured
    return scanned.count or (1 if scanned.price is None else None)


def _amount(scanned: Scanned, price: EffectivePrice | None) -> int | None:
    """The printed price in minor units of the SKU's currency; None without one, or if it is no whole number of them."""
    if scanned.price is None or price is None:
        return None
    return scanned.price.minor_units(MINOR_DIGITS.get(price.currency, 0))
