"""All documents of the sample, kind by kind, in an order in which a node accepts them."""

from __future__ import annotations

from collections.abc import Iterator

from shelfsync.sample.chains import chain_of
from shelfsync.sample.documents import SampleDocument
from shelfsync.sample.prices import prices
from shelfsync.sample.promotions import promotions
from shelfsync.sample.skus import skus

KINDS = {"skus": "sku", "locations": "location", "prices": "price", "promotions": "promotion"}
"""The kinds as the command names them, and as documents do."""


def sample(kind: str, chain_name: str = "cn", number: int | None = None) -> Iterator[SampleDocument]:
    """The documents of one kind.

    Args:
        kind: one of KINDS.
        number: how many SKUs the catalogue has; without it, those of the first edition.
    """
    chain = chain_of(chain_name)
    match kind:
        case "skus":
            yield from (SampleDocument(sku.key, sku.value) for sku in skus(number))
        case "locations":
            yield from (SampleDocument(location.key, location.value) for location in chain.locations)
        case "prices":
            yield from prices(skus(number), chain)
        case "promotions":
            first = skus() if number is None else skus(min(number, sum(1 for _ in skus())))
            yield from promotions({sku.reference: sku.key for sku in first if sku.reference}, chain)
        case _:
            raise ValueError(kind)
