"""The index of till receipts: which entries use which receipt. See `replica.core.stock.till_receipts`."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable

from replica.core.base.limits import RECEIPT_ENTRIES_MAX
from replica.core.log.entry import Entry
from replica.core.stock.till_receipts import QuestionedReceipt, TillReceipt, uses_of
from replica.runtime.journal import reading
from replica.runtime.journal.key_filter import KeyFilter
from replica.runtime.journal.statements import STATEMENTS

SCHEMA = 7
"""The schema version from which files have the index."""

_PER_FETCH = 4_096

_USES_MAX = 3 * RECEIPT_ENTRIES_MAX
"""Rows in the lookup of one receipt: an entry has at most three uses of it."""


def fill(connection: sqlite3.Connection) -> None:
    """Fill the index from the entries of a file of an older schema. Runs in the transaction that updates the schema."""
    rows = (
        (stored.entry.stream.scope, use.number, use.name, use.till, stored.arrival)
        for stored in reading.entries(connection.execute(STATEMENTS["all_segments"]))
        for use in uses_of(stored.entry.content)
    )
    connection.executemany(STATEMENTS["insert_receipt"], rows)
    connection.execute(STATEMENTS["question_receipts"])


def find(connection: sqlite3.Connection, receipts: Iterable[TillReceipt]) -> dict[TillReceipt, list[Entry]]:
    """The entries that use each receipt; receipts without entries are left out.

    A receipt with RECEIPT_ENTRIES_MAX entries or more has an empty list: to read them all would hold up the driver.
    """
    found: dict[TillReceipt, list[Entry]] = {}
    for receipt in dict.fromkeys(receipts):
        rows = connection.execute(STATEMENTS["arrivals_of_receipt"], (*receipt, _USES_MAX)).fetchall()
        if len(rows) >= RECEIPT_ENTRIES_MAX:
            found[receipt] = []
        elif rows:
            found[receipt] = [reading.arrived(connection, arrival).entry for (arrival,) in rows]
    return found


def questioned(connection: sqlite3.Connection, limit: int) -> list[QuestionedReceipt]:
    """The receipts that a person should look at, newest first, with the entries that use each so."""
    found = []
    for location, number, use, till in connection.execute(STATEMENTS["questioned_receipts"], (limit,)).fetchall():
        rows = connection.execute(STATEMENTS["arrivals_of_use"], (location, number, use, till, RECEIPT_ENTRIES_MAX))
        entries = [reading.arrived(connection, arrival).entry for (arrival,) in reversed(rows.fetchall())]
        found.append(QuestionedReceipt(TillReceipt(location, number), use, till, entries))
    return found


def returned(connection: sqlite3.Connection) -> KeyFilter[TillReceipt]:
    """A filter of all receipts that returns name."""
    (expected,) = connection.execute(STATEMENTS["number_of_originals"]).fetchone()
    receipts: KeyFilter[TillReceipt] = KeyFilter(expected)
    rows = connection.execute(STATEMENTS["all_originals"])
    while some := rows.fetchmany(_PER_FETCH):
        receipts.add([TillReceipt(location, number) for location, number in some])
    return receipts
