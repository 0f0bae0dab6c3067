"""Prices of the sample: one of the chain for each SKU, and some of regions and stores.

The hash of a SKU decides which prices have limits for overrides, scheduled amounts, or an override. Overrides keep the
limits.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

from replica.core.catalog.ranks import CHAIN_NAME, REGION_NAME, STORE_NAME
from shelfsync.sample.chains import SampleChain
from shelfsync.sample.documents import SampleDocument
from shelfsync.sample.skus import SampleSku, hash_of

PRICED_GRAMS = 500
"""For how many grams the prices of weighed goods in the files are."""

_LIMITED_EVERY = 4
_SCHEDULED_EVERY = 32
_REGION_EVERY = 64
_STORE_EVERY = 256
"""Multiples of `_LIMITED_EVERY`, so that the overrides meet limits."""

_REGION, _STORE = "east", "store-1"
_SPRING, _SUMMER = "2027-03-01T00:00:00", "2027-06-01T00:00:00"


def prices(skus: Iterable[SampleSku], chain: SampleChain) -> Iterator[SampleDocument]:
    """The prices of some SKUs. The price of the chain comes before the overrides of a SKU."""
    for sku in skus:
        chance = hash_of(sku.key)
        fen = sku.fen * chain.grams // PRICED_GRAMS if sku.is_weighed else sku.fen
        amount = chain.amount(fen)
        value: dict[str, Any] = {"amount": amount, "currency": chain.currency}
        if sku.is_weighed:
            value["per"] = chain.grams
        limits = {"override": {"min": amount * 3 // 4, "max": amount * 5 // 4}} if chance % _LIMITED_EVERY == 0 else {}
        scheduled = {}
        if chance % _SCHEDULED_EVERY == 1:
            changes = ((_SPRING, amount + max(10, amount // 200 * 10)), (_SUMMER, amount))
            scheduled = {"scheduled": [{"amount": one, "valid_from": at + chain.offset} for at, one in changes]}
        yield SampleDocument(sku.key, {**value, **scheduled, **limits}, CHAIN_NAME)
        if chance % _REGION_EVERY == 0:
            yield SampleDocument(sku.key, {**value, "amount": amount * 19 // 20}, REGION_NAME, _REGION)
        if chance % _STORE_EVERY == 0:
            yield SampleDocument(sku.key, {**value, "amount": amount * 9 // 10}, STORE_NAME, _STORE)
