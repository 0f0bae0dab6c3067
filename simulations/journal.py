"""A journal in memory: the journal port on a simulated disk, held to the same contract as the real one.

The disk outlives the journal that writes to it, as a file outlives its process. It has room for so many bytes, and
may be told to fail a commit in a way that leaves nobody knowing whether it happened.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from replica.core.documents import Documents
from replica.core.entry import DOCUMENT, Entry, Head, Stream, genesis
from replica.core.errors import StorageFull, Unknown
from replica.core.ledger import Ledger
from replica.core.names import CHAIN
from replica.core.replica import Batch, Image
from replica.runtime.ports import Page, Stored


class SimulatedDisk:
    """What survives: entries in arrival order."""

    def __init__(self, room_bytes: int | None = None) -> None:
        self.stored: list[Stored] = []
        self.room_bytes = room_bytes
        self.fails_next_commit: bool | None = None
        """None: it works. Otherwise the next commit fails, and whether it happened all the same."""


class SimulatedJournal:
    """The journal port on a simulated disk."""

    def __init__(self, disk: SimulatedDisk, writer: str) -> None:
        self._disk = disk
        self._writer = writer

    async def load(self) -> Image:
        ledger, documents = Ledger(), Documents()
        heads: dict[Stream, Head] = {}
        newest: dict[str, int] = {}
        own = 0
        for stored in self._disk.stored:
            entry, content = stored.entry, stored.entry.content
            heads[entry.stream] = Head(entry.sequence, entry.hash)
            ledger.apply(entry.stream.scope, entry.stream.writer, content.moves)
            if content.kind == DOCUMENT and entry.stream.scope == CHAIN:
                documents.apply(content.facts, content.clock, entry.stream.writer)
            newest[entry.stream.scope] = max(content.clock, newest.get(entry.stream.scope, 0))
            if entry.stream.writer == self._writer:
                own = max(own, content.clock)
        return Image(
            list(heads.items()),
            list(ledger.cells()),
            list(documents.registers()),
            newest,
            own,
            len(self._disk.stored),
        )

    async def append(self, batch: Batch) -> int:
        size = sum(len(entry.body) for entry in batch.entries)
        if self._disk.room_bytes is not None:
            if size > self._disk.room_bytes:
                raise StorageFull("the simulated disk is full")
            self._disk.room_bytes -= size
        fails, self._disk.fails_next_commit = self._disk.fails_next_commit, None
        if fails is not False:
            self._keep(batch.entries)
        if fails is not None:
            raise Unknown("the simulated disk failed")
        return len(self._disk.stored)

    async def find(self, keys: Sequence[bytes]) -> dict[bytes, Entry]:
        found: dict[bytes, Entry] = {}
        for stored in self._disk.stored:
            key = stored.entry.content.key
            if key and key in keys:
                found.setdefault(key, stored.entry)
        return found

    async def read(self, after: int, limit: int) -> Page:
        stored = self._disk.stored[after : after + limit]
        return Page(stored, stored[-1].arrival if stored else after)

    async def missing(self, held: Mapping[Stream, int], through: int, limit: int) -> list[Stored]:
        arrived = self._disk.stored[:through]
        return [one for one in arrived if one.entry.sequence > held.get(one.entry.stream, one.entry.sequence)][:limit]

    async def moves_of(self, location: str, item: str, before: int, limit: int) -> Page:
        found = [
            one
            for one in reversed(self._disk.stored[: before - 1])
            if one.entry.stream.scope == location and any(move.item == item for move in one.entry.content.moves)
        ][:limit]
        return Page(found, found[-1].arrival if len(found) == limit else 0)

    async def close(self) -> None:
        pass

    def _keep(self, entries: Sequence[Entry]) -> None:
        tips = {stored.entry.stream: stored.entry.hash for stored in self._disk.stored}
        for entry in entries:
            previous = tips.get(entry.stream) or genesis(entry.stream)
            tips[entry.stream] = entry.hash
            self._disk.stored.append(Stored(len(self._disk.stored) + 1, entry, previous))
