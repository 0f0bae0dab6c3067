"""Orders: the result of all entries about them.

An order is a set of fulfilments, one for each location and placement. One node owns each fulfilment, and only the owner
decides about it. `effects` says what one entry changes in its order. Here all orders are kept, with indexes of those
that hold units, wait for something or need a look, and with the orders that may have something due (`due`).

The latest orders are objects; all others are packed, which takes a tenth of the memory. Only the write path (`apply`,
`begin`, `take_changes`) decides which: reading changes nothing.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from hashlib import blake2b
from itertools import islice

import msgspec

from replica.core.base.names import HELD, HUBS, account, bucket_of
from replica.core.base.time_order import TimeOrder
from replica.core.ledger.cells import Ledger
from replica.core.log.entry import Entry
from replica.core.orders.due import DueOrders
from replica.core.orders.effects import apply_facts
from replica.core.orders.facts import StepFacts, decode, encode
from replica.core.orders.order import Fulfilment, Order, Parked
from replica.core.orders.promised import KeptPromises

_MODULUS = 1 << 128

_pack = msgspec.msgpack.Encoder().encode
_unpack = msgspec.msgpack.Decoder(Order).decode

LIVE_MAX = 1_024
"""Orders kept as objects between batches: those that entries changed last."""


class Orders:
    """Every order this replica knows, and which of them may have something due. `apply` never refuses."""

    __slots__ = (
        "_changed",
        "_due",
        "_duplicated",
        "_live",
        "_names",
        "_open",
        "_packed",
        "_waiting",
        "location_owners",
        "malformed",
        "node",
        "promises",
        "stuck",
        "with_conflicts",
        "with_duplicates",
        "with_reports",
        "with_shortage",
    )

    def __init__(self, node: str) -> None:
        self.node = node
        self._packed: dict[str, bytes] = {}
        """Every order, as of the last batch; new ones are empty until then."""
        self._names: list[str] = []
        """The names of all orders by their indexes, which begin at 1."""
        self._live: dict[str, Order] = {}
        self._changed: dict[str, None] = {}
        self.location_owners: Mapping[str, str] = {}
        """The node that owns each location, as far as the replica knows now."""
        self._due = DueOrders()
        self._open: dict[str, None] = {}
        """Orders that hold units."""
        self._waiting: TimeOrder[str] = TimeOrder()
        """Orders with events that wait, by the stamp of the earliest."""
        self._duplicated: dict[str, None] = {}
        """Orders that several nodes placed and of which this node has something to undo."""
        self.with_reports: TimeOrder[str] = TimeOrder()
        """Orders with events that changed nothing, by the stamp of the first."""
        self.with_duplicates: TimeOrder[str] = TimeOrder()
        """Orders that were placed more than once with one request, by the stamp of the first placement that lost."""
        self.with_conflicts: TimeOrder[str] = TimeOrder()
        """Orders that were placed with several requests, by the stamp of the first other request."""
        self.with_shortage: TimeOrder[str] = TimeOrder()
        """Orders of which a fulfilment was selected for revocation, by the stamp of the first selection."""
        self.promises = KeptPromises()
        """How the delivery promises of all orders stand."""
        self.stuck: dict[str, None] = {}
        """Orders with something due that cannot be written."""
        self.malformed = 0
        """Entries this version could not read; they are kept, forwarded and skipped."""

    def __len__(self) -> int:
        return len(self._packed)

    def __contains__(self, name: str) -> bool:
        return name in self._packed

    def __iter__(self) -> Iterator[Order]:
        return map(self._read, self._packed)

    def find(self, name: str) -> Order | None:
        """The order of this name, to read it; None where there is none.

        Costs two look-ups (0.4 µs) for one of the latest `LIVE_MAX` orders. Any other order is unpacked at each call,
        because reading keeps nothing: 3 µs for an order of one line, more for a longer history.
        """
        return self._read(name) if name in self._packed else None

    def as_placed(self, entry: Entry) -> Entry:
        """The entry of a placement as it answers now: with the one that won, where two nodes placed the order."""
        facts = decode(entry.content)
        if not isinstance(facts, StepFacts) or not facts.digest:
            return entry
        order = self.find(entry.content.reference)
        won = order.placed_as(facts.digest) if order is not None else None
        if won is None or won.entry == entry.hash:
            return entry
        answered = msgspec.structs.replace(facts, shown=won.shown, state=won.shown[0].state, expires_ms=won.expires_ms)
        return msgspec.structs.replace(entry, content=msgspec.structs.replace(entry.content, facts=encode(answered)))

    def open(self) -> Iterator[Order]:
        """Orders that hold units, in the order in which they came to hold them."""
        return map(self._read, self._open)

    def open_names(self) -> list[str]:
        """Names of the orders that hold units, in the order in which they came to hold them."""
        return list(self._open)

    def look_at(self, names: Iterable[str]) -> list[Order]:
        """The orders of these names, to read them."""
        return [self._read(name) for name in names if name in self._packed]

    def newest(self, limit: int, before: str = "") -> list[str]:
        """Names of at most `limit` orders, those first that this replica came to know last.

        `before`: an order of this replica; only those that it knew before this one. The cost depends on `limit` only.
        """
        end = self._read(before).index - 1 if before else len(self._names)
        return self._names[max(0, end - limit) : end][::-1]

    def has_exceptions(self, name: str) -> bool:
        """Whether a person should look at an order: something about it waits, was reported, selected or doubled."""
        of_interest = (
            self._waiting,
            self.with_reports,
            self.with_shortage,
            self.with_duplicates,
            self.with_conflicts,
            self.stuck,
        )
        return any(name in names for names in of_interest)

    def latest(self, names: TimeOrder[str], limit: int) -> list[Order]:
        """The newest orders of some, the earliest of them first."""
        return self.look_at(names.newest(limit))

    def with_waiting(self, limit: int) -> list[Order]:
        """Orders that have events waiting, those that have them longest first."""
        return self.look_at(self._waiting.earliest(limit))

    def load(self, rows: Iterable[tuple[int, bytes]]) -> None:
        """Take in the checkpoint of an earlier fold: rows as they were handed over, in the order of their indexes."""
        for _, one in rows:
            order = _unpack(one)
            self._packed[order.name] = one
            self._names.append(order.name)
            for fulfilment in order.fulfilments.values():
                self._watch(order, fulfilment)
            if deliveries := order.deliveries:
                self.promises.note(order.name, (), deliveries)
            for parked in order.parked:
                if parked.event is not None and "" not in parked.settled:
                    self._due.watch(order.name, parked.deadline_ms)
            self._index(order)

    def begin(self, orders: Mapping[str, Order]) -> None:
        """Take in orders that are new here, each as its first entry leaves it: `apply`, many at once."""
        for name, order in orders.items():
            order.index = len(self._packed) + 1
            self._packed[name] = b""
            for fulfilment in order.fulfilments.values():
                self._watch(order, fulfilment)
        self._names += orders
        self._live |= orders
        self._changed |= dict.fromkeys(orders)
        self._open |= dict.fromkeys(orders)

    def apply(self, entry: Entry) -> str | None:
        """Fold one entry; return the name of the order it is about, None where this version cannot read it."""
        facts = decode(entry.content)
        if facts is None:
            self.malformed += 1
            return None
        order = self._to_change(entry.content.reference)
        count, before = len(order.fulfilments), order.deliveries
        changed = apply_facts(order, entry, facts)
        after = order.deliveries
        if after != before:
            self.promises.note(order.name, before, after)
        if isinstance(changed, Fulfilment):
            self._watch(order, changed)
        elif isinstance(changed, Parked):
            self._due.watch(order.name, changed.deadline_ms)
        if isinstance(changed, Fulfilment) and len(order.fulfilments) > count:
            for parked in order.parked:
                if parked.waits_for(changed):  # its deadline may have been handed out, by a clock that was ahead
                    self._due.watch(order.name, parked.deadline_ms)
        self._changed[order.name] = None
        self._index(order)
        return order.name

    def due(self, now_ms: int, limit: int) -> list[str]:
        """Names of at most `limit` orders about which something may be due; each is handed out once."""
        return self._due.take(now_ms, limit)

    def take_duplicated(self) -> list[str]:
        """Hand over the orders placed twice of which this node has something to undo, before the batch is taken."""
        duplicated = list(self._duplicated)
        self._duplicated.clear()
        return duplicated

    def remind(self, names: Iterable[str]) -> None:
        """Hand these out again: what was due about them could not be done."""
        self._due.remind(names)

    def remind_of(self, locations: Iterable[str]) -> None:
        """Hand out the orders at some locations that another node owns now.

        Those are orders of which this node holds units there, or parked an event before it knew them, and orders that
        were placed twice.
        """
        wanted = dict.fromkeys(locations)
        for order in map(self._read, self.with_duplicates):
            if any(one.location in wanted for one in order.fulfilments.values()):
                self._due.remind((order.name,))
        for order in map(self._read, self._waiting):
            if any(one.location in wanted for one in order.fulfilments.values()) and self._may_act(order):
                self._due.remind((order.name,))
        for order in self.open():
            for one in order.fulfilments.values():
                if one.location in wanted and one.owner == self.node and one.allocations:
                    self._due.remind((order.name,))

    def settled(self, name: str, now_ms: int) -> None:
        """Nothing more is due about an order for now. A clock set right meanwhile brings deadlines back."""
        self._due.settled(name, now_ms)

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
            total += int.from_bytes(blake2b(_pack(self._plain(name)), digest_size=16).digest())
        return f"{total % _MODULUS:032x}"

    def take_changes(self) -> list[tuple[int, bytes]]:
        """Hand over the orders changed since the last call, packed, by their indexes."""
        live, packed = self._live, self._packed
        changed = []
        for name in self._changed:
            order = live[name]
            state = packed[name] = _pack(order)
            changed.append((order.index, state))
        self._changed.clear()
        for name in list(islice(live, max(0, len(live) - LIVE_MAX))):
            del live[name]
        return changed

    def _read(self, name: str) -> Order:
        """An order to read, which may not be kept."""
        return self._live.get(name) or _unpack(self._packed[name])

    def _to_change(self, name: str) -> Order:
        """An order to change, kept as an object until the batch is taken; a new one where the name is new."""
        order = self._live.get(name)
        if order is None:
            packed = self._packed.get(name)
            order = _unpack(packed) if packed is not None else Order(name, index=len(self._packed) + 1)
            self._live[name] = order
            if packed is None:
                self._packed[name] = b""
                self._names.append(name)
        return order

    def _plain(self, name: str) -> Order:
        """An order written down in one way, whatever the order of arrival of its entries."""
        order = self._read(name)
        fulfilments = dict(sorted(order.fulfilments.items()))
        parked = [msgspec.structs.replace(one, settled=sorted(one.settled)) for one in order.parked]
        return msgspec.structs.replace(order, fulfilments=fulfilments, parked=parked, index=0)

    def _watch(self, order: Order, fulfilment: Fulfilment) -> None:
        if fulfilment.expires_ms and fulfilment.owner == self.node:
            self._due.watch(order.name, fulfilment.expires_ms)

    def _may_act(self, order: Order) -> bool:
        """Whether this node may have something to do about an event that waits: as an owner, or as its parker."""
        is_owner = any(one.owner == self.node for one in order.fulfilments.values())
        return is_owner or any(one.node == self.node and one.scope == HUBS for one in order.waiting)

    def _index(self, order: Order) -> None:
        """Note whether an order holds units, waits, needs a look, or may have something due for this node."""
        if any(one.allocations for one in order.fulfilments.values()):
            self._open[order.name] = None
        else:
            self._open.pop(order.name, None)
        if order.parked:
            selections = [one.clock for one in order.parked if one.why]
            if selections:
                self.with_shortage.put(order.name, min(selections))
            waiting = [one.clock for one in order.waiting]
            if waiting:
                self._waiting.put(order.name, min(waiting))
                if order.fulfilments and self._may_act(order):
                    self._due.remind((order.name,))
            else:
                self._waiting.discard(order.name)
        if order.reports:
            self.with_reports.put(order.name, order.reports[0].clock)
        if len(order.placed) > 1:
            for lost, _ in order.duplicates()[:1]:
                self.with_duplicates.put(order.name, lost.clock)
            for other in order.requests()[1:2]:
                self.with_conflicts.put(order.name, other.clock)
        has_goods = any(one.goods for one in order.parked)
        owners = self.location_owners
        if order.to_begin_again(self.node):
            self._due.remind((order.name,))
        if has_goods or order.to_pass_on(self.node, owners) or order.to_void(self.node, owners):
            self._due.remind((order.name,))
            self._duplicated[order.name] = None


def held_differences(ledger: Ledger, orders: Orders) -> list[str]:
    """Where the units held are not those of open fulfilments: empty while the book and the orders agree."""
    expected = orders.held()
    found: dict[tuple[str, str, str], int] = {}
    for location, at_location in ledger.at_location.items():
        for item, stock in at_location.stocks.items():
            for name, units in stock.balances.items():
                if bucket_of(name) == HELD and units:
                    found[location, name, item] = units
    return [
        f"{' '.join(name)}: {found.get(name, 0)} held, {expected.get(name, 0)} in open fulfilments"
        for name in sorted({**found, **expected})
        if found.get(name, 0) != expected.get(name, 0)
    ]
