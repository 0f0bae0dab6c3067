"""What can go wrong, by who must act.

Failure
├── Refused              definite: nothing happened, and the caller is told why
│   ├── Invalid          a field has a value it cannot have
│   ├── UnknownSku       no such SKU, item or barcode
│   ├── NotFound         no such resource
│   ├── KeyReused        the idempotency key belongs to another request
│   ├── RightsExhausted  the units are not this node's to promise or give away
│   ├── NotHosted        this node does not write for that location
│   ├── NotOwner         another node decides about that fulfilment
│   ├── OrderExists      an order of that name was placed, and it was another one
│   ├── InvalidTransition  the fulfilment is past what the event needs
│   ├── Overtaken        more was heard while a level was worked out: work it out again
│   ├── Overloaded       a bounded queue is full: try again a little later
│   ├── StorageFull      the disk has no room: nothing was written
│   └── Stopping         the node is going down
├── Unknown              indefinite: ask again with the same key
├── PeerFault            a peer broke the protocol: its session ends, this node goes on
└── Broken               an invariant does not hold: stop at once
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any


class Failure(Exception):
    """Root of what this project raises on purpose."""


class Refused(Failure):
    """Nothing happened. `kind` is the stable problem type; `fields` says what to mend."""

    kind = "refused"
    title = "The request was refused."

    def __init__(self, detail: str, *, field: str | None = None, **facts: Any) -> None:
        super().__init__(detail)
        self.detail = detail
        self.field = field
        self.facts: Mapping[str, Any] = facts


class Invalid(Refused):
    """A field has a value it cannot have."""

    kind = "invalid-request"
    title = "The request is not valid."


class UnknownSku(Refused):
    """No such SKU, item or barcode at this node."""

    kind = "unknown-sku"
    title = "No such SKU."


class NotFound(Refused):
    """No such resource."""

    kind = "not-found"
    title = "There is no such thing here."


class KeyReused(Refused):
    """The idempotency key was used before, for another request."""

    kind = "idempotency-key-reused"
    title = "The idempotency key belongs to another request."


class RightsExhausted(Refused):
    """Units may exist, but they are not this node's to promise or give away."""

    kind = "insufficient-rights"
    title = "This node does not own enough units."

    def __init__(self, lines: Sequence[Mapping[str, Any]]) -> None:
        short = ", ".join(f"{line['item']}: {line['wanted']} wanted, {line['free']} free" for line in lines)
        super().__init__(short, lines=list(lines))


class NotHosted(Refused):
    """This node does not write for that location."""

    kind = "not-hosted"
    title = "This node does not write for that location."


class NotOwner(Refused):
    """Another node decides about that fulfilment."""

    kind = "not-owner"
    title = "Another node decides about this."


class OrderExists(Refused):
    """An order of that name was placed before, and it was another one."""

    kind = "order-exists"
    title = "There is another order of that name."


class InvalidTransition(Refused):
    """The fulfilment is past what the event needs. Reported, and nothing else happened."""

    kind = "invalid-transition"
    title = "This cannot happen to the order any more."


class Overtaken(Refused):
    """More was heard of the stock while its level of some time ago was worked out."""

    kind = "overtaken"
    title = "The stock moved meanwhile. Try again."


class Overloaded(Refused):
    """A bounded queue is full. Definite: the request was not taken in."""

    kind = "overloaded"
    title = "Too many requests wait already."


class StorageFull(Refused):
    """The disk has no room. Definite: the transaction was rolled back whole."""

    kind = "storage-full"
    title = "There is no room to write."


class Stopping(Refused):
    """The node is going down and takes nothing new in."""

    kind = "stopping"
    title = "The node is stopping."


class Unknown(Failure):
    """Indefinite: the effect may or may not be durable. Ask again with the same key."""


class PeerFault(Failure):
    """A peer broke the protocol. `reason` is one of a closed list, counted by it."""

    def __init__(self, reason: str, detail: str = "") -> None:
        super().__init__(f"{reason}: {detail}" if detail else reason)
        self.reason = reason
        self.detail = detail


class Broken(Failure):
    """An invariant does not hold. Nothing this process says can be trusted any more."""
