"""What one entry changes in the order it is about.

An entry says which state it led to, and a fold does not check whether that was allowed: the writer decided it.

Entries of one location come in causal order. Entries of several locations may come in any order and lead to the same
result: fulfilments do not depend on each other, an event that was parked and the entry that settles it find each other
whichever comes first, and histories are kept in order of stamps.
"""

from __future__ import annotations

from bisect import insort
from collections.abc import Iterable
from typing import assert_never

from replica.core.base.limits import REPORTS_PER_ORDER_MAX
from replica.core.base.names import node_of
from replica.core.log.entry import Entry
from replica.core.log.times import wall_of
from replica.core.orders.allocations import Allocation, cut, without
from replica.core.orders.facts import (
    COVERED,
    DUPLICATE,
    HAND_OVER,
    NOWHERE,
    PASSED_ON,
    REPEAT,
    REPORT,
    SPLIT,
    STEP,
    UNCHANGED,
    UNWANTED,
    VOID,
    AskFacts,
    HandoverFacts,
    OrderFacts,
    ParkFacts,
    RepeatFacts,
    ReportFacts,
    SplitFacts,
    StepFacts,
    TakeBackFacts,
    VoidFacts,
)
from replica.core.orders.machine import DECLINE, Nature
from replica.core.orders.order import EventReport, Fulfilment, Order, Parked, Past, Placed


def apply_facts(order: Order, entry: Entry, facts: OrderFacts) -> Fulfilment | Parked | None:
    """Change an order by the facts of an entry; return the fulfilment or the parked event that it changed, if any."""
    match facts:
        case StepFacts():
            if facts.digest and facts.shown:
                _note_placement(order, entry, facts)
            if facts.settles:
                _settle(order, facts.settles, facts.fulfilment, facts.outcome)
            return _step(order, entry, facts)
        case SplitFacts():
            if facts.settles:
                _settle(order, facts.settles, facts.fulfilment, "")
            return _split(order, entry, facts)
        case ParkFacts() | AskFacts() | TakeBackFacts():
            return _park(order, entry, facts)
        case ReportFacts(outcome="passed_on" | "duplicate"):
            return _note_goods(order, facts.settles, facts.outcome)
        case ReportFacts():
            if facts.settles:
                _settle(order, facts.settles, facts.fulfilment, facts.outcome)
            if facts.outcome not in (REPEAT, COVERED, UNCHANGED):
                _report(order, entry, facts.fulfilment, facts.outcome)
            fulfilment = order.fulfilments.get(facts.fulfilment)
            if fulfilment is not None:
                if entry.content.reason == DECLINE and facts.outcome in (NOWHERE, UNWANTED):
                    fulfilment.declined = []
                _deal_with(fulfilment, facts.number, facts.deduplication_ids)
                _remember(fulfilment, entry, REPORT)
                _trim(fulfilment.history)
        case HandoverFacts():
            fulfilment = order.fulfilments.get(facts.fulfilment)
            if fulfilment is not None:
                fulfilment.owner = facts.to
                _remember(fulfilment, entry, HAND_OVER)
        case VoidFacts(fulfilment=""):
            return _note_goods(order, facts.voids, VOID)
        case VoidFacts():
            _report(order, entry, facts.fulfilment, facts.outcome)
            fulfilment = order.fulfilments.get(facts.fulfilment)
            if fulfilment is not None:
                fulfilment.is_voided = True
                _remember(fulfilment, entry, VOID)
        case RepeatFacts():
            return None
        case _:
            assert_never(facts)
    return fulfilment


def _note_placement(order: Order, entry: Entry, facts: StepFacts) -> None:
    placed = Placed(
        clock=entry.content.clock,
        writer=entry.stream.writer,
        entry=entry.hash,
        digest=facts.digest,
        shown=facts.shown,
        expires_ms=facts.expires_ms,
        wall_ms=wall_of(entry.content),
    )
    insort(order.placed, placed)
    if order.placed[0] is placed:
        order.channel, order.customer = facts.channel, facts.customer


def _step(order: Order, entry: Entry, facts: StepFacts) -> Fulfilment:
    fulfilment = order.fulfilments.get(facts.fulfilment)
    if fulfilment is None:
        fulfilment = order.fulfilments[facts.fulfilment] = Fulfilment(
            id=facts.fulfilment,
            location=entry.stream.scope,
            owner=node_of(entry.stream.writer),
            state=facts.to,
            is_fixed=facts.is_fixed,
            may_send=list(facts.may_send),
            instead_of=facts.instead_of,
            promised=facts.promised,
        )
    fulfilment.state, fulfilment.expires_ms = facts.to, facts.expires_ms
    if entry.content.reason == DECLINE:
        fulfilment.declined = cut(fulfilment.allocations, facts.reversed)
    if facts.reversed:
        fulfilment.allocations = without(fulfilment.allocations, facts.reversed)
    fulfilment.allocations += [
        Allocation(
            entry=entry.hash,
            sku=one.sku,
            quantity=one.quantity,
            recipe=one.recipe,
            source=one.source,
            sources=one.sources,
        )
        for one in facts.taken
    ]
    if fulfilment.nature is Nature.HANDED_OUT:
        fulfilment.sold = without(fulfilment.sold + fulfilment.allocations, facts.returned)
        fulfilment.allocations = []
    if facts.barcodes:
        fulfilment.barcodes = sorted(dict.fromkeys([*fulfilment.barcodes, *facts.barcodes]))
    fulfilment.is_voided = fulfilment.is_voided or bool(facts.voids)
    _deal_with(fulfilment, facts.number, facts.deduplication_ids)
    _remember(fulfilment, entry, STEP, facts.to, facts.goods_at)
    return fulfilment


def _split(order: Order, entry: Entry, facts: SplitFacts) -> Fulfilment | None:
    """Move units of a fulfilment to a new one, which is in the state that their event led to."""
    whole = order.fulfilments.get(facts.fulfilment)
    if whole is None:
        return None
    part = Fulfilment(
        id=facts.part,
        location=whole.location,
        owner=whole.owner,
        state=facts.to,
        is_fixed=whole.is_fixed,
        may_send=whole.may_send,
        barcodes=whole.barcodes,
        promised=whole.promised,
    )
    if part.nature is Nature.HANDED_OUT:
        part.sold = cut(whole.allocations, facts.units)
    if entry.content.reason == DECLINE:
        part.declined, part.expires_ms = cut(whole.allocations, facts.units), whole.expires_ms
    whole.allocations = without(whole.allocations, facts.units)
    order.fulfilments[part.id] = part
    for one in (whole, part):
        _deal_with(one, max(facts.number, whole.number), facts.deduplication_ids)
    _remember(whole, entry, SPLIT)
    _remember(part, entry, SPLIT, facts.to)
    return part


def _park(order: Order, entry: Entry, facts: ParkFacts | AskFacts | TakeBackFacts) -> Parked:
    """Note an event that waits, and take over what is known of it if the entry that settles it came first."""
    event, known = facts.request.event, next((one for one in order.parked if one.entry == entry.hash), None)
    parked = Parked(
        number=event.number,
        clock=entry.content.clock,
        entry=entry.hash,
        node=node_of(entry.stream.writer),
        event=event,
        until_ms=facts.until_ms if isinstance(facts, ParkFacts) else 0,
        settled=known.settled if known is not None else [],
        scope=entry.stream.scope,
        why=facts.reason if isinstance(facts, AskFacts) else "",
        became=known.became if known is not None and event.fulfilment else "",
        deduplication_id=facts.deduplication_ids[0] if facts.deduplication_ids else b"",
        goods=facts.goods if isinstance(facts, TakeBackFacts) else (),
        passes_on=facts.passes_on if isinstance(facts, AskFacts) else b"",
        goods_at=facts.goods_at if isinstance(facts, AskFacts) else "",
        wall_ms=wall_of(entry.content),
    )
    order.parked = [one for one in order.parked if one is not known]
    insort(order.parked, parked)
    return parked


def _note_goods(order: Order, taken_back: bytes, outcome: str) -> Parked | None:
    """Note what became of goods taken back at another location. Notes of several nodes come in any order."""
    parked = next((one for one in order.parked if one.entry == taken_back and one.goods), None)
    if parked is not None:
        parked.settled = [""]
        known = ("", PASSED_ON, DUPLICATE, VOID)  # a later version may have noted something else
        parked.became = max(parked.became, outcome, key=lambda one: (known.index(one) if one in known else -1, one))
    return parked


def _settle(order: Order, settles: bytes, fulfilment: str, outcome: str) -> None:
    """Note for which fulfilment a parked event was settled (empty: for all), and its outcome there.

    Two nodes may settle one event: its owner, and the hub that parked it and noted a repeat. Either may arrive first.
    """
    parked = next((one for one in order.parked if one.entry == settles), None)
    if parked is None:
        parked = Parked(number=0, clock=0, entry=settles, node="")
        insort(order.parked, parked)
    is_owners = bool(fulfilment)  # the outcome of the owner stands, even if another node reported the event as late
    was_owners = any(parked.settled)
    if (parked.event is None or parked.event.fulfilment) and is_owners >= was_owners:
        is_first = not parked.settled or is_owners > was_owners
        parked.became = outcome if is_first else min(parked.became, outcome, key=lambda one: (one == REPEAT, one))
    if fulfilment not in parked.settled:
        parked.settled.append(fulfilment)


def _report(order: Order, entry: Entry, fulfilment: str, outcome: str) -> None:
    content = entry.content
    report = EventReport(
        clock=content.clock,
        entry=entry.hash,
        fulfilment=fulfilment,
        event=content.reason,
        outcome=outcome,
        wall_ms=wall_of(content),
    )
    insort(order.reports, report)
    del order.reports[REPORTS_PER_ORDER_MAX:]


def _deal_with(fulfilment: Fulfilment, number: int, deduplication_ids: Iterable[bytes]) -> None:
    """Note which events a fulfilment has dealt with, so that they are repeats from now on."""
    fulfilment.number = max(fulfilment.number, number)
    for deduplication_id in deduplication_ids:
        if deduplication_id not in fulfilment.deduplication_ids:
            insort(fulfilment.deduplication_ids, deduplication_id)


def _remember(fulfilment: Fulfilment, entry: Entry, act: str, state: str = "", goods_at: str = "") -> None:
    content = entry.content
    past = Past(
        clock=content.clock,
        entry=entry.hash,
        event=content.reason,
        act=act,
        state=state,
        goods_at=goods_at,
        wall_ms=wall_of(content),
    )
    insort(fulfilment.history, past)


def _trim(history: list[Past]) -> None:
    """Keep the earliest reports only, in whatever order they arrived; the journal has all of them."""
    reports = [past for past in history if past.act == REPORT]
    for past in reports[REPORTS_PER_ORDER_MAX:]:
        history.remove(past)
