"""Returns: goods come back from a customer."""

from __future__ import annotations

from collections.abc import Sequence

from msgspec import UNSET

from replica.core.base.names import CUSTOMER
from replica.core.ledger.cells import Move
from replica.core.log.draft import Draft
from replica.core.log.entry import Content, Entry
from replica.core.log.times import OCCURRED_AT
from replica.core.stock.lines import microseconds, occurred_at, received_lines, resolve, sku_lines
from replica.core.stock.location_view import LocationView
from replica.core.stock.originals import (
    OFTEN_USED,
    PAST_SALE,
    Original,
    find_original,
    lines_before,
    note_recipes,
    past_sale,
    question,
    sales_among,
)
from replica.core.stock.requests import (
    Disposition,
    Return,
)
from replica.core.stock.till_receipts import QUESTION, RETURN


def prepare_return(view: LocationView, returned: Return, known: Sequence[Entry] | None = ()) -> Draft:
    """Take goods back: into quarantine until somebody inspects them, or directly to the shelf.

    The items that left with the original sale come back, whatever today's recipe is. If the node does not know the
    sale yet, today's recipe decides until it does. Nothing is refused, because the goods are in hand: if more came
    back than was sold, or it is unclear which sale is meant, the entry asks a person to look at it.

    Args:
        known: the entries that name the till receipt of the original sale, in order of arrival, without duplicates;
            None if they are too many.
    """
    sales = sales_among(known or (), returned.original)
    original = find_original(sales, returned.till, view.catalog) if known is not None else Original(doubt=OFTEN_USED)
    resolved, units, facts = resolve(view.catalog, returned.lines, recipes=original.recipes)
    restock = returned.disposition is Disposition.RESTOCK
    target = view.free if restock else view.quarantine
    note_recipes(facts, resolved, units)
    if returned.original:
        facts["original"] = returned.original
    if original.doubt:
        facts[QUESTION] = question(original.doubt)
    elif original.sale is not None:
        before = lines_before(known or (), returned.original, original, sales, view.catalog)
        past = past_sale(original.sale.content, [*before, *resolved])
        if past:
            facts[QUESTION] = question(PAST_SALE, past)
    if returned.occurred_at is not UNSET:
        facts[OCCURRED_AT] = microseconds(returned.occurred_at)
    return Draft(
        kind=RETURN,
        moves=tuple(Move(item, CUSTOMER, target, number) for item, number in units.items()),
        lines=received_lines(view, resolved, units if restock else {}),
        facts=facts,
        actor=returned.till,
        reason=returned.disposition.value,
        reference=returned.receipt,
    )


def read_return(content: Content) -> Return:
    """Read the return from its entry."""
    return Return(
        lines=sku_lines(content),
        original=content.facts.get("original", ""),
        disposition=Disposition(content.reason),
        till=content.actor,
        receipt=content.reference,
        occurred_at=occurred_at(content.facts),
    )
