"""Requests about the stock of a location. The same types validate requests and describe them in OpenAPI.

These types bound only the length of item and SKU names. The catalog checks the characters of a name it does not know.
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
    Delta,
    Item,
    Level,
    Quantity,
    Reason,
    RequestStruct,
    Scan,
    Sku,
    Text,
    Timestamp,
)


class OnShortage(Enum):
    """What a sale does when the node's own rights do not cover it."""

    RECORD = "record"
    """The customer already has the goods: record the sale, let the rights go below zero, and mark the breach."""
    REFUSE = "refuse"
    """The sale is a promise: refuse it if the node's own rights do not cover it."""


class Disposition(Enum):
    """Where returned goods go."""

    QUARANTINE = "quarantine"
    RESTOCK = "restock"


class Action(Enum):
    """What to do with units: put them back on the shelf, write them off, or put them into quarantine."""

    RESTOCK = "restock"
    WRITE_OFF = "write_off"
    PUT = "put"


class SkuLine(RequestStruct, frozen=True):
    """A quantity of a SKU, which the line gives directly or by a barcode."""

    quantity: Quantity
    sku: Sku | UnsetType = UNSET
    barcode: Scan | UnsetType = UNSET


class GoodsLine(RequestStruct, frozen=True):
    """A quantity of a SKU, which the line gives directly or by a barcode, or of an item."""

    quantity: Quantity
    sku: Sku | UnsetType = UNSET
    barcode: Scan | UnsetType = UNSET
    item: Item | UnsetType = UNSET


class CountLine(RequestStruct, frozen=True):
    """The level of an item that was found on the shelf.

    If an item lies in several areas, a count has one line for each area, and they add up to one level.
    """

    item: Item
    counted: Level
    area: Text = ""


class AdjustmentLine(RequestStruct, frozen=True):
    """A difference that corrects the book stock of an item, and its reason."""

    item: Item
    delta: Delta
    reason: Reason


class QuarantineLine(RequestStruct, frozen=True):
    """A quantity that goes into or out of quarantine."""

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
    customer_group: Text = ""
    """Whose prices apply. It changes no stock."""


class KeyedSale(Sale, frozen=True, kw_only=True):
    """One sale of a batch, with its own key."""

    key: Annotated[str, Meta(min_length=1, max_length=KEY_LENGTH_MAX + 2)]

    def sale(self) -> Sale:
        """The same sale without its key. It equals a sale sent alone, so either form can be a retry of the other."""
        return Sale(
            lines=self.lines,
            on_shortage=self.on_shortage,
            till=self.till,
            receipt=self.receipt,
            occurred_at=self.occurred_at,
            customer_group=self.customer_group,
        )


class SaleBatch(RequestStruct, frozen=True):
    """Sales that waited to be sent, in the order in which they happened. The node decides each one separately."""

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
    occurred_at: Timestamp | UnsetType = UNSET


class Count(RequestStruct, frozen=True):
    """Levels found on the shelf. `seen` is the token that came with the stock figures which the counter used."""

    lines: Annotated[tuple[CountLine, ...], Meta(min_length=1, max_length=LINES_MAX)]
    seen: Annotated[str, Meta(max_length=64)] = ""
    reference: Text = ""


class Adjustment(RequestStruct, frozen=True):
    """Differences that correct the book stock."""

    lines: Annotated[tuple[AdjustmentLine, ...], Meta(min_length=1, max_length=LINES_MAX)]
    reference: Text = ""
    occurred_at: Timestamp | UnsetType = UNSET


class Quarantine(RequestStruct, frozen=True):
    """Units put aside, put back, or written off."""

    lines: Annotated[tuple[QuarantineLine, ...], Meta(min_length=1, max_length=LINES_MAX)]
    reference: Text = ""
    occurred_at: Timestamp | UnsetType = UNSET
