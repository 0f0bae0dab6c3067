"""SKUs: what their documents say about recipes, barcodes and units.

A SKU document with a value is current. A document that was cleared leaves a deleted SKU behind, with its last recipe:
facts may still name it, because its goods are on shelves and in tills. A promise of it is refused.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from simulations.reference.answers import Refusal
from simulations.reference.bodies import is_item

Recipe = Mapping[str, int]
"""The units of each item that one SKU takes."""

Order = tuple[int, int, str]
"""Version, stamp and writer of a write of a document."""

GTIN_LENGTHS = (8, 12, 13, 14)


class Documents:
    """The documents that one node knows. Of all writes of a document, the one with the greatest order stands."""

    def __init__(self) -> None:
        self._writes: dict[tuple[str, str], dict[Order, Any]] = {}

    def put(self, kind: str, key: str, value: Any, order: Order) -> None:
        """Take in a write; None deletes the document."""
        self._writes.setdefault((kind, key), {})[order] = value

    def value(self, kind: str, key: str) -> Any:
        """The value of a document; None if there is none."""
        writes = self._writes.get((kind, key))
        return writes[max(writes)] if writes else None

    def keys(self, kind: str) -> list[str]:
        """The documents of a kind."""
        return [key for of, key in self._writes if of == kind and self.value(of, key) is not None]


class Catalogue:
    """The SKUs that one node knows. In an open catalogue, an unknown SKU is one unit of the item of its name."""

    def __init__(self, is_open: bool) -> None:
        self.is_open = is_open
        self.current: dict[str, dict[str, Any]] = {}
        self.deleted: dict[str, dict[str, Any]] = {}
        """As they were last, in the order in which they were deleted."""
        self._writes: dict[str, dict[Order, dict[str, Any] | None]] = {}

    def put(self, sku: str, value: dict[str, Any] | None, order: Order) -> None:
        """Take in a write of a SKU document; None deletes it. Of all writes, the one with the greatest order stands."""
        writes = self._writes.setdefault(sku, {})
        writes[order] = value
        self.current.pop(sku, None)
        self.deleted.pop(sku, None)
        standing = writes[max(writes)]
        valued = [one for one, written in writes.items() if written is not None]
        if standing is not None:
            self.current[sku] = standing
        elif valued:
            self.deleted[sku] = writes[max(valued)] or {}
            self.deleted = dict(sorted(self.deleted.items(), key=lambda pair: (self._deleted_at(pair[0]), pair[0])))

    def _deleted_at(self, sku: str) -> tuple[int, Order]:
        newest = max(self._writes[sku])
        return newest[1], newest

    def recipe(self, sku: str, field: str, *, is_fact: bool) -> Recipe:
        """The recipe of a SKU. `is_fact`: the request tells what happened to goods."""
        if sku in self.current:
            return dict(sorted(self.current[sku]["recipe"].items()))
        if sku in self.deleted:
            if is_fact:
                return dict(sorted(self.deleted[sku]["recipe"].items()))
            raise Refusal("unknown-sku", field, sku=sku, deleted=True)
        if self.is_open and is_item(sku):
            return {sku: 1}
        raise Refusal("unknown-sku", field, sku=sku)

    def scan(self, barcode: str, field: str, *, is_fact: bool) -> str:
        """The SKU with a barcode. If several SKUs have it, nobody guesses."""
        found, gone = [[name for name, value in skus.items() if has_barcode(value, barcode)] for skus in self._both]
        if len(found) == 1:
            return found[0]
        if found:
            raise Refusal("barcode-conflict", field, barcode=barcode, skus=sorted(found))
        if gone and is_fact:
            return gone[-1]
        raise Refusal("unknown-sku", field, barcode=barcode, **({"deleted": True} if gone else {}))

    def check_item(self, item: str, field: str, *, has_moved: bool) -> None:
        """Refuse an item that never moved and that no recipe names, or ever named."""
        if has_moved or any(item in value["recipe"] for skus in self._both for value in skus.values()):
            return
        is_sku = item in self.current or item in self.deleted
        if is_sku or not (self.is_open and is_item(item)):
            raise Refusal("unknown-sku", field, item=item)

    def unit(self, item: str) -> str:
        """The unit of an item, by the first SKU that is one unit of it."""
        for skus in self._both:
            names = sorted(name for name, value in skus.items() if value["recipe"] == {item: 1})
            if names:
                return str(skus[names[0]].get("unit", "EA"))
        return "EA"

    def names(self, item: str) -> dict[str, str]:
        """The names of an item by language: those of the first SKU that is one unit of it."""
        skus = sorted(name for name, value in self.current.items() if value["recipe"] == {item: 1})
        return dict(self.current[skus[0]].get("names", {})) if skus else {}

    @property
    def _both(self) -> tuple[dict[str, dict[str, Any]], dict[str, dict[str, Any]]]:
        return self.current, self.deleted


def has_barcode(value: Mapping[str, Any], barcode: str) -> bool:
    """Whether a SKU document has a barcode, in any of its forms."""
    return one_form(barcode) in map(one_form, value.get("barcodes", ()))


def one_form(code: str) -> str:
    """A barcode in the form in which it is compared: all forms of one GTIN are one barcode."""
    code = code.strip()
    is_gtin = len(code) in GTIN_LENGTHS and code.isascii() and code.isdigit()
    if not is_gtin:
        return code
    total = sum(int(digit) * (1 if place % 2 else 3) for place, digit in enumerate(reversed(code[:-1])))
    return code.zfill(14) if (total + int(code[-1])) % 10 == 0 else code


def makes(recipe: Recipe, units: Mapping[str, int]) -> int:
    """How many SKUs these units of items make. Below zero if an item is below zero."""
    return min(units.get(item, 0) // number for item, number in recipe.items())


def units_of(taken: Iterable[tuple[Recipe, int]]) -> dict[str, int]:
    """The units of each item in some quantities of SKUs, in the order of the first use."""
    units: dict[str, int] = {}
    for recipe, quantity in taken:
        for item, number in recipe.items():
            units[item] = units.get(item, 0) + number * quantity
    return units
