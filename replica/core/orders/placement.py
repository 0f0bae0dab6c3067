"""Placing orders: pure decisions about what a node may promise, and where."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

import msgspec
from msgspec import UNSET, Struct

from replica.core.base.errors import Invalid, OrderEnded, OrderExists, RightsExhausted
from replica.core.base.limits import MAY_SEND_MAX, QUANTITY_MAX
from replica.core.base.names import FREE, account
from replica.core.catalog.scans import scanned_sku
from replica.core.catalog.skus import Catalog, Recipe
from replica.core.orders.allocations import Allocation, check_allocations
from replica.core.orders.context import OrderContext, OrderDraft, moves_of
from replica.core.orders.facts import RepeatFacts, ShownFulfilment, StepFacts
from replica.core.orders.machine import EXPIRE, HOLD, RESERVE, Nature
from replica.core.orders.order import Fulfilment, Order, least_advanced
from replica.core.orders.promised import Promised
from replica.core.orders.requests import Placement, request_digest, request_facts
from replica.core.orders.sources import Source
from replica.core.orders.sourcing import SourcingPlan, WantedLine, allocate, fullest
from replica.core.stock.requests import SkuLine


class Planned(Struct, frozen=True):
    """From where an order would take its lines."""

    wanted: Sequence[WantedLine]
    source: Source
    plan: SourcingPlan


def plan_placement(context: OrderContext, placement: Placement, wanted: Sequence[WantedLine] | None = None) -> Planned:
    """Plan from where an order takes its lines. Nothing is held. Raises Refused.

    Args:
        wanted: the lines to plan, if not all.
    """
    lines = wanted_lines(context, placement) if wanted is None else wanted
    source = context.source(placement.channel)
    if context.chooser is not None:
        return Planned(lines, source, context.chooser.choose(source.reading(), lines))
    return Planned(lines, source, allocate(context.ledger, context.locations, source.units, lines))


def wanted_lines(context: OrderContext, placement: Placement) -> list[WantedLine]:
    """The lines of an order with their recipes. Raises Refused."""
    return [_wanted(context, placement, index) for index in range(len(placement.lines))]


def prepare_placement(context: OrderContext, placement: Placement) -> list[OrderDraft]:
    """Hold what was ordered, where the node has rights: all of it, or with `partial` what there is. Raises Refused."""
    digest = request_digest(placement)
    known = context.orders.find(placement.order)
    if known is not None and known.placed:
        return _place_again(context, placement, digest, known)
    planned = plan_placement(context, placement)
    wanted, source, plan = planned.wanted, planned.source, planned.plan
    if plan.short and not (placement.partial and plan.taken):
        raise RightsExhausted([one.fields() for one in plan.short])
    event = RESERVE if placement.paid else HOLD
    to = context.machine.step("", event)
    if not isinstance(to, str):
        raise Invalid(
            f"paid asks for the event {event}, and the table of transitions has no row for it: change the document"
            " order_machine/default",
            field="paid",
        )
    expires_ms = 0 if placement.paid else context.now_ms + placement.ttl_s * 1000
    allocations = {location: source.allocations(location, wanted, taken) for location, taken in plan.taken.items()}
    for held in allocations.values():
        check_allocations(held, "lines")
    shown = tuple(
        ShownFulfilment(
            f"{context.node}.{number}",
            location,
            to,
            tuple((allocation.sku, allocation.quantity) for allocation in taken),
        )
        for number, (location, taken) in enumerate(allocations.items(), 1)
    )
    promised = _promised(context, allocations)
    drafts: list[OrderDraft] = []
    for one, taken in zip(shown, allocations.values(), strict=True):
        is_fixed = any(wanted[index].location for index in plan.taken[one.location])
        facts = StepFacts(
            fulfilment=one.id,
            to=to,
            expires_ms=expires_ms,
            taken=taken,
            is_fixed=is_fixed,
            may_send=context.chooser.may_send[:MAY_SEND_MAX] if context.chooser is not None else (),
            barcodes=barcodes_of(placement.lines, [wanted[index] for index in plan.taken[one.location]]),
            promised=promised.get(one.location),
        )
        if not drafts:  # the first entry answers the caller
            facts = msgspec.structs.replace(
                facts,
                channel=placement.channel,
                customer=placement.customer,
                digest=digest,
                state=to,
                shown=shown,
                arrivals=tuple(
                    (each.id, kept.earliest_ms, kept.latest_ms)
                    for each in shown
                    if (kept := promised.get(each.location)) is not None and kept.latest_ms
                ),
                request=request_facts(placement),
            )
        moves = moves_of(taken, lambda source: (source, context.held))
        drafts.append(OrderDraft(scope=one.location, order=placement.order, event=event, facts=facts, moves=moves))
    return drafts


def _promised(context: OrderContext, allocations: Mapping[str, Sequence[Allocation]]) -> dict[str, Promised]:
    """When the goods of an order to an address leave each location and arrive, if they do."""
    found: dict[str, Promised] = {}
    for location, held in allocations.items() if context.chooser is not None else ():
        units = sum(number * allocation.quantity for allocation in held for _, number in allocation.recipe)
        promise = context.chooser.promise(location, units) if context.chooser is not None else None
        if promise is not None:
            found[location] = promise
    return found


def lacking(context: OrderContext, placement: Placement) -> dict[tuple[str, str], int] | None:
    """Free units this node would need to take an order that it cannot take now, by location and item.

    A line without a location is looked for at the location with most of it, to whichever node these units belong. Empty
    when there is enough. None when no grant can help: a quota is exhausted, or all nodes together have too few.
    """
    planned = plan_placement(context, placement)
    wanted, source, plan = planned.wanted, planned.source, planned.plan
    own = account(context.node, FREE)
    units: dict[tuple[str, str], int] = {}
    for short in plan.short:
        missing = short.wanted
        location = missing.location or fullest(context.ledger, missing, context.chooser, source.pool)
        if location is None:
            return None
        for item, number in missing.recipe:
            pair = (location, item)
            if source.account(*pair) != own:
                return None  # a quota limits its channel, and no single order may raise it
            units.setdefault(pair, _taken(plan, wanted, *pair))
            units[pair] += number * (missing.quantity - short.covered)
    stocks = {pair: context.ledger.stock(*pair) for pair in units}
    if any(number > stocks[pair].available for pair, number in units.items()):
        return None  # too few, whatever the other nodes grant
    return {pair: number for pair, number in units.items() if number > stocks[pair].balance(own)}


def _taken(plan: SourcingPlan, wanted: Sequence[WantedLine], location: str, item: str) -> int:
    """Units of an item that the lines which a plan covers take at a location. A rest too small for a SKU is none."""
    recipes = {line.index: dict(line.recipe) for line in wanted}
    here = plan.taken.get(location, {})
    return sum(quantity * recipes[index].get(item, 0) for index, quantity in here.items())


def _place_again(context: OrderContext, placement: Placement, digest: bytes, known: Order) -> list[OrderDraft]:
    """Answer an order that was placed before under another key: how it stands now, while it holds units.

    A part that has not arrived here yet is shown as it was placed. Raises Refused.
    """
    first = known.placed_as(digest)
    if first is None:
        raise OrderExists(
            f"the order {placement.order!r} exists with other contents: place a new order under another name",
            field="order",
        )
    begun = [_as_of_now(context, one) for one in known.begun_by(first)]
    unknown = [one for one in first.shown if one.id not in known.fulfilments]
    state = least_advanced([*begun, *(Fulfilment(one.id, one.location, "", one.state) for one in unknown)])
    if not unknown and not any(one.nature is Nature.HOLDS for one in begun):
        raise OrderEnded(
            f"the order {placement.order!r} is {state}: it holds nothing any more",
            field="order",
            order=placement.order,
            state=state,
        )
    present = {one.id: one for one in first.shown} | {one.id: one.shown() for one in begun}
    facts = RepeatFacts(
        expires_ms=min([one.expires_ms for one in begun if one.expires_ms], default=0),
        state=state,
        shown=tuple(present.values()),
        request=request_facts(placement),
    )
    return [OrderDraft(scope=begun[0].location, order=placement.order, event=HOLD, facts=facts)]


def _as_of_now(context: OrderContext, fulfilment: Fulfilment) -> Fulfilment:
    """A fulfilment as it stands: a hold whose time is over promises nothing, even if its end is not written yet."""
    is_due = 0 < fulfilment.expires_ms <= context.now_ms and fulfilment.owner == context.node
    to = context.machine.step(fulfilment.state, EXPIRE) if is_due else None
    return msgspec.structs.replace(fulfilment, state=to) if isinstance(to, str) else fulfilment


def _wanted(context: OrderContext, placement: Placement, index: int) -> WantedLine:
    line = placement.lines[index]
    sku, recipe = resolve_line(context.catalog, line, index, "lines")
    location, field = line.location, f"lines[{index}].location"
    if location is UNSET:
        location, field = placement.pickup_at, "pickup_at"
    if location is not UNSET:
        context.known_locations.check_field(location, field)
    return WantedLine(
        index=index,
        sku=sku,
        recipe=recipe,
        quantity=line.quantity,
        location=None if location is UNSET else location,
    )


def barcodes_of(lines: Sequence[SkuLine], wanted: Iterable[WantedLine]) -> tuple[tuple[str, str], ...]:
    """The barcodes in lines, each with the SKU that it means now, for the lines that are wanted."""
    found = [(lines[one.index].barcode, one.sku) for one in wanted]
    return tuple(sorted(dict.fromkeys((barcode, sku) for barcode, sku in found if barcode is not UNSET)))


def resolve_line(catalog: Catalog, line: SkuLine, index: int, field: str, is_fact: bool = False) -> tuple[str, Recipe]:
    """The SKU of a line, by its name or its barcode, and the recipe of it. Raises Refused.

    `is_fact`: the goods moved already, so a deleted SKU has its last recipe and barcodes.
    """
    if (line.sku is UNSET) == (line.barcode is UNSET):
        raise Invalid("a line needs a sku or a barcode, and not both", field=f"{field}[{index}].sku")
    if line.sku is not UNSET:
        sku, named = line.sku, "sku"
    else:
        assert line.barcode is not UNSET
        sku, named = scanned_sku(catalog, line.barcode, f"{field}[{index}].barcode", is_fact), "barcode"
    recipe = catalog.recipe_of(sku, f"{field}[{index}].{named}", is_fact)
    for item, units in recipe:
        if units * line.quantity > QUANTITY_MAX:
            raise Invalid(
                f"quantity is {units * line.quantity} of {item}, and {QUANTITY_MAX} is the most: divide the line",
                field=f"{field}[{index}].quantity",
            )
    return sku, recipe
