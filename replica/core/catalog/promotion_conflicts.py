"""Which promotions are in each other's way: exclusive ones that compete, and lower ranks of a locked one of the chain.

Such writes are refused. Two nodes that did not know of each other can still make such a pair. So can a SKU that gets
other attributes, and a store that moves to another region. Then all nodes have one outcome, and they list the pair.

A change marks the promotions that it concerns, and the next read compares only these with the others. Which pairs there
are follows from the documents alone. A read compares the end of a pair with its moment.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Literal

from msgspec import Struct

from replica.core.catalog.promotion_index import AttributesOf, Promotions, RegionOf
from replica.core.catalog.promotions import Promotion
from replica.core.catalog.ranks import STORE_RANK, Rank, Source
from replica.core.catalog.registers import Register

Why = Literal["same-priority", "locked"]

_Document = tuple[str, Rank]
"""The id and the rank of a promotion."""

_Pair = tuple[_Document, _Document]
"""The lesser document comes first."""


class PromotionConflict(Struct, frozen=True):
    """Two promotions, each with its id and where it comes from. The first one applies first, or is the locked one."""

    promotion: str
    source: Source
    other: str
    other_source: Source
    why: Why


class PromotionConflicts:
    """The pairs of promotions that are in each other's way."""

    __slots__ = (
        "_at_stores",
        "_attributes_of",
        "_in_order",
        "_marked",
        "_of_document",
        "_pairs",
        "_promotions",
        "_region_of",
    )

    def __init__(self, promotions: Promotions, attributes_of: AttributesOf, region_of: RegionOf) -> None:
        self._promotions = promotions
        self._attributes_of = attributes_of
        self._region_of = region_of
        self._pairs: dict[_Pair, tuple[Why, int]] = {}
        """Why a pair is one, and from which moment on it is none."""
        self._of_document: dict[_Document, dict[_Pair, None]] = {}
        self._at_stores: dict[str, dict[str, None]] = {}
        """The ids of promotions of stores, by location."""
        self._marked: dict[_Document, None] = {}
        self._in_order: list[_Pair] | None = None

    def put(self, register: Register) -> None:
        """Note that the index of promotions took in a write. `register`: a `promotion` document of any rank."""
        self._marked[register.key, (register.rank, register.at)] = None
        if register.rank == STORE_RANK:
            here = self._at_stores.setdefault(register.at, {})
            if register.value is None:
                here.pop(register.key, None)
            else:
                here[register.key] = None

    def sku_changed(self, sku: str) -> None:
        """Note that a SKU may have other attributes now."""
        self._mark(self._promotions.listing(sku))

    def location_changed(self, location: str) -> None:
        """Note that a location may be in another region now."""
        here = (STORE_RANK, location)
        self._marked.update(dict.fromkeys((one, here) for one in self._at_stores.get(location, ())))

    def at(self, moment_ms: int) -> Iterator[PromotionConflict]:
        """The pairs that are in each other's way at a moment or later, in the order of their ids and ranks."""
        self._review()
        if self._in_order is None:
            self._in_order = sorted(self._pairs)
        for pair in self._in_order:
            why, until_ms = self._pairs[pair]
            if until_ms > moment_ms:
                first, second = (self._promotions.of_id(promotion_id)[rank] for promotion_id, rank in pair)
                yield PromotionConflict(first.id, first.source, second.id, second.source, why)

    def _mark(self, ids: Iterable[str]) -> None:
        for one in ids:
            self._marked.update(dict.fromkeys((one, rank) for rank in self._promotions.of_id(one)))

    def _review(self) -> None:
        """Compare each marked promotion with the others."""
        for document in self._marked:
            for pair in self._of_document.pop(document, ()):
                del self._pairs[pair]
                (other,) = [one for one in pair if one != document]
                del self._of_document[other][pair]
            promotion_id, rank = document
            promotion = self._promotions.of_id(promotion_id).get(rank)
            if promotion is not None:
                self._find_pairs(document, promotion)
        if self._marked:
            self._marked, self._in_order = {}, None

    def _find_pairs(self, document: _Document, promotion: Promotion) -> None:
        for other in self._promotions.overlapping(promotion, self._attributes_of, self._region_of):
            self._add(document, (other.id, other.rank), "same-priority", promotion.period.common(other.period).to_ms)
        chain = self._promotions.locked(promotion.id)
        if chain is None:
            return
        lower = self._promotions.of_id(promotion.id).values() if promotion is chain else [promotion]
        for one in lower:
            if one is not chain:
                self._add((chain.id, chain.rank), (one.id, one.rank), "locked", one.period.to_ms)

    def _add(self, one: _Document, other: _Document, why: Why, until_ms: int) -> None:
        pair = min(one, other), max(one, other)
        self._pairs[pair] = (why, until_ms)
        for document in pair:
            self._of_document.setdefault(document, {})[pair] = None
