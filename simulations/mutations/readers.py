"""Mistakes in the cursors with which readers outside follow a journal."""

from __future__ import annotations

from simulations.mutations.mutation import Mutation, slip

FIGURES = ("FiguresChecker",)

READERS = (
    Mutation(
        name="cursor-of-anywhere",
        breaks="a node takes the cursor of another node, and counts on from its number in its own journal",
        invariant=0,
        expected=("ReadersChecker",),
        edits=(
            slip(
                "replica.core.log.cursors:_fault",
                ('if found["node"] != node:', "if False:"),
                ('if found["incarnation"] != incarnation:', "if False:"),
            ),
        ),
    ),
    Mutation(
        name="cursor-past-newest",
        breaks="a node believes a cursor past its newest entry, so the reader waits and skips what comes",
        invariant=0,
        expected=("ReadersChecker",),
        edits=(slip("replica.core.log.cursors:_fault", ('if int(found["arrival"]) > newest:', "if False:")),),
    ),
    Mutation(
        name="page-skips-to-newest",
        breaks="a page of the journal ends with the cursor after the newest entry, also if it ends before that entry",
        invariant=0,
        expected=("ReadersChecker",),
        edits=(
            slip(
                "replica.runtime.http.journal_reading:JournalReading.after",
                ("stored[-1].arrival if stored else arrival", "self.newest"),
            ),
        ),
    ),
    Mutation(
        name="quarantine-shown-as-available",
        breaks="units in quarantine are shown as available",
        invariant=5,
        expected=FIGURES,
        scenario="stock-read",
        edits=(
            slip(
                "replica.runtime.http.answers:stock_answer",
                ("available=figures.available", "available=figures.on_hand - figures.reserved"),
            ),
        ),
    ),
    Mutation(
        name="total-of-the-best-location",
        breaks="the availability of all locations is that of the best one",
        invariant=5,
        expected=FIGURES,
        scenario="stock-read",
        edits=(
            slip(
                "hub.availability:sku_availability",
                (
                    "guaranteed=sum(one.guaranteed for one in local)",
                    "guaranteed=max((one.guaranteed for one in local), default=0)",
                ),
            ),
        ),
    ),
    Mutation(
        name="rights-of-others-guaranteed",
        breaks="a hub guarantees units that other nodes have the rights to",
        invariant=4,
        expected=FIGURES,
        scenario="stock-read",
        edits=(
            slip(
                "hub.availability:local_availability",
                (
                    "{item: promise(location, item) for item in stocks}",
                    "{item: source.ledger.stock(location, item).available for item in stocks}",
                ),
            ),
        ),
    ),
    Mutation(
        name="held-units-offered",
        breaks="units that are held for orders are shown as available to others",
        invariant=5,
        expected=FIGURES,
        scenario="stock-read",
        edits=(
            slip(
                "hub.availability:local_availability",
                ("item: stock.available for", "item: stock.figures.on_hand for"),
            ),
        ),
    ),
)
