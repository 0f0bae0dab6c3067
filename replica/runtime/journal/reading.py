"""Queries over segments, for peers, people and retries. Each runs in one thread.

A segment is one row for a run of entries of one stream; `docs/decisions/0002` says why.
"""

from __future__ import annotations

import heapq
import sqlite3
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from itertools import islice, takewhile
from typing import Any

import msgspec

from replica.core.base.limits import COLLISIONS_MAX, KEY_ENTRIES_MAX
from replica.core.base.names import void_key
from replica.core.catalog.registers import Slot, scope_of, writes_slot
from replica.core.log.entry import DOCUMENT, Content, Entry, Stream
from replica.runtime.journal.segment import SEGMENT_ENTRIES_MAX, Segment
from replica.runtime.journal.statements import STATEMENTS
from replica.runtime.ports import Page, Stored

_STREAMS_READ_SINGLY = 16

PAGE_BYTES_MAX = 4 << 20
"""Bytes of bodies read for a peer at once. This is bounded because entries may be large."""


def segment(row: tuple[Any, ...]) -> Segment:
    """A segment from its row."""
    arrival, writer, scope, sequence, previous, bodies = row
    return Segment(arrival=arrival, stream=Stream(writer, scope), sequence=sequence, previous=previous, bodies=bodies)


def entries(rows: Iterable[tuple[Any, ...]]) -> Iterator[Stored]:
    """The entries of all segments in some rows."""
    for row in rows:
        yield from segment(row).unpack()


def newest(connection: sqlite3.Connection) -> int:
    """The arrival number of the newest entry; 0 when there is none."""
    (newest,) = connection.execute(STATEMENTS["newest_arrival"]).fetchone()
    return int(newest)


def read(connection: sqlite3.Connection, after: int, limit: int) -> Page:
    """Entries that arrived after a number."""
    rows = connection.execute(STATEMENTS["segments_after"], (after,))
    stored = list(islice((one for one in entries(rows) if one.arrival > after), limit))
    rows.close()
    return Page(stored, stored[-1].arrival if stored else after)


def missing(connection: sqlite3.Connection, held: Sequence[tuple[int, int]], through: int, limit: int) -> list[Stored]:
    """Entries of some streams past the numbers held, in arrival order.

    If there are few streams, each is read along its index, and the results are merged. If there are many, all segments
    are read in arrival order.
    """
    if len(held) <= _STREAMS_READ_SINGLY:
        cursors = [connection.execute(STATEMENTS["stream_after"], (stream, after)) for stream, after in held]
        streams = [_past(rows, after) for rows, (_, after) in zip(cursors, held, strict=True)]
        in_order = heapq.merge(*streams, key=lambda one: one.arrival)
        stored = _page(takewhile(lambda one: one.arrival <= through, in_order), limit)
        for rows in cursors:
            rows.close()
        return stored
    firsts = [connection.execute(STATEMENTS["first_after"], (stream, after)).fetchone()[0] for stream, after in held]
    start = min((first for first in firsts if first is not None), default=None)
    if start is None:
        return []
    wanted = dict(held)
    numbers = connection.execute(STATEMENTS["segment_ends_from"], (start,))
    segments = (
        connection.execute(STATEMENTS["segment_at"], (arrival,)).fetchone()
        for arrival, stream, sequence in numbers
        if sequence > wanted.get(stream, sequence)
    )
    after_of = dict(_named(connection, wanted))
    fresh = (one for one in entries(segments) if one.entry.sequence > after_of[one.entry.stream])
    stored = _page(takewhile(lambda one: one.arrival <= through, fresh), limit)
    numbers.close()
    return stored


def _past(rows: Iterable[tuple[Any, ...]], sequence: int) -> Iterator[Stored]:
    return (one for one in entries(rows) if one.entry.sequence > sequence)


def _page(stored: Iterable[Stored], limit: int) -> list[Stored]:
    """Take entries up to a limit in number and in bytes, but at least one, however large."""
    page: list[Stored] = []
    size = 0
    for one in stored:
        size += len(one.entry.body)
        if len(page) >= limit or (page and size > PAGE_BYTES_MAX):
            break
        page.append(one)
    return page


def _named(connection: sqlite3.Connection, held: Mapping[int, int]) -> Iterator[tuple[Stream, int]]:
    for number, writer, scope, *_ in connection.execute(STATEMENTS["all_streams"]):
        if number in held:
            yield Stream(writer, scope), held[number]


def moves_of(connection: sqlite3.Connection, location: str, item: str, before: int, limit: int) -> Page:
    """The entries that moved an item at a location, newest first."""

    def moves_it(content: Content) -> bool:
        return any(move.item == item for move in content.moves)

    return _naming(connection, location, item, moves_it, before, limit)


def writes_of(connection: sqlite3.Connection, slot: Slot, before: int, limit: int) -> Page:
    """The entries that wrote one register of a document, newest first."""
    _, key, rank, at = slot

    def writes_it(content: Content) -> bool:
        return content.kind == DOCUMENT and writes_slot(content.facts, slot)

    return _naming(connection, scope_of(rank, at), key, writes_it, before, limit)


def _naming(
    connection: sqlite3.Connection, scope: str, name: str, matches: Callable[[Content], bool], before: int, limit: int
) -> Page:
    """Find entries by a name in their bodies. This is slower than an index, but costs sales nothing."""
    rows = connection.execute(
        STATEMENTS["segments_naming"], (scope, SEGMENT_ENTRIES_MAX, before, msgspec.msgpack.encode(name))
    )
    newest_first = (one for row in rows for one in reversed(segment(row).unpack()))
    found = (one for one in newest_first if one.arrival < before and matches(one.entry.content))
    stored = list(islice(found, limit))
    rows.close()
    return Page(stored, stored[-1].arrival if len(stored) == limit else 0)


def find(connection: sqlite3.Connection, keys: Iterable[bytes]) -> dict[bytes, list[Stored]]:
    """The first entries that arrived under each key, at most KEY_ENTRIES_MAX; keys without entries are left out."""
    found: dict[bytes, list[Stored]] = {}
    for key in keys:
        rows = connection.execute(STATEMENTS["arrivals_of_key"], (key, KEY_ENTRIES_MAX)).fetchall()
        if rows:
            found[key] = [arrived(connection, arrival) for (arrival,) in rows]
    return found


def shared(connection: sqlite3.Connection, keys: Iterable[tuple[int, bytes]]) -> list[Entry]:
    """The entries of the newest shared keys, and their voids, in order of arrival."""
    found = find(connection, [key for _, key in heapq.nlargest(COLLISIONS_MAX, keys)])
    stored = {one.arrival: one.entry for several in found.values() for one in several}
    voids = find(connection, [void_key(entry.hash) for entry in stored.values()])
    stored.update({one.arrival: one.entry for several in voids.values() for one in several})
    return [entry for _, entry in sorted(stored.items())]


def arrived(connection: sqlite3.Connection, arrival: int) -> Stored:
    """The entry with an arrival number."""
    row = connection.execute(STATEMENTS["segment_with"], (arrival,)).fetchone()
    (stored,) = [one for one in segment(row).unpack() if one.arrival == arrival]
    return stored
