"""The sale that a return reverses: which items left with it, and what of it came back.

A return reverses what its sale took, by the recipes of that moment. The entry of the sale shows them: usually they
follow from its lines and moves (`derived_recipes`), and where they do not, the entry has them as a fact. If the node
does not know the sale yet, it records the return by today's recipes. When the entry of the sale arrives, the node that
wrote the return corrects it (`prepare_corrections`).

Nothing is refused, because the goods are in hand. The node reports what a person should look at: more came back than
was sold, several sales have the receipt, or it is unknown what the sale took.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import islice
from typing import Any

from msgspec import Struct

from replica.core.base.errors import Refused
from replica.core.base.limits import CORRECTED_ITEMS_MAX, QUANTITY_MAX, QUESTION_LINES_MAX
from replica.core.base.names import CUSTOMER, is_item, node_of, void_key
from replica.core.catalog.skus import Catalog, Recipe, sellable
from replica.core.ledger.cells import Move, parts_of
from replica.core.log.draft import Draft
from replica.core.log.entry import Content, Entry, precedence
from replica.core.log.times import times_of_change
from replica.core.log.voids import RETURN_CORRECTION
from replica.core.stock.location_view import LocationView, Taken
from replica.core.stock.requests import Disposition
from replica.core.stock.till_receipts import ORIGINAL, QUESTION, SALE, uses_of

PAST_SALE = "past-sale"
"""More came back than was sold."""

SEVERAL_SALES = "several-sales"
"""Several sales have the receipt, and the till does not decide which of them was meant."""

RECIPE_UNKNOWN = "recipe-unknown"
"""It is unknown which items the sale took, because an earlier release recorded it and its recipes changed since."""

OFTEN_USED = "often-used"
"""So many entries name the receipt that the node does not look for the sale among them."""

Returned = tuple[str, Recipe, int]
"""The SKU, the recipe and the quantity of a line that came back."""


class Original(Struct, frozen=True):
    """The sale that a return reverses, as far as it is known.

    `doubt`: why the node cannot tell what left; empty if it can, or if it does not know the sale.
    """

    sale: Entry | None = None
    recipes: Mapping[str, Recipe] = {}
    doubt: str = ""


def note_recipes(facts: dict[str, Any], lines: Sequence[Returned], units: Mapping[str, int]) -> None:
    """Note the recipes of some lines in the facts of their entry, if its lines and moves do not show them."""
    if len(lines) == len(units) and all(len(recipe) == 1 for _, recipe, _ in lines):
        return  # each line took an item of its own
    recipes = {sku: recipe for sku, recipe, _ in lines}
    if derived_recipes([(sku, quantity) for sku, _, quantity in lines], units) != recipes:
        facts["recipes"] = {sku: dict(recipe) for sku, recipe in recipes.items()}


def derived_recipes(lines: Sequence[tuple[str, int]], units: Mapping[str, int]) -> dict[str, Recipe] | None:
    """The recipes that follow from the lines of an entry and the units that it moved; None if none follow.

    The order of `units` is that of the lines. One SKU took all units. If there are as many items as SKUs, each SKU took
    one item. Otherwise a SKU with the name of an item is one unit of it, and one SKU may have taken the rest. This may
    be wrong, so a writer compares it with the recipes, and notes them if they differ.
    """
    quantities: dict[str, int] = {}
    for sku, quantity in lines:
        quantities[sku] = quantities.get(sku, 0) + quantity
    if len(quantities) == 1:
        ((sku, quantity),) = quantities.items()
        return _each({sku: dict(units)}, quantities)
    if len(quantities) == len(units):
        pairs = zip(quantities, units.items(), strict=True)
        return _each({sku: {item: number} for sku, (item, number) in pairs}, quantities)
    taken = {sku: {sku: quantity} for sku, quantity in quantities.items() if sku in units}
    rest = {item: number - quantities.get(item, 0) for item, number in units.items() if number != quantities.get(item)}
    others = [sku for sku in quantities if sku not in taken]
    if len(others) != 1:
        return None
    return _each({**taken, **dict.fromkeys(others, rest)}, quantities)


def _each(taken: Mapping[str, Mapping[str, int]], quantities: Mapping[str, int]) -> dict[str, Recipe] | None:
    """The recipe of each SKU, given the units that all of a SKU took; None if they are not whole recipes."""
    recipes: dict[str, Recipe] = {}
    for sku, units in taken.items():
        quantity = quantities[sku]
        if not units or any(number <= 0 or number % quantity for number in units.values()):
            return None
        recipes[sku] = tuple(sorted((item, number // quantity) for item, number in units.items()))
    return recipes


def recipes_then(content: Content) -> dict[str, Recipe] | None:
    """The recipes by which an entry moved the items of its lines; None if the entry does not show them."""
    if not all(_is_quantity(line.quantity) for line in content.lines):
        return None
    noted = content.facts.get("recipes")
    if noted is None:
        return derived_recipes([(line.sku, line.quantity) for line in content.lines], _units(content))
    try:
        recipes = {sku: tuple(sorted(one.items())) for sku, one in noted.items()}
    except (AttributeError, TypeError):
        return None
    parts = [part for recipe in recipes.values() for part in recipe]
    is_sound = all(recipes.values()) and all(is_item(item) and _is_quantity(number) for item, number in parts)
    return recipes if is_sound and _explain(recipes, content) else None


def find_original(sales: Sequence[Entry], till: str, catalog: Catalog) -> Original:
    """The sale that a return at a till reverses, of the sales with its receipt, and the recipes of that sale."""
    if len(sales) > 1:
        sales = [sale for sale in sales if sale.content.actor == till] if till else ()
        if len(sales) != 1:
            return Original(doubt=SEVERAL_SALES)
    for sale in sales:
        shown, today = recipes_then(sale.content), _recipes_today(sale.content, catalog)
        if shown is None or today is None or "recipes" in sale.content.facts:
            recipes = shown or today
        else:  # an earlier release noted no recipes, so what follows from the entry may be wrong
            recipes = shown if shown == today else None
        return Original(sale, recipes) if recipes is not None else Original(sale, doubt=RECIPE_UNKNOWN)
    return Original()


def _recipes_today(content: Content, catalog: Catalog) -> dict[str, Recipe] | None:
    """Today's recipes of the lines of an entry, if it moved the items that they say; else None."""
    try:
        recipes = {line.sku: catalog.recipe_of(line.sku, "lines") for line in content.lines}
    except Refused:
        return None
    return recipes if _explain(recipes, content) else None


def _explain(recipes: Mapping[str, Recipe], content: Content) -> bool:
    """Whether the lines of an entry moved by these recipes what the entry moved."""
    lines = [(line.sku, recipes.get(line.sku, ()), line.quantity) for line in content.lines]
    return all(_is_quantity(quantity) for _, _, quantity in lines) and _units_by(lines) == _units(content)


def _units_by(lines: Iterable[Returned]) -> dict[str, int]:
    """The units of each item that some lines take by their recipes."""
    units: dict[str, int] = {}
    for _, recipe, quantity in lines:
        for item, number in recipe:
            units[item] = units.get(item, 0) + number * quantity
    return units


def past_sale(sale: Content, returned: Iterable[Returned]) -> list[list[Any]]:
    """What came back past a sale: the SKU, how many were sold, and how many came back, of each SKU that did.

    A SKU that was not sold may come back if its items left with the sale: a bottle out of a six-pack. At most
    QUESTION_LINES_MAX SKUs are given.
    """
    sold: dict[str, int] = {}
    for line in sale.lines:
        sold[line.sku] = sold.get(line.sku, 0) + line.quantity
    left, units = dict(sold), _units(sale)
    total: dict[str, int] = {}
    past: dict[str, None] = {}
    for sku, recipe, quantity in returned:
        total[sku] = total.get(sku, 0) + quantity
        whole = sellable(recipe, {item: units.get(item, 0) for item, _ in recipe})
        fits = min(quantity, left.get(sku, quantity), whole)
        if sku in left:
            left[sku] -= fits
        for item, number in recipe:
            units[item] = units.get(item, 0) - number * fits
        if fits < quantity:
            past[sku] = None
    return [[sku, sold.get(sku, 0), total[sku]] for sku in islice(past, QUESTION_LINES_MAX)]


def lines_returned(returned: Content, original: Mapping[str, Recipe]) -> list[Returned] | None:
    """The lines of a return with their recipes: those of its sale, and else those of the return. None if unknown."""
    own = recipes_then(returned) or {}
    lines = []
    for line in returned.lines:
        recipe = original.get(line.sku) or own.get(line.sku)
        if recipe is None or not _is_quantity(line.quantity):
            return None
        lines.append((line.sku, recipe, line.quantity))
    return lines


def sales_among(entries: Iterable[Entry], number: str) -> list[Entry]:
    """The sales with a receipt, of entries that name it."""
    return [one for one in entries if one.content.kind == SALE and one.content.reference == number]


def returns_among(entries: Iterable[Entry], number: str) -> list[Entry]:
    """The returns of the sale with a receipt, of entries that name it."""
    return [one for one in entries if (ORIGINAL, number, "") in uses_of(one.content)]


def lines_before(
    entries: Sequence[Entry], number: str, original: Original, sales: Sequence[Entry], catalog: Catalog
) -> list[Returned]:
    """The lines that came back so far of a sale, of all returns that reverse it."""
    lines: list[Returned] = []
    for one in returns_among(entries, number):
        if find_original(sales, one.content.actor, catalog).sale == original.sale:
            lines += lines_returned(one.content, original.recipes) or ()
    return lines


def prepare_corrections(
    view: LocationView, node: str, number: str, entries: Sequence[Entry], lost: Mapping[bytes, Entry]
) -> Iterator[Draft]:
    """Correct the returns of a sale that this node wrote, so that the items that left come back.

    If it is no longer clear which sale was meant, take back the corrections and ask, as if all sales came first. A
    return whose goods came back by the recipes that its sale had is left as it is when those are no longer known.

    Each draft must be recorded before the next is asked for.

    Args:
        number: the number of the till receipt of the sale.
        entries: all entries that name the receipt, in order of arrival.
        lost: those that lost to a duplicate, by hash. A void reverses the return itself, not its corrections.
    """
    standing = [one for one in entries if one.hash not in lost]
    sales = sales_among(standing, number)
    returns = returns_among(standing, number)
    for returned in returns_among(entries, number):
        if node_of(returned.stream.writer) != node:
            continue
        known = [one for one in entries if _corrects(one, returned)]
        change = {item: -units for item, units in _came_in(known).items()}
        asked: list[Any] | None = None
        asking = [*returns, *_corrections(standing)]
        original = find_original(sales, returned.content.actor, view.catalog)
        if returned.hash not in lost and original.doubt:
            if original.sale is not None and (known or entries.index(original.sale) < entries.index(returned)):
                continue  # the recipes were known when the return or its correction was written
            asked, asking = question(original.doubt), [returned, *known]
        elif returned.hash not in lost:
            lines = lines_returned(returned.content, original.recipes)
            if original.sale is None or lines is None:
                continue
            left = _units_by(lines)
            for item, units in left.items():
                change[item] = change.get(item, 0) + units
            for item, units in _came_in((returned,)).items():
                change[item] = change.get(item, 0) - units
            if max(left.values(), default=0) > QUANTITY_MAX:
                change = {}  # no sale is so large: more came back than was sold, and a person must look at it
            if returned.hash == max(returns, key=precedence).hash:
                came = lines_before(standing, number, original, sales, view.catalog)
                past = past_sale(original.sale.content, came)
                asked = question(PAST_SALE, past) if past else None
        if any(_asked(one) == asked for one in asking):
            asked = None
        changes = sorted((item, units) for item, units in change.items() if units)
        for nth, some in enumerate(_in_parts(changes), len(known) + 1):
            yield _correction(view, returned, number, nth, some, asked)
            asked = None
        if asked is not None:
            yield _correction(view, returned, number, len(known) + 1, (), asked)


def _in_parts(changes: Sequence[tuple[str, int]]) -> Iterator[Sequence[tuple[str, int]]]:
    """The changes of items, split so that a correction of each part fits into one entry."""
    for start in range(0, len(changes), CORRECTED_ITEMS_MAX):
        yield changes[start : start + CORRECTED_ITEMS_MAX]


def question(reason: str, lines: Sequence[Sequence[Any]] = ()) -> list[Any]:
    """The fact that asks a person to look at a return: the reason, and what came back past the sale."""
    return [reason, [list(line) for line in lines]]


def _correction(
    view: LocationView,
    returned: Entry,
    number: str,
    nth: int,
    changes: Iterable[tuple[str, int]],
    asked: list[Any] | None,
) -> Draft:
    """Bring in the items that came back, and take out those that did not.

    Items that did not come back leave the account they were put into. If they are not there any more, they leave the
    free units, because somebody put them back on the shelf in the book.
    """
    content = returned.content
    target = view.free if content.reason == Disposition.RESTOCK.value else view.quarantine
    taken = Taken(view)
    moves = []
    for item, units in changes:
        if units > 0:
            moves += [Move(item, CUSTOMER, target, part) for part in parts_of(units)]
            continue
        there = min(-units, taken.left(target, item))
        rest = -units - there
        if there:
            taken.take(target, item, there)
            moves += [Move(item, target, CUSTOMER, part) for part in parts_of(there)]
        if rest:
            taken.take(view.free, item, rest)
            moves += [Move(item, view.free, CUSTOMER, part) for part in parts_of(rest)]
    facts: dict[str, Any] = {
        "return": returned.hash,
        "return_writer": returned.stream.writer,
        "return_sequence": returned.sequence,
        **times_of_change(content),
    }
    if taken.breach:
        facts["breach"] = taken.breach
    if asked is not None:
        facts[QUESTION] = asked
    key = void_key(returned.hash) + f":{nth}".encode()  # no caller may use such a key
    return Draft(kind=RETURN_CORRECTION, moves=tuple(moves), facts=facts, reference=number, key=key)


def _units(content: Content) -> dict[str, int]:
    """The units of each item that an entry moved, in the order of its moves."""
    units: dict[str, int] = {}
    for move in content.moves:
        units[move.item] = units.get(move.item, 0) + move.quantity
    return units


def _came_in(entries: Iterable[Entry]) -> dict[str, int]:
    """The units of each item that some entries brought back from customers, less those that they gave back."""
    units: dict[str, int] = {}
    for entry in entries:
        for move in entry.content.moves:
            units[move.item] = units.get(move.item, 0) + move.change
    return units


def _corrections(entries: Iterable[Entry]) -> list[Entry]:
    return [one for one in entries if one.content.kind == RETURN_CORRECTION]


def _corrects(entry: Entry, returned: Entry) -> bool:
    return entry.content.kind == RETURN_CORRECTION and entry.content.facts.get("return") == returned.hash


def _asked(entry: Entry) -> list[Any] | None:
    """The question that an entry asks, in the form that `question` writes. A peer may write anything."""
    try:
        reason, lines = entry.content.facts.get(QUESTION, ())
        return question(reason, lines)
    except (TypeError, ValueError):
        return None


def _is_quantity(value: object) -> bool:
    return type(value) is int and 0 < value <= QUANTITY_MAX
