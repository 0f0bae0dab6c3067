"""Returns: goods come back from a customer."""

from __future__ import annotations

from msgspec import UNSET

from replica.core.base.names import CUSTOMER
from replica.core.ledger.cells import Move
from replica.core.log.draft import Draft
from replica.core.log.entry import Content
from replica.core.log.times import OCCURRED_AT
from replica.core.stock.lines import microseconds, occurred_at, received_lines, resolve, sku_lines
from replica.core.stock.location_view import LocationView
from replica.core.stock.requests import (
    Disposition,
    Return,
)

RETURN = "return"
"""The kind of these entries."""


def prepare_return(view: LocationView, returned: Return) -> Draft:
    """Take goods back: into quarantine until somebody inspects them, or directly to the shelf."""
    resolved, units, facts = resolve(view.catalog, returned.lines)
    restock = returned.disposition is Disposition.RESTOCK
    target = view.free if restock else view.quarantine
    if returned.original:
        facts["original"] = returned.original
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
