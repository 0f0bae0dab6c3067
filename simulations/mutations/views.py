"""Mistakes in what a node shows. Its state is right, and no request is decided by these figures."""

from __future__ import annotations

from simulations.mutations.mutation import Mutation, slip

KNOWN_NODES = "replica.core.state.known_nodes"
STOCK_API = "replica.runtime.http.stock_api:StockApi"
STOCK_LIST = "replica.runtime.http.stock_list:StockList"

VIEWS = (
    Mutation(
        name="heard-at-its-last-stamp",
        breaks="after a restart, a node was last heard at its stamp, although its clock was wrong then",
        invariant=7,
        expected=("Checkpoint", "Verdict"),
        edits=(
            slip(
                "replica.runtime.journal.sqlite_journal:SqliteJournal._check_ends",
                ("recorded_clock(last.content)", "last.content.clock"),
            ),
        ),
    ),
    Mutation(
        name="stranded-with-quarantine",
        breaks="the rights of a node include its units in quarantine",
        invariant=7,
        expected=("Verdict", "Answers"),
        edits=(slip(f"{KNOWN_NODES}:rights_at", ("not in (HELD, QUARANTINE)", "!= HELD")),),
    ),
    Mutation(
        name="silent-nodes-unlisted",
        breaks="after a restart, a hub lists only the nodes that connected since",
        invariant=7,
        expected=("Verdict", "Answers"),
        edits=(slip("hub.api:HubApi._nodes", ("for name, one in named.items()}", "for name, one in ()}")),),
    ),
    Mutation(
        name="merged-entries-counted-twice",
        breaks="the metric of durable entries counts merged entries twice",
        invariant=7,
        expected=("Verdict", "Answers"),
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
        expected=("Verdict", "Answers"),
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
                "replica.core.ledger.cells:LocationStock._bring_up_to_date",
                ("self._breaches.pop(stock.item, None)", "pass"),
            ),
        ),
    ),
    Mutation(
        name="stock-page-skips-a-row",
        breaks="each page of the stock after the first one begins one item too late",
        invariant=7,
        expected=("Verdict", "Answers"),
        edits=(
            slip(
                f"{STOCK_LIST}.page",
                ("names_after(items, cursor)", "names_after(items, cursor)[bool(cursor) :]"),
            ),
        ),
    ),
    Mutation(
        name="explanation-page-skips-a-movement",
        breaks="the cursor of an explanation points before a movement that the page did not show",
        invariant=7,
        expected=("Verdict", "Answers"),
        edits=(slip(f"{STOCK_API}.explain", ("reading.cursor(page.through)", "reading.cursor(page.through - 1)")),),
    ),
    Mutation(
        name="documents-end-with-the-first-page",
        breaks="the first page of documents says that it is the last one",
        invariant=7,
        expected=("Verdict", "Answers"),
        edits=(
            slip(
                "replica.runtime.http.documents_api:DocumentsApi.page",
                ("return found, found[-1]", "return found, None"),
            ),
        ),
    ),
    Mutation(
        name="pickups-page-without-its-last-row",
        breaks="a page of pickups leaves out its last one, and the next page begins after it",
        invariant=7,
        expected=("Verdict", "Answers"),
        edits=(
            slip(
                "edge_node.pickups:read_pickups",
                ("found[: owners.index(shown[limit])]", "found[: owners.index(shown[limit]) - 1]"),
            ),
        ),
    ),
    Mutation(
        name="channel-ignored-in-availability",
        breaks="a hub guarantees each channel what all channels together may take",
        invariant=7,
        expected=("Verdict", "Answers"),
        edits=(slip("hub.availability:sku_availability", ("channel=channel,", 'channel="",')),),
    ),
    Mutation(
        name="silent-nodes-without-a-time",
        breaks="the gauge of the newest entry of each node has only nodes that are connected",
        invariant=7,
        expected=("Verdict", "Answers"),
        edits=(
            slip(
                "replica.runtime.http.metrics:NodeCollector.collect",
                ("if named.heard is not None:", "if named.heard is not None and name in peers.known:"),
            ),
        ),
    ),
)
"""Seen by the verdict of runs of whole nodes, which compares each figure with the entries."""
