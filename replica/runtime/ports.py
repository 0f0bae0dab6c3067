"""Ports: what a node needs from the outside world. Production and simulation differ only in these."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Protocol

from msgspec import Struct

from replica.core.base.clock import Moment
from replica.core.catalog.registers import Slot
from replica.core.catalog.search_queries import FoundSkus
from replica.core.catalog.search_terms import Terms
from replica.core.log.entry import Entry, Stream
from replica.core.state.batch import Batch, Image
from replica.core.stock.till_receipts import QuestionedReceipt, TillReceipt


class Stored(Struct, frozen=True):
    """An entry as a journal returns it, with its arrival number and the hash before it."""

    arrival: int
    entry: Entry
    previous: bytes


class Page(Struct, frozen=True):
    """Some entries of a journal. `through` is the arrival number up to which it searched, even if nothing matched."""

    stored: list[Stored]
    through: int


ANSWER_BYTES_MAX = 8 << 20
"""Greatest answer of a peer to a question, in bytes: 500 SKUs at 20 locations with their addresses have about half."""


class Clock(Protocol):
    """The source of time."""

    def now(self) -> Moment:
        """Read wall time (milliseconds since 1970) and elapsed time (milliseconds since some start)."""


class Entropy(Protocol):
    """The source of randomness."""

    def random_bytes(self, length: int) -> bytes:
        """Bytes that nobody can predict."""

    def fraction(self) -> float:
        """A number in 0..1, for jitter."""


class Journal(Protocol):
    """The journal makes entries durable. tests/contract/test_journal.py checks this contract."""

    async def load(self) -> Image:
        """Read the heads and the checkpoint of the fold. If the checkpoint does not match the entries, fold again."""

    async def append(self, batch: Batch) -> int:
        """Make a batch durable, all or nothing; return the arrival number of its last entry.

        Raises:
            StorageFull: definite, nothing was written; `load` must follow.
            Unknown: indefinite; the process must end.
        """

    async def find(self, keys: Sequence[bytes]) -> dict[bytes, list[Entry]]:
        """Find the durable entries under each key: the first KEY_ENTRIES_MAX, in order of arrival.

        Keys without entries are left out.
        """

    def likely_returned(self, receipts: Sequence[TillReceipt]) -> list[TillReceipt]:
        """Of some till receipts, those that a durable return names, and rarely another one. Reads no disk."""

    async def find_receipts(self, receipts: Sequence[TillReceipt]) -> dict[TillReceipt, list[Entry]]:
        """Find the durable entries that use each till receipt, in order of arrival.

        Receipts without entries are left out. A receipt with RECEIPT_ENTRIES_MAX entries or more has an empty list.
        """

    async def repeated_receipts(self, before: int, limit: int) -> list[QuestionedReceipt]:
        """Read the till receipts that one till used for several sales, or several returns, of one day.

        The newest come first, at most `limit`, and only those whose newest entry arrived before `before`. The day is
        that of the location's time zone as the node knew it when the entry arrived.
        """

    async def questioned_receipts(self, before: int, limit: int) -> list[QuestionedReceipt]:
        """Read the till receipts of returns that an entry calls in question, in the same way."""

    async def read(self, after: int, limit: int) -> Page:
        """Read up to `limit` entries that arrived after `after`."""

    async def missing(self, held: Mapping[Stream, int], through: int, limit: int) -> list[Stored]:
        """Read at most `limit` entries of these streams past the numbers held, in arrival order, up to `through`.

        The result is a prefix: it has every such entry that arrived before its last one. `through` excludes entries
        that arrived after the caller chose the streams, because their causes may be in another stream.
        """

    async def moves_of(self, location: str, item: str, before: int, limit: int) -> Page:
        """Read entries that moved an item at a location and arrived before `before`, newest first.

        `through` is `before` for the next page; 0 if there are no older entries.
        """

    async def entries_of_receipt(self, receipt: TillReceipt, before: int, limit: int) -> Page:
        """Read entries that use a till receipt, in the same way."""

    async def writes_of(self, slot: Slot, before: int, limit: int) -> Page:
        """Read entries that wrote one register of a document, in the same way."""

    async def search(self, terms: Terms, after: int = 0) -> FoundSkus:
        """Find SKUs whose names and attributes, as of the last commit, fit some terms.

        At most SEARCH_CANDIDATES_MAX are looked at, those that entered first. To find the next ones, pass the
        `through` of the last answer as `after`, until `is_capped` is false.
        """

    async def keep(self, notes: Mapping[str, bytes], most: int) -> None:
        """Keep notes beside the journal, by name, at most so many: the oldest ones are dropped. No room: none is kept.

        Notes are no part of the state of a replica. A node that loses them has to ask again.
        """

    async def kept(self) -> dict[str, bytes]:
        """The notes, the one kept last at the end."""

    async def close(self) -> None:
        """Release the files."""


class Socket(Protocol):
    """An open connection to a peer. It carries frames in order."""

    async def send(self, frame: bytes) -> None:
        """Send one frame; wait while the connection is full. Raises ConnectionError if the connection is lost.

        If the call is cancelled while it waits, the whole frame is still sent.
        """

    async def receive(self) -> bytes | None:
        """The next frame; None if the other side hung up."""

    async def close(self) -> None:
        """Hang up. Frames sent before are still delivered if the connection allows it."""


class Network(Protocol):
    """Connections to peers."""

    async def dial(self, url: str) -> Socket:
        """Connect to a peer's sync address. Raises OSError or TimeoutError."""

    async def is_ready(self, url: str) -> bool:
        """Whether the node at a sync address answers that it is ready. Never raises."""

    async def ask(self, url: str, path: str, body: bytes | None = None) -> bytes:
        """Read the JSON document that the node at a sync address has at a path. With a body: post it there.

        Raises OSError or TimeoutError: no answer, one that is no success, or one past ANSWER_BYTES_MAX.
        """
