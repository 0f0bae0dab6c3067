"""Parking: an event that comes early waits for its predecessor, until that comes or a deadline passes.

Only an event that can still happen waits. Its order may be unknown, because an event may come before its placement. Its
fulfilment may be unknown only if this node can hear of it later (`check_may_come`).
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import msgspec
from msgspec import UNSET

from replica.core.base.errors import NotFound, Overloaded, Refused, RightsExhausted
from replica.core.base.limits import PARKED_MS, PARKED_PER_ORDER_MAX
from replica.core.base.names import HUBS, node_of
from replica.core.orders.context import OrderContext, OrderDraft
from replica.core.orders.facts import (
    AMBIGUOUS,
    EXCESS,
    IMPOSSIBLE,
    LATE,
    NUMBER_USED,
    REPEAT,
    SHORT,
    SHORTAGE,
    AskFacts,
    EventRequest,
    ParkFacts,
    ReportFacts,
)
from replica.core.orders.machine import CANCEL, RETURN, Reachability
from replica.core.orders.order import Fulfilment, Order, Parked, whole_of, wholes_of
from replica.core.orders.requests import OrderEvent
from replica.core.orders.returns import is_counted
from replica.core.orders.revocations import revoke
from replica.core.orders.transitions import has_units, ids_of, judge, transition


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


def check_may_come(context: OrderContext, order: Order, event: OrderEvent) -> None:
    """Check that this node may still hear of a fulfilment that it does not know. Raises NotFound.

    A placement that is known names its fulfilments. Another node that takes part in the order may have begun one that
    this node has not heard of, and the owner of a fulfilment may have split a part off. A store hears only of
    fulfilments at its own location.
    """
    name, known = event.fulfilment, order.fulfilments.values()
    if not known:
        return
    hears_all = context.order_policy.hears_all
    whole = whole_of(name)
    missing = whole if whole and whole not in order.fulfilments else name
    shown = [one for placed in order.placed for one in placed.shown if one.id == missing]
    is_placed = any(hears_all or one.location in context.locations for one in shown)
    others = [one for one in known if one.owner != context.node]
    is_part = any(one.id == whole for one in others)
    nodes = [node_of(placed.writer) for placed in order.placed] + [one.owner for one in known]
    begun_by, _, number = missing.rpartition(".")
    is_begun = hears_all and number.isdigit() and begun_by in nodes and begun_by != context.node
    if is_placed or is_part or is_begun:
        return
    hint = "" if hears_all else "; this store sees only the parts of an order at its own location: ask a hub"
    raise NotFound(
        f"the order {order.name!r} has no fulfilment {name!r} here: name one of {', '.join(sorted(order.fulfilments))},"
        f" or none{hint}",
        field="fulfilment",
    )


def settle(context: OrderContext, order: Order, fulfilment: Fulfilment, parked: Parked) -> OrderDraft | None:
    """Let a parked event happen to a fulfilment, or report why it cannot; None while it has to wait."""
    event = parked.event
    assert event is not None
    if parked.why == SHORTAGE:
        return revoke(context, order, fulfilment, parked)
    family = order.family(fulfilment)
    verdict = judge(context, fulfilment, family, event, parked.deduplication_id)
    is_used = verdict == REPEAT and bool(parked.passes_on and event.number)
    if (event.event == RETURN and is_counted(order, parked)) or _happened_elsewhere(order, parked):
        verdict, is_used = REPEAT, False
    if verdict is Reachability.EARLY:
        return None
    outcome = NUMBER_USED if is_used else verdict if verdict == REPEAT else IMPOSSIBLE
    if event.lines is not UNSET and not event.fulfilment and isinstance(verdict, str) and verdict != REPEAT:
        having = [one for one in order.concerned("") if has_units(context, event, one)]
        if parked.settled:
            outcome = verdict = REPEAT  # its lines concern one fulfilment, and another one has settled it
        elif having and fulfilment not in having:
            return None
        elif any(one not in family for one in having):
            outcome = verdict = AMBIGUOUS
    is_unclear = bool(event.number) and event.lines is not UNSET and not event.fulfilment
    if is_unclear and not parked.settled and len(wholes_of(order.concerned(""))) > 1:
        outcome = verdict = AMBIGUOUS  # each fulfilment counts its own numbers, and nobody says which one is meant
    if isinstance(verdict, str) and verdict not in (REPEAT, AMBIGUOUS):
        try:
            return transition(
                context, order, fulfilment, event, verdict, parked.deduplication_id, parked.entry, parked.goods_at
            )
        except RightsExhausted:
            outcome = SHORT
        except Refused as refused:
            is_excess = event.event == RETURN and (refused.field or "").startswith("lines")
            outcome = EXCESS if is_excess else IMPOSSIBLE
    facts = ReportFacts(
        fulfilment=fulfilment.id,
        outcome=str(outcome),
        settles=parked.entry,
        number=event.number if outcome not in (AMBIGUOUS, REPEAT) else 0,  # a repeat was counted where it happened
        deduplication_ids=ids_of(parked.deduplication_id),
    )
    return OrderDraft(scope=fulfilment.location, order=order.name, event=event.event, facts=facts)


def _happened_elsewhere(order: Order, parked: Parked) -> bool:
    """Whether an event of some units, or a copy of it, was dealt with at any fulfilment: its lines concern only one."""
    if parked.event is None or parked.event.lines is UNSET or not parked.deduplication_id:
        return False
    return any(parked.deduplication_id in one.deduplication_ids for one in order.fulfilments.values())


def pass_on(context: OrderContext, order: Order) -> OrderDraft | None:
    """The next entry that passes on a cancellation or a return which this hub parked before it knew the order.

    The hub parked it in a scope that stores do not see. If a store owns the fulfilment by now, the hub asks it, and
    notes that its own copy is a repeat. Any other owner is a hub, which settles the parked event itself.
    """
    for parked in order.parked:
        event = parked.event
        if event is None or event.event not in (CANCEL, RETURN) or parked.scope != HUBS or parked.node != context.node:
            continue
        concerned = order.concerned(event.fulfilment)
        if event.lines is not UNSET and len(concerned) > 1:
            continue  # nobody says which of them is meant
        for one in concerned:
            is_of_store = one.owner == context.location_owners.get(one.location, context.node) != context.node
            if not is_of_store or not parked.waits_for(one):
                continue
            facts: AskFacts | ReportFacts
            named = msgspec.structs.replace(event, fulfilment=one.id)
            if order.is_asked(named, parked.deduplication_id, context.node):
                facts = ReportFacts(fulfilment=one.id, outcome=REPEAT, settles=parked.entry)
            else:
                facts = AskFacts(request=EventRequest(named), deduplication_ids=ids_of(parked.deduplication_id))
            return OrderDraft(scope=one.location, order=order.name, event=event.event, facts=facts)
    return None


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
            ids = ids_of(parked.deduplication_id)  # another copy of the event is a repeat of this one
            facts = msgspec.structs.replace(facts, fulfilment=fulfilment.id, deduplication_ids=ids)
            return OrderDraft(scope=fulfilment.location, order=order.name, event=event, facts=facts)
    return None
