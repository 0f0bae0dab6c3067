"""Answers about SKUs: what one is, what it costs at a location, and how many can be sold there."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import msgspec
from msgspec import Struct

from replica.core.base.errors import UnknownSku
from replica.core.catalog.prices import EffectivePrice, NoPrice, effective_price
from replica.core.catalog.promotions import Promotion, reason_of
from replica.core.catalog.ranks import Source, ranks_at
from replica.core.catalog.search_terms import read_searchable
from replica.core.catalog.selectors import attributes_of
from replica.core.catalog.skus import SKU, Recipe
from replica.core.catalog.weekly_windows import minute_of_week
from replica.core.state.replica import Replica
from replica.core.stock.sellable import UnitsAt
from replica.runtime.pricing import occasion_at


class OfferAnswer(Struct, frozen=True):
    """A promotion that may apply to a SKU now. What it takes off depends on the basket: `POST /v1/quote` says it."""

    promotion: str
    reason: str
    source: Source
    customer_groups: tuple[str, ...]


class SkuAnswer(Struct, frozen=True, omit_defaults=True):
    """A SKU at a location now.

    `recipe`: units of each item in one. `price`: with where it comes from, and why other documents do not count; null
    if it has none. `sellable` and `guaranteed`: as in `GET /v1/sellable/{sku}`.
    """

    sku: str
    location: str
    recipe: dict[str, int]
    unit: str
    status: str
    names: dict[str, str]
    attributes: dict[str, Any]
    barcodes: tuple[str, ...]
    tax_class: str
    price: EffectivePrice | None
    promotions: list[OfferAnswer]
    sellable: int
    guaranteed: int
    unpriced: NoPrice | None = None
    """Why it has no price, if documents of its price exist."""


class _ShownSku(Struct, frozen=True):
    """The fields of a `sku` document that are shown as they are. Another version may have written it."""

    status: str = "active"
    tax_class: str = ""


def sku_answer(replica: Replica, location: str, sku: str, moment_ms: int) -> SkuAnswer:
    """A SKU at a location at a moment, in milliseconds since 1970. Raises UnknownSku."""
    recipe = replica.catalog.recipe_of(sku, "sku")
    units = UnitsAt(replica.ledger, location, replica.node).sellable(sku, recipe)
    packed = replica.documents.packed(SKU, sku)
    words, shown, known = read_searchable(packed), _shown(packed), replica.catalog.sku(sku)
    price = price_at(replica, location, sku, moment_ms)
    return SkuAnswer(
        sku=sku,
        location=location,
        recipe=dict(recipe),
        unit=known.unit if known is not None else replica.catalog.unit(sku),
        status=shown.status,
        names=words.names if words is not None else {},
        attributes=words.attributes if words is not None else {},
        barcodes=known.barcodes if known is not None else (),
        tax_class=shown.tax_class,
        price=price if isinstance(price, EffectivePrice) else None,
        promotions=[_offer(one, price) for one in _offers(replica, location, sku, moment_ms)],
        sellable=units.sellable,
        guaranteed=units.guaranteed,
        unpriced=price if isinstance(price, NoPrice) and price.others else None,
    )


def price_at(replica: Replica, location: str, sku: str, moment_ms: int) -> EffectivePrice | NoPrice:
    """The price of a SKU at a location at a moment. Without a location: that of the chain."""
    region = occasion_at(replica, location, moment_ms).region if location else ""
    return effective_price(replica.documents, sku, location, region, moment_ms)


def names_of(replica: Replica, sku: str | None) -> dict[str, str]:
    """The names of a SKU by language; none without a SKU, or if its document has none."""
    words = read_searchable(replica.documents.packed(SKU, sku)) if sku is not None else None
    return dict(words.names) if words is not None else {}


def status_of(replica: Replica, sku: str) -> str:
    """Whether a SKU is sold (`active`) or has ended."""
    return _shown(replica.documents.packed(SKU, sku)).status


def recipe_if_known(replica: Replica, sku: str) -> Recipe | None:
    """The recipe of a SKU that has not been deleted meanwhile."""
    try:
        return replica.catalog.recipe_of(sku, "sku")
    except UnknownSku:
        return None


def _shown(packed: bytes | None) -> _ShownSku:
    try:
        return msgspec.msgpack.decode(packed, type=_ShownSku) if packed is not None else _ShownSku()
    except (msgspec.MsgspecError, ValueError):
        return _ShownSku()


def _offers(replica: Replica, location: str, sku: str, moment_ms: int) -> Sequence[Promotion]:
    """The promotions that may apply to a SKU at a location at a moment, for customers of any group."""
    occasion = occasion_at(replica, location, moment_ms)
    minute = minute_of_week(moment_ms, occasion.zone)
    known = replica.promotions.applying(
        [(sku, attributes_of(replica.documents, sku))], ranks_at(location, occasion.region)
    )
    return [
        one for one in known if any(one.is_in_force(moment_ms, minute, group) for group in one.customer_groups or ("",))
    ]


def _offer(promotion: Promotion, price: EffectivePrice | NoPrice) -> OfferAnswer:
    per = price.per if isinstance(price, EffectivePrice) else 1
    return OfferAnswer(promotion.id, reason_of(promotion.benefit, per), promotion.source, promotion.customer_groups)
