"""The life of a fulfilment as a table: which event leads from which state to which.

Theory of operation. A fulfilment is what one location does for one order. It begins with `hold` (unpaid, with a time
to live) or `reserve` (paid elsewhere already), and every later event names the states it may follow. Queues deliver
late, twice and in any order, so an event that meets a state is one of three things:

    possible     the table has a row for it: its owner writes the transition
    early        no row yet, but a state that has one can still be reached: it is parked until then, or its deadline
    impossible   no such state can be reached any more: it changes nothing, and is reported

The document `order_machine/default` replaces the table. It cannot replace what an event does to the stock (`FLOWS`, by
the classic rules of deduction). So each state has a nature (units held, handed out, or neither), and a table is refused
if one of its events does not fit the natures of the states it joins: no configuration can make units appear, vanish, or
leave twice. Decisions read the table, a fold never does: an entry says which state it led to, so replicas agree on
states whatever tables they had.

`mermaid` draws diagrams from the table; docs/reference/order-events.md shows the default one.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from enum import Enum
from typing import Annotated

import msgpack
from msgspec import Meta, Struct, ValidationError, convert

from replica.core.base.names import CUSTOMER, FREE, HELD, QUARANTINE

ORDER_MACHINE = "order_machine"
"""The kind of the document that replaces the table; its key is `default`."""

DEFAULT_KEY = "default"

HOLD, RESERVE, PAY, ADJUST, EXCHANGE = "hold", "reserve", "pay", "adjust", "exchange"
PICK, SHIP, COLLECT, CANCEL, RETURN, EXPIRE = "pick", "ship", "collect", "cancel", "return", "expire"
DELIVER, DECLINE = "deliver", "decline"


class Nature(Enum):
    """Where the units of a fulfilment are."""

    NONE = "not taken yet"
    HOLDS = "held"
    HANDED_OUT = "with the customer"
    ENDED = "back where they came from"


NATURES: Mapping[str, Nature] = {
    "held": Nature.HOLDS,
    "reserved": Nature.HOLDS,
    "amended": Nature.HOLDS,
    "exchanged": Nature.HOLDS,
    "picking": Nature.HOLDS,
    "shipped": Nature.HANDED_OUT,
    "delivered": Nature.HANDED_OUT,
    "collected": Nature.HANDED_OUT,
    "returned": Nature.HANDED_OUT,
    "declined": Nature.ENDED,
    "expired": Nature.ENDED,
    "cancelled": Nature.ENDED,
}
"""Every state, in the order of a fulfilment's life."""

EVENTS: Mapping[str, tuple[Nature, Nature]] = {
    HOLD: (Nature.NONE, Nature.HOLDS),
    RESERVE: (Nature.NONE, Nature.HOLDS),
    PAY: (Nature.HOLDS, Nature.HOLDS),
    ADJUST: (Nature.HOLDS, Nature.HOLDS),
    EXCHANGE: (Nature.HOLDS, Nature.HOLDS),
    PICK: (Nature.HOLDS, Nature.HOLDS),
    SHIP: (Nature.HOLDS, Nature.HANDED_OUT),
    COLLECT: (Nature.HOLDS, Nature.HANDED_OUT),
    DELIVER: (Nature.HANDED_OUT, Nature.HANDED_OUT),
    DECLINE: (Nature.HOLDS, Nature.ENDED),
    CANCEL: (Nature.HOLDS, Nature.ENDED),
    EXPIRE: (Nature.HOLDS, Nature.ENDED),
    RETURN: (Nature.HANDED_OUT, Nature.HANDED_OUT),
}
"""Every event, and the natures of the states it joins."""

PARTIAL = (ADJUST, EXCHANGE, RETURN)
"""Events that concern some of the units and may come again for others. Any other event happens once."""

SPLITTING = (SHIP, COLLECT, DECLINE, CANCEL)
"""Events that may concern some of the units, too: these become a fulfilment of their own, and the rest goes on."""

FLOWS: Mapping[str, tuple[tuple[str, str], ...]] = {
    HOLD: ((FREE, HELD),),
    RESERVE: ((FREE, HELD),),
    PAY: (),
    ADJUST: ((HELD, FREE),),
    EXCHANGE: ((HELD, FREE), (FREE, HELD)),
    PICK: (),
    SHIP: ((HELD, CUSTOMER),),
    COLLECT: ((HELD, CUSTOMER),),
    DELIVER: (),
    DECLINE: ((HELD, FREE),),
    CANCEL: ((HELD, FREE),),
    EXPIRE: ((HELD, FREE),),
    RETURN: ((CUSTOMER, QUARANTINE),),
}
"""The accounts from which and to which each event moves a unit. `free` is whichever account a held unit came from. An
exchange has two: of the unit that was ordered, and of its replacement."""


class TableError(ValueError):
    """A table of transitions cannot be used."""


class UnknownState(TableError):
    """A state that is not listed, or that fulfilments do not have."""


class UnknownEvent(TableError):
    """An event that does not happen to fulfilments."""


class UnreachableState(TableError):
    """No sequence of events leads to a state that is listed."""


class AmbiguousTransition(TableError):
    """Two rows say where one event leads from one state."""


class UnsoundTransition(TableError):
    """A row joins states between which its event cannot move the units."""


class Transition(Struct, frozen=True, forbid_unknown_fields=True, rename={"origins": "from"}):
    """A row: an event leads from each of some states to one. Without states it begins a fulfilment."""

    event: str
    origins: Annotated[tuple[str, ...], Meta(max_length=len(NATURES), description="Empty: it begins a fulfilment.")]
    to: str


class MachineDocument(Struct, frozen=True, forbid_unknown_fields=True):
    """The value of the document `order_machine/default`. Raises TableError."""

    states: Annotated[tuple[str, ...], Meta(min_length=1, max_length=len(NATURES))]
    transitions: Annotated[tuple[Transition, ...], Meta(min_length=1, max_length=len(NATURES) * len(EVENTS))]

    def __post_init__(self) -> None:
        for state in self.states:
            if state not in NATURES:
                raise UnknownState(f"states names {state!r}, which no fulfilment has: use {', '.join(NATURES)}")
        rows: dict[tuple[str, str], str] = {}
        for row in self.transitions:
            _check_row(row, self.states)
            for origin in row.origins or ("",):
                if rows.setdefault((origin, row.event), row.to) != row.to:
                    raise AmbiguousTransition(
                        f"transitions lead {row.event} from {origin!r} to two states: keep one row"
                    )
        reached = _reached("", rows)
        for state in self.states:
            if state not in reached:
                raise UnreachableState(f"no event leads to {state!r}: add a row for it, or remove it from states")


class Reachability(Enum):
    """Whether an event without a row for the present state can still happen later."""

    EARLY = "early"
    IMPOSSIBLE = "impossible"


class OrderMachine:
    """A table, ready for look-ups."""

    __slots__ = ("_later", "_rows", "document")

    def __init__(self, document: MachineDocument) -> None:
        self.document = document
        self._rows = {(origin, row.event): row.to for row in document.transitions for origin in row.origins or ("",)}
        self._later = {state: _reached(state, self._rows) for state in ("", *document.states)}

    def step(self, state: str, event: str) -> str | Reachability:
        """The state an event leads to, or why it leads nowhere; `state` is empty before the fulfilment began."""
        to = self._rows.get((state, event))
        if to is not None:
            return to
        later = self._later.get(state, ())
        return Reachability.EARLY if any((one, event) in self._rows for one in later) else Reachability.IMPOSSIBLE

    def may_follow(self, state: str, event: str, spent: Iterable[str]) -> bool:
        """Whether a state with a row for an event can be reached without the events in `spent`, which are over."""
        rows = {row: to for row, to in self._rows.items() if row[1] not in spent}
        return any((one, event) in rows for one in _reached(state, rows))


def mermaid(document: MachineDocument) -> str:
    """Draw a table as a Mermaid state diagram."""
    arrows: dict[tuple[str, str], list[str]] = {}
    for row in document.transitions:
        for origin in row.origins or ("[*]",):
            arrows.setdefault((origin, row.to), []).append(row.event)
    lines = [f"    {origin} --> {to}: {', '.join(events)}" for (origin, to), events in arrows.items()]
    ends = [f"    {state} --> [*]" for state in document.states if all(origin != state for origin, _ in arrows)]
    return "\n".join(["stateDiagram-v2", *lines, *ends])


def _check_row(row: Transition, states: tuple[str, ...]) -> None:
    natures = EVENTS.get(row.event)
    if natures is None:
        raise UnknownEvent(f"transitions name the event {row.event!r}, which does not exist: use {', '.join(EVENTS)}")
    for state in (*row.origins, row.to):
        if state not in states:
            raise UnknownState(f"{row.event} names the state {state!r}: add it to states")
    origins = [NATURES[origin] for origin in row.origins] or [Nature.NONE]
    for origin in origins:
        if (origin, NATURES[row.to]) != natures:
            raise UnsoundTransition(
                f"{row.event} cannot lead from {', '.join(row.origins) or 'the beginning'} to {row.to}: it takes units"
                f" that are {natures[0].value} and leaves them {natures[1].value}"
            )


def _reached(state: str, rows: Mapping[tuple[str, str], str]) -> tuple[str, ...]:
    """States that can follow one, over however many events."""
    reached: dict[str, None] = {}
    waiting = [state]
    while waiting:
        current = waiting.pop()
        for (origin, _), to in rows.items():
            if origin == current and to not in reached:
                reached[to] = None
                waiting.append(to)
    return tuple(reached)


_PAID = ("reserved", "amended", "exchanged")
_WAITING = (*_PAID, "picking")

DEFAULT_DOCUMENT = MachineDocument(
    tuple(NATURES),
    (
        Transition(HOLD, (), "held"),
        Transition(RESERVE, (), "reserved"),
        Transition(PAY, ("held",), "reserved"),
        Transition(ADJUST, ("held",), "held"),
        Transition(ADJUST, _PAID, "amended"),
        Transition(EXCHANGE, ("held",), "held"),
        Transition(EXCHANGE, _PAID, "exchanged"),
        Transition(PICK, _PAID, "picking"),
        Transition(SHIP, _WAITING, "shipped"),
        Transition(COLLECT, ("held", *_WAITING), "collected"),
        Transition(DELIVER, ("shipped",), "delivered"),
        Transition(RETURN, ("shipped", "delivered", "collected", "returned"), "returned"),
        Transition(EXPIRE, ("held",), "expired"),
        Transition(DECLINE, ("held", *_WAITING), "declined"),
        Transition(CANCEL, ("held", *_WAITING), "cancelled"),
    ),
)
"""The table without a document."""

DEFAULT_MACHINE = OrderMachine(DEFAULT_DOCUMENT)


def read_machine(packed: bytes | None) -> OrderMachine | None:
    """The table in a document's packed value; the default where it was cleared, None where it cannot be used."""
    if packed is None:
        return DEFAULT_MACHINE
    try:
        return OrderMachine(convert(msgpack.unpackb(packed), MachineDocument))
    except (ValidationError, ValueError):
        return None
