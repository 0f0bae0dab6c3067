"""Quarantine: units put aside, put back on the shelf, or written off."""

from __future__ import annotations

from typing import Any, assert_never

from replica.core.base.names import LOSS
from replica.core.ledger.cells import Move
from replica.core.log.draft import Draft
from replica.core.log.entry import Content
from replica.core.stock.lines import occurred_at, time_facts
from replica.core.stock.location_view import LocationView, Taken
from replica.core.stock.requests import (
    Action,
    Quarantine,
    QuarantineLine,
)

QUARANTINE_STEP = "quarantine"
"""The kind of these entries."""


def prepare_quarantine(view: LocationView, request: Quarantine) -> Draft:
    """Put units aside, put them back on the shelf, or write them off.

    These are facts, so nothing is refused because the book says otherwise. Units put aside past the rights are a
    breach of the node's free units. If units leave quarantine that the book does not have there, the book has them
    among the free ones: those written off leave the free units, and those put back on the shelf move nothing.
    """
    taken = Taken(view)
    from_quarantine: list[int] = []
    for index, line in enumerate(request.lines):
        stock = view.ledger.stock(view.location, line.item)
        view.catalog.check_item(line.item, bool(stock.cells), f"lines[{index}].item")
        if line.action is Action.PUT:
            taken.add(view.quarantine, line.item, line.quantity)
    for line in request.lines:
        there = 0 if line.action is Action.PUT else min(line.quantity, taken.left(view.quarantine, line.item))
        from_quarantine.append(there)
        if there:
            taken.take(view.quarantine, line.item, there)
        if there and line.action is Action.RESTOCK:
            taken.add(view.free, line.item, there)
    moves: list[Move] = []
    done = []
    for line, there in zip(request.lines, from_quarantine, strict=True):
        item, rest, short = line.item, line.quantity - there, 0
        match line.action:
            case Action.PUT:
                moves.append(Move(item, view.free, view.quarantine, rest))
                short = taken.take(view.free, item, rest)
            case Action.RESTOCK:
                moves += [Move(item, view.quarantine, view.free, there)] if there else []
            case Action.WRITE_OFF:
                moves += [Move(item, view.quarantine, LOSS, there)] if there else []
                moves += [Move(item, view.free, LOSS, rest)] if rest else []
                short = taken.take(view.free, item, rest)
            case _:
                assert_never(line.action)
        done.append([item, line.quantity, line.action.value, *([short] if short else [])])
    facts: dict[str, Any] = {"quarantine": done, **time_facts(request.occurred_at)}
    if taken.breach:
        facts["breach"] = taken.breach
    return Draft(kind=QUARANTINE_STEP, moves=tuple(moves), facts=facts, reference=request.reference)


def read_quarantine(content: Content) -> Quarantine:
    """Read the request from its entry."""
    done = content.facts["quarantine"]
    lines = tuple(QuarantineLine(item, quantity, Action(action)) for item, quantity, action, *_ in done)
    return Quarantine(lines, content.reference, occurred_at(content.facts))
