"""What a node decides about orders: pure decisions over the orders, the stock and the table of transitions.

`decide` reads and changes nothing; it returns the entries to write, the first of which answers the caller, or raises
Refused. `next_due` finds what a node has to do about an order by itself: parked events whose time has come or passed,
requests of other nodes, holds that expired.

Decisions carry typed facts; they are encoded once, on the way out.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import assert_never

import msgspec
from msgspec import UNSET

from replica.core.base.errors import Invalid, NotFound, NotOwner
from replica.core.base.names import void_key
from replica.core.log.draft import Draft
from replica.core.orders.allocations import without
from replica.core.orders.context import Drafts, OrderContext, OrderDraft
from replica.core.orders.facts import (
    DUPLICATE,
    IMPOSSIBLE,
    REPEAT,
    AskFacts,
    EventRequest,
    HandoverFacts,
    OrderFacts,
    ParkFacts,
    RepeatFacts,
    ReportFacts,
    ShownFulfilment,
    StepFacts,
    TakeBackFacts,
    VoidFacts,
)
from replica.core.orders.machine import ADJUST, CANCEL, EXCHANGE, EXPIRE, PARTIAL, RETURN, Nature, Reachability
from replica.core.orders.order import Fulfilment, Order
from replica.core.orders.owners import ask_owner, hand_over
from replica.core.orders.parking import check_may_come, park, report_late, settle
from replica.core.orders.placement import prepare_placement
from replica.core.orders.requests import (
    Handover,
    Housekeeping,
    OrderEvent,
    OrderRequest,
    Placement,
    Revocation,
    deduplication_id_of,
    request_facts,
)
from replica.core.orders.returns import next_of_returns, take_back
from replica.core.orders.revocations import select_fulfilment
from replica.core.orders.transitions import ids_of, judge, step, transition


def decide(context: OrderContext, request: OrderRequest, key: bytes = b"") -> Drafts:
    """Decide a request, asked under a key. Raises Refused."""
    return [draft.encoded() for draft in _decide(context, request, key)]


def next_due(context: OrderContext, name: str) -> tuple[str, Draft] | None:
    """The next thing this node has to do about an order, if any: only one, because it may change the one after it."""
    due = _next_due(context, name)
    return due.encoded() if due is not None else None


def _decide(context: OrderContext, request: OrderRequest, key: bytes) -> list[OrderDraft]:
    match request:
        case Placement():
            return prepare_placement(context, request)
        case OrderEvent():
            return _happen(context, request, deduplication_id_of(request, key))
        case Handover():
            return [hand_over(context, request)]
        case Revocation():
            return [select_fulfilment(context, request)]
        case Housekeeping():
            due = _next_due(context, request.order)
            if due is None:
                raise NotFound(f"nothing is due about the order {request.order!r}", field="order")
            return [due]
        case _:
            assert_never(request)


def _next_due(context: OrderContext, name: str) -> OrderDraft | None:
    order = context.orders.find(name)
    if order is None:
        return None
    for event, standing in order.to_pass_on(context.node):
        return ask_owner(order, event, standing)
    for lost in order.to_void(context.node):
        return _void(context, order, lost)
    if (told := next_of_returns(context, order)) is not None:
        return told
    own = [one for one in order.fulfilments.values() if one.owner == context.node]
    if len(own) > 1:
        own.sort(key=lambda one: one.id)
    for parked in order.parked:
        for fulfilment in own:
            if parked.waits_for(fulfilment):
                due = settle(context, order, fulfilment, parked)
                if due is not None:
                    return due
    for fulfilment in own:
        if fulfilment.expires_ms and fulfilment.expires_ms <= context.now_ms:
            to = context.machine.step(fulfilment.state, EXPIRE)
            if isinstance(to, str):
                return step(context, order, fulfilment, EXPIRE, StepFacts(fulfilment=fulfilment.id, to=to))
    for fulfilment in own:
        owner = context.location_owners.get(fulfilment.location, context.node)
        is_paid = fulfilment.nature is Nature.HOLDS and not fulfilment.expires_ms
        if is_paid and owner != context.node and fulfilment.location not in context.locations:
            return hand_over(context, Handover(order.name, fulfilment.id, owner))
    for parked in order.waiting if order.parked else ():
        if parked.deadline_ms <= context.now_ms:
            due = report_late(context, order, own, parked)
            if due is not None:
                return due
    return None


def _happen(context: OrderContext, event: OrderEvent, deduplication_id: bytes) -> list[OrderDraft]:
    """Let an event happen to the fulfilments it concerns, park it, or report that it cannot happen."""
    _check_lines(event)
    order = context.orders.find(event.order)
    concerned = order.concerned(event.fulfilment) if order is not None else []
    if event.event == RETURN and context.order_policy.counter and all(one.owner != context.node for one in concerned):
        return _answering([take_back(context, order, event, deduplication_id)], order or Order(event.order), {}, event)
    if order is None or not concerned:
        if order is not None:
            check_may_come(context, order, event)
        drafts = park(context, order, event, deduplication_id, [context.order_policy.notes_scope])
        return _answering(drafts, order or Order(event.order), {}, event)
    others = [one for one in concerned if one.owner != context.node]
    if others and event.event not in (CANCEL, RETURN):
        owner, name = others[0].owner, others[0].id
        raise NotOwner(f"{owner} owns the fulfilment {name}: ask that node", field="fulfilment", owner=owner)
    own = [one for one in concerned if one.owner == context.node]
    verdicts = [(one, judge(context, one, event, deduplication_id)) for one in concerned]
    if any(verdict is Reachability.EARLY and one in own for one, verdict in verdicts):
        locations = [one.location for one, verdict in verdicts if verdict != REPEAT]
        return _answering(park(context, order, event, deduplication_id, locations), order, {}, event)
    if event.event in PARTIAL and len(concerned) > 1:
        names = ", ".join(one.id for one in concerned)
        raise Invalid(f"{event.event} concerns one fulfilment: name one of {names}", field="fulfilment")
    drafts = []
    after: dict[str, ShownFulfilment] = {}
    for one, verdict in verdicts:
        if verdict is Reachability.IMPOSSIBLE:
            impossible = ReportFacts(
                fulfilment=one.id,
                outcome=IMPOSSIBLE,
                number=event.number if concerned == own[:1] else 0,
                deduplication_ids=ids_of(deduplication_id),
            )
            report = OrderDraft(scope=one.location, order=order.name, event=event.event, facts=impossible)
            return _answering([report], order, {}, event)
        if isinstance(verdict, str) and verdict != REPEAT and one in own:
            draft = transition(context, order, one, event, verdict, deduplication_id)
            drafts.append(draft)
            after[one.id] = _after(one, draft)
    asked = AskFacts(request=EventRequest(event), deduplication_ids=ids_of(deduplication_id))
    to_ask = dict.fromkeys(one.location for one, verdict in verdicts if verdict != REPEAT and one in others)
    for location in to_ask:  # one entry for each, because a store sees only its own location
        drafts.append(OrderDraft(scope=location, order=order.name, event=event.event, facts=asked))
    if not drafts:
        location = concerned[0].location
        drafts = [OrderDraft(scope=location, order=order.name, event=event.event, facts=RepeatFacts())]
    return _answering(drafts, order, after, event)


def _check_lines(event: OrderEvent) -> None:
    if event.lines is not UNSET and event.event not in PARTIAL:
        raise Invalid(f"{event.event} concerns the whole fulfilment: leave lines out", field="lines")
    if event.lines is UNSET and event.event in (ADJUST, EXCHANGE):
        raise Invalid(f"{event.event} needs lines: say which units it takes out of the order", field="lines")
    if (event.replacement is not UNSET) != (event.event == EXCHANGE):
        raise Invalid("an exchange needs a replacement, and no other event has one", field="replacement")


def _void(context: OrderContext, order: Order, lost: Fulfilment) -> OrderDraft:
    """Undo a fulfilment of a placement that lost: cancel it, report that it is too late, or ask the owner."""
    if lost.owner != context.node:
        return ask_owner(order, "cancel", lost)
    to = context.machine.step(lost.state, CANCEL)
    if isinstance(to, str) and lost.nature is Nature.HOLDS:
        draft = step(context, order, lost, CANCEL, StepFacts(fulfilment=lost.id, to=to, voids=lost.origin))
    else:
        facts = VoidFacts(fulfilment=lost.id, outcome=DUPLICATE, voids=lost.origin)
        draft = OrderDraft(scope=lost.location, order=order.name, event=CANCEL, facts=facts)
    return msgspec.structs.replace(draft, key=void_key(lost.origin))


def _after(fulfilment: Fulfilment, draft: OrderDraft) -> ShownFulfilment:
    """A fulfilment as a step leaves it: with the units that are left after a partial event, else with all it had."""
    facts, shown = draft.facts, fulfilment.shown()
    assert isinstance(facts, StepFacts)
    if draft.event in PARTIAL:
        left = [*without(fulfilment.allocations, facts.reversed), *facts.taken]
        sold = without(fulfilment.sold, facts.returned)
        shown = msgspec.structs.replace(fulfilment, allocations=left, sold=sold).shown()
    return msgspec.structs.replace(shown, state=facts.to)


def _answering(
    drafts: list[OrderDraft], order: Order, after: Mapping[str, ShownFulfilment], event: OrderEvent
) -> list[OrderDraft]:
    """The same entries, of which the first one tells the caller how the order stands after them."""
    shown = tuple(after.get(name) or one.shown() for name, one in sorted(order.fulfilments.items()))
    standing = {one.id: Fulfilment(one.id, one.location, "", one.state) for one in shown}
    state = Order(order.name, fulfilments=standing).state
    first, *others = drafts
    facts: OrderFacts
    match first.facts:
        case StepFacts() | ReportFacts() | RepeatFacts() as answering:
            facts = msgspec.structs.replace(answering, state=state, shown=shown, request=request_facts(event))
        case ParkFacts() | AskFacts() | TakeBackFacts() as answering:  # it holds the request already
            facts = msgspec.structs.replace(answering, state=state, shown=shown)
        case HandoverFacts() | VoidFacts():
            raise AssertionError(f"{first.facts} answers no event")
        case _:
            assert_never(first.facts)
    return [msgspec.structs.replace(first, facts=facts), *others]
