"""SKUs, their recipes and barcodes: an index over the `sku` documents.

Standard, pack, weighed and bundle SKUs all have the same form: a recipe `{item: units}`. The sellable quantity of a
SKU is the minimum, over its items, of the item's units divided by the units in the recipe, rounded down.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated

import msgpack
from msgspec import Meta, Struct, ValidationError, convert

from replica.core.base.errors import UnknownSku
from replica.core.base.limits import RECIPE_ITEMS_MAX
from replica.core.base.names import ITEM_PATTERN, is_item
from replica.core.base.quantities import Barcode, Quantity
from replica.core.catalog.documents import Register

SKU = "sku"
"""The kind of the documents in this index."""

EACH = "EA"
"""UN/ECE Rec 20 code of an item whose unit no SKU defines."""

Recipe = tuple[tuple[str, int], ...]
"""`(item, units of it in one SKU)`, ordered by item."""


RecipeItem = Annotated[str, Meta(pattern=ITEM_PATTERN)]

_OPEN_RECIPES_MAX = 1 << 16


class SkuDocument(Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    """The value of the document `sku/{sku}`."""

    recipe: Annotated[dict[RecipeItem, Quantity], Meta(min_length=1, max_length=RECIPE_ITEMS_MAX)]
    unit: Annotated[str, Meta(pattern=r"^[A-Z0-9]{2,3}$", description="UN/ECE Rec 20 code.")] = EACH
    barcodes: Annotated[tuple[Barcode, ...], Meta(max_length=32)] = ()
    names: dict[str, str] = {}
    attributes: dict[str, str | int | float | bool] = {}


class _ReadSku(SkuDocument, frozen=True, forbid_unknown_fields=False):
    """The same, read from a peer: fields that a later version added are ignored."""


class _Sku(Struct, frozen=True):
    recipe: Recipe
    barcodes: tuple[str, ...]

    @property
    def base_item(self) -> str | None:
        """The item if this SKU is one unit of it; None for packs, bundles and weighed goods."""
        return self.recipe[0][0] if len(self.recipe) == 1 and self.recipe[0][1] == 1 else None


class Catalog:
    """The recipe of each SKU. An open catalogue treats an unknown SKU as the item of the same name."""

    __slots__ = ("_barcodes", "_open_recipes", "_skus", "_units", "_uses", "is_open")

    def __init__(self, is_open: bool = False) -> None:
        self.is_open = is_open
        self._skus: dict[str, _Sku] = {}
        self._open_recipes: dict[str, Recipe] = {}
        self._units: dict[str, dict[str, str]] = {}
        self._barcodes: dict[str, list[str]] = {}
        self._uses: dict[str, int] = {}

    def put(self, register: Register) -> bool:
        """Index the current write of a `sku` document. If it cannot be read, the SKU is unknown: return False."""
        self._remove(register.key)
        if register.value is None:
            return True
        try:
            document = convert(msgpack.unpackb(register.value), _ReadSku)
        except (ValueError, ValidationError):
            return False
        sku = self._skus[register.key] = _Sku(tuple(sorted(document.recipe.items())), document.barcodes)
        for item, _ in sku.recipe:
            self._uses[item] = self._uses.get(item, 0) + 1
        if sku.base_item is not None:
            self._units.setdefault(sku.base_item, {})[register.key] = document.unit
        for barcode in sku.barcodes:
            self._barcodes[barcode] = sorted([*self._barcodes.get(barcode, []), register.key])
        return True

    def known_recipe(self, name: str) -> Recipe | None:
        """Return the recipe of a SKU if it is in memory. After None the SKU may still be known."""
        sku = self._skus.get(name)
        return sku.recipe if sku is not None else self._open_recipes.get(name)

    def recipe(self, name: str, index: int) -> Recipe:
        """Return the recipe of the SKU in a line of a request, or raise UnknownSku."""
        sku = self._skus.get(name)
        return sku.recipe if sku is not None else self.recipe_of(name, f"lines[{index}].sku")

    def recipe_of(self, name: str, field: str) -> Recipe:
        """Return the recipe of the SKU in a field of a request, or raise UnknownSku."""
        sku = self._skus.get(name)
        if sku is not None:
            return sku.recipe
        recipe = self._open_recipes.get(name)
        if recipe is not None:
            return recipe
        if not self.is_open or not is_item(name):
            raise UnknownSku(f"no SKU {name!r} in this node's catalogue", field=field, sku=name)
        if len(self._open_recipes) >= _OPEN_RECIPES_MAX:
            self._open_recipes.clear()
        recipe = self._open_recipes[name] = ((name, 1),)
        return recipe

    def scan(self, barcode: str, field: str) -> str:
        """Return the SKU with a barcode (the first by name if several have it), or raise UnknownSku."""
        skus = self._barcodes.get(barcode)
        if not skus:
            raise UnknownSku(f"no SKU has the barcode {barcode!r}", field=field, barcode=barcode)
        return skus[0]

    def check_item(self, item: str, moved: bool, field: str) -> str:
        """Return the item if a recipe uses it or it `moved` before, or raise UnknownSku."""
        if not (moved or item in self._uses or (self.is_open and is_item(item))):
            raise UnknownSku(f"no SKU uses the item {item!r}, and it never moved here", field=field, item=item)
        return item

    def unit(self, item: str) -> str:
        """UN/ECE Rec 20 code of the item's base unit, from the first SKU by name that is one unit of it."""
        units = self._units.get(item)
        return units[min(units)] if units else EACH

    def _remove(self, name: str) -> None:
        sku = self._skus.pop(name, None)
        if sku is None:
            return
        for item, _ in sku.recipe:
            self._uses[item] -= 1
            if not self._uses[item]:
                del self._uses[item]
        if sku.base_item is not None:
            del self._units[sku.base_item][name]
        for barcode in sku.barcodes:
            self._barcodes[barcode].remove(name)


def sellable(recipe: Recipe, units: Mapping[str, int]) -> int:
    """Return how many SKUs the units of its items make: min over items of floor(units / quantity)."""
    if len(recipe) == 1:
        ((item, quantity),) = recipe
        return units[item] // quantity
    return min(units[item] // quantity for item, quantity in recipe)
