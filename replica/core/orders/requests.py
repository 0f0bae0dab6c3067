"""Requests about orders, as types that validate and describe themselves in OpenAPI.

Requests hold no personal data, because nobody can delete it from an entry: `customer` and `ship_to` are references into
the caller's own system. An entry holds the request it answers, so that two requests under one key can be compared.
"""

from __future__ import annotations

from collections.abc import Mapping
from hashlib import blake2b
from typing import Annotated, Any, Literal

import msgspec
from msgspec import UNSET, Meta, Struct, UnsetType

from replica.core.base.limits import EVENT_NUMBER_MAX, HOLD_TTL_MAX_S, HOLD_WAIT_MAX_MS, LINES_MAX
from replica.core.base.names import ITEM_PATTERN
from replica.core.base.quantities import Text
from replica.core.catalog.locations import LocationName
from replica.core.orders.machine import PARTIAL
from replica.core.stock.requests import SkuLine, SkuLines

ORDER = "order"
"""The kind of every entry about an order; `reference` is the order, `reason` the event."""

OrderName = Annotated[str, Meta(pattern=ITEM_PATTERN, description="The caller's own name of the order.")]
Reference = Annotated[Text, Meta(description="An opaque reference, never the data itself.")]

OutsideEvent = Literal["pay", "adjust", "exchange", "pick", "ship", "deliver", "collect", "decline", "cancel", "return"]
"""Events that callers report; nodes add the others themselves."""


class PlacedLine(SkuLine, frozen=True, kw_only=True):
    """A quantity of a SKU, from a location of the caller's choice or from any."""

    location: LocationName | UnsetType = UNSET


class Placement(Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    """A new order: what to hold, for whom, and for how long.

    `partial` takes what there is instead of all or nothing. `paid` begins a reservation that does not expire.
    `pickup_at` is the location of every line that names none. If this node has too few rights, the order waits for
    `wait_ms` until other nodes grant some.
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


class OrderEvent(Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    """Something that happened to an order, or to one fulfilment of it.

    `lines` are the units that an adjustment or exchange takes out of the order, or that a return brings back. They are
    also the units that are shipped, collected, declined or cancelled, if that happens to a part only. A line names a
    SKU, or the barcode under which it was ordered. `replacement` is what an exchange takes instead. `number` is the
    sender's number of the event, counted from 1 for each fulfilment: an event that skips a number waits.
    """

    order: OrderName
    event: OutsideEvent
    fulfilment: Text = ""
    lines: SkuLines | UnsetType = UNSET
    replacement: SkuLines | UnsetType = UNSET
    number: Annotated[int, Meta(ge=0, le=EVENT_NUMBER_MAX)] = 0


class Handover(Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    """Give a fulfilment, its units and every decision about it to another node of its location."""

    order: OrderName
    fulfilment: Text
    to: LocationName


class Housekeeping(Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    """Do what is due about an order: expire it, retry parked events or report them. Only nodes ask this."""

    order: OrderName


class Revocation(Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    """Ask the owner of a fulfilment to revoke it, because its units are missing. Only nodes ask this."""

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
    """The request in an entry's facts; None where the entry answers no request. Raises ValueError.

    An entry that takes goods back holds the event as it concerns these goods. See `answered_request_of`.
    """
    for name, fields in (facts.get("request") or {}).items():
        return msgspec.convert(fields, _KINDS[name])
    return None


def answered_request_of(facts: Mapping[str, Any]) -> OrderRequest | None:
    """The request as the caller sent it; None where the entry answers no request. Raises ValueError."""
    return order_request_of({"request": facts["share_of"]} if facts.get("share_of") else facts)


def request_digest(request: OrderRequest) -> bytes:
    """Equal requests, equal digest: it shows that a placement is a repeat, whatever its key."""
    return blake2b(_encode(request), digest_size=16).digest()


def deduplication_id_of(event: OrderEvent, key: bytes) -> bytes:
    """The deduplication id of an event under a key: the same at every node, even if they do not hear of each other.

    Empty where it is not needed: an event that happens only once is known by its name, one with a number by its number,
    and one without a key came from no caller.
    """
    if not key or event.number or (event.event not in PARTIAL and event.lines is UNSET):
        return b""
    return blake2b(key + request_digest(event), digest_size=16).digest()


def part_deduplication_id(deduplication_id: bytes, fulfilment: str) -> bytes:
    """The deduplication id of the share that one fulfilment has in a return of several."""
    return blake2b(deduplication_id + fulfilment.encode(), digest_size=16).digest() if deduplication_id else b""
