"""Adjustments: corrections of the book stock by differences."""

from __future__ import annotations

from typing import Any

from replica.core.base.errors import Invalid
from replica.core.base.names import FOUND, LOSS
from replica.core.ledger.cells import Move
from replica.core.log.draft import Draft
from replica.core.log.entry import Content
from replica.core.stock.lines import occurred_at, time_facts
from replica.core.stock.location_view import LocationView, Taken
from replica.core.stock.requests import (
    Adjustment,
    AdjustmentLine,
)

ADJUSTMENT = "adjustment"
"""The kind of these entries."""


def prepare_adjustment(view: LocationView, adjustment: Adjustment) -> Draft:
    """Correct the book stock by differences.

    Units that broke are gone, whatever rights the node has. So differences past the rights are recorded, and the entry
    says by how many units they overdraw each item.
    """
    change: dict[str, int] = {}
    taken = Taken(view)
    for index, line in enumerate(adjustment.lines):
        stock = view.ledger.stock(view.location, line.item)
        view.catalog.check_item(line.item, bool(stock.cells), f"lines[{index}].item")
        if line.delta == 0:
            raise Invalid("a difference of 0 changes nothing", field=f"lines[{index}].delta")
        change[line.item] = change.get(line.item, 0) + line.delta
        if line.delta > 0:
            taken.add(view.free, line.item, line.delta)
    adjusted = []
    moves = []
    for line in adjustment.lines:
        on_hand = view.ledger.stock(view.location, line.item).figures.on_hand + change[line.item]
        noted: list[Any] = [line.item, line.delta, line.reason, on_hand]
        if line.delta > 0:
            moves.append(Move(line.item, FOUND, view.free, line.delta))
        else:
            moves.append(Move(line.item, view.free, LOSS, -line.delta))
            short = taken.take(view.free, line.item, -line.delta)
            if short:
                noted.append(short)
        adjusted.append(noted)
    facts: dict[str, Any] = {"adjusted": adjusted, **time_facts(adjustment.occurred_at)}
    if taken.breach:
        facts["breach"] = taken.breach
    return Draft(kind=ADJUSTMENT, moves=tuple(moves), facts=facts, reference=adjustment.reference)


def read_adjustment(content: Content) -> Adjustment:
    """Read the adjustment from its entry."""
    lines = tuple(AdjustmentLine(item, delta, reason) for item, delta, reason, *_ in content.facts["adjusted"])
    return Adjustment(lines, content.reference, occurred_at(content.facts))
