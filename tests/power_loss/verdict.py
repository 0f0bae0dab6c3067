"""What must hold of a journal that was opened again, whatever happened to its disk.

Every acknowledged batch is there, whole and in order; the one in flight is there whole or not at all; nothing else
is. Streams have no gaps and are linked by their hashes; what `load` gives back is the fold of the entries; every key
finds the first entry that arrived under it, and no other key finds any; SQLite finds its file sound.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable, Sequence
from pathlib import Path

from replica.core.log.entry import Entry, Stream, chain, start
from replica.core.state.batch import Checkpoint, Image, Row
from replica.runtime.ports import Journal, Stored
from tests.core.chain import image_of
from tests.power_loss.workload import WRITER

PAGE_ENTRIES = 400


class Violation(Exception):
    """Something that must hold does not."""


async def read_all(journal: Journal) -> list[Stored]:
    """Everything the journal holds, in arrival order."""
    stored: list[Stored] = []
    while page := (await journal.read(len(stored), PAGE_ENTRIES)).stored:
        stored += page
    return stored


def check_entries(stored: Sequence[Stored], acknowledged: Sequence[Entry], in_flight: Sequence[Entry]) -> bool:
    """Check that all acknowledged is there and nothing else but the batch in flight; tell whether that is there."""
    found = [one.entry for one in stored]
    held, whole = len(acknowledged), len(acknowledged) + len(in_flight)
    if len(found) < held:
        raise Violation(f"{held} entries were acknowledged, {len(found)} are there")
    if found[:held] != acknowledged:
        raise Violation(f"entry {_first_other(found, acknowledged)} is not the one that was acknowledged")
    if len(found) not in (held, whole):
        raise Violation(f"of {len(in_flight)} entries in flight {len(found) - held} are there")
    if len(found) > held and found[held:] != in_flight:
        raise Violation(f"entries after {held} are not those that were in flight")
    _check_links(stored)
    return len(found) > held


def _first_other(found: Sequence[Entry], expected: Sequence[Entry]) -> int:
    return next(place for place, pair in enumerate(zip(found, expected, strict=False), 1) if pair[0] != pair[1])


def _check_links(stored: Sequence[Stored]) -> None:
    ends: dict[Stream, tuple[int, bytes]] = {}
    for place, one in enumerate(stored, 1):
        entry = one.entry
        sequence, end = ends.get(entry.stream) or (0, start(entry.stream).hash)
        if (one.arrival, entry.sequence) != (place, sequence + 1):
            raise Violation(f"entry {entry.sequence} of {entry.stream} after {sequence}, at {one.arrival} not {place}")
        if one.previous != end or entry.hash != chain(end, entry.body):
            raise Violation(f"entry {entry.sequence} of {entry.stream} is not linked to the one before")
        ends[entry.stream] = (entry.sequence, entry.hash)


def check_image(image: Image, stored: Sequence[Stored]) -> None:
    """Check that what was loaded is the fold of the entries."""
    folded = image_of([(one.entry, one.previous) for one in stored], WRITER)
    for what, loaded, expected in (
        ("heads", dict(image.heads), dict(folded.heads)),
        ("cells", sorted(image.cells), sorted(folded.cells)),
        ("checkpoint rows", sorted_rows(image.checkpoint), sorted_rows(folded.checkpoint)),
        ("clock", max(image.clock, folded.clock), image.clock),
        ("arrival", image.arrival, folded.arrival),
    ):
        if loaded != expected:
            raise Violation(f"{what} are not what the entries fold to: {loaded} instead of {expected}")


def sorted_rows(checkpoint: Checkpoint) -> dict[str, list[Row]]:
    """The rows of each part that has any, in an order of their own."""
    return {part: rows for part, some in sorted(checkpoint.items()) if (rows := sorted(some, key=repr))}


async def check_keys(journal: Journal, stored: Sequence[Stored], tried: Iterable[bytes]) -> None:
    """Check that keys find the entries under them, and those that were lost find none."""
    expected: dict[bytes, list[Entry]] = {}
    for one in stored:
        if one.entry.content.key:
            expected.setdefault(one.entry.content.key, []).append(one.entry)
    found = await journal.find(list(tried))
    if found != expected:
        missing = [key.hex() for key in expected if key not in found]
        foreign = [key.hex() for key in found if key not in expected]
        raise Violation(f"keys that find nothing: {missing}, that find what is not there: {foreign}, or another entry")


def check_file(path: Path) -> None:
    """Check that SQLite finds the file sound."""
    connection = sqlite3.connect(path)
    try:
        findings = connection.execute("PRAGMA integrity_check").fetchall()
    except sqlite3.DatabaseError as error:
        raise Violation(f"integrity check: {error}") from error
    finally:
        connection.close()
    if findings != [("ok",)]:
        raise Violation(f"integrity check: {findings}")
