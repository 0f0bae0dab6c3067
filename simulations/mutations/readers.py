"""Mistakes in the cursors with which readers outside follow a journal."""

from __future__ import annotations

from simulations.mutations.mutation import Mutation, slip

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
)
