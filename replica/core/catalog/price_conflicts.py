"""Which overrides of prices are past the limits of the chain.

A write past the limits is refused. An override and new limits can still meet: then the override does not count, and
this index lists it. It is kept as documents change. So a read costs what there is to report, and not a look at all
prices.

An entry of the index says until when an amount is past the limits. A read compares that with its moment. So the passing
of time changes nothing in the index, and it follows from the documents alone.
"""

from __future__ import annotations

from collections.abc import Iterator

from replica.core.catalog.documents import Documents
from replica.core.catalog.prices import PRICE, PastLimits, past_limits, past_limits_until
from replica.core.catalog.ranks import CHAIN_RANK, is_known_rank
from replica.core.catalog.registers import Register
from replica.core.catalog.validity import FIRST_MS

_Place = tuple[str, int, str]
"""The SKU, the rank and the region or store of an override."""


class PriceConflicts:
    """The overrides of which some amount is past the limits, whenever it is in force."""

    __slots__ = ("_documents", "_in_order", "_until")

    def __init__(self, documents: Documents) -> None:
        self._documents = documents
        self._until: dict[_Place, int] = {}
        """From when on no amount is past the limits."""
        self._in_order: list[_Place] | None = None

    def put(self, register: Register) -> None:
        """Take in the current write of a `price` document of any rank."""
        sku = register.key
        changed = self._documents.ranked(PRICE, sku) if register.rank == CHAIN_RANK else [register]
        for one in changed:
            if one.rank != CHAIN_RANK and is_known_rank(one.rank):
                self._note((sku, one.rank, one.at), past_limits_until(self._documents, one))

    def _note(self, place: _Place, until_ms: int) -> None:
        if (self._until.pop(place, FIRST_MS) > FIRST_MS) != (until_ms > FIRST_MS):
            self._in_order = None
        if until_ms > FIRST_MS:
            self._until[place] = until_ms

    def at(self, moment_ms: int) -> Iterator[PastLimits]:
        """The overrides of which an amount is past the limits at a moment or later, in the order of SKUs and ranks."""
        if self._in_order is None:
            self._in_order = sorted(self._until)
        for sku, rank, at in self._in_order:
            if self._until[sku, rank, at] > moment_ms:
                register = self._documents.register(PRICE, sku, rank, at)
                found = past_limits(self._documents, register, moment_ms) if register is not None else None
                if found is not None:
                    yield found
