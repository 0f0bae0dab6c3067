"""Requests about transfers of goods between locations: bodies of calls, and with the number of their transfer.

Balancing calls for goods to move, too. It makes one `RequestTransfer` for each pair of locations of an approved plan
(`new_transfer` computes the number), with `plan` and `approve: true`, and submits it as a command at the sending
location. `Transfers.of_plan` then lists the transfers of the plan, and each shows its state: that is the progress.
"""

from __future__ import annotations

from enum import Enum
from typing import Annotated, Any

import msgspec
from msgspec import UNSET, Meta, UnsetType

from replica.core.base.limits import LINES_MAX, NAME_LENGTH_MAX
from replica.core.base.names import NAME_PATTERN
from replica.core.base.quantities import Item, Quantity, RequestStruct, Scan, Sku, Text, Timestamp
from replica.core.stock.requests import GoodsLine, GoodsLines, OnShortage
from replica.core.stock.transfer_numbers import transfer_number

_NAMED = {"pattern": NAME_PATTERN}

Place = Annotated[str, Meta(min_length=1, max_length=NAME_LENGTH_MAX, extra_json_schema=_NAMED)]
"""The name of a location."""


class Condition(Enum):
    """The condition of goods that arrive. Damaged goods go into quarantine."""

    GOOD = "good"
    DAMAGED = "damaged"


class Discrepancy(Enum):
    """Why the units of a transfer do not come out even."""

    LOST = "lost"
    """Units are not coming any more. They leave the transit account for `loss`."""
    FOUND = "found"
    """Units that were written off as lost are on their way again."""
    OVER = "over"
    """More units came than the sender booked. The sender's next count shows the difference."""
    TAKEN_BACK = "taken_back"
    """Units were taken in by mistake: they leave the stock of this location, and are on their way again."""


class ReceivedLine(RequestStruct, frozen=True):
    """Goods that arrived, in one condition."""

    quantity: Quantity
    sku: Sku | UnsetType = UNSET
    barcode: Scan | UnsetType = UNSET
    item: Item | UnsetType = UNSET
    condition: Condition = Condition.GOOD

    def goods(self) -> GoodsLine:
        """The line without the condition."""
        return GoodsLine(self.quantity, self.sku, self.barcode, self.item)


class DiscrepancyLine(RequestStruct, frozen=True):
    """Units of an item that do not come out even, and why."""

    item: Item
    quantity: Quantity
    reason: Discrepancy


class NewTransfer(RequestStruct, frozen=True):
    """Goods shall go from one location to another.

    `from`: left out, the location of this node. `approve`: the request is approved at once. `expected_at`: when the
    goods should arrive. `plan`: the plan that asks for it.
    """

    target: Place = msgspec.field(name="to")
    lines: GoodsLines
    source: Place | UnsetType = msgspec.field(name="from", default=UNSET)
    approve: bool = False
    expected_at: Timestamp | UnsetType = UNSET
    plan: Text = ""
    reference: Text = ""
    reason: Text = ""


class Approval(RequestStruct, frozen=True):
    """The goods of a transfer may leave."""

    reason: Text = ""


class Cancellation(RequestStruct, frozen=True):
    """Nothing more of a transfer is to leave. What is on its way stays to be received or written off."""

    reason: Text = ""


class Shipment(RequestStruct, frozen=True):
    """Goods of a transfer leave.

    `lines`: left out, all that remains to be sent. `last`: nothing more will be sent. `on_shortage`: `record` says that
    the goods have left already. Then nothing is refused, whatever was requested, approved or booked.
    """

    lines: GoodsLines | UnsetType = UNSET
    last: bool = False
    on_shortage: OnShortage = OnShortage.REFUSE
    expected_at: Timestamp | UnsetType = UNSET
    reference: Text = ""
    occurred_at: Timestamp | UnsetType = UNSET


class Arrival(RequestStruct, frozen=True):
    """Goods of a transfer arrived. `lines`: left out, all that is on its way as far as this node knows."""

    lines: Annotated[tuple[ReceivedLine, ...], Meta(min_length=1, max_length=LINES_MAX)] | UnsetType = UNSET
    reference: Text = ""
    occurred_at: Timestamp | UnsetType = UNSET


class Settlement(RequestStruct, frozen=True):
    """What becomes of units that do not come out even."""

    lines: Annotated[tuple[DiscrepancyLine, ...], Meta(min_length=1, max_length=LINES_MAX)]
    reference: Text = ""


class RequestTransfer(RequestStruct, frozen=True):
    """`new`, under the number of the transfer. Its `source` is given."""

    transfer: str
    new: NewTransfer


class ApproveTransfer(RequestStruct, frozen=True):
    """An approval, with its transfer."""

    transfer: str
    approval: Approval


class ShipTransfer(RequestStruct, frozen=True):
    """A shipment, with its transfer."""

    transfer: str
    shipment: Shipment


class ReceiveTransfer(RequestStruct, frozen=True):
    """An arrival, with its transfer."""

    transfer: str
    arrival: Arrival


class CancelTransfer(RequestStruct, frozen=True):
    """A cancellation, with its transfer."""

    transfer: str
    cancellation: Cancellation


class SettleTransfer(RequestStruct, frozen=True):
    """A settlement, with its transfer."""

    transfer: str
    settlement: Settlement


TransferRequest = RequestTransfer | ApproveTransfer | ShipTransfer | ReceiveTransfer | CancelTransfer | SettleTransfer
"""The requests about transfers."""


def new_transfer(key: bytes, new: NewTransfer, here: str) -> RequestTransfer:
    """The request of a caller under its key, with the number of the transfer. `here`: the location of the caller."""
    asked: Any = msgspec.structs.replace(new, source=here) if new.source is UNSET else new
    return RequestTransfer(transfer_number(key, msgspec.json.encode(asked)), asked)
