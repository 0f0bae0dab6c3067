"""Fast orders: the fast path for nearly all orders of a rush, many at a time.

An order takes the fast path if it is new, unpaid, has one line with a SKU of one item, one location covers it, and its
key was not used before. Its entry is the same, byte for byte, as `prepare_placement` leads to, and the order it begins
is the one its entry folds to; a test compares both. Orders that follow each other and take from one account at one
location are decided and recorded as columns, like fast sales. See docs/decisions/0012.
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
from replica.core.orders.facts import STEP, ShownFulfilment, StepFacts, encode
from replica.core.orders.machine import HOLD
from replica.core.orders.order import Fulfilment, Order, Past, Placed
from replica.core.orders.requests import ORDER, Placement, request_digest, request_facts
from replica.core.orders.sources import Source
from replica.core.orders.sourcing import candidates


class FastOrders(FastRun):
    """A run of fast orders: the columns of the entries, and the orders they begin, by name."""

    __slots__ = ("contents", "orders")

    def __init__(self, stream: Stream, head: Head, clock: int, source: str, target: str) -> None:
        super().__init__(stream, head, clock, source, target)
        self.contents: list[Content] = []
        """The content of each entry: each caller is about to be answered."""
        self.orders: dict[str, Order] = {}

    def __getitem__(self, index: int) -> Entry:
        return Entry(
            stream=self.stream,
            sequence=self.first + index,
            hash=self.hashes[index],
            body=self.bodies[index],
            content=self.contents[index],
        )


def hold_fast(
    context: OrderContext,
    placements: Sequence[Placement],
    keys: Sequence[bytes],
    begin: Callable[[str, str], FastOrders],
) -> FastOrders | None:
    """Hold the first placements, each under its new key, as long as they can take the fast path together.

    Refuses nothing: None where the first one cannot take it. Pure, except that it fills the run: the context does not
    change until somebody applies the units `taken` and the orders begun.

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
        found_at = candidates(context.ledger, context.locations, (item,), ()) if chosen is UNSET else (chosen,)
        stock, source = _first_that_covers(context.source(placement.channel), held, found_at, item, wanted)
        if stock is None or wanted > QUANTITY_MAX:
            break
        if held is None:
            held = begin(stock.location, source)
        elif stock.location != held.stream.scope or source != held.source:
            break
        held.taken[stock] = held.taken.get(stock, 0) + wanted
        allocation = Allocation(entry=b"", sku=line.sku, quantity=line.quantity, recipe=recipe, source=source)
        move = Move(item, source, held.target, wanted)
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
    facts = StepFacts(
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
    content = Content(
        kind=ORDER,
        clock=clock,
        key=key,
        actor="",
        reason=HOLD,
        reference=order,
        moves=(move,),
        lines=(),
        facts=encode(facts),
    )
    body = pack_body(content)
    link = chain(held.hashes[-1] if held.hashes else held.previous, body)
    held.contents.append(content)
    held.bodies.append(body)
    held.hashes.append(link)
    held.orders[order] = Order(
        name=order,
        channel=placement.channel,
        customer=placement.customer,
        placed=[
            Placed(
                clock=clock,
                writer=held.stream.writer,
                entry=link,
                digest=digest,
                shown=shown,
                expires_ms=expires_ms,
            )
        ],
        fulfilments={
            name: Fulfilment(
                id=name,
                location=location,
                owner=context.node,
                state=state,
                expires_ms=expires_ms,
                allocations=[
                    Allocation(
                        entry=link,
                        sku=allocation.sku,
                        quantity=allocation.quantity,
                        recipe=allocation.recipe,
                        source=allocation.source,
                    )
                ],
                history=[Past(clock=clock, entry=link, event=HOLD, act=STEP, state=state)],
                is_fixed=is_fixed,
            )
        },
    )


def _first_that_covers(
    source: Source, held: FastOrders | None, locations: Iterable[str], item: str, wanted: int
) -> tuple[Stock | None, str]:
    """The first location with enough units after what a run takes, if any, and the account of these units."""
    for location in locations:
        stock = source.ledger.stocks(location).get(item)
        if stock is None:
            continue
        taken_from, there = source.standing(stock)
        if held is not None and taken_from == held.source:
            there -= held.taken.get(stock, 0)
        if there >= wanted:
            return stock, taken_from
    return None, ""
