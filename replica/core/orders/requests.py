"""What a caller may ask about an order, as types that validate and describe themselves in OpenAPI.

Nothing personal is taken in: `customer` and `ship_to` are references into the caller's own system, for an entry cannot
be made to forget. An entry holds the request it answers, so two requests under one key are compared as they were made.
"""

from __future__ import annotations

from collections.abc import Mapping
from hashlib import blake2b
from typing import Annotated, Any, Literal

import msgspec
from msgspec import UNSET, Meta, Struct, UnsetType

from replica.core.base.limits import EVENT_NUMBER_MAX, HOLD_TTL_MAX_S, HOLD_WAIT_MAX_MS, LINES_MAX
from replica.core.base.names import ITEM_PATTERN, NAME_PATTERN
from replica.core.base.quantities import Text
from replica.core.orders.machine import PARTIAL
from replica.core.stock.requests import SkuLine, SkuLines

ORDER = "order"
"""The kind of every entry about an order; `reference` is the order, `reason` the event."""

OrderName = Annotated[str, Meta(pattern=ITEM_PATTERN, description="The caller's own name of the order.")]
LocationName = Annotated[str, Meta(pattern=NAME_PATTERN)]
Reference = Annotated[Text, Meta(description="An opaque reference, never the data itself.")]

OutsideEvent = Literal["pay", "adjust", "exchange", "pick", "ship", "collect", "cancel", "return"]
"""Events that callers report; the others come of themselves."""


class PlacedLine(SkuLine, frozen=True, kw_only=True, gc=False):
    """So many of a SKU, from a location of the caller's choice or from wherever there are."""

    location: LocationName | UnsetType = UNSET


class Placement(Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True, gc=False):
    """A new order: what to hold for whom, and for how long.

    `partial` takes what there is instead of all or nothing; `paid` begins a reservation that does not expire;
    `pickup_at` takes every line that names no location from this one; `wait_ms` lets an order for which this node has
    not the rights wait so long until others hand it some.
    """

    order: OrderName
    lines: Annotated[tuple[PlacedLine, ...], Meta(min_length=1, max_length=LINES_MAX)]
    channel: Text = ""
    customer: Reference = ""
    ship_to: Reference = ""
    pickup_at: LocationName | UnsetType = UNSET
    ttl_s: Annotated[int, Meta(ge=1, le=HOLD_TTL_MAX_S, description="Seconds an unpaid hold lives.")] = 900
    partial: bool = False
    paid: bool = False
    durability: Literal["local", "region"] = "local"
    campaign: Text = ""
    wait_ms: Annotated[int, Meta(ge=0, le=HOLD_WAIT_MAX_MS)] = 0


class OrderEvent(Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True, gc=False):
    """Something that happened to an order, or to one fulfilment of it.

    `lines` says which units an adjustment or exchange gives up, or a return brings; `replacement` what an exchange
    takes instead. `number` counts a fulfilment's events from 1 as their sender does: one that skips a number waits.
    """

    order: OrderName
    event: OutsideEvent
    fulfilment: Text = ""
    lines: SkuLines | UnsetType = UNSET
    replacement: SkuLines | UnsetType = UNSET
    number: Annotated[int, Meta(ge=0, le=EVENT_NUMBER_MAX)] = 0


class Handover(Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True, gc=False):
    """Give a fulfilment, its units and every decision about it to another node of its location."""

    order: OrderName
    fulfilment: Text
    to: LocationName


class Housekeeping(Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True, gc=False):
    """Do what is due about an order: expire it, retry or report what was parked. Nobody outside asks this."""

    order: OrderName


class Revocation(Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    """Ask the owner of a fulfilment to give it up, for its units are not there. Nobody outside asks this."""

    order: OrderName
    fulfilment: Text


OrderRequest = Placement | OrderEvent | Handover | Housekeeping | Revocation

_KINDS: dict[str, type[OrderRequest]] = {
    "placement": Placement,
    "event": OrderEvent,
    "handover": Handover,
    "upkeep": Housekeeping,
}

_NAMES = {kind: name for name, kind in _KINDS.items()}

_encode = msgspec.msgpack.Encoder().encode


def request_facts(request: OrderRequest) -> dict[str, Any]:
    """A request as an entry holds it: its fields, under the name of its kind."""
    return {_NAMES[type(request)]: msgspec.to_builtins(request)}


def order_request_of(facts: Mapping[str, Any]) -> OrderRequest | None:
    """Read the request off an entry's facts; None where it answers nobody's. Raises ValueError."""
    for name, fields in (facts.get("request") or {}).items():
        return msgspec.convert(fields, _KINDS[name])
    return None


def request_digest(request: OrderRequest) -> bytes:
    """Equal requests, equal digest: how a repeated placement is known whatever its key."""
    return blake2b(_encode(request), digest_size=16).digest()


def deduplication_id_of(event: OrderEvent, key: bytes) -> bytes:
    """Name an event as it was told under a key: the same wherever it is told again, though no node knows of the other.

    Empty where nothing but the event is needed: what happens once is known by having happened, what is counted by its
    number; and what has no key was told by nobody outside.
    """
    if not key or event.number or event.event not in PARTIAL:
        return b""
    return blake2b(key + request_digest(event), digest_size=16).digest()
