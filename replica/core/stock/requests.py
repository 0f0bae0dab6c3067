"""What a caller may ask of a location's stock: the types that validate, decide, and describe themselves in OpenAPI.

Item and SKU names are only bounded here; what they may be made of is checked once, where a name is first met.
"""

from __future__ import annotations

from enum import Enum
from typing import Annotated

from msgspec import UNSET, Meta, UnsetType

from replica.core.base.limits import (
    KEY_LENGTH_MAX,
    LINES_MAX,
    SALES_PER_BATCH_MAX,
)
from replica.core.base.quantities import (
    Barcode,
    Delta,
    Item,
    Level,
    Quantity,
    Reason,
    RequestStruct,
    Sku,
    Text,
    Timestamp,
)


class OnShortage(Enum):
    """What a sale does when the node's own rights do not cover it."""

    RECORD = "record"
    """The goods are in the customer's hand: take the sale, let rights go below zero, mark the breach."""
    REFUSE = "refuse"
    """It is a promise: sell only what this node owns."""


class Disposition(Enum):
    """Where returned goods go."""

    QUARANTINE = "quarantine"
    RESTOCK = "restock"


class Action(Enum):
    """What to do with goods in quarantine, or with goods to be put there."""

    RESTOCK = "restock"
    WRITE_OFF = "write_off"
    PUT = "put"


class SkuLine(RequestStruct, frozen=True):
    """So many of a SKU, named by itself or by a barcode."""

    quantity: Quantity
    sku: Sku | UnsetType = UNSET
    barcode: Barcode | UnsetType = UNSET


class GoodsLine(RequestStruct, frozen=True):
    """So many of a SKU, a barcode's SKU, or an item."""

    quantity: Quantity
    sku: Sku | UnsetType = UNSET
    barcode: Barcode | UnsetType = UNSET
    item: Item | UnsetType = UNSET


class CountLine(RequestStruct, frozen=True):
    """The level found on the shelf."""

    item: Item
    counted: Level


class AdjustmentLine(RequestStruct, frozen=True):
    """A correction by a difference, and why."""

    item: Item
    delta: Delta
    reason: Reason


class QuarantineLine(RequestStruct, frozen=True):
    """So many units into or out of quarantine."""

    item: Item
    quantity: Quantity
    action: Action


SkuLines = Annotated[tuple[SkuLine, ...], Meta(min_length=1, max_length=LINES_MAX)]
GoodsLines = Annotated[tuple[GoodsLine, ...], Meta(min_length=1, max_length=LINES_MAX)]


class Sale(RequestStruct, frozen=True):
    """Goods leave with a customer."""

    lines: SkuLines
    on_shortage: OnShortage = OnShortage.RECORD
    till: Text = ""
    receipt: Text = ""
    occurred_at: Timestamp | UnsetType = UNSET


class KeyedSale(Sale, frozen=True, kw_only=True):
    """One sale of a batch, with the key that is its own."""

    key: Annotated[str, Meta(min_length=1, max_length=KEY_LENGTH_MAX + 2)]

    def sale(self) -> Sale:
        """The same sale as it would have been asked by itself, so that a retry of either form is a retry."""
        return Sale(self.lines, self.on_shortage, self.till, self.receipt, self.occurred_at)


class SaleBatch(RequestStruct, frozen=True):
    """Sales that waited, in the order they happened; each is decided by itself."""

    sales: Annotated[tuple[KeyedSale, ...], Meta(min_length=1, max_length=SALES_PER_BATCH_MAX)]


class Return(RequestStruct, frozen=True):
    """Goods come back from a customer."""

    lines: SkuLines
    original: Text = ""
    disposition: Disposition = Disposition.QUARANTINE
    till: Text = ""
    receipt: Text = ""
    occurred_at: Timestamp | UnsetType = UNSET


class GoodsReceipt(RequestStruct, frozen=True):
    """Goods come in from a supplier."""

    lines: GoodsLines
    reference: Text = ""


class Count(RequestStruct, frozen=True):
    """Levels found on the shelf; `seen` is the token of the stock figure the counter worked from."""

    lines: Annotated[tuple[CountLine, ...], Meta(min_length=1, max_length=LINES_MAX)]
    seen: Annotated[str, Meta(max_length=64)] = ""
    reference: Text = ""


class Adjustment(RequestStruct, frozen=True):
    """Corrections by differences."""

    lines: Annotated[tuple[AdjustmentLine, ...], Meta(min_length=1, max_length=LINES_MAX)]
    reference: Text = ""


class Quarantine(RequestStruct, frozen=True):
    """Units put aside, put back, or written off."""

    lines: Annotated[tuple[QuarantineLine, ...], Meta(min_length=1, max_length=LINES_MAX)]
    reference: Text = ""
