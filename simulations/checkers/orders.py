"""Answers about orders: what was asked for is what is said, and happens once for each time it was asked."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from msgspec import UNSET

from replica.core.base.names import node_of
from replica.core.log.entry import Entry
from replica.core.orders.facts import SHORTAGE
from replica.core.orders.requests import ORDER, OrderEvent, Placement, order_request_of
from replica.core.state.commands import Command
from replica.core.stock.requests import SkuLine
from simulations.checkers.checker import Checker
from simulations.history import Ask

AGAIN = ("adjust", "exchange", "return")
"""Events that may happen again, for other units."""

HOLDING = ("held", "reserved", "amended", "exchanged", "picking")
"""States in which units are set aside."""

BY_ITSELF = ("hold", "reserve", "expire")
"""What nobody tells: an order that is placed, and one that was not paid."""

SkuCounts = dict[str, int]
"""So many of each SKU."""

AnsweredFulfilments = tuple[tuple[str, str, str, tuple[tuple[str, int], ...]], ...]
"""Fulfilments as an answer tells them: name, location, state, and lines."""


class OrdersChecker(Checker):
    """An order is told as it was asked for, first and again; what happened to it was asked, as often and as much."""

    invariant = 3

    def __init__(self, *arguments: object) -> None:
        super().__init__(*arguments)  # type: ignore[arg-type]
        self._placed: dict[str, list[tuple[Placement, AnsweredFulfilments]]] = {}
        """By order: every placement that took something, and what it was answered."""
        self._began: dict[str, dict[str, tuple[tuple[int, str, bytes], Placement]]] = {}
        """By order and node: how its placement there comes among others, and what it was."""
        self._origins: dict[bytes, tuple[str, str, str]] = {}
        """By entry that began a fulfilment: its order, its node and its name."""
        self._voids: list[Entry] = []
        """What undoes them; entries of several locations come in any order, so it is looked at in the end."""
        self._voided: dict[bytes, bytes] = {}
        """By such an entry: what undid it, for its placement lost against another node's."""
        self._handed_over: dict[tuple[str, str], bool] = {}
        """By order and fulfilment that was handed over: whether it still holds units. Who has it by then may not hear
        that it has lost, and ends it as it is asked to, by whoever placed it or by a customer."""
        self._done: dict[tuple[bytes, str], bytes] = {}
        """By key and fulfilment: what came of what was told, wherever it was told under that key."""
        self._again: list[tuple[Placement, AnsweredFulfilments]] = []
        """Answers to placements of what had been placed before, to be compared with those."""
        self._instead: dict[tuple[str, str], str] = {}
        """By order and fulfilment: the one it stands for, which was given up."""
        self._early: dict[bytes, OrderEvent] = {}
        """Events that came early or to the wrong node, by the entry that says so."""
        self._keys: dict[bytes, bytes] = {}
        """The keys under which they were told, by the same; a telling of several fulfilments has entries without."""
        self._settled: dict[tuple[bytes, str], bytes] = {}
        """By such an entry and fulfilment: what became of it."""
        self._happened: dict[tuple[str, str], dict[str, None]] = {}
        self._reported: dict[tuple[str, str], dict[str, None]] = {}
        """By order and fulfilment: every event that led somewhere, and every one of which it is reported why not."""
        self._unexplained: list[Entry] = []
        """What settles an event whose own entry is of another location, and was not seen yet."""

    def answered(self, ask: Ask, entry: Entry) -> None:
        request = _request_of(ask)
        if request is None:
            return
        content = entry.content
        if content.kind != ORDER or content.reference != request.order:
            self.fail(f"{ask.key!r} asked about {request.order!r}, and was told of {content.reference!r}")
        if isinstance(request, Placement) and content.facts["act"] == "repeat":
            self._again.append((request, _shown(content.facts)))

    def appeared(self, entry: Entry) -> None:
        content = entry.content
        if content.kind != ORDER:
            return
        act = content.facts["act"]
        if act == "step" and content.reason in ("hold", "reserve"):
            self._origins[entry.hash] = (content.reference, node_of(entry.stream.writer), content.facts["fulfilment"])
        name = (content.reference, content.facts.get("fulfilment", ""))
        if act in ("step", "report"):
            noted = self._happened if act == "step" else self._reported
            noted.setdefault(name, {})[content.reason] = None
        if act == "hand_over" or (act == "step" and name in self._handed_over):
            self._handed_over[name] = act == "hand_over" or content.facts["to"] in HOLDING
        if content.facts.get("voids"):
            self._voids.append(entry)
            return
        if content.facts.get("instead_of"):
            self._instead[content.reference, content.facts["fulfilment"]] = content.facts["instead_of"]
        if act == "ask" and content.facts.get("outcome") == SHORTAGE:  # `SettlementChecker` says whether there was any
            asked = order_request_of(content.facts)
            if not isinstance(asked, OrderEvent) or asked.event != "cancel" or not asked.fulfilment:
                self.fail(f"{entry.stream.writer} named {asked} to be given up")
            else:
                self._early[entry.hash] = asked
            return
        request = self._asked(entry) if content.key or act in ("park", "ask") else None
        if isinstance(request, Placement):
            if act == "step":
                self._check_placed(request, _shown(content.facts))
                self._placed.setdefault(request.order, []).append((request, _shown(content.facts)))
                rank = (content.clock, entry.stream.writer, entry.hash)
                self._began.setdefault(request.order, {})[node_of(entry.stream.writer)] = (rank, request)
                if len(self._placed[request.order]) > 1:
                    self.history.tally("order placed at two hubs")
        elif isinstance(request, OrderEvent) and act in ("park", "ask"):
            self._early[entry.hash] = request
            self._keys[entry.hash] = content.key or entry.hash
        elif act == "step" and content.reason not in BY_ITSELF:
            self._explain(entry, request)

    def moment(self) -> None:
        again, self._again = self._again, []
        for placement, shown in again:
            answers = self._placed.get(placement.order, [])
            if (placement, shown) not in answers:
                self.fail(f"{placement.order!r} was placed again and answered with {shown}, not as first: {answers}")
        unexplained, self._unexplained = self._unexplained, []
        for entry in unexplained:
            self._explain(entry, None)

    def finish(self) -> None:
        self.moment()
        for entry in self._voids:
            self._check_void(entry)
        for origin, (order, node, name) in self._origins.items():
            holds = self._handed_over.get((order, name), True)
            if self._has_lost(origin) and origin not in self._voided and holds:
                self.fail(f"{order!r} was placed at {node} and before that elsewhere, and nobody undid it")
            if "pay" in self._happened[order, name] and self._has_lost(origin):
                self._check_paid(order, origin)
        for entry in self._unexplained:
            self.fail(f"{entry.content.reason} of {entry.content.reference!r} settles what nobody noted")

    def _asked(self, entry: Entry) -> Placement | OrderEvent | None:
        """What a client asked under the key of an entry; or, without one, what it is noted to have asked."""
        key, order = entry.content.key, entry.content.reference
        for ask in self.history.asks_of.get(order, ()):
            request = _request_of(ask)
            if ask.key == key or (not key and request == order_request_of(entry.content.facts)):
                return request
        noted = order_request_of(entry.content.facts)
        if not key and isinstance(noted, OrderEvent) and noted.event in ("cancel", "pay"):
            self._voids.append(entry)  # of what lost, the node where it was placed tells who decides now, or has won
            return noted
        self.fail(f"{entry.stream.writer} did for {key!r} what nobody asked of {order!r}")
        return None

    def _has_lost(self, origin: bytes) -> bool:
        """Whether an entry began what another node began, too, and before."""
        order, node, _ = self._origins[origin]
        began = self._began.get(order, {})
        rank, placement = began[node]
        return any(other < rank for other, same in began.values() if same == placement)

    def _check_paid(self, order: str, lost: bytes) -> None:
        """What was paid of a placement that lost is paid of the one that won, or somebody is told why not."""
        placement = self._began[order][self._origins[lost][1]][1]
        for origin, (other, node, name) in self._origins.items():
            if other != order or self._began[order][node][1] != placement or self._has_lost(origin):
                continue
            self.history.tally("payment of what lost")
            names = [one for its_order, one in self._happened if its_order == order and name in self._names(order, one)]
            is_known = [
                "pay" in self._reported.get((order, one), {})
                or any(event in self._happened[order, one] for event in ("pay", "reserve", "cancel"))
                for one in names
            ]
            if not any(is_known):
                self.fail(f"{order!r} was paid at {self._origins[lost][1]}, and {name} is not")

    def _check_void(self, entry: Entry) -> None:
        """What is undone lost against an equal placement, and is undone once."""
        order, origin = entry.content.reference, entry.content.facts.get("voids", b"")
        undone = [origin] if origin else [one for one, (name, *_) in self._origins.items() if name == order]
        if not any(one in self._origins and self._has_lost(one) for one in undone):
            self.fail(f"{entry.stream.writer} undid what did not lose of {order!r}")
        if not origin:
            return
        if entry.content.facts["act"] == "step" and entry.content.reason != "cancel":
            self.fail(f"{entry.stream.writer} undid {entry.content.reference!r} by {entry.content.reason}")
        if self._voided.setdefault(origin, entry.hash) != entry.hash:
            self.fail(f"{entry.stream.writer} undid twice what was begun of {entry.content.reference!r}")

    def _explain(self, entry: Entry, request: OrderEvent | None) -> None:
        """Something happened to a fulfilment: find who told it, and that it was this."""
        content, facts = entry.content, entry.content.facts
        name, settles = facts["fulfilment"], facts.get("settles", b"")
        if settles:
            request = self._early.get(settles)
            if request is None:
                self._unexplained.append(entry)
                return
            if self._settled.setdefault((settles, name), entry.hash) != entry.hash:
                self.fail(f"{request} happened to {name} twice, for it had come early")
        if request is None:  # one of several fulfilments that something was told of at once
            told = [_request_of(ask) for ask in self.history.asks_of.get(content.reference, ())]
            alike = [one for one in told if isinstance(one, OrderEvent) and one.event == content.reason]
            if content.reason in AGAIN or not alike:
                self.fail(f"{content.reason} happened to {name} of {content.reference!r}, and nobody told it")
            return
        key = self._keys.get(settles, settles) or content.key
        if self._done.setdefault((key, name), entry.hash) != entry.hash:
            self.fail(f"{request} happened to {name} twice")
        if any((key, older) in self._done for older in self._names(content.reference, name)[1:]):
            self.fail(f"{request} happened to {name}, and before that to what it stands for")
        if content.reason != request.event or request.fulfilment not in ("", *self._names(content.reference, name)):
            self.fail(f"{request} was told, and {content.reason} happened to {name}")
        if facts.get("number", 0) != request.number:
            self.fail(f"{request} happened to {name} as number {facts.get('number', 0)}")
        self._check_lines(request, facts)

    def _names(self, order: str, name: str) -> list[str]:
        """A fulfilment, and those that were given up for it."""
        names = [name]
        while (older := self._instead.get((order, names[-1]))) is not None:
            names.append(older)
        return names

    def _check_lines(self, request: OrderEvent, facts: Mapping[str, Any]) -> None:
        if request.event not in AGAIN:
            return
        back, taken = SkuCounts(), SkuCounts()
        for _, sku, quantity in (*facts.get("reversed", ()), *facts.get("returned", ())):
            back[sku] = back.get(sku, 0) + quantity
        for _, sku, quantity, *_ in facts.get("taken", ()):
            taken[sku] = taken.get(sku, 0) + quantity
        wanted = _counted(request.replacement if request.replacement is not UNSET else ())
        given_up = _counted(request.lines if request.lines is not UNSET else ())
        if back != given_up or taken != wanted:
            self.fail(f"{request} brought back {back} and took {taken}")

    def _check_placed(self, placement: Placement, shown: AnsweredFulfilments) -> None:
        """Everything ordered is held, or with `partial` some of it; and where it was to be."""
        wanted, found = _counted(placement.lines), SkuCounts()
        locations = [placement.pickup_at if line.location is UNSET else line.location for line in placement.lines]
        for _, location, _, lines in shown:
            if UNSET not in locations and location not in locations:
                self.fail(f"{placement} was taken from {location}")
            for sku, quantity in lines:
                found[sku] = found.get(sku, 0) + quantity
        is_enough = sum(found.values()) > 0 if placement.partial else found == wanted
        if not is_enough or any(units > wanted.get(sku, 0) for sku, units in found.items()):
            self.fail(f"{placement} was answered with {shown}")


def _request_of(ask: Ask) -> Placement | OrderEvent | None:
    request = ask.asked.request if isinstance(ask.asked, Command) else None
    return request if isinstance(request, Placement | OrderEvent) else None


def _shown(facts: Mapping[str, Any]) -> AnsweredFulfilments:
    return tuple(
        (name, location, state, tuple((sku, quantity) for sku, quantity in lines))
        for name, location, state, lines in facts.get("shown", ())
    )


def _counted(lines: Iterable[SkuLine]) -> SkuCounts:
    counts = SkuCounts()
    for line in lines:
        assert isinstance(line.sku, str)
        counts[line.sku] = counts.get(line.sku, 0) + line.quantity
    return counts
