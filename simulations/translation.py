"""Requests, refusals and entries of the core as the reference model knows them, which knows nothing of the core."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import msgpack
import msgspec

from replica.core.base.errors import Refused
from replica.core.base.names import key_text
from replica.core.log.entry import DOCUMENT
from replica.core.log.times import recorded_ms
from replica.core.orders.requests import ORDER, OrderEvent, Placement
from replica.core.state.commands import Command
from replica.core.stock.requests import Adjustment, Count, GoodsReceipt, Quarantine, Return, Sale
from replica.runtime.ports import Stored
from simulations.reference import bodies
from simulations.reference.answers import Refusal
from simulations.reference.journal import Entry
from simulations.reference.order_bodies import read_placement
from simulations.reference.order_entries import event_of
from simulations.reference.replay import Replay

SHAPES: Mapping[type, tuple[str, Any]] = {
    Sale: ("sale", bodies.SALE),
    Return: ("return", bodies.RETURN),
    GoodsReceipt: ("receipt", bodies.GOODS_RECEIPT),
    Adjustment: ("adjustment", bodies.ADJUSTMENT),
    Quarantine: ("quarantine", bodies.QUARANTINE),
    Count: ("count", bodies.COUNT),
}
"""The kind of entry that each request leads to, and the shape of its body. A node of the next release writes others."""

DERIVED = ("insufficient-rights", "not-hosted", "idempotency-key-reused")
"""The refusals that follow from the journal alone."""

DERIVED_OF_EVENTS = (*DERIVED, "invalid-request", "not-found", "not-owner", "unknown-sku", "barcode-conflict")
"""The same for events of orders."""


def body_of(command: Command) -> Mapping[str, Any] | None:
    """The body of a request in its normal form, if the model can decide it."""
    request = command.request
    found: Mapping[str, Any]
    if isinstance(request, Placement):
        if request.ship_to:
            return None  # `DeliveriesChecker` knows where it goes
        found = read_placement(bodies.decoded(msgspec.json.encode(request)), is_hub=True)
        return found
    if isinstance(request, OrderEvent):
        return event_of({"request": {"event": bodies.decoded(msgspec.json.encode(request))}})
    if type(request) not in SHAPES or (isinstance(request, Return) and request.original):
        return None
    _, shape = SHAPES[type(request)]
    found = shape(bodies.decoded(msgspec.json.encode(request)), "")
    return found


def kind_of(command: Command) -> str:
    """The kind of entry that a request leads to; empty if the model does not know the request."""
    is_of_order = isinstance(command.request, Placement | OrderEvent)
    return ORDER if is_of_order else SHAPES.get(type(command.request), ("", None))[0]


def is_derived(refused: Refused, command: Command) -> bool:
    """Whether the model says when a request is refused like that."""
    is_event = isinstance(command.request, OrderEvent)
    return refused.kind in (DERIVED_OF_EVENTS if is_event else DERIVED)


def refusal_of(refused: Refused) -> dict[str, Any]:
    """A refusal as the model shows it, without its words."""
    field = {"field": refused.field} if refused.field is not None else {}
    return {"type": refused.kind, **field, **refused.facts}


def expected_refusal(replay: Replay, command: Command, asked: Mapping[str, Any]) -> Any:
    """What the model refuses a request with now; None if it does not, or if the request had an answer before."""
    if key_text(command.key) in replay.keys:
        return {"type": "idempotency-key-reused", "field": "Idempotency-Key"}
    try:
        if isinstance(command.request, Placement):
            if asked["order"] not in replay.placed:
                replay.promise(asked)
        elif isinstance(command.request, OrderEvent):
            replay.happen(asked)
        else:
            replay.decide(SHAPES[type(command.request)][0], command.location, asked)
    except Refusal as refusal:
        return {name: value for name, value in refusal.problem.items() if name not in ("title", "status", "detail")}
    return None


def plain(stored: Stored, arrival: int) -> Entry:
    """An entry as the model knows it, with its facts as JSON. `arrival`: its number for the model."""
    entry, content = stored.entry, stored.entry.content
    facts = dict(content.facts)
    if content.kind == DOCUMENT and isinstance(facts.get("value"), bytes):
        facts["value"] = msgpack.unpackb(facts["value"], strict_map_key=False)
    return Entry(
        arrival=arrival,
        writer=entry.stream.writer,
        scope=entry.stream.scope,
        sequence=entry.sequence,
        kind=content.kind,
        stamp=content.clock,
        at_ms=recorded_ms(content),
        key=key_text(content.key),
        actor=content.actor,
        reason=content.reason,
        reference=content.reference,
        moves=[(one.item, one.source, one.target, one.quantity) for one in content.moves],
        lines=[(one.sku, one.quantity, one.breach, one.available) for one in content.lines],
        facts=msgspec.json.decode(msgspec.json.encode(facts)),
        hash=entry.hash.hex(),
    )


def as_received(answer: Any) -> Any:
    """An answer as a caller gets it."""
    return msgspec.json.decode(msgspec.json.encode(answer))
