"""Quarantine: units put aside, put back on the shelf, or written off."""

from __future__ import annotations

from typing import assert_never

from replica.core.base.names import LOSS
from replica.core.ledger.cells import Move
from replica.core.log.draft import Draft
from replica.core.log.entry import Content
from replica.core.stock.lines import occurred_at, time_facts
from replica.core.stock.location_view import LocationView, check_covered
from replica.core.stock.requests import (
    Action,
    Quarantine,
    QuarantineLine,
)

QUARANTINE_STEP = "quarantine"
"""The kind of these entries."""


def prepare_quarantine(view: LocationView, request: Quarantine) -> Draft:
    """Put units aside, put them back on the shelf, or write them off.

    Raises:
        RightsExhausted: the request takes more units from an account of the node than there are.
    """
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
    check_covered(view, view.free, from_free)
    check_covered(view, view.quarantine, from_quarantine)
    done = [[line.item, line.quantity, line.action.value] for line in request.lines]
    facts = {"quarantine": done, **time_facts(request.occurred_at)}
    return Draft(kind=QUARANTINE_STEP, moves=tuple(moves), facts=facts, reference=request.reference)


def read_quarantine(content: Content) -> Quarantine:
    """Read the request from its entry."""
    done = content.facts["quarantine"]
    lines = tuple(QuarantineLine(item, quantity, Action(action)) for item, quantity, action in done)
    return Quarantine(lines, content.reference, occurred_at(content.facts))
