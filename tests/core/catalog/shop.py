"""A shop for tests: documents of prices, SKUs and promotions, and quotes from them."""

from __future__ import annotations

from datetime import UTC, tzinfo
from typing import Any

from msgspec import convert, to_builtins

from replica.core.catalog.documents import Documents, pack_value
from replica.core.catalog.offers import Offers
from replica.core.catalog.prices import PRICE, PriceDocument, check_price
from replica.core.catalog.promotion_index import Promotions
from replica.core.catalog.promotions import PROMOTION, PromotionDocument, check_promotion
from replica.core.catalog.quotes import Occasion, Quote, QuoteLine, quote_at, quote_of_one
from replica.core.catalog.ranks import CHAIN_WIDE, Rank
from replica.core.catalog.registers import Register
from replica.core.catalog.skus import SKU
from tests.core.catalog.test_validity import ms

TUESDAY_NOON = "2026-12-01T12:00:00+01:00"


class Shop:
    """The store `store-1` of the region `east` at one moment."""

    def __init__(self, at: str = TUESDAY_NOON, zone: tzinfo = UTC) -> None:
        self.at = at
        self.zone = zone
        self.documents = Documents()
        self.promotions = Promotions()
        self.offers = Offers(self.documents, self.promotions)
        self._version = 0

    def price(self, sku: str, price: dict[str, Any], rank: Rank = CHAIN_WIDE) -> None:
        """Write a price, in euros unless it says otherwise."""
        document = convert({"currency": "EUR", **price}, PriceDocument)
        check_price(document)
        self._put(PRICE, sku, to_builtins(document), rank)

    def prices(self, **amounts: int) -> None:
        """Write prices in euros."""
        for sku, amount in amounts.items():
            self.price(sku, {"amount": amount})

    def sku(self, sku: str, attributes: dict[str, Any]) -> None:
        """Write a SKU with attributes."""
        self._put(SKU, sku, {"recipe": {sku: 1}, "attributes": attributes}, CHAIN_WIDE)

    def promotion(self, promotion_id: str, promotion: dict[str, Any] | None, rank: Rank = CHAIN_WIDE) -> Register:
        """Write a promotion; None clears it."""
        value = None
        if promotion is not None:
            document = convert(promotion, PromotionDocument)
            check_promotion(document)
            value = to_builtins(document)
        register = self._put(PROMOTION, promotion_id, value, rank)
        assert self.promotions.put(register)
        return register

    def quote(self, *lines: tuple[str, int], group: str = "", location: str = "store-1", region: str = "east") -> Quote:
        """The quote of a basket. If it has one line, the quote of one SKU alone has to be the same."""
        occasion = Occasion(location, region, ms(self.at), self.zone, group)
        found = quote_at(self.documents, self.promotions, [QuoteLine(*line) for line in lines], occasion)
        if len(lines) == 1:
            assert quote_of_one(self.offers, QuoteLine(*lines[0]), occasion) == (*found.lines, *found.unpriced)[0]
        return found

    def net(self, *lines: tuple[str, int], **where: str) -> int:
        """What a basket costs, if all its amounts are of one kind."""
        (total,) = self.quote(*lines, **where).totals
        return total.net_amount

    def _put(self, kind: str, key: str, value: Any, rank: Rank) -> Register:
        self._version += 1
        register = Register(
            kind=kind,
            key=key,
            rank=rank[0],
            at=rank[1],
            version=self._version,
            clock=self._version,
            writer="hub-east#0000000a",
            value=None if value is None else pack_value(value),
        )
        self.documents.put(register)
        return register
