"""Plain orders, many at a time: the short road of what nearly all orders of a rush are.

A plain order is new, unpaid and of one line, named by its SKU, of one item, which one location covers whole, under a
key not used before. What is recorded of it is what `prepare_placement` would lead to, to the byte, and the order it
begins is the one its entry folds to; a test holds it to both. Orders that take from one account at one location and
follow each other are decided and recorded as columns, as plain sales are. See docs/decisions/0012.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence

from msgspec import UNSET

from replica.core.base.limits import KEY_LENGTH_MAX, QUANTITY_MAX
from replica.core.ledger.cells import Move, Stock
from replica.core.log.entry import Content, Entry, Head, Stream, chain, pack_body
from replica.core.log.entry_run import FastRun
from replica.core.orders.allocations import Allocation
from replica.core.orders.context import OrderContext
from replica.core.orders.machine import HOLD
from replica.core.orders.order import Fulfilment, Order, OrderFacts, Past, Placed, ShownFulfilment, packable
from replica.core.orders.requests import ORDER, Placement, request_digest, request_facts
from replica.core.orders.sources import Source
from replica.core.orders.sourcing import candidates


class FastOrders(FastRun):
    """A run of plain orders: the columns of the entries, and the orders they begin, by name."""

    __slots__ = ("contents", "orders")

    def __init__(self, stream: Stream, head: Head, clock: int, source: str, target: str) -> None:
        super().__init__(stream, head, clock, source, target)
        self.contents: list[Content] = []
        """What each entry says: each caller is about to be told."""
        self.orders: dict[str, Order] = {}

    def __getitem__(self, place: int) -> Entry:
        return Entry(self.stream, self.first + place, self.hashes[place], self.bodies[place], self.contents[place])


def hold_fast(
    context: OrderContext,
    placements: Sequence[Placement],
    keys: Sequence[bytes],
    begin: Callable[[str, str], FastOrders],
) -> FastOrders | None:
    """Hold, each under its new key, from the first placement on for as long as they are plain and alike.

    Nothing is refused here; None where the first one is not plain. Pure but for the run, which is filled: the desk is
    unchanged until what was `taken` and begun is applied.

    Args:
        begin: makes an empty run at a location, from an account.
    """
    state, orders, known_recipe = context.machine.step("", HOLD), context.orders, context.catalog.known_recipe
    held: FastOrders | None = None
    for key, placement in zip(keys, placements, strict=True):
        if len(placement.lines) != 1 or placement.paid or not 0 < len(key) <= KEY_LENGTH_MAX:
            break
        (line,) = placement.lines
        if line.sku is UNSET or line.barcode is not UNSET or not isinstance(state, str):
            break
        recipe, order = known_recipe(line.sku), placement.order
        if recipe is None or len(recipe) != 1 or order in orders or (held is not None and order in held.orders):
            break
        ((item, units),) = recipe
        chosen, wanted = placement.pickup_at if line.location is UNSET else line.location, units * line.quantity
        places = candidates(context.ledger, context.locations, (item,), ()) if chosen is UNSET else (chosen,)
        stock, source = _first_that_covers(context.source(placement.channel), held, places, item, wanted)
        if stock is None or wanted > QUANTITY_MAX:
            break
        if held is None:
            held = begin(stock.location, source)
        elif stock.location != held.stream.scope or source != held.source:
            break
        held.taken[stock] = held.taken.get(stock, 0) + wanted
        allocation, move = (
            Allocation(b"", line.sku, line.quantity, recipe, source),
            Move(item, source, held.target, wanted),
        )
        _write(held, context, key, placement, state, allocation, move, chosen is not UNSET)
    if held is not None:
        held.keys = list(keys[: len(held)])
        held.units = sum(held.taken.values())
    return held


def _write(
    held: FastOrders,
    context: OrderContext,
    key: bytes,
    placement: Placement,
    state: str,
    allocation: Allocation,
    move: Move,
    is_fixed: bool,
) -> None:
    """Write the entry of an order, and the order as it leaves it."""
    order, location, clock, name = placement.order, held.stream.scope, held.clock + len(held), f"{context.node}.1"
    expires_ms, digest = context.now_ms + placement.ttl_s * 1000, request_digest(placement)
    shown = (ShownFulfilment(name, location, state, ((allocation.sku, allocation.quantity),)),)
    facts = OrderFacts(
        act="step",
        fulfilment=name,
        to=state,
        expires_ms=expires_ms,
        channel=placement.channel,
        customer=placement.customer,
        digest=digest,
        is_fixed=is_fixed,
        taken=(allocation,),
        state=state,
        shown=shown,
        request=request_facts(placement),
    )
    content = Content(ORDER, clock, key, "", HOLD, order, (move,), (), packable(facts))
    body = pack_body(content)
    link = chain(held.hashes[-1] if held.hashes else held.previous, body)
    held.contents.append(content)
    held.bodies.append(body)
    held.hashes.append(link)
    placed = Placed(clock, held.stream.writer, link, digest, shown, expires_ms)
    taken = Allocation(link, allocation.sku, allocation.quantity, allocation.recipe, allocation.source)
    past = Past(clock, link, HOLD, "step", state)
    begun = Fulfilment(name, location, context.node, state, expires_ms, 0, [taken], [], [past], False, is_fixed)
    held.orders[order] = Order(order, placement.channel, placement.customer, [placed], {name: begun})


def _first_that_covers(
    source: Source, held: FastOrders | None, places: Iterable[str], item: str, wanted: int
) -> tuple[Stock | None, str]:
    """The first place where there are so many units after what a run takes, if any, and the account they are in."""
    for location in places:
        stock = source.ledger.stocks(location).get(item)
        if stock is None:
            continue
        taken_from, there = source.standing(stock)
        if held is not None and taken_from == held.source:
            there -= held.taken.get(stock, 0)
        if there >= wanted:
            return stock, taken_from
    return None, ""
