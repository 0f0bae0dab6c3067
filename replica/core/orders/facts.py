"""Facts of entries about orders: one struct for each act, so that an entry has only the fields its act can have.

The tag `act` says which struct it is. `encode` and `decode` are the only ways in and out of an entry: what a node
decides is encoded once, when its draft is made, and everybody who reads an entry decodes it. An entry that this version
cannot read, or whose act only a later version knows, decodes to None: whoever folds skips it.

The bytes are part of every journal and of the wire. So a field keeps its name in the file (`tellings`), fields stand in
one order for all acts, and defaults are left out. tests/vectors/order_facts.json holds recorded bytes.
"""

from __future__ import annotations

from typing import Any

import msgspec
from msgspec import Struct

from replica.core.log.entry import Content
from replica.core.orders.allocations import Allocation, Reversal
from replica.core.orders.promised import Promised
from replica.core.orders.requests import ORDER, OrderEvent

STEP, SPLIT, PARK, REPORT, REPEAT = "step", "split", "park", "report", "repeat"
ASK, HAND_OVER, VOID, TAKE_BACK = "ask", "hand_over", "void", "take_back"
"""The acts. HAND_OVER is the event of its entry, too."""

HAPPENED, PARKED, ASKED, UNCHANGED = "happened", "parked", "asked", "unchanged"
"""Outcomes of an event at each fulfilment that it concerned: it happened, it waits for its predecessor, its owner was
asked to decide, or it cannot happen there any more. One more is REPEAT: it had happened before."""

IMPOSSIBLE = "impossible"
"""Outcome of an event that cannot happen any more."""

LATE = "late"
"""Outcome of an event whose predecessor did not come before the deadline."""

SHORT = "short"
"""Outcome of an exchange for which there were no units."""

AMBIGUOUS = "ambiguous"
"""Outcome of an event that names units which several fulfilments have, and that does not say of which one it is."""

DUPLICATE = "duplicate"
"""Outcome for a fulfilment that cannot be undone any more, although its order was placed twice."""

EXCESS = "excess"
"""Outcome of a return of more than the fulfilment sold. The goods stay where they are."""

OTHER_ITEMS = "other_items"
"""Outcome of goods taken back by a recipe that their SKU was not sold by: a person has to see which items they are."""

NUMBER_USED = "number_used"
"""Outcome of goods taken back under the number of an event that happened before. They are not counted, because it may
be the same event."""

PASSED_ON = "passed_on"
"""Outcome of goods taken back at another location: the owner of their fulfilment was told."""

SHORTAGE = "shortage"
"""Why a fulfilment is to be cancelled: its units are missing."""

COVERED = "covered"
"""Outcome of such a request: the units were there after all."""

MOVED = "moved"
"""Outcome of such a request: another fulfilment replaces it."""

NOWHERE = "nowhere"
"""Outcome of a fulfilment that its location declined, and that no other location could take as a whole."""

UNWANTED = "unwanted"
"""Outcome of a fulfilment that its location declined, and that the customer cancelled meanwhile."""

CANCELLED = "cancelled"
"""Outcome of such a request: it was cancelled, and nothing replaces it."""


class ShownFulfilment(Struct, frozen=True, array_like=True, gc=False):
    """A fulfilment as it was when an answer was given."""

    id: str
    location: str
    state: str
    lines: tuple[tuple[str, int], ...]


Outcomes = tuple[tuple[str, str], ...]
"""By fulfilment: what became of an event there. Left out if the event concerned one fulfilment, as a whole."""


class EventRequest(Struct, frozen=True):
    """An event as an entry holds it: under the name of its kind."""

    event: OrderEvent


class StepFacts(Struct, frozen=True, omit_defaults=True, kw_only=True, gc=False, tag_field="act", tag=STEP):
    """A fulfilment went to another state, or began.

    The first entry of a placement has a `digest`. `state` and `shown` are the answer to a caller, and `request` is what
    the caller asked; other entries have none. `request` is kept as it was written: a fold must not fail because a
    later version asked for something new.
    """

    fulfilment: str
    to: str
    """The state it is in now."""
    expires_ms: int = 0
    """Milliseconds since 1970; 0: never."""
    number: int = 0
    """The sender's number of the event; 0: it has none."""
    outcome: str = ""
    """MOVED or CANCELLED when the owner revoked it because of a shortage."""
    settles: bytes = b""
    """The entry of the parked event that happened by this step."""
    voids: bytes = b""
    """The entry that began this fulfilment, when its placement lost and this step undoes it."""
    channel: str = ""
    customer: str = ""
    digest: bytes = b""
    """Of the placement."""
    is_fixed: bool = False
    """Whether the customer chose the location."""
    may_send: tuple[str, ...] = ()
    """If the order goes to an address: the locations that may send it, the cheapest first. Empty: any."""
    instead_of: str = ""
    """The fulfilment that this one replaces."""
    taken: tuple[Allocation, ...] = ()
    """Units that came in. Their entry is this one."""
    reversed: tuple[Reversal, ...] = ()
    """Units that went back to where they came from."""
    returned: tuple[Reversal, ...] = ()
    """Units that the customer brought back."""
    goods_at: str = ""
    """The location where they are, if it is another one: then this entry moves nothing."""
    outcomes: Outcomes = ()
    barcodes: tuple[tuple[str, str], ...] = ()
    """Barcodes under which SKUs of `taken` were ordered, each with the SKU."""
    state: str = ""
    shown: tuple[ShownFulfilment, ...] = ()
    promised: Promised | None = None
    """When the goods of a fulfilment that begins were to leave and to arrive, if the order goes to an address."""
    arrivals: tuple[tuple[str, int, int], ...] = ()
    """The fulfilments of `shown` that had a delivery promise: between which moments, in milliseconds since 1970."""
    request: dict[str, Any] | None = None
    deduplication_ids: tuple[bytes, ...] = msgspec.field(default=(), name="tellings")
    """Events that this fulfilment has dealt with (`requests.deduplication_id_of`)."""


class SplitFacts(Struct, frozen=True, omit_defaults=True, kw_only=True, tag_field="act", tag=SPLIT):
    """Some units were shipped, collected, declined or cancelled. They are a fulfilment now; the rest goes on."""

    fulfilment: str
    """The one that is split. It keeps its id, its state and the rest of its units."""
    part: str
    """The id of the new one. It begins with the id of the one that is split (`Order.next_part`)."""
    to: str
    """The state of the new one."""
    units: tuple[Reversal, ...]
    """The units of the new one."""
    number: int = 0
    settles: bytes = b""
    outcomes: Outcomes = ()
    state: str = ""
    shown: tuple[ShownFulfilment, ...] = ()
    request: dict[str, Any] | None = None
    deduplication_ids: tuple[bytes, ...] = msgspec.field(default=(), name="tellings")


class ParkFacts(Struct, frozen=True, omit_defaults=True, kw_only=True, tag_field="act", tag=PARK):
    """An event came early and waits for its predecessor."""

    until_ms: int = 0
    """Its deadline, in milliseconds since 1970."""
    outcomes: Outcomes = ()
    state: str = ""
    shown: tuple[ShownFulfilment, ...] = ()
    request: EventRequest
    """The event at the fulfilment that it waits for."""
    share_of: EventRequest | None = None
    """What the caller asked, if it named a fulfilment that this one replaces."""
    deduplication_ids: tuple[bytes, ...] = msgspec.field(default=(), name="tellings")


class ReportFacts(Struct, frozen=True, omit_defaults=True, kw_only=True, tag_field="act", tag=REPORT):
    """An event changed nothing, and why."""

    fulfilment: str = ""
    """Empty: it is about every fulfilment that the event concerned."""
    number: int = 0
    outcome: str
    settles: bytes = b""
    """The entry of the event, if it had been parked or asked."""
    outcomes: Outcomes = ()
    state: str = ""
    shown: tuple[ShownFulfilment, ...] = ()
    request: dict[str, Any] | None = None
    deduplication_ids: tuple[bytes, ...] = msgspec.field(default=(), name="tellings")


class RepeatFacts(Struct, frozen=True, omit_defaults=True, kw_only=True, tag_field="act", tag=REPEAT):
    """The answer to an event or placement that had happened before."""

    expires_ms: int = 0
    outcomes: Outcomes = ()
    state: str = ""
    shown: tuple[ShownFulfilment, ...] = ()
    request: dict[str, Any] | None = None


class AskFacts(Struct, frozen=True, omit_defaults=True, kw_only=True, tag_field="act", tag=ASK):
    """A node asks the owner of a fulfilment to let an event happen."""

    reason: str = msgspec.field(default="", name="outcome")
    """SHORTAGE when the node asks for a cancellation because units are missing."""
    passes_on: bytes = b""
    """The entry that took goods back at another location. The owner counts them, and moves nothing."""
    goods_at: str = ""
    """That location."""
    outcomes: Outcomes = ()
    state: str = ""
    shown: tuple[ShownFulfilment, ...] = ()
    request: EventRequest
    """The event at the fulfilment that its owner is asked about."""
    share_of: EventRequest | None = None
    """What the caller asked, if it named a fulfilment that this one replaces."""
    deduplication_ids: tuple[bytes, ...] = msgspec.field(default=(), name="tellings")


class HandoverFacts(Struct, frozen=True, omit_defaults=True, kw_only=True, tag_field="act", tag=HAND_OVER):
    """A fulfilment, its units and all decisions about it now are another node's."""

    fulfilment: str
    to: str
    """The node that owns it now."""
    state: str = ""
    request: dict[str, Any] | None = None


class VoidFacts(Struct, frozen=True, omit_defaults=True, kw_only=True, tag_field="act", tag=VOID):
    """A fulfilment is of a placement that lost, and it is too late to undo it."""

    fulfilment: str
    outcome: str
    """DUPLICATE."""
    voids: bytes
    """The entry that began it."""


class TakeBackFacts(Struct, frozen=True, omit_defaults=True, kw_only=True, tag_field="act", tag=TAKE_BACK):
    """Goods of an order came back at a location whose node does not own their fulfilment. They are in quarantine there.

    `goods` are what came back, by the recipes of then.
    """

    goods: tuple[Allocation, ...]
    outcomes: Outcomes = ()
    state: str = ""
    shown: tuple[ShownFulfilment, ...] = ()
    request: EventRequest
    """The event at the fulfilment whose goods came back, if the store knows it."""
    share_of: EventRequest | None = None
    """What the caller asked, if these goods are only a share of it."""
    deduplication_ids: tuple[bytes, ...] = msgspec.field(default=(), name="tellings")


EventFacts = StepFacts | SplitFacts | ParkFacts | ReportFacts | RepeatFacts | AskFacts | TakeBackFacts
"""Facts of an entry that can answer a caller's event."""

OrderFacts = EventFacts | HandoverFacts | VoidFacts


class _Holder(Struct, frozen=True, array_like=True):
    """A struct around the union, because msgspec keeps what it knows of a struct and works out a union at each call."""

    facts: OrderFacts


def encode(facts: OrderFacts) -> dict[str, Any]:
    """Facts as an entry holds them, by name."""
    found: dict[str, Any] = msgspec.to_builtins(facts, builtin_types=(bytes,))
    return found


def decode(content: Content) -> OrderFacts | None:
    """The facts of an entry about an order; None where it is about something else or this version cannot read it."""
    if content.kind != ORDER:
        return None
    try:
        return msgspec.convert((content.facts,), _Holder).facts
    except (ValueError, TypeError):
        return None


def is_placement(content: Content) -> bool:
    """Whether an entry is the first one of a placement."""
    facts = decode(content)
    return isinstance(facts, StepFacts) and bool(facts.digest)


def voids_of(content: Content) -> bytes:
    """The entry that began the fulfilment which an entry undoes or reports as lost; empty where it does neither."""
    facts = decode(content)
    return facts.voids if isinstance(facts, StepFacts | VoidFacts) else b""
