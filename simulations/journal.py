"""A journal in memory: the journal port on a simulated disk. The contract tests of the real journal test it too.

The disk outlives the journal, as a file outlives its process. It can be slow, it can be full, and a fault can make a
commit fail with an unknown outcome. After a crash, the commit in progress is there completely or not at all. The real
journal behaves the same, because a torn commit fails its checksum when the file is opened (tests/power_loss).
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping, Sequence

from msgspec.structs import replace

from replica.core.base.errors import StorageFull, Unknown
from replica.core.base.limits import COLLISIONS_MAX, KEY_ENTRIES_MAX, RECEIPT_ENTRIES_MAX, SEARCH_CANDIDATES_MAX
from replica.core.base.names import CHAIN, node_of, void_key
from replica.core.catalog.documents import Documents
from replica.core.catalog.locations import time_zone_of
from replica.core.catalog.registers import Slot, scope_of, writes_slot
from replica.core.catalog.search_queries import FoundSku, FoundSkus
from replica.core.catalog.search_terms import Terms, matches, read_searchable, texts_of
from replica.core.catalog.skus import SKU
from replica.core.log.entry import DOCUMENT, Content, Entry, Stream, genesis
from replica.core.log.times import moved_ms
from replica.core.state.batch import Batch, Image
from replica.core.state.fold import image_of
from replica.core.stock.till_receipts import (
    ORIGINAL,
    QUESTION,
    RETURN,
    SALE,
    QuestionedReceipt,
    TillReceipt,
    Use,
    uses_of,
)
from replica.runtime.ports import Page, Stored
from replica.runtime.time_zones import local_day
from simulations.checkpoints import StoredCheckpoint, check_image

Latency = Callable[[], float]


class SimulatedDisk:
    """The durable entries of a machine, in arrival order."""

    def __init__(self, room_bytes: int | None = None) -> None:
        self.stored: list[Stored] = []
        self.room_bytes = room_bytes
        self.fails_next_commit: bool | None = None
        """None: the disk works. Otherwise the next commit fails, and the value says whether it is durable."""
        self.read_s: Latency = _at_once
        self.write_s: Latency = _at_once
        """How long the next read and the next commit take."""
        self.slowed: list[tuple[Latency, Latency]] = []
        """Minimum times of reads and commits, one pair for each fault that slows the disk down."""
        self.clock = 0
        """The clock of the writer at the last commit."""
        self.checkpoint = StoredCheckpoint()
        """The rows that the commits changed."""
        self.writing: Batch | None = None
        """The commit in progress. It is durable when the commit returns."""
        self._of_stream: dict[Stream, list[Stored]] = {}
        self._of_key: dict[bytes, list[Entry]] = {}
        self._of_receipt: dict[TillReceipt, list[Entry]] = {}
        self._returned: dict[TillReceipt, None] = {}
        self._used_on_day: dict[tuple[TillReceipt, str, str, int], list[Stored]] = {}
        """Sales and returns of one receipt, use, till and day, in order of their newest entries."""
        self._questions: dict[TillReceipt, list[Stored]] = {}
        """Entries that call returns in question, in the same order."""
        self._documents = Documents()
        self.notes: dict[str, bytes] = {}
        """What a node keeps beside its journal, the newest last."""

    async def spend_reading(self) -> None:
        """Wait as long as a read takes."""
        await _take(max([self.read_s(), *(read_s() for read_s, _ in self.slowed)]))

    async def spend_writing(self) -> None:
        """Wait as long as a commit takes."""
        await _take(max([self.write_s(), *(write_s() for _, write_s in self.slowed)]))

    def keep(self, entries: Sequence[Entry], clock: int) -> None:
        """Make entries and the clock of the writer durable."""
        self.clock = max(self.clock, clock)
        for entry in entries:
            stream = self._of_stream.setdefault(entry.stream, [])
            previous = stream[-1].entry.hash if stream else genesis(entry.stream)
            stored = Stored(len(self.stored) + 1, entry, previous)
            stream.append(stored)
            self.stored.append(stored)
            if entry.content.key:
                self._of_key.setdefault(entry.content.key, []).append(entry)
            if entry.content.kind == DOCUMENT and entry.stream.scope == CHAIN:
                self._documents.apply(entry.content.facts, entry.content.clock, entry.stream.writer)
            for use in uses_of(entry.content):
                self._use(stored, use)

    def commit(self, batch: Batch) -> None:
        """Make a batch durable, with the rows of the checkpoint that it changed."""
        self.keep(batch.entries, batch.clock)
        self.checkpoint.put(batch)

    def _use(self, stored: Stored, use: Use) -> None:
        entry = stored.entry
        receipt = TillReceipt(entry.stream.scope, use.number)
        self._of_receipt.setdefault(receipt, []).append(entry)
        if use.name == ORIGINAL:
            self._returned[receipt] = None
        if use.name == QUESTION:
            self._questions[receipt] = [*self._questions.pop(receipt, ()), stored]
        if use.name in (SALE, RETURN) and use.till:
            day = local_day(time_zone_of(self._documents, receipt.location), moved_ms(entry.content))
            name = (receipt, use.name, use.till, day)
            self._used_on_day[name] = [*self._used_on_day.pop(name, ()), stored]

    def on_receipt(self, receipt: TillReceipt) -> list[Entry]:
        """The durable entries that use a till receipt, in order of arrival; none if they are too many."""
        entries = {entry.hash: entry for entry in self._of_receipt.get(receipt, ())}
        return list(entries.values()) if len(entries) < RECEIPT_ENTRIES_MAX else []

    def names(self, receipt: TillReceipt) -> bool:
        """Whether a durable entry uses a till receipt."""
        return receipt in self._of_receipt

    def is_returned(self, receipt: TillReceipt) -> bool:
        """Whether a durable return names a till receipt."""
        return receipt in self._returned

    def repeated(self, before: int, limit: int) -> list[QuestionedReceipt]:
        """The till receipts that a till used several times on one day, newest first."""
        found = [one for one in reversed(self._used_on_day.values()) if len(one) > 1 and one[-1].arrival < before]
        return [self._shown(some, some[-1].entry.content.kind) for some in found[:limit]]

    def questioned(self, before: int, limit: int) -> list[QuestionedReceipt]:
        """The till receipts of returns that an entry calls in question, newest first."""
        found = [one for one in reversed(self._questions.values()) if one[-1].arrival < before]
        return [self._shown(some, QUESTION) for some in found[:limit]]

    @staticmethod
    def _shown(some: list[Stored], use: str) -> QuestionedReceipt:
        """The newest entries that use a receipt in one way."""
        newest = some[-1]
        (used,) = [one for one in uses_of(newest.entry.content) if one.name == use]
        receipt = TillReceipt(newest.entry.stream.scope, used.number)
        entries = [one.entry for one in some[-RECEIPT_ENTRIES_MAX:]]
        return QuestionedReceipt(receipt, use, used.till, entries, newest.arrival)

    def found(self, terms: Terms, after: int) -> FoundSkus:
        """The SKUs whose names and attributes fit some terms. The number of a SKU is its place among all."""
        found: list[FoundSku] = []
        skus = self._documents.keys(SKU)
        for number, sku in enumerate(skus[after:], after):
            document = read_searchable(self._documents.packed(SKU, sku))
            if document is not None and matches(terms, texts_of(sku, document)):
                if len(found) == SEARCH_CANDIDATES_MAX:
                    return FoundSkus(found, True, number)
                found.append(FoundSku(sku, document.names, document.attributes, status=document.status))
        return FoundSkus(found, False, len(skus))

    def refresh(self) -> None:
        """Learn which entries are durable, if another object stores them."""

    def stop(self, *, finishes: bool) -> None:
        """The process or the power is gone. `finishes`: whether the commit in progress became durable."""
        if finishes and self.writing is not None:
            self.commit(self.writing)
        self.writing = None

    def copy(self) -> SimulatedDisk:
        """A backup of the present content."""
        copied = self.blank()
        copied.keep([stored.entry for stored in self.stored], self.clock)
        copied.checkpoint = self.checkpoint.copy()
        copied.notes = dict(self.notes)
        return copied

    def blank(self) -> SimulatedDisk:
        """An empty disk with the same speed and size."""
        made = SimulatedDisk(self.room_bytes)
        made.read_s, made.write_s = self.read_s, self.write_s
        return made

    def head(self, stream: Stream) -> int:
        """The number of the last durable entry of a stream; 0 if there is none."""
        return len(self._of_stream.get(stream, ()))

    def entry(self, stream: Stream, sequence: int) -> Entry | None:
        """One durable entry of a stream."""
        stored = self._of_stream.get(stream, [])
        return stored[sequence - 1].entry if sequence <= len(stored) else None

    def under(self, key: bytes) -> list[Entry]:
        """The durable entries under a key, in order of arrival."""
        return self._of_key.get(key, [])[:KEY_ENTRIES_MAX]

    def shared(self) -> list[Entry]:
        """The entries of the latest keys with several entries, and their voids, in order of arrival."""
        several = [entries for entries in self._of_key.values() if len(entries) > 1]
        arrivals = {stored.entry.hash: stored.arrival for stored in self.stored} if several else {}
        several.sort(key=lambda entries: arrivals[entries[-1].hash])
        found = [entry for entries in several[-COLLISIONS_MAX:] for entry in entries[:KEY_ENTRIES_MAX]]
        found += [void for entry in found for void in self.under(void_key(entry.hash)) if void not in found]
        return sorted(found, key=lambda entry: arrivals[entry.hash])

    def folded(self, node: str) -> Image:
        """The image of the durable entries for a node."""
        return image_of([one.entry for one in self.stored], node, clock=self.clock, shared=self.shared())

    def image(self, node: str) -> Image:
        """The image of the checkpoint for a node. A new disk, or that of another node, gets a new checkpoint."""
        folded = self.folded(node)
        if self.checkpoint.node != node:  # each node keeps other rows
            self.checkpoint = StoredCheckpoint.of(folded, node)
        return replace(folded, cells=self.checkpoint.cells(), checkpoint=self.checkpoint.rows())

    def past(self, stream: Stream, sequence: int, limit: int) -> list[Stored]:
        """The durable entries of a stream after `sequence`, at most `limit`."""
        return self._of_stream.get(stream, [])[sequence : sequence + limit]


class SimulatedJournal:
    """The journal port on a simulated disk."""

    def __init__(self, disk: SimulatedDisk, writer: str, *, opens_checkpoint: bool = True) -> None:
        self._disk = disk
        self._node = node_of(writer)
        self._opens_checkpoint = opens_checkpoint

    async def load(self) -> Image:
        await self._disk.spend_reading()
        stored, folded = self._disk.image(self._node), self._disk.folded(self._node)
        check_image(stored, folded)
        return stored if self._opens_checkpoint else folded

    async def append(self, batch: Batch) -> int:
        disk = self._disk
        size = sum(len(entry.body) for entry in batch.entries)
        disk.writing = batch
        await disk.spend_writing()
        disk.writing = None
        if disk.room_bytes is not None:
            if size > disk.room_bytes:
                raise StorageFull("the simulated disk is full")
            disk.room_bytes -= size
        fails, disk.fails_next_commit = disk.fails_next_commit, None
        if fails is not False:
            disk.commit(batch)
        if fails is not None:
            raise Unknown("the simulated disk failed")
        return len(disk.stored)

    async def find(self, keys: Sequence[bytes]) -> dict[bytes, list[Entry]]:
        if not any(self._disk.under(key) for key in keys):
            return {}  # the real journal's filter in memory answers this without a read
        await self._disk.spend_reading()
        found = ((key, self._disk.under(key)) for key in keys)
        return {key: entries for key, entries in found if entries}

    def likely_returned(self, receipts: Sequence[TillReceipt]) -> list[TillReceipt]:
        return [receipt for receipt in receipts if self._disk.is_returned(receipt)]

    async def find_receipts(self, receipts: Sequence[TillReceipt]) -> dict[TillReceipt, list[Entry]]:
        await self._disk.spend_reading()
        return {receipt: self._disk.on_receipt(receipt) for receipt in receipts if self._disk.names(receipt)}

    async def repeated_receipts(self, before: int, limit: int) -> list[QuestionedReceipt]:
        await self._disk.spend_reading()
        return self._disk.repeated(before, limit)

    async def questioned_receipts(self, before: int, limit: int) -> list[QuestionedReceipt]:
        await self._disk.spend_reading()
        return self._disk.questioned(before, limit)

    async def read(self, after: int, limit: int) -> Page:
        await self._disk.spend_reading()
        stored = self._disk.stored[after : after + limit]
        return Page(stored, stored[-1].arrival if stored else after)

    async def missing(self, held: Mapping[Stream, int], through: int, limit: int) -> list[Stored]:
        await self._disk.spend_reading()
        wanted = [stored for stream, sequence in held.items() for stored in self._disk.past(stream, sequence, limit)]
        wanted.sort(key=lambda stored: stored.arrival)
        return [stored for stored in wanted if stored.arrival <= through][:limit]

    async def moves_of(self, location: str, item: str, before: int, limit: int) -> Page:
        return await self._newest(
            location, lambda content: any(move.item == item for move in content.moves), before, limit
        )

    async def entries_of_receipt(self, receipt: TillReceipt, before: int, limit: int) -> Page:
        return await self._newest(
            receipt.location,
            lambda content: any(use.number == receipt.number for use in uses_of(content)),
            before,
            limit,
        )

    async def writes_of(self, slot: Slot, before: int, limit: int) -> Page:
        _, _, rank, at = slot
        return await self._newest(
            scope_of(rank, at),
            lambda content: content.kind == DOCUMENT and writes_slot(content.facts, slot),
            before,
            limit,
        )

    async def search(self, terms: Terms, after: int = 0) -> FoundSkus:
        await self._disk.spend_reading()
        return self._disk.found(terms, after)

    async def keep(self, notes: Mapping[str, bytes], most: int) -> None:
        await self._disk.spend_writing()
        kept = self._disk.notes
        for name, note in notes.items():
            kept.pop(name, None)
            kept[name] = note
        for name in list(kept)[: max(0, len(kept) - most)]:
            del kept[name]

    async def kept(self) -> dict[str, bytes]:
        await self._disk.spend_reading()
        return dict(self._disk.notes)

    async def _newest(self, scope: str, matches: Callable[[Content], bool], before: int, limit: int) -> Page:
        await self._disk.spend_reading()
        found = [
            one
            for one in reversed(self._disk.stored[: before - 1])
            if one.entry.stream.scope == scope and matches(one.entry.content)
        ][:limit]
        return Page(found, found[-1].arrival if len(found) == limit else 0)

    async def close(self) -> None:
        pass


def _at_once() -> float:
    return 0.0


async def _take(seconds: float) -> None:
    if seconds:
        await asyncio.sleep(seconds)
