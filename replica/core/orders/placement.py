"""Placing orders: pure decisions over what a node may promise, and where."""

from __future__ import annotations

from typing import Any

from msgspec import UNSET

from replica.core.base.errors import Invalid, OrderExists, RightsExhausted
from replica.core.base.limits import QUANTITY_MAX
from replica.core.base.names import FREE, account
from replica.core.catalog.skus import Catalog, Recipe
from replica.core.orders.allocations import check_parts
from replica.core.orders.context import Desk, Drafts, moves_of, order_draft
from replica.core.orders.machine import HOLD, RESERVE
from replica.core.orders.order import Order, OrderFacts, Shown
from replica.core.orders.requests import Placement, request_digest, request_facts
from replica.core.orders.sourcing import Wanted, allocate, fullest
from replica.core.stock.requests import SkuLine

REPEAT = "repeat"
"""An order or an event that had happened before."""


def prepare_placement(desk: Desk, placement: Placement) -> Drafts:
    """Hold what was ordered, wherever the node has rights: all of it, or with `partial` what there is."""
    digest = request_digest(placement)
    known = desk.orders.find(placement.order)
    if known is not None and known.placed:
        return _place_again(desk, placement, digest, known)
    wanted = [_wanted(desk, placement, index) for index in range(len(placement.lines))]
    source = desk.source(placement.channel)
    plan = allocate(desk.ledger, desk.locations, source.units, wanted)
    if plan.short and not (placement.partial and plan.taken):
        raise RightsExhausted([one.fields() for one in plan.short])
    event = RESERVE if placement.paid else HOLD
    to = desk.machine.step("", event)
    if not isinstance(to, str):
        raise Invalid(f"the table of transitions has no {event}", field="paid")
    expires_ms = 0 if placement.paid else desk.now_ms + placement.ttl_s * 1000
    shares = {location: source.shares(location, wanted, taken) for location, taken in plan.taken.items()}
    for held in shares.values():
        check_parts(held, "lines")
    shown = tuple(
        Shown(f"{desk.node}.{number}", location, to, tuple((share.sku, share.quantity) for share in taken))
        for number, (location, taken) in enumerate(shares.items(), 1)
    )
    answer: dict[str, Any] = {
        "channel": placement.channel,
        "customer": placement.customer,
        "digest": digest,
        "state": to,
        "shown": shown,
        "request": request_facts(placement),
    }
    drafts: Drafts = []
    for one, taken in zip(shown, shares.values(), strict=True):
        is_fixed = any(wanted[index].location for index in plan.taken[one.location])
        facts = OrderFacts(
            act="step",
            fulfilment=one.id,
            to=to,
            expires_ms=expires_ms,
            taken=taken,
            is_fixed=is_fixed,
            **answer,
        )
        moves = moves_of(taken, lambda source: (source, desk.held))
        drafts.append((one.location, order_draft(placement.order, event, facts, moves)))
        answer = {}
    return drafts


def lacking(desk: Desk, placement: Placement) -> dict[tuple[str, str], int]:
    """Free units this node would have to hold to take an order it cannot take now, by location and item.

    A line that names no location is looked for where most of it is believed to be, whoever's it is. Empty when there
    is enough, when a quota is what falls short, or when all there is anywhere would not do.
    """
    wanted = [_wanted(desk, placement, index) for index in range(len(placement.lines))]
    source = desk.source(placement.channel)
    plan = allocate(desk.ledger, desk.locations, source.units, wanted)
    units: dict[tuple[str, str], int] = {}
    for short in plan.short:
        missing = short.wanted
        location = missing.location or fullest(desk.ledger, missing)
        if location is None:
            return {}
        for item, number in missing.recipe:
            pair, free = (location, item), account(desk.node, FREE)
            if source.account(*pair) != free:
                return {}  # a quota is what its channel has: it is not for one order to make it larger
            units.setdefault(pair, max(0, desk.ledger.stock(*pair).balance(free)))
            units[pair] += number * (missing.quantity - short.covered)
    if any(number > desk.ledger.stock(*pair).available for pair, number in units.items()):
        return {}  # whatever others hand over, it would not do
    return units


def _place_again(desk: Desk, placement: Placement, digest: bytes, known: Order) -> Drafts:
    first = known.placed_as(digest)
    if first is None:
        raise OrderExists(f"the order {placement.order!r} was placed before, otherwise", field="order")
    facts = OrderFacts(
        act=REPEAT,
        expires_ms=first.expires_ms,
        state=first.shown[0].state,
        shown=first.shown,
        request=request_facts(placement),
    )
    place = next((one.location for one in known.fulfilments.values()), desk.home)
    return [(place, order_draft(placement.order, HOLD, facts))]


def _wanted(desk: Desk, placement: Placement, index: int) -> Wanted:
    line = placement.lines[index]
    sku, recipe = resolve_line(desk.catalog, line, index, "lines")
    location = line.location if line.location is not UNSET else placement.pickup_at
    return Wanted(index, sku, recipe, line.quantity, None if location is UNSET else location)


def resolve_line(catalog: Catalog, line: SkuLine, index: int, field: str) -> tuple[str, Recipe]:
    if (line.sku is UNSET) == (line.barcode is UNSET):
        raise Invalid("name the goods once: by sku or by barcode", field=f"{field}[{index}].sku")
    if line.sku is not UNSET:
        sku, named = line.sku, "sku"
    else:
        assert line.barcode is not UNSET
        sku, named = catalog.scan(line.barcode, f"{field}[{index}].barcode"), "barcode"
    recipe = catalog.recipe_of(sku, f"{field}[{index}].{named}")
    for item, units in recipe:
        if units * line.quantity > QUANTITY_MAX:
            raise Invalid(f"more than {QUANTITY_MAX} of {item} at once", field=f"{field}[{index}].quantity")
    return sku, recipe
