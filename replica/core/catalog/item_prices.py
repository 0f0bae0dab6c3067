"""What a unit of an item costs, by the prices of the SKUs that are made of this item only.

Prices are of SKUs, and stock is of items. Several SKUs may be one item each: a bottle and a carrier of six. Of those
with a price in force, the one with the fewest units counts, and of equal ones the first by name. Promotions do not
count, because they depend on the basket.
"""

from __future__ import annotations

from collections.abc import Iterable

from msgspec import Struct

from replica.core.catalog.documents import Documents
from replica.core.catalog.money import half_up
from replica.core.catalog.prices import EffectivePrice, effective_price, price_until
from replica.core.catalog.skus import Catalog
from replica.core.catalog.validity import END_MS


class ItemPrice(Struct, frozen=True):
    """The price of some units of an item, in minor units of a currency."""

    amount: int
    units: int
    currency: str


class Cost(Struct, frozen=True):
    """What goods cost: the amount of each currency in minor units, and the units of items that have no price."""

    amounts: dict[str, int]
    unpriced: int


class ItemPrices:
    """The prices of items at the locations of a region, each computed once, as long as none of them changes.

    Args:
        location: one whose own prices count; empty for all locations that have none.
    """

    __slots__ = ("_catalog", "_documents", "_location", "_moment_ms", "_prices", "_region", "until_ms")

    def __init__(self, documents: Documents, catalog: Catalog, location: str, region: str, moment_ms: int) -> None:
        self._documents = documents
        self._catalog = catalog
        self._location = location
        self._region = region
        self._moment_ms = moment_ms
        self._prices: dict[str, ItemPrice | None] = {}
        self.until_ms = END_MS
        """The first moment at which one of the prices computed so far may be another one."""

    def advance(self, moment_ms: int) -> bool:
        """Go on to another moment, if all prices computed so far are the same then; else return False."""
        if not self._moment_ms <= moment_ms < self.until_ms:
            return False
        self._moment_ms = moment_ms
        return True

    def of(self, item: str) -> ItemPrice | None:
        """The price of an item; None if no SKU of this item alone has one."""
        if item not in self._prices:
            self._prices[item] = self._price(item)
        return self._prices[item]

    def _price(self, item: str) -> ItemPrice | None:
        catalog, documents, moment_ms = self._catalog, self._documents, self._moment_ms
        recipes = [(name, catalog.recipe_of(name, "sku")) for name in catalog.users_of(item)]
        alone = sorted([(recipe[0][1], name) for name, recipe in recipes if len(recipe) == 1])
        for units, sku in alone or ([(1, item)] if catalog.is_open else []):
            where = (sku, self._location, self._region, moment_ms)
            self.until_ms = min(self.until_ms, price_until(documents, *where))
            price = effective_price(documents, *where)
            if isinstance(price, EffectivePrice):
                return ItemPrice(price.amount, price.per * units, price.currency)
        return None


def cost_of(goods: Iterable[tuple[str, int]], prices: ItemPrices) -> Cost:
    """What units of items cost, each item rounded half up."""
    amounts: dict[str, int] = {}
    unpriced = 0
    for item, units in goods:
        price = prices.of(item)
        if price is None:
            unpriced += units
        else:
            amounts[price.currency] = amounts.get(price.currency, 0) + half_up(price.amount * units, price.units)
    return Cost(amounts, unpriced)


def sum_of(costs: Iterable[Cost]) -> Cost:
    """The costs of several goods together."""
    amounts: dict[str, int] = {}
    unpriced = 0
    for cost in costs:
        unpriced += cost.unpriced
        for currency, amount in cost.amounts.items():
            amounts[currency] = amounts.get(currency, 0) + amount
    return Cost(dict(sorted(amounts.items())), unpriced)
