"""One order: its fulfilments, the events that wait for it, and the reports about it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from msgspec import Struct

from replica.core.base.clock import stamp_ms
from replica.core.base.limits import PARKED_MS
from replica.core.base.names import HUBS, node_of
from replica.core.orders.allocations import Allocation
from replica.core.orders.facts import REPEAT, SPLIT, VOID, ShownFulfilment
from replica.core.orders.machine import (
    CANCEL,
    COLLECT,
    DELIVER,
    HOLD,
    NATURES,
    PAY,
    RESERVE,
    RETURN,
    SHIP,
    Nature,
)
from replica.core.orders.promised import Delivery, Promised
from replica.core.orders.requests import OrderEvent, OutsideEvent

PART = "-"
"""What stands between the id of a fulfilment and the number of a part of it. Ids of other fulfilments end in a dot and
a number, whatever the name of the node is, so no id has two meanings."""


class Past(Struct, frozen=True, array_like=True, order=True, gc=False):
    """One thing that happened to a fulfilment, in order of stamps.

    `state` is the state it led to, and empty where it changed nothing: other nodes note events at the same time, and
    their entries are folded in any order, so such an entry cannot know the state.
    """

    clock: int
    entry: bytes
    event: str
    act: str
    state: str
    goods_at: str = ""
    """The location where returned goods are, if it is another one than the fulfilment's."""
    wall_ms: int = 0
    """When the node recorded it, if the stamp does not show it (`log.times`); else 0."""


class Fulfilment(Struct, array_like=True, gc=False):
    """What one location does for one order."""

    id: str
    location: str
    owner: str
    state: str
    expires_ms: int = 0
    """Milliseconds since 1970 by the owner's clock; 0: never."""
    number: int = 0
    """Of the last numbered event that its owner dealt with."""
    allocations: list[Allocation] = []
    """Units that it holds."""
    sold: list[Allocation] = []
    """Units that are with the customer."""
    history: list[Past] = []
    is_voided: bool = False
    """Whether its placement lost against another one of the order and its owner undid it, as far as possible."""
    is_fixed: bool = False
    """Whether the customer chose the location."""
    instead_of: str = ""
    """The fulfilment that this one replaces."""
    deduplication_ids: list[bytes] = []
    """Events that its owner dealt with and that may arrive again: at any node, they are repeats."""
    barcodes: list[tuple[str, str]] = []
    """Barcodes under which its SKUs were ordered, each with the SKU that it meant then."""
    may_send: list[str] = []
    """If its order goes to an address: the locations that may send it, the cheapest first. Empty: any."""
    declined: list[Allocation] = []
    """Units that its location declined. Empty again once it is noted that they are sent from nowhere."""
    promised: Promised | None = None
    """When its goods were to leave and to arrive."""

    @property
    def part_of(self) -> str:
        """The fulfilment that it was split off, if it is a part."""
        return whole_of(self.id)

    @property
    def origin(self) -> bytes:
        """The entry that began it."""
        if self.part_of:
            return next((past.entry for past in self.history if past.act == SPLIT), b"")
        return next((past.entry for past in self.history if past.event in (HOLD, RESERVE)), b"")

    @property
    def nature(self) -> Nature:
        """Where its units are. A state of a later version counts as ended: it holds no units that this one knows."""
        return NATURES.get(self.state, Nature.ENDED)

    @property
    def lines(self) -> tuple[tuple[str, int], ...]:
        """SKUs that it holds, or that are with the customer once they left, and how many of each."""
        counts: dict[str, int] = {}
        for allocation in self.allocations or self.sold:
            counts[allocation.sku] = counts.get(allocation.sku, 0) + allocation.quantity
        return tuple(counts.items())

    @property
    def void(self) -> bytes:
        """The entry that undid it because its placement lost, or that says that it is too late for that; or empty."""
        if not self.is_voided:
            return b""
        notes = [past.entry for past in self.history if past.act == VOID]
        cancelled = [past.entry for past in self.history if past.event == CANCEL and past.state]
        return next(reversed(notes or cancelled), b"")

    def happened(self, event: str) -> bool:
        """Whether an event led to a state before."""
        return any(past.event == event and past.state for past in self.history)

    def lacks(self, event: str) -> bool:
        """Whether a payment or cancellation of another placement makes a difference here, even if it is too late."""
        if event == CANCEL:
            return self.nature is not Nature.ENDED
        is_unpaid = bool(self.expires_ms) or self.nature is not Nature.HOLDS
        return is_unpaid and not self.happened(PAY) and not self.happened(RESERVE)

    @property
    def delivery(self) -> Delivery | None:
        """What was promised, and what happened; None without a promise, or if it ended before its goods left."""
        if self.promised is None or self.nature is Nature.ENDED:
            return None
        left = [noted_ms(past) for past in self.history if past.event in (SHIP, COLLECT) and past.state]
        arrived = [noted_ms(past) for past in self.history if past.event in (DELIVER, COLLECT) and past.state]
        return Delivery(self.id, self.location, self.promised, min(left, default=None), min(arrived, default=None))

    def shown(self) -> ShownFulfilment:
        """Itself as an answer shows it."""
        return ShownFulfilment(self.id, self.location, self.state, self.lines)


class Parked(Struct, array_like=True, order=True):
    """An event that came early, or one that its owner has to answer."""

    number: int
    clock: int
    entry: bytes
    node: str
    event: OrderEvent | None = None
    """None: the entry that settles it came, its own entry did not yet."""
    until_ms: int = 0
    """0: a node asked the owner, and only the owner may report it as late."""
    settled: list[str] = []
    """Fulfilments for which it was settled; empty text: for all of them, at its deadline."""
    scope: str = ""
    """The scope of its entry: the fulfilments there are concerned. Hubs use HUBS when they do not know the location."""
    why: str = ""
    """`shortage` where a node asks for the cancellation because units are missing, and no caller does."""
    became: str = ""
    """The outcome, where it is about one fulfilment."""
    deduplication_id: bytes = b""
    """Equal to that of the same event, parked under the same key at another node, where it must happen only once."""
    goods: tuple[Allocation, ...] = ()
    """What came back, where the event is a return that another location than the fulfilment's took (`returns`)."""
    passes_on: bytes = b""
    """The entry of such a return, where a node asks the owner of the fulfilment to count it."""
    goods_at: str = ""
    """The location of these goods."""
    wall_ms: int = 0
    """When the node recorded it, if the stamp does not show it (`log.times`); else 0."""

    @property
    def deadline_ms(self) -> int:
        """When it stops to wait for the events before it."""
        return self.until_ms or noted_ms(self) + PARKED_MS

    def concerns(self, fulfilment: Fulfilment) -> bool:
        """Whether it is, or was, about a fulfilment. The units of a part left already: they can only be returned."""
        if self.event is None:
            return False
        is_of_all = not self.event.fulfilment and (not fulfilment.part_of or self.event.event == RETURN)
        return is_of_all or self.event.fulfilment == fulfilment.id

    def waits_for(self, fulfilment: Fulfilment) -> bool:
        """Whether a fulfilment has yet to settle it."""
        if self.goods or "" in self.settled or fulfilment.id in self.settled:
            return False
        return self.concerns(fulfilment) and self.scope in (HUBS, fulfilment.location)


class EventReport(Struct, frozen=True, array_like=True, order=True):
    """An event that changed nothing, and why."""

    clock: int
    entry: bytes
    fulfilment: str
    event: str
    outcome: str
    wall_ms: int = 0
    """When the node recorded it, if the stamp does not show it (`log.times`); else 0."""


class Placed(Struct, frozen=True, array_like=True, order=True, gc=False):
    """One placement of the order, and its answer. Of equal ones the least wins, as in `duplicates`."""

    clock: int
    writer: str
    entry: bytes
    digest: bytes
    shown: tuple[ShownFulfilment, ...]
    expires_ms: int
    wall_ms: int = 0
    """When the node recorded it, if the stamp does not show it (`log.times`); else 0."""


def whole_of(name: str) -> str:
    """The fulfilment that a part is of, by the id of the part: parts are named `hub-east.1-1`, `hub-east.1-2`."""
    whole, _, number = name.rpartition(PART)
    return whole if number.isdigit() and whole.rpartition(".")[2].isdigit() else ""


def begun_by(name: str) -> str:
    """The node that began a fulfilment, by its id: that of a part begins with the id of the whole."""
    return (whole_of(name) or name).rpartition(".")[0]


def wholes_of(fulfilments: Iterable[Fulfilment]) -> list[str]:
    """Ids of fulfilments, where those of parts are of what they were split off, each once."""
    return list(dict.fromkeys(one.part_of or one.id for one in fulfilments))


def noted_ms(noted: Past | Parked | EventReport | Placed) -> int:
    """When a node recorded something about an order, in milliseconds since 1970."""
    return noted.wall_ms or stamp_ms(noted.clock)


class Order(Struct, array_like=True, gc=False):
    """One order as this replica sees it."""

    name: str
    channel: str = ""
    customer: str = ""
    placed: list[Placed] = []
    """In order of precedence. More than one: several nodes placed it before they heard of each other."""
    fulfilments: dict[str, Fulfilment] = {}
    parked: list[Parked] = []
    reports: list[EventReport] = []
    index: int = 0
    """Its number among the orders of this replica, by arrival: a journal stores new ones next to each other."""

    @property
    def state(self) -> str:
        """The least advanced state of the fulfilments that have not ended; `none` before there is any fulfilment.

        Fulfilments of placements that lost count only where there are no others.
        """
        lost = self.lost()
        return least_advanced(
            [one for one in self.fulfilments.values() if one.id not in lost] or self.fulfilments.values()
        )

    def concerned(self, name: str) -> list[Fulfilment]:
        """The fulfilments that an event may concern: the one it names, or the one that replaced it.

        Without a name, all that were not replaced: those of placements that lost only if there are no others.
        """
        instead = {one.instead_of: one for one in self.fulfilments.values()}
        if not name:
            not_replaced = [one for _, one in sorted(self.fulfilments.items()) if one.id not in instead]
            lost = self.lost()
            return [one for one in not_replaced if one.id not in lost] or not_replaced
        found = self.fulfilments.get(name)
        for _ in self.fulfilments:
            found = instead.get(found.id, found) if found is not None else None
        return [found] if found is not None else []

    def next_id(self, node: str) -> str:
        """The id of the next fulfilment that a node begins."""
        ids = [one.rpartition(".") for one in self.fulfilments]
        return f"{node}.{1 + max((int(last) for name, _, last in ids if name == node and last.isdigit()), default=0)}"

    def next_part(self, whole: str) -> str:
        """The id of the next part of a fulfilment."""
        return f"{whole}{PART}{1 + sum(one.part_of == whole for one in self.fulfilments.values())}"

    @property
    def deliveries(self) -> list[Delivery]:
        """What was promised for its fulfilments, and what happened. Those of placements that lost promise nothing."""
        found = [one.delivery for one in self.fulfilments.values() if one.promised is not None]
        lost = self.lost() if found else {}
        return [one for one in found if one is not None and one.fulfilment not in lost]

    def to_begin_again(self, node: str) -> list[Fulfilment]:
        """Fulfilments that a node began, that their locations declined, and that nothing replaces yet.

        Only the node that began a fulfilment replaces it, so it is never held twice. Those of placements that lost are
        not replaced.
        """
        declined = [one for one in self.fulfilments.values() if one.declined and begun_by(one.id) == node]
        if not declined:
            return []
        replaced, lost = [one.instead_of for one in self.fulfilments.values()], self.lost()
        return [one for one in declined if one.id not in replaced and one.id not in lost]

    def declined_at(self, skus: Iterable[str]) -> list[str]:
        """The locations that declined some of these SKUs."""
        wanted = dict.fromkeys(skus)
        return [one.location for one in self.fulfilments.values() if any(unit.sku in wanted for unit in one.declined)]

    def family(self, fulfilment: Fulfilment) -> list[Fulfilment]:
        """A fulfilment, with its parts or with the fulfilment and the other parts that it was split off."""
        whole = fulfilment.part_of or fulfilment.id
        return [one for one in self.fulfilments.values() if whole in (one.id, one.part_of)]

    def families(self) -> dict[str, list[Fulfilment]]:
        """The family of each fulfilment, by its id."""
        found: dict[str, list[Fulfilment]] = {}
        for one in self.fulfilments.values():
            found.setdefault(one.part_of or one.id, []).append(one)
        return {one.id: family for family in found.values() for one in family}

    def sees_all(self) -> bool:
        """Whether this replica knows every fulfilment that the placements began."""
        return bool(self.placed) and all(one.id in self.fulfilments for placed in self.placed for one in placed.shown)

    def placed_as(self, digest: bytes) -> Placed | None:
        """The placement that stands for a request."""
        return self._standing().get(digest)

    def begun_by(self, placed: Placed) -> list[Fulfilment]:
        """The fulfilments of a placement that this replica knows: those it began, and those that replaced them."""
        return [self.fulfilments[name] for name in self._begun_by(placed) if name in self.fulfilments]

    def duplicates(self) -> list[tuple[Placed, Placed]]:
        """Placements that lost, each with the one of the same request that won."""
        if len(self.placed) < 2:
            return []
        standing = self._standing()
        return [(one, won) for one in self.placed if (won := standing[one.digest]) is not one]

    def requests(self) -> list[Placed]:
        """The placement that stands for each request."""
        return list(self._standing().values())

    def _standing(self) -> dict[bytes, Placed]:
        """The first placement of each request, by digest."""
        standing: dict[bytes, Placed] = {}
        for one in self.placed:
            standing.setdefault(one.digest, one)
        return standing

    def lost(self) -> dict[str, Placed]:
        """Fulfilments of placements that lost, by id, with the placement that won."""
        return {name: won for one, won in self.duplicates() for name in self._begun_by(one)}

    def _begun_by(self, placed: Placed) -> list[str]:
        """Ids of the fulfilments that a placement began, of those that replaced them, and of their parts."""
        names = more = [shown.id for shown in placed.shown]
        while more:
            follows = [one for one in self.fulfilments.values() if one.instead_of in names or one.part_of in names]
            more = [one.id for one in follows if one.id not in names]
            names = names + more
        return names

    def to_void(self, node: str, location_owners: Mapping[str, str]) -> list[Fulfilment]:
        """Fulfilments of placements that lost which a node has to undo, or has to ask the owner to undo."""
        found = []
        for one, won in self.duplicates():
            known = [one.shown[0].location, won.shown[0].location]  # where the first entries are, which say everything
            teller = _teller(one, location_owners)
            for name in self._begun_by(one):
                fulfilment = self.fulfilments.get(name)
                if fulfilment is None or fulfilment.is_voided:
                    continue
                is_asker = teller in ("", node) and any(location != fulfilment.location for location in known)
                if fulfilment.owner == node or (is_asker and self._is_to_ask(fulfilment, teller)):
                    found.append(fulfilment)
        return found

    def _is_to_ask(self, fulfilment: Fulfilment, node: str) -> bool:
        """Whether the owner, who cannot know of the placement that won, still holds it and was not asked yet."""
        return fulfilment.nature is not Nature.ENDED and not self._was_asked(CANCEL, fulfilment, node)

    def to_pass_on(self, node: str, location_owners: Mapping[str, str]) -> list[tuple[OutsideEvent, Fulfilment]]:
        """Events that callers reported to a node for a placement that lost, and the fulfilments that need them now."""
        found = []
        for one, won in self.duplicates():
            teller = _teller(one, location_owners)
            event = self._reported_of(one) if teller in ("", node) else None
            if event is None:
                continue
            for name in self._begun_by(won):
                fulfilment = self.fulfilments.get(name)
                if fulfilment is not None and self._lacks(fulfilment, event, teller):
                    found.append((event, fulfilment))
        return found

    def _lacks(self, fulfilment: Fulfilment, event: OutsideEvent, node: str) -> bool:
        """Whether an event makes a difference at a fulfilment, or at the one it is a part of, and was not asked for."""
        whole = self.fulfilments.get(fulfilment.part_of)
        is_new = fulfilment.lacks(event) and (event == CANCEL or whole is None or whole.lacks(event))
        return is_new and not self._was_asked(event, fulfilment, node)

    def _reported_of(self, placed: Placed) -> OutsideEvent | None:
        """Whether callers cancelled everything that a placement began, or paid for it."""
        begun = self.begun_by(placed)
        if begun and all(self._was_cancelled_by_caller(one) for one in begun):
            return "cancel"
        return "pay" if any(one.happened(PAY) for one in begun) else None

    def _was_cancelled_by_caller(self, fulfilment: Fulfilment) -> bool:
        """Whether a caller cancelled it, and no node that asked for that before: to those it is a repeat then."""
        asked = [one.became for one in self.parked if one.event is not None and _is_of(one.event, CANCEL, fulfilment)]
        return fulfilment.happened(CANCEL) and not fulfilment.is_voided and all(became == REPEAT for became in asked)

    def is_asked(self, event: OrderEvent, deduplication_id: bytes, node: str) -> bool:
        """Whether a node asked the owner of a fulfilment to let this event happen to it."""
        return any(
            (one.event, one.deduplication_id, one.why) == (event, deduplication_id, "")
            for one in self.parked
            if not one.until_ms and one.node == node
        )

    def _was_asked(self, event: str, fulfilment: Fulfilment, node: str) -> bool:
        """Whether a node (empty: any node) noted an event of this one fulfilment. Nodes do so; callers seldom do."""
        asked = [one.event for one in self.parked if one.event is not None and node in ("", one.node)]
        return any(_is_of(one, event, fulfilment) for one in asked)

    @property
    def waiting(self) -> list[Parked]:
        """Events that wait for their predecessor, or for their fulfilment."""
        fulfilments = self.fulfilments.values()
        return [
            one
            for one in self.parked
            if one.event is not None
            and (any(one.waits_for(fulfilment) for fulfilment in fulfilments) or not one.settled)
        ]


def least_advanced(fulfilments: Iterable[Fulfilment]) -> str:
    """The least advanced state of those that have not ended; if all have, of all; `none` if there are none."""
    found = [one.state for one in fulfilments if one.state in NATURES]
    return min(found, key=list(NATURES).index, default="none")  # the states of those that ended come last


def _is_of(asked: OrderEvent, event: str, fulfilment: Fulfilment) -> bool:
    return (asked.event, asked.fulfilment) == (event, fulfilment.id)


def _teller(lost: Placed, location_owners: Mapping[str, str]) -> str:
    """The node that tells the owners of fulfilments about a placement that lost: the one that accepted it.

    Empty: any node that knows of both placements, because a store that accepted it may never learn of the one that won.
    """
    node = node_of(lost.writer)
    return "" if location_owners.get(lost.shown[0].location) == node else node
