"""Returns at another location than the one that the goods left.

A customer brings goods back to any store. The goods are in hand, so the store takes them: they go to its quarantine,
whether or not it knows the order (`take_back`). The owner of the fulfilment counts them once:

    1. A hub that knows the fulfilment asks its owner to count the goods, and notes in the scope of the goods that they
       were passed on. Several hubs may ask, and the owner answers the first one. Goods of several parts are divided:
       each part counts its share.
    2. The owner writes the step `return` without moves, which names the location of the goods. If it sold fewer, it
       reports the return: the goods stand where they are, and a person has to look.
    3. If the same event was taken at two places under one key, the owner counts whichever it hears of first. The hub
       that passed the other one on tells the store, and the store voids its entry: the goods were there once.

Goods of an order that no hub knows wait in view. They have no deadline, because they were taken.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import msgspec
from msgspec import UNSET, UnsetType

from replica.core.base.errors import Invalid, Overloaded
from replica.core.base.limits import PARKED_PER_ORDER_MAX
from replica.core.base.names import CUSTOMER, QUARANTINE, account, node_of, void_key
from replica.core.orders.allocations import Allocation, check_allocations, cut, named_reversals
from replica.core.orders.context import OrderContext, OrderDraft, moves_of
from replica.core.orders.facts import (
    DUPLICATE,
    OTHER_ITEMS,
    PASSED_ON,
    REPEAT,
    AskFacts,
    EventRequest,
    ReportFacts,
    TakeBackFacts,
    VoidFacts,
)
from replica.core.orders.machine import RETURN, Nature
from replica.core.orders.order import Fulfilment, Order, Parked
from replica.core.orders.placement import resolve_line
from replica.core.orders.requests import OrderEvent, part_deduplication_id
from replica.core.orders.transitions import ids_of, named_skus, spread
from replica.core.stock.requests import SkuLine


def take_back(context: OrderContext, order: Order | None, event: OrderEvent, deduplication_id: bytes) -> OrderDraft:
    """Take goods into quarantine at this node's location, whose fulfilment another node owns. Raises Refused."""
    taken = [one for one in order.parked if one.goods] if order is not None else []
    if len(taken) >= PARKED_PER_ORDER_MAX:
        raise Overloaded(
            f"goods of the order {event.order!r} came back here {len(taken)} times: take them back as a return"
            " without an order",
            field="order",
        )
    goods = _goods(context, order, event)
    check_allocations(goods, "lines")
    quarantine = account(context.node, QUARANTINE)
    facts = TakeBackFacts(
        goods=goods,
        request=EventRequest(event),
        deduplication_ids=ids_of(deduplication_id),
    )
    moves = moves_of(goods, lambda source: (CUSTOMER, quarantine))
    return OrderDraft(scope=context.order_policy.counter, order=event.order, event=RETURN, facts=facts, moves=moves)


def _goods(context: OrderContext, order: Order | None, event: OrderEvent) -> tuple[Allocation, ...]:
    """What came back: what left, if this node knows it, else the lines by the recipes of now."""
    concerned = order.concerned(event.fulfilment) if order is not None else []
    if len(concerned) == 1 and concerned[0].sold and event.fulfilment:
        return _cut(context, concerned[0], event.lines)
    if event.lines is UNSET:
        handed_out = [one for one in concerned if one.sold]
        if handed_out and order is not None and order.sees_all():
            return tuple(unit for one in handed_out for unit in one.sold)
        raise Invalid(
            "lines is missing, and this node does not know what left: name the units that came back", field="lines"
        )
    shares, missing = spread(context, event.lines, concerned)
    if shares and not any(missing):
        return tuple(unit for one, share in shares for unit in _cut(context, one, share))
    goods = []
    for index, line in enumerate(event.lines):
        sku, recipe = resolve_line(context.catalog, line, index, "lines", is_fact=True)
        goods.append(Allocation(entry=b"", sku=sku, quantity=line.quantity, recipe=recipe, source=CUSTOMER))
    return tuple(goods)


def _cut(
    context: OrderContext, fulfilment: Fulfilment, lines: tuple[SkuLine, ...] | UnsetType
) -> tuple[Allocation, ...]:
    """Units of a fulfilment that came back. Raises Refused where a line names more than left."""
    sold = fulfilment.sold
    return tuple(cut(sold, named_reversals(sold, lines, "lines", named_skus(context, fulfilment))))


def next_of_returns(context: OrderContext, order: Order) -> OrderDraft | None:
    """The next entry that tells of goods taken back elsewhere, if this node has to write one."""
    for taken in order.parked:
        if not taken.goods:
            continue
        if taken.node == context.node and taken.became == DUPLICATE:
            return _void(context, order, taken)
        asks = [one for one in order.parked if one.passes_on == taken.entry]
        own = [one for one in asks if one.node == context.node]
        if own or not (asks or taken.became):
            share = _next_share(context, order, taken, own)
            if share is not None:
                counting = order.fulfilments[share[0].id]  # with the units that other returns may count, too
                return _report_other_items(order, taken, counting) or _ask(order, taken, *share)
        if own:
            if not taken.became:
                return _note(order, taken, PASSED_ON)
            settled = [one.became for one in asks if one.settled]
            is_keyed = taken.event is not None and not taken.event.number  # a number may have been another event's
            is_settled = taken.became == PASSED_ON and all(one.settled for one in own)
            if is_keyed and is_settled and all(became == REPEAT for became in settled):
                return _note(order, taken, DUPLICATE)
    return None


def is_counted(order: Order, parked: Parked) -> bool:
    """Whether the owner dealt with the same goods before: told as a whole, or passed on by another hub.

    A return that names no units is of all that left: each fulfilment counts its own.
    """
    if parked.event is None or parked.event.lines is UNSET:
        return False
    for one in order.concerned(parked.event.fulfilment):
        if any(part_deduplication_id(each, one.id) == parked.deduplication_id for each in one.deduplication_ids):
            return True
    same = [one for one in order.parked if one.passes_on and one.passes_on == parked.passes_on and one is not parked]
    counted = [one for one in same if one.settled and one.became != REPEAT]
    named = parked.event.fulfilment  # another share of the goods is no repeat, but the one of another hub may be
    return any(one.node != parked.node or (one.event and one.event.fulfilment == named) for one in counted)


_Share = tuple[Fulfilment, dict[str, int], bytes]
"""A fulfilment, the units that it is to count, and the deduplication id of this share."""


def _next_share(context: OrderContext, order: Order, taken: Parked, own: Sequence[Parked]) -> _Share | None:
    """The next share of goods that an owner is to count, after those that this node asked for.

    None where all are asked for, or while this node cannot know who is to count them. Goods that no fulfilment has all
    of are divided over several.
    """
    assert taken.event is not None
    asked = dict.fromkeys(one.event.fulfilment for one in own if one.event is not None)
    left = _quantities(taken.goods)
    for each in own:
        for sku, quantity in _units_of(each).items():
            left[sku] = left.get(sku, 0) - quantity
    left = {sku: quantity for sku, quantity in left.items() if quantity > 0}
    if not left:
        return None
    if taken.event.fulfilment:
        named = next(iter(order.concerned(taken.event.fulfilment)), None)
        return (named, left, taken.deduplication_id) if named is not None else None
    for one in order.parked:  # the same event, taken at another place
        found = order.fulfilments.get(one.event.fulfilment) if one.passes_on and one.event is not None else None
        if found is not None and found.id not in asked and taken.deduplication_id and one.passes_on != taken.entry:
            ids = (taken.deduplication_id, part_deduplication_id(taken.deduplication_id, found.id))
            if one.deduplication_id in ids:
                return found, _units_of(one), one.deduplication_id
    candidates = [_after_asked(order, one, taken) for one in _candidates(context, order)]
    fresh = [one for one in candidates if one.id not in asked] or candidates
    if not fresh:
        return None
    covering = [one for one in fresh if _covers(one, left)]
    counting = [*covering, *fresh][0]
    shares, missing = spread(context, _lines(left), fresh)
    if not covering and not any(missing):
        counting, share = shares[0]
        left = {line.sku: line.quantity for line in share if line.sku is not UNSET}
    its_id = taken.deduplication_id
    if left != _quantities(taken.goods):
        its_id = part_deduplication_id(its_id, counting.id)
    return counting, left, its_id


def _candidates(context: OrderContext, order: Order) -> list[Fulfilment]:
    """The fulfilments that may count goods which name none; none while this node cannot know them.

    Only one node may choose among several locations: the one that placed the order. Else two hubs with different news
    could choose two fulfilments, and both would count.
    """
    locations = dict.fromkeys([shown.location for placed in order.placed for shown in placed.shown])
    locations.update(dict.fromkeys([one.location for one in order.fulfilments.values()]))
    is_ours = bool(order.placed) and (len(locations) == 1 or node_of(order.placed[0].writer) == context.node)
    if context.order_policy.counter or not is_ours:
        return []
    lost, replaced = order.lost(), [one.instead_of for one in order.fulfilments.values()]
    parts = [one for name, one in sorted(order.fulfilments.items()) if name not in lost and name not in replaced]
    if len(parts) == 1 or all(one.nature is Nature.ENDED for one in parts):
        return parts[:1]
    return [one for one in parts if one.nature is Nature.HANDED_OUT]


def _after_asked(order: Order, fulfilment: Fulfilment, taken: Parked) -> Fulfilment:
    """A fulfilment without the units that its owner was asked to count for other returns, and has not counted yet."""
    asked: dict[bytes, dict[str, int]] = {}  # several hubs may ask for one return
    for one in order.parked:
        is_open = one.passes_on and not one.settled and one.passes_on != taken.entry
        if is_open and one.event is not None and one.event.fulfilment == fulfilment.id:
            asked[one.passes_on] = _units_of(one)
    if not asked:
        return fulfilment
    sold = []
    for allocation in fulfilment.sold:
        quantity = allocation.quantity
        for units in asked.values():
            counted = min(quantity, units.get(allocation.sku, 0))
            units[allocation.sku] = units.get(allocation.sku, 0) - counted
            quantity -= counted
        if quantity:
            sold.append(msgspec.structs.replace(allocation, quantity=quantity))
    return msgspec.structs.replace(fulfilment, sold=sold)


def _covers(fulfilment: Fulfilment, units: Mapping[str, int]) -> bool:
    """Whether the customer still has all these units of a fulfilment."""
    sold = dict(fulfilment.lines)
    return all(quantity <= sold.get(sku, 0) for sku, quantity in units.items())


def _units_of(ask: Parked) -> dict[str, int]:
    """Units that an owner was asked to count."""
    if ask.event is None or ask.event.lines is UNSET:
        return {}
    return {line.sku: line.quantity for line in ask.event.lines if line.sku is not UNSET}


def _lines(units: Mapping[str, int]) -> tuple[SkuLine, ...]:
    return tuple(SkuLine(quantity, sku) for sku, quantity in units.items())


def _quantities(goods: tuple[Allocation, ...]) -> dict[str, int]:
    units: dict[str, int] = {}
    for one in goods:
        units[one.sku] = units.get(one.sku, 0) + one.quantity
    return units


def _report_other_items(order: Order, taken: Parked, counting: Fulfilment) -> OrderDraft | None:
    """Report that goods were taken by a recipe of now, and that their fulfilment was sold by another one.

    A hub reports it once. Hubs that have not heard of each other may each do so.
    """
    sold: dict[str, list[dict[str, int]]] = {}
    for one in [*counting.sold, *counting.allocations]:
        sold.setdefault(one.sku, []).append(dict(one.whole_recipe))
    reported = part_deduplication_id(taken.entry, OTHER_ITEMS)
    is_same = all(one.sku not in sold or dict(one.whole_recipe) in sold[one.sku] for one in taken.goods)
    if is_same or reported in counting.deduplication_ids:
        return None
    facts = ReportFacts(fulfilment=counting.id, outcome=OTHER_ITEMS, deduplication_ids=(reported,))
    return OrderDraft(scope=counting.location, order=order.name, event=RETURN, facts=facts)


def _ask(
    order: Order, taken: Parked, counting: Fulfilment, units: Mapping[str, int], deduplication_id: bytes
) -> OrderDraft:
    assert taken.event is not None
    event = msgspec.structs.replace(taken.event, fulfilment=counting.id, lines=_lines(units))
    facts = AskFacts(
        passes_on=taken.entry,
        goods_at=taken.scope,
        request=EventRequest(event),
        deduplication_ids=ids_of(deduplication_id),
    )
    return OrderDraft(scope=counting.location, order=order.name, event=RETURN, facts=facts)


def _note(order: Order, taken: Parked, outcome: str) -> OrderDraft:
    facts = ReportFacts(outcome=outcome, settles=taken.entry)
    return OrderDraft(scope=taken.scope, order=order.name, event=RETURN, facts=facts)


def _void(context: OrderContext, order: Order, taken: Parked) -> OrderDraft:
    """Take goods out of quarantine again: they are the same as others, which the owner counts."""
    quarantine = account(context.node, QUARANTINE)
    return OrderDraft(
        scope=taken.scope,
        order=order.name,
        event=RETURN,
        facts=VoidFacts(fulfilment="", outcome=DUPLICATE, voids=taken.entry),
        moves=moves_of(taken.goods, lambda source: (quarantine, CUSTOMER)),
        key=void_key(taken.entry),
    )
