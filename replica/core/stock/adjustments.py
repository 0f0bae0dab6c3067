"""Adjustments: corrections of the book stock by differences."""

from __future__ import annotations

from replica.core.base.errors import Invalid
from replica.core.base.names import FOUND, LOSS
from replica.core.ledger.cells import Move
from replica.core.log.draft import Draft
from replica.core.log.entry import Content
from replica.core.stock.lines import occurred_at, time_facts
from replica.core.stock.location_view import LocationView, check_covered
from replica.core.stock.requests import (
    Adjustment,
    AdjustmentLine,
)

ADJUSTMENT = "adjustment"
"""The kind of these entries."""


def prepare_adjustment(view: LocationView, adjustment: Adjustment) -> Draft:
    """Correct the book stock by differences.

    Raises:
        RightsExhausted: the differences take off more units than the node's own free ones.
    """
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
    check_covered(view, view.free, taken)
    adjusted = [
        [line.item, line.delta, line.reason, view.ledger.stock(view.location, line.item).figures.on_hand + net]
        for line in adjustment.lines
        for net in [change[line.item]]
    ]
    facts = {"adjusted": adjusted, **time_facts(adjustment.occurred_at)}
    return Draft(kind=ADJUSTMENT, moves=tuple(moves), facts=facts, reference=adjustment.reference)


def read_adjustment(content: Content) -> Adjustment:
    """Read the adjustment from its entry."""
    lines = tuple(AdjustmentLine(item, delta, reason) for item, delta, reason, _ in content.facts["adjusted"])
    return Adjustment(lines, content.reference, occurred_at(content.facts))
