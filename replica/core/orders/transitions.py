"""Transitions: how an event leads one fulfilment to another state, and which units it moves.

One entry for each fulfilment and transition, so a state and its units change together. A release names what it
reverses: the entry that took the units, and how many of which SKU. It gives back the items that this entry took, by
the recipe the SKU had then, to where they came from.
Source: order rules of classic deduction, docs/orders.md.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence

import msgspec
from msgspec import UNSET

from replica.core.base.errors import Invalid, Refused
from replica.core.base.limits import EVENTS_PER_FULFILMENT_MAX, RETURNS_PER_FULFILMENT_MAX, SPLIT_LINES_MAX
from replica.core.base.names import CUSTOMER, QUARANTINE, account
from replica.core.catalog.scans import scanned_sku
from replica.core.ledger.cells import Move
from replica.core.orders.allocations import (
    Allocation,
    Reversal,
    all_of,
    check_allocations,
    cut,
    named_reversals,
    without,
)
from replica.core.orders.context import OrderContext, OrderDraft, moves_of
from replica.core.orders.exchanges import take_instead
from replica.core.orders.facts import REPEAT, STEP, SplitFacts, StepFacts
from replica.core.orders.machine import (
    ADJUST,
    CANCEL,
    COLLECT,
    DECLINE,
    EXCHANGE,
    EXPIRE,
    PARTIAL,
    RETURN,
    SHIP,
    SPLITTING,
    Reachability,
)
from replica.core.orders.order import Fulfilment, Order
from replica.core.orders.requests import OrderEvent
from replica.core.stock.requests import SkuLine


def judge(
    context: OrderContext,
    fulfilment: Fulfilment,
    family: Sequence[Fulfilment],
    event: OrderEvent,
    deduplication_id: bytes,
) -> str | Reachability:
    """The state an event leads to, REPEAT, or why it leads nowhere.

    A fulfilment and its parts have one history for events that name units, and for numbers of events that name no
    fulfilment: such an event that happened to one of them is a repeat at the others.
    """
    names_units = event.lines is not UNSET
    if event.number:
        known = fulfilment.number if event.fulfilment else max(one.number for one in family)
        if event.number <= (known if names_units else fulfilment.number):
            return REPEAT
        if event.number > known + 1:
            return Reachability.EARLY
    else:
        of = family if names_units else [fulfilment]
        if any(deduplication_id in one.deduplication_ids for one in of):
            return REPEAT
        if event.event not in PARTIAL and not names_units and fulfilment.happened(event.event):
            return REPEAT
        if event.event == RETURN and not names_units and fulfilment.happened(RETURN) and not fulfilment.sold:
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
    """Let an event happen to a fulfilment, or to a part of it. Raises Refused.

    Args:
        settles: the entry of the event, if it had been parked or asked.
        goods_at: where the goods of a return are, if another location took them.
    """
    reversals: tuple[Reversal, ...] = ()
    is_whole = event.event not in PARTIAL
    if event.event in SPLITTING and event.lines is not UNSET:
        reversals = named_reversals(fulfilment.allocations, event.lines, "lines", named_skus(context, fulfilment))
        is_whole = _quantity(reversals) == _quantity(fulfilment.allocations)
    if not is_whole:
        _check_room(fulfilment, event.event)
    if not is_whole and event.event in SPLITTING:
        return _split(context, order, fulfilment, event, to, reversals, ids_of(deduplication_id), settles)
    facts = StepFacts(
        fulfilment=fulfilment.id,
        to=to,
        number=event.number,
        settles=settles,
        goods_at=goods_at,
        deduplication_ids=ids_of(deduplication_id),
    )
    if event.event in (ADJUST, EXCHANGE):
        return _change(context, order, fulfilment, event, facts)
    if event.event == RETURN:
        returned = named_reversals(fulfilment.sold, event.lines, "lines", named_skus(context, fulfilment))
        facts = msgspec.structs.replace(facts, returned=returned)
    return step(context, order, fulfilment, event.event, facts)


def _check_room(fulfilment: Fulfilment, event: str) -> None:
    """Refuse an event past the most that are kept of one fulfilment. Raises Invalid."""
    is_return = event == RETURN
    most = RETURNS_PER_FULFILMENT_MAX if is_return else EVENTS_PER_FULFILMENT_MAX
    if len(fulfilment.history) >= most:
        instead = "report a return without an order" if is_return else "place a new order"
        raise Invalid(f"{event} is one event too many: {fulfilment.id} has had {most}; {instead}", field="event")


def _change(
    context: OrderContext, order: Order, fulfilment: Fulfilment, event: OrderEvent, facts: StepFacts
) -> OrderDraft:
    """Take units out of a fulfilment, and in an exchange others in."""
    reversals = named_reversals(fulfilment.allocations, event.lines, "lines", named_skus(context, fulfilment))
    instead = take_instead(context, order, fulfilment, event, cut(fulfilment.allocations, reversals))
    check_allocations([*without(fulfilment.allocations, reversals), *instead.taken], "replacement")
    if not instead.taken and _quantity(reversals) == _quantity(fulfilment.allocations):
        raise Invalid(f"lines name everything that {fulfilment.id} holds: cancel it instead", field="lines")
    facts = msgspec.structs.replace(facts, reversed=reversals, taken=instead.taken, barcodes=instead.barcodes)
    return step(context, order, fulfilment, event.event, facts, instead.staying)


def step(
    context: OrderContext,
    order: Order,
    fulfilment: Fulfilment,
    event: str,
    facts: StepFacts,
    staying: Mapping[tuple[str, str], int] | None = None,
) -> OrderDraft:
    """One transition and the units it moves. What ends a hold reverses all units; else `facts` says which.

    What was declined keeps the time at which its hold expires, for the fulfilment that replaces it.

    Args:
        staying: units, by item and account, that an exchange gives back and takes: they stay held.
    """
    if event in (CANCEL, EXPIRE, DECLINE):
        facts = msgspec.structs.replace(facts, reversed=all_of(fulfilment.allocations))
    facts = msgspec.structs.replace(
        facts, expires_ms=fulfilment.expires_ms if facts.to == "held" or event == DECLINE else 0
    )
    moves: tuple[Move, ...] = ()
    if event in (SHIP, COLLECT):
        moves = _leaving(context, fulfilment.allocations)
    elif event == RETURN and not facts.goods_at:
        quarantine = account(context.node, QUARANTINE)
        moves = moves_of(cut(fulfilment.sold, facts.returned), lambda source: (CUSTOMER, quarantine))
    elif event != RETURN:
        moves = _going_back(context, cut(fulfilment.allocations, facts.reversed), staying)
        moves += moves_of(facts.taken, lambda source: (source, context.held), staying)
    return OrderDraft(scope=fulfilment.location, order=order.name, event=event, facts=facts, moves=moves)


def _split(
    context: OrderContext,
    order: Order,
    fulfilment: Fulfilment,
    event: OrderEvent,
    to: str,
    units: tuple[Reversal, ...],
    deduplication_ids: tuple[bytes, ...],
    settles: bytes,
) -> OrderDraft:
    """Ship, collect, decline or cancel some units. They become a fulfilment of their own; the rest goes on."""
    moved = cut(fulfilment.allocations, units)
    if sum(len(one.lines) for one in order.fulfilments.values()) + len(moved) > SPLIT_LINES_MAX:
        raise Invalid(
            f"the parts of {order.name} would have over {SPLIT_LINES_MAX} lines: {event.event} the rest as a whole",
            field="lines",
        )
    facts = SplitFacts(
        fulfilment=fulfilment.id,
        part=order.next_part(fulfilment.id),
        to=to,
        units=units,
        number=event.number,
        settles=settles,
        deduplication_ids=deduplication_ids,
    )
    moves = _going_back(context, moved) if event.event in (CANCEL, DECLINE) else _leaving(context, moved)
    return OrderDraft(scope=fulfilment.location, order=order.name, event=event.event, facts=facts, moves=moves)


def _leaving(context: OrderContext, allocations: Iterable[Allocation]) -> tuple[Move, ...]:
    """Held units that go to the customer."""
    return moves_of(allocations, lambda source: (context.held, CUSTOMER))


def _going_back(
    context: OrderContext, allocations: Iterable[Allocation], staying: Mapping[tuple[str, str], int] | None = None
) -> tuple[Move, ...]:
    """Held units that go back to the accounts that they came from."""
    return moves_of(allocations, lambda source: (context.held, source), staying)


def named_skus(context: OrderContext, fulfilment: Fulfilment) -> Callable[[SkuLine, str], Collection[str]]:
    """How to read a line about a fulfilment: it names a SKU, or the barcode under which the SKU was ordered.

    A barcode under which nothing was ordered means what the catalog says now.
    """

    def named(line: SkuLine, field: str) -> Collection[str]:
        if (line.sku is UNSET) == (line.barcode is UNSET):
            raise Invalid("a line needs a sku or a barcode, and not both", field=f"{field}.sku")
        if line.sku is not UNSET:
            return (line.sku,)
        assert line.barcode is not UNSET
        ordered = tuple(sku for barcode, sku in fulfilment.barcodes if barcode == line.barcode)
        return ordered or (scanned_sku(context.catalog, line.barcode, f"{field}.barcode", is_fact=True),)

    return named


def has_units(context: OrderContext, event: OrderEvent, fulfilment: Fulfilment) -> bool:
    """Whether a fulfilment has all units that the lines of an event name."""
    there = fulfilment.sold if event.event == RETURN else fulfilment.allocations
    try:
        named_reversals(there, event.lines, "lines", named_skus(context, fulfilment))
    except Refused:
        return False
    return True


def spread(
    context: OrderContext, lines: Sequence[SkuLine], fulfilments: Iterable[Fulfilment]
) -> tuple[list[tuple[Fulfilment, tuple[SkuLine, ...]]], list[int]]:
    """Divide returned units over fulfilments that were handed out, the first ones first.

    Return the share of each that has some of them, and for each line how many units none of them has.
    """
    missing = [line.quantity for line in lines]
    shares = []
    for one in fulfilments:
        there: dict[str, int] = {}
        for allocation in one.sold:
            there[allocation.sku] = there.get(allocation.sku, 0) + allocation.quantity
        named, share = named_skus(context, one), []
        for index, line in enumerate(lines):
            for sku in named(line, f"lines[{index}]"):
                units = min(missing[index], there.get(sku, 0))
                if units:
                    missing[index] -= units
                    there[sku] -= units
                    share.append(SkuLine(units, sku))
        if share:
            shares.append((one, tuple(share)))
    return shares, missing


def _quantity(named: Iterable[Allocation | Reversal]) -> int:
    return sum(one.quantity for one in named)


def ids_of(deduplication_id: bytes) -> tuple[bytes, ...]:
    """The deduplication ids of one event: none or one."""
    return (deduplication_id,) if deduplication_id else ()
