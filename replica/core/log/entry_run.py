"""Entries of one stream that follow each other, kept as columns until somebody wants to see one.

What becomes of a new entry is nearly always done to many at once, and to one property of each: the journal writes
bodies and keys, a caller is told hashes. So a run keeps a list of each, and no object per entry; an `Entry` is read
off its body when it is asked for.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from msgspec import Struct

from replica.core.ledger.cells import Stock
from replica.core.log.entry import Entry, Head, Stream, unpack_body


class EntryRun:
    """The entries of a stream from number `first` on; `units` is how many they move in all."""

    __slots__ = ("bodies", "first", "hashes", "keys", "stream", "units")

    def __init__(self, stream: Stream, first: int) -> None:
        self.stream = stream
        self.first = first
        self.bodies: list[bytes] = []
        self.hashes: list[bytes] = []
        self.keys: list[bytes] = []
        """Each entry's key, empty where it has none."""
        self.units = 0

    @classmethod
    def of(cls, entries: Sequence[Entry]) -> EntryRun:
        """The columns of entries; one at least, each the next of the stream."""
        run = EntryRun(entries[0].stream, entries[0].sequence)
        for entry in entries:
            run.append(entry)
        return run

    @property
    def head(self) -> Head:
        """How far the stream reaches with this run, of one entry at least."""
        return Head(self.first + len(self.bodies) - 1, self.hashes[-1])

    def __len__(self) -> int:
        return len(self.bodies)

    def __getitem__(self, place: int) -> Entry:
        body = self.bodies[place]
        return Entry(self.stream, self.first + place, self.hashes[place], body, unpack_body(body))

    def __iter__(self) -> Iterator[Entry]:
        return map(self.__getitem__, range(len(self.bodies)))

    def append(self, entry: Entry) -> None:
        """Take in the next entry."""
        self.bodies.append(entry.body)
        self.hashes.append(entry.hash)
        self.keys.append(entry.content.key)
        for move in entry.content.moves:
            self.units += move.quantity

    def extend(self, run: EntryRun) -> None:
        """Take in the run that follows this one."""
        self.bodies += run.bodies
        self.hashes += run.hashes
        self.keys += run.keys
        self.units += run.units


class FastRun(EntryRun):
    """Entries that a short road has just written: one move each, all along one lane."""

    __slots__ = ("clock", "previous", "source", "taken", "target")

    def __init__(self, stream: Stream, head: Head, clock: int, source: str, target: str) -> None:
        super().__init__(stream, head.sequence + 1)
        self.previous = head.hash
        """The hash before the first."""
        self.clock = clock
        """The stamp of the first; each next one's is one more."""
        self.source = source
        self.target = target
        """The accounts that units go from and to."""
        self.taken: dict[Stock, int] = {}
        """Units taken off each pair."""


class ReceivedRun(Struct, frozen=True):
    """Entries of one stream that follow each other, as a peer sent them; `previous` is the hash before the first."""

    stream: Stream
    first: int
    previous: bytes
    entries: list[Entry]
