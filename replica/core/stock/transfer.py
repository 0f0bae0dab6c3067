"""One transfer: the facts that entries tell about it, and what they add up to.

A fact is one act of a person or a plan: a request, an approval, a shipment, an arrival, a cancellation, a settlement.
The hash of its entry is its name. A location hears of the facts of the other one through notices, which copy them
(`state.transfer_notices`). So a fact may arrive twice, by its entry and by a notice, and counts once. A transfer is the
set of its facts, in the order of their stamps. So two replicas that know the same facts have the same transfer,
whatever the order of arrival.

Figures by item, in base units: what was sent, less what was received or lost, is in transit. If that is below zero,
more units arrived than this replica knows were sent: the sender's entry is still to come, or the sender counted wrong,
or two places took the same parcel in. These units are `unmatched`.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from enum import Enum
from typing import Any

import msgspec
from msgspec import Struct

from replica.core.base.clock import stamp_ms
from replica.core.base.limits import QUANTITY_MAX, TRANSFER_LATE_MS
from replica.core.stock.transfer_requests import Condition, Discrepancy


class Act(Enum):
    """What a fact tells. The values are the kinds of entries, and part of every journal."""

    REQUEST = "transfer_request"
    APPROVE = "transfer_approval"
    SHIP = "transfer_shipment"
    RECEIVE = "transfer_arrival"
    CANCEL = "transfer_cancellation"
    SETTLE = "transfer_settlement"


class State(Enum):
    """How far a transfer has come."""

    REQUESTED = "requested"
    APPROVED = "approved"
    CANCELLED = "cancelled"
    """Nothing was sent, and nothing will be."""
    SHIPPING = "shipping"
    """A part was sent, and more will be."""
    SHIPPED = "shipped"
    """All was sent that will be, and nothing has arrived."""
    RECEIVING = "receiving"
    """A part has arrived, and more is on its way."""
    RECEIVED = "received"
    """Nothing is on its way any more."""
    LOST = "lost"
    """All that was sent is lost."""
    UNMATCHED = "unmatched"
    """More has arrived than was sent, as far as this node knows."""


class Fact(Struct, frozen=True, array_like=True):
    """One act, as its entry tells it. A notice carries it in this form."""

    entry: bytes
    act: Act
    location: str
    """Where it was recorded: the scope of the entry."""
    writer: str
    sequence: int
    clock: int
    at_ms: int
    """When it was recorded, by the wall clock of its node."""
    units: tuple[tuple[str, int, str], ...] = ()
    """Units of items, each with a condition (RECEIVE) or the reason of a discrepancy (SETTLE)."""
    details: dict[str, Any] = {}
    """The other fields of the act, named as in the facts of its entry."""

    @property
    def order(self) -> tuple[int, str, bytes]:
        """The order of facts, the same on every node."""
        return self.clock, self.writer, self.entry


class Units(Struct):
    """The units of one item of a transfer. `received` includes those that were `damaged`."""

    item: str
    requested: int = 0
    sent: int = 0
    received: int = 0
    damaged: int = 0
    lost: int = 0
    over: int = 0
    """Units past those sent that a person has explained."""

    @property
    def outstanding(self) -> int:
        """Units sent and not accounted for. Below zero, more were accounted for than this replica knows were sent."""
        return self.sent + self.over - self.received - self.lost

    @property
    def in_transit(self) -> int:
        """Units on their way."""
        return max(0, self.outstanding)

    @property
    def unmatched(self) -> int:
        """Units accounted for, of which this replica does not know that they were sent."""
        return max(0, -self.outstanding)

    @property
    def remaining(self) -> int:
        """Units requested that were not sent."""
        return max(0, self.requested - self.sent)


class Transfer(Struct, array_like=True):
    """The facts of one transfer, and in which scopes each is known."""

    id: str
    facts: list[Fact] = []
    """In their order."""
    told: dict[bytes, list[str]] = {}
    """By fact: the scopes that have its entry or a notice of it, in order."""
    voided: dict[bytes, list[str]] = {}
    """Facts that lost to a duplicate: the scopes that know it, in order."""

    def add(self, fact: Fact, scope: str) -> None:
        """Take a fact in that an entry of a scope tells."""
        if fact.entry not in self.told:
            self.facts = sorted([*self.facts, fact], key=lambda one: one.order)
        _note(self.told, fact.entry, scope)

    def void(self, entry: bytes, scope: str) -> None:
        """Take in that a fact lost to a duplicate, as an entry of a scope tells."""
        _note(self.voided, entry, scope)

    def standing(self, *acts: Act) -> Iterator[Fact]:
        """The facts of some acts that count, in their order."""
        return (fact for fact in self.facts if fact.act in acts and fact.entry not in self.voided)

    @property
    def request(self) -> Fact | None:
        """The request. Of several, the first counts: their number is the same, so they ask for the same."""
        return next(self.standing(Act.REQUEST), None)

    @property
    def source(self) -> str:
        """The sending location; empty while this replica does not know it."""
        return self._place("from")

    @property
    def target(self) -> str:
        """The receiving location; empty while this replica does not know it."""
        return self._place("to")

    def _place(self, name: str) -> str:
        for fact in self.facts:  # also of a request that lost: the one that won is the same
            place = fact.details.get(name)
            if fact.act in (Act.REQUEST, Act.SHIP) and isinstance(place, str):
                return place
        return ""

    @property
    def participants(self) -> list[str]:
        """The locations that must know the transfer: its ends, and wherever something of it was recorded."""
        named = dict.fromkeys([self.source, self.target, *(fact.location for fact in self.facts)])
        return sorted(name for name in named if name)

    @property
    def places_of_arrival(self) -> list[str]:
        """The locations where units arrived, in order."""
        return sorted(dict.fromkeys(fact.location for fact in self.standing(Act.RECEIVE)))

    @property
    def is_cancelled(self) -> bool:
        """Whether nothing more is to be sent because somebody cancelled it."""
        return next(self.standing(Act.CANCEL), None) is not None

    @property
    def is_approved(self) -> bool:
        """Whether its goods may leave."""
        approved = any(fact.details.get("approved") is True for fact in self.standing(Act.REQUEST))
        return approved or next(self.standing(Act.APPROVE), None) is not None

    @property
    def sent_after_cancel(self) -> bool:
        """Whether goods left of which a cancellation did not know."""
        known = [fact.details.get("sent", 0) for fact in self.standing(Act.CANCEL)]
        return bool(known) and sum(one.sent for one in self.units().values()) > max(known)

    def units(self) -> dict[str, Units]:
        """The units of each item, in order of items."""
        found: dict[str, Units] = {}
        request = self.request
        for fact in [request] if request is not None else []:
            for item, number, _ in fact.units:
                _of(found, item).requested += number
        for fact in self.standing(Act.SHIP, Act.RECEIVE, Act.SETTLE):
            for item, number, tag in fact.units:
                _count(_of(found, item), fact.act, number, tag)
        return dict(sorted(found.items()))

    def received_at(self, location: str) -> dict[str, int]:
        """Units that arrived at a location and were not taken back, by item."""
        found: dict[str, int] = {}
        for fact in self.standing(Act.RECEIVE, Act.SETTLE):
            for item, number, tag in fact.units:
                sign = 1 if fact.act is Act.RECEIVE else -1 if tag == Discrepancy.TAKEN_BACK.value else 0
                if fact.location == location and sign:
                    found[item] = found.get(item, 0) + sign * number
        return found

    def is_open(self, units: Iterable[Units]) -> bool:
        """Whether goods of it may still be sent."""
        if self.request is None or self.is_cancelled or not any(one.remaining for one in units):
            return False
        return not any(fact.details.get("last") is True for fact in self.standing(Act.SHIP))

    @property
    def state(self) -> State:
        """How far it has come, as far as this replica knows."""
        units = list(self.units().values())
        if not any(one.sent or one.received or one.lost for one in units):
            early = State.APPROVED if self.is_approved else State.REQUESTED
            return State.CANCELLED if self.is_cancelled else early
        if any(one.unmatched for one in units):
            return State.UNMATCHED
        if self.is_open(units):
            return State.SHIPPING
        has_arrived = any(one.received for one in units)
        if any(one.in_transit for one in units):
            return State.RECEIVING if has_arrived else State.SHIPPED
        return State.RECEIVED if has_arrived else State.LOST

    @property
    def expected_ms(self) -> int:
        """When its goods should arrive, in milliseconds since 1970, by the newest fact that says it; 0: unknown."""
        said = [fact.details.get("expected_ms") for fact in self.standing(Act.REQUEST, Act.SHIP)]
        return next((one for one in reversed(said) if type(one) is int), 0)

    @property
    def due_ms(self) -> int:
        """When its goods are late: past the time expected, or long after the last shipment; 0: nothing was sent."""
        shipped = [fact.at_ms for fact in self.standing(Act.SHIP)]
        return (self.expected_ms or max(shipped) + TRANSFER_LATE_MS) if shipped else 0

    @property
    def discrepancies(self) -> list[str]:
        """What somebody should look at, apart from a late arrival."""
        units, ends = self.units().values(), (self.source, self.target)
        found = {
            "unmatched": any(one.unmatched for one in units),
            Discrepancy.LOST.value: any(one.lost for one in units),
            Condition.DAMAGED.value: any(one.damaged for one in units),
            Discrepancy.OVER.value: any(one.over for one in units),
            "wrong_location": bool(self.target) and any(one not in ends for one in self.places_of_arrival),
            "sent_after_cancel": self.sent_after_cancel,
        }
        return [name for name, is_so in found.items() if is_so]

    @property
    def began(self) -> int:
        """The stamp of its first fact: lists show the newest first."""
        return self.facts[0].clock if self.facts else 0

    @property
    def began_ms(self) -> int:
        """When it began, in milliseconds since 1970."""
        return self.facts[0].at_ms if self.facts else stamp_ms(self.began)


def _note(scopes: dict[bytes, list[str]], entry: bytes, scope: str) -> None:
    known = scopes.get(entry, [])
    if scope not in known:
        scopes[entry] = sorted([*known, scope])


def _of(found: dict[str, Units], item: str) -> Units:
    return found.setdefault(item, Units(item))


def _count(units: Units, act: Act, number: int, tag: str) -> None:
    """Add a number of units to the figures of their item."""
    if act is Act.SHIP:
        units.sent += number
    elif act is Act.RECEIVE:
        units.received += number
        units.damaged += number if tag == Condition.DAMAGED.value else 0
    elif tag == Discrepancy.LOST.value:
        units.lost += number
    elif tag == Discrepancy.FOUND.value:
        units.lost -= number
    elif tag == Discrepancy.OVER.value:
        units.over += number
    elif tag == Discrepancy.TAKEN_BACK.value:
        units.received -= number


def read_fact(value: object) -> Fact:
    """A fact as a notice carries it. Raises ValueError or TypeError."""
    fact = msgspec.convert(value, Fact)
    if any(not 0 < number <= QUANTITY_MAX for _, number, _ in fact.units):
        raise ValueError("a number of units out of bounds")
    return fact
