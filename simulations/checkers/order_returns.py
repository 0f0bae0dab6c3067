"""Goods of an order that came back at another location are in one quarantine, and its owner counts them once."""

from __future__ import annotations

from msgspec import UNSET

from replica.core.base.clock import stamp_ms
from replica.core.base.limits import PARKED_MS
from replica.core.base.names import CUSTOMER, QUARANTINE, account, node_of
from replica.core.ledger.cells import Move
from replica.core.log.entry import Entry
from replica.core.orders.requests import ORDER, OrderEvent, order_request_of
from simulations.checkers.checker import Checker


class OrderReturnsChecker(Checker):
    """Each return taken elsewhere is counted once by the owner, or is reported, or is voided because it came twice."""

    invariant = 5

    def __init__(self, *arguments: object) -> None:
        super().__init__(*arguments)  # type: ignore[arg-type]
        self._taken: dict[bytes, Entry] = {}
        """Entries that took goods at a location that their fulfilment did not leave."""
        self._voids: dict[bytes, Entry] = {}
        """By the entry that took goods: the entry that takes them out of quarantine again."""
        self._asks: dict[bytes, bytes] = {}
        """By the entry that asks the owner to count goods: the entry that took them."""
        self._asked_ms: dict[bytes, int] = {}
        """When the owner was asked, by the clock of the node that asked, which may have been far ahead."""
        self._ends: dict[bytes, list[Entry]] = {}
        """By the entry that asks the owner, or that noted an event: the entries that settle it."""
        self._keys: dict[bytes, bytes] = {}
        """By entry about a return: the key under which a client reported it."""
        self._steps: list[Entry] = []
        """Returns to the location of their fulfilment."""
        self._parts: dict[str, dict[str, None]] = {}
        """By order: the fulfilments that began."""

    def appeared(self, entry: Entry) -> None:
        content, facts = entry.content, entry.content.facts
        if content.kind != ORDER:
            return
        act, node = facts["act"], node_of(entry.stream.writer)
        if act == "step" and content.reason in ("hold", "reserve"):
            self._parts.setdefault(content.reference, {})[facts["fulfilment"]] = None
        if act == "split":
            self._parts.setdefault(content.reference, {})[facts["part"]] = None
        if content.reason != "return":
            return
        if content.key:
            self._keys[entry.hash] = content.key
        if facts.get("settles"):
            self._ends.setdefault(facts["settles"], []).append(entry)
        if act == "take_back":
            self._taken[entry.hash] = entry
            self._check_goods(entry, node)
        elif act == "void":
            if self._voids.setdefault(facts["voids"], entry) is not entry:
                self.fail(f"{node} voided goods of {content.reference!r} twice")
        elif act == "ask" and facts.get("passes_on"):
            self._asks[entry.hash] = facts["passes_on"]
            self._asked_ms[entry.hash] = stamp_ms(content.clock)
        elif act == "step" and facts.get("goods_at") and content.moves:
            self.fail(f"{node} moved goods of {content.reference!r} that are at {facts['goods_at']}")
        elif act == "step" and not facts.get("goods_at"):
            self._steps.append(entry)

    def finish(self) -> None:
        for entry in self._taken.values():
            self._check_counted(entry)
        for loser, void in self._voids.items():
            self._check_void(loser, void)
        live: dict[bytes, list[Entry]] = {}
        for entry in [one for one in self._taken.values() if one.hash not in self._voids and _number(one) == 0]:
            if not entry.content.key:
                continue  # a further entry of one request, which took the share of another part
            live.setdefault(entry.content.key, []).append(entry)
        for step in self._steps:
            settles = step.content.facts.get("settles", b"")
            key = self._keys.get(settles) or step.content.key
            if key in live and not step.content.facts.get("number"):
                live[key].append(step)
        for key, entries in live.items():
            if len(entries) > 1 and all(self._is_answered(one.hash) for one in entries if one.hash in self._taken):
                where = [one.stream.scope for one in entries]
                self.fail(f"the goods of one return under {key!r} are in quarantine at {where}")

    def _check_goods(self, entry: Entry, node: str) -> None:
        """The goods are those of the request, and go from the customer to quarantine."""
        request = order_request_of(entry.content.facts)
        assert isinstance(request, OrderEvent)
        counts: dict[str, int] = {}
        for _, sku, quantity, *_ in entry.content.facts["goods"]:
            counts[sku] = counts.get(sku, 0) + quantity
        wanted: dict[str, int] = {}
        for line in request.lines or ():
            wanted[str(line.sku)] = wanted.get(str(line.sku), 0) + line.quantity
        if request.lines is not UNSET and counts != wanted:  # without lines: everything that left, as far as known
            self.fail(f"{node} took back {counts} for {request}")
        routes = [(move.source, move.target) for move in entry.content.moves]
        if not routes or any(route != (CUSTOMER, account(node, QUARANTINE)) for route in routes):
            self.fail(f"{node} took back goods of {request.order!r} by {routes}")

    def _check_counted(self, entry: Entry) -> None:
        request = order_request_of(entry.content.facts)
        assert isinstance(request, OrderEvent)
        asks = [ask for ask, taken in self._asks.items() if taken == entry.hash]
        counted = [end for ask in asks for end in self._ends.get(ask, ()) if end.content.facts["act"] == "step"]
        self.history.tally("return elsewhere counted" if counted else "return elsewhere not counted")
        shares: dict[str, int] = {}
        for end in counted:
            shares[end.content.facts["fulfilment"]] = shares.get(end.content.facts["fulfilment"], 0) + 1
        units = sum(quantity for end in counted for *_, quantity in end.content.facts.get("returned", ()))
        taken = sum(quantity for _, _, quantity, *_ in entry.content.facts["goods"])
        if units > taken or any(times > 1 for times in shares.values()):  # several parts may each count a share
            self.fail(f"{request}, taken at {entry.stream.scope}, was counted {len(counted)} times")
        if counted and entry.hash in self._voids:
            self.fail(f"{request} was counted, and its goods were voided at {entry.stream.scope}")
        is_due = all(self._asked_ms[ask] + PARKED_MS < self.chain.wall_ms for ask in asks)
        if asks and is_due and not self._is_answered(entry.hash):
            self.fail(f"{request} was passed on to its owner, who never answered")
        parts = self._parts.get(request.order, {})
        is_known = request.fulfilment in parts if request.fulfilment else len(parts) == 1
        if not asks and is_known:
            self.fail(f"{request} was taken at {entry.stream.scope}, and its owner was never told")

    def _is_answered(self, taken: bytes) -> bool:
        """Whether the owner counted goods, or reported why it did not."""
        asks = [ask for ask, origin in self._asks.items() if origin == taken]
        return bool(asks) and all(ask in self._ends for ask in asks)

    def _check_void(self, loser: bytes, void: Entry) -> None:
        """Only the node that took goods voids them, all of them, if the same return is in another place."""
        entry = self._taken.get(loser)
        if entry is None or node_of(entry.stream.writer) != node_of(void.stream.writer):
            self.fail(f"{void.stream.writer} voided goods that it never took")
            return
        self.history.tally("return elsewhere voided")
        reversed_moves = [Move(move.item, move.target, move.source, move.quantity) for move in entry.content.moves]
        if list(void.content.moves) != reversed_moves:
            self.fail(f"the void of goods at {entry.stream.scope} moves {void.content.moves}")
        alike = [one for one, key in self._keys.items() if key == entry.content.key and one not in self._voids]
        if not alike:
            self.fail(f"{void.stream.writer} voided goods of {entry.content.reference!r} that came back once")


def _number(entry: Entry) -> int:
    request = order_request_of(entry.content.facts)
    return request.number if isinstance(request, OrderEvent) else 0
