"""Answers about orders: their types, and how they are rendered from entries and orders."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from typing import assert_never

from msgspec import UNSET, Struct, UnsetType
from msgspec.structs import replace

from replica.core.base.clock import time_text
from replica.core.base.errors import InvalidTransition
from replica.core.log.entry import Content
from replica.core.orders.facts import (
    ASKED,
    IMPOSSIBLE,
    PARKED,
    AskFacts,
    EventFacts,
    HandoverFacts,
    ParkFacts,
    RepeatFacts,
    ReportFacts,
    ShownFulfilment,
    SplitFacts,
    StepFacts,
    TakeBackFacts,
    VoidFacts,
    decode,
)
from replica.core.orders.order import Fulfilment, Order, Parked, noted_ms
from replica.core.orders.promised import Delivery
from replica.core.orders.requests import OrderEvent


class OrderLine(Struct, frozen=True):
    """A quantity of a SKU."""

    sku: str
    quantity: int


class ArrivalAnswer(Struct, frozen=True):
    """Between which moments goods arrive, as far as was known when the order was placed."""

    earliest: str
    latest: str


class FulfilmentAnswer(Struct, frozen=True, omit_defaults=True):
    """A fulfilment: the part of the order that one location serves. `eta`: when its goods arrive, if that is known."""

    id: str
    location: str
    state: str
    lines: list[OrderLine] = []
    eta: ArrivalAnswer | None = None


class OutcomeAnswer(Struct, frozen=True):
    """What became of an event at one fulfilment.

    `outcome`: `happened`; `repeat` if it had happened before; `parked` or `asked` if it waits there; `unchanged` if it
    cannot happen there any more, because of the `state`.
    """

    fulfilment: str
    outcome: str
    state: str


class OrderAnswer(Struct, frozen=True, omit_defaults=True):
    """The order after the request.

    `waiting`: `parked` if the event came before the event it needs, `asked` if another node owns the fulfilment and
    decides. `reason` says what a parked event waits for, and `until` when the node gives up and reports it:
    `unknown-order` for an order that this node has not heard of, `unknown-fulfilment` for a fulfilment that another
    node may have begun, and `early` for a state that has not been reached yet. `taken_back`: goods that went to
    quarantine here, and that the owner of their fulfilment is yet to count. The state may be `unknown` here then.
    `outcomes`: what became of the event at each fulfilment, if it concerned several or a part of one.
    """

    order: str
    state: str
    fulfilments: list[FulfilmentAnswer]
    expires_at: str | None = None
    waiting: str | None = None
    reason: str | None = None
    until: str | None = None
    taken_back: list[OrderLine] = []
    outcomes: list[OutcomeAnswer] = []


class PastAnswer(Struct, frozen=True, omit_defaults=True):
    """One event of the past, the state after it, and the entry that records it.

    `goods_at`: the location where returned goods are, if it is not the one of the fulfilment.
    """

    at: str
    event: str
    act: str
    state: str
    movement: str
    goods_at: str | None = None


class DeliveryAnswer(Struct, frozen=True, omit_defaults=True):
    """When goods were promised to leave and to arrive, and when they did, as far as it was reported.

    Without a lane of a carrier, nobody knew when they arrive. `is_late`: they left after `dispatch_at`, or arrived
    after `latest`.
    """

    dispatch_at: str
    carrier: str = ""
    earliest: str | None = None
    latest: str | None = None
    left_at: str | None = None
    arrived_at: str | None = None
    is_late: bool = False


class FulfilmentView(Struct, frozen=True):
    """A fulfilment as this node sees it; `owner` is the node that decides about it.

    `is_duplicate`: the order was placed at two nodes, and the fulfilment belongs to the placement that is voided.
    `part_of`: the fulfilment that it was split off, because its units were shipped, collected, declined or cancelled
    first. `delivery`: what was promised to an order with an address, and what happened.
    """

    id: str
    location: str
    owner: str
    state: str
    expires_at: str | None
    lines: list[OrderLine]
    history: list[PastAnswer]
    is_duplicate: bool = False
    part_of: str | UnsetType = UNSET
    delivery: DeliveryAnswer | UnsetType = UNSET


class WaitingAnswer(Struct, frozen=True):
    """An event that waits: until a deadline, or for the decision of the owner (`until` is null).

    `reason` says for what: `unknown-order`, `unknown-fulfilment`, `early`, or `owner`.
    """

    order: str
    event: str
    fulfilment: str
    since: str
    until: str | None
    reason: str


class ReportAnswer(Struct, frozen=True):
    """An event without an effect; `outcome` says why, such as impossible, late or short of units."""

    order: str
    fulfilment: str
    event: str
    outcome: str
    at: str


class OrderView(Struct, frozen=True):
    """An order as this node sees it."""

    order: str
    state: str
    channel: str
    customer: str
    placed_at: str | None
    fulfilments: list[FulfilmentView]
    waiting: list[WaitingAnswer]
    reports: list[ReportAnswer]


def order_answer(content: Content) -> OrderAnswer:
    """Render the answer to the request that made an entry about an order."""
    facts, order = decode(content), content.reference
    match facts:
        case SplitFacts():
            return _event_answer(order, facts)
        case StepFacts() | RepeatFacts():
            is_placement = "placement" in (facts.request or {})
            expires_at = time_text(facts.expires_ms) if is_placement and facts.expires_ms else None
            answer = _event_answer(order, facts, expires_at=expires_at)
            return _with_arrivals(answer, facts) if isinstance(facts, StepFacts) and facts.arrivals else answer
        case ReportFacts():
            return _event_answer(order, facts)
        case ParkFacts():
            answer = _event_answer(order, facts, waiting=PARKED)
            reason, until = _reason([one.id for one in facts.shown], facts.request.event), time_text(facts.until_ms)
            return replace(answer, reason=reason, until=until)
        case AskFacts():
            return _event_answer(order, facts, waiting=ASKED)
        case TakeBackFacts():
            goods = [OrderLine(one.sku, one.quantity) for one in facts.goods]
            state = facts.state if facts.shown else "unknown"
            return replace(_event_answer(order, facts), state=state, taken_back=goods)
        case HandoverFacts():
            return OrderAnswer(order=order, state=facts.state, fulfilments=[])
        case VoidFacts():
            return OrderAnswer(order=order, state="", fulfilments=[])
        case None:
            raise ValueError(f"this version cannot read an entry about the order {order!r}: a later one wrote it")
        case _:
            assert_never(facts)


def _with_arrivals(answer: OrderAnswer, facts: StepFacts) -> OrderAnswer:
    """An answer with the delivery promises that the order was placed with."""
    etas = {name: ArrivalAnswer(time_text(first), time_text(last)) for name, first, last in facts.arrivals}
    return replace(answer, fulfilments=[replace(one, eta=etas.get(one.id)) for one in answer.fulfilments])


def _event_answer(
    order: str, facts: EventFacts, *, expires_at: str | None = None, waiting: str | None = None
) -> OrderAnswer:
    """The answer to an event or placement. An event waits if it waits at any fulfilment."""
    states = {one.id: one.state for one in facts.shown}
    outcomes = [OutcomeAnswer(name, outcome, states.get(name, "")) for name, outcome in facts.outcomes]
    waits = [outcome for outcome in (ASKED, PARKED) if any(one.outcome == outcome for one in outcomes)]
    return OrderAnswer(
        order=order,
        state=facts.state,
        fulfilments=_fulfilments(facts.shown),
        expires_at=expires_at,
        waiting=waits[0] if waits else waiting,
        outcomes=outcomes,
    )


def check_happened(content: Content) -> None:
    """Raise InvalidTransition if an entry only reports that its event is impossible."""
    facts = decode(content)
    if isinstance(facts, ReportFacts) and facts.outcome == IMPOSSIBLE:
        states = {one.id: one.state for one in facts.shown}
        state = states.get(facts.fulfilment)
        raise InvalidTransition(
            f"The fulfilment {facts.fulfilment} is {state}: the event {content.reason!r} is not possible.",
            field="event",
            order=content.reference,
            fulfilment=facts.fulfilment,
            state=state,
        )


def order_view(order: Order) -> OrderView:
    """Render an order as this node sees it."""
    lost = order.lost()
    return OrderView(
        order=order.name,
        state=order.state,
        channel=order.channel,
        customer=order.customer,
        placed_at=time_text(noted_ms(order.placed[0])) if order.placed else None,
        fulfilments=[fulfilment_view(one, one.id in lost) for _, one in sorted(order.fulfilments.items())],
        waiting=waiting_answers(order),
        reports=report_answers(order),
    )


def fulfilment_view(one: Fulfilment, is_duplicate: bool) -> FulfilmentView:
    """Render a fulfilment as this node sees it."""
    history, state = [], ""
    for past in one.history:
        state = past.state or state
        history.append(
            PastAnswer(
                at=time_text(noted_ms(past)),
                event=past.event,
                act=past.act,
                state=state,
                movement=past.entry.hex(),
                goods_at=past.goods_at or None,
            )
        )
    return FulfilmentView(
        id=one.id,
        location=one.location,
        owner=one.owner,
        state=one.state,
        expires_at=time_text(one.expires_ms) if one.expires_ms and one.allocations else None,
        lines=_lines(one.lines),
        history=history,
        is_duplicate=is_duplicate,
        part_of=one.part_of or UNSET,
        delivery=delivery_answer(one.delivery) if one.delivery is not None else UNSET,
    )


def delivery_answer(one: Delivery) -> DeliveryAnswer:
    """Render what was promised for a fulfilment, and what happened."""
    promised = one.promised
    return DeliveryAnswer(
        dispatch_at=time_text(promised.dispatch_ms),
        carrier=promised.carrier,
        earliest=time_text(promised.earliest_ms) if promised.earliest_ms else None,
        latest=time_text(promised.latest_ms) if promised.latest_ms else None,
        left_at=time_text(one.left_ms) if one.left_ms is not None else None,
        arrived_at=time_text(one.arrived_ms) if one.arrived_ms is not None else None,
        is_late=one.is_late,
    )


def waiting_answers(order: Order) -> list[WaitingAnswer]:
    """Render the events that wait at an order."""
    return [
        WaitingAnswer(
            order=order.name,
            event=parked.event.event,
            fulfilment=parked.event.fulfilment,
            since=time_text(noted_ms(parked)),
            until=time_text(parked.until_ms) if parked.until_ms else None,
            reason=_waits_for(order, parked, parked.event),
        )
        for parked in order.waiting
        if parked.event is not None
    ]


def _waits_for(order: Order, parked: Parked, event: OrderEvent) -> str:
    """What an event in view waits for. Goods taken back wait for a node that knows their order, or for their owner."""
    reason = _reason(order.fulfilments, event)
    return reason if parked.until_ms or (parked.goods and reason != "early") else "owner"


def _reason(known: Collection[str], event: OrderEvent) -> str:
    """What a parked event waits for."""
    if not known:
        return "unknown-order"
    return "unknown-fulfilment" if event.fulfilment and event.fulfilment not in known else "early"


def report_answers(order: Order) -> list[ReportAnswer]:
    """Render the reports of an order."""
    return [
        ReportAnswer(
            order=order.name,
            fulfilment=one.fulfilment,
            event=one.event,
            outcome=one.outcome,
            at=time_text(noted_ms(one)),
        )
        for one in order.reports
    ]


def _fulfilments(shown: Iterable[ShownFulfilment]) -> list[FulfilmentAnswer]:
    return [FulfilmentAnswer(one.id, one.location, one.state, _lines(one.lines)) for one in shown]


def _lines(lines: tuple[tuple[str, int], ...]) -> list[OrderLine]:
    return [OrderLine(sku, quantity) for sku, quantity in lines]
