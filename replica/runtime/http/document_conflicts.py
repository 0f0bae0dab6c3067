"""Answers about documents that do not agree: barcodes, recipes, and edits that lost against another one."""

from __future__ import annotations

from typing import Any

from msgspec import Struct

from replica.core.base.clock import stamp_ms, time_text
from replica.core.base.names import node_of
from replica.core.catalog.documents import Documents, Register
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
