"""What is checked when a SKU document is written: its own fields, and how it agrees with the catalogue.

Only what a write brings in is checked against the catalogue. A SKU that another node made conflict keeps its names and
attributes editable until somebody resolves the conflict.
"""

from __future__ import annotations

from msgspec.structs import replace

from replica.core.base.errors import BarcodeConflict, Invalid
from replica.core.base.item_names import ItemNames, closest
from replica.core.catalog.barcodes import canonical, check_digit, is_of_gtin_form
from replica.core.catalog.skus import Catalog, KnownSku, SkuDocument, listed, read_sku
from replica.core.catalog.units import UNITS


def tidy_sku(document: SkuDocument) -> SkuDocument:
    """The document without blanks around its barcodes."""
    return replace(document, barcodes=tuple([barcode.strip() for barcode in document.barcodes]))


def check_sku(document: SkuDocument) -> None:
    """Check the unit and the barcodes of a tidy document. Raises Invalid."""
    if document.unit not in UNITS:
        known = ", ".join(f"{code} ({name})" for code, name in UNITS.items())
        raise Invalid(
            f"The unit {document.unit!r} is not known. Use a UN/ECE Rec 20 code: {known}.",
            field="unit",
            known=list(UNITS),
        )
    for index, barcode in enumerate(document.barcodes):
        field = f"barcodes[{index}]"
        if not barcode:
            raise Invalid(f"The field {field} has only blanks. Write a barcode or remove it.", field=field)
        if is_of_gtin_form(barcode) and barcode[-1] != (right := check_digit(barcode[:-1])):
            text = f"The field {field} is {barcode}, a GTIN of {len(barcode)} digits with a wrong check digit."
            hint = f"The check digit of {barcode[:-1]} is {right}. Scan the barcode again."
            raise Invalid(f"{text} {hint}", field=field, check_digit=right)


def admit_sku(catalog: Catalog, moved: ItemNames, key: str, value: bytes, *, has_new_items: bool) -> None:
    """Check a new write of a SKU against the catalogue.

    Args:
        moved: the items that ever moved, at any location.
        has_new_items: the caller says that unknown items are meant, so their names are not questioned.
    Raises:
        Invalid: a recipe names a SKU that has other items, also a deleted one, or an unknown item that looks like a
            known one.
        BarcodeConflict: another SKU has one of the barcodes.
    """
    sku = read_sku(value)
    if sku is None:
        return
    current = catalog.sku(key)
    if current is None or current.recipe != sku.recipe:
        _check_names(catalog, key, sku)
        if not has_new_items:
            _check_deleted(catalog, key, sku)
            _check_spelling(catalog, moved, key, sku)
    _check_claims(catalog, key, sku, current)


def _check_names(catalog: Catalog, key: str, sku: KnownSku) -> None:
    """Refuse a recipe that names a SKU of other items, and a SKU that would become one."""
    for item, quantity in sku.recipe:
        named = catalog.sku(item) if item != key else None
        if named is not None and not named.uses(item):
            text = f"The recipe names {item!r}, which is a SKU and not an item. A recipe names items."
            written, instead = _items_instead(named, quantity)
            raise Invalid(f"{text} Write {written} instead.", field=f"recipe.{item}", sku=item, items=instead)
    users = [name for name in catalog.users_of(key) if name != key]
    if users and not sku.uses(key):
        text = f"The recipes of {listed(users)} name the item {key!r}, and a SKU of other items is no item."
        hint = "Correct these recipes first, or give the SKU another name."
        raise Invalid(f"{text} {hint}", field="recipe", skus=users)


def _check_deleted(catalog: Catalog, key: str, sku: KnownSku) -> None:
    """Ask about an item that has the name of a deleted SKU of other items."""
    for item, quantity in sku.recipe:
        named = catalog.deleted_sku(item) if item != key else None
        if named is not None and not named.uses(item):
            text = f"The recipe names {item!r}, which is a deleted SKU and not an item. A recipe names items."
            written, instead = _items_instead(named, quantity)
            hint = f"Write {written} instead, or repeat the request with the query new_items=true if it is an item now."
            raise Invalid(f"{text} {hint}", field=f"recipe.{item}", sku=item, items=instead)


def _items_instead(named: KnownSku, quantity: int) -> tuple[str, dict[str, int]]:
    """The items to write instead of some units of a SKU, also as a text."""
    instead = {name: units * quantity for name, units in named.recipe}
    written = ", ".join(f'"{name}": {units}' for name, units in instead.items())
    return f"{{{written}}}", instead


def _check_spelling(catalog: Catalog, moved: ItemNames, key: str, sku: KnownSku) -> None:
    """Ask about an unknown item whose name is like that of a known one."""
    for item, _ in sku.recipe:
        if item == key or item in moved or catalog.is_used(item):
            continue
        alike = closest(item, [*catalog.item_names.like(item), *moved.like(item)])
        if alike:
            text = f"No SKU uses the item {item!r} yet. Did you mean {listed(alike, 'or')}?"
            hint = "Correct the name, or repeat the request with the query new_items=true if the item is new."
            raise Invalid(f"{text} {hint}", field=f"recipe.{item}", known=alike)


def _check_claims(catalog: Catalog, key: str, sku: KnownSku, current: KnownSku | None) -> None:
    """Refuse a barcode that this write brings in and another SKU has."""
    before = dict.fromkeys(map(canonical, current.barcodes)) if current is not None else {}
    for index, barcode in enumerate(sku.barcodes):
        holders = [name for name in catalog.holders_of(barcode) if name != key]
        if holders and canonical(barcode) not in before:
            field = f"barcodes[{index}]"
            text = f"The field {field} is {barcode!r}, which is a barcode of the SKU {listed(holders)}."
            hint = "Remove it here, or first from the other document."
            raise BarcodeConflict(f"{text} {hint}", field=field, barcode=barcode, skus=holders)
