"""Errors, by who must act.

Failure
├── Refused              definite: nothing happened, and the caller learns why
│   ├── Invalid          a field has an invalid value
│   ├── UnknownSku       the catalogue has no such SKU, item or barcode
│   ├── BarcodeConflict  several SKUs claim one barcode
│   ├── Unchanged        the document has the value already
│   ├── NotFound         the resource does not exist
│   ├── UnknownLocation  this node has never heard of the location
│   ├── CursorUnknown    this journal did not give the cursor
│   ├── KeyReused        the idempotency key was used for another request
│   ├── RightsExhausted  this node does not have the rights to enough units
│   ├── NotHosted        this node does not write for the location
│   ├── NotOwner         another node owns the fulfilment
│   ├── OrderExists      another order has the same name
│   ├── OrderEnded       the order holds nothing any more, so nothing is promised
│   ├── InvalidTransition  the event is not possible in the state of the fulfilment
│   ├── UnknownTransfer  this node has not heard of the transfer
│   ├── TransferState    the step is not possible in the state of the transfer
│   ├── Overtaken        the stock changed while the request was processed: try again
│   ├── Overloaded       a bounded queue is full: try again later
│   ├── StorageFull      the disk is full: nothing was written
│   └── Stopping         the node is stopping
├── Unknown              indefinite: retry with the same key
├── PeerFault            a peer broke the protocol: its session ends, this node goes on
└── Broken               an invariant does not hold: stop immediately
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Literal


class Failure(Exception):
    """Root of the errors that this project raises itself."""


class Refused(Failure):
    """Nothing happened. `kind` is the stable type of the problem, `detail` says what to correct and how.

    `field` names the field to correct as the caller wrote it; `facts` are further fields of the problem document.
    """

    kind = "refused"

    def __init__(self, detail: str, *, field: str | None = None, **facts: Any) -> None:
        super().__init__(detail)
        self.detail = detail
        self.field = field
        self.facts: Mapping[str, Any] = facts


class Invalid(Refused):
    """A field has an invalid value."""

    kind = "invalid-request"


class UnknownSku(Refused):
    """The catalogue of this node has no such SKU, item or barcode."""

    kind = "unknown-sku"


class BarcodeConflict(Refused):
    """Several SKUs claim one barcode, or would after this write."""

    kind = "barcode-conflict"


class Unchanged(Refused):
    """The document has the value already, and its caller asked to write changes only.

    `register`: the current write of the document; None if nobody wrote it, and there was nothing to clear.
    """

    kind = "unchanged"

    def __init__(self, register: Any) -> None:
        super().__init__("The document has this value already.")
        self.register = register


class NotFound(Refused):
    """The resource does not exist on this node."""

    kind = "not-found"


class Forbidden(Refused):
    """The caller is not allowed to do this."""

    kind = "forbidden"


class OriginNotAllowed(Refused):
    """Pages of this origin are not allowed to call the node."""

    kind = "origin-not-allowed"


class UnknownLocation(Refused):
    """No document, no host and no entry names the location."""

    kind = "unknown-location"


class CursorUnknown(Refused):
    """This journal did not give the cursor. `begin` and `newest` in the facts are cursors of this journal."""

    kind = "cursor-unknown"


class KeyReused(Refused):
    """The idempotency key was used for another request."""

    kind = "idempotency-key-reused"


class RightsExhausted(Refused):
    """Units may exist, but this node does not have the rights to promise or grant them."""

    kind = "insufficient-rights"

    def __init__(self, lines: Sequence[Mapping[str, Any]]) -> None:
        missing = [f"{line['wanted']} of {line['item']} requested, {line['free']} available" for line in lines]
        super().__init__("; ".join(missing), lines=list(lines))


class NotDeliverable(Refused):
    """Goods of an order are not delivered to its address."""

    kind = "not-deliverable"

    def __init__(self, lines: Sequence[Mapping[str, Any]]) -> None:
        banned = [f"the area {line['area']} does not let {line['sku']} in" for line in lines]
        super().__init__("; ".join(banned), lines=list(lines))


class NotHosted(Refused):
    """This node does not write for the location."""

    kind = "not-hosted"


class NotOwner(Refused):
    """Another node owns the fulfilment: only its owner decides about it."""

    kind = "not-owner"


class OrderExists(Refused):
    """Another order has the same name."""

    kind = "order-exists"


class OrderEnded(Refused):
    """The order was placed before and holds nothing any more. Placing it again promises nothing."""

    kind = "order-ended"


class InvalidTransition(Refused):
    """The event is not possible in the state of the fulfilment. The node records a report, and changes nothing else."""

    kind = "invalid-transition"


class UnknownTransfer(Refused):
    """This node has not heard of the transfer."""

    kind = "unknown-transfer"

    def __init__(self, transfer: str) -> None:
        super().__init__(f"No transfer {transfer!r} is known here", field="transfer", transfer=transfer)


class TransferState(Refused):
    """The step is not possible in the state of the transfer, as far as this node knows."""

    kind = "transfer-state"


class Overtaken(Refused):
    """New entries arrived while the node computed a past stock level."""

    kind = "overtaken"


class Overloaded(Refused):
    """A bounded queue is full. Definite: the node did not accept the request."""

    kind = "overloaded"


class StorageFull(Refused):
    """The disk is full. Definite: the whole transaction was rolled back."""

    kind = "storage-full"


class Stopping(Refused):
    """The node is stopping and accepts no new requests."""

    kind = "stopping"


class Unknown(Failure):
    """Indefinite: the effect may or may not be durable. Retry with the same key."""


FaultReason = Literal[
    "clock",
    "corrupt",
    "duplicate-link",
    "fork",
    "gap",
    "malformed",
    "name-taken",
    "out-of-sequence",
    "oversized",
    "own-stream",
    "same-name",
    "silent",
    "unauthorised",
    "version",
]


class PeerFault(Failure):
    """A peer broke the protocol. The node counts faults by `reason`; `detail` says what was wrong with which value."""

    def __init__(self, reason: FaultReason, detail: str) -> None:
        super().__init__(f"{reason}: {detail}")
        self.reason = reason
        self.detail = detail


class Broken(Failure):
    """An invariant does not hold, so no answer of this process can be trusted."""
