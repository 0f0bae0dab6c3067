"""Slips in what happens to orders, and in rights that move for them."""

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
        "whoever knows of a hold lets it expire, not its owner alone",
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
        "a node that starts again has forgotten which of its holds expire",
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
        "an order takes what it wants wherever it is named, whether or not it is there",
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
        "of orders that are decided together, none sees what those before it took",
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
        "lines of one order that share an item may each take all of it",
        4,
        ("FloorChecker",),
        (slip(f"{SOURCING}:_Rights.take", ("-= units * quantity", "-= 0")),),
    ),
    Mutation(
        "held-again-by-a-repeat",
        "an order that is placed again is held again",
        9,
        ("DecisionsChecker", "OrdersChecker"),
        (slip(f"{PLACEMENT}:prepare_placement", ("if known is not None and known.placed:", "if False:")),),
    ),
    Mutation(
        "repeat-answered-as-of-now",
        "an order that is placed again is told as it stands, not as it was told first",
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
        "a cancellation gives back what was handed out already",
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
        "an order is handed to the store, and its units stay with the hub",
        7,
        ("HeldChecker",),
        (slip("replica.core.orders.owners:hand_over", ("facts=facts, moves=moves)", "facts=facts)")),),
    ),
    Mutation(
        "handover-of-units-alone",
        "a store that is handed an order takes the units and believes that the hub decides",
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
        "a node lets events happen to fulfilments of others",
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
        "what came early happens, and is not noted to have happened",
        3,
        ("OrdersChecker", "Stuck"),
        (slip(f"{PARKING}:settle", ("parked.deduplication_id, parked.entry)", "parked.deduplication_id)")),),
    ),
    Mutation(
        "reported-at-two-hubs",
        "what was told at two hubs under one key, and may happen again, happens for each of them",
        3,
        ("OrdersChecker",),
        (slip(f"{TRANSITIONS}:judge", ("deduplication_id in fulfilment.deduplication_ids or", "False or")),),
    ),
    Mutation(
        "parked-for-ever",
        "what came early and has no chance left is never given up",
        9,
        ("DecisionsChecker",),
        (slip(f"{EVENTS}:_next_due", ("parked.deadline_ms <= context.now_ms", "False")),),
    ),
    Mutation(
        "numbers-skipped",
        "an event happens though one with a smaller number did not yet",
        9,
        ("DecisionsChecker",),
        (slip(f"{TRANSITIONS}:judge", ("event.number > fulfilment.number + 1", "False")),),
    ),
    Mutation(
        "reversed-more-than-taken",
        "a change gives back as many as it is told to, of whichever lot, whether or not it has as many",
        7,
        ("HeldChecker", "FloorChecker"),
        (slip("replica.core.orders.allocations:named_reversals", ("min(missing, left[name])", "missing")),),
    ),
    Mutation(
        "reversed-by-the-recipe-of-now",
        "what an order gives back is what its SKU is made of by now",
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
        "what a customer brings back of an order can be sold before anybody looked at it",
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
        "what happened to an order is kept in the order in which a node heard of it",
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
        "who is granted rights counts them twice",
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
        "a hub that was granted some of a store's rights sells from the store's own",
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
