"""Ports: what the driver needs from the world. Production and simulation differ in these and in nothing else."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Protocol

from msgspec import Struct

from replica.core.base.clock import Moment
from replica.core.log.entry import Entry, Stream
from replica.core.state.batch import Batch, Image


class Stored(Struct, frozen=True, gc=False):
    """An entry as a journal gives it back: its place in arrival order, and the hash before it."""

    arrival: int
    entry: Entry
    previous: bytes


class Page(Struct, frozen=True):
    """Entries in arrival order. `through` is how far was looked, also where nothing matched."""

    stored: list[Stored]
    through: int


class Clock(Protocol):
    """Where time comes from."""

    def now(self) -> Moment:
        """Read wall time (milliseconds since 1970) and elapsed time (since some start)."""


class Entropy(Protocol):
    """Where randomness comes from."""

    def random_bytes(self, length: int) -> bytes:
        """Bytes nobody can guess."""

    def fraction(self) -> float:
        """A number in 0..1, for jitter."""


class Journal(Protocol):
    """Where entries become durable. Held to its contract by tests/contract/test_journal.py."""

    async def load(self) -> Image:
        """Read the heads and the checkpoint of the fold; refold where the checkpoint does not match the entries."""

    async def append(self, batch: Batch) -> int:
        """Make a batch durable, all or nothing; return the arrival number of its last entry.

        Raises:
            StorageFull: definite, nothing was written; `load` must follow.
            Unknown: indefinite; the process must end.
        """

    async def find(self, keys: Sequence[bytes]) -> dict[bytes, list[Entry]]:
        """Find the entries that arrived under each key, among those durable now; missing keys are left out.

        The first KEY_ENTRIES_MAX of each, in order of arrival.
        """

    async def read(self, after: int, limit: int) -> Page:
        """Read up to `limit` entries that arrived after `after`."""

    async def missing(self, held: Mapping[Stream, int], through: int, limit: int) -> list[Stored]:
        """Read entries of these streams past the numbers held that arrived up to `through`, in arrival order.

        At most `limit`. What comes is a prefix: nothing of these streams that arrived before the last of it is left
        out. `through` keeps out what arrived after the caller chose the streams: its cause may be of another stream.
        """

    async def moves_of(self, location: str, item: str, before: int, limit: int) -> Page:
        """Read entries that moved an item at a location, newest first, of those that arrived before `before`.

        `through` is where to go on from: 0 when nothing older is left.
        """

    async def close(self) -> None:
        """Release the files."""


class Socket(Protocol):
    """A live connection to a peer that carries frames in order."""

    async def send(self, frame: bytes) -> None:
        """Send one frame; waits while the line is full. Raises ConnectionError when it is gone.

        Cancelled while it waits, the frame is on its way all the same, and whole.
        """

    async def receive(self) -> bytes | None:
        """The next frame; None when the other side hung up."""

    async def close(self) -> None:
        """Hang up. What was sent before is still delivered where the line allows."""


class Network(Protocol):
    """How peers are reached."""

    async def dial(self, url: str) -> Socket:
        """Connect to a peer's sync address. Raises OSError or TimeoutError."""

    async def is_ready(self, url: str) -> bool:
        """Tell whether the node behind a sync address answers that it is ready. Never raises."""
