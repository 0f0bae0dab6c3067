"""Segments: entries of one stream that follow each other, as one row of a journal.

One row for a whole batch costs the disk a fraction of a row per entry. A segment holds the bodies and the hash before
the first; entries' own hashes follow from those, so what is read back has been checked link by link.
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
"""A reader unpacks a whole segment to find one entry in it."""

_split = msgspec.msgpack.Decoder(list[msgspec.Raw]).decode
_packer = msgpack.Packer(autoreset=False)


class Segment(Struct, frozen=True):
    """`arrival` and `sequence` are those of the last entry; `previous` is the hash before the first."""

    arrival: int
    stream: Stream
    sequence: int
    previous: bytes
    bodies: bytes

    def unpack(self) -> list[Stored]:
        """Read the entries back, linking each to the one before."""
        bodies = _split(self.bodies)
        arrival, sequence, link = self.arrival - len(bodies), self.sequence - len(bodies), self.previous
        stored = []
        for place, raw in enumerate(bodies, 1):
            body = bytes(raw)
            previous, link = link, chain(link, body)
            entry = Entry(self.stream, sequence + place, link, body, unpack_body(body))
            stored.append(Stored(arrival + place, entry, previous))
        return stored


def cut_segments(run: EntryRun, arrival: int, previous: bytes) -> Iterator[Segment]:
    """Cut a run into segments. `arrival` is that of the newest entry before it, `previous` the hash before it."""
    for start in range(0, len(run), SEGMENT_ENTRIES_MAX):
        some = run.bodies[start : start + SEGMENT_ENTRIES_MAX]
        end = start + len(some)
        yield Segment(arrival + end, run.stream, run.first + end - 1, previous, _join(some))
        previous = run.hashes[end - 1]


def _join(bodies: Sequence[bytes]) -> bytes:
    _packer.pack_array_header(len(bodies))
    header: bytes = _packer.bytes()
    _packer.reset()
    return header + b"".join(bodies)
