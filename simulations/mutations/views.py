"""Mistakes in what a node shows. Its state is right, and no request is decided by these figures."""

from __future__ import annotations

from simulations.mutations.mutation import Mutation, slip

KNOWN_NODES = "replica.core.state.known_nodes"

VIEWS = (
    Mutation(
        name="stranded-with-quarantine",
        breaks="the rights of a node include its units in quarantine",
        invariant=7,
        expected=("Verdict",),
        edits=(slip(f"{KNOWN_NODES}:rights_by_node", ("not in (HELD, QUARANTINE)", "!= HELD")),),
    ),
    Mutation(
        name="silent-nodes-unlisted",
        breaks="after a restart, a hub lists only the nodes that connected since",
        invariant=7,
        expected=("Verdict",),
        edits=(slip("hub.api:HubApi._nodes", ("for name, one in named.items()}", "for name, one in ()}")),),
    ),
    Mutation(
        name="merged-entries-counted-twice",
        breaks="the metric of durable entries counts merged entries twice",
        invariant=7,
        expected=("Verdict",),
        edits=(
            slip(
                "replica.runtime.driver:Driver._compute",
                (
                    "self.counters.entries_merged += replica.uncommitted - before",
                    "self.counters.entries_merged += replica.uncommitted - before\n"
                    "        self.counters.entries_written += replica.uncommitted - before",
                ),
            ),
        ),
    ),
    Mutation(
        name="available-with-quarantine",
        breaks="a hub shows units in quarantine as available",
        invariant=7,
        expected=("Verdict",),
        edits=(
            slip(
                "hub.availability:local_availability",
                ("stock.available for", "stock.available + stock.figures.quarantined for"),
            ),
        ),
    ),
    Mutation(
        name="breaches-not-refreshed",
        breaks="the list of breaches keeps a breach that ended",
        invariant=6,
        expected=("Verdict", "FloorChecker"),
        edits=(
            slip(
                "replica.core.ledger.cells:LocationStock._refresh",
                ("self._breaches.pop(stock.item, None)", "pass"),
            ),
        ),
    ),
)
"""Seen by the verdict of runs of whole nodes, which compares each figure with the entries."""
