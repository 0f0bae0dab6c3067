"""Answers about orders match their requests, and each event is applied once for each request."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from msgspec import UNSET
from msgspec.structs import replace

from replica.core.base.names import node_of
from replica.core.log.entry import Entry
from replica.core.orders.facts import SHORTAGE
from replica.core.orders.requests import ORDER, OrderEvent, Placement, order_request_of
from replica.core.state.commands import Command
from replica.core.stock.requests import SkuLine
from simulations.checkers.checker import Checker
from simulations.history import Ask

AGAIN = ("adjust", "exchange", "return")
"""Events that may repeat, for other units. Others may too, if they name the units of a part."""

HOLDING = ("held", "reserved", "amended", "exchanged", "picking")
"""States in which units are held."""

BY_ITSELF = ("hold", "reserve", "expire")
"""Events that no client reports: of a placement, and of an unpaid order."""

SkuCounts = dict[str, int]
"""A quantity of each SKU."""

AnsweredFulfilments = tuple[tuple[str, str, str, tuple[tuple[str, int], ...]], ...]
"""Fulfilments as an answer shows them: name, location, state, and lines."""


class OrdersChecker(Checker):
    """Answers about an order match its request, and each of its events matches a request."""

    invariant = 3

    def __init__(self, *arguments: object) -> None:
        super().__init__(*arguments)  # type: ignore[arg-type]
        self._placed: dict[str, list[tuple[Placement, AnsweredFulfilments]]] = {}
        """By order: every placement that took units, and its answer."""
        self._began: dict[str, dict[str, tuple[tuple[int, str, bytes], Placement]]] = {}
        """By order and node: the rank of its placement among others, and the placement."""
        self._origins: dict[bytes, tuple[str, str, str]] = {}
        """By the entry that began a fulfilment: its order, its node and its name."""
        self._voids: list[Entry] = []
        """Entries that undo duplicate placements. Locations' entries come in any order, so `finish` checks them."""
        self._voided: dict[bytes, bytes] = {}
        """By the entry that began a duplicate: the entry that undid it, because another node's placement won."""
        self._parts: dict[bytes, bytes] = {}
        """By the entry that split off a part: the entry that began the fulfilment."""
        self._whole: dict[tuple[str, str], str] = {}
        """By order and part: the fulfilment that it was split off."""
        self._handed_over_parts: dict[bytes, None] = {}
        """Entries that split off parts of fulfilments that were handed over."""
        self._handed_over: dict[tuple[str, str], bool] = {}
        """By order and fulfilment that was handed over: whether it still holds units.

        Its new owner may not learn that it is a duplicate. Then the placing node or a customer must request its end.
        """
        self._done: dict[tuple[bytes, str], bytes] = {}
        """By key and fulfilment: the entry of the event that was reported under that key, at any node."""
        self._instead: dict[tuple[str, str], str] = {}
        """By order and fulfilment: the revoked fulfilment that it replaces."""
        self._early: dict[bytes, OrderEvent] = {}
        """By the entry that notes it: an event that came early or to the wrong node."""
        self._keys: dict[bytes, bytes] = {}
        """By the entry that notes such an event: its key. With several fulfilments, the entries have no key."""
        self._settled: dict[tuple[bytes, str], bytes] = {}
        """By the entry that notes such an event, and fulfilment: the entry that settled it."""
        self._happened: dict[tuple[str, str], dict[str, None]] = {}
        self._reported: dict[tuple[str, str], dict[str, None]] = {}
        """By order and fulfilment: every event that was applied, and every event that was reported as impossible."""
        self._changed: dict[bytes, tuple[OrderEvent, SkuCounts]] = {}
        """By key: an event with lines that names no fulfilment, and the units that it changed in all."""
        self._asked_by_nodes: list[tuple[Entry, OrderEvent]] = []
        """Entries in which a node asks another one for an event, under no key of a client."""
        self._unexplained: list[Entry] = []
        """Entries that settle an event whose entry is at another location and was not seen yet."""

    def answered(self, ask: Ask, entry: Entry) -> None:
        request = _request_of(ask)
        if request is None:
            return
        content = entry.content
        if content.kind != ORDER or content.reference != request.order:
            self.fail(f"{ask.key!r} asked about {request.order!r}, but the answer is about {content.reference!r}")

    def appeared(self, entry: Entry) -> None:
        content = entry.content
        if content.kind != ORDER:
            return
        act = content.facts["act"]
        if act == "split":
            self._note_part(entry)
        if act == "step" and content.reason in ("hold", "reserve"):
            self._origins[entry.hash] = (content.reference, node_of(entry.stream.writer), content.facts["fulfilment"])
        name = (content.reference, content.facts.get("fulfilment", ""))
        if act in ("step", "report"):
            noted = self._happened if act == "step" else self._reported
            noted.setdefault(name, {})[content.reason] = None
        if act == "hand_over" or (act == "step" and name in self._handed_over):
            self._handed_over[name] = act == "hand_over" or content.facts["to"] in HOLDING
        if content.facts.get("voids"):
            if name[1]:  # else it voids goods taken back twice: `OrderReturnsChecker`
                self._voids.append(entry)
            return
        if content.facts.get("instead_of"):
            self._instead[content.reference, content.facts["fulfilment"]] = content.facts["instead_of"]
        if (
            act == "ask" and content.facts.get("outcome") == SHORTAGE
        ):  # `SettlementChecker` checks that there was a shortage
            asked = order_request_of(content.facts)
            if not isinstance(asked, OrderEvent) or asked.event != "cancel" or not asked.fulfilment:
                self.fail(f"{entry.stream.writer} selected {asked} to be revoked")
            else:
                self._early[entry.hash] = asked
            return
        if content.facts.get("passes_on"):
            asked = order_request_of(content.facts)
            assert isinstance(asked, OrderEvent)
            self._early[entry.hash] = asked
            self._keys[entry.hash] = self._keys.get(content.facts["passes_on"], content.facts["passes_on"])
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
        elif isinstance(request, OrderEvent) and act in ("park", "ask", "take_back"):
            self._early[entry.hash] = request
            self._keys[entry.hash] = content.key or entry.hash
        elif act in ("step", "split") and content.reason not in BY_ITSELF:
            self._explain(entry, request)

    def moment(self) -> None:
        unexplained, self._unexplained = self._unexplained, []
        for entry in unexplained:
            self._explain(entry, None)

    def finish(self) -> None:
        self.moment()
        self._check_added_up()
        for entry, noted in self._asked_by_nodes:
            self._check_asked(entry, noted)
        for entry in self._voids:
            self._check_void(entry)
        for origin, (order, node, name) in self._origins.items():
            holds = self._handed_over.get((order, name), True)
            if self._has_lost(origin) and origin not in self._voided and holds:
                self.fail(f"{order!r} was placed at {node} after a placement elsewhere, but is not undone")
            if "pay" in self._happened[order, name] and self._has_lost(origin):
                self._check_paid(order, origin)
        for entry in self._unexplained:
            self.fail(f"{entry.content.reason} of {entry.content.reference!r} settles an event that no entry notes")

        for split, whole in self._parts.items():
            is_lost = self._has_lost(whole) and split not in self._handed_over_parts
            if is_lost and split not in self._voided:
                self.fail(f"a part of {self._origins[whole]} was not undone with it")

    def _note_part(self, entry: Entry) -> None:
        """Note which placement a part belongs to, and whether its owner may not learn that it is a duplicate."""
        order, name = entry.content.reference, entry.content.facts["fulfilment"]
        for origin, (other, _, one) in self._origins.items():
            if (other, one) == (order, name):
                self._parts[entry.hash] = origin
        self._whole[order, entry.content.facts["part"]] = name
        if (order, name) in self._handed_over:
            self._handed_over_parts[entry.hash] = None

    def _asked(self, entry: Entry) -> Placement | OrderEvent | None:
        """The client's request under the key of an entry. Without a key: the request that the entry notes."""
        key, order = entry.content.key, entry.content.reference
        for ask in self.history.asks_of.get(order, ()):
            request = _request_of(ask)
            if ask.key == key or (not key and request == order_request_of(entry.content.facts)):
                return request
        noted = order_request_of(entry.content.facts)
        if not key and isinstance(noted, OrderEvent) and noted.event in ("cancel", "pay", "return"):
            self._asked_by_nodes.append((entry, noted))
            return noted
        self.fail(f"{entry.stream.writer} wrote an event of {order!r} under {key!r} that no client requested")
        return None

    def _check_asked(self, entry: Entry, asked: OrderEvent) -> None:
        """Only a client's request is passed on, except to undo a placement that lost.

        A store may show the entry before a hub shows the one that notes the request, so this is for the end.
        """
        if self._is_passed_on(asked):
            return
        if asked.event == "return":
            self.fail(f"{entry.stream.writer} asks for {asked}, which no client reported")
        self._check_void(entry)  # the node of a losing placement asks the present owner, or the winner

    def _is_passed_on(self, asked: OrderEvent) -> bool:
        """Whether a node asks for what a client had asked it, before it knew which fulfilments the order has."""
        names = ("", asked.fulfilment, self._instead.get((asked.order, asked.fulfilment), ""))
        return any(replace(asked, fulfilment=name) in self._early.values() for name in names)

    def _has_lost(self, origin: bytes) -> bool:
        """Whether an entry began a fulfilment that another node began before."""
        order, node, _ = self._origins[origin]
        began = self._began.get(order, {})
        rank, placement = began[node]
        return any(other < rank for other, same in began.values() if same == placement)

    def _check_paid(self, order: str, lost: bytes) -> None:
        """A payment of a losing placement also pays the winning one, or a report shows why not."""
        placement = self._began[order][self._origins[lost][1]][1]
        for origin, (other, node, name) in self._origins.items():
            if other != order or self._began[order][node][1] != placement or self._has_lost(origin):
                continue
            self.history.tally("payment of a losing placement")
            names = [one for its_order, one in self._happened if its_order == order and name in self._names(order, one)]
            is_known = [
                "pay" in self._reported.get((order, one), {})
                or any(event in self._happened[order, one] for event in ("pay", "reserve", "cancel"))
                for one in names
            ]
            if not any(is_known):
                self.fail(f"{order!r} was paid at {self._origins[lost][1]}, but {name} is not paid")

    def _check_void(self, entry: Entry) -> None:
        """Only a placement that lost against an equal placement is undone, and only once."""
        order, origin = entry.content.reference, entry.content.facts.get("voids", b"")
        undone = (
            [self._parts.get(origin, origin)]
            if origin
            else [one for one, (name, *_) in self._origins.items() if name == order]
        )
        if not any(one in self._origins and self._has_lost(one) for one in undone):
            self.fail(f"{entry.stream.writer} undid a placement of {order!r} that did not lose")
        if not origin:
            return
        if entry.content.facts["act"] == "step" and entry.content.reason != "cancel":
            self.fail(f"{entry.stream.writer} undid {entry.content.reference!r} by {entry.content.reason}")
        if self._voided.setdefault(origin, entry.hash) != entry.hash:
            self.fail(f"{entry.stream.writer} undid a placement of {entry.content.reference!r} twice")

    def _explain(self, entry: Entry, request: OrderEvent | None) -> None:
        """Find the request for an event of a fulfilment, and check that they match."""
        content, facts = entry.content, entry.content.facts
        name, settles = facts["fulfilment"], facts.get("settles", b"")
        if settles:
            request = self._early.get(settles)
            if request is None:
                self._unexplained.append(entry)
                return
            if self._settled.setdefault((settles, name), entry.hash) != entry.hash:
                self.fail(f"{request} was applied to {name} twice after it came early")
        if request is None:  # an event for several fulfilments at once
            requests = [_request_of(ask) for ask in self.history.asks_of.get(content.reference, ())]
            alike = [one for one in requests if isinstance(one, OrderEvent) and one.event == content.reason]
            if content.reason in ("adjust", "exchange") or not alike:
                self.fail(
                    f"{content.reason} was applied to {name} of {content.reference!r}, but no client requested it"
                )
            return
        key = self._keys.get(settles, settles) or content.key
        if request.lines is not UNSET and request.event != "return":  # a part and the rest of it are one
            name = self._whole.get((content.reference, name), name)
        if self._done.setdefault((key, name), entry.hash) != entry.hash:
            self.fail(f"{request} was applied to {name} twice")
        if any((key, older) in self._done for older in self._names(content.reference, name)[1:]):
            self.fail(f"{request} was applied to {name}, and before to the fulfilment that it replaces")
        if content.reason != request.event or request.fulfilment not in ("", *self._names(content.reference, name)):
            self.fail(f"{request} was requested, but {content.reason} was applied to {name}")
        if facts.get("number", 0) != request.number:
            self.fail(f"{request} was applied to {name} as number {facts.get('number', 0)}")
        self._check_lines(request, facts)
        if request.lines is not UNSET and not request.fulfilment:
            self._add_up(request, key, facts)

    def _add_up(self, request: OrderEvent, key: bytes, facts: Mapping[str, Any]) -> None:
        """Add up the units that an event changed at all fulfilments of its order."""
        _, changed = self._changed.setdefault(key, (request, SkuCounts()))
        for _, sku, quantity in (*facts.get("reversed", ()), *facts.get("returned", ()), *facts.get("units", ())):
            changed[sku] = changed.get(sku, 0) + quantity

    def _check_added_up(self) -> None:
        """The lines of an event concern all fulfilments together, unless several nodes placed the order."""
        for request, changed in self._changed.values():
            wanted = _counted(request.lines or ())
            is_more = any(units > wanted.get(sku, 0) for sku, units in changed.items())
            if is_more and len(self._began.get(request.order, {})) == 1:
                self.fail(f"{request} changed {changed} in all")

    def _names(self, order: str, name: str) -> list[str]:
        """A fulfilment, and the revoked ones that it replaces."""
        names = [name]
        while (older := self._instead.get((order, names[-1]))) is not None:
            names.append(older)
        return names

    def _check_lines(self, request: OrderEvent, facts: Mapping[str, Any]) -> None:
        if request.lines is UNSET:
            return
        back, taken = SkuCounts(), SkuCounts()
        for _, sku, quantity in (*facts.get("reversed", ()), *facts.get("returned", ()), *facts.get("units", ())):
            back[sku] = back.get(sku, 0) + quantity
        for _, sku, quantity, *_ in facts.get("taken", ()):
            taken[sku] = taken.get(sku, 0) + quantity
        wanted = _counted(request.replacement if request.replacement is not UNSET else ())
        returned = _counted(request.lines)
        if facts["to"] in ("shipped", "collected") and facts["act"] == "step":
            return  # it names everything: `HeldChecker` knows what that is
        is_less = request.event == "return" and all(units <= returned.get(sku, 0) for sku, units in back.items())
        if (back != returned and not is_less) or taken != wanted:  # a return may be spread over several parts
            self.fail(f"{request} returned {back} and took {taken}")

    def _check_placed(self, placement: Placement, shown: AnsweredFulfilments) -> None:
        """The placement holds all ordered units, or some with `partial`, at the requested locations."""
        wanted, found = _counted(placement.lines), SkuCounts()
        locations = [placement.pickup_at if line.location is UNSET else line.location for line in placement.lines]
        for _, location, _, lines in shown:
            if UNSET not in locations and location not in locations:
                self.fail(f"{placement} took units from {location}")
            for sku, quantity in lines:
                found[sku] = found.get(sku, 0) + quantity
        is_enough = sum(found.values()) > 0 if placement.partial else found == wanted
        if not is_enough or any(units > wanted.get(sku, 0) for sku, units in found.items()):
            self.fail(f"{placement} got the answer {shown}")


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
