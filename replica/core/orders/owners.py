"""Owners of fulfilments: how a node hands one over, and how it asks the owner to decide."""

from __future__ import annotations

from replica.core.base.errors import Invalid, NotFound, NotOwner
from replica.core.base.names import HELD, account
from replica.core.orders.context import OrderContext, OrderDraft, moves_of
from replica.core.orders.facts import HAND_OVER, AskFacts, EventRequest, HandoverFacts
from replica.core.orders.machine import Nature
from replica.core.orders.order import Fulfilment, Order
from replica.core.orders.requests import Handover, OrderEvent, OutsideEvent, request_facts


def hand_over(context: OrderContext, request: Handover) -> OrderDraft:
    """Give a fulfilment and its units to another node of the location. Raises Refused."""
    order = context.orders.find(request.order)
    fulfilment = order.fulfilments.get(request.fulfilment) if order is not None else None
    if order is None or fulfilment is None:
        raise NotFound(f"the order {request.order!r} has no fulfilment {request.fulfilment!r}", field="fulfilment")
    if fulfilment.owner != context.node:
        raise NotOwner(
            f"{fulfilment.owner} owns the fulfilment {fulfilment.id}: ask that node",
            field="fulfilment",
            owner=fulfilment.owner,
        )
    if fulfilment.nature is not Nature.HOLDS or request.to == context.node:
        raise Invalid(
            f"{fulfilment.id} is {fulfilment.state} at {context.node}: only a fulfilment that holds units can be handed"
            " over, and only to another node",
            field="to",
        )
    facts = HandoverFacts(fulfilment=fulfilment.id, to=request.to, state=order.state, request=request_facts(request))
    target = account(request.to, HELD)
    moves = moves_of(fulfilment.allocations, lambda source: (context.held, target))
    return OrderDraft(scope=fulfilment.location, order=order.name, event=HAND_OVER, facts=facts, moves=moves)


def ask_owner(order: Order, event: OutsideEvent, fulfilment: Fulfilment, reason: str = "") -> OrderDraft:
    """Ask the owner of a fulfilment, who decides, to let an event happen to it."""
    asked = EventRequest(OrderEvent(order.name, event, fulfilment.id))
    facts = AskFacts(reason=reason, request=asked)
    return OrderDraft(scope=fulfilment.location, order=order.name, event=event, facts=facts)
