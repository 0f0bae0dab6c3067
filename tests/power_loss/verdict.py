"""Checks of a journal that was opened again, after any failure of its disk.

- The journal has every acknowledged batch, complete and in order. It has the batch in flight completely or not at all.
  It has nothing else.
- Streams have no gaps, and hashes link their entries.
- `load` returns the fold of the entries, with the clock of the last batch.
- Each key finds its entries, and no other key finds any.
- SQLite's integrity check succeeds.
- Every table of the file follows from the entries.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable, Sequence
from pathlib import Path

from replica.core.log.entry import Entry, Stream, chain, start
from replica.core.state.batch import Checkpoint, Image, Row
from replica.runtime.journal.verification import verify_file
from replica.runtime.ports import Journal, Stored
from tests.core.chain import image_of
from tests.power_loss.workload import WRITER

PAGE_ENTRIES = 400


class Violation(Exception):
    """A check failed."""


async def read_all(journal: Journal) -> list[Stored]:
    """All entries of the journal, in arrival order."""
    stored: list[Stored] = []
    while page := (await journal.read(len(stored), PAGE_ENTRIES)).stored:
        stored += page
    return stored


def check_entries(stored: Sequence[Stored], acknowledged: Sequence[Entry], in_flight: Sequence[Entry]) -> bool:
    """Check that the journal has the acknowledged entries and at most the batch in flight; return if it has both."""
    found = [one.entry for one in stored]
    least, most = len(acknowledged), len(acknowledged) + len(in_flight)
    if len(found) < least:
        raise Violation(f"{least} entries were acknowledged, the journal has {len(found)}")
    if found[:least] != acknowledged:
        raise Violation(f"entry {_first_other(found, acknowledged)} is not the one that was acknowledged")
    if len(found) not in (least, most):
        raise Violation(f"the journal has {len(found) - least} of {len(in_flight)} entries in flight")
    if len(found) > least and found[least:] != in_flight:
        raise Violation(f"entries after {least} are not those that were in flight")
    _check_links(stored)
    return len(found) > least


def _first_other(found: Sequence[Entry], expected: Sequence[Entry]) -> int:
    return next(arrival for arrival, pair in enumerate(zip(found, expected, strict=False), 1) if pair[0] != pair[1])


def _check_links(stored: Sequence[Stored]) -> None:
    ends: dict[Stream, tuple[int, bytes]] = {}
    for arrival, one in enumerate(stored, 1):
        entry = one.entry
        sequence, end = ends.get(entry.stream) or (0, start(entry.stream).hash)
        if (one.arrival, entry.sequence) != (arrival, sequence + 1):
            raise Violation(
                f"entry {entry.sequence} of {entry.stream} follows {sequence}; arrival {one.arrival} is not {arrival}"
            )
        if one.previous != end or entry.hash != chain(end, entry.body):
            raise Violation(
                f"entry {entry.sequence} of {entry.stream} does not contain the hash of the entry before it"
            )
        ends[entry.stream] = (entry.sequence, entry.hash)


def check_image(image: Image, stored: Sequence[Stored], clock: int) -> None:
    """Check that the loaded image is the fold of the entries, with the clock of the last batch."""
    folded = image_of([(one.entry, one.previous) for one in stored], WRITER)
    for field, loaded, expected in (
        ("heads", dict(image.heads), dict(folded.heads)),
        ("cells", sorted(image.cells), sorted(folded.cells)),
        ("checkpoint rows", sorted_rows(image.checkpoint), sorted_rows(folded.checkpoint)),
        ("clock", image.clock, clock),
        ("arrival", image.arrival, folded.arrival),
    ):
        if loaded != expected:
            raise Violation(f"{field}: loaded {loaded}, the fold of the entries is {expected}")


def sorted_rows(checkpoint: Checkpoint) -> dict[str, list[Row]]:
    """The sorted rows of each part that has rows."""
    return {part: rows for part, some in sorted(checkpoint.items()) if (rows := sorted(some, key=repr))}


async def check_keys(journal: Journal, stored: Sequence[Stored], tried: Iterable[bytes]) -> None:
    """Check that each key finds its entries, and that keys of lost entries find none."""
    expected: dict[bytes, list[Entry]] = {}
    for one in stored:
        if one.entry.content.key:
            expected.setdefault(one.entry.content.key, []).append(one.entry)
    found = await journal.find(list(tried))
    if found != expected:
        missing = [key.hex() for key in expected if key not in found]
        foreign = [key.hex() for key in found if key not in expected]
        raise Violation(f"keys find wrong entries; missing keys: {missing}, keys of lost entries: {foreign}")


async def check_retries(journal: Journal, written: Iterable[Entry]) -> None:
    """Check that a retry of each request that was just written finds its entry, so that it counts once."""
    keys = [entry.content.key for entry in written if entry.content.key]
    found = await journal.find(keys)
    for entry in written:
        if entry.content.key and entry not in found.get(entry.content.key, ()):
            raise Violation(f"a retry does not find its entry under the key {entry.content.key.hex()}")


def check_file(path: Path) -> None:
    """Run SQLite's integrity check, and compare all tables with the entries."""
    connection = sqlite3.connect(path)
    try:
        findings = connection.execute("PRAGMA integrity_check").fetchall()
    except sqlite3.DatabaseError as error:
        raise Violation(f"integrity check: {error}") from error
    finally:
        connection.close()
    if findings != [("ok",)]:
        raise Violation(f"integrity check: {findings}")
    differences = verify_file(path, believes_all=True).differences
    if differences:
        raise Violation(f"tables differ from the entries: {'; '.join(map(str, differences))}")
