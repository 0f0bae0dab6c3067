"""Mistakes in grants, and in what orders may take: who grants how much to whom, and what a hub promises and refuses."""

from __future__ import annotations

from simulations.mutations.mutation import Mutation, slip

REBALANCING = "replica.core.rights.rebalancing"
QUOTAS = "replica.core.rights.quotas"
ORDERS = "replica.core.orders"

UNCHECKED = slip("replica.core.rights.grants:prepare_grant", ("taken[line.item] > lacking", "False"))
"""The grant is written without a check that the deficit still exists."""

RIGHTS = (
    Mutation(
        name="deficit-left-alone",
        breaks="no node covers units that another node sold past its rights",
        invariant=6,
        expected=("SettlementChecker",),
        edits=(slip(f"{REBALANCING}:covers", ("if given > 0:", "if False:")),),
    ),
    Mutation(
        name="covers-all-it-has",
        breaks="a node that covers a deficit grants all its units, not only the missing ones",
        invariant=6,
        expected=("SettlementChecker",),
        edits=(slip(f"{REBALANCING}:covers", ("min(own, -units)", "own if units < 0 else 0")), UNCHECKED),
    ),
    Mutation(
        name="covers-what-it-has-not",
        breaks="a node covers a deficit with more units than it has, and grants are not checked",
        invariant=4,
        expected=("FloorChecker",),
        edits=(
            slip(f"{REBALANCING}:covers", ("min(own, -units)", "-units if own > 0 else 0")),
            slip("replica.core.rights.grants:prepare_grant", ("check_covered(view, view.free, taken)", "pass")),
        ),
    ),
    Mutation(
        name="everybody-covers-at-once",
        breaks="every node with free units covers a deficit at once, instead of waiting for nodes with more units",
        invariant=6,
        expected=("SettlementChecker",),
        edits=(
            slip(
                "replica.runtime.background.settlement:Settlement.cover",
                ("settlement_rank(free, self._node) * STEP_IN_MS", "0"),
            ),
        ),
    ),
    Mutation(
        name="turn-slept-through",
        breaks="a node whose turn to cover a deficit comes later does not look again when it comes",
        invariant=6,
        expected=("SettlementChecker",),
        scenario="richest-hub-away",
        edits=(
            slip(
                "replica.runtime.background.rebalancer:RightsRebalancer._settle",
                ("self._later[pair] = self._clock.now().elapsed_ms + wait_ms", "pass"),
            ),
        ),
    ),
    Mutation(
        name="least-covers-first",
        breaks="the node with the fewest free units covers a deficit first",
        invariant=6,
        expected=("SettlementChecker",),
        edits=(
            slip(
                f"{REBALANCING}:settlement_rank",
                ("units > 0 and (-units, name) < own", "0 < units < free.get(node, 0)"),
            ),
        ),
    ),
    Mutation(
        name="revoked-needlessly",
        breaks="holds are revoked although free units of other nodes could cover the deficit",
        invariant=6,
        expected=("SettlementChecker",),
        edits=(slip("replica.core.orders.shortages:short_by", ("-stock.available", "20 - stock.available")),),
    ),
    Mutation(
        name="grants-received-not-seen",
        breaks="free units do not include grants by others, so a deficit is covered repeatedly",
        invariant=6,
        expected=("SettlementChecker", "RightsChecker"),
        edits=(
            slip("replica.core.ledger.cells:Stock.free", ("if route.taker:", "if route.taker and not route.giver:")),
            UNCHECKED,
        ),
    ),
    Mutation(
        name="quota-of-another-channel",
        breaks="an order of a channel takes from the quota of another channel",
        invariant=4,
        expected=("QuotasChecker",),
        edits=(
            slip(
                "replica.core.orders.sources:Source._account",
                ("channel_account(self.node, self.channel)", "channel_account(self.node, min(policy.channels_ppm))"),
            ),
        ),
    ),
    Mutation(
        name="past-the-quota",
        breaks="an order of a channel with too small a quota takes free units",
        invariant=4,
        expected=("QuotasChecker",),
        edits=(
            slip(
                "replica.core.orders.sources:Source.account",
                (
                    "return self._account(self.policies.policy(location, item) if self.channel else None)",
                    "return self.standing(self.ledger.stock(location, item))[0]",
                ),
            ),
            slip(
                "replica.core.orders.sources:Source.standing",
                (
                    "taken_from = self._account(policy)",
                    "taken_from = self._account(policy)\n"
                    "    taken_from = taken_from if stock.balance(taken_from) > 0 else account(self.node, FREE)",
                ),
            ),
        ),
    ),
    Mutation(
        name="rights-swing",
        breaks="a store grants all its rights to its hub, then asks for all of them, and the hub agrees",
        invariant=4,
        expected=("RightsChecker",),
        edits=(
            slip(
                f"{REBALANCING}:store_gap",
                ("        return surplus\n", "        return own\n"),
                ("return surplus if own * low_share", "return -available if own * low_share"),
            ),
            slip(
                f"{REBALANCING}:answer_of_hub",
                ("min(own, _due_to_store(policy, available, held_by_store, own))", "own"),
            ),
        ),
    ),
    Mutation(
        name="grant-credited-twice",
        breaks="a merged grant counts twice",
        invariant=5,
        expected=("AccountsChecker", "RightsChecker", "ConvergenceChecker", "FloorChecker", "TruthChecker"),
        edits=(
            slip(
                "replica.core.state.replica:Replica.take_in",
                (
                    "self._apply(entry)",
                    "self._apply(entry); self.ledger.apply("
                    "stream.scope, stream.writer, entry.content.moves if entry.content.kind == 'grant' else ())",
                ),
            ),
        ),
    ),
    Mutation(
        name="last-unit-refused",
        breaks="an order is refused the last unit that its node may promise",
        invariant=4,
        expected=("ReferenceChecker",),
        edits=(slip(f"{ORDERS}.sources:Source.standing", ("max(0, stock", "max(0, -1 + stock")),),
    ),
    Mutation(
        name="order-sought-at-hosted-locations",
        breaks="an order without a location is looked for at the locations that the hub hosts only",
        invariant=4,
        expected=("ReferenceChecker",),
        edits=(slip(f"{ORDERS}.sourcing:candidates", ("*own, *sorted(there)]", "*own]")),),
    ),
    Mutation(
        name="promises-what-it-keeps-back",
        breaks="a hub promises the safety stock of a location that it hosts",
        invariant=4,
        expected=("ReferenceChecker",),
        edits=(slip(f"{ORDERS}.sources:Source.standing", ("(taken_from) - kept", "(taken_from)")),),
    ),
)
