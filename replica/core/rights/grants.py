"""What a grant and an allotment move: pure decisions over the rights of one node at one location."""

from __future__ import annotations

from replica.core.base.errors import Invalid, RightsExhausted
from replica.core.base.names import (
    FREE,
    account,
    bucket_of,
    check_name,
    owner_of,
)
from replica.core.ledger.cells import Move
from replica.core.log.draft import Draft
from replica.core.log.entry import Content
from replica.core.rights.quotas import CHANNEL, channel_account
from replica.core.rights.requests import BREACH, Allotment, AllotmentLine, Grant, GrantLine
from replica.core.stock.location_view import LocationView, check_covered

GRANT = "grant"
"""The kind of entries that hand rights to another node."""

ALLOTMENT = "allotment"
"""The kind of entries that set rights aside for channels."""


def prepare_grant(view: LocationView, grant: Grant) -> Draft:
    """Hand free units to another node. A node grants only units that it sees as its own and free.

    Raises:
        Invalid: the target is this node or not the name of a node, or the grant covers more than the target lacks.
        RightsExhausted: the free units do not cover the grant, in particular whenever `free` is below zero.
    Source: transfer of rights, Balegas et al., SRDS 2015, section 3.2.
    """
    if check_name(grant.to, "to") == owner_of(view.free):
        raise Invalid(f"{grant.to} cannot grant rights to itself", field="to")
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
    check_covered(view, view.free, taken)
    return Draft(kind=GRANT, moves=tuple(moves), reason=grant.reason)


def read_grant(content: Content) -> Grant:
    """Read the grant from its entry."""
    lines = tuple(GrantLine(move.item, move.quantity) for move in content.moves)
    return Grant(owner_of(content.moves[0].target) or "", lines, content.reason)


def prepare_allotment(view: LocationView, request: Allotment) -> Draft:
    """Move units between the free units and channel quotas, line by line, in order.

    Raises:
        Invalid: a line moves 0 units, or its channel is not a valid name.
        RightsExhausted: a line takes more units than the lines before it leave in the account.
    """
    node = owner_of(view.free) or ""
    left: dict[tuple[str, str], int] = {}
    moves = []
    for index, line in enumerate(request.lines):
        stock = view.ledger.stock(view.location, line.item)
        quota = channel_account(node, check_name(line.channel, f"lines[{index}].channel"))
        if line.units == 0:
            raise Invalid("an allotment of 0 changes nothing", field=f"lines[{index}].units")
        source, target = (view.free, quota) if line.units > 0 else (quota, view.free)
        for name in (source, target):
            left.setdefault((name, line.item), stock.balance(name))
        there, units = left[source, line.item], abs(line.units)
        if units > there:
            raise RightsExhausted([{"item": line.item, "wanted": units, "free": max(0, there)}])
        left[source, line.item] -= units
        left[target, line.item] += units
        moves.append(Move(line.item, source, target, units))
    return Draft(kind=ALLOTMENT, moves=tuple(moves))


def read_allotment(content: Content) -> Allotment:
    """Read the allotment from its entry."""
    return Allotment(tuple(_allotment_line(move) for move in content.moves))


def _allotment_line(move: Move) -> AllotmentLine:
    """The allotment line that led to a move."""
    is_back = bucket_of(move.target) == FREE
    channel = bucket_of(move.source if is_back else move.target).removeprefix(CHANNEL)
    return AllotmentLine(channel, move.item, -move.quantity if is_back else move.quantity)
