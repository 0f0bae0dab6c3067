"""Mistakes in messages about orders: early, numbered or copied ones, and goods that came back elsewhere."""

from __future__ import annotations

from simulations.mutations.mutation import Mutation, slip

EVENTS = "replica.core.orders.events"
PARKING = "replica.core.orders.parking"
RETURNS = "replica.core.orders.returns"

ORDER_MESSAGES = (
    Mutation(
        name="lines-at-each-place",
        breaks="an early event with lines happens at each fulfilment of its order that has the units",
        invariant=3,
        expected=("OrdersChecker",),
        edits=(
            slip(f"{PARKING}:settle", ("        if parked.settled:\n", "        if False:\n")),
            slip(f"{PARKING}:_happened_elsewhere", ("return any(", "return False and any(")),
        ),
    ),
    Mutation(
        name="impossible-number-not-counted",
        breaks="the number of an event that cannot happen to a fulfilment is not counted there, so later ones wait",
        invariant=9,
        expected=("OrderMessagesChecker",),
        edits=(slip(f"{EVENTS}:_passed_by", ("if not event.number:", "if True:")),),
    ),
    Mutation(
        name="cancellation-not-passed-on",
        breaks="a hub keeps the cancellation of an order that a store owns by the time the hub hears of it",
        invariant=9,
        expected=("OrderMessagesChecker",),
        edits=(slip(f"{PARKING}:pass_on", ("if not is_of_store or not parked.waits_for(one):", "if True:")),),
    ),
    Mutation(
        name="goods-not-divided",
        breaks="returned goods that left in several parts are all counted at the first part, which sold fewer",
        invariant=5,
        expected=("GoodsCountedChecker",),
        edits=(slip(f"{RETURNS}:_next_share", ("if not covering and not any(missing):", "if False:")),),
    ),
    Mutation(
        name="other-items-kept-quiet",
        breaks="nobody is told that goods came back by another recipe than they were sold by",
        invariant=5,
        expected=("GoodsCountedChecker",),
        edits=(slip(f"{RETURNS}:_report_other_items", ("if is_same or", "if True or")),),
    ),
    Mutation(
        name="used-number-kept-quiet",
        breaks="goods that came back under the number of an earlier event are taken for a repeat",
        invariant=5,
        expected=("GoodsCountedChecker",),
        edits=(slip(f"{PARKING}:settle", ("bool(parked.passes_on and event.number)", "False")),),
    ),
)
