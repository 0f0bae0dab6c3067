"""Offers: all that documents say about the price of one SKU at a location, kept until a document changes.

Goods sell again and again. Which documents concern the price of a SKU depends on the documents only, and not on the
moment, the customer or the rest of the basket. So it is found once, and a sale only has to look at what is in force.
"""

from __future__ import annotations

from msgspec import Struct

from replica.core.catalog.documents import Documents
from replica.core.catalog.prices import PRICE, Minimum, minimum_of
from replica.core.catalog.promotion_index import Promotions
from replica.core.catalog.promotions import Promotion
from replica.core.catalog.ranks import ranks_at
from replica.core.catalog.registers import Register
from replica.core.catalog.selectors import Attributes, attributes_of

OFFERS_MAX = 1 << 14
"""Offers that are kept: the goods of a busy day."""


class Offer(Struct, frozen=True):
    """What concerns the price of one SKU at a location."""

    prices: tuple[Register, ...]
    """The documents with a price, highest rank first."""
    chain: Register | None
    """That of the chain, which may be cleared."""
    minimum: Minimum
    attributes: Attributes
    promotions: tuple[Promotion, ...]
    """Those that may apply at some time to some customer, in the order in which they apply."""


class Offers:
    """The offers of one replica."""

    __slots__ = ("_documents", "_known", "_promotions", "_writes")

    def __init__(self, documents: Documents, promotions: Promotions) -> None:
        self._documents = documents
        self._promotions = promotions
        self._known: dict[tuple[str, str, str], Offer] = {}
        self._writes = documents.writes
        """The number of writes of documents that the known offers are of."""

    def __len__(self) -> int:
        return len(self._known)

    def of(self, sku: str, location: str, region: str) -> Offer:
        """The offer of a SKU at a location of a region."""
        documents = self._documents
        if self._writes != documents.writes or len(self._known) >= OFFERS_MAX:
            self._known.clear()
            self._writes = documents.writes
        found = self._known.get((sku, location, region))
        if found is None:
            attributes = attributes_of(documents, sku)
            found = self._known[sku, location, region] = Offer(
                prices=tuple(documents.valued(PRICE, sku, region, location)),
                chain=documents.register(PRICE, sku),
                minimum=minimum_of(documents, sku),
                attributes=attributes,
                promotions=tuple(self._promotions.applying([(sku, attributes)], ranks_at(location, region))),
            )
        return found
