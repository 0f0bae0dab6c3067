"""Slips in what happens to orders, and in rights that move for them."""

from __future__ import annotations

from simulations.mutations.mutation import Mutation, slip

MOVEMENTS = "replica.core.orders.events"
PLACEMENT = "replica.core.orders.placement"
ORDERS = "replica.core.orders.fold"
SOURCING = "replica.core.orders.sourcing"
REPLICA = "replica.core.state.replica"

ORDER_SLIPS = (
    Mutation(
        "expired-by-anybody",
        "whoever knows of a hold lets it expire, not its owner alone",
        9,
        ("Decisions",),
        (
            slip(
                f"{MOVEMENTS}:next_due",
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
        ("Decisions", "Stuck"),
        (
            slip(
                f"{MOVEMENTS}:next_due",
                ("fulfilment.expires_ms <= context.now_ms", "fulfilment.expires_ms <= context.now_ms + 1000"),
            ),
            slip(f"{ORDERS}:Orders.due", ("self._deadlines[0][0] <= now_ms", "self._deadlines[0][0] <= now_ms + 1000")),
        ),
    ),
    Mutation(
        "expiry-forgotten-at-restart",
        "a node that starts again has forgotten which of its holds expire",
        9,
        ("Decisions",),
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
        ("Floor", "Orders"),
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
        ("Floor",),
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
        ("Floor",),
        (slip(f"{SOURCING}:_Rights.take", ("-= units * quantity", "-= 0")),),
    ),
    Mutation(
        "held-again-by-a-repeat",
        "an order that is placed again is held again",
        9,
        ("Decisions", "Orders"),
        (slip(f"{PLACEMENT}:prepare_placement", ("if known is not None and known.placed:", "if False:")),),
    ),
    Mutation(
        "repeat-answered-as-of-now",
        "an order that is placed again is told as it stands, not as it was told first",
        3,
        ("Orders",),
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
        ("Decisions",),
        (
            slip(
                f"{MOVEMENTS}:_judge",
                (
                    "    return context.machine.step(fulfilment.state, event.event)",
                    '    if event.event == CANCEL and fulfilment.state in ("shipped", "collected"):\n'
                    '        return "cancelled"\n'
                    "    return context.machine.step(fulfilment.state, event.event)",
                ),
            ),
            slip(
                f"{MOVEMENTS}:_step",
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
        ("Held",),
        (slip(f"{MOVEMENTS}:_hand_over", ('"hand_over", facts, moves)', '"hand_over", facts)')),),
    ),
    Mutation(
        "handover-of-units-alone",
        "a store that is handed an order takes the units and believes that the hub decides",
        7,
        ("Held",),
        (
            slip(
                f"{ORDERS}:Orders._step",
                (
                    "fulfilment.owner = facts.to",
                    "fulfilment.owner = facts.to if facts.to != self.node else fulfilment.owner",
                ),
            ),
        ),
    ),
    Mutation(
        "anybody-decides",
        "a node lets events happen to fulfilments of others",
        9,
        ("Decisions",),
        (
            slip(
                f"{MOVEMENTS}:_happen",
                ("if one.owner != context.node]", 'if one.owner == ""]'),
                ("if one.owner == context.node]", 'if one.owner != ""]'),
            ),
        ),
    ),
    Mutation(
        "parked-twice",
        "what came early happens, and is not noted to have happened",
        3,
        ("Orders", "Stuck"),
        (slip(f"{MOVEMENTS}:_settle", ("parked.deduplication_id, parked.entry)", "parked.deduplication_id)")),),
    ),
    Mutation(
        "told-at-two-hubs",
        "what was told at two hubs under one key, and may happen again, happens for each of them",
        3,
        ("Orders",),
        (slip(f"{MOVEMENTS}:_judge", ("deduplication_id in fulfilment.deduplication_ids or", "False or")),),
    ),
    Mutation(
        "parked-for-ever",
        "what came early and has no chance left is never given up",
        9,
        ("Decisions",),
        (slip(f"{MOVEMENTS}:next_due", ("parked.gives_up_ms <= context.now_ms", "False")),),
    ),
    Mutation(
        "numbers-skipped",
        "an event happens though one with a smaller number did not yet",
        9,
        ("Decisions",),
        (slip(f"{MOVEMENTS}:_judge", ("event.number > fulfilment.number + 1", "False")),),
    ),
    Mutation(
        "reversed-more-than-taken",
        "a change gives back as many as it is told to, of whichever lot, whether or not it has as many",
        7,
        ("Held", "Floor"),
        (slip("replica.core.orders.allocations:named_reversals", ("min(missing, room[name])", "missing")),),
    ),
    Mutation(
        "reversed-by-the-recipe-of-now",
        "what an order gives back is what its SKU is made of by now",
        7,
        ("Held", "Floor"),
        (
            slip(
                f"{MOVEMENTS}:_step",
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
        ("Held", "Accounts"),
        (
            slip(
                f"{MOVEMENTS}:_step",
                ("quarantine = account(context.node, QUARANTINE)", "quarantine = account(context.node, 'free')"),
            ),
        ),
    ),
    Mutation(
        "histories-as-they-come",
        "what happened to an order is kept in the order in which a node heard of it",
        1,
        ("Convergence", "Decisions"),
        (
            slip(
                f"{ORDERS}:Orders._note",
                ("insort(order.reports, report)", "order.reports.append(report)"),
            ),
        ),
    ),
    Mutation(
        "granted-twice",
        "who is granted rights counts them twice",
        4,
        ("Floor", "Rights", "Streams", "Convergence"),
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
        ("Floor",),
        (
            slip(
                "replica.core.state.decisions:_view_elsewhere",
                ("return LocationView.of(location, replica.node,", "return LocationView.of(location, location,"),
            ),
        ),
    ),
)
