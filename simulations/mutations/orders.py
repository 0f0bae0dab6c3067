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
RETURNS = "replica.core.orders.returns"
REPLICA = "replica.core.state.replica"

EXCHANGES = "replica.core.orders.exchanges"
REQUESTS = "replica.core.orders.requests"

ORDER_SLIPS = (
    Mutation(
        name="given-back-counts-twice",
        breaks="an exchange may take the units that it gives back twice",
        invariant=4,
        expected=("FloorChecker",),
        edits=(
            slip(f"{EXCHANGES}:take_instead", ("+ of_items.get(item, 0)", "+ 2 * of_items.get(item, 0)")),
            slip(
                f"{EXCHANGES}:_pools",
                (
                    "_Pool(account, source.units(location, item), False)",
                    "_Pool(account, source.units(location, item) + sum(one.left for one in given), False)",
                ),
            ),
        ),
    ),
    Mutation(
        name="split-loses-a-unit",
        breaks="a part that leaves remembers one unit less than left",
        invariant=7,
        expected=("OrderPartsChecker", "HeldChecker", "ReferenceChecker"),
        edits=(
            slip(
                f"{EFFECTS}:_split",
                (
                    "part.sold = cut(whole.allocations, facts.units)",
                    "part.sold = without(cut(whole.allocations, facts.units),"
                    " [type(one)(one.entry, one.sku, 1) for one in facts.units[:1]])",
                ),
            ),
        ),
    ),
    Mutation(
        name="cancelled-in-one-part-only",
        breaks="the cancellation of an order forgets all parts except the first one",
        invariant=7,
        expected=("OrderPartsChecker", "ReferenceChecker"),
        edits=(
            slip(
                f"{EVENTS}:_happen",
                (
                    "open_to = _open_to(event, concerned, verdicts)",
                    "open_to = _open_to(event, concerned, verdicts)[: 1 if event.event == CANCEL else None]",
                ),
            ),
        ),
    ),
    Mutation(
        name="changed-hold-never-expires",
        breaks="a change of an unpaid order drops the time at which it expires",
        invariant=9,
        expected=("DecisionsChecker",),
        edits=(slip(f"{TRANSITIONS}:step", ('facts.to == "held" or', "False or")),),
    ),
    Mutation(
        name="part-shipped-at-two-hubs",
        breaks="a shipment of some units, reported at two hubs under one key, happens twice",
        invariant=3,
        expected=("OrdersChecker",),
        edits=(
            slip(
                f"{REQUESTS}:deduplication_id_of",
                ("(event.event not in PARTIAL and event.lines is UNSET)", "event.event not in PARTIAL"),
            ),
        ),
    ),
    Mutation(
        name="expired-by-anybody",
        breaks="any node that knows a hold expires it, not only its owner",
        invariant=9,
        expected=("DecisionsChecker",),
        edits=(
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
        name="expired-early",
        breaks="a hold expires a second before its time",
        invariant=9,
        expected=("DecisionsChecker", "Stuck"),
        edits=(
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
        name="expiry-forgotten-at-restart",
        breaks="a restarted node forgets which of its holds expire",
        invariant=9,
        expected=("DecisionsChecker", "Checkpoint"),
        edits=(
            slip(
                f"{ORDERS}:Orders.load",
                ("self._watch(order, fulfilment)", "pass"),
            ),
        ),
    ),
    Mutation(
        name="ordered-past-rights",
        breaks="an order takes the wanted quantity at a named location, even if it is not available",
        invariant=4,
        expected=("FloorChecker", "OrdersChecker"),
        edits=(
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
        name="rush-past-rights",
        breaks="orders that are decided together do not see the units that earlier ones took",
        invariant=4,
        expected=("FloorChecker",),
        edits=(
            slip(
                "replica.core.orders.fast_orders:_first_that_covers",
                ("there -= held.taken.get(stock, 0)", "there -= 0"),
            ),
        ),
    ),
    Mutation(
        name="lines-share-no-item",
        breaks="several lines of one order can each take all units of the same item",
        invariant=4,
        expected=("FloorChecker",),
        edits=(slip(f"{SOURCING}:Rights.take", ("-= units * quantity", "-= 0")),),
    ),
    Mutation(
        name="held-again-by-a-repeat",
        breaks="an order that is placed again holds units again",
        invariant=9,
        expected=("DecisionsChecker", "OrdersChecker"),
        edits=(slip(f"{PLACEMENT}:prepare_placement", ("if known is not None and known.placed:", "if False:")),),
    ),
    Mutation(
        name="placed-again-as-of-then",
        breaks="an order that is placed again is answered as it was placed, whatever became of it",
        invariant=9,
        expected=("PlacedAgainChecker",),
        edits=(slip(f"{PLACEMENT}:_place_again", ("shown=tuple(present.values()),", "shown=first.shown,")),),
    ),
    Mutation(
        name="promise-repeated-after-its-end",
        breaks="an order that has ended and is placed again gets a positive answer, though nothing is held",
        invariant=9,
        expected=("PlacedAgainChecker",),
        edits=(
            slip(
                f"{PLACEMENT}:_place_again",
                ("if not unknown and not any(", "if False and any("),
            ),
        ),
    ),
    Mutation(
        name="cancelled-after-it-left",
        breaks="a cancellation returns units that were shipped or collected already",
        invariant=9,
        expected=("DecisionsChecker", "ReferenceChecker"),
        edits=(
            slip(
                f"{TRANSITIONS}:judge",
                (
                    "    to = context.machine.step(fulfilment.state, event.event)",
                    '    if event.event == CANCEL and fulfilment.state in ("shipped", "collected"):\n'
                    '        return "cancelled"\n'
                    "    to = context.machine.step(fulfilment.state, event.event)",
                ),
            ),
            slip(
                f"{TRANSITIONS}:step",
                (
                    "reversed=all_of(fulfilment.allocations)",
                    "reversed=all_of(fulfilment.allocations or fulfilment.sold)",
                ),
                (
                    "cut(fulfilment.allocations, facts.reversed)",
                    "cut(fulfilment.allocations or fulfilment.sold, facts.reversed)",
                ),
            ),
        ),
    ),
    Mutation(
        name="handover-without-units",
        breaks="an order is handed over to the store, but its units stay with the hub",
        invariant=7,
        expected=("HeldChecker",),
        edits=(slip("replica.core.orders.owners:hand_over", ("facts=facts, moves=moves)", "facts=facts)")),),
    ),
    Mutation(
        name="handover-of-units-alone",
        breaks="a store takes the units of an order that is handed over, but treats the hub as the owner",
        invariant=7,
        expected=("HeldChecker",),
        edits=(
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
        name="anybody-decides",
        breaks="a node applies events to fulfilments of other owners",
        invariant=9,
        expected=("DecisionsChecker",),
        edits=(
            slip(
                f"{EVENTS}:_happen",
                ("if one.owner != context.node:", 'if one.owner == "":'),
            ),
            slip(f"{EVENTS}:_check_owner", ("if event.event in (CANCEL, RETURN):", "if True:")),
        ),
    ),
    Mutation(
        name="parked-twice",
        breaks="a parked event is applied without a note that it was applied",
        invariant=3,
        expected=("OrdersChecker", "Stuck"),
        edits=(
            slip(
                f"{PARKING}:settle",
                ("parked.deduplication_id, parked.entry, parked", 'parked.deduplication_id, b"", parked'),
            ),
        ),
    ),
    Mutation(
        name="reported-at-two-hubs",
        breaks="an event of some units, reported at two hubs under one key, is applied twice",
        invariant=3,
        expected=("OrdersChecker",),
        scenario="two-workers",
        edits=(  # `judge` alone is harmless: the other guard sees what it sees
            slip(
                f"{TRANSITIONS}:judge",
                ("if any(deduplication_id in one.deduplication_ids for one in of):", "if False:"),
            ),
            slip(f"{PARKING}:_happened_elsewhere", ("return any(", "return False and any(")),
        ),
    ),
    Mutation(
        name="parked-for-ever",
        breaks="a parked event is never dropped after its deadline",
        invariant=9,
        expected=("DecisionsChecker", "ToldChecker"),
        edits=(slip(f"{EVENTS}:_next_due", ("parked.deadline_ms <= context.now_ms", "False")),),
    ),
    Mutation(
        name="numbers-skipped",
        breaks="an event is applied before an event with a smaller number",
        invariant=9,
        expected=("DecisionsChecker",),
        edits=(slip(f"{TRANSITIONS}:judge", ("event.number > known + 1", "False")),),
    ),
    Mutation(
        name="reversed-more-than-taken",
        breaks="a change returns the requested quantity from an allocation even if that contains less",
        invariant=7,
        expected=("HeldChecker", "FloorChecker"),
        edits=(slip("replica.core.orders.allocations:named_reversals", ("min(missing, left[name])", "missing")),),
    ),
    Mutation(
        name="reversed-by-the-recipe-of-now",
        breaks="an order returns units by the present recipe of its SKU, not by the recipe when it took them",
        invariant=7,
        expected=("HeldChecker", "FloorChecker", "OrderPartsChecker"),
        edits=(
            slip(
                f"{TRANSITIONS}:step",
                (
                    "moves = _going_back(context, cut(fulfilment.allocations, facts.reversed), staying)",
                    "recipe_of = lambda allocation: context.catalog.recipe_of(allocation.sku, '')\n"
                    "        back = [msgspec.structs.replace(allocation, recipe=recipe_of(allocation))"
                    " for allocation in cut(fulfilment.allocations, facts.reversed)]\n"
                    "        moves = _going_back(context, back, staying)",
                ),
            ),
        ),
    ),
    Mutation(
        name="returned-to-the-shelf",
        breaks="returned goods of an order go to the free account, not to quarantine",
        invariant=7,
        expected=("HeldChecker", "AccountsChecker"),
        edits=(
            slip(
                f"{TRANSITIONS}:step",
                ("quarantine = account(context.node, QUARANTINE)", "quarantine = account(context.node, 'free')"),
            ),
        ),
    ),
    Mutation(
        name="return-elsewhere-kept-quiet",
        breaks="a hub that learns of goods taken back at another store does not tell the owner of their order",
        invariant=5,
        expected=("OrderReturnsChecker",),
        edits=(
            slip(
                f"{RETURNS}:next_of_returns",
                ("return _report_other_items(order, taken, counting) or _ask(order, taken, *share)", "continue"),
            ),
        ),
    ),
    Mutation(
        name="return-counted-for-each-hub",
        breaks="goods that came back elsewhere are counted once for each hub that passes them on",
        invariant=5,
        expected=("OrderReturnsChecker", "OrdersChecker"),
        scenario="goods-back-anywhere",
        edits=(
            slip(f"{RETURNS}:is_counted", ("return any(one.node", "return False and any(one.node")),
            slip(
                f"{TRANSITIONS}:judge",
                ("if any(deduplication_id in", "if event.event != RETURN and any(deduplication_id in"),
            ),
            slip(f"{PARKING}:_happened_elsewhere", ("or not parked.deduplication_id:", "or parked.passes_on:")),
        ),
    ),
    Mutation(
        name="declined-goods-stay-held",
        breaks="what a location declined stays held there",
        invariant=7,
        expected=("HeldChecker",),
        scenario="declined-orders",
        edits=(slip(f"{TRANSITIONS}:step", ("(CANCEL, EXPIRE, DECLINE)", "(CANCEL, EXPIRE)")),),
    ),
    Mutation(
        name="declined-begun-by-each-hub",
        breaks="each hub begins elsewhere what a location declined, and not only the node that began it",
        invariant=9,
        expected=("DecisionsChecker",),
        scenario="declined-orders",
        edits=(
            slip(
                "replica.core.orders.order:Order.to_begin_again",
                (" and begun_by(one.id) == node", ' and "hub" in node'),
            ),
        ),
    ),
    Mutation(
        name="declined-begun-at-the-same-location",
        breaks="what a location declined is begun there again",
        invariant=9,
        expected=("DecisionsChecker",),
        scenario="declined-orders",
        edits=(
            slip(
                "replica.core.orders.shortages:elsewhere",
                ("[fulfilment.location, *order.declined_at(allocation.sku for allocation in held)]", "[]"),
            ),
        ),
    ),
    Mutation(
        name="declined-hold-begun-as-paid",
        breaks="what replaces an unpaid hold that was declined counts as paid",
        invariant=9,
        expected=("DecisionsChecker",),
        scenario="declined-orders",
        edits=(slip(f"{TRANSITIONS}:step", ("or event == DECLINE", "or False")),),
    ),
    Mutation(
        name="return-in-two-quarantines",
        breaks="a return that two locations took under one key stays in the quarantine of both",
        invariant=5,
        expected=("OrderReturnsChecker",),
        edits=(slip(f"{RETURNS}:next_of_returns", ("return _void(context, order, taken)", "continue")),),
    ),
    Mutation(
        name="return-moved-by-the-owner-too",
        breaks="the owner of an order takes goods into its own quarantine that are at another store",
        invariant=5,
        expected=("OrderReturnsChecker", "HeldChecker", "OrderPartsChecker"),
        edits=(slip(f"{TRANSITIONS}:step", ("elif event == RETURN and not facts.goods_at:", "elif event == RETURN:")),),
    ),
    Mutation(
        name="unknown-fulfilment-parked",
        breaks="an event of a fulfilment that the node never began waits, though nothing can make it happen",
        invariant=10,
        expected=("WaitingChecker",),
        edits=(slip(f"{PARKING}:check_may_come", ("if is_placed or is_part or is_begun:", "if True:")),),
    ),
    Mutation(
        name="histories-as-they-come",
        breaks="each node keeps the reports of an order in the order of arrival",
        invariant=1,
        expected=("ConvergenceChecker", "DecisionsChecker"),
        edits=(
            slip(
                f"{EFFECTS}:_report",
                ("insort(order.reports, report)", "order.reports.append(report)"),
            ),
        ),
    ),
    Mutation(
        name="granted-twice",
        breaks="a node that is granted rights counts them twice",
        invariant=4,
        expected=("FloorChecker", "RightsChecker", "StreamsChecker", "ConvergenceChecker"),
        edits=(
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
        name="promised-from-the-store",
        breaks="a hub with granted rights at a store sells from the store's own rights",
        invariant=4,
        expected=("FloorChecker", "SettlementChecker"),
        edits=(
            slip(
                "replica.core.state.decisions:_view_elsewhere",
                ("return LocationView.of(location, replica.node,", "return LocationView.of(location, location,"),
            ),
        ),
    ),
)
