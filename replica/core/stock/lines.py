"""Lines of a request: how SKUs and barcodes become items, and how the lines are read back from their entry."""

from __future__ import annotations

from collections.abc import Container, Mapping, Sequence
from datetime import UTC, datetime, timedelta, timezone
from typing import Any

from msgspec import UNSET, UnsetType

from replica.core.base.errors import Invalid
from replica.core.base.limits import QUANTITY_MAX
from replica.core.catalog.scans import scanned_sku
from replica.core.catalog.skus import Catalog, Recipe, sellable
from replica.core.log.entry import Content, EntryLine
from replica.core.log.times import OCCURRED_AT
from replica.core.stock.location_view import LocationView
from replica.core.stock.requests import (
    GoodsLine,
    SkuLine,
)

Resolved = list[tuple[str, Recipe, int]]
"""The SKU, the recipe and the quantity of each line."""


def resolve(
    catalog: Catalog,
    lines: Sequence[SkuLine | GoodsLine],
    *,
    is_fact: bool = True,
    moved: Container[str] = (),
    recipes: Mapping[str, Recipe] | None = None,
) -> tuple[Resolved, dict[str, int], dict[str, Any]]:
    """Resolve lines to recipes, and add up the units of each item over all lines.

    Args:
        is_fact: the request tells what happened to goods, so a deleted SKU has its last recipe. A promise refuses it.
        moved: the items that moved at the location, which a line may name even if no recipe does.
        recipes: recipes of another time, by SKU. They go before those of the catalogue.

    Returns the resolved lines, the units by item, and facts that note which lines gave a barcode or an item.
    """
    resolved: Resolved = []
    units: dict[str, int] = {}
    facts: dict[str, Any] = {}
    for index, line in enumerate(lines):
        name, quantity = line.sku, line.quantity
        if name is not UNSET and line.barcode is UNSET and type(line) is not GoodsLine:
            recipe = (recipes.get(name) if recipes else None) or catalog.recipe(name, index, is_fact)
        else:
            name, recipe = _resolve_line(catalog, line, index, facts, is_fact=is_fact, moved=moved)
            recipe = recipes.get(name, recipe) if recipes else recipe
        resolved.append((name, recipe, quantity))
        for item, number in recipe:
            total = units[item] = units.get(item, 0) + number * quantity
            if total > QUANTITY_MAX:
                raise Invalid(
                    f"one request moves at most {QUANTITY_MAX} units of {item}", field=f"lines[{index}].quantity"
                )
    return resolved, units, facts


def _resolve_line(
    catalog: Catalog,
    line: SkuLine | GoodsLine,
    index: int,
    facts: dict[str, Any],
    *,
    is_fact: bool,
    moved: Container[str],
) -> tuple[str, Recipe]:
    sku, barcode = line.sku, line.barcode
    item = line.item if isinstance(line, GoodsLine) else UNSET
    if (sku is UNSET) + (barcode is UNSET) + (item is UNSET) != 2:
        raise Invalid("give the goods of each line exactly once: by sku or by barcode", field=f"lines[{index}].sku")
    if item is not UNSET:
        facts.setdefault("items", []).append(index)
        return item, ((catalog.check_item(item, item in moved, f"lines[{index}].item"), 1),)
    if barcode is not UNSET:
        facts.setdefault("scanned", []).append([index, barcode])
        sku = scanned_sku(catalog, barcode, f"lines[{index}].barcode", is_fact)
    assert sku is not UNSET
    return sku, catalog.recipe(sku, index, is_fact)


def sku_lines(content: Content) -> tuple[SkuLine, ...]:
    scanned = dict(content.facts.get("scanned", ()))
    return tuple(
        [
            SkuLine(line.quantity, barcode=scanned[index]) if index in scanned else SkuLine(line.quantity, line.sku)
            for index, line in enumerate(content.lines)
        ]
    )


def goods_lines(content: Content) -> tuple[GoodsLine, ...]:
    items = dict.fromkeys(content.facts.get("items", ()))
    return tuple(
        [
            GoodsLine(given.quantity, item=line.sku)
            if index in items
            else GoodsLine(given.quantity, given.sku, given.barcode)
            for index, (line, given) in enumerate(zip(content.lines, sku_lines(content), strict=True))
        ]
    )


_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


_ZONES = (UTC, timezone(timedelta(hours=23, minutes=59)), timezone(-timedelta(hours=23, minutes=59)))
"""A moment at either end of the calendar has a date in one of these."""


def microseconds(moment: datetime) -> int:
    """Microseconds since 1970, also of a moment that has no date in UTC."""
    return (moment - _EPOCH) // timedelta(microseconds=1)


def time_facts(moment: datetime | UnsetType) -> dict[str, Any]:
    """The fact that says when a request happened; none if the request does not say it."""
    return {OCCURRED_AT: microseconds(moment)} if moment is not UNSET else {}


def occurred_at(facts: Mapping[str, Any]) -> datetime | UnsetType:
    """When a request says that it happened."""
    noted = facts.get(OCCURRED_AT)
    return moment_of(noted) if noted is not None else UNSET


def moment_of(number: int) -> datetime:
    """The moment that `microseconds` made into a number, maybe in another zone. Raises ValueError if there is none."""
    for zone in _ZONES:
        try:
            return datetime(1970, 1, 1, tzinfo=zone) + (timedelta(microseconds=number) + zone.utcoffset(None))
        except OverflowError:
            continue
    raise ValueError(f"{number} microseconds since 1970 are outside the calendar")


def received_lines(view: LocationView, resolved: Resolved, added: Mapping[str, int]) -> tuple[EntryLine, ...]:
    """Answer lines of goods that come in, with how many of each SKU can be sold afterwards."""

    def after(item: str) -> int:
        return view.ledger.stock(view.location, item).available + added.get(item, 0)

    return tuple(
        [
            EntryLine(sku, quantity, 0, sellable(recipe, {item: after(item) for item, _ in recipe}))
            for sku, recipe, quantity in resolved
        ]
    )
