"""Consecutive entries of one stream, stored as columns.

Most code handles many new entries at once, and one property of each: the journal writes bodies and keys, an answer
contains hashes. So a run keeps one list for each property and no object for each entry. It decodes an `Entry` from its
body on demand.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from msgspec import Struct

from replica.core.ledger.cells import Stock
from replica.core.log.entry import Entry, Head, Stream, unpack_body


class EntryRun:
    """The entries of a stream from number `first`; `units` is the sum of all units that they move."""

    __slots__ = ("bodies", "first", "hashes", "keys", "stream", "units")

    def __init__(self, stream: Stream, first: int) -> None:
        self.stream = stream
        self.first = first
        self.bodies: list[bytes] = []
        self.hashes: list[bytes] = []
        self.keys: list[bytes] = []
        """Each entry's key; empty if it has none."""
        self.units = 0

    @classmethod
    def of(cls, entries: Sequence[Entry]) -> EntryRun:
        """The run of at least one entry; each follows the one before it in the stream."""
        run = EntryRun(entries[0].stream, entries[0].sequence)
        for entry in entries:
            run.append(entry)
        return run

    @property
    def head(self) -> Head:
        """The head of the stream after this run of at least one entry."""
        return Head(self.first + len(self.bodies) - 1, self.hashes[-1])

    def __len__(self) -> int:
        return len(self.bodies)

    def __getitem__(self, index: int) -> Entry:
        body = self.bodies[index]
        return Entry(self.stream, self.first + index, self.hashes[index], body, unpack_body(body))

    def __iter__(self) -> Iterator[Entry]:
        return map(self.__getitem__, range(len(self.bodies)))

    def append(self, entry: Entry) -> None:
        """Append the next entry."""
        self.bodies.append(entry.body)
        self.hashes.append(entry.hash)
        self.keys.append(entry.content.key)
        for move in entry.content.moves:
            self.units += move.quantity

    def extend(self, run: EntryRun) -> None:
        """Append the run that follows this one."""
        self.bodies += run.bodies
        self.hashes += run.hashes
        self.keys += run.keys
        self.units += run.units


class FastRun(EntryRun):
    """Entries that a fast path has just written: one move each, all along one route."""

    __slots__ = ("clock", "previous", "receipts", "source", "taken", "target")

    def __init__(self, stream: Stream, head: Head, clock: int, source: str, target: str) -> None:
        super().__init__(stream, head.sequence + 1)
        self.previous = head.hash
        """The hash before the first entry."""
        self.clock = clock
        """The stamp of the first entry; each next stamp is one more."""
        self.source = source
        self.target = target
        """All units move from account `source` to account `target`."""
        self.receipts: list[tuple[int, str, str, int]] = []
        """The index, the till and the number of the till receipt of each entry that has one, and when the goods moved,
        in milliseconds since 1970."""
        self.taken: dict[Stock, int] = {}
        """Units taken from each pair."""


class ReceivedRun(Struct, frozen=True):
    """Consecutive entries of one stream, as a peer sent them; `previous` is the hash before the first."""

    stream: Stream
    first: int
    previous: bytes
    entries: list[Entry]
