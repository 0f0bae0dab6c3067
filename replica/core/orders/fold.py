"""Orders: what the entries about them fold to.

An order is a set of fulfilments, one per location and placement; each is owned by one node, which alone decides
about it. Folding reads the state an entry led to and never asks whether it may: that was decided when it was written
(`order_movements`). Entries of one location come in causal order; those of several may come in any, and fold to the
same: fulfilments are apart, what is parked and what settles it find each other whichever comes first, and histories
are kept in order of stamps.

What is due is kept beside the orders: a heap of deadlines (holds that expire, parked events that give up) and the
orders that something happened to elsewhere. `due` hands out names; what is then done is decided anew.
"""

from __future__ import annotations

import heapq
from bisect import insort
from collections.abc import Iterable, Iterator, Mapping
from hashlib import blake2b
from itertools import islice

import msgspec

from replica.core.base.limits import REPORTS_PER_ORDER_MAX
from replica.core.base.names import HELD, account, bucket_of, node_of
from replica.core.ledger.cells import Ledger
from replica.core.log.entry import Entry
from replica.core.orders.allocations import Allocation, without
from replica.core.orders.machine import Nature
from replica.core.orders.order import COVERED, EventReport, Fulfilment, Order, OrderFacts, Parked, Past, Placed
from replica.core.orders.requests import ORDER, OrderEvent, order_request_of

_MODULUS = 1 << 128

_encode = msgspec.msgpack.Encoder().encode
_decode = msgspec.msgpack.Decoder(Order).decode

LIVE_MAX = 1_024
"""Orders kept as objects between batches, the latest; all others are kept packed, a tenth as large."""


class Orders:
    """Every order this replica knows, and what is due. `apply` never refuses."""

    __slots__ = (
        "_changed",
        "_deadlines",
        "_duplicated",
        "_handed_out",
        "_live",
        "_open",
        "_packed",
        "_ready",
        "_waiting",
        "malformed",
        "node",
        "stuck",
        "with_exceptions",
        "with_shortage",
    )

    def __init__(self, node: str) -> None:
        self.node = node
        self._packed: dict[str, bytes] = {}
        """Every order, as of the last batch; new ones are empty until then."""
        self._live: dict[str, Order] = {}
        self._changed: dict[str, None] = {}
        self._deadlines: list[tuple[int, str]] = []
        self._handed_out: dict[str, list[int]] = {}
        """Deadlines that had passed when their orders were handed out, until it is known that they had indeed."""
        self._ready: dict[str, None] = {}
        self._open: dict[str, None] = {}
        """Orders that hold units."""
        self._waiting: dict[str, None] = {}
        self._duplicated: dict[str, None] = {}
        """Orders that were placed twice, of which something is this node's to undo."""
        self.with_exceptions: dict[str, None] = {}
        """Orders that somebody should look at: events that did nothing, or two placements."""
        self.with_shortage: dict[str, None] = {}
        """Orders of which something was named to be given up."""
        self.stuck: dict[str, None] = {}
        """Orders of which something is due that cannot be written."""
        self.malformed = 0
        """Entries this version could not read; they are kept, forwarded and skipped."""

    def __len__(self) -> int:
        return len(self._packed)

    def __contains__(self, name: str) -> bool:
        return name in self._packed

    def __iter__(self) -> Iterator[Order]:
        return map(self._read, self._packed)

    def find(self, name: str) -> Order | None:
        """The order of this name."""
        order = self._live.get(name)
        if order is None and name in self._packed:
            order = self._live[name] = self._read(name)
        return order

    def as_placed(self, entry: Entry) -> Entry:
        """The entry of a placement as it answers now: with what won, where the order was placed at two nodes."""
        facts = entry.content.facts
        order = self.find(entry.content.reference) if entry.content.kind == ORDER else None
        won = order.placed_as(facts["digest"]) if order is not None and facts.get("digest") else None
        if won is None or won.entry == entry.hash:
            return entry
        shown = msgspec.to_builtins(won.shown)
        told = {**facts, "shown": shown, "state": won.shown[0].state, "expires_ms": won.expires_ms}
        return msgspec.structs.replace(entry, content=msgspec.structs.replace(entry.content, facts=told))

    def open(self) -> Iterator[Order]:
        """Orders that hold units, in the order in which they came to."""
        return map(self._read, self._open)

    def open_names(self) -> list[str]:
        """Names of the orders that hold units, in the order in which they came to."""
        return list(self._open)

    def look_at(self, names: Iterable[str]) -> list[Order]:
        """The orders of these names, to read them."""
        return [self._read(name) for name in names if name in self._packed or name in self._live]

    def with_shortages(self, limit: int) -> list[Order]:
        """Orders of which something was named to be given up: the last ones, those named first before others."""
        return self.look_at(reversed([*islice(reversed(self.with_shortage), limit)]))

    def with_waiting(self, limit: int) -> list[Order]:
        """Orders that have events waiting, those that have it longest first."""
        return [self._read(name) for name in islice(self._waiting, limit)]

    def load(self, rows: Iterable[tuple[int, bytes]]) -> None:
        """Take in the checkpoint of an earlier fold: rows as they were handed over, in order of their places."""
        for _, one in rows:
            order = _decode(one)
            self._packed[order.name] = one
            for fulfilment in order.fulfilments.values():
                self._watch(order, fulfilment)
            for parked in order.parked:
                if parked.event is not None and "" not in parked.settled:
                    heapq.heappush(self._deadlines, (parked.gives_up_ms, order.name))
            self._look_again(order)

    def begin(self, orders: Mapping[str, Order]) -> None:
        """Take in orders that are new here, each as its first entry leaves it: `apply`, many at once."""
        for name, order in orders.items():
            order.place = len(self._packed) + 1
            self._packed[name] = b""
            for fulfilment in order.fulfilments.values():
                self._watch(order, fulfilment)
        self._live |= orders
        self._changed |= dict.fromkeys(orders)
        self._open |= dict.fromkeys(orders)

    def apply(self, entry: Entry) -> str | None:
        """Fold one entry; return the name of the order it is about, None where it cannot be read."""
        content = entry.content
        try:
            facts = msgspec.convert(content.facts, OrderFacts)
            asked = order_request_of(content.facts) if facts.act in ("park", "ask") else None
        except (ValueError, TypeError, KeyError, AttributeError):
            self.malformed += 1
            return None
        order = self.find(content.reference)
        if order is None:
            order = self._live[content.reference] = Order(content.reference, place=len(self._packed) + 1)
            self._packed[order.name] = b""
        if facts.digest and facts.act == "step":
            clock, writer = content.clock, entry.stream.writer
            insort(order.placed, Placed(clock, writer, entry.hash, facts.digest, facts.shown, facts.expires_ms))
            first = order.placed[0]
            if first.entry == entry.hash:
                order.channel, order.customer = facts.channel, facts.customer
        if isinstance(asked, OrderEvent):
            self._park(order, entry, asked, facts)
        else:
            self._note(order, entry, facts)
        if facts.fulfilment:
            self._step(order, entry, facts)
        self._changed[order.name] = None
        self._look_again(order)
        return order.name

    def due(self, now_ms: int, limit: int) -> list[str]:
        """Names of orders that something may be due about, at most `limit`; each is handed out once."""
        names: dict[str, None] = {}
        while self._ready and len(names) < limit:
            names[self._ready.popitem()[0]] = None
        while self._deadlines and self._deadlines[0][0] <= now_ms and len(names) < limit:
            deadline_ms, name = heapq.heappop(self._deadlines)
            names[name] = None
            self._handed_out.setdefault(name, []).append(deadline_ms)
        return list(names)

    def take_duplicated(self) -> list[str]:
        """Hand over the orders placed twice of which something is this node's to undo, before the batch is taken."""
        doubled = list(self._duplicated)
        self._duplicated.clear()
        return doubled

    def remind(self, names: Iterable[str]) -> None:
        """Hand these out again: what was due about them could not be done."""
        self._ready.update(dict.fromkeys(names))

    def remind_of(self, locations: Iterable[str]) -> None:
        """Hand out what this node holds at some locations."""
        wanted = dict.fromkeys(locations)
        for order in self.open():
            for one in order.fulfilments.values():
                if one.location in wanted and one.owner == self.node and one.allocations:
                    self._ready[order.name] = None

    def settled(self, name: str, now_ms: int) -> None:
        """Nothing more is due about an order for now. A clock set right meanwhile brings deadlines back."""
        self._ready.pop(name, None)
        for deadline_ms in self._handed_out.pop(name, ()):
            if deadline_ms > now_ms:
                heapq.heappush(self._deadlines, (deadline_ms, name))

    def due_in_ms(self, now_ms: int) -> int | None:
        """Milliseconds until something may be due; None when nothing is in sight."""
        if self._ready:
            return 0
        return max(0, self._deadlines[0][0] - now_ms) if self._deadlines else None

    def held(self) -> dict[tuple[str, str, str], int]:
        """Units in open fulfilments, by location, held account and item."""
        units: dict[tuple[str, str, str], int] = {}
        for order in self.open():
            for fulfilment in order.fulfilments.values():
                for allocation in fulfilment.allocations:
                    for item, number in allocation.recipe:
                        name = (fulfilment.location, account(fulfilment.owner, HELD), item)
                        units[name] = units.get(name, 0) + number * allocation.quantity
        return units

    def digest(self) -> str:
        """Equal orders, equal digest. Goes through all of them."""
        total = 0
        for name in self._packed:
            total += int.from_bytes(blake2b(_encode(self._plain(name)), digest_size=16).digest())
        return f"{total % _MODULUS:032x}"

    def take_changes(self) -> list[tuple[int, bytes]]:
        """Hand over the orders changed since the last call, packed, by their places."""
        live, packed = self._live, self._packed
        changed = []
        for name in self._changed:
            order = live[name]
            state = packed[name] = _encode(order)
            changed.append((order.place, state))
        self._changed.clear()
        for name in list(islice(live, max(0, len(live) - LIVE_MAX))):
            del live[name]
        return changed

    def _read(self, name: str) -> Order:
        """An order to look at, which may be gone after the batch."""
        return self._live.get(name) or _decode(self._packed[name])

    def _plain(self, name: str) -> Order:
        """An order in the one way to write it down, whatever its entries' order of arrival."""
        order = self._read(name)
        fulfilments = dict(sorted(order.fulfilments.items()))
        parked = [msgspec.structs.replace(one, settled=sorted(one.settled)) for one in order.parked]
        return msgspec.structs.replace(order, fulfilments=fulfilments, parked=parked, place=0)

    def _step(self, order: Order, entry: Entry, facts: OrderFacts) -> None:
        location, node = entry.stream.scope, node_of(entry.stream.writer)
        fulfilment = order.fulfilments.get(facts.fulfilment)
        if fulfilment is None:
            if facts.act != "step":
                return
            fulfilment = Fulfilment(facts.fulfilment, location, node, facts.to)
            fulfilment.is_fixed, fulfilment.instead_of = facts.is_fixed, facts.instead_of
            order.fulfilments[fulfilment.id] = fulfilment
            for parked in order.parked:
                if parked.waits_for(fulfilment):  # it may have had its deadline, by a clock that ran ahead
                    heapq.heappush(self._deadlines, (parked.gives_up_ms, order.name))
        match facts.act:
            case "step":
                fulfilment.state = facts.to
                fulfilment.expires_ms = facts.expires_ms
                fulfilment.allocations = (
                    without(fulfilment.allocations, facts.reversed) if facts.reversed else fulfilment.allocations
                )
                fulfilment.allocations += [
                    Allocation(entry.hash, one.sku, one.quantity, one.recipe, one.source, one.sources)
                    for one in facts.taken
                ]
                if fulfilment.nature is Nature.HANDED_OUT:
                    fulfilment.sold = without(fulfilment.sold + fulfilment.allocations, facts.returned)
                    fulfilment.allocations = []
            case "hand_over":
                fulfilment.owner = facts.to
        fulfilment.is_voided = fulfilment.is_voided or bool(facts.voids)
        fulfilment.number = max(fulfilment.number, facts.number)
        for deduplication_id in facts.deduplication_ids:
            if deduplication_id not in fulfilment.deduplication_ids:
                insort(fulfilment.deduplication_ids, deduplication_id)
        past = Past(
            entry.content.clock, entry.hash, entry.content.reason, facts.act, facts.to if facts.act == "step" else ""
        )
        insort(fulfilment.history, past)
        if facts.act == "report":
            _trim(fulfilment.history)
        self._watch(order, fulfilment)

    def _park(self, order: Order, entry: Entry, asked: OrderEvent, facts: OrderFacts) -> None:
        node = node_of(entry.stream.writer)
        known = [one for one in order.parked if one.entry == entry.hash]
        settled = known[0].settled if known else []
        order.parked = [one for one in order.parked if one.entry != entry.hash]
        became = known[0].became if known and asked.fulfilment else ""
        clock, scope, why = entry.content.clock, entry.stream.scope, facts.outcome
        deduplication_id = facts.deduplication_ids[0] if facts.deduplication_ids else b""
        parked = Parked(
            asked.number, clock, entry.hash, node, asked, facts.until_ms, settled, scope, why, became, deduplication_id
        )
        insort(order.parked, parked)
        heapq.heappush(self._deadlines, (parked.gives_up_ms, order.name))

    def _note(self, order: Order, entry: Entry, facts: OrderFacts) -> None:
        if facts.settles:
            known = [one for one in order.parked if one.entry == facts.settles]
            parked = known[0] if known else Parked(0, 0, facts.settles, "")
            if not known:
                insort(order.parked, parked)
            is_owners = bool(facts.fulfilment)  # whose word stands, though others gave it up meanwhile
            if (parked.event is None or parked.event.fulfilment) and (is_owners or not any(parked.settled)):
                parked.became = facts.outcome
            if facts.fulfilment not in parked.settled:
                parked.settled.append(facts.fulfilment)
        if facts.act in ("report", "void") and facts.outcome not in ("repeat", COVERED):
            content = entry.content
            report = EventReport(content.clock, entry.hash, facts.fulfilment, content.reason, facts.outcome)
            insort(order.reports, report)
            del order.reports[REPORTS_PER_ORDER_MAX:]

    def _watch(self, order: Order, fulfilment: Fulfilment) -> None:
        if fulfilment.expires_ms and fulfilment.owner == self.node:
            heapq.heappush(self._deadlines, (fulfilment.expires_ms, order.name))

    def _look_again(self, order: Order) -> None:
        """See whether something may be ours to do about an order, or somebody's to look at."""
        if any(one.allocations for one in order.fulfilments.values()):
            self._open[order.name] = None
        else:
            self._open.pop(order.name, None)
        if order.parked:
            if any(one.why for one in order.parked):
                self.with_shortage[order.name] = None
            if order.waiting:
                self._waiting[order.name] = None
                if any(one.owner == self.node for one in order.fulfilments.values()):
                    self._ready[order.name] = None
            else:
                self._waiting.pop(order.name, None)
        if order.reports or len(order.placed) > 1:
            self.with_exceptions[order.name] = None
        if order.to_pass_on(self.node) or order.to_void(self.node):
            self._ready[order.name] = self._duplicated[order.name] = None


def _trim(history: list[Past]) -> None:
    """Keep the earliest reports only, whatever order they were heard of in; the journal has them all."""
    reports = [past for past in history if past.act == "report"]
    for past in reports[REPORTS_PER_ORDER_MAX:]:
        history.remove(past)


def held_differences(ledger: Ledger, orders: Orders) -> list[str]:
    """Where the units held are not those of open fulfilments: empty while the book and the orders agree."""
    expected = orders.held()
    found: dict[tuple[str, str, str], int] = {}
    for location, place in ledger.places.items():
        for item, stock in place.stocks.items():
            for name, units in stock.balances.items():
                if bucket_of(name) == HELD and units:
                    found[location, name, item] = units
    return [
        f"{' '.join(name)}: {found.get(name, 0)} held, {expected.get(name, 0)} in open fulfilments"
        for name in sorted({**found, **expected})
        if found.get(name, 0) != expected.get(name, 0)
    ]
