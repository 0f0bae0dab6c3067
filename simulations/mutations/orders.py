"""Mistakes in events of orders, and in the rights that move for orders."""

from __future__ import annotations

from simulations.mutations.mutation import Mutation, slip

EVENTS = "replica.core.orders.events"
TRANSITIONS = "replica.core.orders.transitions"
PARKING = "replica.core.orders.parking"
PLACEMENT = "replica.core.orders.placement"
ORDERS = "replica.core.orders.fold"
DUE = "replica.core.orders.due"
EFFECTS = "replica.core.orders.effects"
SOURCING = "replica.core.orders.sourcing"
REPLICA = "replica.core.state.replica"

ORDER_SLIPS = (
    Mutation(
        "expired-by-anybody",
        "any node that knows a hold expires it, not only its owner",
        9,
        ("DecisionsChecker",),
        (
            slip(
                f"{EVENTS}:_next_due",
                (
                    "    for fulfilment in own:\n        if fulfilment.expires_ms and",
                    "    for fulfilment in order.fulfilments.values():\n        if fulfilment.expires_ms and",
                ),
            ),
            slip(f"{ORDERS}:Orders._watch", (" and fulfilment.owner == self.node", "")),
        ),
    ),
    Mutation(
        "expired-early",
        "a hold expires a second before its time",
        9,
        ("DecisionsChecker", "Stuck"),
        (
            slip(
                f"{EVENTS}:_next_due",
                ("fulfilment.expires_ms <= context.now_ms", "fulfilment.expires_ms <= context.now_ms + 1000"),
            ),
            slip(
                f"{DUE}:DueOrders.take", ("self._deadlines[0][0] <= now_ms", "self._deadlines[0][0] <= now_ms + 1000")
            ),
        ),
    ),
    Mutation(
        "expiry-forgotten-at-restart",
        "a restarted node forgets which of its holds expire",
        9,
        ("DecisionsChecker",),
        (
            slip(
                f"{ORDERS}:Orders.load",
                ("self._watch(order, fulfilment)", "pass"),
            ),
        ),
    ),
    Mutation(
        "ordered-past-rights",
        "an order takes the wanted quantity at a named location, even if it is not available",
        4,
        ("FloorChecker", "OrdersChecker"),
        (
            slip(
                f"{SOURCING}:allocate",
                (
                    "found = min(wanted.quantity, rights.covers(wanted.location, wanted))",
                    "found = (rights.covers(wanted.location, wanted), wanted.quantity)[1]",
                ),
            ),
        ),
    ),
    Mutation(
        "rush-past-rights",
        "orders that are decided together do not see the units that earlier ones took",
        4,
        ("FloorChecker",),
        (
            slip(
                "replica.core.orders.fast_orders:_first_that_covers",
                ("there -= held.taken.get(stock, 0)", "there -= 0"),
            ),
        ),
    ),
    Mutation(
        "lines-share-no-item",
        "several lines of one order can each take all units of the same item",
        4,
        ("FloorChecker",),
        (slip(f"{SOURCING}:_Rights.take", ("-= units * quantity", "-= 0")),),
    ),
    Mutation(
        "held-again-by-a-repeat",
        "an order that is placed again holds units again",
        9,
        ("DecisionsChecker", "OrdersChecker"),
        (slip(f"{PLACEMENT}:prepare_placement", ("if known is not None and known.placed:", "if False:")),),
    ),
    Mutation(
        "repeat-answered-as-of-now",
        "the answer to a repeated placement shows the present state, not the first answer",
        3,
        ("OrdersChecker",),
        (
            slip(
                f"{PLACEMENT}:_place_again",
                ("shown=first.shown,", "shown=tuple(one.shown() for one in known.fulfilments.values()),"),
            ),
        ),
    ),
    Mutation(
        "cancelled-after-it-left",
        "a cancellation returns units that were shipped or collected already",
        9,
        ("DecisionsChecker",),
        (
            slip(
                f"{TRANSITIONS}:judge",
                (
                    "    return context.machine.step(fulfilment.state, event.event)",
                    '    if event.event == CANCEL and fulfilment.state in ("shipped", "collected"):\n'
                    '        return "cancelled"\n'
                    "    return context.machine.step(fulfilment.state, event.event)",
                ),
            ),
            slip(
                f"{TRANSITIONS}:step",
                (
                    "reversed=named_reversals(fulfilment.allocations,",
                    "reversed=named_reversals(fulfilment.allocations or fulfilment.sold,",
                ),
                (
                    "cut(fulfilment.allocations, facts.reversed)",
                    "cut(fulfilment.allocations or fulfilment.sold, facts.reversed)",
                ),
            ),
        ),
    ),
    Mutation(
        "handover-without-units",
        "an order is handed over to the store, but its units stay with the hub",
        7,
        ("HeldChecker",),
        (slip("replica.core.orders.owners:hand_over", ("facts=facts, moves=moves)", "facts=facts)")),),
    ),
    Mutation(
        "handover-of-units-alone",
        "a store takes the units of an order that is handed over, but treats the hub as the owner",
        7,
        ("HeldChecker",),
        (
            slip(
                f"{ORDERS}:Orders.apply",
                (
                    "changed = apply_facts(order, entry, facts)\n",
                    "changed = apply_facts(order, entry, facts)\n"
                    "    if entry.content.facts['act'] == 'hand_over' and changed and changed.owner == self.node:\n"
                    "        changed.owner = entry.stream.writer.partition('#')[0]\n",
                ),
            ),
        ),
    ),
    Mutation(
        "anybody-decides",
        "a node applies events to fulfilments of other owners",
        9,
        ("DecisionsChecker",),
        (
            slip(
                f"{EVENTS}:_happen",
                ("if one.owner != context.node]", 'if one.owner == ""]'),
                ("if one.owner == context.node]", 'if one.owner != ""]'),
            ),
        ),
    ),
    Mutation(
        "parked-twice",
        "a parked event is applied without a note that it was applied",
        3,
        ("OrdersChecker", "Stuck"),
        (slip(f"{PARKING}:settle", ("parked.deduplication_id, parked.entry)", "parked.deduplication_id)")),),
    ),
    Mutation(
        "reported-at-two-hubs",
        "an event that may repeat, reported at two hubs under one key, is applied twice",
        3,
        ("OrdersChecker",),
        (slip(f"{TRANSITIONS}:judge", ("deduplication_id in fulfilment.deduplication_ids or", "False or")),),
    ),
    Mutation(
        "parked-for-ever",
        "a parked event is never dropped after its deadline",
        9,
        ("DecisionsChecker",),
        (slip(f"{EVENTS}:_next_due", ("parked.deadline_ms <= context.now_ms", "False")),),
    ),
    Mutation(
        "numbers-skipped",
        "an event is applied before an event with a smaller number",
        9,
        ("DecisionsChecker",),
        (slip(f"{TRANSITIONS}:judge", ("event.number > fulfilment.number + 1", "False")),),
    ),
    Mutation(
        "reversed-more-than-taken",
        "a change returns the requested quantity from an allocation even if that contains less",
        7,
        ("HeldChecker", "FloorChecker"),
        (slip("replica.core.orders.allocations:named_reversals", ("min(missing, left[name])", "missing")),),
    ),
    Mutation(
        "reversed-by-the-recipe-of-now",
        "an order returns units by the present recipe of its SKU, not by the recipe when it took them",
        7,
        ("HeldChecker", "FloorChecker"),
        (
            slip(
                f"{TRANSITIONS}:step",
                (
                    "moves = moves_of(cut(fulfilment.allocations, facts.reversed), "
                    "lambda source: (context.held, source))",
                    "recipe_of = lambda allocation: context.catalog.recipe_of(allocation.sku, '')\n"
                    "        back = [msgspec.structs.replace(allocation, recipe=recipe_of(allocation))"
                    " for allocation in cut(fulfilment.allocations, facts.reversed)]\n"
                    "        moves = moves_of(back, lambda source: (context.held, source))",
                ),
            ),
        ),
    ),
    Mutation(
        "returned-to-the-shelf",
        "returned goods of an order go to the free account, not to quarantine",
        7,
        ("HeldChecker", "AccountsChecker"),
        (
            slip(
                f"{TRANSITIONS}:step",
                ("quarantine = account(context.node, QUARANTINE)", "quarantine = account(context.node, 'free')"),
            ),
        ),
    ),
    Mutation(
        "histories-as-they-come",
        "each node keeps the reports of an order in the order of arrival",
        1,
        ("ConvergenceChecker", "DecisionsChecker"),
        (
            slip(
                f"{EFFECTS}:_report",
                ("insort(order.reports, report)", "order.reports.append(report)"),
            ),
        ),
    ),
    Mutation(
        "granted-twice",
        "a node that is granted rights counts them twice",
        4,
        ("FloorChecker", "RightsChecker", "StreamsChecker", "ConvergenceChecker"),
        (
            slip(
                f"{REPLICA}:Replica._apply",
                (
                    "self.fold.apply(entry)",
                    'if entry.content.kind == "grant" and entry.stream.writer != self.writer:\n'
                    "        self.ledger.apply(entry.stream.scope, entry.stream.writer, entry.content.moves)\n"
                    "    self.fold.apply(entry)",
                ),
            ),
        ),
    ),
    Mutation(
        "promised-from-the-store",
        "a hub with granted rights at a store sells from the store's own rights",
        4,
        ("FloorChecker",),
        (
            slip(
                "replica.core.state.decisions:_view_elsewhere",
                ("return LocationView.of(location, replica.node,", "return LocationView.of(location, location,"),
            ),
        ),
    ),
)
