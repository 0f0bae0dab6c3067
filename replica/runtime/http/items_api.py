"""The call about one item: its unit, its names, and the SKUs that take it."""

from __future__ import annotations

from collections.abc import Sequence

from aiohttp import web
from msgspec import Struct

from replica.core.base.names import is_item
from replica.core.state.replica import Replica
from replica.runtime.http.long_reads import LongReads
from replica.runtime.http.operations import Operation, json_response
from replica.runtime.http.query_fields import CURSOR, LIMIT, limit_of, names_after
from replica.runtime.http.sku_answers import names_of, status_of
from replica.runtime.node import Node


class ItemSku(Struct, frozen=True):
    """A SKU that takes an item: its names by language, its recipe, and whether it is sold (`active`) or has ended."""

    sku: str
    names: dict[str, str]
    recipe: dict[str, int]
    status: str


class ItemPage(Struct, frozen=True):
    """An item, and the SKUs that take it, in order; `next` is the cursor of the next page, null on the last page.

    `names`: by language, those of the first SKU that is one unit of the item.
    """

    item: str
    unit: str
    names: dict[str, str]
    skus: list[ItemSku]
    next: str | None


class ItemsApi:
    """The call at one node."""

    def __init__(self, node: Node, long_reads: LongReads) -> None:
        self._node = node
        self._long_reads = long_reads

    def operations(self) -> list[Operation]:
        """The call."""
        return [
            Operation(
                method="GET",
                path="/v1/items/{item}",
                handler=self.page,
                summary="Read an item, and the SKUs that take it",
                answer=ItemPage,
                query=(CURSOR, LIMIT),
            )
        ]

    async def page(self, request: web.Request) -> web.Response:
        item, cursor, limit = request.match_info["item"], request.query.get("cursor", ""), limit_of(request)

        def shown(replica: Replica) -> tuple[str, dict[str, str], list[str]]:
            catalog = replica.catalog
            catalog.check_item(item if is_item(item) else "", bool(replica.ledger.locations(item)), "item")
            skus = catalog.users_of(item)
            return catalog.unit(item), names_of(replica, catalog.sku_of(item)), names_after(skus, cursor)

        def answers(replica: Replica, some: Sequence[str]) -> list[ItemSku]:
            return [found for sku in some if (found := _sku(replica, sku)) is not None]

        unit, names, skus = await self._node.driver.look(shown)
        found = await self._long_reads.look(skus[:limit], answers)
        return json_response(ItemPage(item, unit, names, found, skus[limit - 1] if limit < len(skus) else None))


def _sku(replica: Replica, sku: str) -> ItemSku | None:
    """A SKU; None if it was deleted meanwhile."""
    recipe = replica.catalog.known_recipe(sku)
    return ItemSku(sku, names_of(replica, sku), dict(recipe), status_of(replica, sku)) if recipe is not None else None
