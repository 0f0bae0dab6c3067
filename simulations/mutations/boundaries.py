"""Mistakes at a boundary of the journal on SQLite: a full filter, the end of a fetch, a batch of several rows."""

from __future__ import annotations

from simulations.mutations.mutation import Mutation, slip

SQLITE = "replica.runtime.journal.sqlite_journal:SqliteJournal"

OF_SQLITE = (
    Mutation(
        name="full-filter-filled-before-the-batch",
        breaks="a full key filter is filled anew before the batch is written, not after",
        invariant=3,
        expected=("ExactlyOnceChecker",),
        edits=(
            slip(
                f"{SQLITE}._append",
                (
                    "rows = self._lay_out(batch)",
                    "rows = self._lay_out(batch)\n    if self._keys.is_full:\n        self._fill_filter(connection)",
                ),
                (
                    "    if self._keys.is_full:\n        self._fill_filter(connection)\n    if self._returned",
                    "    if self._returned",
                ),
            ),
        ),
    ),
    Mutation(
        name="fetch-drops-its-last-key",
        breaks="the last key of each fetch is missing in a filter that is filled anew",
        invariant=3,
        expected=("ExactlyOnceChecker",),
        edits=(
            slip(
                f"{SQLITE}._fill_filter",
                ("keys.add([key for key, _ in some])", "keys.add([key for key, _ in some[:_KEYS_PER_FETCH - 1]])"),
            ),
        ),
    ),
    Mutation(
        name="rows-of-a-large-batch-lost",
        breaks="of a batch that needs several rows, only the first row is written",
        invariant=2,
        expected=("DurabilityChecker", "StreamsChecker", "Process"),
        edits=(
            slip(
                f"{SQLITE}._lay_out",
                (
                    "return list(self._numbers.rows(batch, self._arrival))",
                    "return list(self._numbers.rows(batch, self._arrival))[:1]",
                ),
            ),
        ),
    ),
)
"""Mistakes in the journal on SQLite. The full stack and the trials with power losses run it."""
