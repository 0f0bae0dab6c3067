"""Returns: goods come back from a customer, and what left with their sale is what comes back.

With `original`, the till receipt of the sale, a return brings back the items that the sale took, by the recipes of that
day. If the node does not know the sale yet, today's recipes decide, and the node corrects the return when it arrives.
Nothing is refused. A person is asked to look at it if more came back than was sold, or if several sales have the
receipt and the till does not decide which of them was meant.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from simulations.reference.answers import AnyThat, plain
from simulations.reference.bodies import QUANTITY_MAX
from simulations.reference.catalogue import Recipe, makes, units_of
from simulations.reference.journal import Entry, Moves, packed_hash
from simulations.reference.movements import Draft, Place, Resolved, Taken, lines_after, resolve, time_facts, units_in

OFTEN = 64
"""If so many entries name a receipt, the node does not look for its sale."""

ASKED_MAX = 100
PART_MAX = 1_000
"""Items in one correction."""

Question = list[Any]
"""The reason, and for each SKU of which more came back than was sold: the SKU, how many were sold, how many came."""


def accept(place: Place, request: Mapping[str, Any]) -> Draft:
    """Take goods back, into quarantine or directly to the shelf."""
    number, till = request["original"], request["till"]
    named = list(place.journal.naming(place.location, number)) if number else []
    sale, doubt = meant_sale(named, number, till) if len(named) < OFTEN else (None, "often-used")
    resolved, facts = resolve(place, request["lines"], recipes=sale.recipes if sale is not None else {})
    units, is_restock = units_in(resolved), request["disposition"] == "restock"
    target = place.free if is_restock else place.quarantine
    if number:
        facts["original"] = number
    if doubt:
        facts["question"] = [doubt, []]
    elif sale is not None:
        past = past_sale(sale, [*_came_before(named, number, sale), *resolved])
        if past:
            facts["question"] = ["past-sale", past]
    return Draft(
        kind="return",
        moves=[(item, "customer", target, number) for item, number in units.items()],
        lines=lines_after(place, resolved, units if is_restock else {}),
        facts={**facts, **time_facts(request)},
        actor=till,
        reason=request["disposition"],
        reference=request["receipt"],
        recipes={sku: recipe for sku, recipe, _ in resolved},
    )


def meant_sale(named: Iterable[Entry], number: str, till: str) -> tuple[Entry | None, str]:
    """The sale that a return at a till reverses, or why that is unclear. Neither: the sale is unknown yet."""
    sales = [one for one in named if one.kind == "sale" and one.reference == number]
    if len(sales) > 1:
        at_till = [one for one in sales if till and one.actor == till]
        return (at_till[0], "") if len(at_till) == 1 else (None, "several-sales")
    return (sales[0], "") if sales else (None, "")


def past_sale(sale: Entry, came: Iterable[tuple[str, Recipe, int]]) -> list[list[Any]]:
    """The SKUs of which more came back than was sold, each with both quantities.

    A SKU that was not sold may come back if its items left with the sale: a bottle out of a six-pack.
    """
    sold: dict[str, int] = {}
    for sku, quantity, *_ in sale.lines:
        sold[sku] = sold.get(sku, 0) + quantity
    left, units = dict(sold), {item: -sale.change(item) for item in sale.items}
    total: dict[str, int] = {}
    past: dict[str, None] = {}
    for sku, recipe, quantity in came:
        total[sku] = total.get(sku, 0) + quantity
        fits = min(quantity, left.get(sku, quantity), makes(recipe, units))
        if sku in left:
            left[sku] -= fits
        for item, number in recipe.items():
            units[item] = units.get(item, 0) - number * fits
        if fits < quantity:
            past[sku] = None
    return [[sku, sold.get(sku, 0), total[sku]] for sku in list(past)[:ASKED_MAX]]


def _returns(named: Iterable[Entry], number: str) -> list[Entry]:
    return [one for one in named if one.kind == "return" and one.facts.get("original") == number]


def _came_back(returned: Entry, sale: Entry) -> Resolved:
    """The lines of a return, each with the recipe that its sale had."""
    return [(sku, sale.recipes.get(sku) or returned.recipes[sku], quantity) for sku, quantity, *_ in returned.lines]


def _came_before(named: list[Entry], number: str, sale: Entry) -> Resolved:
    """The lines of all returns so far that reverse a sale."""
    returns = [one for one in _returns(named, number) if meant_sale(named, number, one.actor)[0] is sale]
    return [line for one in returns for line in _came_back(one, sale)]


def corrections(place: Place, number: str) -> Iterator[Draft]:
    """After a sale with this till receipt arrived: the drafts that change the returns of it to what left with it.

    If it became unclear which sale was meant, they take earlier corrections back and ask. The node records each draft
    before it asks for the next.
    """
    named = list(place.journal.naming(place.location, number))
    returns = _returns(named, number)
    if not returns or len(named) >= OFTEN:
        return
    for returned in returns:
        known = [one for one in named if one.of is returned]
        sale, doubt = meant_sale(named, number, returned.actor)
        corrected = dict.fromkeys(item for one in known for item in one.items)
        change = {item: -sum(one.change(item) for one in known) for item in corrected}
        asked: Question | None = None
        asking = [*returns, *[one for one in named if one.kind == "return_correction"]]
        if doubt:
            asked, asking = [doubt, []], [returned, *known]
        elif sale is None:
            continue
        else:
            left = units_of((recipe, quantity) for _, recipe, quantity in _came_back(returned, sale))
            for item, units in left.items():
                change[item] = change.get(item, 0) + units
            for item in returned.items:
                change[item] = change.get(item, 0) - returned.change(item)
            if max(left.values()) > QUANTITY_MAX:
                change = {}  # no sale is so large, so a person must look at it
            if returned is max(returns, key=lambda one: one.stamp):
                past = past_sale(sale, _came_before(named, number, sale))
                asked = ["past-sale", past] if past else None
        if any(one.facts.get("question") == asked for one in asking):
            asked = None
        changes = sorted((item, units) for item, units in change.items() if units)
        parts = [changes[start : start + PART_MAX] for start in range(0, len(changes), PART_MAX)]
        for nth, part in enumerate(parts or ([[]] if asked else []), len(known) + 1):
            yield _correction(place, returned, number, nth, part, asked)
            asked = None


def _correction(
    place: Place, returned: Entry, number: str, nth: int, changes: list[tuple[str, int]], asked: Question | None
) -> Draft:
    """Items that came back go where the return put its goods. Those that did not leave from there, or the shelf."""
    target = place.free if returned.reason == "restock" else place.quarantine
    taken = Taken(place)
    moves: Moves = []
    for item, units in changes:
        if units > 0:
            moves.append((item, "customer", target, units))
            continue
        there = min(-units, taken.left(target, item))
        taken.take(target, item, there)
        taken.take(place.free, item, -units - there)
        moves += [(item, target, "customer", there)] if there else []
        moves += [(item, place.free, "customer", -units - there)] if there < -units else []
    facts = {
        "return": packed_hash(returned),
        "return_writer": returned.writer,
        "return_sequence": returned.sequence,
        "as_of": returned.counts_at,
        **({"occurred_at": returned.facts["occurred_at"]} if returned.told_ms is not None else {}),
        **({"breach": taken.breach} if taken.breach else {}),
        **({"question": asked} if asked else {}),
    }
    return Draft(
        kind="return_correction",
        moves=moves,
        facts=facts,
        reference=number,
        of=returned,
        key=AnyThat("a key of the node", lambda value: value == f"void:{plain(returned.hash)}:{nth}"),
    )
