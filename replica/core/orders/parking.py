"""Parking: an event that comes early waits for its predecessor, until that comes or a deadline passes."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import msgspec

from replica.core.base.errors import Overloaded, Refused, RightsExhausted
from replica.core.base.limits import PARKED_MS, PARKED_PER_ORDER_MAX
from replica.core.orders.context import OrderContext, OrderDraft
from replica.core.orders.facts import (
    IMPOSSIBLE,
    LATE,
    REPEAT,
    SHORT,
    SHORTAGE,
    EventRequest,
    ParkFacts,
    ReportFacts,
)
from replica.core.orders.machine import Reachability
from replica.core.orders.order import Fulfilment, Order, Parked
from replica.core.orders.requests import OrderEvent
from replica.core.orders.revocations import revoke
from replica.core.orders.transitions import ids_of, judge, transition


def park(
    context: OrderContext, order: Order | None, event: OrderEvent, deduplication_id: bytes, locations: Iterable[str]
) -> list[OrderDraft]:
    """Note an event that came early: one entry for each location, because a store sees only its own.

    Raises Overloaded.
    """
    if order is not None and len(order.waiting) >= PARKED_PER_ORDER_MAX:
        raise Overloaded(
            f"the order {event.order!r} has {PARKED_PER_ORDER_MAX} events waiting: report the events before them first",
            field="order",
        )
    facts = ParkFacts(
        until_ms=context.now_ms + PARKED_MS,
        request=EventRequest(event),
        deduplication_ids=ids_of(deduplication_id),
    )
    return [
        OrderDraft(scope=location, order=event.order, event=event.event, facts=facts)
        for location in dict.fromkeys(locations)
    ]


def settle(context: OrderContext, order: Order, fulfilment: Fulfilment, parked: Parked) -> OrderDraft | None:
    """Let a parked event happen to a fulfilment, or report why it cannot; None while it has to wait."""
    event = parked.event
    assert event is not None
    if parked.why == SHORTAGE:
        return revoke(context, order, fulfilment, parked)
    verdict = judge(context, fulfilment, event, parked.deduplication_id)
    if verdict is Reachability.EARLY:
        return None
    outcome = verdict if verdict == REPEAT else IMPOSSIBLE
    if isinstance(verdict, str) and verdict != REPEAT:
        try:
            return transition(context, order, fulfilment, event, verdict, parked.deduplication_id, parked.entry)
        except RightsExhausted:
            outcome = SHORT
        except Refused:
            outcome = IMPOSSIBLE
    facts = ReportFacts(
        fulfilment=fulfilment.id,
        outcome=str(outcome),
        settles=parked.entry,
        number=event.number,
        deduplication_ids=ids_of(parked.deduplication_id),
    )
    return OrderDraft(scope=fulfilment.location, order=order.name, event=event.event, facts=facts)


def report_late(context: OrderContext, order: Order, own: Sequence[Fulfilment], parked: Parked) -> OrderDraft | None:
    """Report an event whose predecessors did not come in time; None where this node has not to.

    Any node reports what it parked. If a node asked the owner, only the owner reports.
    """
    event = parked.event.event if parked.event is not None else ""
    facts = ReportFacts(outcome=LATE, settles=parked.entry)
    if parked.until_ms:
        is_ours = parked.node == context.node or any(parked.waits_for(one) for one in own)
        return OrderDraft(scope=parked.scope, order=order.name, event=event, facts=facts) if is_ours else None
    for fulfilment in own:
        if parked.waits_for(fulfilment):
            facts = msgspec.structs.replace(facts, fulfilment=fulfilment.id)
            return OrderDraft(scope=fulfilment.location, order=order.name, event=event, facts=facts)
    return None
