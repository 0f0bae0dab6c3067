"""One order: its fulfilments, what waits at it and what was reported of it, and what entries say about them."""

from __future__ import annotations

from typing import Any

import msgspec
from msgspec import Struct

from replica.core.base.clock import stamp_ms
from replica.core.base.limits import PARKED_MS
from replica.core.base.names import HUBS, node_of
from replica.core.orders.allocations import Allocation, Reversal
from replica.core.orders.machine import CANCEL, HOLD, NATURES, PAY, RESERVE, Nature
from replica.core.orders.requests import OrderEvent, OutsideEvent

SHORTAGE = "shortage"
"""Why a fulfilment is to be cancelled whose units are not there."""

COVERED = "covered"
"""What became of that where the units were there after all."""


class ShownFulfilment(Struct, frozen=True, array_like=True, gc=False):
    """A fulfilment as it was when an answer was given."""

    id: str
    location: str
    state: str
    lines: tuple[tuple[str, int], ...]


class OrderFacts(Struct, frozen=True, omit_defaults=True, kw_only=True, gc=False):
    """The facts of an entry about an order; `act` says what kind of step it is.

    step       the fulfilment went to `to`: `taken` came in (the entry itself is their name), `reversed` went back,
               `returned` came back from the customer
    park       an event came early, and gives up at `until_ms`
    report     an event did nothing, for `outcome`; `settles` names it when it had been parked
    repeat     an event or placement that had happened before
    ask        somebody who does not own the fulfilment wants it cancelled; `settles` names it in the owner's refusal.
               With the outcome `shortage` its units are not there, and what the owner does says so in its outcome
    hand_over  the fulfilment, its units and all decisions now are `to`'s
    void       the fulfilment is of a placement that lost, and can be undone no more

    `voids` names the entry that began a fulfilment of a placement that lost: by this step it is undone.
    `deduplication_ids` name the events that were dealt with, where nothing else distinguishes them (
    `requests.deduplication_id_of`). The journal's name of the field is `tellings`.
    """

    act: str
    fulfilment: str = ""
    to: str = ""
    expires_ms: int = 0
    until_ms: int = 0
    number: int = 0
    outcome: str = ""
    settles: bytes = b""
    voids: bytes = b""
    channel: str = ""
    customer: str = ""
    digest: bytes = b""
    is_fixed: bool = False
    instead_of: str = ""
    taken: tuple[Allocation, ...] = ()
    reversed: tuple[Reversal, ...] = ()
    returned: tuple[Reversal, ...] = ()
    state: str = ""
    shown: tuple[ShownFulfilment, ...] = ()
    request: dict[str, object] | None = None
    deduplication_ids: tuple[bytes, ...] = msgspec.field(default=(), name="tellings")


def packable(facts: OrderFacts) -> dict[str, Any]:
    """Facts as an entry holds them, by name."""
    found: dict[str, Any] = msgspec.to_builtins(facts, builtin_types=(bytes,))
    return found


class Past(Struct, frozen=True, array_like=True, order=True, gc=False):
    """One thing that happened to a fulfilment, in order of stamps. `state` is what it led to, empty where nowhere: what
    others noted meanwhile is folded in any order, so it cannot know the state it was noted in."""

    clock: int
    entry: bytes
    event: str
    act: str
    state: str


class Fulfilment(Struct, array_like=True, gc=False):
    """What one location does for one order."""

    id: str
    location: str
    owner: str
    state: str
    expires_ms: int = 0
    """Milliseconds since 1970 by the owner's clock; 0: never."""
    number: int = 0
    """Of the last numbered event that was dealt with."""
    allocations: list[Allocation] = []
    """What is held."""
    sold: list[Allocation] = []
    """What is with the customer."""
    history: list[Past] = []
    is_voided: bool = False
    """Whether what lost against another placement of the order was undone, as far as it could be."""
    is_fixed: bool = False
    """Whether the customer chose the location."""
    instead_of: str = ""
    """The fulfilment that was given up for this one."""
    deduplication_ids: list[bytes] = []
    """Events that may come again and were dealt with: told again, at whatever node, they are repeats."""

    @property
    def origin(self) -> bytes:
        """The entry that began it."""
        return next((past.entry for past in self.history if past.event in (HOLD, RESERVE)), b"")

    @property
    def nature(self) -> Nature:
        """Where its units are; a state of a later version holds none that we know of."""
        return NATURES.get(self.state, Nature.ENDED)

    @property
    def lines(self) -> tuple[tuple[str, int], ...]:
        """SKUs held, or with the customer once they left, and how many of each."""
        counts: dict[str, int] = {}
        for allocation in self.allocations or self.sold:
            counts[allocation.sku] = counts.get(allocation.sku, 0) + allocation.quantity
        return tuple(counts.items())

    def happened(self, event: str) -> bool:
        """Whether an event led somewhere before."""
        return any(past.event == event and past.act == "step" for past in self.history)

    def lacks(self, event: str) -> bool:
        """Whether a payment or cancellation said elsewhere makes a difference here, if only that it comes too late."""
        if event == CANCEL:
            return self.nature is not Nature.ENDED
        is_unpaid = bool(self.expires_ms) or self.nature is not Nature.HOLDS
        return is_unpaid and not self.happened(PAY) and not self.happened(RESERVE)

    def shown(self) -> ShownFulfilment:
        """As an answer tells it."""
        return ShownFulfilment(self.id, self.location, self.state, self.lines)


class Parked(Struct, array_like=True, order=True, gc=False):
    """An event that came early, or a cancellation its owner has to answer."""

    number: int
    clock: int
    entry: bytes
    node: str
    event: OrderEvent | None = None
    """None: what settled it is known, it itself is not yet."""
    until_ms: int = 0
    """0: it was asked of the owner, who alone gives it up."""
    settled: list[str] = []
    """Fulfilments it was settled for; empty text: for all, it gave up."""
    scope: str = ""
    """That of its entry: who holds it is concerned. Hubs note for each other what they do not know where to put."""
    why: str = ""
    """`shortage` where nobody asked but the units are not there."""
    became: str = ""
    """What became of it, where it is about one fulfilment."""
    deduplication_id: bytes = b""
    """What it shares with the same event parked under the same key elsewhere, where that must not happen twice."""

    @property
    def gives_up_ms(self) -> int:
        """When it stops to wait for events before it."""
        return self.until_ms or stamp_ms(self.clock) + PARKED_MS

    def concerns(self, fulfilment: Fulfilment) -> bool:
        """Whether it is, or was, about a fulfilment."""
        return self.event is not None and self.event.fulfilment in ("", fulfilment.id)

    def waits_for(self, fulfilment: Fulfilment) -> bool:
        """Whether it still concerns a fulfilment."""
        if "" in self.settled or fulfilment.id in self.settled:
            return False
        return self.concerns(fulfilment) and self.scope in (HUBS, fulfilment.location)


class EventReport(Struct, frozen=True, array_like=True, order=True, gc=False):
    """An event that did nothing, and why."""

    clock: int
    entry: bytes
    fulfilment: str
    event: str
    outcome: str


class Placed(Struct, frozen=True, array_like=True, order=True, gc=False):
    """One time the order was placed, and what was answered. Of equal ones the least wins, as in `duplicates`."""

    clock: int
    writer: str
    entry: bytes
    digest: bytes
    shown: tuple[ShownFulfilment, ...]
    expires_ms: int


class Order(Struct, array_like=True, gc=False):
    """One order as this replica sees it."""

    name: str
    channel: str = ""
    customer: str = ""
    placed: list[Placed] = []
    """More than one: it was placed at several nodes that did not hear of each other. In order of precedence."""
    fulfilments: dict[str, Fulfilment] = {}
    parked: list[Parked] = []
    reports: list[EventReport] = []
    place: int = 0
    """Among the orders of this replica, counted as it heard of them: newer ones are written beside each other."""

    @property
    def state(self) -> str:
        """That of the fulfilment that is least far, of those that did not end; `none` before there is any.

        What was begun by a placement that lost counts only where there is nothing else.
        """
        states, lost = list(NATURES), self.lost()
        standing = [one for one in self.fulfilments.values() if one.id not in lost] or self.fulfilments.values()
        found = [one.state for one in standing if one.state in NATURES]
        going = [state for state in found if NATURES[state] is not Nature.ENDED]
        return min(going or found, key=states.index, default="none")

    def placed_as(self, digest: bytes) -> Placed | None:
        """The placement that stands for a request."""
        return next((one for one in self.placed if one.digest == digest), None)

    def duplicates(self) -> list[tuple[Placed, Placed]]:
        """Placements that lost, each with the one of the same request that won."""
        if len(self.placed) < 2:
            return []
        standing: dict[bytes, Placed] = {}
        return [(one, won) for one in self.placed if (won := standing.setdefault(one.digest, one)) is not one]

    def lost(self) -> dict[str, Placed]:
        """Fulfilments of placements that lost, by id, with the placement that won."""
        return {name: won for one, won in self.duplicates() for name in self._begun_by(one)}

    def _begun_by(self, placed: Placed) -> list[str]:
        """What a placement began, and what stands for those of them that were given up, by id."""
        names = more = [shown.id for shown in placed.shown]
        while more:
            more = [one.id for one in self.fulfilments.values() if one.instead_of in names and one.id not in names]
            names = names + more
        return names

    def to_void(self, node: str) -> list[Fulfilment]:
        """Fulfilments of placements that lost which a node has to undo, or to ask the owner to undo."""
        found = []
        for one, won in self.duplicates():
            told = [one.shown[0].location, won.shown[0].location]  # only the first entry of a placement says all of it
            for name in self._begun_by(one):
                fulfilment = self.fulfilments.get(name)
                if fulfilment is None or fulfilment.is_voided:
                    continue
                is_asker = node_of(one.writer) == node and any(place != fulfilment.location for place in told)
                if fulfilment.owner == node or (is_asker and self._is_to_ask(fulfilment, node)):
                    found.append(fulfilment)
        return found

    def _is_to_ask(self, fulfilment: Fulfilment, node: str) -> bool:
        """Whether its owner, who cannot know of the placement that won, has it still and was not asked yet."""
        return fulfilment.nature is not Nature.ENDED and not self._was_asked(CANCEL, fulfilment, node)

    def to_pass_on(self, node: str) -> list[tuple[OutsideEvent, Fulfilment]]:
        """What callers said of placements that lost, which a node had taken, and the ones that won have to hear of."""
        found = []
        for one, won in self.duplicates():
            event = self._told_of(one) if node_of(one.writer) == node else None
            if event is None:
                continue
            for name in self._begun_by(won):
                fulfilment = self.fulfilments.get(name)
                if fulfilment is not None and fulfilment.lacks(event) and not self._was_asked(event, fulfilment, node):
                    found.append((event, fulfilment))
        return found

    def _told_of(self, placed: Placed) -> OutsideEvent | None:
        """Whether callers cancelled all that a placement began, or paid for it."""
        begun = [self.fulfilments[name] for name in self._begun_by(placed) if name in self.fulfilments]
        if begun and all(
            one.happened(CANCEL) and not one.is_voided and not self._was_asked(CANCEL, one) for one in begun
        ):
            return "cancel"
        return "pay" if any(one.happened(PAY) for one in begun) else None

    def _was_asked(self, event: str, fulfilment: Fulfilment, node: str = "") -> bool:
        """Whether an event of just this fulfilment was noted, by a node or by anybody: nodes do so, callers seldom."""
        asked = [one.event for one in self.parked if one.event is not None and node in ("", one.node)]
        return any((one.event, one.fulfilment) == (event, fulfilment.id) for one in asked)

    @property
    def waiting(self) -> list[Parked]:
        """Events that wait for their predecessor, or for their fulfilment."""
        fulfilments = self.fulfilments.values()
        return [
            one
            for one in self.parked
            if one.event is not None
            and "" not in one.settled
            and (any(one.waits_for(fulfilment) for fulfilment in fulfilments) or not one.settled)
        ]
