"""SKUs, their recipes and barcodes: an index over the `sku` documents.

Standard, pack, weighed and bundle SKUs all have the same form: a recipe `{item: units}`. The sellable quantity of a
SKU is the minimum, over its items, of the item's units divided by the units in the recipe, rounded down.

A recipe names items, and a SKU has a name of its own. Both may have one name: the SKU `cola` is one item `cola`.

A deleted SKU keeps its last recipe and barcodes for facts: goods of it are still in the shops, and customers bring them
back. New promises refuse it.
"""

from __future__ import annotations

import sys
from collections.abc import Collection, Mapping
from typing import Annotated, Literal

import msgpack
from msgspec import Meta, Struct, ValidationError, convert

from replica.core.base.errors import BarcodeConflict, UnknownSku
from replica.core.base.item_names import ItemNames
from replica.core.base.limits import NAME_LENGTH_MAX, RECIPE_ITEMS_MAX
from replica.core.base.names import ITEM_PATTERN, is_item
from replica.core.base.quantities import Barcode, Quantity
from replica.core.catalog.barcodes import canonical
from replica.core.catalog.registers import Precedence, Register
from replica.core.catalog.scale_codes import NO_SCALE_CODES
from replica.core.catalog.units import UNITS

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
    unit: Annotated[str, Meta(description="UN/ECE Rec 20 code.", extra_json_schema={"enum": list(UNITS)})] = EACH
    barcodes: Annotated[tuple[Barcode, ...], Meta(max_length=32)] = ()
    names: dict[str, str] = {}
    attributes: dict[str, str | int | float | bool] = {}
    tax_class: Annotated[str, Meta(max_length=NAME_LENGTH_MAX, description="Such as standard or reduced.")] = ""
    status: Annotated[
        Literal["active", "ended"],
        Meta(description="An ended SKU is sold while goods of it are there. A search does not show it."),
    ] = "active"


class _ReadSku(SkuDocument, frozen=True, forbid_unknown_fields=False):
    """The same, read from a peer: fields that a later version added are ignored, and units that it added are kept."""

    unit: Annotated[str, Meta(pattern=r"^[A-Z0-9]{2,3}$")] = EACH
    status: str = "active"  # type: ignore[assignment]


class KnownSku(Struct, frozen=True):
    """What the index keeps of one SKU. `barcodes` are as registered."""

    recipe: Recipe
    barcodes: tuple[str, ...]
    unit: str

    @property
    def base_item(self) -> str | None:
        """The item if this SKU is one unit of it; None for packs, bundles and weighed goods."""
        return self.recipe[0][0] if len(self.recipe) == 1 and self.recipe[0][1] == 1 else None

    def uses(self, item: str) -> bool:
        """Whether the recipe names an item."""
        return any(name == item for name, _ in self.recipe)


def read_sku(value: bytes | None) -> KnownSku | None:
    """Read the packed value of a `sku` document. None if there is none, or this version cannot read it."""
    if value is None:
        return None
    try:
        document = convert(msgpack.unpackb(value), _ReadSku)
    except (ValueError, ValidationError):
        return None
    recipe = tuple([(sys.intern(item), units) for item, units in sorted(document.recipe.items())])
    return KnownSku(recipe, document.barcodes, sys.intern(document.unit))


class _Names:
    """Names of SKUs by an item or a barcode.

    Nearly each item and barcode has one SKU, and a dictionary of one name takes 200 bytes. So one name stands for
    itself, and only several are in a dictionary.
    """

    __slots__ = ("_names",)

    def __init__(self) -> None:
        self._names: dict[str, str | dict[str, None]] = {}

    def __contains__(self, key: str) -> bool:
        return key in self._names

    def of(self, key: str) -> Collection[str]:
        """The names for a key, in no order."""
        known = self._names.get(key, ())
        return (known,) if isinstance(known, str) else known

    def add(self, key: str, name: str) -> None:
        known = self._names.setdefault(key, name)
        if isinstance(known, dict):
            known[name] = None
        elif known != name:
            self._names[key] = {known: None, name: None}

    def remove(self, key: str, name: str) -> None:
        known = self._names[key]
        if isinstance(known, str):
            del self._names[key]
            return
        del known[name]
        if len(known) == 1:
            (self._names[key],) = known


class _Index:
    """Some SKUs, and which of them use an item, claim a barcode, or give an item its unit."""

    __slots__ = ("bases", "claims", "skus", "users")

    def __init__(self) -> None:
        self.skus: dict[str, KnownSku] = {}
        self.users = _Names()
        self.bases = _Names()
        self.claims = _Names()
        """By canonical barcode."""

    def add(self, name: str, sku: KnownSku) -> None:
        self.skus[name] = sku
        for index, key in self._places(sku):
            index.add(key, name)

    def remove(self, name: str) -> KnownSku | None:
        sku = self.skus.pop(name, None)
        if sku is not None:
            for index, key in self._places(sku):
                index.remove(key, name)
        return sku

    def _places(self, sku: KnownSku) -> list[tuple[_Names, str]]:
        places = [(self.users, item) for item, _ in sku.recipe]
        places += [(self.claims, code) for code in dict.fromkeys(map(canonical, sku.barcodes))]
        return [*places, (self.bases, sku.base_item)] if sku.base_item is not None else places


class Catalog:
    """The recipe of each SKU. An open catalogue treats an unknown SKU as the item of the same name."""

    __slots__ = (
        "_confused",
        "_current",
        "_deleted",
        "_deletions",
        "_open_recipes",
        "_shared",
        "_skus",
        "is_open",
        "item_names",
        "scale_codes",
    )

    def __init__(self, is_open: bool = False) -> None:
        self.is_open = is_open
        self.scale_codes = NO_SCALE_CODES
        """How codes of scales are read."""
        self.item_names = ItemNames()
        """The items that recipes name, those of deleted SKUs too."""
        self._current = _Index()
        self._deleted = _Index()
        """The deleted SKUs, as they were last."""
        self._deletions: dict[str, tuple[int, Precedence]] = {}
        """When each of them was deleted: the clock first, because versions of two documents say nothing of time."""
        self._skus = self._current.skus
        self._open_recipes: dict[str, Recipe] = {}
        self._shared: dict[str, None] = {}
        """Canonical barcodes that several SKUs claim."""
        self._confused: dict[str, None] = {}
        """Names that recipes use as an item, although they are SKUs of other items."""

    def put(self, register: Register, former: Register | None = None) -> bool:
        """Index the current write of a `sku` document. If it cannot be read, the SKU is unknown: return False.

        `former`: the last write with a value, if the current one deleted the SKU.
        """
        name = register.key
        before = [self._current.remove(name), self._deleted.remove(name)]
        self._deletions.pop(name, None)
        sku, gone = read_sku(register.value), read_sku(former.value) if former is not None else None
        if sku is not None:
            self._current.add(name, sku)
        if gone is not None:
            self._deleted.add(name, gone)
            self._deletions[name] = (register.clock, register.precedence)
            self._open_recipes.pop(name, None)
        self._review(name, [one for one in (*before, sku, gone) if one is not None])
        return sku is not None or register.value is None

    def known_recipe(self, name: str) -> Recipe | None:
        """Return the recipe of a SKU if it is in memory. After None the SKU may still be known."""
        sku = self._skus.get(name)
        return sku.recipe if sku is not None else self._open_recipes.get(name)

    def recipe(self, name: str, index: int, is_fact: bool = False) -> Recipe:
        """Return the recipe of the SKU in a line of a request, or raise UnknownSku."""
        sku = self._skus.get(name)
        return sku.recipe if sku is not None else self.recipe_of(name, f"lines[{index}].sku", is_fact)

    def recipe_of(self, name: str, field: str, is_fact: bool = False) -> Recipe:
        """Return the recipe of the SKU in a field of a request, or raise UnknownSku.

        `is_fact`: the request tells what happened to goods. A deleted SKU then has its last recipe.
        """
        sku = self._skus.get(name)
        if sku is not None:
            return sku.recipe
        recipe = self._open_recipes.get(name)
        if recipe is not None:
            return recipe
        deleted = self._deleted.skus.get(name)
        if deleted is not None:
            if is_fact:
                return deleted.recipe
            raise UnknownSku(f"the SKU {name!r} was deleted", field=field, sku=name, deleted=True)
        if not self.is_open or not is_item(name):
            raise UnknownSku(f"no SKU {name!r} in this node's catalogue", field=field, sku=name)
        if len(self._open_recipes) >= _OPEN_RECIPES_MAX:
            self._open_recipes.clear()
        recipe = self._open_recipes[name] = ((name, 1),)
        return recipe

    def scan(self, barcode: str, field: str, is_fact: bool = False) -> str:
        """Return the SKU with a barcode.

        `is_fact`: the request tells what happened to goods. The barcode of a deleted SKU is then known; of several, it
        is the one that was deleted last, because it had the barcode until then, and nobody can end their conflict.

        Raises:
            UnknownSku: no SKU has the barcode, or only a deleted one.
            BarcodeConflict: several SKUs claim the barcode, so it does not say which goods these are.
        """
        code = canonical(barcode)
        skus, deleted = self.holders_of(barcode), self._deleted.claims.of(code)
        if len(skus) == 1:
            return skus[0]
        if deleted and is_fact and not skus:
            return max(deleted, key=lambda name: (self._deletions[name], name))
        if skus:
            text = f"The SKUs {listed(skus)} all claim the barcode {barcode!r}."
            hint = "Name the SKU instead, and remove the barcode from the documents of the others."
            raise BarcodeConflict(f"{text} {hint}", field=field, barcode=barcode, skus=skus)
        if deleted:
            text = f"the barcode {barcode!r} was of {listed(sorted(deleted))}, which was deleted"
            raise UnknownSku(text, field=field, barcode=barcode, deleted=True)
        raise UnknownSku(f"no SKU has the barcode {barcode!r}", field=field, barcode=barcode)

    def check_item(self, item: str, moved: bool, field: str) -> str:
        """Return the item if it `moved` before, or a recipe uses it or did so last. Otherwise raise UnknownSku."""
        if moved or self.is_used(item):
            return item
        sku = self._skus.get(item) or self._deleted.skus.get(item)
        if sku is not None:
            text = f"{item!r} is a SKU and not an item: name {listed([name for name, _ in sku.recipe])}"
            raise UnknownSku(text, field=field, item=item)
        if not (self.is_open and is_item(item)):
            raise UnknownSku(f"no SKU uses the item {item!r}, and it never moved here", field=field, item=item)
        return item

    def is_used(self, item: str) -> bool:
        """Whether the recipe of a SKU names an item, or the last recipe of a deleted SKU."""
        return item in self._current.users or item in self._deleted.users

    def sku_of(self, item: str) -> str | None:
        """The first current SKU by name that is one unit of an item; None without one."""
        return min(self._current.bases.of(item), default=None) if item in self._current.bases else None

    def unit(self, item: str) -> str:
        """UN/ECE Rec 20 code of the item's base unit, from the first SKU by name that is one unit of it.

        If all such SKUs are deleted, the item keeps its unit.
        """
        for index in (self._current, self._deleted):
            if item in index.bases:
                return index.skus[min(index.bases.of(item))].unit
        return EACH

    def skus(self) -> Mapping[str, KnownSku]:
        """The current SKUs by name, in no order."""
        return self._skus

    def sku(self, name: str) -> KnownSku | None:
        """What is known of a current SKU."""
        return self._skus.get(name)

    def deleted_sku(self, name: str) -> KnownSku | None:
        """A deleted SKU, as it was last."""
        return self._deleted.skus.get(name)

    def users_of(self, item: str) -> list[str]:
        """The SKUs with an item in their recipes, in order."""
        return sorted(self._current.users.of(item))

    def holders_of(self, barcode: str) -> list[str]:
        """The SKUs that claim a barcode, in order."""
        return sorted(self._current.claims.of(canonical(barcode)))

    def barcode_conflicts(self) -> list[tuple[str, list[str]]]:
        """Each barcode that several SKUs claim, as the first of them registered it, with these SKUs."""
        found = []
        for code in self._shared:
            skus = self.holders_of(code)
            registered = self._skus[skus[0]].barcodes
            found.append((next(one for one in registered if canonical(one) == code), skus))
        return sorted(found)

    def recipe_conflicts(self) -> list[tuple[str, list[str]]]:
        """Each SKU that recipes use as an item although it has other items, with the SKUs of these recipes."""
        return [(name, self.users_of(name)) for name in sorted(self._confused)]

    def _review(self, name: str, changed: list[KnownSku]) -> None:
        """Note what a change of a SKU means for the items and barcodes that it has or had."""
        for code in dict.fromkeys(canonical(one) for sku in changed for one in sku.barcodes):
            _note(self._shared, code, len(self._current.claims.of(code)) > 1)
        for item in dict.fromkeys(item for sku in changed for item, _ in sku.recipe):
            if self.is_used(item):
                self.item_names.add(item)
            else:
                self.item_names.discard(item)
            self._review_name(item)
        self._review_name(name)

    def _review_name(self, name: str) -> None:
        sku = self._skus.get(name)
        _note(self._confused, name, name in self._current.users and sku is not None and not sku.uses(name))


def _note(names: dict[str, None], name: str, is_so: bool) -> None:
    if is_so:
        names[name] = None
    else:
        names.pop(name, None)


def listed(names: list[str], word: str = "and") -> str:
    """Names in a sentence."""
    quoted = [repr(name) for name in names]
    return f" {word} ".join([", ".join(quoted[:-1]), quoted[-1]] if len(quoted) > 1 else quoted)


def sellable(recipe: Recipe, units: Mapping[str, int]) -> int:
    """Return how many SKUs the units of its items make: min over items of floor(units / quantity)."""
    if len(recipe) == 1:
        ((item, quantity),) = recipe
        return units[item] // quantity
    return min(units[item] // quantity for item, quantity in recipe)
