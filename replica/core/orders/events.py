"""What each event of an order moves: pure decisions over the orders, the stock and the table of transitions.

`decide` looks and changes nothing; it returns the entries to write, the first of which answers the caller, or raises
Refused. `next_due` finds what a node owes an order by itself: parked events whose time has come or passed, requests
of others, holds that expired. One entry per fulfilment and transition, so each is atomic with its units.

A release names what it reverses: the entry that took the units and how many of which SKU; it gives back the items
that entry took, from whatever recipe the SKU had then, to where they came from.
Source: order rules of classic deduction, docs/reference/order-events.md.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import assert_never

import msgspec
from msgspec import UNSET

from replica.core.base.errors import Invalid, NotFound, NotOwner, Overloaded, Refused, RightsExhausted
from replica.core.base.limits import EVENTS_PER_FULFILMENT_MAX, PARKED_MS, PARKED_PER_ORDER_MAX
from replica.core.base.names import CUSTOMER, HELD, QUARANTINE, account, void_key
from replica.core.ledger.cells import Move
from replica.core.log.draft import Draft
from replica.core.orders.allocations import Allocation, check_allocations, cut, named_reversals, without
from replica.core.orders.context import Drafts, OrderContext, moves_of, order_draft
from replica.core.orders.machine import (
    ADJUST,
    CANCEL,
    COLLECT,
    EXCHANGE,
    EXPIRE,
    HOLD,
    PARTIAL,
    RESERVE,
    RETURN,
    SHIP,
    Nature,
    Reachability,
)
from replica.core.orders.order import COVERED, SHORTAGE, Fulfilment, Order, OrderFacts, Parked, ShownFulfilment
from replica.core.orders.placement import REPEAT, prepare_placement, resolve_line
from replica.core.orders.requests import (
    Handover,
    Housekeeping,
    OrderEvent,
    OrderRequest,
    OutsideEvent,
    Placement,
    Revocation,
    deduplication_id_of,
    request_facts,
)
from replica.core.orders.shortages import about, elsewhere, is_short, may_revoke, may_select, next_id
from replica.core.orders.sourcing import WantedLine, allocate

IMPOSSIBLE = "impossible"
LATE = "late"
SHORT = "short"
DUPLICATE = "duplicate"
"""Outcomes of an event that did nothing: it had happened, it cannot happen any more, its predecessor never came in
time, there were no units for it, or its order was placed twice and it is too late to undo this."""

MOVED = "moved"
GIVEN_UP = "cancelled"
"""What became of a fulfilment whose units were not there."""


def decide(context: OrderContext, request: OrderRequest, key: bytes = b"") -> Drafts:
    """Decide a request, asked under a key. Raises Refused."""
    match request:
        case Placement():
            return prepare_placement(context, request)
        case OrderEvent():
            return _happen(context, request, deduplication_id_of(request, key))
        case Handover():
            return [_hand_over(context, request)]
        case Revocation():
            return [_name(context, request)]
        case Housekeeping():
            due = next_due(context, request.order)
            if due is None:
                raise NotFound(f"nothing is due about {request.order!r}", field="order")
            return [due]
        case _:
            assert_never(request)


def next_due(context: OrderContext, name: str) -> tuple[str, Draft] | None:
    """The next thing this node owes an order, if any: at most one, for it may change what the next one is."""
    order = context.orders.find(name)
    if order is None:
        return None
    for event, standing in order.to_pass_on(context.node):
        return _ask(order, event, standing)
    for lost in order.to_void(context.node):
        return _void(context, order, lost)
    own = [one for one in order.fulfilments.values() if one.owner == context.node]
    if len(own) > 1:
        own.sort(key=lambda one: one.id)
    for parked in order.parked:
        for fulfilment in own:
            if parked.waits_for(fulfilment):
                due = _settle(context, order, fulfilment, parked)
                if due is not None:
                    return due
    for fulfilment in own:
        if fulfilment.expires_ms and fulfilment.expires_ms <= context.now_ms:
            to = context.machine.step(fulfilment.state, EXPIRE)
            if isinstance(to, str):
                return _step(context, order, fulfilment, EXPIRE, to, OrderFacts(act="step"))
    for fulfilment in own:
        owner = context.location_owners.get(fulfilment.location, context.node)
        is_paid = fulfilment.nature is Nature.HOLDS and not fulfilment.expires_ms
        if is_paid and owner != context.node and fulfilment.location not in context.locations:
            return _hand_over(context, Handover(order.name, fulfilment.id, owner))
    for parked in order.waiting if order.parked else ():
        if parked.gives_up_ms <= context.now_ms and (due := _revoke(context, order, own, parked)) is not None:
            return due
    return None


def _revoke(context: OrderContext, order: Order, own: Sequence[Fulfilment], parked: Parked) -> tuple[str, Draft] | None:
    """Report an event whose predecessors did not come in time. What was asked of the owner only the owner gives up."""
    facts = OrderFacts(act="report", outcome=LATE, settles=parked.entry)
    if parked.until_ms:
        is_ours = parked.node == context.node or any(parked.waits_for(one) for one in own)
        return (parked.scope, order_draft(order.name, _event_of(parked), facts)) if is_ours else None
    for fulfilment in own:
        if parked.waits_for(fulfilment):
            facts = msgspec.structs.replace(facts, fulfilment=fulfilment.id)
            return fulfilment.location, order_draft(order.name, _event_of(parked), facts)
    return None


# events --------------------------------------------------------------------------------------------------------------


def _happen(context: OrderContext, event: OrderEvent, deduplication_id: bytes) -> Drafts:
    """Let an event happen to what it concerns, park it, or report that it cannot happen."""
    _check_lines(event)
    order = context.orders.find(event.order)
    concerned = about(order, event.fulfilment) if order is not None else []
    if order is None or not concerned:
        return _park(context, order, event, deduplication_id, [context.home])
    others = [one for one in concerned if one.owner != context.node]
    if others and event.event != CANCEL:
        raise NotOwner(f"{others[0].owner} decides about {others[0].id}", field="fulfilment", owner=others[0].owner)
    own = [one for one in concerned if one.owner == context.node]
    verdicts = [(one, _judge(context, one, event, deduplication_id)) for one in concerned]
    if any(verdict is Reachability.EARLY and one in own for one, verdict in verdicts):
        places = [one.location for one, verdict in verdicts if verdict != REPEAT]
        return _park(context, order, event, deduplication_id, places)
    if event.event in PARTIAL and len(own) > 1:
        raise Invalid(f"say which fulfilment: {', '.join(one.id for one in own)}", field="fulfilment")
    drafts: Drafts = []
    after: dict[str, ShownFulfilment] = {}
    for one, verdict in verdicts:
        if verdict is Reachability.IMPOSSIBLE:
            number = event.number if concerned == own[:1] else 0
            facts = OrderFacts(
                act="report",
                fulfilment=one.id,
                outcome=IMPOSSIBLE,
                number=number,
                deduplication_ids=_named(deduplication_id),
            )
            return [(one.location, _answering(order_draft(order.name, event.event, facts), order, {}, event))]
        if isinstance(verdict, str) and verdict != REPEAT and one in own:
            drafts.append(_transition(context, order, one, event, verdict, deduplication_id))
            after[one.id] = _after(one, event.event, drafts[-1][1])
    asked = OrderFacts(act="ask", request=request_facts(event))
    to_ask = dict.fromkeys([one.location for one, verdict in verdicts if verdict != REPEAT and one in others])
    drafts += [
        (place, order_draft(order.name, event.event, asked)) for place in to_ask
    ]  # a store hears of its own only
    if not drafts:
        drafts = [(concerned[0].location, order_draft(order.name, event.event, OrderFacts(act=REPEAT)))]
    scope, first = drafts[0]
    return [(scope, _answering(first, order, after, event)), *drafts[1:]]


def _check_lines(event: OrderEvent) -> None:
    if event.lines is not UNSET and event.event not in PARTIAL:
        raise Invalid(f"{event.event} concerns the whole fulfilment", field="lines")
    if event.lines is UNSET and event.event in (ADJUST, EXCHANGE):
        raise Invalid(f"say what {event.event} gives up", field="lines")
    if (event.replacement is not UNSET) != (event.event == EXCHANGE):
        raise Invalid("an exchange has a replacement, and nothing else has", field="replacement")


def _judge(
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
    return context.machine.step(fulfilment.state, event.event)


def _park(
    context: OrderContext, order: Order | None, event: OrderEvent, deduplication_id: bytes, places: Iterable[str]
) -> Drafts:
    """Note an event that came early where it is to happen: one entry for each location, for a store sees its own."""
    if order is not None and len(order.waiting) >= PARKED_PER_ORDER_MAX:
        raise Overloaded(f"{PARKED_PER_ORDER_MAX} events of {event.order!r} wait already", field="order")
    facts = OrderFacts(
        act="park",
        until_ms=context.now_ms + PARKED_MS,
        request=request_facts(event),
        deduplication_ids=_named(deduplication_id),
    )
    drafts = [(place, order_draft(event.order, event.event, facts)) for place in dict.fromkeys(places)]
    scope, first = drafts[0]
    return [(scope, _answering(first, order or Order(event.order), {}, event)), *drafts[1:]]


def _settle(context: OrderContext, order: Order, fulfilment: Fulfilment, parked: Parked) -> tuple[str, Draft] | None:
    """What becomes of a parked event at a fulfilment; None while it has to wait."""
    event = parked.event
    assert event is not None
    if parked.why == SHORTAGE:
        return _surrender(context, order, fulfilment, parked)
    verdict = _judge(context, fulfilment, event, parked.deduplication_id)
    if verdict is Reachability.EARLY:
        return None
    outcome = verdict if verdict == REPEAT else IMPOSSIBLE
    if isinstance(verdict, str) and verdict != REPEAT:
        try:
            return _transition(context, order, fulfilment, event, verdict, parked.deduplication_id, parked.entry)
        except RightsExhausted:
            outcome = SHORT
        except Refused:
            outcome = IMPOSSIBLE
    facts = OrderFacts(
        act="report",
        fulfilment=fulfilment.id,
        outcome=str(outcome),
        settles=parked.entry,
        number=event.number,
        deduplication_ids=_named(parked.deduplication_id),
    )
    return fulfilment.location, order_draft(order.name, event.event, facts)


def _transition(
    context: OrderContext,
    order: Order,
    fulfilment: Fulfilment,
    event: OrderEvent,
    to: str,
    deduplication_id: bytes,
    settles: bytes = b"",
) -> tuple[str, Draft]:
    """The entry of an event that happens. Raises Refused."""
    if event.event in PARTIAL and len(fulfilment.history) >= EVENTS_PER_FULFILMENT_MAX:
        raise Invalid(f"{fulfilment.id} has had {EVENTS_PER_FULFILMENT_MAX} events: place a new order", field="event")
    facts = OrderFacts(act="step", number=event.number, settles=settles, deduplication_ids=_named(deduplication_id))
    match event.event:
        case "adjust" | "exchange":
            given_up = named_reversals(fulfilment.allocations, event.lines, "lines")
            taken = _replacement(context, order, fulfilment, event)
            check_allocations([*without(fulfilment.allocations, given_up), *taken], "replacement")
            facts = msgspec.structs.replace(facts, reversed=given_up, taken=taken)
            if not taken and sum(reversal.quantity for reversal in given_up) == sum(
                one.quantity for one in fulfilment.allocations
            ):
                raise Invalid("nothing would be left: cancel it instead", field="lines")
        case "return":
            facts = msgspec.structs.replace(facts, returned=named_reversals(fulfilment.sold, event.lines, "lines"))
        case _:
            pass
    return _step(context, order, fulfilment, event.event, to, facts)


def _step(
    context: OrderContext, order: Order, fulfilment: Fulfilment, event: str, to: str, facts: OrderFacts
) -> tuple[str, Draft]:
    """One transition with the units it moves, all in one entry."""
    if event in (CANCEL, EXPIRE):
        facts = msgspec.structs.replace(facts, reversed=named_reversals(fulfilment.allocations, UNSET, ""))
    expires_ms = fulfilment.expires_ms if to == "held" else 0
    facts = msgspec.structs.replace(facts, fulfilment=fulfilment.id, to=to, expires_ms=expires_ms)
    moves: tuple[Move, ...] = ()
    if event in (SHIP, COLLECT):
        moves = moves_of(fulfilment.allocations, lambda source: (context.held, CUSTOMER))
    elif event == RETURN:
        quarantine = account(context.node, QUARANTINE)
        moves = moves_of(cut(fulfilment.sold, facts.returned), lambda source: (CUSTOMER, quarantine))
    else:
        moves = moves_of(cut(fulfilment.allocations, facts.reversed), lambda source: (context.held, source))
        moves += moves_of(facts.taken, lambda source: (source, context.held))
    return fulfilment.location, order_draft(order.name, event, facts, moves)


def _name(context: OrderContext, request: Revocation) -> tuple[str, Draft]:
    """Ask the owner of a fulfilment, who may be this node, to give it up."""
    order = context.orders.find(request.order)
    fulfilment = order.fulfilments.get(request.fulfilment) if order is not None else None
    if order is None or fulfilment is None or not may_select(context.ledger, order, fulfilment):
        raise NotFound(f"{request.fulfilment!r} of {request.order!r} need not be given up", field="fulfilment")
    return _ask(order, "cancel", fulfilment, SHORTAGE)


def _surrender(context: OrderContext, order: Order, fulfilment: Fulfilment, parked: Parked) -> tuple[str, Draft]:
    """Begin elsewhere what was named, where that can be, and then cancel it; neither if its units are there by now."""
    to = context.machine.step(fulfilment.state, CANCEL)
    if not isinstance(to, str) or not may_revoke(fulfilment) or not is_short(context.ledger, fulfilment):
        outcome = COVERED if may_revoke(fulfilment) else IMPOSSIBLE
        facts = OrderFacts(act="report", fulfilment=fulfilment.id, outcome=outcome, settles=parked.entry)
        return fulfilment.location, order_draft(order.name, CANCEL, facts)
    moved = any(one.instead_of == fulfilment.id for one in order.fulfilments.values())
    if not moved and (begun := _begin_elsewhere(context, order, fulfilment)) is not None:
        return begun
    facts = OrderFacts(act="step", settles=parked.entry, outcome=MOVED if moved else GIVEN_UP)
    return _step(context, order, fulfilment, CANCEL, to, facts)


def _begin_elsewhere(context: OrderContext, order: Order, fulfilment: Fulfilment) -> tuple[str, Draft] | None:
    """The same lines, for the same time, at another location where this node can hold all of them."""
    event = HOLD if fulfilment.expires_ms else RESERVE
    to = context.machine.step("", event)
    source = context.source(order.channel)
    found = elsewhere(context.ledger, context.locations, source.units, fulfilment)
    if found is None or not isinstance(to, str):
        return None
    location, wanted = found
    taken = source.allocations(location, wanted, {one.index: one.quantity for one in wanted})
    facts = OrderFacts(
        act="step", fulfilment=next_id(order, context.node), to=to, number=fulfilment.number, taken=taken
    )
    facts = msgspec.structs.replace(
        facts,
        expires_ms=fulfilment.expires_ms,
        instead_of=fulfilment.id,
        deduplication_ids=tuple(fulfilment.deduplication_ids),
    )
    moves = moves_of(taken, lambda source: (source, context.held))
    return location, order_draft(order.name, event, facts, moves)


def _replacement(
    context: OrderContext, order: Order, fulfilment: Fulfilment, event: OrderEvent
) -> tuple[Allocation, ...]:
    if event.replacement is UNSET:
        return ()
    wanted = []
    for index, line in enumerate(event.replacement):
        sku, recipe = resolve_line(context.catalog, line, index, "replacement")
        wanted.append(WantedLine(index, sku, recipe, line.quantity, fulfilment.location))
    source = context.source(order.channel)
    plan = allocate(context.ledger, context.locations, source.units, wanted)
    if plan.short:
        raise RightsExhausted([one.fields() for one in plan.short])
    return source.allocations(fulfilment.location, wanted, plan.taken[fulfilment.location])


def _hand_over(context: OrderContext, request: Handover) -> tuple[str, Draft]:
    """Give a fulfilment and its units to another node of the location."""
    order = context.orders.find(request.order)
    fulfilment = order.fulfilments.get(request.fulfilment) if order is not None else None
    if order is None or fulfilment is None:
        raise NotFound(f"no fulfilment {request.fulfilment!r} of {request.order!r}", field="fulfilment")
    if fulfilment.owner != context.node:
        raise NotOwner(f"{fulfilment.owner} decides about {fulfilment.id}", field="fulfilment", owner=fulfilment.owner)
    if fulfilment.nature is not Nature.HOLDS or request.to == context.node:
        raise Invalid(f"{fulfilment.id} is {fulfilment.state}, there is nothing to hand to {request.to}", field="to")
    facts = OrderFacts(
        act="hand_over", fulfilment=fulfilment.id, to=request.to, state=order.state, request=request_facts(request)
    )
    target = account(request.to, HELD)
    moves = moves_of(fulfilment.allocations, lambda source: (context.held, target))
    return fulfilment.location, order_draft(order.name, "hand_over", facts, moves)


def _void(context: OrderContext, order: Order, lost: Fulfilment) -> tuple[str, Draft]:
    """Undo a fulfilment of a placement that lost: cancel it, or say that it is too late, or ask the owner to."""
    if lost.owner != context.node:
        return _ask(order, "cancel", lost)
    to = context.machine.step(lost.state, CANCEL)
    if isinstance(to, str) and lost.nature is Nature.HOLDS:
        scope, draft = _step(context, order, lost, CANCEL, to, OrderFacts(act="step", voids=lost.origin))
    else:
        facts = OrderFacts(act="void", fulfilment=lost.id, outcome=DUPLICATE, voids=lost.origin)
        scope, draft = lost.location, order_draft(order.name, CANCEL, facts)
    return scope, msgspec.structs.replace(draft, key=void_key(lost.origin))


def _ask(order: Order, event: OutsideEvent, fulfilment: Fulfilment, why: str = "") -> tuple[str, Draft]:
    """Tell the owner of a fulfilment, who decides, what is to happen to it."""
    asked = request_facts(OrderEvent(order.name, event, fulfilment.id))
    return fulfilment.location, order_draft(order.name, event, OrderFacts(act="ask", outcome=why, request=asked))


# pieces --------------------------------------------------------------------------------------------------------------


def _after(fulfilment: Fulfilment, event: str, draft: Draft) -> ShownFulfilment:
    """A fulfilment as a step leaves it: what is changed or comes back shows what is left, all else what it was of."""
    facts, shown = msgspec.convert(draft.facts, OrderFacts), fulfilment.shown()
    if event in PARTIAL:
        left = [*without(fulfilment.allocations, facts.reversed), *facts.taken]
        sold = without(fulfilment.sold, facts.returned)
        shown = msgspec.structs.replace(fulfilment, allocations=left, sold=sold).shown()
    return msgspec.structs.replace(shown, state=facts.to)


def _answering(draft: Draft, order: Order, after: Mapping[str, ShownFulfilment], event: OrderEvent) -> Draft:
    """The same entry, as the one that tells its caller how the order stands after it."""
    shown = tuple([after.get(name) or one.shown() for name, one in sorted(order.fulfilments.items())])
    standing = {one.id: Fulfilment(one.id, one.location, "", one.state) for one in shown}
    facts = msgspec.structs.replace(
        msgspec.convert(draft.facts, OrderFacts),
        state=Order(order.name, fulfilments=standing).state,
        shown=shown,
        request=request_facts(event),
    )
    return order_draft(order.name, draft.reason, facts, draft.moves)


def _named(deduplication_id: bytes) -> tuple[bytes, ...]:
    return (deduplication_id,) if deduplication_id else ()


def _event_of(parked: Parked) -> str:
    return parked.event.event if parked.event is not None else ""
