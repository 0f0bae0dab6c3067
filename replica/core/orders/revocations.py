"""Revocations: a fulfilment that ends early is replaced at another location, where that is possible.

If its units are missing, its owner revokes it. If its location declined it, such as because a picker did not find the
goods, the node that began it replaces it. The replacement holds units of the node that writes it, in one entry.
"""

from __future__ import annotations

from msgspec import UNSET

from replica.core.base.errors import NotFound
from replica.core.orders.context import OrderContext, OrderDraft, moves_of
from replica.core.orders.facts import (
    CANCELLED,
    COVERED,
    IMPOSSIBLE,
    MOVED,
    NOWHERE,
    SHORTAGE,
    UNWANTED,
    ReportFacts,
    StepFacts,
)
from replica.core.orders.machine import CANCEL, DECLINE, HOLD, RESERVE
from replica.core.orders.order import Fulfilment, Order, Parked
from replica.core.orders.owners import ask_owner
from replica.core.orders.requests import Revocation
from replica.core.orders.shortages import elsewhere, is_short, may_revoke, may_select
from replica.core.orders.transitions import step


def select_fulfilment(context: OrderContext, request: Revocation) -> OrderDraft:
    """Ask the owner of a fulfilment, who may be this node, to revoke it. Raises NotFound."""
    order = context.orders.find(request.order)
    fulfilment = order.fulfilments.get(request.fulfilment) if order is not None else None
    if order is None or fulfilment is None or not may_select(context.ledger, order, fulfilment):
        raise NotFound(
            f"the fulfilment {request.fulfilment!r} of {request.order!r} need not be revoked", field="fulfilment"
        )
    return ask_owner(order, "cancel", fulfilment, SHORTAGE)


def revoke(context: OrderContext, order: Order, fulfilment: Fulfilment, parked: Parked) -> OrderDraft:
    """Begin a selected fulfilment at another location, where possible, and then cancel it.

    The owner does neither if the units are there by now, or if the fulfilment is being picked or has ended.
    """
    to = context.machine.step(fulfilment.state, CANCEL)
    if not isinstance(to, str) or not may_revoke(fulfilment) or not is_short(context.ledger, fulfilment):
        outcome = COVERED if may_revoke(fulfilment) else IMPOSSIBLE
        report = ReportFacts(fulfilment=fulfilment.id, outcome=outcome, settles=parked.entry)
        return OrderDraft(scope=fulfilment.location, order=order.name, event=CANCEL, facts=report)
    is_replaced = any(one.instead_of == fulfilment.id for one in order.fulfilments.values())
    if not is_replaced and (replacement := _begin_elsewhere(context, order, fulfilment)) is not None:
        return replacement
    facts = StepFacts(
        fulfilment=fulfilment.id, to=to, settles=parked.entry, outcome=MOVED if is_replaced else CANCELLED
    )
    return step(context, order, fulfilment, CANCEL, facts)


def begin_again(context: OrderContext, order: Order, declined: Fulfilment) -> OrderDraft:
    """Begin what a location declined at another one. If none can hold all of it, or the customer cancelled, say so."""
    is_cancelled = any(_cancels(one, declined) for one in order.parked)
    replacement = None if is_cancelled else _begin_elsewhere(context, order, declined)
    if replacement is not None:
        return replacement
    report = ReportFacts(fulfilment=declined.id, outcome=UNWANTED if is_cancelled else NOWHERE)
    return OrderDraft(scope=declined.location, order=order.name, event=DECLINE, facts=report)


def _cancels(parked: Parked, declined: Fulfilment) -> bool:
    """Whether a customer wanted none of the goods any more: those of a part go with the whole that they were split off.

    A cancellation of some units is no such wish, and the request of a node because of a shortage is none of a customer.
    """
    event = parked.event
    if event is None or event.event != CANCEL or event.lines is not UNSET or parked.why:
        return False
    return event.fulfilment in ("", declined.id, declined.part_of)


def _begin_elsewhere(context: OrderContext, order: Order, fulfilment: Fulfilment) -> OrderDraft | None:
    """The same lines, for the same time, at another location where this node can hold all of them."""
    event = HOLD if fulfilment.expires_ms else RESERVE
    to = context.machine.step("", event)
    source = context.source(order.channel)
    found = elsewhere(context.ledger, context.locations, source.units, order, fulfilment)
    if found is None or not isinstance(to, str):
        return None
    location, wanted = found
    taken = source.allocations(location, wanted, {one.index: one.quantity for one in wanted})
    facts = StepFacts(
        fulfilment=order.next_id(context.node),
        to=to,
        number=fulfilment.number,
        taken=taken,
        expires_ms=fulfilment.expires_ms,
        may_send=tuple(fulfilment.may_send),
        instead_of=fulfilment.id,
        deduplication_ids=tuple(fulfilment.deduplication_ids),
        barcodes=tuple(fulfilment.barcodes),
        promised=fulfilment.promised,
    )
    moves = moves_of(taken, lambda source: (source, context.held))
    return OrderDraft(scope=location, order=order.name, event=event, facts=facts, moves=moves)
