"""Goods receipts: goods come in from a supplier."""

from __future__ import annotations

from replica.core.base.names import SUPPLIER
from replica.core.ledger.cells import Move
from replica.core.log.draft import Draft
from replica.core.log.entry import Content
from replica.core.stock.lines import goods_lines, occurred_at, received_lines, resolve, time_facts
from replica.core.stock.location_view import LocationView
from replica.core.stock.requests import (
    GoodsReceipt,
)

GOODS_RECEIPT = "receipt"
"""The kind of these entries."""


def prepare_goods_receipt(view: LocationView, receipt: GoodsReceipt) -> Draft:
    """Take goods in from a supplier. The node that records them owns the rights."""
    resolved, units, facts = resolve(view.catalog, receipt.lines, moved=view.ledger.stocks(view.location))
    return Draft(
        kind=GOODS_RECEIPT,
        moves=tuple(Move(item, SUPPLIER, view.free, number) for item, number in units.items()),
        lines=received_lines(view, resolved, units),
        facts={**facts, **time_facts(receipt.occurred_at)},
        reference=receipt.reference,
    )


def read_goods_receipt(content: Content) -> GoodsReceipt:
    """Read the goods receipt from its entry."""
    return GoodsReceipt(goods_lines(content), content.reference, occurred_at(content.facts))
