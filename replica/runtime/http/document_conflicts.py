"""Answers about documents that do not agree: barcodes, recipes, prices, promotions, and edits that lost."""

from __future__ import annotations

from itertools import islice
from typing import Any

from msgspec import Struct

from replica.core.base.clock import stamp_ms, time_text
from replica.core.base.names import node_of
from replica.core.catalog.documents import Documents
from replica.core.catalog.price_conflicts import PriceConflicts
from replica.core.catalog.prices import OverrideLimits
from replica.core.catalog.promotion_conflicts import PromotionConflicts, Why
from replica.core.catalog.ranks import RankName, Source
from replica.core.catalog.registers import Register
from replica.core.catalog.skus import Catalog
from replica.runtime.http.answers import document_value


class BarcodeAnswer(Struct, frozen=True):
    """A barcode that several SKUs claim. A node refuses to scan it until one SKU has it alone."""

    barcode: str
    skus: list[str]


class RecipeAnswer(Struct, frozen=True):
    """A name that the recipes of `skus` use as an item, although it is the SKU `sku` of the items `items`."""

    sku: str
    items: dict[str, int]
    skus: list[str]


class PriceConflictAnswer(Struct, frozen=True):
    """An override of a price, of which an amount is past the limits of the chain now or later.

    That amount does not count. `at`: its region or store. `field`: the first field that is past the limits.
    """

    sku: str
    rank: RankName
    at: str
    version: int
    field: str
    limits: OverrideLimits


class RankedPromotionAnswer(Struct, frozen=True):
    """A promotion at one of its ranks. `at`: its region or store, empty for the chain."""

    promotion: str
    rank: RankName
    at: str
    version: int


class PromotionConflictAnswer(Struct, frozen=True):
    """Two promotions in each other's way. `same-priority`: both are exclusive, and the first one applies first.

    `locked`: the chain locked the first one, so the second one does not count.
    """

    first: RankedPromotionAnswer
    second: RankedPromotionAnswer
    why: Why


class EditAnswer(Struct, frozen=True):
    """One write of a document: its node, time, version and value. The value null cleared the document."""

    node: str
    at: str
    version: int
    value: Any


class LostEditAnswer(Struct, frozen=True):
    """A write that was accepted and lost against another one, because neither node knew of the other write.

    `at` is the region or store of the rank, empty for the chain. It is listed until somebody writes the document again.
    """

    kind: str
    key: str
    rank: int
    at: str
    standing: EditAnswer
    lost: EditAnswer


def barcode_answers(catalog: Catalog) -> list[BarcodeAnswer]:
    """The barcodes that several SKUs claim, in order."""
    return [BarcodeAnswer(barcode, skus) for barcode, skus in catalog.barcode_conflicts()]


def recipe_answers(catalog: Catalog) -> list[RecipeAnswer]:
    """The SKUs that recipes use as items, in order."""
    return [
        RecipeAnswer(name, dict(sku.recipe), skus)
        for name, skus in catalog.recipe_conflicts()
        if (sku := catalog.sku(name)) is not None
    ]


def price_conflict_answers(conflicts: PriceConflicts, now_ms: int, limit: int) -> list[PriceConflictAnswer]:
    """The first overrides past the limits, in the order of SKUs and ranks."""
    return [
        PriceConflictAnswer(
            sku=one.sku,
            rank=one.source.rank,
            at=one.source.at,
            version=one.source.version,
            field=one.field,
            limits=one.limits,
        )
        for one in islice(conflicts.at(now_ms), limit)
    ]


def promotion_conflict_answers(conflicts: PromotionConflicts, now_ms: int, limit: int) -> list[PromotionConflictAnswer]:
    """The first pairs of promotions that are in each other's way, in the order of their ids and ranks."""
    return [
        PromotionConflictAnswer(_ranked(one.promotion, one.source), _ranked(one.other, one.other_source), one.why)
        for one in islice(conflicts.at(now_ms), limit)
    ]


def _ranked(promotion: str, source: Source) -> RankedPromotionAnswer:
    return RankedPromotionAnswer(promotion, source.rank, source.at, source.version)


def lost_edit_answers(documents: Documents, limit: int) -> list[LostEditAnswer]:
    """The newest lost edits, newest first."""
    return [
        LostEditAnswer(
            kind=lost.kind,
            key=lost.key,
            rank=lost.rank,
            at=lost.at,
            standing=_edit(standing),
            lost=_edit(lost),
        )
        for standing, lost in documents.lost_edits(limit)
    ]


def _edit(register: Register) -> EditAnswer:
    return EditAnswer(
        node=node_of(register.writer),
        at=time_text(register.wall_ms or stamp_ms(register.clock)),
        version=register.version,
        value=document_value(register.value),
    )
