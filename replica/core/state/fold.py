"""The fold: it computes the state that entries add up to. Only this module does that.

Nodes, journals that fold again, simulated journals and tests all use it. The fold has parts: the ledger's cells, the
documents, the orders, the counts, the transfers, the faults of clocks. A part applies entries, hands over changed rows,
and loads such rows. A journal stores the rows of each part, and knows nothing else about them. Folding never refuses an
entry.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterable
from functools import partial
from typing import Protocol

from replica.core.catalog.area_index import Areas
from replica.core.catalog.calendars import Calendars
from replica.core.catalog.documents import Documents
from replica.core.catalog.incidents import Incidents
from replica.core.catalog.locations import position_of, region_of
from replica.core.catalog.offers import Offers
from replica.core.catalog.pools import Pools
from replica.core.catalog.price_conflicts import PriceConflicts
from replica.core.catalog.promotion_conflicts import PromotionConflicts
from replica.core.catalog.promotion_index import Promotions
from replica.core.catalog.registers import Register
from replica.core.catalog.selectors import attributes_of
from replica.core.catalog.skus import Catalog
from replica.core.ledger.cells import Changes, Ledger, Move
from replica.core.log.entry import DOCUMENT, Entry, Head, Stream
from replica.core.log.times import recorded_clock, wall_of
from replica.core.log.voids import VOID
from replica.core.orders.fold import Orders
from replica.core.orders.machine import DEFAULT_MACHINE
from replica.core.orders.requests import ORDER
from replica.core.planning.balancing_rules import BalancingRules
from replica.core.rights.policies import Policies
from replica.core.state.batch import Checkpoint, Image, Row
from replica.core.state.clock_faults import ClockFaults
from replica.core.state.document_kinds import DOCUMENT_KINDS
from replica.core.state.duplicates import Collisions
from replica.core.state.kinds import KINDS, Kinds
from replica.core.stock.counts import Counts
from replica.core.stock.transfers import ACTS, NOTICE, Transfers


class Part(Protocol):
    """One part of the fold."""

    def apply(self, entry: Entry) -> object:
        """Apply one entry. Never refuses; it counts an unreadable entry as malformed."""

    def take_changes(self) -> Iterable[Row]:
        """Hand over a row for each change since the last call. A row replaces earlier rows with its key."""

    def load(self, rows: Iterable[Row]) -> None:
        """Load the newest row of each key that was ever handed over."""


class Fold:
    """The state that a replica's entries add up to."""

    __slots__ = (
        "_applies",
        "areas",
        "balancing_rules",
        "calendars",
        "catalog",
        "clock_faults",
        "collisions",
        "counts",
        "documents",
        "incidents",
        "ledger",
        "machine",
        "offers",
        "orders",
        "parts",
        "policies",
        "pools",
        "price_conflicts",
        "promotion_conflicts",
        "promotions",
        "transfers",
    )

    def __init__(self, node: str, *, open_catalog: bool = False, kinds: Kinds = KINDS) -> None:
        self.ledger = Ledger()
        self.documents = Documents()
        self.areas = Areas(partial(position_of, self.documents))
        self.balancing_rules = BalancingRules()
        self.calendars = Calendars()
        self.incidents = Incidents(partial(position_of, self.documents))
        self.catalog = Catalog(open_catalog)
        self.policies = Policies()
        self.pools = Pools(self.documents)
        self.price_conflicts = PriceConflicts(self.documents)
        self.promotions = Promotions()
        self.offers = Offers(self.documents, self.promotions)
        self.promotion_conflicts = PromotionConflicts(
            self.promotions, partial(attributes_of, self.documents), partial(region_of, self.documents)
        )
        self.machine = DEFAULT_MACHINE
        self.orders = Orders(node)
        self.counts = Counts(node, self.ledger)
        self.collisions = Collisions(kinds)
        self.clock_faults = ClockFaults()
        self.transfers = Transfers()
        self.parts: dict[str, Part] = {
            "documents": _DocumentsPart(self.documents, self._index),
            "documents_past": _DocumentsPastPart(self.documents, self._index),
            "orders": self.orders,
            "counts": self.counts,
            "clock_faults": self.clock_faults,
            "transfers": self.transfers,
        }
        self._applies: dict[str, Callable[[Entry], object]] = {
            DOCUMENT: self.parts["documents"].apply,
            ORDER: self.orders.apply,
            VOID: self._settle,
            **dict.fromkeys((*ACTS, NOTICE), self.transfers.apply),
        }

    def apply(self, entry: Entry) -> None:
        """Apply one entry to every part."""
        stream, content = entry.stream, entry.content
        if content.moves:
            self.ledger.apply(stream.scope, stream.writer, content.moves)
        apply = self._applies.get(content.kind)
        if apply is not None:
            apply(entry)
        if self.counts.concern(entry):
            self.counts.apply(entry)
        if self.clock_faults.concern(entry):
            self.clock_faults.apply(entry)

    def take_changes(self) -> tuple[Changes, Checkpoint]:
        """Hand over the changes since the last call: the new totals of cells, and the rows of each part."""
        rows = {name: changed for name, part in self.parts.items() if (changed := part.take_changes())}
        return self.ledger.take_changes(), rows

    def load(self, image: Image) -> None:
        """Load the checkpoint of an earlier fold."""
        for location, item, (writer, source, target), total in image.cells:
            self.ledger.apply(location, writer, (Move(item, source, target, total),))
        for name, part in self.parts.items():
            part.load(image.checkpoint.get(name, ()))
        self.collisions.load(image.shared)
        self.ledger.take_changes()

    def _settle(self, void: Entry) -> None:
        self.collisions.settle(void)
        self.transfers.apply(void)

    def _index(self, register: Register) -> None:
        kind = DOCUMENT_KINDS.get(register.kind)
        if kind is not None and register.rank in kind.ranks and not kind.index(self, register):
            self.documents.malformed += 1


class _DocumentsPart:
    """The documents as a part. It calls `changed` with each write that becomes the current one."""

    def __init__(self, documents: Documents, changed: Callable[[Register], None]) -> None:
        self._documents = documents
        self._changed = changed

    def apply(self, entry: Entry) -> None:
        (writer, scope), content = entry.stream, entry.content
        standing = self._documents.apply(content.facts, content.clock, writer, wall_of(content), scope)
        if standing is not None:
            self._changed(standing)

    def take_changes(self) -> list[Row]:
        return [
            (one.kind, one.key, one.rank, one.at, one.version, one.clock, one.writer, one.value)
            for one in self._documents.take_changes()
        ]

    def load(self, rows: Iterable[Row]) -> None:
        for kind, key, rank, at, version, clock, writer, value in rows:
            kind, key, at, writer = map(sys.intern, (kind, key, at, writer))  # noqa: PLW2901 (the same texts, once)
            register = Register(kind, key, rank, at, version, clock, writer, value)
            if self._documents.put(register) is not None:
                self._changed(register)
        self._documents.take_changes()


class _DocumentsPastPart:
    """What the documents keep besides their current writes. It loads after the documents, which apply the entries."""

    def __init__(self, documents: Documents, changed: Callable[[Register], None]) -> None:
        self._documents = documents
        self._changed = changed

    def apply(self, entry: Entry) -> None:
        """Nothing is left to apply."""

    def take_changes(self) -> list[Row]:
        return [(*slot, state) for slot, state in self._documents.take_changed_pasts()]

    def load(self, rows: Iterable[Row]) -> None:
        for kind, key, rank, at, state in rows:
            cleared = self._documents.load_past((kind, key, rank, at), state)
            if cleared is not None:
                self._changed(cleared)


def fold(entries: Iterable[Entry], node: str) -> Fold:
    """Fold entries in their order of arrival, as the replica of a node does."""
    folded = Fold(node)
    for entry in entries:
        folded.apply(entry)
    return folded


def image_of(entries: Iterable[Entry], node: str, *, clock: int = 0, shared: Iterable[Entry] = ()) -> Image:
    """The image that a journal with these entries returns at start.

    Args:
        clock: the last stamp of the node's hybrid clock.
        shared: the entries whose keys other entries also have, and their voids.
    """
    folded = Fold(node)
    heads: dict[Stream, Head] = {}
    heard: dict[Stream, int] = {}
    arrival = 0
    for entry in entries:
        folded.apply(entry)
        heads[entry.stream] = Head(entry.sequence, entry.hash)
        heard[entry.stream] = recorded_clock(entry.content)
        arrival += 1
    _, checkpoint = folded.take_changes()
    return Image(
        heads=list(heads.items()),
        cells=list(folded.ledger.cells()),
        checkpoint=checkpoint,
        clock=clock,
        arrival=arrival,
        shared=shared,
        heard=list(heard.items()),
    )
