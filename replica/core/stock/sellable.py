"""Sellable quantities: how many of a SKU the stock of a location makes, whatever the kind of the SKU.

`sellable = min over items floor(available / quantity)`. Many SKUs share one item, so one movement changes all of them.
The catalogue has the inverted index: it names the SKUs of an item. So after a movement only these are computed anew.
"""

from __future__ import annotations

from collections.abc import Iterable

from msgspec import Struct

from replica.core.catalog.skus import SKU, Catalog, Recipe, sellable
from replica.core.ledger.cells import Ledger
from replica.core.log.entry import DOCUMENT, Content


class Sellable(Struct, frozen=True):
    """How many of a SKU can be sold at a location.

    `sellable`: from all units that are available there. `guaranteed`: from those that the asked node may promise alone.
    """

    location: str
    sku: str
    sellable: int
    guaranteed: int


class UnitsAt:
    """The units of items at a location at one moment. Each item is read once, however many SKUs share it.

    Args:
        node: whose rights count as guaranteed.
    """

    __slots__ = ("_available", "_ledger", "_location", "_node", "_rights")

    def __init__(self, ledger: Ledger, location: str, node: str) -> None:
        self._ledger = ledger
        self._location = location
        self._node = node
        self._available: dict[str, int] = {}
        self._rights: dict[str, int] = {}

    def sellable(self, sku: str, recipe: Recipe) -> Sellable:
        """How many of a SKU can be sold. A quantity below zero, because of a breach, is shown as zero."""
        for item, _ in recipe:
            if item not in self._available:
                stock = self._ledger.stock(self._location, item)
                self._available[item], self._rights[item] = stock.available, stock.rights(self._node)
        return Sellable(
            location=self._location,
            sku=sku,
            sellable=max(0, sellable(recipe, self._available)),
            guaranteed=max(0, sellable(recipe, self._rights)),
        )


def skus_moved_by(contents: Iterable[Content], catalog: Catalog) -> list[str]:
    """The SKUs whose sellable quantity the entries at a location may have changed by their moves, each once.

    An open catalogue takes an item that no SKU has for a SKU of its own.
    """
    items = dict.fromkeys(move.item for content in contents for move in content.moves)
    skus: dict[str, None] = {}
    for item in items:
        skus.update(dict.fromkeys(catalog.users_of(item) or ([item] if catalog.is_open else ())))
    return list(skus)


def skus_written_by(contents: Iterable[Content]) -> list[str]:
    """The SKUs whose documents the entries wrote, each once."""
    written = [content.facts for content in contents if content.kind == DOCUMENT and content.facts.get("kind") == SKU]
    return list(dict.fromkeys(key for facts in written if isinstance(key := facts.get("key"), str)))
