"""What each request moves: pure decisions over the stock of one location, one function per kind of request.

A `prepare_` function looks at the ledger, changes nothing, and returns a draft of the entry to write, or raises
Refused. Only accounts of the deciding node are debited, so no two nodes can give away the same unit.
Source: bounded counter, Balegas et al., SRDS 2015, section 3.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any, assert_never

from msgspec import UNSET, Struct, UnsetType

from replica.core.base.errors import Invalid, RightsExhausted
from replica.core.base.limits import QUANTITY_MAX
from replica.core.base.names import CUSTOMER, FOUND, FREE, LOSS, QUARANTINE, SUPPLIER, account
from replica.core.catalog.skus import Catalog, Recipe, sellable
from replica.core.ledger.cells import Ledger, Move, parts_of
from replica.core.log.draft import Draft
from replica.core.log.entry import Content, EntryLine
from replica.core.stock.requests import (
    Action,
    Adjustment,
    Count,
    Disposition,
    GoodsLine,
    GoodsReceipt,
    OnShortage,
    Return,
    Sale,
    SkuLine,
)
from replica.core.stock.requests import Quarantine as QuarantineRequest

_RECORD = OnShortage.RECORD

Resolved = list[tuple[str, Recipe, int]]
"""Each line's SKU, its recipe, and how many."""


class LocationView(Struct, frozen=True):
    """One location as the node that works there sees it."""

    location: str
    ledger: Ledger
    catalog: Catalog
    free: str
    """The account of the node's own free units."""
    quarantine: str
    """The account of the node's units that wait for inspection."""

    @classmethod
    def of(cls, location: str, node: str, ledger: Ledger, catalog: Catalog) -> LocationView:
        """The location as this node sees it."""
        return cls(location, ledger, catalog, account(node, FREE), account(node, QUARANTINE))


class Seen(Struct, frozen=True):
    """What a counter worked from: each item's level at a moment, and how much of each stream was in it."""

    levels: Mapping[str, int]
    as_of: int
    vector: Mapping[str, int]
    ranks: Mapping[str, int] = {}
    """By item, where the count comes in the order of counts, if not where its moment says."""
    outdated: tuple[str, ...] = ()
    """Items of which a newer count is known: this one changes nothing."""
    held: Mapping[str, int] | None = None
    """How far each stream was held when the levels were worked out, if that was before the count is decided."""
    unheard: tuple[str, ...] = ()
    """Nodes that may have moved something before the moment without having been heard."""


def prepare_sale(view: LocationView, sale: Sale) -> Draft:
    """Sell from the node's own rights; nobody else's are touched.

    Lines that share an item are added up first. With REFUSE a sale past the rights raises RightsExhausted with every
    item that fell short; with RECORD it goes through, and the entry says by how much each item was overdrawn.
    """
    resolved, demand, facts = _resolve(view.catalog, sale.lines)
    stocks, free = view.ledger.stocks(view.location), view.free
    after: dict[str, int] = {}
    rights: dict[str, int] = {}
    short: dict[str, int] = {}
    for item, wanted in demand.items():
        stock = stocks.get(item)
        balance, available = stock.standing(free) if stock is not None else (0, 0)
        after[item] = available - wanted
        rights[item] = balance
        if wanted > balance:
            short[item] = wanted - max(0, balance)
    if short and sale.on_shortage is OnShortage.REFUSE:
        raise RightsExhausted([{"item": item, "wanted": demand[item], "free": max(0, rights[item])} for item in short])
    if short:
        facts["breach"] = short
        breaches = _breaches(resolved, rights)
        lines = [
            EntryLine(sku, quantity, breach, sellable(recipe, after))
            for (sku, recipe, quantity), breach in zip(resolved, breaches, strict=True)
        ]
    else:
        lines = [EntryLine(sku, quantity, 0, sellable(recipe, after)) for sku, recipe, quantity in resolved]
    note_how(sale, facts)
    moves = tuple([Move(item, free, CUSTOMER, wanted) for item, wanted in demand.items()])
    return Draft("sale", moves, tuple(lines), facts, sale.till, "", sale.receipt)


def note_how(sale: Sale, facts: dict[str, Any]) -> None:
    """Note what was asked besides the goods, where it is not the usual. Raises Invalid."""
    if sale.on_shortage is not _RECORD:
        facts["on_shortage"] = sale.on_shortage.value
    if sale.occurred_at is not UNSET:
        facts["occurred_at"] = _microseconds(sale.occurred_at)


def _breaches(resolved: Resolved, rights: dict[str, int]) -> list[int]:
    """How many of each line's SKUs the rights do not cover, giving out the rights in the order of the lines."""
    left = dict(rights)
    breaches = []
    for _, recipe, quantity in resolved:
        breaches.append(quantity - min(quantity, max(0, sellable(recipe, left))))
        for item, units in recipe:
            left[item] -= units * quantity
    return breaches


def prepare_return(view: LocationView, returned: Return) -> Draft:
    """Take goods back, to quarantine until somebody looked at them, or straight to the shelf."""
    resolved, units, facts = _resolve(view.catalog, returned.lines)
    restock = returned.disposition is Disposition.RESTOCK
    target = view.free if restock else view.quarantine
    if returned.original:
        facts["original"] = returned.original
    if returned.occurred_at is not UNSET:
        facts["occurred_at"] = _microseconds(returned.occurred_at)
    return Draft(
        "return",
        tuple([Move(item, CUSTOMER, target, number) for item, number in units.items()]),
        _lines(view, resolved, units if restock else {}),
        facts,
        returned.till,
        returned.disposition.value,
        returned.receipt,
    )


def prepare_goods_receipt(view: LocationView, receipt: GoodsReceipt) -> Draft:
    """Take goods in from a supplier; they are the node's own to sell."""
    resolved, units, facts = _resolve(view.catalog, receipt.lines)
    return Draft(
        "receipt",
        tuple([Move(item, SUPPLIER, view.free, number) for item, number in units.items()]),
        _lines(view, resolved, units),
        facts,
        reference=receipt.reference,
    )


def prepare_count(view: LocationView, count: Count, seen: Seen) -> Draft:
    """Set the book to what was counted, as of what the counter saw: what moved since stays moved.

    The entry records level, as-of stamp and vector, and the difference it wrote. A count below what is free takes the
    node's own units and may overdraw them: the shelf is right, the book was not. Where a newer count is known nothing
    changes.
    """
    moves = []
    counted: dict[str, list[Any]] = {}
    for index, line in enumerate(count.lines):
        field = f"lines[{index}].item"
        stock = view.ledger.stock(view.location, line.item)
        view.catalog.check_item(line.item, bool(stock.cells), field)
        if line.item in counted:
            raise Invalid(f"{line.item} is counted twice", field=field)
        on_hand = stock.figures.on_hand
        level = seen.levels.get(line.item, on_hand)
        change = line.counted - level if line.item not in seen.outdated else 0
        moves += move_to_level(line.item, view.free, change)
        counted[line.item] = [line.item, line.counted, level, change, on_hand + change]
    facts: dict[str, Any] = {"count": list(counted.values()), "as_of": seen.as_of, "seen": dict(seen.vector)}
    if seen.ranks:
        facts["ranks"] = dict(seen.ranks)
    if seen.unheard:
        facts["unheard"] = list(seen.unheard)
    if count.seen:
        facts["token"] = count.seen
    return Draft("count", tuple(moves), (), facts, reference=count.reference)


def prepare_adjustment(view: LocationView, adjustment: Adjustment) -> Draft:
    """Correct by differences. What is taken off must be the node's own and free."""
    change: dict[str, int] = {}
    taken: dict[str, int] = {}
    moves = []
    for index, line in enumerate(adjustment.lines):
        stock = view.ledger.stock(view.location, line.item)
        view.catalog.check_item(line.item, bool(stock.cells), f"lines[{index}].item")
        if line.delta == 0:
            raise Invalid("a difference of 0 changes nothing", field=f"lines[{index}].delta")
        change[line.item] = change.get(line.item, 0) + line.delta
        if line.delta > 0:
            moves.append(Move(line.item, FOUND, view.free, line.delta))
        else:
            taken[line.item] = taken.get(line.item, 0) - line.delta
            moves.append(Move(line.item, view.free, LOSS, -line.delta))
    _check_covered(view, view.free, taken)
    adjusted = [
        [line.item, line.delta, line.reason, view.ledger.stock(view.location, line.item).figures.on_hand + net]
        for line in adjustment.lines
        for net in [change[line.item]]
    ]
    return Draft("adjustment", tuple(moves), (), {"adjusted": adjusted}, reference=adjustment.reference)


def prepare_quarantine(view: LocationView, request: QuarantineRequest) -> Draft:
    """Put units aside, back on the shelf, or write them off. What is moved must be there, in the node's accounts."""
    moves = []
    from_free: dict[str, int] = {}
    from_quarantine: dict[str, int] = {}
    for index, line in enumerate(request.lines):
        stock = view.ledger.stock(view.location, line.item)
        view.catalog.check_item(line.item, bool(stock.cells), f"lines[{index}].item")
        match line.action:
            case Action.PUT:
                source, target, taken = view.free, view.quarantine, from_free
            case Action.RESTOCK:
                source, target, taken = view.quarantine, view.free, from_quarantine
            case Action.WRITE_OFF:
                source, target, taken = view.quarantine, LOSS, from_quarantine
            case _:
                assert_never(line.action)
        taken[line.item] = taken.get(line.item, 0) + line.quantity
        moves.append(Move(line.item, source, target, line.quantity))
    _check_covered(view, view.free, from_free)
    _check_covered(view, view.quarantine, from_quarantine)
    done = [[line.item, line.quantity, line.action.value] for line in request.lines]
    return Draft("quarantine", tuple(moves), (), {"quarantine": done}, reference=request.reference)


def _resolve(catalog: Catalog, lines: Sequence[SkuLine | GoodsLine]) -> tuple[Resolved, dict[str, int], dict[str, Any]]:
    """Resolve lines to recipes, and add up the units of each item over all of them.

    The third value are facts that note how lines named their goods where it was not by SKU.
    """
    resolved: Resolved = []
    units: dict[str, int] = {}
    facts: dict[str, Any] = {}
    for index, line in enumerate(lines):
        name, quantity = line.sku, line.quantity
        if name is not UNSET and line.barcode is UNSET and type(line) is not GoodsLine:
            recipe = catalog.recipe(name, index)
        else:
            name, recipe = _resolve_line(catalog, line, index, facts)
        resolved.append((name, recipe, quantity))
        for item, number in recipe:
            total = units[item] = units.get(item, 0) + number * quantity
            if total > QUANTITY_MAX:
                raise Invalid(f"more than {QUANTITY_MAX} of {item} at once", field=f"lines[{index}].quantity")
    return resolved, units, facts


def _resolve_line(catalog: Catalog, line: SkuLine | GoodsLine, index: int, facts: dict[str, Any]) -> tuple[str, Recipe]:
    sku, barcode = line.sku, line.barcode
    item = line.item if isinstance(line, GoodsLine) else UNSET
    if (sku is UNSET) + (barcode is UNSET) + (item is UNSET) != 2:
        raise Invalid("name the goods once: by sku or by barcode", field=f"lines[{index}].sku")
    if item is not UNSET:
        facts.setdefault("items", []).append(index)
        return item, ((catalog.check_item(item, False, f"lines[{index}].item"), 1),)
    if barcode is not UNSET:
        facts.setdefault("scanned", []).append([index, barcode])
        sku = catalog.scan(barcode, f"lines[{index}].barcode")
    assert sku is not UNSET
    return sku, catalog.recipe(sku, index)


def _sku_lines(content: Content) -> tuple[SkuLine, ...]:
    scanned = dict(content.facts.get("scanned", ()))
    return tuple(
        [
            SkuLine(line.quantity, barcode=scanned[index]) if index in scanned else SkuLine(line.quantity, line.sku)
            for index, line in enumerate(content.lines)
        ]
    )


def _goods_lines(content: Content) -> tuple[GoodsLine, ...]:
    items = dict.fromkeys(content.facts.get("items", ()))
    return tuple(
        [
            GoodsLine(named.quantity, item=line.sku)
            if index in items
            else GoodsLine(named.quantity, named.sku, named.barcode)
            for index, (line, named) in enumerate(zip(content.lines, _sku_lines(content), strict=True))
        ]
    )


_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def _microseconds(moment: datetime) -> int:
    """Microseconds since 1970 of a moment that is in the calendar of UTC too, so that it can be read back."""
    try:
        return (moment.astimezone(UTC) - _EPOCH) // timedelta(microseconds=1)
    except OverflowError:
        raise Invalid(f"{moment} is no moment in UTC", field="occurred_at") from None


def _occurred_at(facts: Mapping[str, Any]) -> datetime | UnsetType:
    noted = facts.get("occurred_at")
    return _EPOCH + timedelta(microseconds=noted) if noted is not None else UNSET


def _lines(view: LocationView, resolved: Resolved, added: Mapping[str, int]) -> tuple[EntryLine, ...]:
    """Answer lines of goods that come in: what can be sold of each SKU once they are there."""

    def after(item: str) -> int:
        return view.ledger.stock(view.location, item).available + added.get(item, 0)

    return tuple(
        [
            EntryLine(sku, quantity, 0, sellable(recipe, {item: after(item) for item, _ in recipe}))
            for sku, recipe, quantity in resolved
        ]
    )


def move_to_level(item: str, free: str, change: int) -> list[Move]:
    """Move so many units of an item in from nowhere, or out to nowhere when it is less than 0."""
    source, target = (FOUND, free) if change > 0 else (free, LOSS)
    return [Move(item, source, target, part) for part in parts_of(abs(change))]


def _check_covered(view: LocationView, source: str, taken: Mapping[str, int]) -> None:
    short = []
    for item, wanted in taken.items():
        balance = view.ledger.stock(view.location, item).balance(source)
        if wanted > balance:
            short.append({"item": item, "wanted": wanted, "free": max(0, balance)})
    if short:
        raise RightsExhausted(short)
