"""Mistakes in grants: who grants how much to whom."""

from __future__ import annotations

from simulations.mutations.mutation import Mutation, slip

REBALANCING = "replica.core.rights.rebalancing"
QUOTAS = "replica.core.rights.quotas"

UNCHECKED = slip("replica.core.rights.grants:prepare_grant", ("taken[line.item] > lacking", "False"))
"""The grant is written without a check that the deficit still exists."""

RIGHTS = (
    Mutation(
        "deficit-left-alone",
        "no node covers units that another node sold past its rights",
        6,
        ("SettlementChecker",),
        (slip(f"{REBALANCING}:covers", ("if given > 0:", "if False:")),),
    ),
    Mutation(
        "covers-all-it-has",
        "a node that covers a deficit grants all its units, not only the missing ones",
        6,
        ("SettlementChecker",),
        (slip(f"{REBALANCING}:covers", ("min(own, -units)", "own if units < 0 else 0")), UNCHECKED),
    ),
    Mutation(
        "covers-what-it-has-not",
        "a node covers a deficit with more units than it has, and grants are not checked",
        4,
        ("FloorChecker",),
        (
            slip(f"{REBALANCING}:covers", ("min(own, -units)", "-units if own > 0 else 0")),
            slip("replica.core.rights.grants:prepare_grant", ("check_covered(view, view.free, taken)", "pass")),
        ),
    ),
    Mutation(
        "everybody-covers-at-once",
        "every node with free units covers a deficit at once, instead of waiting for nodes with more units",
        6,
        ("SettlementChecker",),
        (
            slip(
                "replica.runtime.background.settlement:Settlement.cover",
                ("settlement_rank(free, self._node) * STEP_IN_MS", "0"),
            ),
        ),
    ),
    Mutation(
        "least-covers-first",
        "the node with the fewest free units covers a deficit first",
        6,
        ("SettlementChecker",),
        (
            slip(
                f"{REBALANCING}:settlement_rank",
                ("units > 0 and (-units, name) < own", "0 < units < free.get(node, 0)"),
            ),
        ),
    ),
    Mutation(
        "revoked-needlessly",
        "holds are revoked although free units of other nodes could cover the deficit",
        6,
        ("SettlementChecker",),
        (slip("replica.core.orders.shortages:short_by", ("-stock.available", "20 - stock.available")),),
    ),
    Mutation(
        "grants-received-not-seen",
        "free units do not include grants by others, so a deficit is covered repeatedly",
        6,
        ("SettlementChecker", "RightsChecker"),
        (
            slip("replica.core.ledger.cells:Stock.free", ("if route.taker:", "if route.taker and not route.giver:")),
            UNCHECKED,
        ),
    ),
    Mutation(
        "quota-of-another-channel",
        "an order of a channel takes from the quota of another channel",
        4,
        ("QuotasChecker",),
        (
            slip(
                "replica.core.orders.sources:Source._account",
                ("channel_account(self.node, self.channel)", "channel_account(self.node, min(policy.channels_ppm))"),
            ),
        ),
    ),
    Mutation(
        "past-the-quota",
        "an order of a channel with too small a quota takes free units",
        4,
        ("QuotasChecker",),
        (
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
        "rights-swing",
        "a store grants all its rights to its hub, then asks for all of them, and the hub agrees",
        4,
        ("RightsChecker",),
        (
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
        "grant-credited-twice",
        "a merged grant counts twice",
        5,
        ("AccountsChecker", "RightsChecker", "ConvergenceChecker", "FloorChecker", "TruthChecker"),
        (
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
)
