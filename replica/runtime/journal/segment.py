"""Segments: consecutive entries of one stream, as one row of a journal.

One row for a whole batch costs the disk a fraction of one row per entry. A segment holds the bodies, and the hash
before the first entry. Reading computes the hash of each entry from these, link by link.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import msgpack
import msgspec
from msgspec import Struct

from replica.core.log.entry import Entry, Stream, chain, unpack_body
from replica.core.log.entry_run import EntryRun
from replica.runtime.ports import Stored

SEGMENT_ENTRIES_MAX = 256
"""Entries in a segment. It is bounded because a reader unpacks a whole segment to find one entry."""

_split = msgspec.msgpack.Decoder(list[msgspec.Raw]).decode
_packer = msgpack.Packer(autoreset=False)


class Segment(Struct, frozen=True):
    """`arrival` and `sequence` belong to the last entry; `previous` is the hash before the first."""

    arrival: int
    stream: Stream
    sequence: int
    previous: bytes
    bodies: bytes

    def unpack(self) -> list[Stored]:
        """Read the entries back, and link each to the one before."""
        bodies = _split(self.bodies)
        arrival, sequence, link = self.arrival - len(bodies), self.sequence - len(bodies), self.previous
        stored = []
        for number, raw in enumerate(bodies, 1):
            body = bytes(raw)
            previous, link = link, chain(link, body)
            entry = Entry(
                stream=self.stream, sequence=sequence + number, hash=link, body=body, content=unpack_body(body)
            )
            stored.append(Stored(arrival + number, entry, previous))
        return stored


def cut_segments(run: EntryRun, arrival: int, previous: bytes) -> Iterator[Segment]:
    """Cut a run into segments. `arrival` is the last arrival number before the run, `previous` the hash before it."""
    for start in range(0, len(run), SEGMENT_ENTRIES_MAX):
        some = run.bodies[start : start + SEGMENT_ENTRIES_MAX]
        end = start + len(some)
        yield Segment(
            arrival=arrival + end,
            stream=run.stream,
            sequence=run.first + end - 1,
            previous=previous,
            bodies=_join(some),
        )
        previous = run.hashes[end - 1]


def _join(bodies: Sequence[bytes]) -> bytes:
    _packer.pack_array_header(len(bodies))
    header: bytes = _packer.bytes()
    _packer.reset()
    return header + b"".join(bodies)
