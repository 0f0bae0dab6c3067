"""Transitions: how an event leads one fulfilment to another state, and which units it moves.

One entry for each fulfilment and transition, so a state and its units change together. A release names what it
reverses: the entry that took the units, and how many of which SKU. It gives back the items that this entry took, by
the recipe the SKU had then, to where they came from.
Source: order rules of classic deduction, docs/orders.md.
"""

from __future__ import annotations

import msgspec
from msgspec import UNSET

from replica.core.base.errors import Invalid, RightsExhausted
from replica.core.base.limits import EVENTS_PER_FULFILMENT_MAX
from replica.core.base.names import CUSTOMER, QUARANTINE, account
from replica.core.ledger.cells import Move
from replica.core.orders.allocations import Allocation, check_allocations, cut, named_reversals, without
from replica.core.orders.context import OrderContext, OrderDraft, moves_of
from replica.core.orders.facts import REPEAT, STEP, StepFacts
from replica.core.orders.machine import ADJUST, CANCEL, COLLECT, EXCHANGE, EXPIRE, PARTIAL, RETURN, SHIP, Reachability
from replica.core.orders.order import Fulfilment, Order
from replica.core.orders.placement import resolve_line
from replica.core.orders.requests import OrderEvent
from replica.core.orders.sourcing import WantedLine, allocate


def judge(
    context: OrderContext, fulfilment: Fulfilment, event: OrderEvent, deduplication_id: bytes
) -> str | Reachability:
    """The state an event leads to, REPEAT, or why it leads nowhere."""
    if event.number:
        if event.number <= fulfilment.number:
            return REPEAT
        if event.number > fulfilment.number + 1:
            return Reachability.EARLY
    elif deduplication_id in fulfilment.deduplication_ids or (
        event.event not in PARTIAL and fulfilment.happened(event.event)
    ):
        return REPEAT
    to = context.machine.step(fulfilment.state, event.event)
    if to is Reachability.EARLY:  # an event that happens once and has happened leads nowhere again
        spent = [past.event for past in fulfilment.history if past.act == STEP and past.event not in PARTIAL]
        if not context.machine.may_follow(fulfilment.state, event.event, spent):
            return Reachability.IMPOSSIBLE
    return to


def transition(
    context: OrderContext,
    order: Order,
    fulfilment: Fulfilment,
    event: OrderEvent,
    to: str,
    deduplication_id: bytes,
    settles: bytes = b"",
    goods_at: str = "",
) -> OrderDraft:
    """Let an event happen to a fulfilment. Raises Refused.

    Args:
        settles: the entry of the event, if it had been parked or asked.
        goods_at: where the goods of a return are, if another location took them.
    """
    if event.event in PARTIAL and len(fulfilment.history) >= EVENTS_PER_FULFILMENT_MAX:
        raise Invalid(
            f"{event.event} is one event too many: {fulfilment.id} has had {EVENTS_PER_FULFILMENT_MAX};"
            " place a new order",
            field="event",
        )
    facts = StepFacts(
        fulfilment=fulfilment.id,
        to=to,
        number=event.number,
        settles=settles,
        goods_at=goods_at,
        deduplication_ids=ids_of(deduplication_id),
    )
    if event.event in (ADJUST, EXCHANGE):
        reversals = named_reversals(fulfilment.allocations, event.lines, "lines")
        taken = _replacement(context, order, fulfilment, event)
        check_allocations([*without(fulfilment.allocations, reversals), *taken], "replacement")
        facts = msgspec.structs.replace(facts, reversed=reversals, taken=taken)
        held = sum(one.quantity for one in fulfilment.allocations)
        if not taken and sum(reversal.quantity for reversal in reversals) == held:
            raise Invalid(f"lines name everything that {fulfilment.id} holds: cancel it instead", field="lines")
    elif event.event == RETURN:
        facts = msgspec.structs.replace(facts, returned=named_reversals(fulfilment.sold, event.lines, "lines"))
    return step(context, order, fulfilment, event.event, facts)


def step(context: OrderContext, order: Order, fulfilment: Fulfilment, event: str, facts: StepFacts) -> OrderDraft:
    """One transition and the units it moves. A cancellation or expiry reverses all units; else `facts` says which."""
    if event in (CANCEL, EXPIRE):
        facts = msgspec.structs.replace(facts, reversed=named_reversals(fulfilment.allocations, UNSET, ""))
    facts = msgspec.structs.replace(facts, expires_ms=fulfilment.expires_ms if facts.to == "held" else 0)
    moves: tuple[Move, ...] = ()
    if event in (SHIP, COLLECT):
        moves = moves_of(fulfilment.allocations, lambda source: (context.held, CUSTOMER))
    elif event == RETURN and not facts.goods_at:
        quarantine = account(context.node, QUARANTINE)
        moves = moves_of(cut(fulfilment.sold, facts.returned), lambda source: (CUSTOMER, quarantine))
    elif event != RETURN:
        moves = moves_of(cut(fulfilment.allocations, facts.reversed), lambda source: (context.held, source))
        moves += moves_of(facts.taken, lambda source: (source, context.held))
    return OrderDraft(scope=fulfilment.location, order=order.name, event=event, facts=facts, moves=moves)


def _replacement(
    context: OrderContext, order: Order, fulfilment: Fulfilment, event: OrderEvent
) -> tuple[Allocation, ...]:
    if event.replacement is UNSET:
        return ()
    wanted = []
    for index, line in enumerate(event.replacement):
        sku, recipe = resolve_line(context.catalog, line, index, "replacement")
        wanted.append(
            WantedLine(index=index, sku=sku, recipe=recipe, quantity=line.quantity, location=fulfilment.location)
        )
    source = context.source(order.channel)
    plan = allocate(context.ledger, context.locations, source.units, wanted)
    if plan.short:
        raise RightsExhausted([one.fields() for one in plan.short])
    return source.allocations(fulfilment.location, wanted, plan.taken[fulfilment.location])


def ids_of(deduplication_id: bytes) -> tuple[bytes, ...]:
    """The deduplication ids of one event: none or one."""
    return (deduplication_id,) if deduplication_id else ()
