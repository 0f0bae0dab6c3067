"""The index of till receipts: which entries use which receipt. See `replica.core.stock.till_receipts`."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable, Iterator

from replica.core.base.limits import RECEIPT_ENTRIES_MAX
from replica.core.base.names import CHAIN
from replica.core.catalog.documents import Documents
from replica.core.catalog.locations import time_zone_of
from replica.core.log.entry import DOCUMENT, Entry
from replica.core.log.times import moved_ms
from replica.core.stock.till_receipts import QuestionedReceipt, TillReceipt, uses_of
from replica.runtime.journal import reading
from replica.runtime.journal.key_filter import KeyFilter
from replica.runtime.journal.statements import STATEMENTS
from replica.runtime.ports import Page, Stored
from replica.runtime.time_zones import local_day

SCHEMA = 9
"""The schema version from which files have the index in this form."""

Row = tuple[str, str, str, str, int, int]
"""One use of a till receipt: location, number, use, till, day, and the arrival number of the entry."""

_PER_FETCH = 4_096

_USES_MAX = 3 * RECEIPT_ENTRIES_MAX
"""Rows in the lookup of one receipt: an entry has at most three uses of it."""


def rows_of(stored: Stored, documents: Documents) -> list[Row]:
    """How an entry uses till receipts. `documents`: as of its arrival, because they name the time zone."""
    uses, scope, content = uses_of(stored.entry.content), stored.entry.stream.scope, stored.entry.content
    day = local_day(time_zone_of(documents, scope), moved_ms(content)) if uses else 0
    return [(scope, use.number, use.name, use.till, day, stored.arrival) for use in uses]


def fill(connection: sqlite3.Connection) -> None:
    """Fill the index from the entries of a file of an older schema. Runs in the transaction that updates the schema."""
    connection.executemany(STATEMENTS["insert_receipt"], _all_rows(connection))
    connection.execute(STATEMENTS["question_receipts"])


def _all_rows(connection: sqlite3.Connection) -> Iterator[Row]:
    documents = Documents()
    for stored in reading.entries(connection.execute(STATEMENTS["all_segments"])):
        stream, content = stored.entry.stream, stored.entry.content
        if content.kind == DOCUMENT and stream.scope == CHAIN:
            documents.apply(content.facts, content.clock, stream.writer)
        yield from rows_of(stored, documents)


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


def newest(connection: sqlite3.Connection, receipt: TillReceipt, before: int, limit: int) -> Page:
    """The entries that use a receipt and arrived before a number, newest first."""
    rows = connection.execute(STATEMENTS["newest_of_receipt"], (*receipt, before, limit)).fetchall()
    stored = [reading.arrived(connection, arrival) for (arrival,) in rows]
    return Page(stored, stored[-1].arrival if len(stored) == limit else 0)


def repeated(connection: sqlite3.Connection, before: int, limit: int) -> list[QuestionedReceipt]:
    """The receipts that a till used several times on one day, newest first, with the entries of the day."""
    rows = connection.execute(STATEMENTS["questioned_receipts"], (False, before, limit)).fetchall()
    return [_with_entries(connection, row, "arrivals_of_day", row[:5]) for row in rows]


def questioned(connection: sqlite3.Connection, before: int, limit: int) -> list[QuestionedReceipt]:
    """The receipts of returns that an entry calls in question, newest first, with these entries."""
    rows = connection.execute(STATEMENTS["questioned_receipts"], (True, before, limit)).fetchall()
    return [_with_entries(connection, row, "arrivals_of_question", row[:2]) for row in rows]


def _with_entries(
    connection: sqlite3.Connection, row: Row, statement: str, key: tuple[str | int, ...]
) -> QuestionedReceipt:
    location, number, use, till, _, newest = row
    arrivals = connection.execute(STATEMENTS[statement], (*key, RECEIPT_ENTRIES_MAX)).fetchall()
    entries = [reading.arrived(connection, arrival).entry for (arrival,) in reversed(arrivals)]
    return QuestionedReceipt(TillReceipt(location, number), use, till, entries, newest)


def returned(connection: sqlite3.Connection) -> KeyFilter[TillReceipt]:
    """A filter of all receipts that returns name."""
    (expected,) = connection.execute(STATEMENTS["number_of_originals"]).fetchone()
    receipts: KeyFilter[TillReceipt] = KeyFilter(expected)
    rows = connection.execute(STATEMENTS["all_originals"])
    while some := rows.fetchmany(_PER_FETCH):
        receipts.add([TillReceipt(location, number) for location, number in some])
    return receipts
