"""What a grant and an allotment move: pure decisions over the rights of one node at one location."""

from __future__ import annotations

from collections.abc import Sequence

from replica.core.base.errors import Invalid, RightsExhausted
from replica.core.base.names import (
    FREE,
    account,
    bucket_of,
    check_name,
    owner_of,
)
from replica.core.ledger.cells import Ledger, Move
from replica.core.log.draft import Draft
from replica.core.rights.quotas import CHANNEL, channel_account
from replica.core.rights.requests import BREACH, AllotmentLine, Grant
from replica.core.stock.movements import (
    LocationView,
    _check_covered,
)


def prepare_grant(view: LocationView, grant: Grant) -> Draft:
    """Hand free units to another node. What this node does not see as its own and free it cannot give.

    Raises:
        Invalid: the node grants to itself, to what is no node, or covers more than the other lacks.
        RightsExhausted: not covered, in particular whenever `free` is below zero.
    Source: transfer of rights, Balegas et al., SRDS 2015, section 3.2.
    """
    if check_name(grant.to, "to") == owner_of(view.free):
        raise Invalid(f"{grant.to} grants rights to itself", field="to")
    target = account(grant.to, FREE)
    taken: dict[str, int] = {}
    moves = []
    for index, line in enumerate(grant.lines):
        stock = view.ledger.stock(view.location, line.item)
        view.catalog.check_item(line.item, bool(stock.cells), f"lines[{index}].item")
        taken[line.item] = taken.get(line.item, 0) + line.quantity
        lacking = max(0, -stock.balance(target))
        if grant.reason == BREACH and taken[line.item] > lacking:
            raise Invalid(f"{grant.to} lacks {lacking} of {line.item}", field=f"lines[{index}].quantity")
        moves.append(Move(line.item, view.free, target, line.quantity))
    _check_covered(view, view.free, taken)
    return Draft("grant", tuple(moves), reason=grant.reason)


def allotted(ledger: Ledger, location: str, node: str, lines: Sequence[AllotmentLine]) -> tuple[Move, ...]:
    """The moves of an allotment: line by line, none of them past what is there by then. Raises Refused."""
    free = account(node, FREE)
    left: dict[tuple[str, str], int] = {}
    moves = []
    for index, line in enumerate(lines):
        stock = ledger.stock(location, line.item)
        quota = channel_account(node, check_name(line.channel, f"lines[{index}].channel"))
        if line.units == 0:
            raise Invalid("an allotment of 0 changes nothing", field=f"lines[{index}].units")
        source, target = (free, quota) if line.units > 0 else (quota, free)
        for name in (source, target):
            left.setdefault((name, line.item), stock.balance(name))
        there, units = left[source, line.item], abs(line.units)
        if units > there:
            raise RightsExhausted([{"item": line.item, "wanted": units, "free": max(0, there)}])
        left[source, line.item] -= units
        left[target, line.item] += units
        moves.append(Move(line.item, source, target, units))
    return tuple(moves)


def allotment_line(move: Move) -> AllotmentLine:
    """The line of an allotment that led to a move."""
    is_back = bucket_of(move.target) == FREE
    channel = bucket_of(move.source if is_back else move.target).removeprefix(CHANNEL)
    return AllotmentLine(channel, move.item, -move.quantity if is_back else move.quantity)
