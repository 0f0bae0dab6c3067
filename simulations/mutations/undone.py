"""Mistakes that leave something undone: nothing wrong is written, and what is due never happens."""

from __future__ import annotations

from simulations.mutations.mutation import Mutation, slip

SHORTAGES = "replica.core.orders.shortages"
BACKGROUND = "replica.runtime.background"

UNDONE = (
    Mutation(
        name="short-by-the-first-item",
        breaks="a bundle counts as short only if the first item of its recipe is missing",
        invariant=6,
        expected=("ShortagesChecker",),
        edits=(
            slip(f"{SHORTAGES}:is_short", ("in allocation.recipe)", "in allocation.recipe[:1])")),
            slip(f"{SHORTAGES}:candidates", ("in allocation.recipe:", "in allocation.recipe[:1]:")),
        ),
    ),
    Mutation(
        name="hub-that-joins-unnoticed",
        breaks="a hub does not look at its items again when another hub joins",
        invariant=4,
        expected=("PoliciesChecker",),
        edits=(
            slip(
                f"{BACKGROUND}.rebalancer:RightsRebalancer.joined",
                ("if replicates_all(link.peer):", "if replicates_all(link.peer) and self.strategy.asks:"),
            ),
        ),
    ),
    Mutation(
        name="policy-change-unnoticed",
        breaks="a node does not look at its items again when a policy changes",
        invariant=4,
        expected=("PoliciesChecker",),
        scenario="policy-at-closing",
        edits=(slip(f"{BACKGROUND}.rebalancer:RightsRebalancer._note", ("kind in concerned", "kind == ''")),),
    ),
    Mutation(
        name="quota-given-back-unnoticed",
        breaks="a hub whose policies split nothing does not free units that a hold gives back to a channel",
        invariant=4,
        expected=("PoliciesChecker",),
        edits=(
            slip(
                "hub.rebalancing:HubRebalancing.is_concerned",
                (' or route.target.startswith(channel_account(replica.node, ""))', ""),
            ),
        ),
    ),
    Mutation(
        name="sale-of-the-future-forecast",
        breaks="a sale under a clock that is years ahead pushes all other days out of the forecast",
        invariant=4,
        expected=("PoliciesChecker",),
        scenario="daily-goods",
        edits=(
            slip(
                f"{BACKGROUND}.sales_history:slot_of_sale",
                ("if moved > now_ms + CLOCK_AHEAD_MAX_MS:", "if False:"),
            ),
        ),
    ),
    Mutation(
        name="looks-for-ever",
        breaks="a node looks at each item again each second, although nothing was put off",
        invariant=10,
        expected=("RestChecker",),
        edits=(slip(f"{BACKGROUND}.rebalancer:RightsRebalancer._plan", ("if moves.is_put_off:", "if True:")),),
    ),
    Mutation(
        name="crowded-out-for-ever",
        breaks="a store that may have no more requests in flight asks for its other items only when these change",
        invariant=4,
        expected=("PoliciesChecker",),
        scenario="one-request-at-a-time",
        edits=(
            slip(
                f"{BACKGROUND}.rights_requests:RightsRequests.ask",
                ("return 0 if pair in self._crowded_out else None", "return None"),
                ("if self._is_crowded:\n        return 0", "if self._is_crowded:\n        return None"),
            ),
        ),
    ),
    Mutation(
        name="late-owner-gets-no-orders",
        breaks="a hub that learns late which store owns a location keeps its paid orders there",
        invariant=9,
        expected=("DecisionsChecker",),
        scenario="second-hand",
        edits=(
            slip(
                "replica.core.orders.fold:Orders.remind_of",
                ("if one.location in wanted and one.owner == self.node and one.allocations:", "if False:"),
            ),
        ),
    ),
    Mutation(
        name="no-hold-selected",
        breaks="a hub that sees a shortage selects no hold to be revoked",
        invariant=6,
        expected=("ShortagesChecker",),
        scenario="bundles-sold-out",
        edits=(slip(f"{SHORTAGES}:select", ("if not one.is_selected:", "if False:")),),
    ),
    Mutation(
        name="callers-wait-for-ever",
        breaks="a caller that waited for rights in vain still counts as waiting",
        invariant=10,
        expected=("RestChecker",),
        edits=(
            slip(
                f"{BACKGROUND}.rights_requests:RightsRequests.want",
                ("self._demands[pair].remove(demand)", "pass"),
            ),
        ),
    ),
    Mutation(
        name="watchers-pile-up",
        breaks="a link that ends leaves its watcher of new entries behind",
        invariant=10,
        expected=("RestChecker",),
        edits=(slip("replica.runtime.driver:Driver.moved_past", ("if watcher in self._watchers:", "if False:")),),
    ),
    Mutation(
        name="have-ignored",
        breaks="a node sends a peer also the entries that the peer said it holds",
        invariant=10,
        expected=("ResentChecker",),
        edits=(
            slip(
                "replica.core.sync.session:Session._compare",
                ("self._held[stream] = self.durable[stream] = sequence", "self.durable[stream] = sequence"),
            ),
        ),
    ),
    Mutation(
        name="expiries-lost-in-a-flood",
        breaks="order housekeeping that finds the inbox full forgets the holds that were due",
        invariant=9,
        expected=("DecisionsChecker",),
        edits=(
            slip(
                f"{BACKGROUND}.order_housekeeping:OrderHousekeeping.run",
                (
                    "kept = 0",
                    "kept = 0 * len(self._driver.replica.orders.due(self._driver._clock.now().wall_ms, 32))",
                ),
            ),
        ),
    ),
    Mutation(
        name="region-order-on-the-fast-path",
        breaks="an order with durability region is answered as soon as its own hub has it",
        invariant=2,
        expected=("RegionsChecker",),
        edits=(slip("replica.runtime.http.order_placing:waits", (' or placement.durability != "local"', "")),),
    ),
    Mutation(
        name="another-hub-is-enough",
        breaks="an order with durability region is answered once another hub of the same region has it",
        invariant=2,
        expected=("RegionsChecker",),
        edits=(
            slip(
                "replica.runtime.peering.peers:Peers._is_elsewhere",
                (" and peer.hello.region != self.identity.region", ""),
            ),
        ),
    ),
    Mutation(
        name="region-of-own-entries-only",
        breaks="a hub that repeats the answer of another hub of its region does not wait for another region",
        invariant=2,
        expected=("RegionsChecker",),
        scenario="other-region-away",
        edits=(
            slip(
                "replica.runtime.http.order_placing:_streams_of",
                (
                    "dict.fromkeys([placed, *(Stream(placed.writer, location)",
                    "dict.fromkeys([*(Stream(replica.writer, location)",
                ),
            ),
        ),
    ),
    Mutation(
        name="events-of-unknown-orders-forgotten",
        breaks="an event that comes before its order no longer waits, and nobody reports it when the order never comes",
        invariant=9,
        expected=("ToldChecker",),
        edits=(slip("replica.core.orders.order:Order.waiting", (" or not one.settled", "")),),
    ),
    Mutation(
        name="late-requests-kept-quiet",
        breaks="an owner that did not answer a request before its deadline never reports it",
        invariant=9,
        expected=("ToldChecker", "DecisionsChecker"),
        edits=(slip("replica.core.orders.parking:report_late", ("if parked.waits_for(fulfilment):", "if False:")),),
    ),
    Mutation(
        name="new-by-the-first-key",
        breaks="a batch counts as new if the key of its first sale is new",
        invariant=3,
        expected=("ExactlyOnceChecker",),
        edits=(
            slip(
                "replica.core.state.fast_paths:first_used",
                ("replica.keys.is_disjoint(own)", "keys[0] not in replica.keys"),
                ("earlier.keys().isdisjoint(own)", "keys[0] not in earlier"),
            ),
        ),
    ),
)
